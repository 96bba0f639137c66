"""A lane in the cluster that KUBECONFIG names: real Tekton, Argo CD, registry and BuildKit.

What a run takes from its surroundings: ``KUBECONFIG``; on another machine than a node ``ENVID_E2E_REGISTRY``, where the
node's registry is reached from there; ``ENVID_CA_BUNDLE`` for a network that re-signs TLS.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from envid.adapters.kubernetes import Kubernetes, open_cluster
from envid.local.stack import down, up
from tests.support.lanes import ROOT, git
from tests.support.relay import relayed
from tests.support.releases import Release, Say, release
from tests.support.world import REGISTRY, World

WHY_NOT = "KUBECONFIG is not set: the end-to-end tests need a cluster with Tekton Pipelines and Argo CD"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and leave it out, with the reason, where there is no cluster."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if not os.environ.get("KUBECONFIG"):
                item.add_marker(pytest.mark.skip(reason=WHY_NOT))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Kubernetes]:
    """The cluster's API server."""
    with open_cluster() as opened:
        yield opened


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, cluster: Kubernetes) -> Iterator[World]:
    """A source repository with its origin, an empty cluster, and this lane's own images in the cluster's registry."""
    folder = tmp_path_factory.mktemp("e2e")
    state = folder / "stack"
    with ExitStack() as ended:
        host, _, port = REGISTRY.partition(":")
        far, _, far_port = os.environ.get("ENVID_E2E_REGISTRY", "").partition(":")
        if far_port:
            ended.enter_context(relayed((host, int(port)), (far, int(far_port))))
        assert _answers(host, int(port)), f"nothing at {REGISTRY}: run this on a node, or set ENVID_E2E_REGISTRY"
        # the embedded stack lends its BuildKit, and its origin stands in for GitHub
        services = up(state, "pikasTech/agentrun.git", progress=lambda _: None, registry_port=0)
        ended.callback(down, state)
        path = folder / "source"
        git(folder, "clone", "--quiet", "--no-local", str(ROOT), str(path))
        made = World(path=path, cluster=cluster, services=services, stack=state, state=folder / "state")
        made.clear()
        ended.callback(made.clear)
        made.prepare()
        yield made


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Show a figure in the terminal, whatever pytest captures."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


@pytest.fixture(scope="session")
def first(world: World) -> Release:
    """The first release, from an empty cluster."""
    world.apply()
    world.run("git-mirror.sync")
    world.run("catalog.init")
    return release(world)


@pytest.fixture(scope="session")
def second(world: World, first: Release) -> Release:
    """The second release: a change of TypeScript only."""
    assert first.results["status"] == "built"
    main = (world.path / "src/manager/main.ts").read_text()
    world.commit("Change the business source only", {"src/manager/main.ts": main + "\n// a business change\n"})
    return release(world)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False

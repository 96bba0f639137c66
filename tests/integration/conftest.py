"""The embedded stack for the integration tests: real registry, real BuildKit, real git over HTTP, on free ports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envid.adapters.blob_cache import default_cache_dir
from envid.core.base_pin import repin_from
from envid.core.values import ImageReference
from envid.local.stack import down, up
from envid.local.tools import bootstrapped
from envid.usecases.base_image import build_base
from tests.support.lanes import ROOT, LaneRepository, Stack, git

CA_BUNDLE = os.environ.get("ENVID_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE", "")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded services, for the whole session, on free ports and in a folder of their own."""
    state = tmp_path_factory.mktemp("stack")
    services = up(state, "test/template.git", progress=lambda _: None, registry_port=0)
    yield Stack(state, services)
    down(state)


@pytest.fixture(scope="session")
def base_image(stack: Stack) -> ImageReference:
    """The base image of this checkout, in the stack's registry."""
    return build_base(
        repo=ROOT,
        registry=stack.services.registry,
        buildkit_host=stack.services.buildkit_host,
        buildctl=bootstrapped("buildctl"),
        cache_dir=default_cache_dir(),
        progress=lambda _: None,
    )


@pytest.fixture(scope="session")
def make_lane(
    stack: Stack, base_image: ImageReference, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., LaneRepository]:
    """Return a function that makes a lane: this project's own environment, or that of a folder with its manifests."""

    def make(name: str, manifests: Path = ROOT, *, init: bool = True) -> LaneRepository:
        read, write, origin = stack.new_repository(name)
        path = tmp_path_factory.mktemp(name) / "source"
        path.mkdir()
        git(path, "init", "--quiet", "--initial-branch=v0.1")
        for pattern in ("deploy/deploy.json", "deploy/runtime/*.*", "deploy/runtime/boot/*"):
            for source in ROOT.glob(pattern):
                _copy(source, path / source.relative_to(ROOT))
        for file in ("package.json", "bun.lock", "tsconfig.json"):
            if (manifests / file).is_file():
                _copy(manifests / file, path / file)
        if not (path / "tsconfig.json").is_file():
            (path / "tsconfig.json").write_text("{}\n")
        containerfile = repin_from((ROOT / "Containerfile").read_text(), base_image)
        (path / "Containerfile").write_text(containerfile)
        (path / "tasks.py").write_text("from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
        (path / "invoke.yaml").write_text("envid:\n  project: agentrun\n  lane: v0.1\n")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT"))}
        environment |= {
            "ENVID_STATE": str(path.parent / "state"),
            "ENVID_REGISTRY": stack.services.registry,
            "BUILDKIT_HOST": stack.services.buildkit_host,
            "ENVID_MIRROR_READ_URL": read,
            "ENVID_MIRROR_WRITE_URL": write,
            "ENVID_ORIGIN_URL": origin,
            "ENVID_CA_BUNDLE": CA_BUNDLE,
        }
        lane = LaneRepository(path, environment, read, write, origin)
        lane.commit("Adopt the lane", {"src/main.ts": "console.log(1);\n"})
        lane.run("imageref.pin")
        lane.commit("Point imageRef at the Containerfile")
        lane.publish_source()
        if init:
            lane.run("catalog.init")
        return lane

    return make


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)

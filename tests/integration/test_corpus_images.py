"""Env images of public Bun projects: built frozen and production-only from their newest lock, and started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envid.local.tools import bootstrapped
from tests.support.lanes import LaneRepository, Stack, git

pytestmark = pytest.mark.integration

CORPUS = Path(os.environ.get("ENVID_CORPUS", ""))
BUNDLES = sorted(CORPUS.glob("*.bundle")) if os.environ.get("ENVID_CORPUS") else []


@pytest.mark.skipif(not BUNDLES, reason="ENVID_CORPUS names no folder with git bundles of Bun projects")
@pytest.mark.parametrize("bundle", BUNDLES, ids=[path.stem for path in BUNDLES])
def test_the_newest_lock_gives_an_image_that_starts_bun(
    make_lane: Callable[..., LaneRepository], stack: Stack, tmp_path: Path, bundle: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--branch=v0.1", str(bundle), "project")
    lane = make_lane(f"corpus-{bundle.stem.lower()}", tmp_path / "project")
    (service,) = lane.json("publish")["services"]
    assert service["status"] == "built"
    lane.run("promote")

    context = tmp_path / "context"
    context.mkdir()
    (context / "Containerfile").write_text(
        f"FROM {service['repositoryDigest']} AS run\n"
        "USER 0\n"
        "RUN bun --version > /version && ls /opt/agentrun/env/node_modules > /modules\n"
        "FROM scratch\n"
        "COPY --from=run /version /modules /\n"
    )
    out = tmp_path / "out"
    subprocess.run(
        [
            bootstrapped("buildctl"),
            f"--addr={stack.services.buildkit_host}",
            "build",
            "--frontend=dockerfile.v0",
            f"--local=context={context}",
            f"--local=dockerfile={context}",
            "--opt=filename=Containerfile",
            f"--output=type=local,dest={out}",
        ],
        check=True,
        capture_output=True,
    )
    assert (out / "version").read_text().startswith("1.")
    modules = (out / "modules").read_text().split()
    assert modules
    assert "prettier" not in modules  # a development dependency of both

"""A registry and a buildkitd of this folder's own, and the real base image in them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from envid.adapters.blob_cache import default_cache_dir
from envid.adapters.inner_build import InnerBuild
from envid.adapters.process import find_tool
from envid.usecases.base_image import build_base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envid.core.values import ImageReference

REPO = Path(__file__).parents[3]
DEADLINE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the tests build against; ``secrets`` has the machine's CA bundle if it needs one."""

    registry: str
    build: InnerBuild
    cache_dir: Path
    secrets: dict[str, Path]


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    assert isinstance(port, int)
    return port


@pytest.fixture(scope="session")
def package_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("packages")
    registry = f"127.0.0.1:{_free_port()}"
    # a unix socket's path has a length limit that pytest's folders may exceed
    address = f"tcp://127.0.0.1:{_free_port()}"
    (root / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}/registry}}}}\n"
        f'http: {{addr: "{registry}"}}\nlog: {{level: error}}\n'
    )
    (root / "buildkitd.toml").write_text(f'[registry."{registry}"]\n  http = true\n')
    buildkitd = find_tool("buildkitd")
    commands = (
        [find_tool("docker-registry"), "serve", str(root / "registry.yml")],
        [buildkitd, "--config", str(root / "buildkitd.toml"), "--root", str(root / "buildkit"), "--addr", address,
         "--oci-worker-net=host", "--containerd-worker=false"],
    )  # fmt: skip
    with (root / "log").open("wb") as log:
        # buildkitd leaves its mount points in TMPDIR
        environment = os.environ | {"TMPDIR": str(root)}
        servers = [subprocess.Popen(command, env=environment, stdout=log, stderr=log) for command in commands]
        try:
            build = InnerBuild(buildctl=find_tool("buildctl"), host=address)
            _await(lambda: httpx.get(f"http://{registry}/v2/").status_code == 200, root)
            _await(
                lambda: (
                    subprocess.run(
                        [build.buildctl, "--addr", address, "debug", "workers"], capture_output=True, check=False
                    ).returncode
                    == 0
                ),
                root,
            )
            bundle = os.environ.get("SSL_CERT_FILE", "")
            secrets = {"ca": Path(bundle)} if bundle else {}
            yield Stack(registry=registry, build=build, cache_dir=default_cache_dir(), secrets=secrets)
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()
    # its snapshots are large, and pytest keeps the folders of three runs
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def base_image(package_stack: Stack) -> ImageReference:
    return build_base(
        repo=REPO,
        registry=package_stack.registry,
        buildkit_host=package_stack.build.host,
        buildctl=package_stack.build.buildctl,
        cache_dir=package_stack.cache_dir,
        progress=lambda _: None,
    )


def _await(ready: Callable[[], bool], root: Path) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the servers did not start: {(root / 'log').read_text(errors='replace')[-2000:]}")

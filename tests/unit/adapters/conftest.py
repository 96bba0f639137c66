"""Fixtures of the adapters' tests: a registry that misbehaves, and a client of it that never really waits."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from envid.adapters.registry import Registry
from envid.adapters.registry.docker_config import DockerConfig
from tests.support.fault_registry import FaultRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[FaultRegistry]:
    with FaultRegistry() as running:
        yield running


@dataclass
class Clients:
    """Makes clients whose pauses are recorded instead of slept."""

    stack: contextlib.ExitStack
    pauses: list[float] = field(default_factory=list)

    def __call__(self, **options: Any) -> Registry:
        defaults: dict[str, Any] = {
            "docker_config": DockerConfig(),
            "sleep": self.pauses.append,
            "rng": lambda: 0.5,
        }
        return self.stack.enter_context(Registry(**{**defaults, **options}))


@pytest.fixture
def client(server: FaultRegistry, no_proxy: None) -> Iterator[Callable[..., Registry]]:  # noqa: ARG001 - it ends after its clients
    with contextlib.ExitStack() as stack:
        yield Clients(stack)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the test's certificate")
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry.test"
    names = ["-addext", "subjectAltName=DNS:registry.test"]
    files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(["openssl", *request.split(), *names, *files], check=True, capture_output=True)
    return path

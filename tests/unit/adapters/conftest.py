"""Fixtures of the adapters' tests: a registry that misbehaves, and a client of it that never really waits."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from envid.adapters.registry import DockerConfig, Registry
from tests.support.fault_registry import FaultRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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

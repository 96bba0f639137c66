from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore
import pytest

from envid.adapters.registry.network import BoundedBackend, Deadline, deadline_scope


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Wire(httpcore.NetworkBackend, httpcore.NetworkStream):
    """A backend and its stream: notes what each operation may take, and fails to connect to ``dead`` addresses."""

    def __init__(self, *dead: str) -> None:
        self.allowed: list[tuple[str, float | None]] = []
        self._dead = dead

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the port names it
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        self.allowed.append((host, timeout))
        if host in self._dead:
            raise httpcore.ConnectTimeout(f"{host}:{port}")
        return self

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.allowed.append(("read", timeout))
        return b"x"[:max_bytes]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self.allowed.append(("write", timeout))


def test_every_operation_gets_what_is_left_of_the_whole_call() -> None:
    clock, wire = Clock(), Wire()
    with deadline_scope(Deadline(10, clock)):
        stream = BoundedBackend(lambda _host, _port: [], wire).connect_tcp("192.0.2.1", 1, timeout=30)
        clock.now = 4
        stream.write(b"x", timeout=30)
        clock.now = 9
        stream.read(1, timeout=30)
        stream.read(1, timeout=0.5)
        clock.now = 10
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1, timeout=30)
    assert wire.allowed == [("192.0.2.1", 10), ("write", 6), ("read", 1), ("read", 0.5)]


def test_no_address_of_a_host_uses_up_the_time_of_the_others() -> None:
    wire = Wire("192.0.2.1", "192.0.2.2")
    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    with deadline_scope(Deadline(9, Clock())):
        BoundedBackend(lambda _host, _port: addresses, wire).connect_tcp("registry.test", 1)
    assert wire.allowed == [("192.0.2.1", 3), ("192.0.2.2", 4.5), ("192.0.2.3", 9)]

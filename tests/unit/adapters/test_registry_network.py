from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from envid.adapters.registry.network import BoundedSocket, Deadline, connect


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_every_operation_gets_what_is_left_of_the_whole_call(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    clock = Clock()
    bounded = BoundedSocket(here, Deadline(10, clock))
    clock.now = 4
    bounded.sendall(b"x")
    assert here.gettimeout() == 6
    there.sendall(b"yz")
    clock.now = 9
    with bounded.makefile("rb") as stream:
        assert stream.read(1) == b"y"
        assert here.gettimeout() == 1
    clock.now = 10
    with pytest.raises(TimeoutError):
        bounded.sendall(b"x")
    with bounded.makefile("rb") as stream, pytest.raises(TimeoutError):
        stream.read(1)


def test_no_address_of_a_host_uses_up_the_time_of_the_others(pair: tuple[socket.socket, socket.socket]) -> None:
    allowed: list[tuple[str, float]] = []

    def dial(address: tuple[str, int], seconds: float) -> socket.socket:
        allowed.append((address[0], seconds))
        if address[0] != "192.0.2.3":
            raise TimeoutError
        return pair[0]

    addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    connect("registry.test", 1, Deadline(9, Clock()), resolve=lambda _host, _port: addresses, dial=dial)
    assert allowed == [("192.0.2.1", 3), ("192.0.2.2", 4.5), ("192.0.2.3", 9)]


def test_a_connection_stays_open_for_what_still_reads_from_it(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    bounded = BoundedSocket(here, Deadline(10, Clock()))
    stream = bounded.makefile("rb")
    bounded.close()
    there.sendall(b"x")
    assert stream.read(1) == b"x"
    stream.close()
    assert here.fileno() == -1


def test_an_idle_connection_is_stale_when_the_peer_closed_it_or_sent_what_nothing_asked_for(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    bounded = BoundedSocket(here, Deadline(10, Clock()))
    assert not bounded.is_stale()
    there.sendall(b"HTTP/1.1 200 OK")
    assert bounded.is_stale()
    there.close()
    assert bounded.is_stale()

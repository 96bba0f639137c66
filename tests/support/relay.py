"""Passes TCP connections on, so that a name of the cluster's node is a name here too."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["relayed"]


@contextmanager
def relayed(listen: tuple[str, int], target: tuple[str, int]) -> Iterator[None]:
    """Pass what comes in at ``listen`` on to ``target``, until the end of the block."""
    with socket.create_server(listen) as server:
        accepting = threading.Thread(target=_accept, args=(server, target), daemon=True)
        accepting.start()
        yield
        # a thread that waits in accept does not see the socket close
        server.shutdown(socket.SHUT_RDWR)
        accepting.join(timeout=5)


def _accept(server: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(target, timeout=10)
        except OSError:
            near.close()
            continue
        far.settimeout(None)
        threading.Thread(target=_join, args=(near, far), daemon=True).start()


def _join(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes both ways, and close both ends when both are done."""
    with near, far:
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

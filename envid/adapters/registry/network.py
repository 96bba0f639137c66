"""Sockets that know when the call must end.

A time limit on each read lets a peer that sends one byte now and then hold a call for ever. Here every connect, TLS
handshake, read and write gets at most what is left of the whole call's time, in every phase.
"""

from __future__ import annotations

import contextlib
import io
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BoundedSocket", "Deadline", "connect", "resolve_name"]


class Deadline:
    """The moment at which a call must have ended, ``seconds`` after it began."""

    __slots__ = ("_clock", "_end", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left; 0 or less when it has passed."""
        return self._end - self._clock()

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: there are none.

        """
        seconds = self.remaining()
        if seconds <= 0:
            raise TimeoutError("the call's deadline has passed")
        return seconds


class BoundedSocket:
    """A connection whose every operation ends by ``deadline``, which is set anew for each call that uses it.

    It has what ``http.client`` needs of a socket. As a socket's, its connection stays open until what was made of it
    by ``makefile`` is closed too.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self.deadline = deadline
        self._connection = connection
        self._readers = 0
        self._closed = False

    def start_tls(self, context: ssl.SSLContext, hostname: str) -> None:
        """Turn TLS on, and verify that ``hostname`` is there."""
        self._connection.settimeout(self.deadline.left())
        self._connection = context.wrap_socket(self._connection, server_hostname=hostname)

    def sendall(self, data: Any) -> None:
        """Send all of ``data``."""
        self._connection.settimeout(self.deadline.left())
        self._connection.sendall(data)

    def receive(self, buffer: memoryview) -> int:
        """Read into ``buffer`` and return how many bytes; 0 at the end."""
        self._connection.settimeout(self.deadline.left())
        return self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a stream of what is read."""
        self._readers += 1
        return io.BufferedReader(_Reader(self))

    def is_stale(self) -> bool:
        """Tell whether an idle connection can't be used again: closed by the peer, or with an answer to nothing."""
        self._connection.settimeout(0)
        try:
            self._connection.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close the connection, once nothing reads from it any more."""
        self._closed = True
        self._close_unused()

    def reader_closed(self) -> None:
        """Note that a stream of ``makefile`` was closed."""
        self._readers -= 1
        self._close_unused()

    def _close_unused(self) -> None:
        if self._closed and not self._readers:
            self._connection.close()


class _Reader(io.RawIOBase):
    def __init__(self, source: BoundedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._source.reader_closed()


def connect(
    host: str,
    port: int,
    deadline: Deadline,
    *,
    resolve: Callable[[str, int], list[str]],
    dial: Callable[[tuple[str, int], float], socket.socket] | None = None,
) -> BoundedSocket:
    """Connect to the first address of ``host`` that answers; each gets an equal share of the time left.

    Raises:
        OSError: none does, or the name has none.

    """
    addresses = _addresses(host, port, deadline, resolve)
    failure = OSError(f"{host} has no address")
    for index, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - index)
        try:
            connection = (dial or _dial)((address, port), share)
        except OSError as error:
            failure = error
        else:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return BoundedSocket(connection, deadline)
    raise failure


def _dial(address: tuple[str, int], seconds: float) -> socket.socket:
    host, port = address
    # as bytes: for text, Python first loads the codec of international names, which a numeric address has no use for
    return socket.create_connection((host.encode("ascii"), port), seconds)  # type: ignore[arg-type]


def _addresses(host: str, port: int, deadline: Deadline, resolve: Callable[[str, int], list[str]]) -> list[str]:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return [host]
    import queue  # noqa: PLC0415 - an address needs none

    # A resolver can't be interrupted, so it gets a thread that may be left behind.
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError(f"the name {host} did not resolve in time") from None
    if isinstance(answer, OSError):
        raise OSError(f"the name {host} does not resolve: {answer.strerror or answer}") from answer
    return answer


def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` in the system's order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

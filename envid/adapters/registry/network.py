"""Sockets that know when the call must end.

httpx and httpcore bound each read, so a peer that sends one byte now and then holds a call for ever. Here every
connect, TLS handshake, read and write gets at most what is left of the whole call's time, in every phase.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["BoundedBackend", "Deadline", "deadline_scope", "resolve_name"]


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


_current: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)


@contextlib.contextmanager
def deadline_scope(deadline: Deadline) -> Iterator[None]:
    """Bound all network work of this thread by ``deadline``."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def _within(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    deadline = _current.get()
    if deadline is None:
        return timeout
    left = deadline.remaining()
    if left <= 0:
        raise error("the call's deadline has passed")
    return left if timeout is None else min(left, timeout)


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every operation ends by the call's deadline."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = _within(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class BoundedBackend(httpcore.NetworkBackend):
    """Connects through ``inner``, never past the call's deadline; ``resolve`` turns name and port into addresses."""

    def __init__(self, resolve: Callable[[str, int], list[str]], inner: httpcore.NetworkBackend | None = None) -> None:
        self._inner = httpcore.SyncBackend() if inner is None else inner
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers; each gets an equal share of the time left."""
        addresses = self._addresses(host, port, _within(timeout, httpcore.ConnectTimeout))
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for index, address in enumerate(addresses):
            left = _within(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / (len(addresses) - index)
            try:
                stream = self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream)
        raise failure

    def _addresses(self, host: str, port: int, seconds: float | None) -> list[str]:
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(host)
            return [host]
        # A resolver can't be interrupted, so it gets a thread that may be left behind.
        answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error if isinstance(error, OSError) else OSError(str(error)))

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            raise httpcore.ConnectTimeout(f"the name {host} did not resolve in time") from None
        if isinstance(answer, OSError):
            raise httpcore.ConnectError(f"the name {host} does not resolve: {answer.strerror or answer}") from answer
        return answer


def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` in the system's order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

"""Sends one HTTP/1.1 request at a time, with keep-alive, deadlines, lazy TLS, and the environment's proxy.

It stands on the standard library's ``http.client``: importing httpx takes longer than all else that a plan does with a
registry, and of what httpx offers beyond (cookies, redirects, ``.netrc``, HTTP/2) this client may use nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Final, NamedTuple

from envid.adapters.registry.network import connect, resolve_name
from envid.adapters.registry.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from envid.adapters.registry.network import BoundedSocket, Deadline

__all__ = [
    "BoundedTransport",
    "ConnectionFailed",
    "Headers",
    "NotHttp",
    "ProxyUnusable",
    "Response",
    "Timeout",
    "TransportError",
    "is_loopback",
    "proxy_for",
]

_CHUNK: Final = 64 * 1024
_FIRST_FINAL: Final = 200
_MAX_IDLE: Final = 8


class TransportError(Exception):
    """There is no usable answer. What the operating system or TLS said is its ``__cause__``."""


class Timeout(TransportError):  # noqa: N818 - as the package's other errors
    """The deadline passed."""


class ConnectionFailed(TransportError):  # noqa: N818 - as the package's other errors
    """No connection could be made or kept."""


class NotHttp(TransportError):  # noqa: N818 - as the package's other errors
    """What came is no HTTP, or was cut short."""


class ProxyUnusable(TransportError):  # noqa: N818 - as the package's other errors
    """The proxy that the environment names can't be used, or refuses."""


class Headers(dict[str, str]):
    """An answer's headers by lower-case name; one that came more than once is joined, as RFC 9110 says."""

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, value in items:
            self._lists.setdefault(name.lower(), []).append(value)
        super().__init__({name: ", ".join(values) for name, values in self._lists.items()})

    def get_list(self, name: str) -> list[str]:
        """Return each value of a header that may come more than once."""
        return self._lists.get(name, [])


class Response(NamedTuple):
    """An answer with its whole body, or its beginning where the body is larger than was asked for."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"Response(status={self.status}, {len(self.body)} bytes)"


class BoundedTransport:
    """HTTP/1.1 with keep-alive, in which nothing outlasts the deadline of the call. May be used from several threads.

    ``ca_bundle`` is a file of certificates to trust in place of the system's (``SSL_CERT_FILE`` works too).
    ``resolve`` turns a host name and port into addresses.
    """

    def __init__(
        self, *, ca_bundle: Path | None = None, resolve: Callable[[str, int], list[str]] = resolve_name
    ) -> None:
        self._resolve = resolve
        self._ca_bundle = ca_bundle
        self._context: ssl.SSLContext | None = None
        self._idle: dict[tuple[object, ...], list[_Connection]] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        deadline: Deadline,
        *,
        content: bytes = b"",
        limit: Callable[[int], int],
    ) -> Response:
        """Send a request and read the answer; ``limit`` says how many bytes of a status's body are wanted.

        Where the body is larger, a little more than that is returned, and the connection is given up.

        Raises:
            TransportError: there is no usable answer.

        """
        if url.scheme not in {"http", "https"}:
            raise ConnectionFailed(f"{url.scheme} is not spoken")
        proxy = _proxy(proxy_for(url))
        key = (*url.origin, proxy)
        connection = self._take(key, deadline) or _Connection(url, proxy, self._open)
        connection.deadline = deadline
        try:
            response = connection.exchange(method, url, headers, content, limit)
        except BaseException as error:
            connection.close()
            if isinstance(error, TransportError) or (failure := _translated(error)) is None:
                raise
            raise failure from error
        self._give(key, connection)
        return response

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connections in self._idle.values():
                for connection in connections:
                    connection.close()
            self._idle.clear()

    def _take(self, key: tuple[object, ...], deadline: Deadline) -> _Connection | None:
        while True:
            with self._lock:
                waiting = self._idle.get(key)
                connection = waiting.pop() if waiting else None
            if connection is None or connection.is_ready(deadline):
                return connection
            connection.close()

    def _give(self, key: tuple[object, ...], connection: _Connection) -> None:
        with self._lock:
            waiting = self._idle.setdefault(key, [])
            if connection.sock is not None and len(waiting) < _MAX_IDLE:
                waiting.append(connection)
                return
        connection.close()

    def _open(self, url: Url, proxy: Url | None, deadline: Deadline, tunnel: Callable[[BoundedSocket], None]) -> None:
        place = url if proxy is None else proxy
        _, host, port = place.origin
        assert port is not None  # noqa: S101 - only http and https get here
        connection = connect(host, port, deadline, resolve=self._resolve)
        try:
            if proxy is not None and proxy.scheme == "https":
                connection.start_tls(self._tls(), proxy.host)
            tunnel(connection)
            if url.scheme == "https":
                connection.start_tls(self._tls(), url.host)
        except BaseException:
            connection.close()
            raise

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                # made when first needed: reading the certificates costs more than a plan's requests on loopback
                self._context = ssl.create_default_context(cafile=self._ca_bundle)
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context


class _Connection(http.client.HTTPConnection):
    """One connection to one origin, through a proxy or not."""

    sock: BoundedSocket | None  # what http.client uses of a socket, it has

    def __init__(
        self,
        url: Url,
        proxy: Url | None,
        opener: Callable[[Url, Url | None, Deadline, Callable[[BoundedSocket], None]], None],
    ) -> None:
        super().__init__(url.host, url.origin[2])
        self.deadline: Deadline | None = None
        self._url = url
        self._proxy = proxy
        self._opener = opener
        if proxy is not None and url.scheme == "https":
            self.set_tunnel(url.host, url.origin[2], _proxy_login(proxy))

    def connect(self) -> None:
        """Connect; called by the first request."""
        assert self.deadline is not None  # noqa: S101 - set before every request
        self._opener(self._url, self._proxy, self.deadline, self._through)

    def _through(self, connection: BoundedSocket) -> None:
        self.sock = connection
        if self._proxy is None or self._url.scheme != "https":
            return
        try:
            self._tunnel()  # type: ignore[attr-defined]  # what HTTPSConnection calls, on our own socket
        except OSError as error:
            if str(error).startswith("Tunnel connection failed"):
                raise ProxyUnusable(str(error)) from None
            raise

    def is_ready(self, deadline: Deadline) -> bool:
        """Tell whether this idle connection can take a request of a call that ends by ``deadline``."""
        if self.sock is None or self.sock.is_stale():
            return False
        self.sock.deadline = deadline
        return True

    def exchange(
        self, method: str, url: Url, headers: Mapping[str, str], content: bytes, limit: Callable[[int], int]
    ) -> Response:
        """Send one request and read its answer."""
        plain_proxy = self._proxy is not None and url.scheme == "http"
        target = f"http://{url.netloc}{url.target}" if plain_proxy else url.target
        self.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        own = {"host": url.netloc, **(_proxy_login(self._proxy) if plain_proxy and self._proxy else {})}
        if content or method == "POST":
            own["content-length"] = str(len(content))
        for name, value in (own | dict(headers)).items():
            self.putheader(name, value)
        self.endheaders(content or None)
        with self.getresponse() as answer:
            if answer.status < _FIRST_FINAL:
                # its final answer would be taken for the next request's
                raise NotHttp(f"the interim answer {answer.status}, which nothing asked for")
            wanted = limit(answer.status)
            body = _read(answer, wanted)
            if len(body) > wanted:
                self.close()
            return Response(answer.status, Headers(answer.getheaders()), body)


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    """Read the body up to a little over ``limit``; an unread rest costs the connection, and nothing else."""
    parts: list[bytes] = []
    size = 0
    while size <= limit and (part := answer.read(_CHUNK)):
        parts.append(part)
        size += len(part)
    # http.client says nothing where a body of a known length ends early
    if size <= limit and answer.length:
        raise NotHttp(f"the body ends {answer.length} bytes early")
    return b"".join(parts)


def _translated(error: BaseException) -> TransportError | None:
    match error:
        case TimeoutError():
            return Timeout(str(error))
        # a peer that hangs up without an answer is both
        case http.client.HTTPException():
            return NotHttp(str(error) or type(error).__name__)
        case OSError() | UnicodeError():
            return ConnectionFailed(str(error) or type(error).__name__)
    return None


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` (no port, no brackets) is this machine by its very spelling."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: Url) -> str | None:
    """Return the proxy that the environment names for ``url``; None for loopback and what ``NO_PROXY`` excepts."""
    if is_loopback(url.host):
        return None
    # two milliseconds that an embedded registry, or a cluster's own, need not cost
    from urllib.request import (  # type: ignore[attr-defined]  # noqa: PLC0415 - typeshed leaves the second out
        getproxies_environment,
        proxy_bypass_environment,
    )

    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass_environment(url.netloc, proxies) or _in_networks(url.host, proxies):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_networks(host: str, proxies: dict[str, str]) -> bool:
    """Tell whether ``NO_PROXY`` has a network (``10.0.0.0/8``) that holds ``host``: urllib reads none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for item in proxies.get("no", "").split(","):
        try:
            if "/" in item and address in ipaddress.ip_network(item.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


def _proxy(text: str | None) -> Url | None:
    if text is None:
        return None
    try:
        url = Url.parse(text)
    except ValueError:
        raise ProxyUnusable("the environment's proxy is not a URL") from None
    if url.scheme not in {"http", "https"}:
        raise ProxyUnusable(f"the environment's proxy is of kind {url.scheme!r}; only http and https proxies are used")
    return url


def _proxy_login(proxy: Url) -> dict[str, str]:
    if proxy.login is None:
        return {}
    return {"Proxy-Authorization": f"Basic {b64encode(':'.join(proxy.login).encode()).decode()}"}

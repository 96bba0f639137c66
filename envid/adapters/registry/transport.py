"""The httpx transport that the registry client uses by default: deadlines, lazy TLS, and the environment's proxy."""

from __future__ import annotations

import ipaddress
import threading
from typing import TYPE_CHECKING, Final, cast
from urllib.request import (  # type: ignore[attr-defined]  # typeshed leaves the second out
    getproxies_environment,
    proxy_bypass_environment,
)

import httpcore
import httpx

from envid.adapters.registry.network import BoundedBackend, resolve_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["BoundedTransport", "is_loopback", "proxy_for"]

_SAME_NAME: Final = (
    "ConnectTimeout",
    "ReadTimeout",
    "WriteTimeout",
    "PoolTimeout",
    "ConnectError",
    "ReadError",
    "WriteError",
    "ProxyError",
    "UnsupportedProtocol",
    "LocalProtocolError",
    "RemoteProtocolError",
)
_FOREIGN: Final = {getattr(httpcore, name): getattr(httpx, name) for name in _SAME_NAME}


class BoundedTransport(httpx.BaseTransport):
    """HTTP/1.1 with keep-alive, in which nothing outlasts the deadline of the call (see ``network.py``).

    ``ca_bundle`` is a file of certificates to trust in place of the system's (``SSL_CERT_FILE`` works too).
    ``resolve`` turns a host name and port into addresses.
    """

    def __init__(
        self, *, ca_bundle: Path | None = None, resolve: Callable[[str, int], list[str]] = resolve_name
    ) -> None:
        self._backend = BoundedBackend(resolve)
        self._ca_bundle = ca_bundle
        self._pools: dict[tuple[bool, str | None], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; errors are httpx's."""
        url = request.url
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.read(),
            extensions=request.extensions,
        )
        try:
            answer = self._pool(url).handle_request(core_request)
        except tuple(_FOREIGN) as error:
            raise _translated(error) from error
        body = _Body(cast("Iterable[bytes]", answer.stream))  # the sync pool's streams are sync
        return httpx.Response(answer.status, headers=answer.headers, stream=body)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = proxy_for(url)
        key = (url.scheme == "https", proxy)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._new_pool(tls=key[0], proxy=proxy)
            return self._pools[key]

    def _new_pool(self, *, tls: bool, proxy: str | None) -> httpcore.ConnectionPool:
        context = None
        if tls:
            import ssl  # noqa: PLC0415 - with its certificates it costs more than a plan's requests on loopback

            context = ssl.create_default_context(cafile=self._ca_bundle)
        return httpcore.ConnectionPool(
            ssl_context=context, proxy=_proxy(proxy), keepalive_expiry=30.0, network_backend=self._backend
        )


class _Body(httpx.SyncByteStream):
    def __init__(self, inner: Iterable[bytes]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._inner
        except tuple(_FOREIGN) as error:
            raise _translated(error) from error

    def close(self) -> None:
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()


def _translated(error: Exception) -> httpx.TransportError:
    kind = next(theirs for ours, theirs in _FOREIGN.items() if isinstance(error, ours))
    translated: httpx.TransportError = kind(str(error))
    return translated


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` (no port, no brackets) is this machine by its very spelling."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for ``url``; None for loopback and what ``NO_PROXY`` excepts."""
    if is_loopback(url.host):
        return None
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass_environment(url.netloc.decode("ascii"), proxies) or _in_networks(url.host, proxies):
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


def _proxy(text: str | None) -> httpcore.Proxy | None:
    if text is None:
        return None
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise httpx.ProxyError("the environment's proxy is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise httpx.ProxyError(
            f"the environment's proxy is of kind {url.scheme!r}; only http and https proxies are used"
        )
    auth = (url.username, url.password) if url.username else None
    return httpcore.Proxy(str(url.copy_with(userinfo=b"")), auth=auth)

"""One HTTP exchange made dependable: bounded retries, a size limit, one deadline, errors that say what was asked."""

from __future__ import annotations

import shlex
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from envid.adapters.registry.errors import RegistryBroken, RegistryTimeout, RegistryUnreachable
from envid.adapters.registry.headers import one_line, parse_faults, parse_retry_after
from envid.adapters.registry.transport import NotHttp, ProxyUnusable, Timeout, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.adapters.registry.headers import RegistryFault
    from envid.adapters.registry.network import Deadline
    from envid.adapters.registry.transport import BoundedTransport, Headers
    from envid.adapters.registry.url import Url
    from envid.errors import RegistryError

__all__ = ["MAX_MANIFEST_BYTES", "RETRIED", "Answer", "Exchange", "shell_url"]

MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
"""Largest manifest that is read, in bytes; the distribution specification's own bound."""
_MAX_ERROR_BYTES: Final = 64 * 1024
RETRIED: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses that may pass; 501 is not one of them: it is how some servers say that they know no HEAD."""
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 4.0


def shell_url(url: Url) -> str:
    """Return ``url`` as a message shows it, quoted so that it can be pasted into a shell."""
    return shlex.quote(url.shown)


class Answer(NamedTuple):
    """What came back: the request it answers, status, headers, and the body (of an error: its beginning).

    ``tries`` is how often it was asked for.
    """

    method: str
    url: Url
    status: int
    headers: Headers
    body: bytes
    tries: int = 1

    def __repr__(self) -> str:
        return f"Answer({self.method} {self.url.shown}, status={self.status}, {len(self.body)} bytes)"

    @property
    def faults(self) -> tuple[RegistryFault, ...]:
        """The registry's own error codes."""
        return parse_faults(self.body)

    @property
    def retry_after(self) -> str:
        """How long the registry asks to wait, for a message: seconds or a date; empty when it does not say."""
        value = one_line(self.headers.get("retry-after"))
        return f"{value} s" if value.isdecimal() else value

    @property
    def origin(self) -> str:
        """Scheme, host and port of the request, for a message."""
        return f"{self.url.scheme}://{self.url.netloc}"

    def __str__(self) -> str:
        faults = "; ".join(map(str, self.faults[:3]))
        reason = _REASONS.get(self.status, "")
        return f"{self.method} {self.url.shown} answered {self.status} {reason}".rstrip() + (
            f" ({faults})" if faults else ""
        )


class Exchange:
    """Sends requests through ``transport``, again where a fault may pass, until ``attempts`` or the deadline end.

    ``sleep`` waits seconds, ``rng`` returns a number in [0, 1), ``wall`` is seconds since the epoch.
    """

    def __init__(
        self,
        transport: BoundedTransport,
        *,
        sleep: Callable[[float], None],
        rng: Callable[[], float],
        wall: Callable[[], float],
        attempts: int,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._rng = rng
        self._wall = wall
        self._attempts = attempts

    def send(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        deadline: Deadline,
        *,
        content: bytes = b"",
        limit: int = MAX_MANIFEST_BYTES,
    ) -> Answer:
        """Return the answer, whatever its status; ``limit`` bounds a success's body, in bytes.

        Raises:
            RegistryUnreachable, RegistryTimeout: there is none.
            RegistryBroken: it is no HTTP, or is larger than ``limit``.

        """
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._attempts
            try:
                answer = self._once(method, url, headers, deadline, content, limit)
            except TransportError as error:
                failure = _failure(error, method, url, deadline, attempt)
                if last or not _may_pass(error) or not self._pause(deadline, attempt, None):
                    raise failure from error
                continue
            asked = parse_retry_after(
                answer.headers.get("retry-after"), server_date=answer.headers.get("date"), now=self._wall()
            )
            if answer.status not in RETRIED or last or not self._pause(deadline, attempt, asked):
                return answer._replace(tries=attempt)

    def _once(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        deadline: Deadline,
        content: bytes,
        limit: int,
    ) -> Answer:
        # The transport has no cookies, no redirects and no .netrc.
        response = self._transport.send(
            method,
            url,
            headers,
            deadline,
            content=content,
            limit=lambda status: limit if status < HTTPStatus.BAD_REQUEST else _MAX_ERROR_BYTES,
        )
        if len(response.body) > limit and response.status < HTTPStatus.BAD_REQUEST:
            raise RegistryBroken(
                f"{method} {url.shown} answered more than {limit} bytes",
                cause="no manifest or token is that large; perhaps something else listens there",
                remedy=f"curl -I {shell_url(url)}",
                code="registry-oversized",
            )
        return Answer(method, url, response.status, response.headers, response.body)

    def _pause(self, deadline: Deadline, attempt: int, asked: float | None) -> bool:
        """Wait before the next attempt; False, without waiting, when the deadline would not leave time for it."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1)) * (0.5 + self._rng() / 2)
        if asked is not None:
            pause = asked + pause / 2  # jitter here too: everyone who was refused was told the same moment
        if pause >= deadline.remaining():
            return False
        self._sleep(pause)
        return True


def _may_pass(error: TransportError) -> bool:
    return _tls_error(error) is None and not isinstance(error, ProxyUnusable)


def _failure(error: TransportError, method: str, url: Url, deadline: Deadline, attempt: int) -> RegistryError:
    what = f"{method} {url.shown}"
    tried = f" (tried {attempt} times)" if attempt > 1 else ""
    if isinstance(error, Timeout):
        return RegistryTimeout(
            f"{what}: no complete answer within {deadline.seconds:g} s{tried}",
            cause="the registry hangs or is very slow, or the network drops packets",
            remedy=f"curl -v --max-time 30 {shell_url(url)}",
        )
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return RegistryUnreachable(
            f"{what}: the certificate does not verify: {one_line(tls.verify_message or str(tls))}",
            cause="its certificate is for another name, or from an authority that this machine does not trust",
            remedy="set SSL_CERT_FILE to a file with the authority's certificate; verification is never switched off",
            code="registry-tls",
        )
    if tls is not None:
        return RegistryUnreachable(
            f"{what}: no TLS connection: {one_line(tls.reason or str(tls))}",
            cause="the registry may speak plain HTTP, which is used only for loopback and for hosts named as insecure",
            remedy=f"curl -v {shell_url(url)}",
            code="registry-tls",
        )
    if isinstance(error, NotHttp):
        return RegistryBroken(
            f"{what}: the answer is cut short or is not HTTP: {one_line(str(error))}{tried}",
            cause="the connection was cut in the middle of an answer, or something else listens there",
            remedy=f"curl -v {shell_url(url)}",
            code="registry-protocol",
        )
    return RegistryUnreachable(
        f"{what}: no connection: {one_line(str(error)) or type(error).__name__}{tried}",
        cause="the registry is down, or its name, its port or the proxy is wrong",
        remedy=f"curl -v {shell_url(url)}; for the embedded registry: invoke local.up",
    )


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    cause: BaseException | None = error
    while cause is not None:
        # A connection that is cut while TLS is on is a fault of the network, not of trust.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None

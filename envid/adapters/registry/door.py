"""Asks one registry about one repository: where it is, with which login, and how far a redirect is followed (R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from envid.adapters.registry.authorization import same_origin
from envid.adapters.registry.errors import RegistryBroken
from envid.adapters.registry.exchange import shown_url
from envid.adapters.registry.headers import one_line
from envid.adapters.registry.transport import is_loopback
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envid.adapters.registry.authorization import Authorization
    from envid.adapters.registry.exchange import Answer, Exchange
    from envid.adapters.registry.network import Deadline
    from envid.core.values import ImageReference

__all__ = ["Door", "Places"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 4
_MAX_PORT: Final = 65535


class Places:
    """Where registries are: which hosts speak plain HTTP, and which serve their API below a path.

    ``insecure_hosts`` are spelled as in references, with the port; loopback always counts. ``path_prefixes`` maps a
    host to the path in front of ``/v2/``, which no image reference can express.
    """

    def __init__(self, insecure_hosts: frozenset[str], path_prefixes: Mapping[str, str]) -> None:
        self._insecure = frozenset(host.lower() for host in insecure_hosts)
        self._prefixes = {host.lower(): prefix.strip("/") for host, prefix in path_prefixes.items()}

    def url(self, reference: ImageReference, kind: str, selector: str) -> httpx.URL:
        """Return the URL of ``kind`` (``manifests`` or ``blobs``) and ``selector`` (a tag or digest).

        Raises:
            InputError: the reference's host is not one.

        """
        prefix = self._prefixes.get(reference.host.lower(), "")
        path = f"{'/' if prefix else ''}{prefix}/v2/{reference.repository}/{kind}/{selector}"
        try:
            plain = httpx.URL(f"http://{reference.host}{path}")
            if (plain.port or 0) > _MAX_PORT:
                raise ValueError(f"ports end at {_MAX_PORT}")  # noqa: TRY301 - one place makes the user's error
            return plain if self.may_use(plain) else plain.copy_with(scheme="https")
        except (httpx.InvalidURL, ValueError) as error:
            raise InputError(f"{reference.host!r} is not a registry host", cause=str(error)) from None

    def may_use(self, url: httpx.URL) -> bool:
        """Tell whether ``url`` may be asked at all: https anywhere, http only where it is allowed."""
        if (url.port or 0) > _MAX_PORT:
            return False  # the C library would use its low 16 bits
        if url.scheme == "https":
            return True
        return url.scheme == "http" and (
            is_loopback(url.host) or url.host in self._insecure or url.netloc.decode("ascii") in self._insecure
        )


class Door:
    """Sends questions to registries, answers a 401 once with a login or a new token, and follows redirects."""

    def __init__(self, exchange: Exchange, authorization: Authorization, places: Places) -> None:
        self._exchange = exchange
        self._authorization = authorization
        self._places = places

    def ask(
        self,
        method: str,
        reference: ImageReference,
        kind: str,
        selector: str,
        accept: Iterable[str],
        deadline: Deadline,
    ) -> Answer:
        """Return the answer to ``method`` on ``/v2/<repository>/<kind>/<selector>``, whatever its status.

        Raises:
            RegistryError: no usable answer; a 401 that stays is an answer.

        """
        start = url = self._places.url(reference, kind, selector)
        host, repository = reference.host, reference.repository
        headers = {"accept": ", ".join(accept), "accept-encoding": "identity", "user-agent": "envid"}
        login = self._authorization.known(host, repository)
        authorized = False
        hops = 0
        while True:
            own = same_origin(url, start)
            sent = {**headers, "authorization": login} if login is not None and own else headers
            answer = self._exchange.send(method, url, sent, deadline)
            if answer.status in _REDIRECTS:
                hops += 1
                url = self._target(answer, hops)
            elif answer.status == httpx.codes.UNAUTHORIZED and own and not authorized:
                # Once: for the first question, or because a token expired in the middle.
                authorized = True
                login = self._authorization.answer(answer, host, repository, deadline)
            else:
                return answer

    def _target(self, answer: Answer, hops: int) -> httpx.URL:
        location = answer.headers.get("location", "")
        try:
            target = answer.url.join(location)
        except (httpx.InvalidURL, ValueError):
            target = httpx.URL("invalid:")
        if not location:
            problem = "it names no Location"
        elif hops > _MAX_REDIRECTS:
            problem = f"it is the {hops}th redirect in a row"
        elif not target.host or target.userinfo:
            problem = f"its Location is not a usable URL: {one_line(location.partition('?')[0])}"
        elif not self._places.may_use(target) or (answer.url.scheme == "https" and target.scheme != "https"):
            problem = f"it leads to an unencrypted place, {shown_url(target)}"
        else:
            return target
        raise RegistryBroken(
            f"{answer}: this redirect is not followed",
            cause=problem,
            remedy="name the registry that really serves the image in the reference",
            code="registry-redirect",
        )

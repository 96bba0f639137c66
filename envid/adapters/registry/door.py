"""Asks one registry about one repository: where it is, with which login, and how far a redirect is followed (R4)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from envid.adapters.registry.errors import RegistryBroken
from envid.adapters.registry.headers import one_line
from envid.adapters.registry.transport import is_loopback
from envid.adapters.registry.url import Url
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


class Places:
    """Where registries are: which hosts speak plain HTTP, and which serve their API below a path.

    ``insecure_hosts`` are spelled as in references, with the port; loopback always counts. ``path_prefixes`` maps a
    host to the path in front of ``/v2/``, which no image reference can express.
    """

    def __init__(self, insecure_hosts: frozenset[str], path_prefixes: Mapping[str, str]) -> None:
        self._insecure = frozenset(host.lower() for host in insecure_hosts)
        self._prefixes = {host.lower(): prefix.strip("/") for host, prefix in path_prefixes.items()}

    def url(self, reference: ImageReference, kind: str, selector: str) -> Url:
        """Return the URL of ``kind`` (``manifests`` or ``blobs``) and ``selector`` (a tag or digest).

        Raises:
            InputError: the reference's host is not one.

        """
        prefix = self._prefixes.get(reference.host.lower(), "")
        path = f"{'/' if prefix else ''}{prefix}/v2/{reference.repository}/{kind}/{selector}"
        try:
            plain = Url.parse(f"http://{reference.host}{path}")
        except ValueError as error:
            raise InputError(f"{reference.host!r} is not a registry host", cause=str(error)) from None
        return plain if self.may_use(plain) else plain.with_scheme("https")

    def may_use(self, url: Url) -> bool:
        """Tell whether ``url`` may be asked at all: https anywhere, http only where it is allowed."""
        if url.scheme == "https":
            return True
        return url.scheme == "http" and (
            is_loopback(url.host) or url.host in self._insecure or url.netloc in self._insecure
        )


class Door:
    """Sends questions to registries, answers a 401 with a login or a new token, and follows redirects."""

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
        logins = 0
        hops = 0
        while True:
            own = url.origin == start.origin
            sent = {**headers, "authorization": login} if login is not None and own else headers
            answer = self._exchange.send(method, url, sent, deadline)
            if answer.status in _REDIRECTS:
                hops += 1
                url = self._target(answer, hops)
            elif answer.status == HTTPStatus.UNAUTHORIZED and own and logins < (1 if answer.tries == 1 else 2):
                # Once: for the first question, or because a token expired in the middle. A second time only where a
                # fault passed in between, in which the new one may have expired too.
                logins += 1
                login = self._authorization.answer(answer, host, repository, deadline)
            else:
                return answer

    def _target(self, answer: Answer, hops: int) -> Url:
        location = answer.headers.get("location", "")
        target: Url | None
        try:
            target = answer.url.join(location)
        except ValueError:
            target = None
        if not location:
            problem = "it names no Location"
        elif hops > _MAX_REDIRECTS:
            problem = f"it is the {hops}th redirect in a row"
        elif target is None or target.userinfo:
            problem = f"its Location is not a usable URL: {one_line(location.partition('?')[0])}"
        elif not self._places.may_use(target) or (answer.url.scheme == "https" and target.scheme != "https"):
            problem = f"it leads to an unencrypted place, {target.shown}"
        else:
            return target
        raise RegistryBroken(
            f"{answer}: this redirect is not followed",
            cause=problem,
            remedy="name the registry that really serves the image in the reference",
            code="registry-redirect",
        )

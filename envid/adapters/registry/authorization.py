"""Turns a registry's 401 into an ``Authorization`` header, and sends no credential to another host (R4).

A login belongs to the registry host that it is stored for. It goes there, and to a token realm on that same host and
port; to a realm elsewhere only where the configuration names it for that registry. Any other realm is asked without
a login, which is how public images are read.
"""

from __future__ import annotations

import json
import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from envid.adapters.registry.errors import RegistryBroken, RegistryDenied, error_for
from envid.adapters.registry.headers import one_line, parse_challenges
from envid.adapters.registry.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.adapters.registry.docker_config import Credential, DockerConfig
    from envid.adapters.registry.exchange import Answer, Exchange
    from envid.adapters.registry.network import Deadline

__all__ = ["Authorization"]

_MAX_TOKEN_BYTES: Final = 256 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=:-]{1,65536}")
_DEFAULT_LIFE: Final = 60.0
_CLIENT: Final = "envid"


class _Token(NamedTuple):
    value: str
    until: float

    def __repr__(self) -> str:
        return f"_Token(until={self.until})"


class Authorization:
    """What the registry client knows about logins; tokens are kept in memory until they expire, per repository."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        config: DockerConfig | None,
        trusted_realms: Mapping[str, frozenset[str]],
        may_use: Callable[[Url], bool],
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._config = config
        self._trusted = trusted_realms
        self._may_use = may_use
        self._clock = clock
        self._headers: dict[tuple[str, str], _Token] = {}
        self._lock = threading.Lock()

    def known(self, host: str, repository: str) -> str | None:
        """Return the header that worked for this repository, while it is valid."""
        with self._lock:
            token = self._headers.get((host, repository))
        return token.value if token is not None and token.until > self._clock() else None

    def answer(self, refused: Answer, host: str, repository: str, deadline: Deadline) -> str:
        """Return the ``Authorization`` value that the registry's 401 ``refused`` asks for.

        Raises:
            RegistryDenied: there is no login that could help, or the token service refuses it.
            RegistryBroken: the challenge, or the token service's answer, can't be used.

        """
        challenges = parse_challenges(refused.headers.get_list("www-authenticate"))
        credential = self._credential(host, deadline)
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                token = self._token(challenge.parameters, refused, host, repository, credential, deadline)
                return self._keep(host, repository, f"Bearer {token.value}", token.until)
        if credential is not None and credential.username and any(c.scheme == "basic" for c in challenges):
            return self._keep(host, repository, credential.basic, float("inf"))
        denied = error_for(refused, host)
        if credential is None:
            denied.cause = f"the registry wants a login, and the Docker config file has none for {host}"
        raise denied

    def _keep(self, host: str, repository: str, value: str, until: float) -> str:
        with self._lock:
            self._headers[host, repository] = _Token(value, until)
        return value

    def _credential(self, host: str, deadline: Deadline) -> Credential | None:
        with self._lock:
            if self._config is None:
                # most registries that a plan asks want no login
                from envid.adapters.registry.docker_config import DockerConfig  # noqa: PLC0415

                self._config = DockerConfig.load()
            config = self._config
        return config.credential(host, max(0.1, deadline.remaining()))

    def _token(
        self,
        parameters: Mapping[str, str],
        refused: Answer,
        host: str,
        repository: str,
        credential: Credential | None,
        deadline: Deadline,
    ) -> _Token:
        realm = self._realm(parameters["realm"], refused)
        trusted = realm.origin == refused.url.origin or realm.netloc in self._trusted.get(host, frozenset())
        # Only the right to pull this repository is asked for, whatever scope the challenge suggests.
        query = {"scope": f"repository:{repository}:pull"}
        if service := parameters.get("service"):
            query["service"] = service
        used = credential if trusted else None
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": _CLIENT}
        if used is not None and used.identity_token:
            form = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": used.identity_token, **query}
            headers["content-type"] = "application/x-www-form-urlencoded"
            content = urlencode(form).encode()
            answer = self._exchange.send("POST", realm, headers, deadline, content=content, limit=_MAX_TOKEN_BYTES)
        else:
            if used is not None:
                headers["authorization"] = used.basic
            url = realm.with_query(query)
            answer = self._exchange.send("GET", url, headers, deadline, limit=_MAX_TOKEN_BYTES)
        if answer.status != HTTPStatus.OK:
            raise _refusal(answer, host, realm, withheld=credential is not None and not trusted)
        return self._read_token(answer)

    def _realm(self, text: str, refused: Answer) -> Url:
        try:
            realm = Url.parse(text)
            usable = not realm.userinfo and not realm.fragment and self._may_use(realm)
            usable = usable and (realm.scheme == "https" or refused.url.scheme == "http")
        except ValueError:
            usable = False
        if not usable:
            raise RegistryBroken(
                f"{refused}, with a token realm that can't be used: {one_line(text)}",
                cause="a realm must be an https URL (http only on loopback or a host named as insecure)",
                remedy="ask the registry's operator to configure its token service",
                code="registry-realm",
            )
        return realm

    def _read_token(self, answer: Answer) -> _Token:
        try:
            document = json.loads(answer.body)
            value = document.get("token") or document.get("access_token")
            life = document.get("expires_in", _DEFAULT_LIFE)
        except (ValueError, AttributeError, RecursionError):
            value, life = None, _DEFAULT_LIFE
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise RegistryBroken(
                f"{answer}, but without a usable token",
                cause="the token service is misconfigured, or something else listens there",
                remedy=f"curl -i {answer.url.shown}",
                code="registry-realm",
            )
        if not isinstance(life, int | float) or isinstance(life, bool) or not 0 < life < 1e9:  # noqa: PLR2004 - 30 years
            life = _DEFAULT_LIFE
        return _Token(value, self._clock() + life)


def _refusal(answer: Answer, host: str, realm: Url, *, withheld: bool) -> Exception:
    client_error = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not client_error or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return error_for(answer, host)
    if withheld:
        return RegistryDenied(
            f"{answer}: the token service refuses to serve without a login",
            cause=f"the login for {host} was not sent: the token realm is on another host, {realm.shown}",
            remedy=f"if that host is trusted, name {realm.netloc} as a trusted realm of {host}",
            code="registry-untrusted-realm",
        )
    return RegistryDenied(
        str(answer),
        cause="the login is missing, wrong or too weak, or the repository does not exist",
        remedy=f"docker login {host}",
    )

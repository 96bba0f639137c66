"""Logins from the Docker config file: what is stored there, and what its credential helpers answer (R4)."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envid.adapters import process
from envid.adapters.registry.errors import RegistryDenied
from envid.adapters.registry.headers import one_line
from envid.errors import Fault, InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Credential", "DockerConfig"]

_MAX_CONFIG_BYTES: Final = 1024 * 1024
_HELPER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOKEN_USER: Final = "<token>"  # noqa: S105 - the helpers' protocol: this user name marks an identity token


@dataclass(frozen=True, slots=True)
class Credential:
    """A login: user name and password, or an identity token. Its text never shows the secret."""

    username: str
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of a Basic ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


def _run_helper(helper: str, host: str, timeout: float) -> process.Completed:
    program = process.find_tool(f"docker-credential-{helper}")
    return process.run([program, "get"], stdin=host.encode(), timeout=timeout)


@dataclass(frozen=True)
class DockerConfig:
    """The parts of ``config.json`` that name logins; hosts are spelled as references spell them, in lower case.

    ``run_helper`` runs ``docker-credential-NAME get`` with the host on its standard input, within seconds.
    """

    stored: Mapping[str, Credential] = field(default_factory=dict)
    helpers: Mapping[str, str] = field(default_factory=dict)
    default_helper: str | None = None
    run_helper: Callable[[str, str, float], process.Completed] = field(default=_run_helper, repr=False)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> DockerConfig:
        """Read ``$DOCKER_CONFIG/config.json`` or ``~/.docker/config.json``; a missing file has no logins.

        Raises:
            InputError: the file can't be read or is not a Docker config.

        """
        environ = os.environ if environ is None else environ
        if folder := environ.get("DOCKER_CONFIG"):
            path = Path(folder) / "config.json"
        elif home := environ.get("HOME"):
            path = Path(home) / ".docker" / "config.json"
        else:
            return cls()
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_CONFIG_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except OSError as error:
            raise InputError(f"{path} can't be read", cause=error.strerror or str(error)) from None
        return cls.parse(content, where=str(path))

    @classmethod
    def parse(cls, content: bytes, *, where: str) -> DockerConfig:
        """Parse a config file; ``where`` is its name in messages.

        Raises:
            InputError: it is not one. No message repeats the file's text.

        """
        if len(content) > _MAX_CONFIG_BYTES:
            raise _refuse(where, f"it is larger than {_MAX_CONFIG_BYTES} bytes")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise _refuse(where, "it is not JSON") from None
        if not isinstance(document, dict):
            raise _refuse(where, "it is not a JSON object")
        auths, helpers = document.get("auths") or {}, document.get("credHelpers") or {}
        store = document.get("credsStore") or None
        if not isinstance(auths, dict) or not isinstance(helpers, dict):
            raise _refuse(where, "auths and credHelpers must be objects")
        for name in [*helpers.values(), *([] if store is None else [store])]:
            if not isinstance(name, str) or not _HELPER.fullmatch(name):
                raise _refuse(where, "a credential helper's name has other characters than a-z, 0-9, - and _")
        stored = {}
        for key, entry in auths.items():
            credential = _stored(entry, where)
            if credential is not None:
                stored[_host_of(key)] = credential
        return cls(stored, {_host_of(key): name for key, name in helpers.items()}, store)

    def credential(self, host: str, timeout: float) -> Credential | None:
        """Return the login for registry ``host``, or None; a helper gets ``timeout`` seconds.

        Raises:
            RegistryDenied: the helper that is named for the host failed.

        """
        host = host.lower()
        helper = self.helpers.get(host) or self.default_helper
        if helper is None:
            return self.stored.get(host)
        found = self._from_helper(helper, host, timeout)
        return found if found is not None else self.stored.get(host)

    def _from_helper(self, helper: str, host: str, timeout: float) -> Credential | None:
        def failed(cause: str) -> RegistryDenied:
            return RegistryDenied(
                f"docker-credential-{helper} gave no login for {host}",
                cause=cause,
                remedy=f"docker login {host}, or take the helper out of the Docker config file",
                code="registry-credential-helper",
            )

        try:
            done = self.run_helper(helper, host, timeout)
        except ServiceError as error:
            raise failed(error.what) from error
        if done.returncode != 0:
            said = (done.stdout or done.stderr).decode("utf-8", "replace")
            if "credentials not found" in said:
                return None
            raise failed(f"it ended with status {done.returncode}: {one_line(said)}")
        try:
            answer = json.loads(done.stdout)
            username, secret = answer["Username"], answer["Secret"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise failed("its answer is not a JSON object with Username and Secret") from None
        if not isinstance(username, str) or not isinstance(secret, str):
            raise failed("its answer is not a JSON object with Username and Secret")
        if username == _TOKEN_USER:
            return Credential("", identity_token=secret)
        return Credential(username, secret)


def _stored(entry: Any, where: str) -> Credential | None:
    if not isinstance(entry, dict):
        raise _refuse(where, "an entry of auths is not an object")
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credential("", identity_token=token)
    encoded = entry.get("auth")
    if isinstance(encoded, str) and encoded:
        try:
            username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _refuse(where, "an auth of auths is not base64 of user:password") from None
        if not colon:
            raise _refuse(where, "an auth of auths is not base64 of user:password")
        return Credential(username, password.rstrip("\0"))
    name, secret = entry.get("username"), entry.get("password")
    return Credential(name, secret) if isinstance(name, str) and isinstance(secret, str) and name else None


def _host_of(key: str) -> str:
    """Return the host of a config key: Docker writes hosts, and for some registries URLs."""
    return key.partition("://")[2].partition("/")[0].lower() if "://" in key else key.partition("/")[0].lower()


def _refuse(where: str, problem: str) -> InputError:
    return InputError(
        "the Docker config file is not usable",
        faults=[Fault(where, problem)],
        remedy="repair it, or docker login again",
    )

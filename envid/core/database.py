"""``DATABASE_URL``: which Secret has it, what it must say, and the Secret itself (R8)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from envid.core.deploy import DEPLOY_PATH
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from envid.core.deploy import Deploy
    from envid.core.lane import Lane
    from envid.core.objects import KubeObject

__all__ = ["POSTGRES_PORT", "DatabaseAccess", "database_access", "database_secret", "database_url", "known_password"]

POSTGRES_PORT: Final = 5432
_VARIABLE: Final = "DATABASE_URL"
_LONGEST_PASSWORD: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAccess:
    """How a lane's services reach their database, but for the password.

    ``secret`` and its keys hold what they need; ``password_key`` is empty for a Postgres that is not the lane's own.
    ``database_pods`` and ``service_pods`` are what runs on the Secret, by the label ``app.kubernetes.io/name``.
    """

    secret: str
    url_key: str
    password_key: str
    user: str
    host: str
    port: int
    database: str
    database_pods: str
    service_pods: tuple[str, ...]


def database_access(deploy: Deploy, lane: Lane, *, host: str = "", port: int = 0, user: str = "") -> DatabaseAccess:
    """Read from ``deploy`` how the database is reached; ``host``, ``port`` and ``user`` are for one elsewhere.

    Raises:
        InputError: no service takes ``DATABASE_URL``, two take it from different places, or nobody says the host.

    """
    own = deploy.postgres
    refs = {w.id: w.secret_env[_VARIABLE] for w in deploy.running if _VARIABLE in w.secret_env}
    if own is not None:
        if host or port or user:
            raise InputError(
                "--host, --port and --user are for a Postgres elsewhere",
                cause=f"{DEPLOY_PATH} has a postgres section, and the rendered Service is known",
                remedy="leave them out",
            )
        return DatabaseAccess(
            secret=own.secret.name,
            url_key=own.secret.url_key,
            password_key=own.secret.password_key,
            user=own.user,
            host=f"{own.name}.{lane.name}.svc",
            port=POSTGRES_PORT,
            database=own.database,
            database_pods=own.name,
            service_pods=tuple(w.id for w in deploy.running if w.database or w.id in refs),
        )
    places = {(ref.name, ref.key) for ref in refs.values()}
    if len(places) != 1:
        problem = "no service has it" if not places else "services take it from different Secrets"
        fault = Fault(f"{DEPLOY_PATH}: $.services[].secretEnv.{_VARIABLE}", problem)
        raise InputError("it is not clear which Secret is meant", faults=[fault])
    if not host:
        raise InputError(
            f"{DEPLOY_PATH} has no postgres section, so its host is not known",
            remedy="invoke secrets.database-url --host HOST --password-stdin",
        )
    ((name, key),) = places
    return DatabaseAccess(
        secret=name,
        url_key=key,
        password_key="",
        user=user or lane.project,
        host=_host(host),
        port=port or POSTGRES_PORT,
        database=lane.database,
        database_pods="",
        service_pods=tuple(refs),
    )


def database_url(access: DatabaseAccess, password: str) -> str:
    """Return the URL by which a service opens the database: user and password percent-encoded.

    Raises:
        InputError: the password is empty, too long, or has control characters; it is not shown.

    """
    if not password or len(password) > _LONGEST_PASSWORD or not password.isprintable():
        raise InputError(
            "the password can't be used",
            cause=f"it must have 1 to {_LONGEST_PASSWORD} printable characters",
            code="bad-password",
        )
    user, word = quote(access.user, safe=""), quote(password, safe="")
    return f"postgres://{user}:{word}@{access.host}:{access.port}/{access.database}"


def database_secret(access: DatabaseAccess, lane: Lane, password: str) -> KubeObject:
    """Return the Secret with exactly the keys that the rendered manifests name."""
    values = {access.url_key: database_url(access, password)}
    if access.password_key:
        values[access.password_key] = password
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": access.secret,
            "namespace": lane.name,
            "labels": {
                "app.kubernetes.io/part-of": lane.project,
                "app.kubernetes.io/managed-by": "envid",
                "agentrun.dev/lane": lane.version,
            },
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items())},
    }


def known_password(access: DatabaseAccess, secret: KubeObject | None) -> str | None:
    """Return the password that a present Secret has, or None where it has none that can be read."""
    data = (secret or {}).get("data") or {}
    try:
        if access.password_key:
            found = base64.b64decode(data.get(access.password_key) or "").decode()
        else:
            found = unquote(urlsplit(base64.b64decode(data.get(access.url_key) or "").decode()).password or "")
    except (binascii.Error, ValueError):
        return None
    return found or None


def _host(text: str) -> str:
    """Return a host as a URL has it."""
    bare = text.removeprefix("[").removesuffix("]")
    if ":" in bare:
        bare = f"[{bare}]"
    try:
        parts = urlsplit(f"postgres://{bare}:1")
        is_host = parts.hostname == bare.strip("[]").lower() and parts.port == 1 and not parts.username
    except ValueError:
        is_host = False
    if not is_host or not all(c.isascii() and (c.isalnum() or c in ".-:_") for c in bare.strip("[]")):
        raise InputError(f"{text!r} is not a host", remedy="--host db.example, and --port where it is not 5432")
    return bare

"""``secrets.database-url``: puts ``DATABASE_URL`` into the cluster, and nowhere else (R8).

The password comes from its owner or is made here, and goes to the API server alone: no file, log, argument, commit
or message has it.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from envid.core.database import DatabaseAccess, database_secret, database_url, known_password
from envid.errors import Blocked, EnvidError, InputError, ServiceError

if TYPE_CHECKING:
    from envid.core.lane import Lane
    from envid.core.objects import KubeObject
    from envid.usecases.ports import ClusterApi

__all__ = ["DatabaseSecret", "put_database_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSecret:
    """What became of the Secret: ``created``, ``changed``, ``rotated`` or ``unchanged``, and which pods restart."""

    secret: str
    keys: tuple[str, ...]
    outcome: str
    restarted: tuple[str, ...]


def put_database_url(
    cluster: ClusterApi, access: DatabaseAccess, lane: Lane, *, password: str | None = None, rotate: bool = False
) -> DatabaseSecret:
    """Apply the Secret of ``access``; done again without ``rotate``, it keeps the password and changes nothing.

    ``password`` is the owner's; None makes a new one where one is needed. Pods that run on what changed are deleted,
    for their controllers to start them anew: the lane's own Postgres takes its password at each start.

    Raises:
        InputError: the password can't be used, or that of a Postgres elsewhere is not known.
        Blocked: the Secret has another password already, the namespace is not there, or a right is missing.
        ServiceError: the API server did not answer, or refused the Secret.

    """
    if cluster.get("Namespace", lane.name) is None:
        raise Blocked(f"there is no namespace {lane.name}", remedy="invoke lane.apply", code="namespace-missing")
    present = cluster.get("Secret", access.secret, lane.name)
    known = known_password(access, present)
    if not rotate:
        _refuse_another(access, present, known, password)
    chosen = _chosen(access, known, password, rotate=rotate)
    manifest = database_secret(access, lane, chosen)
    keys = tuple(manifest["data"])
    data = (present or {}).get("data") or {}
    if all(data.get(key) == value for key, value in manifest["data"].items()):
        return DatabaseSecret(secret=access.secret, keys=keys, outcome="unchanged", restarted=())
    try:
        cluster.apply(manifest)
    except EnvidError as error:
        raise _without(error, _forms(access, chosen)) from None
    outcome = "created" if present is None else "rotated" if known not in {None, chosen} else "changed"
    names = [access.database_pods] if access.database_pods and chosen != known else []
    restarted = tuple(_restart(cluster, [*names, *access.service_pods], lane))
    return DatabaseSecret(secret=access.secret, keys=keys, outcome=outcome, restarted=restarted)


def _refuse_another(
    access: DatabaseAccess, present: KubeObject | None, known: str | None, password: str | None
) -> None:
    """Refuse to put a password in the place of what the Secret has already."""
    if known is not None and password not in {None, known}:
        raise Blocked(
            f"the Secret {access.secret} has another password",
            cause="what runs was started with it",
            remedy="invoke secrets.database-url --rotate, with the new password",
            code="password-differs",
        )
    if known is None and access.url_key in ((present or {}).get("data") or {}):
        raise Blocked(
            f"the Secret {access.secret} has a {access.url_key} of another origin",
            cause="it may be the only way to a database that is in use",
            remedy="keep it elsewhere if it is needed, then invoke secrets.database-url --rotate",
            code="password-differs",
        )


def _chosen(access: DatabaseAccess, known: str | None, given: str | None, *, rotate: bool) -> str:
    if given is not None:
        return given
    if known is not None and not rotate:
        return known
    if not access.password_key:
        raise InputError(
            f"the password for {access.host} is not known",
            cause="only its owner can tell the password of a Postgres that is not the lane's own",
            remedy="invoke secrets.database-url --host HOST --password-stdin",
            code="password-missing",
        )
    return secrets.token_urlsafe(32)


def _restart(cluster: ClusterApi, names: list[str], lane: Lane) -> list[str]:
    """Delete the pods of ``names`` that run; their controllers start them anew."""
    deleted: list[str] = []
    for name in names:
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": lane.name}
        pods = [pod["metadata"]["name"] for pod in cluster.list("Pod", lane.name, labels)]
        deleted += [pod for pod in pods if cluster.delete("Pod", pod, lane.name)]
    return deleted


def _forms(access: DatabaseAccess, password: str) -> list[str]:
    """Return every form in which an answer could repeat the password, the longest first."""
    url = database_url(access, password)
    forms = {password, quote(password, safe=""), url}
    return sorted(forms | {base64.b64encode(form.encode()).decode() for form in (password, url)}, key=len, reverse=True)


def _without(error: EnvidError, forms: list[str]) -> EnvidError:
    """Return ``error`` with the password taken out of its words."""
    what, cause = error.what, error.cause
    for form in forms:
        what, cause = what.replace(form, "…"), cause.replace(form, "…")
    kind = Blocked if isinstance(error, Blocked) else ServiceError
    return kind(what, cause=cause, remedy=error.remedy, code=error.code)

"""The environment of one commit, whether it has a deploy.json or not (R2, R16)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envid.adapters.git import CommitRecord
    from envid.core.deploy import Service
    from envid.usecases.environment import Environment, InputReader

__all__ = ["DEPLOY_PATH", "environment_at"]

DEPLOY_PATH: Final = "deploy/deploy.json"
"""Where deploy.json is; ``core.deploy`` has it too, but costs an import of pydantic."""


def environment_at(
    reader: InputReader, commit: CommitRecord, *, service: str = "", extra: Sequence[str] = ()
) -> Environment:
    """Read the environment at ``commit``: of a service where there is a deploy.json, of the Bun inputs elsewhere.

    Raises:
        InputError: the inputs are invalid, or deploy.json has no such service.

    """
    deploy_json = reader.read(commit, DEPLOY_PATH)
    if deploy_json is None:
        return reader.plain_environment(commit, extra)
    services = _services(deploy_json)
    chosen = next((s for s in services if s.id == service), None) if service else services[0]
    if chosen is None:
        names = ", ".join(s.id for s in services)
        raise InputError(f"deploy.json has no service {service!r} at {commit.id.short}", cause=f"it has {names}")
    return reader.service_environment(commit, chosen)


@lru_cache(maxsize=4)
def _services(deploy_json: bytes) -> tuple[Service, ...]:
    from envid.core.deploy import parse_deploy  # noqa: PLC0415 - a repository without deploy.json needs no pydantic

    return parse_deploy(deploy_json).services

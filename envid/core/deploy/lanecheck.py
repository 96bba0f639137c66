"""Holds deploy.json against the lane: what it states of the lane's fixed names must be these names (R1, R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.core.deploy.read import DEPLOY_PATH
from envid.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.deploy.service import Deploy
    from envid.core.lane import Lane

__all__ = ["lane_faults"]


def lane_faults(deploy: Deploy, lane: Lane, *, where: str = DEPLOY_PATH) -> list[Fault]:
    """Return where ``deploy`` states another lane's namespace, database or provider Secrets."""
    return [
        Fault(f"{where}: {path}", f"it is {stated}; {lane.project} {lane.version} has {fixed}")
        for path, stated, fixed in _stated(deploy, lane)
        if stated != fixed
    ]


def _stated(deploy: Deploy, lane: Lane) -> Iterator[tuple[str, str, str]]:
    if deploy.namespace is not None:
        yield "$.namespace", deploy.namespace, lane.name
    if deploy.postgres is not None:
        yield "$.postgres.database", deploy.postgres.database, lane.database
    for index, provider in enumerate(deploy.providers):
        yield f"$.providers[{index}].secretName", provider.secret_name, lane.provider_secret(provider.profile)

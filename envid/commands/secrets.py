"""The command ``secrets.database-url``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from envid.cli import Output
from envid.commands.wiring import find_workspace, open_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    Section = Mapping[str, Any] | None

__all__ = ["database_url"]

_LONGEST: Final = 4096


def database_url(
    *,
    commit: str = "",
    host: str = "",
    port: int = 0,
    user: str = "",
    password_stdin: bool = False,
    rotate: bool = False,
    section: Section = None,
) -> Output:
    """Put the Secret with DATABASE_URL into the lane's namespace."""
    from envid.adapters.kubernetes import open_cluster
    from envid.core.database import database_access
    from envid.usecases.database_secret import put_database_url
    from envid.usecases.intent import read_intent

    workspace = find_workspace(section)
    lane = workspace.lane
    with open_source(workspace, commit, dirty=False) as (record, reader):
        intent = read_intent(reader, record, lane=lane, source_repo=workspace.settings.source_repo)
    access = database_access(intent.deploy, lane, host=host, port=port, user=user)
    password = _ask() if password_stdin else None
    with open_cluster() as cluster:
        done = put_database_url(cluster, access, lane, password=password, rotate=rotate)
    data = {
        "schemaVersion": "agentrun.database-secret/1",
        "namespace": lane.name,
        "secret": done.secret,
        "keys": list(done.keys),
        "host": access.host,
        "database": access.database,
        "outcome": done.outcome,
        "restarted": list(done.restarted),
    }
    lines = [f"Secret {lane.name}/{done.secret} ({', '.join(done.keys)})  {done.outcome}"]
    return Output(data=data, lines=[*lines, *(f"restarted {pod}" for pod in done.restarted)])


def _ask() -> str:
    """Read the password: unseen from a terminal, otherwise one line of standard input."""
    from getpass import getpass

    from envid.errors import InputError

    if sys.stdin.isatty():
        return getpass("password: ")
    text = sys.stdin.buffer.read(_LONGEST)
    try:
        return text.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InputError("the password on standard input is not UTF-8", code="bad-password") from None

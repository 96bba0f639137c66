"""Commands of the git mirror: ``git-mirror.status``, ``sync`` and ``flush``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from envid.cli import Output
from envid.commands.wiring import find_workspace, open_mirror
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.usecases.mirror import Moved

    Section = Mapping[str, Any] | None

__all__ = ["git_mirror_flush", "git_mirror_status", "git_mirror_sync"]

_SHORT_IDENTITY = 12


def git_mirror_status(*, section: Section = None) -> Output:
    """Show what the mirror holds against GitHub."""
    status = open_mirror(find_workspace(section)).status()
    data = status.as_json()
    shown = {key: value for key, value in data.items() if key not in {"schemaVersion", "refs", "exactFetch"}}
    rows = [(key, "absent" if value is None else str(value)) for key, value in shown.items()]
    rows.append(("exactFetch.localV01", str(status.exact_fetch)))
    refs = [
        (s.branch, _or_dash(s.ahead), _or_dash(s.behind), _moment(s.last_success), _duration(s.age))
        for s in (status.source, status.gitops)
    ]
    lines = [*table(("field", "value"), rows), "", *table(("branch", "ahead", "behind", "last success", "age"), refs)]
    return Output(data=data, lines=lines)


def git_mirror_sync(*, section: Section = None) -> Output:
    """Bring GitHub's source branch into the mirror."""
    return _moved(*open_mirror(find_workspace(section)).sync())


def git_mirror_flush(*, confirm: bool = False, section: Section = None) -> Output:
    """Bring the mirror's GitOps branch to GitHub."""
    from envid.errors import InputError

    if not confirm:
        raise InputError(
            "flush writes to GitHub and was not confirmed",
            remedy="see what would move with invoke git-mirror.status, then invoke git-mirror.flush --confirm",
            code="not-confirmed",
        )
    return _moved(open_mirror(find_workspace(section)).flush())


def _moved(*moves: Moved) -> Output:
    data = {
        "schemaVersion": "agentrun.git-mirror-move/1",
        "refs": [{"branch": m.branch, "before": m.before, "after": m.after} for m in moves],
    }
    lines = [
        f"{m.branch}  {'up to date at' if m.before == m.after else 'moved to'} {m.after or 'nothing'}" for m in moves
    ]
    return Output(data=data, lines=lines)


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _moment(seconds: int | None) -> str:
    return "never from here" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return "unknown"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"

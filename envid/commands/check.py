"""The command ``check``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.wiring import find_workspace, open_source, runtime_mirror, tool_folders
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.usecases.check import Check

    Section = Mapping[str, Any] | None

__all__ = ["check"]


def check(*, commit: str = "", dirty: bool = False, no_bun: bool = False, section: Section = None) -> Output:
    """Check the source: guards, deploy.json, the render, and bun's frozen install and `check` script."""
    from envid.adapters.worktree import worktree_state
    from envid.errors import InputError
    from envid.usecases.check import bun_checks, source_checks

    workspace = find_workspace(section)
    if commit and not no_bun and worktree_state(workspace.root).head != commit:
        raise InputError(
            "bun's checks run in the work tree, and that is another commit",
            remedy=f"git checkout {commit}, or --no-bun",
        )
    with open_source(workspace, commit, dirty=dirty) as (record, reader):
        checks = list(
            source_checks(
                reader,
                record,
                lane=workspace.lane,
                source_repo=workspace.settings.source_repo,
                registry=workspace.settings.registry,
                mirror_read_url=runtime_mirror(workspace),
            )
        )
    if not no_bun:
        environment = dict(os.environ)
        if workspace.endpoints.ca_bundle:
            environment.setdefault("NODE_EXTRA_CA_CERTS", str(workspace.endpoints.ca_bundle))
        checks += bun_checks(workspace.root, tools=tool_folders(), environment=environment, say=progress)
    failed = [item for item in checks if not item.holds]
    data = {
        "schemaVersion": "agentrun.check/1",
        "commit": record.id,
        "holds": not failed,
        "checks": [_as_json(item) for item in checks],
    }
    return Output(data=data, lines=_lines(checks, failed), exit_code=1 if failed else 0)


def _as_json(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "holds": check.holds,
        "findings": [{"where": finding.where, "problem": finding.problem} for finding in check.findings],
        "output": check.output,
    }


def _lines(checks: list[Check], failed: list[Check]) -> list[str]:
    lines = table(("check", "result"), [(c.name, "holds" if c.holds else "does not hold") for c in checks])
    if failed:
        # as every error is said, so that who follows the pipeline finds it in a step's log
        names = ", ".join(check.name for check in failed)
        lines += ["", f"error: {len(failed)} of {len(checks)} checks did not hold: {names}"]
    for check in failed:
        lines += [f"  {check.name}: {finding.where}: {finding.problem}" for finding in check.findings]
        lines += [f"    {line}" for line in check.output.splitlines()]
    return lines

"""Flags of the source branch's check."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, run

__all__ = ["add_to"]


@task(
    help={
        "commit": COMMIT,
        "dirty": "check the uncommitted work tree",
        "no-bun": "leave out bun's frozen install and its `check` script",
        "json": JSON,
        "debug": DEBUG,
    }
)
def check(
    c: Context, commit: str = "", dirty: bool = False, no_bun: bool = False, json: bool = False, debug: bool = False
) -> None:
    """Check the source before anything is planned."""
    run(c, "check.check", as_json=json, debug=debug, commit=commit, dirty=dirty, no_bun=no_bun)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_task(check)

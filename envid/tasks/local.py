"""Flags of the embedded stack's tasks."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(
    name="up",
    help={
        "mirror-only": "start the git mirror alone: enough to plan, and it needs no root",
        "json": JSON,
        "debug": DEBUG,
    },
)
def local_up(c: Context, mirror_only: bool = False, json: bool = False, debug: bool = False) -> None:
    """Start the embedded registry, BuildKit and git mirror."""
    run(c, "local.local_up", as_json=json, debug=debug, mirror_only=mirror_only)


@task(name="down", help={"json": JSON, "debug": DEBUG})
def local_down(c: Context, json: bool = False, debug: bool = False) -> None:
    """Stop them, and remove their state."""
    run(c, "local.local_down", as_json=json, debug=debug)


@task(name="status", help={"json": JSON, "debug": DEBUG})
def local_status(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show what of them runs, and where."""
    run(c, "local.local_status", as_json=json, debug=debug)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_collection(group("local", local_up, local_down, local_status))

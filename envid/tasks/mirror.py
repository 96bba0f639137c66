"""Flags of the git mirror's tasks."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(name="status", help={"json": JSON, "debug": DEBUG})
def git_mirror_status(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show what the mirror holds against GitHub."""
    run(c, "mirror.git_mirror_status", as_json=json, debug=debug)


@task(name="sync", help={"json": JSON, "debug": DEBUG})
def git_mirror_sync(c: Context, json: bool = False, debug: bool = False) -> None:
    """Bring GitHub's source branch into the mirror."""
    run(c, "mirror.git_mirror_sync", as_json=json, debug=debug)


@task(name="flush", help={"confirm": "really write to GitHub", "json": JSON, "debug": DEBUG})
def git_mirror_flush(c: Context, confirm: bool = False, json: bool = False, debug: bool = False) -> None:
    """Bring the mirror's GitOps branch to GitHub."""
    run(c, "mirror.git_mirror_flush", as_json=json, debug=debug, confirm=confirm)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_collection(group("git-mirror", git_mirror_status, git_mirror_sync, git_mirror_flush))

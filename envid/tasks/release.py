"""Flags of a release in its cluster: trigger-current and verify."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import DEBUG, JSON, run

__all__ = ["add_to"]


@task(
    name="trigger-current",
    help={
        "commit": "full commit id on the source branch (default: the origin's newest)",
        "watch": "follow the PipelineRun, and end as it ends",
        "json": JSON,
        "debug": DEBUG,
    },
)
def trigger_current(c: Context, commit: str = "", watch: bool = False, json: bool = False, debug: bool = False) -> None:
    """Check and sync the mirror, then run the lane's Pipeline."""
    run(c, "release.trigger_current", as_json=json, debug=debug, commit=commit, watch=watch)


@task(help={"json": JSON, "debug": DEBUG})
def verify(c: Context, json: bool = False, debug: bool = False) -> None:
    """Judge what is delivered, layer by layer."""
    run(c, "release.verify", as_json=json, debug=debug)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    for item in (trigger_current, verify):
        root.add_task(item)

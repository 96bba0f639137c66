"""Flags of a pipeline's first step: source.fetch."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import DEBUG, JSON, RESULTS, group, run

__all__ = ["add_to"]


@task(
    name="fetch",
    help={
        "commit": "full commit id; a branch or an abbreviation is refused",
        "to": "an empty folder, or none yet (default: the current one)",
        "results": RESULTS,
        "json": JSON,
        "debug": DEBUG,
    },
)
def source_fetch(
    c: Context, commit: str, to: str = "", results: str = "", json: bool = False, debug: bool = False
) -> None:
    """Check one commit out of the mirror, by its full id."""
    run(c, "source.source_fetch", as_json=json, debug=debug, commit=commit, to=to, results=results)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_collection(group("source", source_fetch))

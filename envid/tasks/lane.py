"""Flags of the tasks of a lane as a whole: lane.show, lane.apply and lane.new."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(name="show", help={"json": JSON, "debug": DEBUG})
def lane_show(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show every name of the lane."""
    run(c, "lane.lane_show", as_json=json, debug=debug)


@task(
    name="apply",
    help={
        "commit": COMMIT,
        "ca-bundle": "certificates (PEM) for a network that re-signs TLS; steps and builds get them",
        "dry-run": "let the API server check everything, and keep nothing",
        "out": "write YAML to this folder instead",
        "json": JSON,
        "debug": DEBUG,
    },
)
def lane_apply(
    c: Context,
    commit: str = "",
    ca_bundle: str = "",
    dry_run: bool = False,
    out: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Put what the lane needs into its cluster."""
    run(
        c,
        "lane.lane_apply",
        as_json=json,
        debug=debug,
        commit=commit,
        ca_bundle=ca_bundle,
        dry_run=dry_run,
        out=out,
    )


@task(
    name="new",
    positional=["version"],
    help={
        "version": "the new lane, as v0.2",
        "project": "begin a new project of this name in a repository that has no lane",
        "json": JSON,
        "debug": DEBUG,
    },
)
def lane_new(c: Context, version: str, project: str = "", json: bool = False, debug: bool = False) -> None:
    """Write a new lane's names into this checkout."""
    run(c, "lane.lane_new", as_json=json, debug=debug, version=version, project=project)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    root.add_collection(group("lane", lane_show, lane_apply, lane_new))

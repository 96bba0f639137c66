"""Flags of the release itself: plan, publish, render, promote, catalog, imageref, aipod."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, RESULTS, group, run

__all__ = ["add_to"]


@task(
    help={
        "commit": COMMIT,
        "dirty": "plan the uncommitted work tree",
        "out": "also write the JSON to this file",
        "rebuild": "build this service whatever the catalog says (repeatable)",
        "results": RESULTS,
        "json": JSON,
        "debug": DEBUG,
    },
    iterable=["rebuild"],
)
def plan(
    c: Context,
    commit: str = "",
    dirty: bool = False,
    out: str = "",
    rebuild: list[str] | None = None,
    results: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Say build or reuse, and why."""
    run(
        c,
        "delivery.plan",
        as_json=json,
        debug=debug,
        commit=commit,
        dirty=dirty,
        out=out,
        rebuild=rebuild or [],
        results=results,
    )


@task(
    help={
        "commit": COMMIT,
        "out": "also write the result to this file",
        "rebuild": "build this service whatever the catalog says (repeatable)",
        "run-id": "the run that builds, for the provenance",
        "results": RESULTS,
        "json": JSON,
        "debug": DEBUG,
    },
    iterable=["rebuild"],
)
def publish(
    c: Context,
    commit: str = "",
    out: str = "",
    rebuild: list[str] | None = None,
    run_id: str = "",
    results: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Build or reuse each service, as planned."""
    run(
        c,
        "delivery.publish",
        as_json=json,
        debug=debug,
        commit=commit,
        out=out,
        rebuild=rebuild or [],
        run_id=run_id,
        results=results,
    )


@task(
    help={
        "commit": COMMIT,
        "no-write": "compare only",
        "out": "folder to write to (default: in the state folder)",
        "json": JSON,
        "debug": DEBUG,
    }
)
def render(
    c: Context, commit: str = "", no_write: bool = False, out: str = "", json: bool = False, debug: bool = False
) -> None:
    """Render the runtime manifests."""
    run(c, "delivery.render", as_json=json, debug=debug, commit=commit, no_write=no_write, out=out)


@task(
    help={
        "commit": COMMIT,
        "publication": "the file that publish --out wrote (default: the commit's own)",
        "rollback-to": "bring an earlier promotion back: its GitOps or source commit",
        "results": RESULTS,
        "json": JSON,
        "debug": DEBUG,
    }
)
def promote(
    c: Context,
    commit: str = "",
    publication: str = "",
    rollback_to: str = "",
    results: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Push one commit with the new catalog and runtime to the GitOps branch."""
    run(
        c,
        "delivery.promote",
        as_json=json,
        debug=debug,
        commit=commit,
        publication=publication,
        rollback_to=rollback_to,
        results=results,
    )


@task(name="init", help={"json": JSON, "debug": DEBUG})
def catalog_init(c: Context, json: bool = False, debug: bool = False) -> None:
    """Make the lane's first catalog; refused where there is one."""
    run(c, "delivery.catalog_init", as_json=json, debug=debug)


@task(name="show", help={"json": JSON, "debug": DEBUG})
def catalog_show(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show the promoted catalog."""
    run(c, "inspect.catalog_show", as_json=json, debug=debug)


@task(name="verify", help={"json": JSON, "debug": DEBUG})
def catalog_verify(c: Context, json: bool = False, debug: bool = False) -> None:
    """Check catalog, registry, provenance, SBOM, manifests and signature."""
    run(c, "assurance.catalog_verify", as_json=json, debug=debug)


@task(name="pin", help={"json": JSON, "debug": DEBUG})
def imageref_pin(c: Context, json: bool = False, debug: bool = False) -> None:
    """Point deploy.json at the newest commit of the Containerfile."""
    run(c, "delivery.imageref_pin", as_json=json, debug=debug)


@task(
    name="resolve",
    positional=["file"],
    help={
        "file": "an AipodSpec as JSON",
        "commit": "where to plan a build that is required (default: HEAD)",
        "json": JSON,
        "debug": DEBUG,
    },
)
def aipod_resolve(c: Context, file: str, commit: str = "", json: bool = False, debug: bool = False) -> None:
    """Resolve an AipodSpec's imageRef to a digest-pinned image."""
    run(c, "aipod.aipod_resolve", as_json=json, debug=debug, file=file, commit=commit)


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    for item in (plan, publish, render, promote):
        root.add_task(item)
    root.add_collection(group("catalog", catalog_init, catalog_show, catalog_verify))
    root.add_collection(group("imageref", imageref_pin))
    root.add_collection(group("aipod", aipod_resolve))

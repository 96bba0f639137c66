"""The Invoke collection: flags in, ``envid.commands`` out.

Another repository takes it over in two lines::

from envid.tasks import namespace
ns = namespace
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.tasks import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.context import Context

    from envid.cli import Output

__all__ = ["namespace"]

_JSON = "print JSON for machines"
_DEBUG = "show the traceback of an error"
_COMMIT = "full commit id (default: HEAD)"


def _run(
    context: Context, command: str, *, as_json: bool, debug: bool, with_section: bool = True, **flags: Any
) -> None:
    """Call ``module.function`` of ``envid.commands``; it is imported only now, to keep ``invoke --list`` quick."""
    from envid.cli import execute  # noqa: PLC0415

    module, _, name = command.partition(".")
    function: Callable[..., Output] = getattr(import_module(f"envid.commands.{module}"), name)
    if with_section:
        flags["section"] = _section(context)
    execute(partial(function, **flags), as_json=as_json, debug=debug)


def _section(context: Context) -> Any:
    """Return invoke.yaml's ``envid`` section, which Invoke has read; None where it has none."""
    section = context.config.get("envid")
    return None if section is None else _plain(section)


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


@task(
    help={
        "commit": _COMMIT,
        "dirty": "plan the uncommitted work tree",
        "out": "also write the JSON to this file",
        "rebuild": "build this service whatever the catalog says (repeatable)",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["rebuild"],
)
def plan(
    c: Context,
    commit: str = "",
    dirty: bool = False,
    out: str = "",
    rebuild: list[str] | None = None,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Say build or reuse, and why."""
    _run(c, "delivery.plan", as_json=json, debug=debug, commit=commit, dirty=dirty, out=out, rebuild=rebuild or [])


@task(
    help={
        "commit": _COMMIT,
        "repo": "another repository's folder",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["input"],
)
def identity(
    c: Context,
    commit: str = "",
    repo: str = "",
    service: str = "",
    input: list[str] | None = None,  # noqa: A002 - the flag's name
    json: bool = False,
    debug: bool = False,
) -> None:
    """Show the envIdentity of a commit and its input table."""
    _run(
        c, "inspect.identity", as_json=json, debug=debug, commit=commit, repo=repo, service=service, inputs=input or []
    )


@task(
    help={
        "repo": "another repository's folder",
        "rev": "where to begin (default: HEAD)",
        "max-count": "at most so many commits",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "causes": "explain every change, package by package",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["input"],
)
def history(  # noqa: PLR0913, PLR0917 - each is a flag
    c: Context,
    repo: str = "",
    rev: str = "HEAD",
    max_count: int = 0,
    service: str = "",
    input: list[str] | None = None,  # noqa: A002 - the flag's name
    causes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Show the identity of every first-parent commit."""
    _run(
        c,
        "inspect.history",
        as_json=json,
        debug=debug,
        with_section=False,
        repo=repo,
        rev=rev,
        max_count=max_count,
        service=service,
        inputs=input or [],
        causes=causes,
    )


@task(
    help={
        "base": "the older side: a revision, catalog, or catalog:REV of the GitOps branch",
        "head": "the newer side, as --base (default: HEAD)",
        "repo": "another repository's folder",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "dirty": "take the uncommitted work tree as the newer side",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["input"],
)
def explain(  # noqa: PLR0913, PLR0917 - each is a flag
    c: Context,
    base: str = "",
    head: str = "",
    repo: str = "",
    service: str = "",
    input: list[str] | None = None,  # noqa: A002 - the flag's name
    dirty: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Say why the envIdentity changed (default base: the promoted catalog, or the parent without a lane)."""
    _run(
        c,
        "explain.explain",
        as_json=json,
        debug=debug,
        base=base,
        head=head,
        repo=repo,
        service=service,
        inputs=input or [],
        dirty=dirty,
    )


@task(
    help={
        "repo": "another repository's folder",
        "rev": "where to begin (default: HEAD)",
        "max-count": "at most so many commits",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "out": "the page to write (default: env-report.html)",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["input"],
)
def report(  # noqa: PLR0913, PLR0917 - each is a flag
    c: Context,
    repo: str = "",
    rev: str = "HEAD",
    max_count: int = 0,
    service: str = "",
    input: list[str] | None = None,  # noqa: A002 - the flag's name
    out: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Draw the history as one self-contained HTML page."""
    _run(
        c,
        "explain.report",
        as_json=json,
        debug=debug,
        repo=repo,
        rev=rev,
        max_count=max_count,
        service=service,
        inputs=input or [],
        out=out,
    )


@task(
    help={
        "commit": _COMMIT,
        "out": "also write the result to this file",
        "rebuild": "build this service whatever the catalog says (repeatable)",
        "run-id": "the run that builds, for the provenance",
        "json": _JSON,
        "debug": _DEBUG,
    },
    iterable=["rebuild"],
)
def publish(
    c: Context,
    commit: str = "",
    out: str = "",
    rebuild: list[str] | None = None,
    run_id: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Build or reuse each service, as planned."""
    _run(c, "delivery.publish", as_json=json, debug=debug, commit=commit, out=out, rebuild=rebuild or [], run_id=run_id)


@task(
    help={
        "commit": _COMMIT,
        "no-write": "compare only",
        "out": "folder to write to (default: in the state folder)",
        "json": _JSON,
        "debug": _DEBUG,
    }
)
def render(
    c: Context, commit: str = "", no_write: bool = False, out: str = "", json: bool = False, debug: bool = False
) -> None:
    """Render the runtime manifests."""
    _run(c, "delivery.render", as_json=json, debug=debug, commit=commit, no_write=no_write, out=out)


@task(
    help={
        "commit": _COMMIT,
        "publication": "the file that publish --out wrote (default: the commit's own)",
        "rollback-to": "bring an earlier promotion back: its GitOps or source commit",
        "json": _JSON,
        "debug": _DEBUG,
    }
)
def promote(
    c: Context,
    commit: str = "",
    publication: str = "",
    rollback_to: str = "",
    json: bool = False,
    debug: bool = False,
) -> None:
    """Push one commit with the new catalog and runtime to the GitOps branch."""
    _run(
        c,
        "delivery.promote",
        as_json=json,
        debug=debug,
        commit=commit,
        publication=publication,
        rollback_to=rollback_to,
    )


@task(
    name="resolve",
    positional=["file"],
    help={
        "file": "an AipodSpec as JSON",
        "commit": "where to plan a build that is required (default: HEAD)",
        "json": _JSON,
        "debug": _DEBUG,
    },
)
def aipod_resolve(c: Context, file: str, commit: str = "", json: bool = False, debug: bool = False) -> None:
    """Resolve an AipodSpec's imageRef to a digest-pinned image."""
    _run(c, "aipod.aipod_resolve", as_json=json, debug=debug, file=file, commit=commit)


@task(name="init", help={"json": _JSON, "debug": _DEBUG})
def catalog_init(c: Context, json: bool = False, debug: bool = False) -> None:
    """Make the lane's first catalog; refused where there is one."""
    _run(c, "delivery.catalog_init", as_json=json, debug=debug)


@task(name="show", help={"json": _JSON, "debug": _DEBUG})
def catalog_show(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show the promoted catalog."""
    _run(c, "inspect.catalog_show", as_json=json, debug=debug)


@task(name="verify", help={"json": _JSON, "debug": _DEBUG})
def catalog_verify(c: Context, json: bool = False, debug: bool = False) -> None:
    """Check catalog, registry, provenance, SBOM, manifests and signature."""
    _run(c, "assurance.catalog_verify", as_json=json, debug=debug)


@task(
    help={
        "verify": "build again without cache, and compare",
        "service": "only this service of the catalog",
        "json": _JSON,
        "debug": _DEBUG,
    }
)
def rebuild(c: Context, verify: bool = False, service: str = "", json: bool = False, debug: bool = False) -> None:
    """Build the promoted images again, and name each file that differs."""
    _run(c, "assurance.rebuild", as_json=json, debug=debug, verify=verify, service=service)


@task(
    name="digest",
    positional=["reference"],
    iterable=["also"],
    help={
        "reference": "an image reference, or - to read one a line from standard input",
        "also": "a further reference (repeatable)",
        "json": _JSON,
        "debug": _DEBUG,
    },
)
def registry_digest(
    c: Context, reference: str, also: list[str] | None = None, json: bool = False, debug: bool = False
) -> None:
    """Print the verified manifest digest of a reference."""
    _run(
        c,
        "inspect.registry_digest",
        as_json=json,
        debug=debug,
        with_section=False,
        references=[reference, *(also or [])],
    )


@task(name="pin", help={"json": _JSON, "debug": _DEBUG})
def imageref_pin(c: Context, json: bool = False, debug: bool = False) -> None:
    """Point deploy.json at the newest commit of the Containerfile."""
    _run(c, "delivery.imageref_pin", as_json=json, debug=debug)


@task(name="status", help={"json": _JSON, "debug": _DEBUG})
def git_mirror_status(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show what the mirror holds against GitHub."""
    _run(c, "mirror.git_mirror_status", as_json=json, debug=debug)


@task(name="sync", help={"json": _JSON, "debug": _DEBUG})
def git_mirror_sync(c: Context, json: bool = False, debug: bool = False) -> None:
    """Bring GitHub's source branch into the mirror."""
    _run(c, "mirror.git_mirror_sync", as_json=json, debug=debug)


@task(name="flush", help={"confirm": "really write to GitHub", "json": _JSON, "debug": _DEBUG})
def git_mirror_flush(c: Context, confirm: bool = False, json: bool = False, debug: bool = False) -> None:
    """Bring the mirror's GitOps branch to GitHub."""
    _run(c, "mirror.git_mirror_flush", as_json=json, debug=debug, confirm=confirm)


@task(name="build", help={"pin": "write its digest into the Containerfile", "json": _JSON, "debug": _DEBUG})
def base_build(c: Context, pin: bool = False, json: bool = False, debug: bool = False) -> None:
    """Build the base image from locked packages."""
    _run(c, "local.base_build", as_json=json, debug=debug, pin=pin)


@task(
    name="packages",
    help={"check": "only tell what moved", "base": "of the base image", "json": _JSON, "debug": _DEBUG},
)
def lock_packages(c: Context, check: bool = False, base: bool = False, json: bool = False, debug: bool = False) -> None:
    """Lock the system packages: names, versions and hashes."""
    _run(c, "local.lock_packages", as_json=json, debug=debug, check=check, base=base)


@task(name="up", help={"json": _JSON, "debug": _DEBUG})
def local_up(c: Context, json: bool = False, debug: bool = False) -> None:
    """Start the embedded registry, BuildKit and git mirror."""
    _run(c, "local.local_up", as_json=json, debug=debug)


@task(name="down", help={"json": _JSON, "debug": _DEBUG})
def local_down(c: Context, json: bool = False, debug: bool = False) -> None:
    """Stop them, and remove their state."""
    _run(c, "local.local_down", as_json=json, debug=debug)


@task(name="status", help={"json": _JSON, "debug": _DEBUG})
def local_status(c: Context, json: bool = False, debug: bool = False) -> None:
    """Show what of them runs, and where."""
    _run(c, "local.local_status", as_json=json, debug=debug)


def _group(name: str, *tasks: Any) -> Collection:
    collection = Collection(name)
    for item in tasks:
        collection.add_task(item)
    return collection


def _namespace() -> Collection:
    root = _group("", plan, identity, explain, history, report, publish, render, promote, rebuild)
    root.add_collection(_group("aipod", aipod_resolve))
    root.add_collection(_group("base", base_build))
    root.add_collection(_group("catalog", catalog_init, catalog_show, catalog_verify))
    root.add_collection(_group("git-mirror", git_mirror_status, git_mirror_sync, git_mirror_flush))
    root.add_collection(_group("imageref", imageref_pin))
    root.add_collection(_group("local", local_up, local_down, local_status))
    root.add_collection(_group("lock", lock_packages))
    root.add_collection(_group("registry", registry_digest))
    return root


namespace = _namespace()

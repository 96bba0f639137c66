"""Flags of the tasks that look and change nothing: identity, history, explain, report, registry.digest."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from envid.tasks.run import COMMIT, DEBUG, JSON, group, run

__all__ = ["add_to"]


@task(
    help={
        "commit": COMMIT,
        "repo": "another repository's folder",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "json": JSON,
        "debug": DEBUG,
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
    run(c, "inspect.identity", as_json=json, debug=debug, commit=commit, repo=repo, service=service, inputs=input or [])


@task(
    help={
        "base": "the older side: a revision, catalog, or catalog:REV of the GitOps branch",
        "head": "the newer side, as --base (default: HEAD)",
        "repo": "another repository's folder",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "dirty": "take the uncommitted work tree as the newer side",
        "json": JSON,
        "debug": DEBUG,
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
    run(
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
        "causes": "explain every change, package by package",
        "json": JSON,
        "debug": DEBUG,
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
    run(
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
        "repo": "another repository's folder",
        "rev": "where to begin (default: HEAD)",
        "max-count": "at most so many commits",
        "service": "a service of deploy.json (default: the first)",
        "input": "a further input's path or pattern, without deploy.json (repeatable)",
        "out": "the page to write (default: env-report.html)",
        "json": JSON,
        "debug": DEBUG,
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
    run(
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
    name="digest",
    positional=["reference"],
    iterable=["also"],
    help={
        "reference": "an image reference, or - to read one a line from standard input",
        "also": "a further reference (repeatable)",
        "json": JSON,
        "debug": DEBUG,
    },
)
def registry_digest(
    c: Context, reference: str, also: list[str] | None = None, json: bool = False, debug: bool = False
) -> None:
    """Print the verified manifest digest of a reference."""
    run(
        c,
        "inspect.registry_digest",
        as_json=json,
        debug=debug,
        references=[reference, *(also or [])],
    )


def add_to(root: Collection) -> None:
    """Add these tasks to the collection."""
    for item in (identity, explain, history, report):
        root.add_task(item)
    root.add_collection(group("registry", registry_digest))

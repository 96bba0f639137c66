"""Commands that only look: ``identity``, ``history``, ``registry.digest``, ``catalog.show``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output
from envid.commands.wiring import commit_record, find_workspace, open_gitops, open_objects, open_registry, patterns
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Section = Mapping[str, Any] | None

__all__ = ["catalog_show", "history", "identity", "registry_digest"]

_SHORT_IDENTITY = 12
_AT_ONCE = 8
_NOT_OF_REGISTRIES = frozenset({"project", "lane", "site", "repository", "sourceRepo", "registry"})


def identity(
    *, repo: str = "", commit: str = "", service: str = "", inputs: Sequence[str] = (), section: Section = None
) -> Output:
    """Show the envIdentity of a commit and the table of its inputs."""
    from envid.usecases.identity import environment_at

    del section
    with open_objects(repo) as (_, reader):
        record = commit_record(reader.objects, commit)
        environment = environment_at(reader, record, service=service, extra=patterns(inputs))
    data = {
        "schemaVersion": "agentrun.identity/1",
        "commit": environment.commit,
        "scheme": _scheme(),
        "envIdentity": environment.identity,
        "inputs": [
            {"kind": i.kind.value, "name": i.name, "mode": i.mode, "size": i.size, "blake3": i.blake3}
            | ({"value": i.value} if i.value is not None else {})
            for i in environment.inputs
        ],
    }

    def lines() -> Iterator[str]:
        rows = [(i.kind.value, i.name, i.mode or "-", str(i.size), i.blake3[:16]) for i in environment.inputs]
        yield f"commit       {environment.commit}"
        yield f"envIdentity  {environment.identity}"
        yield ""
        yield from table(("kind", "input", "mode", "bytes", "blake3"), rows)

    return Output(data=data, lines=lines())


def history(
    *,
    repo: str = "",
    rev: str = "HEAD",
    max_count: int = 0,
    service: str = "",
    inputs: Sequence[str] = (),
    causes: bool = False,
) -> Output:
    """Stream the identity of every first-parent commit, oldest last; with ``causes``, each change is explained."""
    from envid.errors import InputError
    from envid.usecases.history import history as read_history

    if max_count < 0:
        raise InputError(f"--max-count {max_count} is negative", remedy="leave it out for all commits")

    def lines() -> Iterator[tuple[Any, str]]:
        with open_objects(repo) as (_, reader):
            start = reader.objects.resolve(rev)
            for line in read_history(
                reader, start, service=service, extra=patterns(inputs), max_count=max_count or None
            ):
                data: dict[str, Any] = {"commit": line.commit, "parent": line.parent}
                data |= {"error": line.error} if line.identity is None else {"envIdentity": line.identity}
                data["changed"] = list(line.changed)
                why = ", ".join(line.changed)
                if causes:
                    from envid.usecases.explain import explain_line
                    from envid.usecases.explainview import causes_data

                    explanation = explain_line(reader, line)
                    data |= causes_data(line.decision, explanation)
                    why = "; ".join(explanation.causes) if explanation else ""
                shown = line.identity[:_SHORT_IDENTITY] if line.identity else "invalid".ljust(_SHORT_IDENTITY)
                error = f"  ({line.error})" if line.error else ""
                yield data, f"{line.commit.short}  {shown}  {line.decision:<7}  {why or '='}{error}"

    return Output(stream=lines())


def registry_digest(references: Sequence[str], *, section: Section = None) -> Output:
    """Print the verified manifest digest of each reference, one a line and nothing else; ``-`` reads standard input."""
    from envid.core.values import ImageReference

    settings = None
    # checking settings that say nothing of how to ask a registry would cost more than asking it
    given = section.keys() if isinstance(section, dict) else None
    if not given <= _NOT_OF_REGISTRIES if given is not None else Path("invoke.yaml").exists():
        from envid.adapters.settings import load_settings

        settings = load_settings(Path.cwd(), section)
    named = [name for text in references for name in (sys.stdin.read().split() if text == "-" else [text])]
    parsed = [ImageReference.parse(name) for name in named]
    with open_registry(settings) as registry:
        if len(parsed) == 1:
            digests = [registry.resolve(parsed[0])]
        else:
            from concurrent.futures import ThreadPoolExecutor

            # nearly all of a question's time is the registry's
            with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(parsed)))) as pool:
                digests = list(pool.map(registry.resolve, parsed))
    data = [{"reference": str(r), "digest": d} for r, d in zip(parsed, digests, strict=True)]
    return Output(data=data, lines=list(digests))


def catalog_show(*, section: Section = None) -> Output:
    """Show the promoted catalog."""
    from envid.usecases.plan import promoted_catalog

    workspace = find_workspace(section)
    revision, catalog = promoted_catalog(open_gitops(workspace), workspace.lane)
    rows = [
        (e.service_id, e.status, e.env_identity[:_SHORT_IDENTITY], e.digest[:19], e.boot_commit.short)
        for e in catalog.services
    ]
    lines = [
        f"{workspace.lane.gitops_branch} at {revision}",
        "",
        *table(("service", "status", "identity", "digest", "boot commit"), rows),
    ]
    return Output(data=catalog.model_dump(mode="json", exclude_none=True), lines=lines)


def _scheme() -> str:
    from envid.core.identity import SCHEME

    return SCHEME

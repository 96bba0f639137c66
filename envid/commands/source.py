"""Command of a pipeline's first step: ``source.fetch``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output
from envid.commands.results import write_results

if TYPE_CHECKING:
    from collections.abc import Mapping

    Section = Mapping[str, Any] | None

__all__ = ["source_fetch"]


def source_fetch(*, commit: str, to: str = "", results: str = "", section: Section = None) -> Output:
    """Check one commit out of the mirror, by its full id."""
    from envid.adapters.settings import open_workspace
    from envid.core.values import CommitId
    from envid.usecases.source import fetch_source

    here = Path.cwd()
    # before there is a checkout there is no invoke.yaml: the lane's own names, or the environment's, say where from
    url = open_workspace(here, section).endpoints.mirror_read_url
    done = fetch_source(CommitId(commit), Path(to).absolute() if to else here, url=url)
    write_results(results, {"commit": done.commit})
    data = {
        "schemaVersion": "agentrun.source/1",
        "commit": done.commit,
        "folder": str(done.folder),
        "mirror": url,
        "also": list(done.also),
    }
    lines = [f"{done.commit} in {done.folder}, from {url}", *(f"with {other}" for other in done.also)]
    return Output(data=data, lines=lines)

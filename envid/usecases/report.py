"""``report``: explains every commit of a history, and gathers the builds that the catalog's history knows (R16)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from envid.core.explain.redact import redact
from envid.core.report import BuildRecord, Figures, Report, ReportRow, Tally
from envid.errors import InputError
from envid.usecases.explain import explain_line
from envid.usecases.history import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from envid.core.catalog import CatalogEntry
    from envid.core.lane import Lane
    from envid.core.report import CauseFigure
    from envid.core.values import CommitId
    from envid.usecases.environment import InputReader
    from envid.usecases.history import HistoryLine

__all__ = ["FileVersions", "catalog_builds", "figures_data", "figures_lines", "read_rows", "report_row"]

_MOST_REVISIONS: Final = 500
_TOP: Final = 5
_NEWS_EVERY: Final = 500


def report_row(reader: InputReader, line: HistoryLine) -> ReportRow:
    """Explain one commit of a history."""
    return ReportRow(
        commit=line.commit,
        subject=redact(line.record.subject),
        author=line.record.author,
        date=line.record.date,
        decision=line.decision,
        identity=line.identity,
        error=line.error,
        explanation=explain_line(reader, line),
    )


def read_rows(
    reader: InputReader,
    start: CommitId,
    *,
    service: str = "",
    extra: Sequence[str] = (),
    max_count: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[tuple[ReportRow, ...], Figures]:
    """Explain every first-parent commit from ``start`` on, newest first, and count what it comes to.

    Raises:
        GitError: git failed.

    """
    tally = Tally()
    rows: list[ReportRow] = []
    for line in history(reader, start, service=service, extra=extra, max_count=max_count):
        row = report_row(reader, line)
        tally.add(row)
        rows.append(row)
        if len(rows) % _NEWS_EVERY == 0:
            progress(f"{len(rows)} commits explained")
    return tuple(rows), tally.figures()


class FileVersions(Protocol):
    """A branch that can show what a file was, version by version."""

    def tip(self) -> CommitId | None:
        """Return where the branch is, or None when there is no such branch."""

    def versions(self, tip: CommitId, path: str, *, limit: int) -> Iterable[bytes]:
        """Return the contents that ``path`` has had, newest first."""


def catalog_builds(
    branch: FileVersions, lane: Lane, size_of: Callable[[CatalogEntry], int | None]
) -> tuple[BuildRecord, ...]:
    """Return every build that the catalog's history knows, newest first; ``size_of`` asks for an image's bytes.

    Versions that are no catalog of this lane are passed over: an old fault must not hide what came after.

    Raises:
        GitError: the GitOps branch could not be read.

    """
    from envid.core.catalog import parse_catalog  # noqa: PLC0415 - a repository without a lane needs no pydantic

    tip = branch.tip()
    if tip is None:
        return ()
    found: dict[tuple[str, str], CatalogEntry] = {}
    for content in branch.versions(tip, lane.catalog_path, limit=_MOST_REVISIONS):
        try:
            catalog = parse_catalog(content, where=lane.catalog_path)
        except InputError:
            continue
        if catalog.belongs_to(lane):
            for entry in catalog.services:
                # the oldest version that has an image is the one that built it; later ones reuse it
                found[entry.service_id, entry.digest] = entry
    builds = [_build(entry, size_of(entry)) for entry in found.values()]
    return tuple(sorted(builds, key=lambda build: build.started, reverse=True))


def _build(entry: CatalogEntry, size: int | None) -> BuildRecord:
    provenance = entry.provenance
    started, finished = (datetime.fromisoformat(text) for text in (provenance.started_on, provenance.finished_on))
    return BuildRecord(
        service=entry.service_id,
        identity=entry.env_identity,
        commit=entry.source_commit,
        digest=entry.digest,
        started=provenance.started_on,
        seconds=max((finished - started).total_seconds(), 0.0),
        size=size,
    )


def figures_data(report: Report, out: str) -> dict[str, Any]:
    """Return the figures as JSON-able data."""
    figures = report.figures
    return {
        "schemaVersion": "agentrun.report/1",
        "title": report.title,
        "revision": report.revision,
        "out": out,
        "commits": figures.commits,
        "builds": figures.builds,
        "reuses": figures.reuses,
        "blocked": figures.blocked,
        "identities": figures.identities,
        "reuseRate": round(figures.reuse_rate, 4),
        "longestReuseRun": figures.longest_run,
        "advisor": {
            "productionChanged": figures.production,
            "productionUnchanged": figures.unchanged,
            "productionUnknown": figures.unknown,
            "devOnlyOrFormatting": figures.dev_only,
            "imageChangedOtherwise": figures.needed,
            "unchangedShare": round(figures.unchanged_share, 4),
        },
        "causes": [_cause_data(cause) for cause in figures.causes],
        "knownBuilds": None if report.builds is None else len(report.builds),
    }


def _cause_data(cause: CauseFigure) -> dict[str, Any]:
    return {
        "kind": cause.key.kind,
        "name": cause.key.name,
        "reach": cause.reach or None,
        "rebuilds": cause.rebuilds,
        "alone": cause.alone,
    }


def figures_lines(figures: Figures, out: str) -> list[str]:
    """Return the figures for people."""
    blocked = f", {figures.blocked} without an identity" if figures.blocked else ""
    head = (
        f"{figures.commits} commits, {figures.identities} identities: {figures.builds} rebuilds, {figures.reuses} "
        f"reuses ({figures.reuse_rate:.0%}){blocked}"
    )
    advice = (
        f"{figures.unchanged} of {figures.builds} rebuilds ({figures.unchanged_share:.0%}) left the production "
        "packages as they were"
    )
    causes = [
        f"  {cause.rebuilds:>6}  {cause.key.name}" + (f" ({cause.reach})" if cause.reach else "")
        for cause in figures.causes[:_TOP]
    ]
    return [head, advice, *causes, f"wrote {out}"]

"""The timeline: one mark a commit, a hundred a row, and one bar for every run of reuses."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from envid.core.report.commits import mark_of
from envid.core.report.markup import esc, short_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envid.core.report.model import ReportRow

__all__ = ["timeline_rows"]

_PER_ROW: Final = 100
_HEIGHT: Final = 22
_HEIGHTS: Final = {"p": 22, "s": 16, "k": 12, "x": 22, "u": 6}


def timeline_rows(rows: Sequence[ReportRow]) -> Iterator[str]:
    """Draw ``rows`` (newest first) from the oldest on. A mark's height says what its colour says."""
    oldest_first = rows[::-1]
    for begin in range(0, len(oldest_first), _PER_ROW):
        part = oldest_first[begin : begin + _PER_ROW]
        label = f"<span>{short_date(part[0].date)}</span>"
        yield (
            f'<li>{label}<svg viewBox="0 0 {_PER_ROW * 10} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
            f"{''.join(_marks(part))}</svg></li>"
        )


def _marks(part: Sequence[ReportRow]) -> Iterator[str]:
    at = 0
    for mark, group in groupby(part, key=mark_of):
        members = list(group)
        top, height = _HEIGHT - _HEIGHTS[mark], _HEIGHTS[mark]
        if mark == "u":
            width = len(members) * 10
            yield f'<rect class="u" x="{at}" y="{top}" width="{width}" height="{height}"/>'
            at += width
            continue
        for row in members:
            yield (
                f'<a href="#c-{row.commit.short}" tabindex="-1"><rect class="{mark}" x="{at + 1}" y="{top}" width="8" '
                f'height="{height}"><title>{esc(row.subject, 60)}</title></rect></a>'
            )
            at += 10

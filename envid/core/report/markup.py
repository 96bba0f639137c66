"""Small pieces of HTML that several parts of the page need."""

from __future__ import annotations

from html import escape

from envid.core.explain.redact import one_line

__all__ = ["bar", "esc", "number", "percent", "short_date"]


def esc(text: str, limit: int = 120) -> str:
    """Return ``text`` as HTML in one line: no markup, no control characters, no surrogates, at most ``limit`` long."""
    return escape(one_line(text, limit))


def number(value: int, noun: str) -> str:
    """Return ``1 commit`` or ``1,022 commits``."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def percent(share: float) -> str:
    """Return a share as people write it: only nothing is 0 %, and only all is 100 %."""
    if 0 < share < 0.01:  # noqa: PLR2004 - below one percent
        return "<1\N{NO-BREAK SPACE}%".replace("<", "&lt;")
    rounded = min(round(share * 100), 99) if share < 1 else 100
    return f"{rounded}\N{NO-BREAK SPACE}%"


def short_date(date: str) -> str:
    """Return the day of an ISO 8601 instant, for HTML."""
    return esc(date[:10], 10)


def bar(share: float, mark: str) -> str:
    """Draw a share of the longest bar; the figure stands beside it, so a screen reader passes it over."""
    width = f"{min(max(share, 0.0), 1.0) * 100:.1f}".rstrip("0").rstrip(".")
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{mark}" width="{width}" height="10"/></svg>'
    )

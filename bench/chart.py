"""Draws what was measured: for each comparison, how near the ratio comes to its bound."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Comparison

__all__ = ["chart"]

ROW: Final = 24
LEFT: Final = 300
WIDTH: Final = 420
RIGHT: Final = 240
LARGEST: Final = 2.0
"""Where the scale ends, in bounds: a bar that would go further is cut there, and its number says how far."""
COLOURS: Final = {"holds": "#2e7d32", "broken": "#c62828", "too noisy to tell": "#f9a825"}
HEAD: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
)


def chart(found: Sequence[Comparison]) -> str:
    """Return an SVG with a bar for each comparison; the line is the bound, the whisker half of the paired ratios."""
    height = ROW * (len(found) + 2)
    bound = LEFT + WIDTH / LARGEST
    parts = [
        HEAD.format(width=LEFT + WIDTH + RIGHT, height=height),
        f'<rect width="{LEFT + WIDTH + RIGHT}" height="{height}" fill="white"/>',
        f'<line x1="{bound:.0f}" x2="{bound:.0f}" y1="{ROW}" y2="{height - ROW / 2:.0f}" stroke="#555"/>',
        f'<text x="{bound:.0f}" y="{ROW * 0.7:.0f}" text-anchor="middle">the bound; further left is faster</text>',
    ]
    for number, comparison in enumerate(found):
        parts += _row(comparison, ROW * (number + 1.2))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(comparison: Comparison, top: float) -> list[str]:
    def place(ratio: float) -> float:
        return LEFT + WIDTH * min(ratio / comparison.bound, LARGEST) / LARGEST

    middle, text = top + ROW * 0.4, top + ROW * 0.6
    width, low, high = place(comparison.ratio) - LEFT, place(comparison.low), place(comparison.high)
    colour = COLOURS[comparison.verdict]
    figures = f"{comparison.ratio:.2f} of {comparison.bound:g}, {comparison.ours_ms:.0f} ms"
    return [
        f'<text x="{LEFT - 8}" y="{text:.0f}" text-anchor="end">{escape(comparison.name)}</text>',
        f'<rect x="{LEFT}" y="{top:.0f}" width="{width:.0f}" height="{ROW * 0.8:.0f}" fill="{colour}"/>',
        f'<line x1="{low:.0f}" x2="{high:.0f}" y1="{middle:.0f}" y2="{middle:.0f}" stroke="black" stroke-width="2"/>',
        f'<text x="{LEFT + WIDTH + 8}" y="{text:.0f}">{escape(figures)}</text>',
    ]

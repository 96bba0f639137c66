"""Text for people: tables, colours, and the removal of what a terminal would obey."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Painted", "clean", "columns", "fit", "hide_logins", "paint", "table"]

_COLOURS: Final = {"added": "32", "removed": "31", "strong": "1", "weak": "2", "warn": "33"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_LOGIN: Final = re.compile(r"(https?://|[a-z0-9+.-]+://[^/\s:@\"'\\]*:)[^/\s@\"'\\]+@", re.IGNORECASE)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lay out columns of text, the header underlined; the last column is not padded."""
    cells = [header, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def clean(text: str) -> str:
    """Replace what must not be shown: control characters, which a terminal would obey, and the logins of URLs."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", hide_logins(text))


def hide_logins(text: str) -> str:
    """Replace the logins of URLs; the user of an ``ssh://`` URL without a password is none."""
    return _LOGIN.sub(r"\1***@", text) if "://" in text else text


class Painted(NamedTuple):
    """A line whose parts have a meaning, which a terminal shows as a colour; an empty meaning has none."""

    parts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(text for _, text in self.parts)


def paint(line: str | Painted) -> str:
    """Return a line as standard output may have it: cleaned, and in colour only on a terminal that wants it."""
    if isinstance(line, str):
        return clean(line)
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return clean(str(line))
    return "".join(
        f"\x1b[{_COLOURS[meaning]}m{clean(text)}\x1b[0m" if meaning else clean(text) for meaning, text in line.parts
    )


def columns(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def fit(text: str, width: int) -> str:
    """Return ``text`` in one line, cut to ``width`` columns of a terminal; what is cut ends with an ellipsis."""
    shown = clean(text).replace("\n", " ").replace("\t", " ")
    if columns(shown) <= width:
        return shown
    kept, used = "", 1
    for character in shown:
        used += _columns_of(character)
        if used > width:
            break
        kept += character
    return kept + "…"


def _columns_of(character: str) -> int:
    import unicodedata  # noqa: PLC0415 - text in ASCII needs no table of characters

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

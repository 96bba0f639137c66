"""Patterns for declared inputs: ``*`` and ``?`` within one folder, ``**`` across folders; nothing else is special."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["is_pattern", "matches", "static_prefix"]

_SPECIAL: Final = re.compile(r"[*?]")


def is_pattern(text: str) -> bool:
    """Tell whether ``text`` can match more than the one path it spells."""
    return _SPECIAL.search(text) is not None


def static_prefix(pattern: str) -> str:
    """Return the folder (without a trailing slash, empty for the root) below which every match lies."""
    head = pattern[: match.start()] if (match := _SPECIAL.search(pattern)) else pattern
    return head.rpartition("/")[0]


def matches(pattern: str, path: str) -> bool:
    """Tell whether ``path`` matches the whole of ``pattern``."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    for piece in re.findall(r"\*\*/|\*\*|[*?]|[^*?]+", pattern):
        if piece == "**/":
            parts.append("(?:[^/]+/)*")
        elif piece == "**":
            parts.append(".*")
        elif piece == "*":
            parts.append("[^/]*")
        elif piece == "?":
            parts.append("[^/]")
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts), re.DOTALL)

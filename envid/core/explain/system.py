"""Diff of system package lists and their locks.

A lock's line is ``name version architecture sha256``; a list's line is a name, or ``name=version``. ``#`` begins a
comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from envid.core.explain.lines import diff_lines
from envid.core.explain.model import Change, LineDiff, SystemPackageChange

__all__ = ["SystemDiff", "diff_system_packages"]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LOCK_FIELDS: Final = 4
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemDiff:
    """What changed between two lists or locks of system packages; ``errors`` and ``lines`` as in `LockDiff`."""

    packages: tuple[SystemPackageChange, ...] = ()
    formatting_only: bool = False
    errors: tuple[str, ...] = ()
    lines: LineDiff | None = None


def diff_system_packages(old: bytes, new: bytes) -> SystemDiff:
    """Compare two lists or two locks of system packages; when one can't be read, by line, with the reason."""
    if old == new:
        return SystemDiff()
    before, old_problem = _read(old)
    after, new_problem = _read(new)
    problems = (("old", old_problem), ("new", new_problem))
    errors = tuple(f"the {side} one can't be read: {text}" for side, text in problems if text)
    if errors:
        return SystemDiff(errors=errors, lines=diff_lines(old, new))
    packages = tuple(
        _change(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )
    return SystemDiff(packages=packages, formatting_only=not packages)


def _read(content: bytes) -> tuple[dict[_Key, tuple[str, str]], str]:
    """Return (name, architecture) → (version, SHA-256), with empty texts for what a list lacks; and what is wrong."""
    found: dict[_Key, tuple[str, str]] = {}
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        return {}, f"byte {error.start} is not UTF-8"
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) == _LOCK_FIELDS and _SHA256.fullmatch(words[3]):
            key, entry = (words[0], words[2]), (words[1], words[3])
        elif len(words) == 1:
            name, _, version = words[0].partition("=")
            key, entry = (name, ""), (version, "")
        else:
            return {}, f"line {number} is neither a name nor name, version, architecture and SHA-256"
        if key in found:
            return {}, f"line {number} names {key[0]} a second time"
        found[key] = entry
    return found, ""


def _change(key: _Key, old: tuple[str, str] | None, new: tuple[str, str] | None) -> SystemPackageChange:
    return SystemPackageChange(
        name=key[0],
        architecture=key[1] or None,
        change=Change.ADDED if old is None else Change.REMOVED if new is None else Change.CHANGED,
        old_version=(old and old[0]) or None,
        new_version=(new and new[0]) or None,
        old_sha256=(old and old[1]) or None,
        new_sha256=(new and new[1]) or None,
    )

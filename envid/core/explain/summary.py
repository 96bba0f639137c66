"""The one line per input that a person reads first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from envid.core.explain.model import (
    Change,
    LineDiff,
    LockDiff,
    PackageChange,
    PackageChangeKind,
    PackageState,
    SystemPackageChange,
    ValueChange,
)
from envid.core.explain.redact import one_line

__all__ = [
    "FORMATTING_ONLY",
    "count",
    "lines_summary",
    "lock_summary",
    "package_text",
    "system_summary",
    "value_text",
    "values_summary",
]

FORMATTING_ONLY = "formatting only; bytes count, meaning did not change"


def lock_summary(diff: LockDiff) -> str:
    """Say what a lock's change comes to, as ``elysia 1.4.21 → 1.4.22 (direct, production) and 3 more``."""
    if diff.formatting_only:
        return FORMATTING_ONLY
    if diff.packages:
        return _and_more(package_text(diff.packages[0]), len(diff.packages))
    if diff.manifest:
        return f"no package changed; {values_summary(diff.manifest)}"
    return lines_summary(diff.lines)


def package_text(change: PackageChange) -> str:
    """Say what happened to one package, with its labels."""
    labels = ", ".join(_labels(change))
    old, new = change.old, change.new
    name = one_line(change.name)
    match change.change:
        case PackageChangeKind.ADDED if new:
            text = f"{name} {_version(new)} added"
        case PackageChangeKind.REMOVED if old:
            text = f"{name} {_version(old)} removed"
        case PackageChangeKind.INTEGRITY if new:
            text = f"{name} {_version(new)} has other bytes (integrity)"
        case PackageChangeKind.REACH if new:
            text = f"{name} {_version(new)} is now {'production' if new.production else 'dev-only'}"
        case PackageChangeKind.DETAILS if new:
            text = f"{name} {_version(new)} has other details"
        case _ if old and new:
            text = f"{name} {_full(old, new)} → {_full(new, old)}"
        case _:
            text = name
    return f"{text} ({labels})"


def _labels(change: PackageChange) -> list[str]:
    path = change.path
    way = "direct" if change.direct else f"via {' > '.join(path[:-1])}" if len(path) > 1 else "unreferenced"
    labels = [one_line(way), "production" if change.production else "dev-only"]
    if change.elsewhere:
        labels.append("another copy")
    return labels


def _version(state: PackageState) -> str:
    return one_line(state.version, 60)


def _full(state: PackageState, other: PackageState) -> str:
    """Name the package and its source where the two sides differ in them."""
    name = f"{state.package}@" if state.package != other.package else ""
    source = f"{state.source}:" if state.source != other.source and not state.version.startswith(state.source) else ""
    origin = f" from {state.registry or 'the default registry'}" if state.registry != other.registry else ""
    return one_line(f"{name}{source}{state.version}{origin}", 60)


def values_summary(values: Sequence[ValueChange]) -> str:
    """Say what changed by path."""
    return _and_more(value_text(values[0]), len(values)) if values else FORMATTING_ONLY


def value_text(change: ValueChange) -> str:
    """Say what happened to one value."""
    path = one_line(change.path)
    match change.change:
        case Change.ADDED:
            return f"{path} added: {_value(change.new)}"
        case Change.REMOVED:
            return f"{path} removed: {_value(change.old)}"
        case _:
            return f"{path} {_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False, sort_keys=True), 40)


def system_summary(changes: Sequence[SystemPackageChange]) -> str:
    """Say what happened to the system packages."""
    if not changes:
        return FORMATTING_ONLY
    first = changes[0]
    name = one_line(first.name)
    match first.change:
        case Change.ADDED:
            text = " ".join(filter(None, (name, first.new_version, "added")))
        case Change.REMOVED:
            text = " ".join(filter(None, (name, first.old_version, "removed")))
        case _ if first.old_version != first.new_version:
            text = f"{name} {first.old_version or 'any'} → {first.new_version or 'any'}"
        case _:
            text = f"{name} {first.new_version} has other bytes (SHA-256)"
    return _and_more(one_line(text), len(changes))


def lines_summary(diff: LineDiff | None) -> str:
    """Say how many lines changed, and where the first is."""
    if diff is None:
        return "changed"
    first = next((line for hunk in diff.hunks for line in hunk.lines if line.op != " "), None)
    if first is None:
        return diff.notes[0] if diff.notes else "changed"
    counts = [f"{count(n, 'line')} {word}" for n, word in ((diff.added, "added"), (diff.removed, "removed")) if n]
    return f"{', '.join(counts)}, first at line {first.new or first.old}"


def count(number: int, noun: str) -> str:
    """Return ``1 line`` or ``2 lines``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _and_more(text: str, total: int) -> str:
    return text if total == 1 else f"{text} and {total - 1} more"

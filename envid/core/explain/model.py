"""What an explanation says: frozen values that `to_json` turns into what ``docs/schemas/explanation.schema.json`` has.

``old`` is always the base's side and ``new`` the head's; None on a side means that it isn't there. Two diffs with the
sides swapped say the same with ``old`` and ``new`` swapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Final

__all__ = [
    "DERIVED",
    "Change",
    "DiffLine",
    "Explanation",
    "Hunk",
    "InputChange",
    "InputView",
    "LineDiff",
    "LockDiff",
    "PackageChange",
    "PackageChangeKind",
    "PackageState",
    "Reach",
    "SystemPackageChange",
    "ValueChange",
    "camel",
    "to_json",
]


class Change(StrEnum):
    """What happened to a thing that has a name."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class PackageChangeKind(StrEnum):
    """What happened to one place of a lock, the weightiest first.

    ``resolution``: from elsewhere (npm → git, another URL or registry, another package under an alias). ``reach``: the
    row is the same, but it entered or left the production closure. ``details``: only what the lock notes about it (its
    own ranges, bin, os, cpu).
    """

    ADDED = "added"
    REMOVED = "removed"
    RESOLUTION = "resolution"
    VERSION = "version"
    INTEGRITY = "integrity"
    REACH = "reach"
    DETAILS = "details"


class Reach(StrEnum):
    """How far a change goes: into the production closure, or not."""

    PRODUCTION = "production"
    DEV_ONLY = "dev-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputView:
    """One input as an explanation sees it.

    ``kind`` and ``name`` as in the identity, ``mode`` is git's file mode or empty, ``blake3`` 64 hex digits, ``size``
    in bytes. ``content`` (files) or ``value`` is None where only the record is left, as from a catalog.
    """

    kind: str
    name: str
    mode: str
    blake3: str
    content: bytes | None = None
    value: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """One value that differs. ``path`` is a JSON path, or a field's name; ``change`` tells a null from an absence."""

    path: str
    change: Change
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """One line: ``op`` is ``-``, ``+`` or a space; the numbers count from 1, None on the side that lacks the line."""

    op: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines that changed, with up to three unchanged ones around them."""

    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDiff:
    """A diff by line. ``added`` and ``removed`` count all; ``omitted`` counts the lines left out of ``hunks``."""

    hunks: tuple[Hunk, ...]
    added: int
    removed: int
    omitted: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageState:
    """A package of a lock on one side.

    ``package`` is its own name (an alias's place has another); ``source`` npm, workspace, folder, link, tarball, git,
    github or root; ``registry`` is empty for the default one.
    ``path`` holds the names along the shortest way from a root; it is empty when nothing leads to it.
    """

    package: str
    source: str
    version: str
    registry: str
    integrity: str | None
    direct: bool
    production: bool
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """What happened at one place of a lock.

    ``name`` is the name that dependents use. ``elsewhere`` says that the same package and version stands at another
    place on the side that lacks this one: it moved or was copied.
    """

    place: str
    name: str
    change: PackageChangeKind
    elsewhere: bool
    old: PackageState | None
    new: PackageState | None

    @property
    def production(self) -> bool:
        """Whether it is in the production closure of either side."""
        return any(side.production for side in (self.old, self.new) if side)

    @property
    def direct(self) -> bool:
        """Whether a manifest of this repository names it, on either side."""
        return any(side.direct for side in (self.old, self.new) if side)

    @property
    def path(self) -> tuple[str, ...]:
        """The way to it: the new one, or the old one when nothing leads to it any more."""
        return next((side.path for side in (self.new, self.old) if side and side.path), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDiff:
    """What changed between two locks.

    ``packages`` has one item per place, the weightiest first; ``manifest`` is all of the lock but its packages.
    ``production_changed`` is None when that can't be said. ``errors`` says per unreadable side why, and ``lines`` is
    then what is left to say.
    """

    packages: tuple[PackageChange, ...] = ()
    manifest: tuple[ValueChange, ...] = ()
    production_changed: bool | None = None
    formatting_only: bool = False
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lines: LineDiff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackageChange:
    """A system package that differs. ``architecture``, version and SHA-256 are None where a list has only names."""

    name: str
    architecture: str | None
    change: Change
    old_version: str | None = None
    new_version: str | None = None
    old_sha256: str | None = None
    new_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """One input that differs.

    ``summary`` is one line for people. ``formatting_only``: the bytes count, but what they mean did not change.
    ``reach`` is None where an input has no such notion, or it can't be known. ``notes`` says what went wrong, and what
    can't be known.
    """

    kind: str
    name: str
    change: Change
    summary: str
    old_blake3: str | None
    new_blake3: str | None
    old_mode: str | None
    new_mode: str | None
    old_size: int | None
    new_size: int | None
    formatting_only: bool = False
    reach: Reach | None = None
    notes: tuple[str, ...] = ()
    packages: tuple[PackageChange, ...] = ()
    values: tuple[ValueChange, ...] = ()
    system_packages: tuple[SystemPackageChange, ...] = ()
    lines: LineDiff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why two identities differ: ``changes`` is empty when they don't. ``unchanged`` names what stayed the same.

    ``production_changed`` says whether the production closure of ``bun.lock`` differs; None when that can't be known.
    ``dev_only`` says that every change goes no further than development dependencies, or formatting: the rebuild makes
    the same ``node_modules``.
    """

    changes: tuple[InputChange, ...]
    unchanged: tuple[str, ...]
    production_changed: bool | None
    dev_only: bool

    @property
    def causes(self) -> tuple[str, ...]:
        """One line per input that differs."""
        return tuple(change.summary for change in self.changes)


DERIVED: Final[Mapping[type, tuple[str, ...]]] = {PackageChange: ("production", "direct", "path")}
"""Properties that stand in the JSON beside the fields."""


def to_json(value: Any) -> Any:
    """Return ``value`` and all in it as JSON values, with camelCase names; the same value always gives the same."""
    if is_dataclass(value) and not isinstance(value, type):
        names = (*(field.name for field in fields(value)), *DERIVED.get(type(value), ()))
        return {camel(name): to_json(getattr(value, name)) for name in names}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def camel(name: str) -> str:
    """Return a Python name as JSON has it."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)

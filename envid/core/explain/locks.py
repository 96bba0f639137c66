"""Diff of two ``bun.lock`` files, package by package, each labelled with how far it reaches."""

from __future__ import annotations

from typing import Any, Final

from envid.core.bunlock import BunLock, LockGraph, Package, Source, graph_of, last_name, read_lock
from envid.core.explain.lines import diff_lines
from envid.core.explain.model import LockDiff, PackageChange, PackageChangeKind, PackageState
from envid.core.explain.redact import redact
from envid.core.explain.values import diff_json_values, error_line
from envid.errors import InputError

__all__ = ["diff_locks", "diff_read_locks"]

_KINDS: Final = tuple(PackageChangeKind)
_MAX_NOTED: Final = 5
_NEWEST_CONFIG: Final = 1


def diff_locks(old: bytes, new: bytes, *, where: str = "bun.lock") -> LockDiff:
    """Compare two locks; when one can't be read, by line, with the reason."""
    if old == new:
        return LockDiff(production_changed=False)
    read: list[BunLock] = []
    errors = []
    for side, content in (("old", old), ("new", new)):
        try:
            read.append(read_lock(content, where=where))
        except InputError as error:
            errors.append(error_line(side, error))
    if errors:
        return LockDiff(errors=tuple(errors), lines=diff_lines(old, new))
    return diff_read_locks(read[0], read[1])


def diff_read_locks(
    old: BunLock,
    new: BunLock,
    *,
    old_graph: LockGraph | None = None,
    new_graph: LockGraph | None = None,
) -> LockDiff:
    """Compare two locks that differ in bytes. The graphs may be given by a caller that has them already."""
    before = _Side(old, old_graph or graph_of(old))
    after = _Side(new, new_graph or graph_of(new))
    changes = []
    for place in old.packages.keys() | new.packages.keys():
        kind = _kind_of(place, before, after)
        if kind is not None:
            changes.append(_change(place, kind, before, after))
    manifest = diff_json_values(old.manifest, new.manifest)
    return LockDiff(
        packages=tuple(sorted(changes, key=_weight)),
        manifest=manifest,
        production_changed=before.production() != after.production(),
        formatting_only=not changes and not manifest,
        notes=(*before.notes("old"), *after.notes("new")),
    )


class _Side:
    """One lock with what is known about it."""

    def __init__(self, lock: BunLock, graph: LockGraph) -> None:
        self.packages = lock.packages
        self.graph = graph
        self._lock = lock
        self._idents: set[tuple[str, str, str]] | None = None

    def has(self, package: Package) -> bool:
        """Whether the same package stands anywhere here."""
        if self._idents is None:
            self._idents = {(p.name, p.source, p.version) for p in self.packages.values()}
        return (package.name, package.source, package.version) in self._idents

    def state(self, place: str) -> PackageState | None:
        package = self.packages.get(place)
        if package is None:
            return None
        return PackageState(
            package=package.name,
            source=package.source,
            version=redact(package.version),
            registry=redact(package.registry),
            integrity=package.integrity,
            direct=place in self.graph.direct,
            production=place in self.graph.production,
            path=self.graph.path_to(place),
        )

    def production(self) -> dict[str, tuple[Any, ...]]:
        """Return what decides the production ``node_modules``, as far as the lock has it, by place."""
        lock = self._lock
        return {
            place: (
                package.name,
                package.source,
                package.version,
                package.registry,
                package.integrity,
                package.resolved,
                lock.patched.get(f"{package.name}@{package.version}"),
                last_name(place) in lock.trusted,
            )
            for place in self.graph.production
            for package in (self.packages[place],)
        }

    def notes(self, side: str) -> list[str]:
        notes = []
        if missing := self.graph.unresolved:
            shown = ", ".join(f"{name} (of {owner or 'the root'})" for owner, name in missing[:_MAX_NOTED])
            more = f" and {len(missing) - _MAX_NOTED} more" if len(missing) > _MAX_NOTED else ""
            notes.append(f"the {side} lock has no package for {shown}{more}; bun install --frozen-lockfile refuses it")
        config = self._lock.config_version
        if config is not None and config > _NEWEST_CONFIG:
            notes.append(f"the {side} lock has configVersion {config}, which is newer than this reader knows")
        return notes


def _kind_of(place: str, before: _Side, after: _Side) -> PackageChangeKind | None:
    old, new = before.packages.get(place), after.packages.get(place)
    if old is None:
        return PackageChangeKind.ADDED
    if new is None:
        return PackageChangeKind.REMOVED
    if (old.name, old.source) != (new.name, new.source) or _origin(old) != _origin(new):
        return PackageChangeKind.RESOLUTION
    if old.version != new.version:
        return PackageChangeKind.VERSION
    if old.integrity != new.integrity:
        return PackageChangeKind.INTEGRITY
    if (place in before.graph.production) != (place in after.graph.production):
        return PackageChangeKind.REACH
    if (old.details, old.resolved) != (new.details, new.resolved):
        return PackageChangeKind.DETAILS
    return None


def _origin(package: Package) -> str:
    """Where it comes from, without what moves with every version."""
    match package.source:
        case Source.NPM:
            return package.registry
        case Source.GIT | Source.GITHUB:
            return package.version.partition("#")[0]
        case _:
            return package.version


def _change(place: str, kind: PackageChangeKind, before: _Side, after: _Side) -> PackageChange:
    elsewhere = (kind is PackageChangeKind.ADDED and before.has(after.packages[place])) or (
        kind is PackageChangeKind.REMOVED and after.has(before.packages[place])
    )
    return PackageChange(
        place=place,
        name=last_name(place),
        change=kind,
        elsewhere=elsewhere,
        old=before.state(place),
        new=after.state(place),
    )


def _weight(change: PackageChange) -> tuple[Any, ...]:
    """Put first what a person asks for first: versions before notes, direct before pulled in, production before dev."""
    light = change.change is PackageChangeKind.DETAILS
    kind = _KINDS.index(PackageChangeKind.VERSION if change.change in _EQUAL else change.change)
    return light, change.elsewhere, not change.direct, not change.production, kind, change.place


_EQUAL: Final = frozenset(
    {
        PackageChangeKind.ADDED,
        PackageChangeKind.REMOVED,
        PackageChangeKind.RESOLUTION,
        PackageChangeKind.VERSION,
    }
)

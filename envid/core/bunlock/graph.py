"""What depends on what in a lock: Bun's own lookup, the production closure, and the shortest way to a package.

Production is what ``bun install --production`` installs on some platform: from the root and every workspace, what
``dependencies``, ``optionalDependencies`` and ``peerDependencies`` lead to. An optional peer counts when the lock has
a package for it, because Bun then installs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envid.core.bunlock.model import BunLock, Needs, Source

__all__ = ["LockGraph", "graph_of", "last_name", "parent_place", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGraph:
    """The answers for one lock; every set holds places.

    ``production`` is the production closure, ``reached`` all that any root leads to, ``direct`` what a root's or
    workspace's manifest names itself. ``unresolved`` holds (place or workspace path, dependency) that a mandatory
    dependency finds no package for: Bun refuses such a lock. ``production_ways`` and ``ways`` hold, for each place that
    is reached, the name it is reached by and the place before it, which is empty at a root.
    """

    production: frozenset[str]
    reached: frozenset[str]
    direct: frozenset[str]
    unresolved: tuple[tuple[str, str], ...]
    production_ways: Mapping[str, tuple[str, str]]
    ways: Mapping[str, tuple[str, str]]

    def path_to(self, place: str) -> tuple[str, ...]:
        """Return the names along the shortest way to ``place``, its own last; empty when nothing leads there.

        A way that begins in a workspace has the workspace's name first. For a package in the production closure, only
        production dependencies make a way.
        """
        ways = self.production_ways if place in self.production_ways else self.ways
        names: list[str] = []
        at = place
        while at in ways:
            name, before = ways[at]
            names.append(name)
            if before == "":
                break
            at = before
        return tuple(reversed(names))


def parent_place(place: str) -> str:
    """Return the place that ``place`` is nested under, or an empty string at the top."""
    slash = place.rfind("/")
    if slash < 0:
        return ""
    before = place.rfind("/", 0, slash)
    if place[before + 1] == "@":  # the last name is scoped, so its own slash is not a border
        return place[:before] if before > 0 else ""
    return place[:slash]


def last_name(place: str) -> str:
    """Return the name at the end of ``place``: the one that dependents use."""
    parent = parent_place(place)
    return place[len(parent) + 1 :] if parent else place


def resolve(packages: Mapping[str, object], place: str, name: str) -> str | None:
    """Return the place of the package that ``name`` means inside ``place``: the nearest one, going outwards."""
    while place:
        nested = f"{place}/{name}"
        if nested in packages:
            return nested
        place = parent_place(place)
    return name if name in packages else None


def graph_of(lock: BunLock) -> LockGraph:
    """Compute the graph of ``lock``: linear in its dependencies."""
    walk = _Walk(lock)
    production = walk.closure(dev=False)
    everything = walk.closure(dev=True)
    return LockGraph(
        production=frozenset(production),
        reached=frozenset(everything),
        direct=frozenset(walk.direct),
        unresolved=tuple(sorted(walk.unresolved)),
        production_ways=production,
        ways=everything,
    )


class _Walk:
    def __init__(self, lock: BunLock) -> None:
        self._packages = lock.packages
        self._workspaces = [lock.workspaces[path] for path in sorted(lock.workspaces)]
        self._own = {
            package.place: lock.workspaces[package.version].name
            for package in lock.packages.values()
            if package.source is Source.WORKSPACE
        }
        self.direct: set[str] = set(self._own)
        self.unresolved: set[tuple[str, str]] = set()

    def closure(self, *, dev: bool) -> dict[str, tuple[str, str]]:
        """Return place → (the name it is reached by, the place before it) for everything reached, breadth first."""
        came = {place: (name, "") for place, name in sorted(self._own.items())}
        row: list[str] = []
        places = {name: place for place, name in sorted(self._own.items(), reverse=True)}
        for workspace in self._workspaces:
            scope = workspace.name if workspace.path else ""
            before = places.get(workspace.name, "") if workspace.path else ""
            for place, name in self._edges(workspace.path, scope, workspace.needs, dev=dev):
                self.direct.add(place)
                if place not in came:
                    came[place] = (name, before)
                    row.append(place)
        while row:
            following: list[str] = []
            for place in row:
                package = self._packages[place]
                deep = dev and package.source is Source.FOLDER
                for found, name in self._edges(place, place, package.needs, dev=deep):
                    if found not in came:
                        came[found] = (name, place)
                        following.append(found)
            row = following
        return came

    def _edges(self, owner: str, scope: str, needs: Needs, *, dev: bool) -> Iterable[tuple[str, str]]:
        groups = (
            (needs.production, needs.optional, needs.peer, needs.dev)
            if dev
            else (
                needs.production,
                needs.optional,
                needs.peer,
            )
        )
        names = set().union(*groups)
        for name in sorted(names):
            place = resolve(self._packages, scope, name)
            if place is not None:
                yield place, name
            elif not self._may_be_absent(needs, name, dev=dev):
                self.unresolved.add((owner, name))

    @staticmethod
    def _may_be_absent(needs: Needs, name: str, *, dev: bool) -> bool:
        if name in needs.production or (dev and name in needs.dev):
            return False
        return name in needs.optional or name in needs.optional_peers

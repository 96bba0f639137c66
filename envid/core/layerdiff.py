"""Which file of which layer differs between two builds of one image, and in what (R7)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envid.core.values import Digest

__all__ = [
    "Aspect",
    "FileDifference",
    "ImageDifference",
    "Layer",
    "LayerDifference",
    "Member",
    "diff_members",
    "pair_up",
]


class Aspect(StrEnum):
    """In what one file differs; one stable word for machines."""

    ADDED = "added"
    REMOVED = "removed"
    KIND = "kind"
    CONTENT = "content"
    MODE = "mode"
    OWNER = "owner"
    MTIME = "mtime"
    LINK = "link"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry of a layer's tar.

    ``kind`` is file, folder, symlink, hardlink, device or fifo; ``mode`` are the permission bits; ``owner`` is
    ``uid:gid`` with the names that the tar has; ``mtime`` is in seconds since 1970; ``size`` in bytes; ``content`` is
    the SHA-256 of a file's bytes in hex, empty for all others; ``target`` is where a link points, or a device's
    numbers; ``attributes`` are extended headers, sorted.
    """

    path: str
    kind: str
    mode: int
    owner: str
    mtime: float
    size: int = 0
    content: str = ""
    target: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """One file that differs: ``old`` is None where it was added, ``new`` where it was removed."""

    path: str
    aspects: tuple[Aspect, ...]
    old: Member | None
    new: Member | None

    def __str__(self) -> str:
        return f"{self.path}: {', '.join(self._tell(aspect) for aspect in self.aspects)}"

    def _tell(self, aspect: Aspect) -> str:
        old, new = self.old, self.new
        if old is None or new is None:
            return aspect.value
        match aspect:
            case Aspect.CONTENT:
                return f"content ({old.size} → {new.size} bytes)" if old.size != new.size else "content"
            case Aspect.MODE:
                return f"mode {old.mode:04o} → {new.mode:04o}"
            case Aspect.OWNER:
                return f"owner {old.owner} → {new.owner}"
            case Aspect.MTIME:
                return f"mtime {_instant(old.mtime)} → {_instant(new.mtime)}"
            case Aspect.LINK:
                return f"link {old.target} → {new.target}"
            case Aspect.KIND:
                return f"{old.kind} → {new.kind}"
            case _:
                return aspect.value


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: its digest, and the Containerfile's line that made it, as the image's history tells."""

    digest: Digest
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDifference:
    """One layer that differs; ``number`` counts from 1, the lowest.

    ``files`` is empty where one side has no such layer, and where the files are the same: ``note`` says so then.
    """

    number: int
    created_by: str
    old: Digest | None
    new: Digest | None
    files: tuple[FileDifference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDifference:
    """Two builds of one image side by side. ``config`` names the members of the config that differ."""

    old: Digest
    new: Digest
    layers: tuple[LayerDifference, ...] = ()
    config: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.old != self.new


def diff_members(old: Iterable[Member], new: Iterable[Member]) -> tuple[FileDifference, ...]:
    """Return where two layers' files differ, sorted by path. Memory is by the number of files, not by their size."""
    before, after = _by_path(old), _by_path(new)
    found: list[FileDifference] = []
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if one is None:
            aspects: tuple[Aspect, ...] = (Aspect.ADDED,)
        elif other is None:
            aspects = (Aspect.REMOVED,)
        else:
            aspects = _aspects(one, other)
        if aspects:
            found.append(FileDifference(path=key[0], aspects=aspects, old=one, new=other))
    return tuple(found)


def pair_up(old: tuple[Layer, ...], new: tuple[Layer, ...]) -> tuple[LayerDifference, ...]:
    """Return the layers that differ, by their place; a side that has fewer layers lacks the uppermost."""
    found: list[LayerDifference] = []
    for index in range(max(len(old), len(new))):
        one = old[index] if index < len(old) else None
        other = new[index] if index < len(new) else None
        if one and other and one.digest == other.digest:
            continue
        known = other or one
        found.append(
            LayerDifference(
                number=index + 1,
                created_by=known.created_by if known else "",
                old=one.digest if one else None,
                new=other.digest if other else None,
                note="" if one and other else f"only {'the promoted' if one else 'the new'} image has this layer",
            )
        )
    return tuple(found)


def _by_path(members: Iterable[Member]) -> dict[tuple[str, int], Member]:
    # a tar may hold a path twice; the n-th of one side is compared with the n-th of the other
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Member] = {}
    for member in members:
        found[member.path, seen[member.path]] = member
        seen[member.path] += 1
    return found


def _aspects(one: Member, other: Member) -> tuple[Aspect, ...]:
    if one.kind != other.kind:
        return (Aspect.KIND,)
    pairs = (
        (Aspect.CONTENT, (one.size, one.content), (other.size, other.content)),
        (Aspect.MODE, one.mode, other.mode),
        (Aspect.OWNER, one.owner, other.owner),
        (Aspect.MTIME, one.mtime, other.mtime),
        (Aspect.LINK, one.target, other.target),
        (Aspect.ATTRIBUTES, one.attributes, other.attributes),
    )
    return tuple(aspect for aspect, left, right in pairs if left != right)


def _instant(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)

"""What differs between two commits, file by file, read through an object database that is open already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.errors import GitError, InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from envid.adapters.git import GitObjects, TreeEntry
    from envid.core.values import CommitId

__all__ = ["count_changed_files"]


def count_changed_files(
    objects: GitObjects, old: CommitId, new: CommitId, *, besides: Collection[str] = ()
) -> int | None:
    """Count the files that differ between two commits, ``besides`` left out; None when one of them isn't here.

    ``git diff-tree`` would count the same, in a process of its own that takes longer than reading a few folders.
    """
    try:
        trees = objects.commit(old).tree, objects.commit(new).tree
        return len(set(_changed(objects, *trees, "")).difference(besides))
    except (InputError, GitError):
        return None


def _changed(objects: GitObjects, old: str | None, new: str | None, prefix: str) -> Iterator[str]:
    """Yield each path that differs below two trees, None for a folder that isn't there."""
    before, after = _entries(objects, old), _entries(objects, new)
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        path = f"{prefix}{name}"
        left, right = (entry.oid if entry is not None and entry.is_folder else None for entry in (one, other))
        if left or right:
            yield from _changed(objects, left, right, f"{path}/")
        if any(entry is not None and not entry.is_folder for entry in (one, other)):
            yield path


def _entries(objects: GitObjects, tree: str | None) -> dict[str, TreeEntry]:
    return {} if tree is None else {entry.name: entry for entry in objects.tree(tree)}

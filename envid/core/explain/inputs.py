"""Explain two sets of inputs: which differ, and each in its own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from envid.core.bunlock import is_binary_lock
from envid.core.explain import summary
from envid.core.explain.lines import diff_lines
from envid.core.explain.locks import diff_locks
from envid.core.explain.model import Change, Explanation, InputChange, InputView, LineDiff, LockDiff, Reach, ValueChange
from envid.core.explain.redact import one_line
from envid.core.explain.references import diff_image_references, diff_values
from envid.core.explain.system import diff_system_packages
from envid.core.explain.values import diff_json
from envid.core.identity import InputKind

__all__ = ["explain_inputs"]

_REFERENCES: Final = frozenset({InputKind.BASE_IMAGE, InputKind.FRONTEND})
_SYSTEM_FILES: Final = frozenset({"packages.txt", "packages.lock"})
_DEV_PATHS: Final = ("$.devDependencies", "$.devDependencies.", "$.devDependencies[")
_SHORT: Final = 12


def explain_inputs(old: Mapping[str, InputView], new: Mapping[str, InputView]) -> Explanation:
    """Compare two sets of inputs. The keys only pair the sides: any stable key does, as ``kind:name``.

    A pair may have two names: a Containerfile that moved is then compared with what it was.
    """
    changes = []
    unchanged = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is None or after is None:
            present = after or before
            if present is not None:
                changes.append(_one_sided(present, Change.ADDED if before is None else Change.REMOVED))
        elif (before.kind, before.name, before.mode, before.blake3) == (
            after.kind,
            after.name,
            after.mode,
            after.blake3,
        ):
            unchanged.append(after.name)
        else:
            changes.append(_both(before, after))
    changes.sort(key=lambda change: (change.name, change.kind))
    production = _production_changed(changes)
    return Explanation(
        changes=tuple(changes),
        unchanged=tuple(sorted(unchanged)),
        production_changed=production,
        dev_only=bool(changes) and all(_harmless(change) for change in changes),
    )


def _production_changed(changes: list[InputChange]) -> bool | None:
    locks = [change for change in changes if _base(change.name) in {"bun.lock", "bun.lockb"}]
    reaches = {_lock_reach(change) for change in locks}
    if True in reaches:
        return True
    return None if None in reaches else False


def _lock_reach(change: InputChange) -> bool | None:
    if change.formatting_only or _same_bytes(change):
        return False
    return None if change.reach is None else change.reach is Reach.PRODUCTION


def _harmless(change: InputChange) -> bool:
    if change.change is not Change.CHANGED or change.old_mode != change.new_mode:
        return False
    return change.reach is Reach.DEV_ONLY or (change.formatting_only and change.kind == InputKind.FILE)


def _same_bytes(change: InputChange) -> bool:
    return change.old_blake3 == change.new_blake3


def _one_sided(view: InputView, change: Change) -> InputChange:
    added = change is Change.ADDED
    size = _size(view)
    what = f" ({summary.count(size, 'byte')})" if size is not None and view.mode else ""
    if view.value is not None and not view.mode:
        what = f": {one_line(view.value, 60)}"
    return InputChange(
        kind=view.kind,
        name=view.name,
        change=change,
        summary=f"{_title(view)}: {change}{what}",
        old_blake3=None if added else view.blake3,
        new_blake3=view.blake3 if added else None,
        old_mode=None if added else view.mode,
        new_mode=view.mode if added else None,
        old_size=None if added else size,
        new_size=size if added else None,
    )


def _both(old: InputView, new: InputView) -> InputChange:
    base = InputChange(
        kind=new.kind,
        name=new.name,
        change=Change.CHANGED,
        summary="",
        old_blake3=old.blake3,
        new_blake3=new.blake3,
        old_mode=old.mode,
        new_mode=new.mode,
        old_size=_size(old),
        new_size=_size(new),
    )
    told = _tell(base, old, new)
    parts = [] if old.name == new.name else [f"was {one_line(old.name)}"]
    if old.mode != new.mode:
        parts.append(f"mode {old.mode or 'none'} → {new.mode or 'none'}")
    if told.summary:
        parts.append(told.summary)
    return replace(told, summary=f"{_title(new)}: {'; '.join(parts) or 'changed'}")


def _tell(base: InputChange, old: InputView, new: InputView) -> InputChange:
    """Fill in what the contents say. ``summary`` comes back without the input's name."""
    if old.blake3 == new.blake3:
        return base
    if old.value is not None and new.value is not None:
        compare = diff_image_references if new.kind in _REFERENCES else None
        values = compare(old.value, new.value) if compare else diff_values(new.name, old.value, new.value)
        return replace(base, values=values, summary=summary.values_summary(values).removeprefix(f"{new.name} "))
    if old.content is not None and new.content is not None:
        return _tell_files(base, old.content, new.content)
    lost = [side for side, view in (("old", old), ("new", new)) if view.content is None and view.value is None]
    note = f"the {' and the '.join(lost)} content is not known, so it can't be said what changed in it"
    return replace(base, summary=f"changed, {_sizes(base)}; {note}", notes=(note,))


def _tell_files(base: InputChange, old: bytes, new: bytes) -> InputChange:
    name = _base(base.name)
    if name == "bun.lock" or is_binary_lock(old) or is_binary_lock(new):
        return _tell_lock(base, diff_locks(old, new, where=base.name))
    if name.endswith((".json", ".jsonc")):
        found = diff_json(old, new, where=base.name)
        if found.errors:
            return _fall_back(base, found.errors, found.lines)
        reach = Reach.DEV_ONLY if name == "package.json" and found.values and _only_dev(found.values) else None
        return replace(
            base,
            values=found.values,
            formatting_only=found.formatting_only,
            reach=reach,
            summary=summary.values_summary(found.values),
        )
    if name in _SYSTEM_FILES:
        system = diff_system_packages(old, new)
        if system.errors:
            return _fall_back(base, system.errors, system.lines)
        return replace(
            base,
            system_packages=system.packages,
            formatting_only=system.formatting_only,
            summary=summary.system_summary(system.packages),
        )
    lines = diff_lines(old, new)
    return replace(base, lines=lines, notes=lines.notes, summary=summary.lines_summary(lines))


def _tell_lock(base: InputChange, diff: LockDiff) -> InputChange:
    if diff.errors:
        return _fall_back(base, diff.errors, diff.lines)
    return replace(
        base,
        packages=diff.packages,
        values=diff.manifest,
        formatting_only=diff.formatting_only,
        reach=Reach.PRODUCTION if diff.production_changed else Reach.DEV_ONLY,
        notes=diff.notes,
        summary=summary.lock_summary(diff),
    )


def _fall_back(base: InputChange, errors: tuple[str, ...], lines: LineDiff | None) -> InputChange:
    notes = (*errors, *(lines.notes if lines else ()))
    text = f"{summary.lines_summary(lines)}; {one_line(errors[0], 160)}"
    return replace(base, lines=lines, notes=notes, summary=text)


def _only_dev(values: tuple[ValueChange, ...]) -> bool:
    return all(value.path == _DEV_PATHS[0] or value.path.startswith(_DEV_PATHS[1:]) for value in values)


def _title(view: InputView) -> str:
    name = one_line(view.name)
    return name if view.kind in {InputKind.FILE, InputKind.CONTAINERFILE} else f"{view.kind} {name}".rstrip()


def _sizes(change: InputChange) -> str:
    if change.old_size is not None and change.new_size is not None:
        return f"{change.old_size} → {change.new_size} bytes"
    return f"{(change.old_blake3 or '')[:_SHORT]} → {(change.new_blake3 or '')[:_SHORT]}"


def _size(view: InputView) -> int | None:
    if view.size is not None:
        return view.size
    if view.content is not None:
        return len(view.content)
    return len(view.value.encode()) if view.value is not None else None


def _base(name: str) -> str:
    return name.rpartition("/")[2]

"""Diff of JSON documents by JSON path."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from envid.core.explain.lines import diff_lines
from envid.core.explain.model import Change, LineDiff, ValueChange
from envid.core.explain.redact import redact_values
from envid.core.explain.sequences import opcodes
from envid.core.jsonc import parse_jsonc
from envid.errors import InputError

__all__ = ["JsonDiff", "diff_json", "diff_json_values", "error_line", "json_path"]

_PLAIN: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonDiff:
    """What changed between two JSON documents, by path.

    ``formatting_only``: the bytes differ, but not what they mean: white space, comments, trailing commas, the order of
    keys, or another spelling of the same value. ``errors`` and ``lines`` as in `LockDiff`.
    """

    values: tuple[ValueChange, ...] = ()
    formatting_only: bool = False
    errors: tuple[str, ...] = ()
    lines: LineDiff | None = None


def diff_json(old: bytes, new: bytes, *, where: str = "document") -> JsonDiff:
    """Compare two JSON (or JSONC) documents; when one can't be read, by line, with the reason."""
    if old == new:
        return JsonDiff()
    read: list[Any] = []
    errors = []
    for side, content in (("old", old), ("new", new)):
        try:
            read.append(parse_jsonc(content, where=where))
        except InputError as error:
            errors.append(error_line(side, error))
    if errors:
        return JsonDiff(errors=tuple(errors), lines=diff_lines(old, new))
    values = diff_json_values(*read)
    return JsonDiff(values=values, formatting_only=not values)


def diff_json_values(old: Any, new: Any, path: str = "$") -> tuple[ValueChange, ...]:
    """Compare two JSON values; sorted by path, with credentials hidden.

    Arrays are aligned, so that an item put in front is one addition. A removed item has its old index and an added one
    its new; what kept its index is compared further. An array whose order alone differs is one change.
    """
    found: list[ValueChange] = []
    _compare(old, new, path, found)
    return tuple(sorted(found, key=lambda item: (_natural(item.path), item.change)))


def error_line(side: str, error: InputError) -> str:
    """Return one line that says why a side can't be read."""
    reasons = "; ".join(map(str, error.faults)) or error.cause
    return f"the {side} one can't be read: {error.what}" + (f" ({reasons})" if reasons else "")


def json_path(parent: str, step: str | int) -> str:
    """Return the path of a member of ``parent``."""
    if isinstance(step, int):
        return f"{parent}[{step}]"
    return f"{parent}.{step}" if _PLAIN.fullmatch(step) else f"{parent}[{json.dumps(step, ensure_ascii=False)}]"


def _compare(old: Any, new: Any, path: str, found: list[ValueChange]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            _member(old.get(key, _ABSENT), new.get(key, _ABSENT), json_path(path, key), key, found)
    elif isinstance(old, list) and isinstance(new, list):
        _compare_arrays(old, new, path, found)
    elif not _same(old, new):
        found.append(_changed(path, old, new))


def _member(old: Any, new: Any, path: str, key: str, found: list[ValueChange]) -> None:
    if old is _ABSENT or new is _ABSENT or not (isinstance(old, dict | list) and isinstance(new, dict | list)):
        if old is _ABSENT or new is _ABSENT or not _same(old, new):
            shown_old, shown_new = (redact_values({key: v})[key] if v is not _ABSENT else None for v in (old, new))
            change = Change.ADDED if old is _ABSENT else Change.REMOVED if new is _ABSENT else Change.CHANGED
            found.append(ValueChange(path=path, change=change, old=shown_old, new=shown_new))
        return
    _compare(old, new, path, found)


def _compare_arrays(old: list[Any], new: list[Any], path: str, found: list[ValueChange]) -> None:
    texts_old, texts_new = [_text(item) for item in old], [_text(item) for item in new]
    if texts_old != texts_new and sorted(texts_old) == sorted(texts_new):
        found.append(_changed(path, old, new))  # only the order differs, and an array's order means something
        return
    for tag, i1, i2, j1, j2 in opcodes(texts_old, texts_new):
        if tag == "replace" and (i1, i2) == (j1, j2):
            for i in range(i1, i2):
                _compare(old[i], new[i], json_path(path, i), found)
        elif tag != "equal":
            found += [_gone(json_path(path, i), old[i]) for i in range(i1, i2)]
            found += [_come(json_path(path, j), new[j]) for j in range(j1, j2)]


def _changed(path: str, old: Any, new: Any) -> ValueChange:
    return ValueChange(path=path, change=Change.CHANGED, old=redact_values(old), new=redact_values(new))


def _gone(path: str, old: Any) -> ValueChange:
    return ValueChange(path=path, change=Change.REMOVED, old=redact_values(old))


def _come(path: str, new: Any) -> ValueChange:
    return ValueChange(path=path, change=Change.ADDED, new=redact_values(new))


def _same(old: Any, new: Any) -> bool:
    """JSON's own equality: 1 and 1.0 are one number, but true is no number."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return _text(old) == _text(new) or (old.__class__ in {int, float} and bool(old == new))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _natural(path: str) -> tuple[tuple[int, int, str], ...]:
    """Sort $[2] before $[10]."""
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() and len(part) < 10 else (1, 0, part)  # noqa: PLR2004
        for part in re.split(r"(\d+)", path)
        if part
    )

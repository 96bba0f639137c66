"""Diff of inputs that are values: references to images by their parts, and records by field."""

from __future__ import annotations

import json
from typing import Final

from envid.core.explain.model import Change, ValueChange
from envid.core.explain.redact import redact
from envid.core.values import ImageReference
from envid.errors import InputError

__all__ = ["diff_image_references", "diff_values"]

_MAX_RECORD: Final = 100_000


def diff_image_references(old: str, new: str) -> tuple[ValueChange, ...]:
    """Compare two image references by repository, tag and digest; as plain text when one isn't a reference."""
    try:
        before, after = ImageReference.parse(old), ImageReference.parse(new)
    except InputError:
        return diff_values("reference", old, new)
    fields = (
        ("digest", before.digest, after.digest),
        ("repository", before.name, after.name),
        ("tag", before.tag, after.tag),
    )
    return tuple(change for name, a, b in fields for change in _field(name, a and str(a), b and str(b)))


def diff_values(name: str, old: str, new: str) -> tuple[ValueChange, ...]:
    """Compare two values: by field when both are flat JSON objects of texts, else as one value called ``name``."""
    before, after = _record(old), _record(new)
    if before is None or after is None:
        return _field(name, old, new)
    return tuple(
        change
        for field in sorted(before.keys() | after.keys())
        for change in _field(field, before.get(field), after.get(field))
    )


def _field(name: str, old: str | None, new: str | None) -> tuple[ValueChange, ...]:
    if old == new:
        return ()
    change = Change.ADDED if old is None else Change.REMOVED if new is None else Change.CHANGED
    return (ValueChange(path=name, change=change, old=old and redact(old), new=new and redact(new)),)


def _record(text: str) -> dict[str, str] | None:
    if not text.startswith("{") or len(text) > _MAX_RECORD:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    return None

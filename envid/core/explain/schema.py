"""The JSON Schema of an explanation, made from the values' own types, so that it can't lag behind them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from envid.core.explain.model import DERIVED, Explanation, camel

__all__ = ["explain_schema"]

_PLAIN: Final = {str: "string", int: "integer", bool: "boolean", NoneType: "null"}


def explain_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``to_json(explanation)``."""
    definitions: dict[str, Any] = {}
    root = _schema(Explanation, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Why two environment identities differ",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if isinstance(kind, UnionType):
        return {"anyOf": [_schema(part, definitions) for part in get_args(kind)]}
    if get_origin(kind) is tuple:  # only tuples of one type and any length are in use
        return {"type": "array", "items": _schema(get_args(kind)[0], definitions)}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if not is_dataclass(kind):
        raise TypeError(f"{kind!r} has no JSON Schema")
    name = getattr(kind, "__name__", "")
    if name not in definitions:
        definitions[name] = {}  # stands here before its members are made, should one lead back to it
        definitions[name] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    members = {camel(field.name): _schema(hints[field.name], definitions) for field in fields(kind)}
    for name in DERIVED.get(kind, ()):
        hint = get_type_hints(getattr(kind, name).fget)["return"]
        members[camel(name)] = _schema(hint, definitions)
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}

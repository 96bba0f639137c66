"""The door for JSON from outside: strict text, then a strict pydantic model, with every fault named by JSON path."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from envid.core.jsontext import MAX_JSON_BYTES, canonical_json, parse_json
from envid.core.model.core import ValidationError
from envid.core.model.words import StrictModel
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_JSON_BYTES",
    "branch_tag",
    "canonical_json",
    "json_path",
    "parse_json",
    "parse_model",
    "validate_model",
]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_Model = TypeVar("_Model", bound=StrictModel)


def parse_model(model: type[_Model], content: bytes, *, where: str) -> _Model:
    """Parse ``content`` into ``model``.

    Raises:
        InputError: with every fault, each as ``file: $.json.path``.

    """
    return validate_model(model, parse_json(content, where=where), where=where)


def validate_model(model: type[_Model], value: Any, *, where: str) -> _Model:
    """Turn parsed JSON into ``model``.

    Raises:
        InputError: with every fault, each as ``file: $.json.path``.

    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        items = error.errors(include_url=False)
        faults = [
            Fault(f"{where}: {json_path(item['loc'])}", _problem(item))
            for item in items
            # pydantic counts only the items that are right: a list of wrong ones is not too short
            if item["type"] != "too_short" or not any(_is_below(other["loc"], item["loc"]) for other in items)
        ]
        raise InputError(f"{where} is not valid", faults=sorted(set(faults), key=lambda f: f.where)) from None


def _is_below(one: Sequence[int | str], other: Sequence[int | str]) -> bool:
    return len(one) > len(other) and tuple(one[: len(other)]) == tuple(other)


def branch_tag(name: str) -> str:
    """Return a tag for one branch of a union of models, which no JSON path shows."""
    return f"({name})"


def json_path(location: Sequence[int | str]) -> str:
    """Return a place in a document as ``$.services[0].id``."""
    parts = ["$"]
    for step in location:
        if isinstance(step, str) and (step == "[key]" or (step.startswith("(") and step.endswith(")"))):
            continue  # pydantic's own words for a mapping's key and for a branch of a union
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]")
    return "".join(parts)


def _problem(item: Any) -> str:
    match item["type"]:
        case "extra_forbidden":
            return "this field is unknown"
        case "missing":
            return "this field is missing"
        case "value_error":
            return str(item["ctx"]["error"])
        case _:
            message: str = item["msg"]
            return message[:1].lower() + message[1:]

"""The door for JSON from outside: strict text, then a strict pydantic model, with every fault named by JSON path."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_JSON_BYTES",
    "StrictModel",
    "branch_tag",
    "canonical_json",
    "json_path",
    "parse_json",
    "parse_model",
    "validate_model",
]

MAX_JSON_BYTES: Final = 8 * 1024 * 1024
"""Largest JSON document that is read, in bytes."""
_MAX_DEPTH: Final = 64
_HALF_OF_A_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_Model = TypeVar("_Model", bound=BaseModel)


class StrictModel(BaseModel):
    """A frozen model that refuses unknown fields and converts nothing; camelCase in JSON, snake_case in Python."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        # a validator is made at the first use: most commands use few of the models that they import
        defer_build=True,
    )


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of ``value``: sorted keys, two spaces, UTF-8, a newline at the end."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_json(content: bytes, *, where: str) -> Any:
    """Parse JSON text, refusing what parsers disagree on: duplicate keys, NaN, a BOM, other encodings, deep nesting.

    Raises:
        InputError: the text is not such JSON; ``where`` is the file's name in the message.

    """
    if len(content) > MAX_JSON_BYTES:
        raise _refuse(where, f"it has {len(content)} bytes; {MAX_JSON_BYTES} are the most")
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _refuse(where, "it begins with a byte order mark; save it as plain UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(where, f"byte {error.start} is not UTF-8") from None
    if (depth := _depth(text)) > _MAX_DEPTH:
        raise _refuse(where, f"it is nested {depth} deep; {_MAX_DEPTH} is the most")
    duplicates: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            times = Counter(name for name, _ in pairs)
            duplicates.extend(sorted(name for name, count in times.items() if count > 1))
        return members

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is not JSON", faults=[Fault(f"{where}:{error.lineno}", error.msg)]) from None
    except (ValueError, RecursionError) as error:
        raise _refuse(where, str(error).partition(";")[0]) from None
    if duplicates:
        raise InputError(
            f"{where} has duplicate keys",
            faults=[Fault(where, f"the key {name!r} stands twice in one object") for name in duplicates],
        )
    if _HALF_OF_A_PAIR.search(text) and not _is_text(value):
        raise _refuse(where, "a string has half of a surrogate pair (as \\ud800), which is no character")
    return value


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


def _refuse(where: str, problem: str) -> InputError:
    return InputError(f"{where} can't be read", faults=[Fault(where, problem)])


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(text: str) -> int:
    deepest = depth = 0
    # possessive, and an open string reaches to the end: linear in time, whatever the text
    for match in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', text, re.DOTALL):
        if match[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "]}":
            depth -= 1
    return deepest

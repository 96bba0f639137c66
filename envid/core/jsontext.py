"""JSON text from outside, read strictly, and the one spelling of what is written; without pydantic."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

from envid.errors import Fault, InputError

__all__ = ["MAX_JSON_BYTES", "canonical_json", "parse_json"]

MAX_JSON_BYTES: Final = 8 * 1024 * 1024
"""Largest JSON document that is read, in bytes."""
_MAX_DEPTH: Final = 64
_HALF_OF_A_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]")


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

"""The door for JSON that people and Bun write: comments, trailing commas, and nothing else beyond strict JSON.

A thin shell over jsonyx, which knows the line of every syntax fault. Here stand the limits, and the refusal of
duplicate keys that disagree, of which every parser keeps another one. Duplicates that agree are passed over: Bun
itself has written such locks, from a ``package.json`` that named a peer dependency twice.
"""

from __future__ import annotations

import math
from typing import Any, Final

import jsonyx

from envid.errors import Fault, InputError

__all__ = ["MAX_DEPTH", "MAX_JSONC_BYTES", "parse_jsonc"]

MAX_JSONC_BYTES: Final = 16 * 1024 * 1024
"""Largest document that is read, in bytes; the largest input of an identity has as many."""
MAX_DEPTH: Final = 64
"""Deepest nesting that is read. A real manifest or lock stays below 10."""
_ALLOW: Final = frozenset({"comments", "trailing_comma"})
_BOM: Final = b"\xef\xbb\xbf"


def parse_jsonc(content: bytes, *, where: str) -> Any:
    """Parse JSON with comments and trailing commas; one UTF-8 byte order mark in front is passed over.

    Raises:
        InputError: it isn't such JSON, has duplicate keys that disagree or a number out of range, or is too large or
            too deep; ``where`` is the file's name in the message, followed by the line.

    """
    if len(content) > MAX_JSONC_BYTES:
        raise _refuse(where, f"it has {len(content)} bytes; {MAX_JSONC_BYTES} are the most")
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(where, f"byte {error.start} is not UTF-8") from None
    try:
        value = jsonyx.loads(text, allow=_ALLOW, cache_keys=True, hooks={"float": _finite, "object": _unique})
    except jsonyx.JSONSyntaxError as error:
        problem = error.msg[:1].lower() + error.msg[1:]
        raise InputError(f"{where} is not JSON", faults=[Fault(f"{where}:{error.lineno}", problem)]) from None
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError as error:
        raise _refuse(where, str(error).partition("; use sys")[0]) from None
    _check_depth(value, where)
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        for name, value in pairs:
            if value is not members[name] and repr(value) != repr(members[name]):
                raise ValueError(f"the key {name[:80]!r} stands twice in one object, with different values")
    return members


def _check_depth(value: Any, where: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for item in level if item.__class__ is dict or item.__class__ is list]
        if not level:
            return
        level = [child for item in level for child in (item.values() if item.__class__ is dict else item)]
    raise _too_deep(where)


def _too_deep(where: str) -> InputError:
    return _refuse(where, f"it is nested deeper than {MAX_DEPTH}")


def _refuse(where: str, problem: str) -> InputError:
    return InputError(f"{where} can't be read", faults=[Fault(where, problem)])

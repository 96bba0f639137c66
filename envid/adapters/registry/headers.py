"""Reads the headers and error bodies of a registry's answers; pure, because every byte here is foreign."""

from __future__ import annotations

import json
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from envid.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Challenge", "RegistryFault", "one_line", "parse_challenges", "parse_faults", "parse_retry_after"]

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's name for a word
_MAX_HEADER: Final = 8192
_MAX_FAULT_BODY: Final = 65536
_MAX_TEXT: Final = 200
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class Challenge(NamedTuple):
    """One challenge of a ``WWW-Authenticate`` header: the scheme in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


class RegistryFault(NamedTuple):
    """One member of a registry's ``errors`` list, cleaned for a terminal."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


@cache
def _part() -> re.Pattern[str]:
    """Match one part of a challenge; compiled when a registry first asks for a login, which few do."""
    return re.compile(
        rf"[ \t,]*(?P<name>{_TOKEN})"
        rf'(?:[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_TOKEN}))|(?P<gap>[ \t]+|$|(?=,)))'
    )


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of ``WWW-Authenticate`` values (RFC 9110, 11.6.1) in their order.

    What can't be read ends the header it stands in; the challenges before it are kept.
    """
    found: list[Challenge] = []
    for value in values:
        text = value[:_MAX_HEADER]
        position = 0
        parameters: dict[str, str] | None = None
        while position < len(text) and (match := _part().match(text, position)):
            position = match.end()
            name = match["name"].lower()
            if match["gap"] is not None:
                parameters = {}
                found.append(Challenge(name, parameters))
            elif parameters is None:
                break
            else:
                quoted, plain = match["quoted"], match["plain"]
                parameters.setdefault(name, re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
    return found


def parse_retry_after(value: str | None, *, server_date: str | None, now: float) -> float | None:
    """Return how many seconds ``Retry-After`` asks to wait, at least 0; None when it is missing or malformed.

    A date is measured against the answer's own ``Date``, so that a wrong clock here does no harm; ``now`` (seconds
    since the epoch) stands in where there is none.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    until = _epoch(text)
    if until is None:
        return None
    sent = _epoch(server_date) if server_date else None
    return max(0.0, until - (now if sent is None else sent))


def parse_faults(body: bytes) -> tuple[RegistryFault, ...]:
    """Return the faults of an error body, ``{"errors": [{"code": …, "message": …}]}``; none for anything else."""
    try:
        document = json.loads(body) if len(body) <= _MAX_FAULT_BODY else None
    except (ValueError, RecursionError):
        return ()
    items = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(items, list):
        return ()
    return tuple(
        RegistryFault(item["code"], one_line(item.get("message")))
        for item in items
        if isinstance(item, dict) and isinstance(item.get("code"), str) and _CODE.fullmatch(item["code"])
    )


def one_line(value: object) -> str:
    """Return foreign text as one short line that no terminal obeys."""
    text = " ".join(clean(value).split()) if isinstance(value, str) else ""
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _epoch(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

"""Name what a rebuild is to be blamed on: the packages that a manifest names, the field, or the file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from envid.core.explain import PackageChangeKind, Reach
from envid.core.identity import InputKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.explain import Explanation, InputChange, ValueChange

__all__ = ["CauseKey", "Group", "causes_of", "group_of"]

_GROUPS: Final = {
    "dependencies": Reach.PRODUCTION,
    "optionalDependencies": Reach.PRODUCTION,
    "peerDependencies": Reach.PRODUCTION,
    "devDependencies": Reach.DEV_ONLY,
}
_STEP: Final = re.compile(r'\.([A-Za-z_$][A-Za-z0-9_$-]*)|\[("(?:[^"\\]|\\.)*"|\d+)\]')
_FORMATTING: Final = ": formatting only"
_FILES: Final = frozenset({InputKind.FILE, InputKind.CONTAINERFILE})


class Group(StrEnum):
    """Causes that call for the same answer, where they leave the production packages as they are."""

    FIELDS = "fields of package.json that install nothing"
    DEVELOPMENT = "development packages"
    FORMATTING = "formatting"
    LOCK = "rows of the lock that install nothing else"
    CONFIGURATION = "configuration files"
    IMAGE = "the image itself"


@dataclass(frozen=True, slots=True, order=True)
class CauseKey:
    """One thing to blame.

    ``kind`` is ``package`` (one that a manifest names), ``field`` (of a JSON file), ``file`` or ``value``; ``name`` is
    what people call it.
    """

    kind: str
    name: str


def causes_of(explanation: Explanation) -> dict[CauseKey, Reach | None]:
    """Return what a change of identity is to be blamed on, each with how far it reaches where that is known.

    A package that both ``package.json`` and ``bun.lock`` name is one cause. Packages that were only pulled in are one
    cause together: nobody chose them one by one.
    """
    found: dict[CauseKey, Reach | None] = {}
    for change in explanation.changes:
        for key, reach in _causes(change):
            # what the lock says about a package's reach is exact; a manifest's group only says where it is named
            if found.get(key) is not Reach.PRODUCTION:
                found[key] = reach if reach is not None else found.get(key)
    return found


def group_of(key: CauseKey) -> Group:
    """Return the group of a cause."""
    file = key.name.partition(":")[0].rpartition("/")[2]
    if key.kind == "package":
        return Group.DEVELOPMENT
    if key.kind == "value":
        return Group.IMAGE
    if key.name.endswith(_FORMATTING):
        return Group.FORMATTING
    if key.kind == "field" or file == "package.json":
        return Group.FIELDS
    if file == "bun.lock":
        return Group.LOCK
    return Group.CONFIGURATION if file.endswith((".json", ".jsonc")) else Group.IMAGE


def _causes(change: InputChange) -> Iterator[tuple[CauseKey, Reach | None]]:
    base = change.name.rpartition("/")[2]
    if change.packages:
        yield from _of_packages(change)
    elif base == "package.json" and change.values:
        for value in change.values:
            yield _of_field(change.name, value)
    elif change.formatting_only:
        yield CauseKey("file", f"{change.name}{_FORMATTING}"), Reach.DEV_ONLY
    elif change.kind in _FILES:
        yield CauseKey("file", change.name), change.reach
    else:
        yield CauseKey("value", change.name), None


def _of_packages(change: InputChange) -> Iterator[tuple[CauseKey, Reach | None]]:
    direct = [p for p in change.packages if p.direct and p.change is not PackageChangeKind.DETAILS]
    for package in direct:
        yield CauseKey("package", package.name), Reach.PRODUCTION if package.production else Reach.DEV_ONLY
    if not direct:
        production = any(package.production for package in change.packages)
        key = CauseKey("file", f"{change.name}: packages that others pulled in")
        yield key, Reach.PRODUCTION if production else Reach.DEV_ONLY


def _of_field(file: str, value: ValueChange) -> tuple[CauseKey, Reach | None]:
    steps = [match[1] or _unquoted(match[2]) for match in _STEP.finditer(value.path)]
    if not steps:
        return CauseKey("file", file), None
    if len(steps) > 1 and steps[0] in _GROUPS:
        return CauseKey("package", steps[1]), _GROUPS[steps[0]]
    return CauseKey("field", f"{file}: {steps[0]}"), _GROUPS.get(steps[0])


def _unquoted(text: str) -> str:
    return str(json.loads(text))

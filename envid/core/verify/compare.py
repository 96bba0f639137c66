"""Compares a manifest with the live object: every field that we render, and who else wrote to it (R18).

What the API server adds by default is not compared: only the manifest's own fields are. A field that a hand added
beside them has its writer in the object's ``managedFields``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from lightkube.utils.quantity import parse_quantity

__all__ = ["differences", "foreign_writes", "lookup"]

_KEYS: Final = ("mountPath", "name")
"""Lists of objects are compared by one of these, where every item has it: their order means nothing to Kubernetes."""
_QUANTITIES: Final = frozenset({"requests", "limits"})
_WHOLE: Final = frozenset({"data", "matchLabels", "selector"})
"""Mappings that are wholly ours: a key more is a difference too."""
_CONTROLLERS: Final = ("argocd", "kube-controller-manager", "k3s", "kubelet", "kube-scheduler", "kube-apiserver")
_SECTIONS: Final = ("spec", "data", "rules", "roleRef", "subjects")
_SHOWN: Final = 80


def differences(wanted: Any, live: Any, path: str = "") -> list[str]:
    """Return in words where ``live`` is not as ``wanted``; an empty value is the same as none."""
    if isinstance(wanted, Mapping):
        return _mapping(wanted, live, path)
    if isinstance(wanted, list):
        return _list(wanted, live, path)
    same = wanted == live or (_is_empty(wanted) and _is_empty(live))
    return [] if same else [_told(path, live, wanted)]


def foreign_writes(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """Return in words who but Argo CD and the cluster's own controllers wrote fields that ``wanted`` does not have.

    A field that ``wanted`` has is compared by its value, whoever wrote it.
    """
    found: list[str] = []
    for entry in lookup(live, "metadata", "managedFields") or []:
        manager = str(entry.get("manager", ""))
        if entry.get("subresource") == "status" or manager.startswith(_CONTROLLERS):
            continue
        fields = entry.get("fieldsV1") or {}
        written = [
            name
            for section in _SECTIONS
            for name in _fields_beside(fields.get(f"f:{section}"), wanted.get(section), section)
            # kubectl rollout restart: the same pods anew, and nothing else
            if not name.startswith("spec.template.metadata.annotations")
        ]
        if written:
            shown = ", ".join(written[:3]) + (", …" if len(written) > 3 else "")  # noqa: PLR2004 - enough to find it
            found.append(f"{manager} wrote {shown}{_moment(entry.get('time'))}")
    return found


def lookup(value: Any, *steps: str) -> Any:
    """Return what stands at ``steps`` of nested mappings; None where a step is missing."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _mapping(wanted: Mapping[str, Any], live: Any, path: str) -> list[str]:
    if not isinstance(live, Mapping):
        return [] if not wanted and live is None else [_told(path, live, wanted)]
    own = path.rpartition(".")[2]
    found: list[str] = []
    for key, value in wanted.items():
        below = f"{path}.{key}" if path else key
        if own in _QUANTITIES and _same_quantity(value, live.get(key)):
            continue
        found += differences(value, live.get(key), below)
    if own in _WHOLE:
        found += [f"{path}.{key} should not be there" for key in live if key not in wanted]
    return found


def _list(wanted: list[Any], live: Any, path: str) -> list[str]:
    if not wanted and not live:
        return []
    if not isinstance(live, list):
        return [_told(path, live, wanted)]
    for key in _KEYS:
        ours, theirs = _by_key(wanted, key), _by_key(live, key)
        if ours is not None and theirs is not None:
            found = [d for name, value in ours.items() for d in differences(value, theirs.get(name), f"{path}[{name}]")]
            return found + [f"{path}[{name}] should not be there" for name in theirs if name not in ours]
    if len(wanted) != len(live):
        return [f"{path} has {len(live)} items, rendered {len(wanted)}"]
    return [
        d
        for n, (ours, theirs) in enumerate(zip(wanted, live, strict=True))
        for d in differences(ours, theirs, f"{path}[{n}]")
    ]


def _by_key(items: list[Any], key: str) -> dict[str, Any] | None:
    if not all(isinstance(item, Mapping) and isinstance(item.get(key), str) for item in items):
        return None
    found = {item[key]: item for item in items}
    return found if len(found) == len(items) else None


def _same_quantity(one: Any, other: Any) -> bool:
    try:
        return parse_quantity(str(one)) == parse_quantity(str(other))
    except ValueError:
        return False


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _told(path: str, live: Any, wanted: Any) -> str:
    return f"{path} is {_short(live)}, rendered {_short(wanted)}"


def _short(value: Any) -> str:
    if value is None:
        return "absent"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fields_beside(fields: Any, wanted: Any, path: str) -> list[str]:
    """Return the leaves of a ``fieldsV1`` tree that ``wanted`` does not have, as paths."""
    if fields is None:
        return []
    below = {k: v for k, v in fields.items() if k != "."}
    if not below:
        return [path] if wanted is None else []
    found: list[str] = []
    for key, value in below.items():
        step, part = _step(key, wanted)
        found += _fields_beside(value, part, path + step)
    return found


def _step(key: str, wanted: Any) -> tuple[str, Any]:
    """Return how a path goes on with a key of ``fieldsV1``, and what ``wanted`` has there."""
    kind, _, rest = key.partition(":")
    if kind == "f":
        return f".{rest}", lookup(wanted, rest)
    try:
        named = json.loads(rest)
    except ValueError:
        named = rest
    items = wanted if isinstance(wanted, list) else []
    if not isinstance(named, dict):
        return f"[{named}]", next((item for item in items if item == named), None)
    # a key may have a value that only the API server filled in, as a port's protocol
    same = (item for item in items if isinstance(item, Mapping) and all(item.get(k, v) == v for k, v in named.items()))
    return f"[{','.join(map(str, named.values()))}]", next(same, None)


def _moment(time: Any) -> str:
    return f" at {time}" if isinstance(time, str) else ""

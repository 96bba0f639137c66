"""An explanation for machines (schema ``agentrun.explain/1``, ``docs/schemas/explain.schema.json``) and for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from envid.core.explain import explain_schema, to_json
from envid.core.explain.summary import count, package_text, system_summary, value_text
from envid.text import Painted, clean, columns, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.explain import Explanation, InputChange, PackageChange
    from envid.usecases.attribution import Attribution, Cause
    from envid.usecases.explain import Explained, Side

__all__ = ["causes_data", "explained_data", "explained_lines", "explained_schema"]

SCHEMA_VERSION: Final = "agentrun.explain/1"
_WIDTH: Final = 100
_MOST_ROWS: Final = 40
_MOST_COMMITS: Final = 5
_COMMIT_WIDTH: Final = 12
_SIGN: Final = {"added": "+", "removed": "-", "changed": "~"}
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}


def explained_data(explained: Explained) -> dict[str, Any]:
    """Return the whole explanation as JSON-able data."""
    explanation = to_json(explained.explanation)
    for change in explanation["changes"]:
        key = change["kind"], change["name"]
        change["commits"] = [_cause_data(cause) for cause in explained.attribution.inputs.get(key, ())]
        for package in change["packages"]:
            cause = explained.attribution.packages.get((change["name"], package["place"]))
            package["commit"] = cause and _cause_data(cause)
    outside = explained.outside
    return {
        "schemaVersion": SCHEMA_VERSION,
        "service": explained.head.service or explained.base.service,
        "base": _side_data(explained.base),
        "head": _side_data(explained.head),
        "decision": explained.decision,
        "explanation": explanation,
        "filesChangedOutside": outside and {"count": outside.count, "names": list(outside.names)},
        "notes": list(_notes(explained)),
    }


def causes_data(decision: str, explanation: Explanation | None) -> dict[str, Any]:
    """Return what a line of ``history --causes`` says beyond the identity."""
    changes = explanation.changes if explanation else ()
    return {
        "decision": decision,
        "causes": [change.summary for change in changes],
        "productionChanged": explanation.production_changed if explanation else False,
        "devOnly": explanation.dev_only if explanation else False,
        "packages": [
            {
                "input": change.name,
                "place": package.place,
                "name": package.name,
                "change": package.change.value,
                "reach": "production" if package.production else "dev-only",
                "direct": package.direct,
                "old": package.old and package.old.version,
                "new": package.new and package.new.version,
            }
            for change in changes
            for package in change.packages
        ],
    }


def explained_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what ``explained_data`` returns."""
    schema = explain_schema()
    definitions: dict[str, Any] = schema["$defs"]
    definitions["Cause"] = _object(
        commit=_MAYBE_TEXT, subject=_TEXT, author=_TEXT, date=_TEXT, side={"enum": ["head", "base"]}
    )
    definitions["Side"] = _object(
        label=_TEXT, commit=_MAYBE_TEXT, catalogRevision=_MAYBE_TEXT, envIdentity=_MAYBE_TEXT, error=_MAYBE_TEXT
    )
    cause = {"$ref": "#/$defs/Cause"}
    _add(definitions["InputChange"], "commits", {"type": "array", "items": cause})
    _add(definitions["PackageChange"], "commit", {"anyOf": [cause, {"type": "null"}]})
    outside = _object(count={"type": "integer"}, names={"type": "array", "items": _TEXT})
    side = {"$ref": "#/$defs/Side"}
    whole = _object(
        schemaVersion={"const": SCHEMA_VERSION},
        service=_MAYBE_TEXT,
        base=side,
        head=side,
        decision={"enum": ["build", "reuse", "blocked"]},
        explanation={"$ref": "#/$defs/Explanation"},
        filesChangedOutside={"anyOf": [outside, {"type": "null"}]},
        notes={"type": "array", "items": _TEXT},
    )
    return {
        "$schema": schema["$schema"],
        "title": "What invoke explain --json prints",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


def explained_lines(explained: Explained) -> Iterator[str | Painted]:
    """Return the explanation for people; no line has more than 100 columns."""
    yield from _side_lines(explained)
    yield ""
    yield from _verdict(explained)
    for change in explained.explanation.changes:
        yield ""
        yield from _change_lines(change, explained.attribution)
    yield ""
    yield from _outside_lines(explained)
    for note in _notes(explained):
        for number, line in enumerate(textwrap.wrap(clean(note), _WIDTH - 6)):
            yield Painted((("warn", "      " if number else "note  "), ("", line)))


def _side_lines(explained: Explained) -> Iterator[Painted]:
    sides = (("base", explained.base), ("head", explained.head))
    width = min(max(len(fit(side.label, 40)) for _, side in sides), 40)
    for name, side in sides:
        commit = "uncommitted " if side.uncommitted else side.commit.short
        identity = side.identity[:16] if side.identity else "has none"
        label = fit(side.label, width).ljust(width)
        yield Painted((("weak", f"{name}  "), ("", f"{label}  commit {commit}  envIdentity {identity}")))
        if side.error:
            for line in textwrap.wrap(clean(side.error), _WIDTH - 6):
                yield Painted((("warn", f"      {line}"),))


def _verdict(explained: Explained) -> Iterator[Painted]:
    explanation = explained.explanation
    if not explanation.changes:
        same = "the same envIdentity: nothing that counts changed"
        yield Painted((("strong", explained.decision), ("", f"  {same}")))
        return
    total = len(explanation.changes) + len(explanation.unchanged)
    yield Painted(
        (("strong", explained.decision), ("", f"  {len(explanation.changes)} of {count(total, 'input')} differ"))
    )
    reach = {True: "differs", False: "is the same", None: "can't be compared"}[explanation.production_changed]
    only = "; every change is dev-only or formatting" if explanation.dev_only else ""
    yield Painted((("weak", f"       the production closure of bun.lock {reach}{only}"),))


def _change_lines(change: InputChange, attribution: Attribution) -> Iterator[Painted]:
    reach = f", {change.reach.value}" if change.reach else ""
    title, _, what = change.summary.partition(": ")
    name = fit(title, 60)
    yield Painted((("strong", name), ("weak", f"  {change.change.value}{reach}")))
    rows = list(_detail_rows(change, attribution))
    if not rows:
        yield Painted((("", f"  {fit(what, _WIDTH - 2)}"),))
    yield from rows[:_MOST_ROWS]
    if len(rows) > _MOST_ROWS:
        yield Painted((("weak", f"  and {len(rows) - _MOST_ROWS} more; --json has all of them"),))
    for note in change.notes:
        yield Painted((("warn", "  note  "), ("", fit(note, _WIDTH - 8))))
    causes = attribution.inputs.get((change.kind, change.name), ())
    for cause in causes[:_MOST_COMMITS]:
        yield _cause_line(cause)
    if len(causes) > _MOST_COMMITS:
        yield Painted((("weak", f"  by {len(causes) - _MOST_COMMITS} commits more"),))


def _detail_rows(change: InputChange, attribution: Attribution) -> Iterator[Painted]:
    if change.old_mode and change.new_mode and change.old_mode != change.new_mode:
        yield _row("~", f"mode {change.old_mode} → {change.new_mode}")
    for package in change.packages:
        cause = attribution.packages.get((change.name, package.place))
        commit = (cause.commit.short if cause.commit else "uncommitted") if cause else ""
        yield _row(_SIGN.get(package.change.value, "~"), _package_text(package), commit)
    for value in change.values:
        yield _row(_SIGN[value.change.value], value_text(value))
    for system in change.system_packages:
        yield _row(_SIGN[system.change.value], system_summary([system]))
    for hunk in change.lines.hunks if change.lines else ():
        for line in hunk.lines:
            if line.op != " ":
                yield _row(line.op, f"{line.new or line.old}: {line.text}")


def _row(sign: str, text: str, commit: str = "") -> Painted:
    meaning = {"+": "added", "-": "removed"}.get(sign, "")
    room = _WIDTH - 4 - (_COMMIT_WIDTH + 2 if commit else 0)
    shown = fit(text, room)
    if not commit:
        return Painted(((meaning, f"  {sign} {shown}"),))
    padding = " " * (room - columns(shown))
    return Painted(((meaning, f"  {sign} {shown}"), ("weak", f"{padding}  {commit}")))


def _package_text(package: PackageChange) -> str:
    text = package_text(package)
    return f"{text}: at {package.place}" if package.place != package.name else text


def _cause_line(cause: Cause) -> Painted:
    if cause.commit is None:
        return Painted((("weak", "  by "), ("", "uncommitted work")))
    verb = "by" if cause.side == "head" else "without"
    head = f"  {verb} {cause.commit.short} {cause.date[:10]} {fit(cause.author, 24)}: "
    return Painted((("weak", head), ("", fit(cause.subject, _WIDTH - columns(head)))))


def _outside_lines(explained: Explained) -> Iterator[Painted]:
    outside = explained.outside
    if outside is None:
        yield Painted((("weak", "what else changed can't be said: a commit is not here"),))
    elif outside.count:
        more = f" and {outside.count - len(outside.names)} more" if outside.count > len(outside.names) else ""
        text = f"{count(outside.count, 'changed file')} outside the identity: {', '.join(outside.names)}"
        yield Painted((("weak", fit(text, _WIDTH - len(more)) + more),))
    else:
        yield Painted((("weak", "no file outside the identity changed"),))


def _notes(explained: Explained) -> Iterator[str]:
    yield from explained.notes
    yield from explained.attribution.notes


def _side_data(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "commit": None if side.uncommitted else side.commit,
        "catalogRevision": side.catalog_revision,
        "envIdentity": side.identity,
        "error": side.error,
    }


def _cause_data(cause: Cause) -> dict[str, Any]:
    return {
        "commit": cause.commit,
        "subject": cause.subject,
        "author": cause.author,
        "date": cause.date,
        "side": cause.side,
    }


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _add(definition: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    definition["properties"][name] = schema
    definition["required"].append(name)

"""The list of commits: every rebuild with its explanation folded up, every run of reuses as one item."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from envid.core.explain import Change, PackageChangeKind
from envid.core.explain.summary import package_text, system_summary, value_text
from envid.core.report.markup import esc, number, short_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envid.core.explain import InputChange, LineDiff
    from envid.core.report.model import ReportRow

__all__ = ["commit_items", "mark_of"]

_MOST_ITEMS: Final = 25
_MOST_LINES: Final = 40
_MOST_WHY: Final = 130
_WORDS: Final = {"p": "production", "s": "production the same", "k": "production not known", "x": "no identity"}
_SIGNS: Final = {Change.ADDED: "ins", Change.REMOVED: "del"}


def mark_of(row: ReportRow) -> str:
    """Return the letter of a commit's class: rebuilds by production (p), the same (s), unknown (k); u reuse, x none."""
    if row.decision == "blocked":
        return "x"
    if row.decision == "reuse":
        return "u"
    return {True: "p", False: "s", None: "k"}[row.production_changed]


def commit_items(rows: Sequence[ReportRow]) -> Iterator[str]:
    """Draw ``rows``, the newest first."""
    for reuses, group in groupby(rows, key=lambda row: row.decision == "reuse"):
        if reuses:
            yield _run(list(group))
        else:
            yield from map(_commit, group)


def _run(rows: Sequence[ReportRow]) -> str:
    identity = rows[0].identity or ""
    items = "".join(
        f"<li><code>{row.commit.short}</code> {short_date(row.date)} {esc(row.subject, 100)}</li>" for row in rows
    )
    return (
        f'<li class="run"><details><summary>{number(len(rows), "commit")} reused <code>{identity[:12]}</code>: nothing '
        f"that counts changed</summary><ul>{items}</ul></details></li>"
    )


def _commit(row: ReportRow) -> str:
    mark = mark_of(row)
    classes = mark if mark == "x" else f"build {mark}"
    causes = row.explanation.causes if row.explanation else ()
    why = row.error or "; ".join(causes) or "the inputs are valid again"
    return (
        f'<li class="{classes}"><details id="c-{row.commit.short}"><summary><code>{row.commit.short}</code> '
        f'<span class="tag {mark}">{_WORDS[mark]}</span> <span class="why">{esc(why, _MOST_WHY)}</span>'
        f'<span class="sub">{short_date(row.date)} · {esc(row.author, 60)} · {esc(row.subject, 160)}</span></summary>'
        f'<div class="body">{_body(row)}</div></details></li>'
    )


def _body(row: ReportRow) -> str:
    identity = row.identity or "none"
    ids = f"<dt>commit</dt><dd><code>{row.commit}</code></dd><dt>envIdentity</dt><dd><code>{identity}</code></dd>"
    parts = [f'<dl class="ids">{ids}</dl>']
    if row.error:
        parts.append(f"<p>{esc(row.error, 1000)}</p>")
    if row.explanation:
        parts += [_change(change) for change in row.explanation.changes]
    return "".join(parts)


def _change(change: InputChange) -> str:
    title, _, what = change.summary.partition(": ")
    reach = f", {change.reach}" if change.reach else ""
    items = list(_items(change))
    shown = "".join(items[:_MOST_ITEMS])
    if len(items) > _MOST_ITEMS:
        shown += f"<li>and {len(items) - _MOST_ITEMS:,} more</li>"
    parts = [f'<h3>{esc(title)} <span class="soft">{change.change}{reach}</span></h3>']
    if shown:
        parts.append(f"<ul>{shown}</ul>")
    if change.lines and change.lines.hunks:
        parts.append(_lines(change.lines))
    elif not shown:
        parts.append(f"<p>{esc(what or 'changed', 300)}</p>")
    parts += [f'<p class="soft">{esc(note, 400)}</p>' for note in change.notes]
    return "".join(parts)


def _items(change: InputChange) -> Iterator[str]:
    if change.old_mode and change.new_mode and change.old_mode != change.new_mode:
        yield f"<li>mode {esc(change.old_mode)} → {esc(change.new_mode)}</li>"
    for package in change.packages:
        sign = {PackageChangeKind.ADDED: "ins", PackageChangeKind.REMOVED: "del"}.get(package.change, "")
        yield _item(sign, package_text(package))
    for value in change.values:
        yield _item(_SIGNS.get(value.change, ""), value_text(value))
    for system in change.system_packages:
        yield _item(_SIGNS.get(system.change, ""), system_summary([system]))


def _item(sign: str, text: str) -> str:
    shown = esc(text, 240)
    return f"<li><{sign}>{shown}</{sign}></li>" if sign else f"<li>{shown}</li>"


def _lines(diff: LineDiff) -> str:
    lines: list[str] = []
    for hunk in diff.hunks:
        for line in hunk.lines:
            if len(lines) == _MOST_LINES:
                break
            text = esc(f"{line.op}{line.text}", 200)
            sign = {"+": "ins", "-": "del"}.get(line.op)
            lines.append(f"<{sign}>{text}</{sign}>" if sign else text)
    total = diff.omitted + sum(len(hunk.lines) for hunk in diff.hunks)
    left = f'<p class="soft">and {total - len(lines):,} lines more</p>' if total > len(lines) else ""
    return f'<pre tabindex="0">{chr(10).join(lines)}</pre>{left}'

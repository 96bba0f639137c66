"""Diff by line, with line numbers."""

from __future__ import annotations

from typing import Final

from envid.core.explain.model import DiffLine, Hunk, LineDiff
from envid.core.explain.redact import redact
from envid.core.explain.sequences import Opcode, opcodes

__all__ = ["MAX_SHOWN_LINES", "diff_lines"]

MAX_SHOWN_LINES: Final = 2000
"""Most lines that the hunks of one diff hold."""
_MAX_LINE: Final = 2000
_CONTEXT: Final = 3


def diff_lines(old: bytes, new: bytes) -> LineDiff:
    """Compare two texts by line; credentials are hidden, and binary content is only said to be so."""
    if old == new:
        return LineDiff(hunks=(), added=0, removed=0)
    if b"\0" in old or b"\0" in new:
        return LineDiff(hunks=(), added=0, removed=0, notes=("it is binary; lines would say nothing",))
    old_lines, new_lines = _split(old), _split(new)
    codes = opcodes(old_lines, new_lines)
    hunks: list[Hunk] = []
    shown = omitted = 0
    for group in _groups(codes):
        lines = [line for code in group for line in _lines(code, old_lines, new_lines)]
        kept = lines[: MAX_SHOWN_LINES - shown]
        omitted += len(lines) - len(kept)
        shown += len(kept)
        if kept:
            hunks.append(Hunk(lines=tuple(kept)))
    return LineDiff(
        hunks=tuple(hunks),
        added=sum(j2 - j1 for tag, _, _, j1, j2 in codes if tag in {"insert", "replace"}),
        removed=sum(i2 - i1 for tag, i1, i2, _, _ in codes if tag in {"delete", "replace"}),
        omitted=omitted,
        notes=tuple(_notes(old, new, old_lines, new_lines)),
    )


def _split(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "backslashreplace").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def _notes(old: bytes, new: bytes, old_lines: list[str], new_lines: list[str]) -> list[str]:
    notes = []
    if old.endswith(b"\n") != new.endswith(b"\n") and old and new:
        notes.append("the final newline was " + ("removed" if old.endswith(b"\n") else "added"))
    elif old_lines == new_lines:
        notes.append("bytes differ in a way that lines don't show")
    if old and new and (b"\r\n" in old) != (b"\r\n" in new):
        notes.append("line ends changed from " + ("CRLF to LF" if b"\r\n" in old else "LF to CRLF"))
    return notes


def _groups(codes: list[Opcode]) -> list[list[Opcode]]:
    """Cut the alignment into hunks, each with at most three unchanged lines on either side."""
    groups: list[list[Opcode]] = []
    group: list[Opcode] = []
    last = len(codes) - 1
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        before, after = 0 if index == 0 else _CONTEXT, 0 if index == last else _CONTEXT
        if i2 - i1 <= before + after:
            group.append((tag, i1, i2, j1, j2))
            continue
        if index > 0:
            group.append((tag, i1, i1 + before, j1, j1 + before))
            groups.append(group)
        group = [] if index == last else [(tag, i2 - after, i2, j2 - after, j2)]
    if any(code[0] != "equal" for code in group):
        groups.append(group)
    return groups


def _lines(code: Opcode, old: list[str], new: list[str]) -> list[DiffLine]:
    tag, i1, i2, j1, j2 = code
    if tag == "equal":
        return [DiffLine(op=" ", old=i1 + k + 1, new=j1 + k + 1, text=_shown(old[i1 + k])) for k in range(i2 - i1)]
    gone = [DiffLine(op="-", old=i + 1, new=None, text=_shown(old[i])) for i in range(i1, i2)]
    come = [DiffLine(op="+", old=None, new=j + 1, text=_shown(new[j])) for j in range(j1, j2)]
    return gone + come


def _shown(line: str) -> str:
    return redact(line if len(line) <= _MAX_LINE else line[:_MAX_LINE] + "…")

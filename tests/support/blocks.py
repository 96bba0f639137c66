"""Fenced blocks of Markdown, and the Invoke commands that stand in them and between backticks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Block", "blocks", "invoke_commands"]


class Block(NamedTuple):
    """A fenced block: where it begins, its language, and its text."""

    path: Path
    line: int
    language: str
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """Yield every fenced block of a page."""
    for found in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        yield Block(path, found.string.count("\n", 0, found.start()) + 1, found[1], found[2])


def invoke_commands(text: str) -> Iterator[list[str]]:
    """Yield the words after ``invoke`` of every command in a shell's lines, comments and prompts left out."""
    for line in text.splitlines():
        for part in re.split(r"&&|;|\|", line.removeprefix("$ ")):
            words = shlex.split(part, comments=True) if "invoke " in part else []
            if words[:1] == ["invoke"]:
                yield words[1:]

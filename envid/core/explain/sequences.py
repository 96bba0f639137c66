"""Align two sequences, so that swapping them gives the mirrored alignment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

__all__ = ["Opcode", "opcodes"]

Opcode = tuple[str, int, int, int, int]
"""``equal``, ``replace``, ``delete`` or ``insert``, then the old and the new range, as difflib has them."""
_MAX_WORK: Final = 4_000_000
"""Above this product of lengths, what lies between the common ends is one replaced block."""
_MAX_PAIRS: Final = 100_000
"""Above this number of equal pairs, frequent items no longer align anything: difflib's work grows with their number."""
_SWAPPED: Final = {"equal": "equal", "replace": "replace", "delete": "insert", "insert": "delete"}


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """Return how ``old`` becomes ``new``."""
    # difflib's choice among equally good alignments depends on the order of its arguments: fix that order.
    if (len(new), new) < (len(old), old):
        return [(_SWAPPED[tag], j1, j2, i1, i2) for tag, i1, i2, j1, j2 in _opcodes(new, old)]
    return _opcodes(old, new)


def _opcodes(a: Sequence[str], b: Sequence[str]) -> list[Opcode]:
    shortest = min(len(a), len(b))
    head = next((i for i in range(shortest) if a[i] != b[i]), shortest)
    tail = next((i for i in range(shortest - head) if a[-1 - i] != b[-1 - i]), shortest - head)
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    found: list[Opcode] = [("equal", 0, head, 0, head)] if head else []
    if not middle_a or not middle_b or len(middle_a) * len(middle_b) > _MAX_WORK:
        tag = "replace" if middle_a and middle_b else "delete" if middle_a else "insert"
        if middle_a or middle_b:
            found.append((tag, head, len(a) - tail, head, len(b) - tail))
    else:
        often = Counter(middle_b)
        pairs = sum(often[item] for item in middle_a)
        matcher = SequenceMatcher(None, middle_a, middle_b, autojunk=pairs > _MAX_PAIRS)
        found += [(tag, i1 + head, i2 + head, j1 + head, j2 + head) for tag, i1, i2, j1, j2 in matcher.get_opcodes()]
    if tail:
        found.append(("equal", len(a) - tail, len(a), len(b) - tail, len(b)))
    return found

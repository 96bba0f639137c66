"""Moves ``imageRef.commitId`` in deploy.json's text, leaving every other byte as its author wrote it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envid.errors import InputError

if TYPE_CHECKING:
    from envid.core.values import CommitId

__all__ = ["move_commit"]


def move_commit(text: str, old: CommitId, new: CommitId) -> str:
    """Return deploy.json's ``text`` with ``old`` replaced by ``new`` wherever it is a ``commitId``.

    Raises:
        InputError: ``old`` is no commitId in the text.

    """
    moved, count = re.subn(rf'("commitId"\s*:\s*"){old}(")', rf"\g<1>{new}\g<2>", text)
    if not count:
        raise InputError(f"{old} is no commitId in deploy.json", remedy='write it as "commitId": "<40 hex digits>"')
    return moved

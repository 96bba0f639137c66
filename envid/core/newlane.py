"""Edits that make the next lane of a lane: its own names in place of the old lane's, and no other byte (R14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envid.errors import InputError

if TYPE_CHECKING:
    from envid.core.lane import Lane

__all__ = ["deploy_for", "settings_for"]


def deploy_for(content: str, old: Lane, new: Lane) -> str:
    """Return deploy.json's text with the names of ``new`` for those of ``old``: namespace, Secrets and database."""
    named = re.compile(rf'"{re.escape(old.name)}(?=["-])')
    return named.sub(f'"{new.name}', content).replace(f'"{old.database}"', f'"{new.database}"')


def settings_for(content: str, old: Lane, new: Lane) -> str:
    """Return invoke.yaml's text with the version of ``new``; comments and order stay.

    Raises:
        InputError: the file doesn't say its lane on a line of its own.

    """
    line = re.compile(rf"^(\s+lane:\s*)(['\"]?){re.escape(old.version)}\2(?=\s|$)", re.MULTILINE)
    text, changed = line.subn(rf"\g<1>\g<2>{new.version}\g<2>", content)
    if changed != 1:
        raise InputError(
            f"invoke.yaml does not say `lane: {old.version}` on one line",
            remedy=f"write it so, below envid:, and run invoke lane.new {new.version} again",
        )
    return text

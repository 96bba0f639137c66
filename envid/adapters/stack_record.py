"""What ``local.up`` started, as other commands read it. Imports next to nothing: ``plan`` loads this each time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["STACK_FILE", "LocalStack", "load_stack", "stack_bytes"]

STACK_FILE: Final = "local/stack.json"
"""Where the record is, below the state folder."""


class LocalStack(NamedTuple):
    """Where the embedded services are.

    ``registry`` is a host with port; ``buildkit_host`` is as in BUILDKIT_HOST; ``origin_url`` is the repository that
    stands in for GitHub, and that the mirror relays.
    """

    registry: str
    buildkit_host: str
    mirror_read_url: str
    mirror_write_url: str
    origin_url: str


def load_stack(state: Path) -> LocalStack | None:
    """Return the stack of a state folder, or None where none is up."""
    try:
        return LocalStack(**json.loads((state / STACK_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        # none, or one of another version: both mean that nothing here may be relied on
        return None


def stack_bytes(stack: LocalStack) -> bytes:
    """Return the record's bytes."""
    return json.dumps(stack._asdict(), indent=2, sort_keys=True).encode() + b"\n"

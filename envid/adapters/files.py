"""Files of this project's own: written whole or not at all, read with a bound."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from envid.errors import InputError, ServiceError

__all__ = ["read_bounded", "write_atomic"]


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a kill at any instant leaves the old file or the new one.

    Raises:
        ServiceError: the folder can't be written.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp's 0600 would keep a report or a plan from the next step's user
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ServiceError(
            f"{path} can't be written",
            cause=error.strerror or str(error),
            remedy="choose another folder with ENVID_STATE",
        ) from None


def read_bounded(path: Path, *, limit: int, hint: str) -> bytes:
    """Read a file of at most ``limit`` bytes; ``hint`` is the command that makes it.

    Raises:
        InputError: it is missing, unreadable or too large.

    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read", cause=error.strerror or str(error), remedy=hint) from None
    if len(content) > limit:
        raise InputError(f"{path} is larger than {limit} bytes", remedy=hint)
    return content

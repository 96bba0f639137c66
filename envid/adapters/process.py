"""The one door to other programs: argument vectors only, a scrubbed environment, and a bound on every wait.

No shell is ever involved, so a value from a user or a repository can't become a command.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from envid.errors import ServiceError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Completed", "find_tool", "run"]

_INSTALL_HINTS = {
    "git": "apt-get install git",
    "buildctl": "script/bootstrap",
    "buildkitd": "script/bootstrap",
}


class Completed(NamedTuple):
    """What a finished program left: exit status, and output as bytes."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def error_text(self) -> str:
        """Standard error as text, for messages."""
        return self.stderr.decode("utf-8", "replace").strip()


def find_tool(name: str, *, extra_path: Sequence[Path] = ()) -> str:
    """Return the absolute path of program ``name``.

    Raises:
        ToolMissing: it is neither in ``extra_path`` nor on PATH.

    """
    for folder in (*map(str, extra_path), *os.get_exec_path()):
        # what shutil.which does here; importing shutil would import every compression there is
        path = os.path.abspath(f"{folder}/{name}")  # noqa: PTH100 - pathlib's would resolve links
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    raise ToolMissing(f"{name} is not installed", remedy=_INSTALL_HINTS.get(name, f"install {name}"))


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    timeout: float = 120.0,
) -> Completed:
    """Run ``argv`` to its end and return what it left, whatever its exit status.

    ``timeout`` is in seconds; at its end the program is killed.

    Raises:
        ToolMissing: the program does not exist.
        ServiceError: it did not end in time.

    """
    try:
        done = subprocess.run(
            list(argv),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolMissing(
            f"{argv[0]} is not installed", remedy=_INSTALL_HINTS.get(argv[0], f"install {argv[0]}")
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            f"{argv[0]} did not end within {timeout:.0f} s", cause="the peer hangs, or the work is too large"
        ) from error
    return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)

"""Finds package manager calls in a Containerfile: system packages come by ``packages.lock`` only (R3).

A plan can say so before anything is built. The build checks again, against what dpkg says is installed, so that a call
which is hidden from this reader is still caught.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from envid.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["stray_installs"]

_CALL: Final = re.compile(
    r"(?<![\w./-])(?:/usr/s?bin/|/s?bin/)?"
    r"(?:(?P<apt>apt-get|apt|aptitude)\s+(?:-\S+\s+)*(?:install|upgrade|dist-upgrade|full-upgrade|build-dep)\b"
    r"|(?P<dpkg>dpkg)\s+(?:-\S+\s+)*(?:-i|--install|--unpack)(?=\s|$))(?P<rest>[^;&|\n]*)"
)
_CONTINUED: Final = re.compile(r"\\[ \t]*\r?\n")
_COMMENT: Final = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)


def stray_installs(containerfile: str, *, where: str = "Containerfile") -> Iterator[Fault]:
    """Yield a fault for each call that would install system packages outside ``packages.lock``, naming them."""
    # blanks of the same length stand in for comments and joined line ends: positions stay those of the file
    text = _COMMENT.sub(_blank, containerfile)
    joined = _CONTINUED.sub(_blank, text)
    for match in _CALL.finditer(joined):
        line = containerfile.count("\n", 0, match.start()) + 1
        names = [word for word in match["rest"].split() if not word.startswith(("-", "$", ">", "<"))]
        what = ", ".join(names) or "packages"
        yield Fault(
            f"{where}:{line}",
            f"it installs {what} outside packages.lock; add it to deploy/runtime/packages.txt and run "
            "invoke lock.packages",
        )


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])

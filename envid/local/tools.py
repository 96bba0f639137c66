"""Finds the programs that ``script/bootstrap`` made: buildctl, buildkitd, docker-registry, runc and Bun."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from envid.adapters.blob_cache import default_cache_dir
from envid.adapters.process import find_tool
from envid.errors import ToolMissing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bootstrapped", "find_bun", "tool_folders"]


def tool_folders() -> list[Path]:
    """Return the folders in which bootstrapped programs are; the caller's PATH comes after them."""
    return [default_cache_dir() / "tools/bin"]


def bootstrapped(name: str) -> str:
    """Return the path of a program.

    Raises:
        ToolMissing: it is neither bootstrapped nor on PATH.

    """
    try:
        return find_tool(name, extra_path=tool_folders())
    except ToolMissing:
        # Debian keeps runc where the PATH of a plain user does not look
        if found := shutil.which(name, path="/usr/sbin:/sbin"):
            return found
        raise ToolMissing(
            f"{name} is missing",
            cause="this machine was not prepared yet",
            remedy="script/bootstrap, in a clone of this project: every repository finds what it makes",
        ) from None


def find_bun() -> str:
    """Return the path of the pinned Bun.

    Raises:
        ToolMissing: it is not there.

    """
    return bootstrapped("bun")

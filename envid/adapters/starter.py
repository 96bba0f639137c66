"""The files that a new project begins with: in a wheel beside the package, in a checkout this lane's own (R14)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import envid
from envid.adapters.files import read_bounded
from envid.errors import ToolMissing

__all__ = ["STARTER_FILES", "read_starter"]

STARTER_FILES: Final = (
    "Containerfile",
    "deploy/base/Containerfile",
    "deploy/base/customize.sh",
    "deploy/base/packages.lock",
    "deploy/base/packages.txt",
    "deploy/runtime/boot/agentrun-boot.sh",
    "deploy/runtime/install-packages.sh",
    "deploy/runtime/packages.lock",
    "deploy/runtime/packages.txt",
    "tools/bun.json",
)
"""Their paths in a project; pyproject.toml puts the same into the wheel."""
_LARGEST: Final = 1 << 20


def read_starter() -> dict[str, bytes]:
    """Return the files by their path.

    Raises:
        ToolMissing: this installation has none, as in the toolbox image.

    """
    package = Path(envid.__file__).parent
    folder = next((f for f in (package / "starter", package.parent) if (f / STARTER_FILES[1]).is_file()), None)
    if folder is None:
        raise ToolMissing(
            "this installation of envid has no files for a new project",
            cause="it was not made from the wheel",
            remedy="pip install envid",
        )
    return {path: read_bounded(folder / path, limit=_LARGEST, hint="pip install envid") for path in STARTER_FILES}

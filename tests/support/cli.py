"""Runs the real command line in a child process, as a user's shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ran", "agentrun", "envid", "invoke"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def envid(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run ``python -m envid``."""
    return _run([sys.executable, "-m", "envid", *arguments], folder, environment)


def agentrun(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run the console script ``agentrun``'s entry point."""
    code = "from envid.tasks.program import main; main()"
    return _run([sys.executable, "-c", code, *arguments], folder, environment)


def invoke(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run ``invoke`` with the tasks of the collection in ``folder``."""
    return _run([str(Path(sys.executable).with_name("invoke")), *arguments], folder, environment)


def _run(argv: list[str], folder: Path, environment: dict[str, str]) -> Ran:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT_", "INVOKE_"))}
    # no command here may reach the network by accident: a closed port refuses at once
    nowhere = {
        "ENVID_MIRROR_READ_URL": "http://127.0.0.1:9/agentrun.git",
        "ENVID_MIRROR_WRITE_URL": "http://127.0.0.1:9/agentrun.git",
        "ENVID_REGISTRY": "127.0.0.1:9",
    }
    done = subprocess.run(
        argv,
        cwd=folder,
        env=kept | nowhere | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=180,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"))

"""Brings the peers, at fixed versions, into the user's cache: turbo, nx and moon from npm, crane from its Go module."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from envid.adapters.blob_cache import default_cache_dir

__all__ = ["VERSIONS", "crane", "npm_peers"]

VERSIONS: Final = {"turbo": "2.11.11", "nx": "24.0.6", "@moonrepo/cli": "2.5.5"}
CRANE: Final = "github.com/google/go-containerregistry/cmd/crane"
CRANE_VERSION: Final = "v0.20.6"


def npm_peers() -> Path:
    """Return a ``node_modules`` folder with turbo, nx and moon, installing it once."""
    manifest = json.dumps({"private": True, "dependencies": VERSIONS}, indent=2)
    folder = default_cache_dir() / f"bench-{hashlib.sha256(manifest.encode()).hexdigest()[:16]}"
    modules = folder / "node_modules"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(manifest)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
        (folder / "complete").touch()
    return modules


def crane() -> str:
    """Return crane: the one on PATH, or one built once from its Go module."""
    if found := shutil.which("crane"):
        return found
    folder = default_cache_dir() / f"bench-crane-{CRANE_VERSION}"
    program = folder / "crane"
    if not program.exists():
        environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", f"{CRANE}@{CRANE_VERSION}"], env=environment, check=True)
    return str(program)

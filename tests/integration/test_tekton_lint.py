"""The lane's Tekton objects before a linter of Tekton's community; a cluster's own admission is in ``tests/e2e``."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.blob_cache import default_cache_dir
from tests.support.lanes import ROOT

GOLDEN = ROOT / "tests/golden/cluster"
LOCKED = ROOT / "tools/tekton-lint"


@pytest.fixture(scope="module")
def linter() -> Path:
    """The linter as it is locked, installed once for all checkouts."""
    files = [LOCKED / "package.json", LOCKED / "package-lock.json"]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = default_cache_dir() / f"tekton-lint-{key}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
        npm = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(npm, cwd=folder, check=True, timeout=300)
        (folder / "complete").touch()
    return folder / "node_modules/.bin/tekton-lint"


def lint(linter: Path, folder: Path) -> list[dict[str, Any]]:
    """Return what the linter finds in the YAML files of a folder."""
    asked = [str(linter), "--format=json", f"--config={folder}", f"{folder}/*.yaml"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
    assert not done.stderr, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_linter_finds_nothing_in_the_pipeline_and_its_tasks(linter: Path) -> None:
    assert lint(linter, GOLDEN) == []


def test_the_linter_reads_the_pipeline_together_with_its_tasks(linter: Path, tmp_path: Path) -> None:
    for file in GOLDEN.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    task = tmp_path / "agentrun-v01-check-task.yaml"
    task.write_text(task.read_text().replace("name: commit\n", "name: committed\n"))
    found = lint(linter, tmp_path)
    assert {"no-missing-param", "no-undefined-param"} <= {finding["rule"] for finding in found}

"""A few kills of every step of a lane, as ``bench/kills.py`` makes a thousand of them (docs/bench/kills.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lanes import ROOT, Stack

pytestmark = pytest.mark.integration

STEPS = {"git-mirror.sync", "plan", "publish", "promote", "git-mirror.flush"}


def test_a_kill_of_any_step_loses_nothing_and_blocks_nothing(stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    argv = [
        sys.executable,
        "bench/kills.py",
        "--kills=8",
        "--workers=1",
        "--seed=1",
        f"--state={stack.state}",
        f"--out={out}",
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_bytes())
    assert found["findings"] == []
    assert set(found["kills"]) <= STEPS
    assert sum(found["kills"].values()) >= 8

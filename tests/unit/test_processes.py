"""Fast commands start few processes: they are counted, not timed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo
from tests.support.cli import envid

_SHIM = """#!/bin/sh
echo "$@" >> "{log}"
exec "{git}" "$@"
"""


@pytest.fixture
def counted(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Return an environment in which every call of git is written to a file, and that file."""
    git = shutil.which("git")
    log, folder = tmp_path / "calls", tmp_path / "bin"
    folder.mkdir()
    shim = folder / "git"
    shim.write_text(_SHIM.format(log=log, git=git))
    shim.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}, log


@pytest.mark.parametrize("inputs", [8, 100, 1000])
def test_an_identity_is_one_process_whatever_the_number_of_inputs(
    tmp_path: Path, counted: tuple[dict[str, str], Path], inputs: int
) -> None:
    environment, log = counted
    repo = SourceRepo.create(tmp_path / "source")
    (repo.root / "deploy/deploy.json").unlink()
    patches = repo.root / "patches"
    patches.mkdir()
    for number in range(inputs - 5):
        (patches / f"{number}.patch").write_text(f"{number}\n")
    repo.commit()
    ran = envid(repo.root, "identity", "--json", "--input", "patches/**", **environment)
    assert ran.code == 0, ran.err
    assert len(ran.json["inputs"]) == inputs
    assert len(log.read_text().splitlines()) == 1

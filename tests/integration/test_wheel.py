"""The wheel in an environment of its own: what somebody has who installs it, and nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo
from tests.support.lanes import ROOT

pytestmark = pytest.mark.integration


def call(*argv: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(argv, cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = call(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs that an installation brings; its packages are those that the toolbox has."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    uv = Path(sys.executable).with_name("uv")
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", venv / "bin/python"]
    steps: tuple[list[str | Path], ...] = (
        [uv, "venv", "--quiet", "--python", sys.executable, venv],
        [*install, "--require-hashes", "-r", ROOT / "requirements/toolbox.txt"],
        [*install, "--no-deps", wheel],
    )
    for argv in steps:
        done = call(*argv, cwd=venv.parent)
        assert done.returncode == 0, done.stderr
    return venv / "bin"


def test_the_wheel_is_typed_and_holds_the_package_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "envid/py.typed" in names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"envid"}


def test_agentrun_answers_as_the_specification_spells_it(programs: Path, tmp_path: Path) -> None:
    done = call(programs / "agentrun", "v01", "git-mirror", "status", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "git-mirror.status" in done.stdout
    assert call(programs / "agentrun", "v01", "nonsense", cwd=tmp_path).returncode == 2


def test_envid_gives_any_bun_repository_its_identity(programs: Path, tmp_path: Path) -> None:
    repo = SourceRepo.create(tmp_path / "plain")
    (repo.root / "deploy/deploy.json").unlink()
    repo.commit("A Bun repository that has never heard of this")
    for argv in (["envid", "identity"], ["agentrun", "identity"], ["agentrun", "history"]):
        done = call(programs / argv[0], *argv[1:], cwd=repo.root)
        assert done.returncode == 0, done.stderr
        assert "package.json" in done.stdout or argv[1] == "history"


def test_another_repositorys_tasks_take_the_collection_in_two_lines(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from envid.tasks import namespace\nns = namespace\n")
    done = call(programs / "invoke", "--list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "git-mirror.status" in done.stdout

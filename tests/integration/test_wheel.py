"""The wheel in an environment of its own: what somebody has who installs it, and nothing of this checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo, git, git_environment
from tests.support.lanes import ROOT

pytestmark = pytest.mark.integration

CORPUS = os.environ.get("ENVID_CORPUS")
# real projects where they are at hand, and one that is made here where they are not
FOREIGN: list[Path | None] = [*sorted(Path(CORPUS).glob("*.bundle"))] if CORPUS else [None]


def call(*argv: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    foreign = ("ENVID_", "PYTHON", "VIRTUAL_ENV", "BUILDKIT_")
    kept = {k: v for k, v in git_environment(**more).items() if not k.startswith(foreign)}
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
    """The folder of the programs that an installation brings; what it needs comes at the locked versions."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    uv = Path(sys.executable).with_name("uv")
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", venv / "bin/python"]
    steps: tuple[list[str | Path], ...] = (
        [uv, "venv", "--quiet", "--python", sys.executable, venv],
        [*install, "--constraint", ROOT / "requirements/dev.txt", f"{wheel}[local]"],
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


def adoption() -> list[str]:
    """The README's lines for another Bun repository."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (block,) = [text for text in blocks if "lane.new" in text]
    return str(block).splitlines()


@pytest.fixture(params=FOREIGN, ids=lambda path: path.stem if path else "made-here")
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A Bun repository that has never heard of a lane."""
    folder, bundle = tmp_path / "project", request.param
    if bundle:
        git(tmp_path, "clone", "--quiet", "--branch=v0.1", str(bundle), str(folder))
    else:
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=v0.1")
        (folder / "package.json").write_text('{"name": "x", "module": "app.ts"}\n')
        (folder / "bun.lock").write_text('{"lockfileVersion": 1, "workspaces": {"": {"name": "x"}}, "packages": {}}\n')
        (folder / "app.ts").write_text("export {};\n")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "Begin")
        git(folder, "remote", "add", "origin", "x")
    git(folder, "remote", "set-url", "origin", "https://git.example/me/project.git")
    return folder


def test_a_foreign_repository_adopts_a_lane_by_the_readmes_five_lines(
    programs: Path, foreign: Path, tmp_path: Path
) -> None:
    lines = adoption()
    assert len(lines) == 5
    assert lines[0].startswith("pip install 'envid[local]'")  # the fixture has done that, with the wheel
    # nothing that script/bootstrap has made is within reach
    stranger = {"PATH": f"{programs}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    try:
        for line in lines[1:]:
            done = call("bash", "-euc", line, cwd=foreign, **stranger)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.endswith("\nbuild=1 reuse=0 unsafeReuse=0\n")
        (service,) = json.loads(call("invoke", "plan", "--json", cwd=foreign, **stranger).stdout)["services"]
        assert (service["decision"], service["reason"]) == ("build", "first-build")
        checked = call("invoke", "check", "--no-bun", cwd=foreign, **stranger)
        assert checked.returncode == 0, checked.stdout
        assert not git(foreign, "status", "--porcelain")
    finally:
        down = call("invoke", "local.down", cwd=foreign, **stranger)
    assert down.returncode == 0, down.stderr
    assert not (foreign / ".envid").exists()


def test_what_lane_new_refuses_is_said_with_what_to_do(programs: Path, foreign: Path) -> None:
    new = (programs / "agentrun", "lane.new", "v0.1", "--project", "mine")
    before = (foreign / "bun.lock").read_bytes()
    (foreign / "bun.lock").unlink()
    done = call(*new, cwd=foreign)
    assert (done.returncode, "bun install" in done.stderr) == (2, True), done.stderr
    (foreign / "bun.lock").write_bytes(before)
    for url, word in (("/somewhere/here.git", "can't fetch"), ("", "no remote")):
        git(foreign, *(["remote", "set-url", "origin", url] if url else ["remote", "remove", "origin"]))
        done = call(*new, cwd=foreign)
        assert (done.returncode, word in done.stderr, "next:" in done.stderr) == (2, True, True), done.stderr
    assert not git(foreign, "status", "--porcelain")
    git(foreign, "remote", "add", "origin", "git@git.example:me/project.git")
    (foreign / "Containerfile").write_text("FROM scratch\n")
    done = call(*new, "--json", cwd=foreign)
    assert done.returncode == 0, done.stderr
    assert "Containerfile" in json.loads(done.stdout)["kept"]
    assert (foreign / "Containerfile").read_text() == "FROM scratch\n"
    again = call(*new, cwd=foreign)
    assert (again.returncode, "has a lane" in again.stderr) == (3, True)


def test_another_repositorys_tasks_take_the_collection_in_two_lines(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from envid.tasks import namespace\nns = namespace\n")
    done = call(programs / "invoke", "--list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "git-mirror.status" in done.stdout

"""What contributors are told is true: the map, the commands, the changelog's fragments, the hooks and the locks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.builders import git

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAP = TEXT.partition("## The map")[2].partition("\n## ")[0]
PROGRAMS = Path(sys.executable).parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def call(*argv: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )


# ---- the map


def places() -> list[str]:
    """Every path in the first column of the map's table."""
    rows = [line.split("|")[1] for line in MAP.splitlines() if line.startswith("| `")]
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row)]


def test_every_place_of_the_map_is_there() -> None:
    assert len(places()) > 20
    assert not [path for path in places() if not (ROOT / path).exists()]


def test_every_folder_of_the_package_and_every_folder_at_the_root_is_on_the_map() -> None:
    tracked = git(ROOT, "ls-files").splitlines()
    package = {str(Path(path).parent) for path in tracked if path.startswith("envid/") and path.endswith(".py")}
    single = {f"envid/{Path(p).name}" for p in tracked if re.fullmatch(r"envid/\w+\.py", p)} - {"envid/__init__.py"}
    roots = {path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    tests = {"/".join(path.split("/")[:2]) for path in tracked if path.count("/") > 1 and path.startswith("tests/")}
    wanted = (package - {"envid"}) | single | (roots - {"envid", "tests", "requirements", "changelog.d"}) | tests
    assert not wanted - set(places())


def test_a_folder_of_the_package_may_import_what_the_map_says() -> None:
    """The map's third column against the order that test_layers.py keeps."""
    order = ("commands", "usecases", "adapters", "core")
    for layer, allowed in (("commands", order[1:]), ("usecases", order[2:]), ("adapters", order[3:])):
        (row,) = [line for line in MAP.splitlines() if line.startswith(f"| `envid/{layer}` |")]
        assert row.split("|")[-2].strip() == ", ".join(allowed)


# ---- the commands


def test_every_command_that_is_named_exists() -> None:
    listed = call(PROGRAMS / "nox", "--list")
    assert listed.returncode == 0, listed.stderr
    sessions = set(re.findall(r"^[*-] ([\w-]+)", listed.stdout, re.MULTILINE))
    named = set(re.findall(r"nox -s ([\w-]+)", TEXT))
    assert named
    assert named <= sessions
    assert sessions - named == set(), "a session that CONTRIBUTING does not name"
    for path in re.findall(r"\b(?:script|tests|docs|envid|changelog)[./][\w./-]*\w", TEXT):
        assert (ROOT / path).exists(), path


def test_script_test_runs_the_sessions() -> None:
    text = (ROOT / "script/test").read_text()
    assert "nox --session lint types typescript manifests docs\n" in text
    assert text.rstrip().endswith('exec pytest "$@"')


# ---- the changelog


def test_every_fragment_gets_into_the_changelog() -> None:
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    kinds = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    assert not [p.name for p in fragments if not re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(kinds)})\.md", p.name)]
    done = call(PROGRAMS / "towncrier", "build", "--draft", "--version", "next")
    assert done.returncode == 0, done.stderr
    for path in fragments:
        first = path.read_text("utf-8").splitlines()[0]
        assert f"- {first}" in done.stdout, path.name


def test_a_release_keeps_what_the_changelog_said_before(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "envid").mkdir()
    (tmp_path / "envid/__init__.py").touch()
    (tmp_path / "changelog.d").mkdir()
    git(tmp_path, "init", "--quiet")
    for version in ("1.0.0", "1.1.0"):
        (tmp_path / "changelog.d/+x.fixed.md").write_text(f"Mended in {version}.\n")
        done = call(PROGRAMS / "towncrier", "build", "--yes", "--version", version, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    said = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert said.startswith((ROOT / "CHANGELOG.md").read_text("utf-8").rstrip())
    found = re.findall(r"^## (\S+)|^- (.*)$", said, re.MULTILINE)
    assert found[:2] == [("1.1.0", ""), ("", "Mended in 1.1.0.")]
    assert found[2:4] == [("1.0.0", ""), ("", "Mended in 1.0.0.")]


# ---- the hooks


@pytest.mark.parametrize(("text", "hook"), [("x=1\n", "format"), ("import os\n", "lint")])
def test_a_commit_that_is_not_tidy_is_stopped(tmp_path: Path, text: str, hook: str) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".venv").symlink_to(PROGRAMS.parent)
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "made.py").write_text(f'"""A file."""\n\n{text}')
    git(tmp_path, "add", "made.py")
    cache = {"PRE_COMMIT_HOME": str(tmp_path / "cache")}
    done = call(PROGRAMS / "pre-commit", "run", hook, "--files", "made.py", cwd=tmp_path, **cache)
    assert done.returncode == 1, done.stdout
    (tmp_path / "made.py").write_text('"""A file."""\n')
    assert call(PROGRAMS / "pre-commit", "run", hook, "--files", "made.py", cwd=tmp_path, **cache).returncode == 0


def test_the_hooks_are_the_locked_tools() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    for hook in config["repos"][0]["hooks"]:
        assert (hook["language"], hook["entry"].split()[0].partition("/")[0]) == ("system", ".venv")
        assert (PROGRAMS / Path(hook["entry"].split()[0]).name).is_file()


# ---- the locks


def locked(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


def wanted_of(group: str) -> Iterator[Requirement]:
    for item in PROJECT["dependency-groups"][group]:
        if isinstance(item, str):
            yield Requirement(item)
        else:
            yield from wanted_of(item["include-group"])


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    local = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["local"]]
    for name, wanted in (
        ("toolbox", project),
        ("build", list(wanted_of("build"))),
        ("dev", [*project, *local, *wanted_of("dev")]),
    ):
        versions = locked(name)
        for requirement in wanted:
            version = versions.get(canonicalize_name(requirement.name), "")
            assert version, f"requirements/{name}.txt has no {requirement.name}: script/lock-requirements"
            assert requirement.specifier.contains(version), f"{requirement} is locked as {version}"

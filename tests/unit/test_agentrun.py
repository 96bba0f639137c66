"""The console script ``agentrun``: the specification's own spelling, the lane word, and usage errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from envid.tasks.program import spell_out
from tests.support.builders import SourceRepo
from tests.support.cli import agentrun


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> SourceRepo:
    """A lane's checkout without a tasks.py."""
    return SourceRepo.create(tmp_path_factory.mktemp("agentrun") / "source")


@pytest.mark.parametrize(
    ("given", "lane", "rest"),
    [
        ("v01 git-mirror status", "v01", "git-mirror.status"),
        ("v0.1 git-mirror flush --confirm", "v0.1", "git-mirror.flush --confirm"),
        ("git-mirror sync --json", "", "git-mirror.sync --json"),
        ("v01 plan --commit v01", "v01", "plan --commit v01"),
        ("git-mirror.status", "", "git-mirror.status"),
        ("git-mirror nonsense", "", "git-mirror nonsense"),
        ("plan status", "", "plan status"),
        ("--list", "", "--list"),
        ("v01", "v01", ""),
    ],
)
def test_the_specifications_spelling_is_invokes(given: str, lane: str, rest: str) -> None:
    assert spell_out(given.split()) == (lane, rest.split())


def test_it_answers_without_a_tasks_file_and_from_a_folder_below(repo: SourceRepo) -> None:
    assert not (repo.root / "tasks.py").exists()
    ran = agentrun(repo.root / "deploy", "identity", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["envIdentity"]


def test_it_reads_the_settings_of_its_checkout(repo: SourceRepo) -> None:
    ran = agentrun(repo.root, "v01", "git-mirror", "status", "--json")
    # the lane fits, and the mirror at a closed port is what stops it
    assert ran.code == 4, ran.err
    assert ran.json["error"] == "mirror-unreachable"


@pytest.mark.parametrize("word", ["v02", "v0.2"])
def test_another_lane_is_refused_before_anything_happens(repo: SourceRepo, word: str) -> None:
    ran = agentrun(repo.root, word, "git-mirror", "flush", "--confirm", "--json")
    assert ran.code == 2
    assert ran.json["error"] == "other-lane"
    assert "v0.1" in ran.json["cause"]
    assert "Traceback" not in ran.err


def test_help_needs_no_checkout_and_no_lane(tmp_path: Path) -> None:
    ran = agentrun(tmp_path, "v01", "git-mirror", "status", "--help")
    assert ran.code == 0, ran.err
    assert "git-mirror.status" in ran.out
    assert "--json" in ran.out


def test_list_and_version(tmp_path: Path) -> None:
    assert agentrun(tmp_path, "--version").out.startswith("agentrun ")
    names = agentrun(tmp_path, "v01", "--list").out
    assert "git-mirror.status" in names
    assert "plan" in names


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["plan", "--nonsense"], ["--help", "nonsense"], ["--list", "nonsense"], ["git-mirror", "nonsense"]],
)
def test_wrong_usage_is_2(repo: SourceRepo, arguments: list[str]) -> None:
    ran = agentrun(repo.root, *arguments)
    assert ran.code == 2, ran.err
    assert "nonsense" in ran.err + ran.out or "git-mirror" in ran.err
    assert "Traceback" not in ran.err


def test_settings_that_are_no_yaml_are_said_with_their_line(repo: SourceRepo) -> None:
    before = (repo.root / "invoke.yaml").read_bytes()
    repo.write("invoke.yaml", "envid: [\n")
    try:
        ran = agentrun(repo.root, "v01", "git-mirror", "status", "--json")
    finally:
        (repo.root / "invoke.yaml").write_bytes(before)
    assert ran.code == 2, ran.err
    assert "line 2" in str(ran.json["faults"])

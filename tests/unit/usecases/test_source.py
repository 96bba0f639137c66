"""``source.fetch`` over git's smart HTTP: exactly one commit, what a plan reads beside it, and tries that broke off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envid.core.values import CommitId
from envid.errors import Blocked, GitError, InputError
from envid.usecases.source import fetch_source
from tests.support.builders import SourceRepo, git
from tests.support.cli import agentrun
from tests.support.doors import serving_git


@dataclass
class Mirrored:
    """A source repository, and the mirror that serves it."""

    source: SourceRepo
    url: str


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    root = tmp_path_factory.mktemp("mirrored")
    source = SourceRepo.create(root / "source")
    source.write("src/main.ts", "export const second = 2;\n")
    source.commit("Second")
    git(root, "clone", "--quiet", "--bare", str(source.root), "served/x.git")
    git(root / "served/x.git", "config", "uploadpack.allowAnySHA1InWant", "true")
    with serving_git(root / "served", takes_pushes=False) as url:
        yield Mirrored(source, f"{url}/x.git")


def test_exactly_the_commit_and_the_containerfiles_come(mirrored: Mirrored, tmp_path: Path) -> None:
    commit = mirrored.source.head
    pinned = CommitId(git(mirrored.source.root, "rev-parse", "HEAD~2"))
    done = fetch_source(commit, tmp_path / "a/b", url=mirrored.url)
    assert done.also == (pinned,)
    assert git(done.folder, "rev-parse", "HEAD") == commit
    assert git(done.folder, "status", "--porcelain") == ""
    assert git(done.folder, "rev-list", "--count", "HEAD") == "1"
    assert git(done.folder, "show", f"{pinned}:Containerfile")
    # what a plan computes there is what it computes where all of the history is
    here = agentrun(done.folder, "identity", "--json").json
    assert here["envIdentity"] == agentrun(mirrored.source.root, "identity", "--json").json["envIdentity"]


def test_a_try_that_broke_off_or_was_dirtied_is_done_again(mirrored: Mirrored, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "lost+found").mkdir(parents=True)
    fetch_source(mirrored.source.head, folder, url=mirrored.url)
    (folder / "README.md").unlink()
    (folder / "left.txt").write_text("of a killed step\n")
    (folder / ".git/index.lock").touch()
    (folder / ".git/shallow.lock").touch()
    fetch_source(mirrored.source.head, folder, url=mirrored.url)
    assert git(folder, "status", "--porcelain") == ""
    (folder / ".git/HEAD").unlink()
    fetch_source(mirrored.source.head, folder, url=mirrored.url)
    assert git(folder, "rev-parse", "HEAD") == mirrored.source.head


def test_a_folder_of_somebody_elses_is_left_alone(mirrored: Mirrored, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        fetch_source(mirrored.source.head, tmp_path, url=mirrored.url)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_commit_that_the_mirror_lacks_is_blocked_with_the_remedy(mirrored: Mirrored, tmp_path: Path) -> None:
    with pytest.raises(Blocked) as caught:
        fetch_source(CommitId("f" * 40), tmp_path / "x", url=mirrored.url)
    assert "git-mirror sync" in caught.value.remedy
    with pytest.raises(GitError):
        fetch_source(mirrored.source.head, tmp_path / "y", url="http://127.0.0.1:9/x.git")


@pytest.mark.parametrize("name", ["v0.1", "HEAD", "abc1234", "refs/heads/v0.1"])
def test_only_a_full_commit_id_is_taken(mirrored: Mirrored, tmp_path: Path, name: str) -> None:
    ran = agentrun(
        tmp_path, "v01", "source", "fetch", "--commit", name, "--to", "x", "--json", ENVID_MIRROR_READ_URL=mirrored.url
    )
    assert ran.code == 2, ran.err
    assert not (tmp_path / "x").exists()


def test_it_needs_no_checkout_and_writes_its_result(mirrored: Mirrored, tmp_path: Path) -> None:
    commit = mirrored.source.head
    arguments = ["source", "fetch", "--commit", commit, "--to", "x", "--results", "results", "--json"]
    ran = agentrun(tmp_path, "v01", *arguments, ENVID_MIRROR_READ_URL=mirrored.url)
    assert ran.code == 0, ran.err
    assert ran.json["commit"] == commit
    assert (tmp_path / "results/commit").read_text() == commit

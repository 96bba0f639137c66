"""The GitOps branch over git's smart HTTP: what is read, what a push does, and who descends from whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envid.adapters.gitops import GitOpsBranch, PushResult, Signature
from envid.core.promotion import TreeEdit
from envid.core.values import CommitId
from envid.errors import Blocked, GitError
from tests.support.builders import SourceRepo, commit_id, git
from tests.support.doors import serving_git

BRANCH = "v0.1-gitops"


@dataclass
class Mirror:
    """A bare repository behind a real HTTP door, and clients with caches of their own."""

    folder: Path
    url: str
    work: Path

    @property
    def bare(self) -> Path:
        return self.folder / "test/x.git"

    def client(self, name: str = "one") -> GitOpsBranch:
        return GitOpsBranch(self.work / name, branch=BRANCH, read_url=self.url, write_url=self.url)

    def tip(self) -> str:
        return git(self.bare, "rev-parse", f"refs/heads/{BRANCH}")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    bare = tmp_path / "served/test/x.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare")
    for key, value in {"http.receivepack": "true", "uploadpack.allowFilter": "true",
                       "uploadpack.allowReachableSHA1InWant": "true"}.items():  # fmt: skip
        git(bare, "config", key, value)
    with serving_git(tmp_path / "served") as url:
        yield Mirror(tmp_path / "served", f"{url}/test/x.git", tmp_path / "caches")


def signed(when: int) -> Signature:
    return Signature(name="envid", email="envid@localhost", when=1_770_000_000 + when)


def edit(**files: bytes) -> TreeEdit:
    return TreeEdit(write=files, remove=())


def grow(client: GitOpsBranch, base: CommitId | None, when: int, **files: bytes) -> CommitId:
    commit = client.commit(base, edit(**files), f"Commit {when}\n", signed(when))
    assert client.push(commit) is PushResult.ACCEPTED
    return commit


def test_a_branch_begins_grows_and_is_read_by_others(mirror: Mirror) -> None:
    client = mirror.client()
    assert client.tip() is None
    first = grow(client, None, 1, a=b"1")
    second = grow(client, first, 2, b=b"2")
    assert client.tip() == second == mirror.tip()
    other = mirror.client("other")
    assert other.tip() == second
    assert other.files(second, ["a", "b"]) == {"a": b"1", "b": b"2"}
    assert other.files(first, ["a", "b"]) == {"a": b"1"}


def test_what_was_asked_ahead_is_taken_once_and_only_where_it_is_what_is_wanted(mirror: Mirror) -> None:
    writer, reader = mirror.client(), mirror.client("reader")
    first = grow(writer, None, 1, **{"a/b": b"1", "a/c": b"2", "ab": b"3", "d": b"4"})
    reader.ask_ahead(["a/b"])
    # the commit is new here: nothing was read, and it is fetched when the files are wanted
    assert reader.tip() == first
    assert reader.files(first, ["a/b"]) == {"a/b": b"1"}
    for wanted, found in ((["a/b"], {"a/b": b"1"}), (["a"], {"a/b": b"1", "a/c": b"2"}), (["d", "x"], {"d": b"4"})):
        reader.ask_ahead(["a/b"])
        assert reader.tip() == first
        assert reader.files(first, wanted) == found
    second = grow(writer, first, 2, **{"a/b": b"5"})
    reader.ask_ahead(["a/b"])
    assert reader.tip() == second
    assert reader.files(first, ["a/b"]) == {"a/b": b"1"}
    assert reader.files(second, ["a/b"]) == {"a/b": b"5"}


def test_asking_ahead_fails_where_the_answer_is_wanted(tmp_path: Path) -> None:
    client = GitOpsBranch(tmp_path, branch=BRANCH, read_url="http://127.0.0.1:9/x.git", write_url="")
    client.ask_ahead(["a"])
    with pytest.raises(GitError):
        client.tip()


def test_the_slower_of_two_lost_the_race_and_changed_nothing(mirror: Mirror) -> None:
    client, other = mirror.client(), mirror.client("other")
    first = grow(client, None, 1, a=b"1")
    mine = client.commit(first, edit(a=b"mine"), "Mine\n", signed(2))
    theirs = grow(other, first, 3, a=b"theirs")
    assert client.push(mine) is PushResult.LOST_RACE
    assert mirror.tip() == theirs


def test_two_that_begin_the_branch_at_once_make_one_beginning(mirror: Mirror) -> None:
    client, other = mirror.client(), mirror.client("other")
    mine = client.commit(None, edit(a=b"mine"), "Mine\n", signed(1))
    theirs = grow(other, None, 2, a=b"theirs")
    assert client.push(mine) is PushResult.LOST_RACE
    assert mirror.tip() == theirs


def test_a_hook_that_refuses_blocks(mirror: Mirror) -> None:
    client = mirror.client()
    commit = client.commit(None, edit(a=b"1"), "x\n", signed(1))
    hook = mirror.bare / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Blocked) as caught:
        client.push(commit)
    assert caught.value.code == "push-refused"
    assert client.tip() is None


def test_ancestry_is_that_of_the_remote(mirror: Mirror) -> None:
    client = mirror.client()
    first = grow(client, None, 1, a=b"1")
    second = grow(client, first, 2, a=b"2")
    third = grow(client, second, 3, a=b"3")
    other = mirror.client("other")
    assert other.files(third, ["a"])  # a shallow fetch, which must not cut the ancestry
    assert other.is_ancestor(first, third)
    assert other.is_ancestor(third, third)
    assert not other.is_ancestor(third, first)
    assert not other.is_ancestor(commit_id(7), third)
    assert other.contains(BRANCH, first)
    assert not other.contains("v0.1", first)


def test_a_newer_commit_that_the_remote_lacks_is_an_error_and_no_answer(mirror: Mirror) -> None:
    client = mirror.client()
    first = grow(client, None, 1, a=b"1")
    with pytest.raises(GitError):
        client.is_ancestor(first, commit_id(7))


def test_a_source_branch_contains_what_was_pushed_to_it(mirror: Mirror, tmp_path: Path) -> None:
    repo = SourceRepo.create(tmp_path / "source")
    git(repo.root, "push", "--quiet", mirror.url, "HEAD:refs/heads/v0.1")
    pushed = repo.head
    later = repo.commit("Not pushed")
    client = mirror.client()
    assert client.contains("v0.1", pushed)
    assert not client.contains("v0.1", later)
    # a branch whose name begins the same is another branch
    assert not client.contains("v0", pushed)


def test_the_log_of_a_path_has_the_commits_that_changed_it(mirror: Mirror) -> None:
    client = mirror.client()
    first = grow(client, None, 1, a=b"1")
    second = grow(client, first, 2, b=b"x")
    third = grow(client, second, 3, a=b"2")
    other = mirror.client("other")
    assert other.log(third, "a", limit=10) == [third, first]
    assert other.log(third, "a", limit=1) == [third]


def test_two_clients_of_one_cache_folder_take_turns(mirror: Mirror) -> None:
    first = grow(mirror.client(), None, 0, a=b"0")
    seen: list[dict[str, bytes]] = []
    threads = [threading.Thread(target=lambda: seen.append(mirror.client().files(first, ["a"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{"a": b"0"}] * 4

"""The cache repository and the GitOps branch in it: made whole, cleared of what a killed run left, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from envid.adapters.gitops import GitOpsBranch, Signature
from envid.adapters.remote_cache import RemoteCache
from envid.core.promotion import TreeEdit
from envid.errors import GitError
from tests.support.builders import git

SOMEBODY = Signature(name="envid", email="envid@localhost", when=1_770_000_000)
NOWHERE = "http://127.0.0.1:9/x.git"


@pytest.fixture
def branch(tmp_path: Path) -> GitOpsBranch:
    return GitOpsBranch(tmp_path / "git", branch="v0.1-gitops", read_url=NOWHERE, write_url=NOWHERE)


def edit(remove: tuple[str, ...] = (), **write: bytes) -> TreeEdit:
    return TreeEdit(write={name.replace("__", "/"): content for name, content in write.items()}, remove=remove)


def test_a_repository_is_made_at_its_first_use(tmp_path: Path) -> None:
    cache = RemoteCache(tmp_path / "deep" / "cache.git")
    with cache.locked() as path:
        assert git(path, "rev-parse", "--is-bare-repository") == "true"


@pytest.mark.parametrize("left", ["cache.new/HEAD", "cache.new/config", "cache.git/config", "cache.git/refs/heads/x"])
def test_what_a_killed_creation_left_is_no_hindrance(tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).write_text("")
    with RemoteCache(tmp_path / "cache.git").locked() as path:
        assert git(path, "rev-parse", "--is-bare-repository") == "true"
    assert not (tmp_path / "cache.new").exists()


def test_locks_that_a_killed_run_left_are_cleared(tmp_path: Path) -> None:
    cache = RemoteCache(tmp_path / "cache.git")
    with cache.locked() as path:
        left = [path / "shallow.lock", path / "refs/heads/x.lock", path / "objects/pack/tmp_pack_1"]
    for file in left:
        file.write_text("")
    with cache.locked():
        assert not any(file.exists() for file in left)


def test_a_remote_that_is_not_there_is_a_failed_service_and_never_an_absent_branch(branch: GitOpsBranch) -> None:
    with pytest.raises(GitError) as caught:
        branch.tip()
    assert caught.value.code == "mirror-unreachable"
    assert NOWHERE in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize("url", ["ext::sh -c touch% x", "file:///etc", "--upload-pack=touch x", "/etc"])
def test_a_url_of_a_kind_that_runs_or_reads_things_here_is_refused(tmp_path: Path, url: str) -> None:
    branch = GitOpsBranch(tmp_path / "git", branch="b", read_url=url, write_url=url)
    with pytest.raises(GitError):
        branch.tip()
    assert not list(tmp_path.glob("**/x"))


def test_a_commit_holds_the_edit_and_nothing_else(branch: GitOpsBranch, tmp_path: Path) -> None:
    first = branch.commit(None, edit(a__one=b"1", b=b"2", c__x=b""), "First\n", SOMEBODY)
    second = branch.commit(first, edit(("b",), a__one=b"changed", new=b"\x00\xff\n"), "Second: ü\n\nbody\n", SOMEBODY)
    assert branch.files(first, ["a", "b", "c"]) == {"a/one": b"1", "b": b"2", "c/x": b""}
    assert branch.files(second, ["a", "b", "c", "new"]) == {"a/one": b"changed", "c/x": b"", "new": b"\x00\xff\n"}
    assert branch.files(second, ["a/on"]) == {}
    (cache,) = (tmp_path / "git").glob("*.git")
    assert git(cache, "show", "--no-patch", "--format=%P|%an|%at|%s", second) == f"{first}|envid|1770000000|Second: ü"
    assert git(cache, "for-each-ref") == ""


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "spa ce", "ünï", "\udcff.yaml"])
def test_odd_names_are_written_and_removed(branch: GitOpsBranch, name: str) -> None:
    first = branch.commit(None, TreeEdit(write={f"x/{name}": b"1", "x/keep": b"2"}, remove=()), "First\n", SOMEBODY)
    assert branch.files(first, ["x"]) == {f"x/{name}": b"1", "x/keep": b"2"}
    second = branch.commit(first, TreeEdit(write={}, remove=(f"x/{name}",)), "Second\n", SOMEBODY)
    assert branch.files(second, ["x"]) == {"x/keep": b"2"}


def test_the_same_edit_at_the_same_second_is_the_same_commit(branch: GitOpsBranch, tmp_path: Path) -> None:
    other = GitOpsBranch(tmp_path / "other", branch="v0.1-gitops", read_url=NOWHERE, write_url=NOWHERE)
    assert branch.commit(None, edit(a=b"1"), "m\n", SOMEBODY) == other.commit(None, edit(a=b"1"), "m\n", SOMEBODY)


def test_a_push_to_a_remote_that_is_gone_is_no_lost_race(branch: GitOpsBranch) -> None:
    commit = branch.commit(None, edit(a=b"1"), "m\n", SOMEBODY)
    with pytest.raises(GitError) as caught:
        branch.push(commit)
    assert caught.value.code == "push-failed"

"""Questions about a clone: what a dirty commit holds, and what changed between two commits."""

from pathlib import Path

import pytest

from envid.adapters.git import GitObjects
from envid.adapters.worktree import dirty_commit
from envid.errors import InputError
from tests.support.builders import SourceRepo, git


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    return SourceRepo.create(tmp_path / "source")


def test_a_dirty_commit_holds_changed_new_and_removed_files_and_no_ignored_ones(repo: SourceRepo) -> None:
    repo.write("package.json", "changed\n")
    repo.write("src/new.ts", "new\n")
    repo.write(".envid/state", "ignored\n")
    (repo.root / "README.md").unlink()
    with dirty_commit(repo.root) as (commit, environment), GitObjects(repo.root, environment) as objects:
        record = objects.commit(commit)
        names = {entry.name: entry for entry in objects.tree(record.tree)}
        assert record.parents == (repo.head,)
        assert objects.blob(names["package.json"].oid, limit=100)[1] == b"changed\n"
        assert "README.md" not in names
        assert ".envid" not in names
        (source,) = (objects.tree(entry.oid) for entry in names.values() if entry.name == "src")
        assert [entry.name for entry in source] == ["main.ts", "new.ts"]


def test_the_same_work_tree_gives_the_same_commit(repo: SourceRepo) -> None:
    repo.write("package.json", "changed\n")
    with dirty_commit(repo.root) as (one, _), dirty_commit(repo.root) as (other, _):
        assert one == other


def test_its_objects_are_gone_afterwards(repo: SourceRepo) -> None:
    repo.write("package.json", "changed\n")
    with dirty_commit(repo.root) as (commit, _):
        pass
    with GitObjects(repo.root) as objects, pytest.raises(InputError, match="is not in"):
        objects.commit(commit)


def test_a_merge_in_progress_does_not_stop_it(repo: SourceRepo) -> None:
    git(repo.root, "switch", "--quiet", "--create", "side")
    repo.write("package.json", "side\n")
    repo.commit()
    git(repo.root, "switch", "--quiet", "v0.1")
    repo.write("package.json", "main\n")
    repo.commit()
    with pytest.raises(AssertionError):
        git(repo.root, "merge", "--quiet", "side")
    index = (repo.root / ".git/index").read_bytes()
    with dirty_commit(repo.root) as (commit, environment), GitObjects(repo.root, environment) as objects:
        entries = {entry.name: entry for entry in objects.tree(objects.commit(commit).tree)}
        assert b"<<<<<<<" in objects.blob(entries["package.json"].oid, limit=1000)[1]
    assert (repo.root / ".git/index").read_bytes() == index

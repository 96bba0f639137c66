"""What differs between two commits is counted as git itself counts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envid.adapters.git import GitObjects
from envid.adapters.treediff import count_changed_files
from envid.core.values import CommitId
from tests.support.builders import SourceRepo, commit_id, git


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    made = SourceRepo.create(tmp_path / "source")
    for path in ("a/b/one", "a/b/two", "a/three", "f", "folder/x", "folder/deep/y", "mode", "same/z"):
        made.write(path, path.encode())
    made.commit()
    return made


def test_the_count_is_that_of_git_diff_tree(repo: SourceRepo) -> None:
    old = repo.head
    repo.write("a/b/one", b"changed")
    repo.write("new/deep/er", b"new")
    (repo.root / "a/b/two").unlink()
    (repo.root / "f").rename(repo.root / "g")
    (repo.root / "mode").chmod(0o755)
    # a folder becomes a file, and a file a folder
    for path in ("folder/x", "folder/deep/y", "a/three"):
        (repo.root / path).unlink()
    (repo.root / "folder/deep").rmdir()
    (repo.root / "folder").rmdir()
    repo.write("folder", b"file")
    repo.write("a/three/four", b"4")
    (repo.root / "link").symlink_to("same")
    new = repo.commit()
    listed = git(repo.root, "diff-tree", "-r", "--name-only", "--no-renames", old, new).split()
    assert len(listed) > 10
    with GitObjects(repo.root) as objects:
        assert count_changed_files(objects, old, new) == len(listed)
        assert count_changed_files(objects, new, old) == len(listed)
        assert count_changed_files(objects, old, new, besides=["a/b/one", "same/z"]) == len(listed) - 1
        assert count_changed_files(objects, new, new) == 0


def test_a_commit_or_folder_that_is_not_here_can_not_be_counted(repo: SourceRepo) -> None:
    old = repo.head
    repo.write("a/b/one", b"changed")
    new = repo.commit()
    with GitObjects(repo.root) as objects:
        assert count_changed_files(objects, commit_id(1), new) is None
    tree = git(repo.root, "rev-parse", f"{old}:a/b").strip()
    (repo.root / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with GitObjects(repo.root) as objects:
        assert count_changed_files(objects, CommitId(old), new) is None

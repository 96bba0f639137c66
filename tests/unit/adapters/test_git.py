"""The one door to git: exact objects, nothing from outside as an option, no surprise from the environment."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from envid.adapters.git import GitObjects, find_root, git_environment
from envid.adapters.git import git as run_git
from envid.adapters.loose import read_loose_blob
from envid.core.values import CommitId
from envid.errors import GitError, InputError
from tests.support.builders import SourceRepo, git


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> SourceRepo:
    return SourceRepo.create(tmp_path_factory.mktemp("git") / "source")


def test_a_commit_a_tree_and_a_blob_are_read_as_git_has_them(repo: SourceRepo) -> None:
    with GitObjects(repo.root) as objects:
        record = objects.commit(repo.head)
        assert record.tree == git(repo.root, "rev-parse", "HEAD^{tree}")
        assert list(record.parents) == git(repo.root, "rev-parse", "HEAD^").split()
        entries = {entry.name: entry for entry in objects.tree(record.tree)}
        assert entries["src"].is_folder
        assert entries["package.json"].mode == "100644"
        assert objects.blob(entries["package.json"].oid, limit=1000)[1] == (repo.root / "package.json").read_bytes()


def test_a_blob_over_the_limit_has_a_size_and_no_content_and_the_next_one_is_right(repo: SourceRepo) -> None:
    large = git(repo.root, "hash-object", "-w", "--stdin", stdin=b"x" * 3_000_000)
    small = git(repo.root, "hash-object", "-w", "--stdin", stdin=b"small")
    with GitObjects(repo.root) as objects:
        assert objects.blob(large, limit=10) == (3_000_000, b"")
        assert objects.blob(small, limit=10) == (5, b"small")
        assert objects.blob(large, limit=3_000_000)[1] == b"x" * 3_000_000


def test_many_blobs_are_read_in_order_and_a_reader_may_stop_early(repo: SourceRepo) -> None:
    names = [git(repo.root, "hash-object", "-w", "--stdin", stdin=str(n).encode()) for n in range(5)] * 300
    with GitObjects(repo.root) as objects:
        assert [content for _, content in objects.blobs(names, limit=10)] == [b"0", b"1", b"2", b"3", b"4"] * 300
        stream = objects.blobs(names, limit=10)
        assert next(iter(stream)) == (1, b"0")
        del stream
        assert objects.blob(names[3], limit=10) == (1, b"3")


def test_loose_and_packed_small_and_large_blobs_are_read_alike(tmp_path: Path) -> None:
    repo = SourceRepo.create(tmp_path / "source")
    contents = [b"", b"x" * 11, b"y" * 70_000, bytes(range(256)) * 200, *(b"%d" % n for n in range(30))]
    names = [git(repo.root, "hash-object", "-w", "--stdin", stdin=content) for content in contents]
    packed = git(repo.root, "hash-object", "-w", "--stdin", stdin=b"packed")
    git(repo.root, "pack-objects", "-q", ".git/objects/pack/pack", stdin=packed.encode())
    git(repo.root, "prune-packed")
    assert not (repo.root / ".git/objects" / packed[:2] / packed[2:]).exists()
    with GitObjects(repo.root) as objects:
        for order in ([*names, packed], [packed, *names], [packed] * 20 + names):
            found = list(objects.blobs(order, limit=100_000))
            assert [content for _, content in found] == [objects.blob(name, limit=100_000)[1] for name in order]
            assert {size for size, _ in objects.blobs(order, limit=5)} == {size for size, _ in found}
        assert list(objects.blobs(names[:2], limit=10)) == [(0, b""), (11, b"")]
        tree = git(repo.root, "rev-parse", "HEAD^{tree}")
        with pytest.raises(GitError):
            list(objects.blobs([names[0], tree], limit=10))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"not compressed",
        zlib.compress(b"blob 9\0short"),
        zlib.compress(b"blob 5\0short")[:-3],
        zlib.compress(b"tree 5\0short"),
        zlib.compress(b"blob 05\0short"),
    ],
)
def test_a_damaged_loose_blob_is_left_to_git(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "aa").mkdir()
    path = tmp_path / "aa" / ("b" * 38)
    path.write_bytes(zlib.compress(b"blob 5\0short"))
    assert read_loose_blob(str(tmp_path), path.parent.name + path.name) == b"short"
    path.write_bytes(damage)
    assert read_loose_blob(str(tmp_path), path.parent.name + path.name) is None


def test_a_damaged_loose_blob_is_an_error_of_git(tmp_path: Path) -> None:
    repo = SourceRepo.create(tmp_path / "source")
    name = git(repo.root, "hash-object", "-w", "--stdin", stdin=b"short")
    path = repo.root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"not compressed")
    with GitObjects(repo.root) as objects, pytest.raises(GitError):
        list(objects.blobs([name], limit=10))


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "nowhere",
        "-x",
        "--batch-check",
        "HEAD\nHEAD",
        "HEAD^{tree",
        "\x00",
        "HEAD:package.json",
        "a" * 10_000,
        "..",
        "@{u}",
    ],
)
def test_a_revision_that_names_no_commit_is_refused_and_the_next_answer_is_right(
    repo: SourceRepo, revision: str
) -> None:
    with GitObjects(repo.root) as objects:
        with pytest.raises(InputError) as caught:
            objects.resolve(revision)
        assert caught.value.code == "unknown-revision"
        assert objects.resolve("HEAD") == repo.head


@pytest.mark.parametrize("revision", ["HEAD", "v0.1", "refs/heads/v0.1", "HEAD~0", "@"])
def test_revisions(repo: SourceRepo, revision: str) -> None:
    with GitObjects(repo.root) as objects:
        assert objects.resolve(revision) == repo.head


def test_a_tag_that_is_signed_by_nobody_is_its_commit(repo: SourceRepo) -> None:
    git(repo.root, "tag", "--force", "-a", "-m", "x", "v0.1.0")
    with GitObjects(repo.root) as objects:
        assert objects.resolve("v0.1.0") == repo.head


def test_an_unknown_commit_and_a_missing_blob_are_told_apart(repo: SourceRepo) -> None:
    with GitObjects(repo.root) as objects:
        with pytest.raises(InputError, match="is not in"):
            objects.commit(CommitId("e" * 40))
        with pytest.raises(GitError, match="can't be read"):
            objects.blob("e" * 40, limit=1)
        with pytest.raises(GitError, match="can't be read"):
            objects.tree("e" * 40)
        with pytest.raises(InputError, match="not a commit"):
            objects.commit(CommitId(git(repo.root, "rev-parse", "HEAD^{tree}")))


def test_a_damaged_repository_is_an_error_of_git(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with GitObjects(tmp_path) as objects, pytest.raises(GitError):
        objects.resolve("HEAD")


def test_closing_twice_and_reading_after_it_are_both_fine(repo: SourceRepo) -> None:
    objects = GitObjects(repo.root)
    objects.resolve("HEAD")
    objects.close()
    objects.close()
    assert objects.resolve("HEAD") == repo.head
    objects.close()


def test_odd_names_and_modes_survive(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "x")
    repo = SourceRepo(tmp_path / "x")
    repo.write("new\nline", "1")
    repo.write("\udcff", "2")
    repo.write("run", "3", mode=0o755)
    (repo.root / "link").symlink_to("run")
    head = repo.commit()
    with GitObjects(repo.root) as objects:
        found = {entry.name: entry.mode for entry in objects.tree(objects.commit(head).tree)}
    assert found == {"new\nline": "100644", "\udcff": "100644", "run": "100755", "link": "120000"}


def test_the_root_is_found_from_below_and_nowhere_else(repo: SourceRepo, tmp_path: Path) -> None:
    assert find_root(repo.root / "deploy/runtime") == repo.root.resolve()
    with pytest.raises(InputError, match="not in a git repository"):
        find_root(tmp_path)
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repo.root), str(bare))
    assert find_root(bare) == bare.resolve()


def test_what_redirects_git_never_reaches_it() -> None:
    environment = git_environment()
    assert not {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG"} & set(environment)
    assert environment["GIT_TERMINAL_PROMPT"] == "0"
    assert environment["GIT_NO_REPLACE_OBJECTS"] == "1"
    assert "ext" not in environment["GIT_ALLOW_PROTOCOL"].split(":")
    assert "file" not in environment["GIT_ALLOW_PROTOCOL"].split(":")


def test_a_git_that_fails_says_what_it_said(repo: SourceRepo) -> None:
    with pytest.raises(GitError) as caught:
        run_git(repo.root, ["rev-parse", "--verify", "nowhere"])
    assert "nowhere" in caught.value.cause or "single revision" in caught.value.cause
    assert run_git(repo.root, ["rev-parse", "--verify", "nowhere"], check=False).returncode != 0

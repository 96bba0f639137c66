"""Questions about the developer's own clone: what is uncommitted, and what changed between two commits."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envid.adapters.git import git
from envid.core.values import CommitId
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["WorktreeState", "commits_ahead", "dirty_commit", "worktree_state"]


class WorktreeState(NamedTuple):
    """A work tree as git sees it; ``branch`` is empty on a detached HEAD, ``dirty`` names what is not committed."""

    branch: str
    head: CommitId
    dirty: tuple[str, ...]
    worktrees_ignored: bool


def worktree_state(root: Path) -> WorktreeState:
    """Look at the work tree at ``root``, and leave it as it is.

    Raises:
        GitError: there is no commit yet, or no work tree.

    """
    head = git(root, ["rev-parse", "--verify", "HEAD^{commit}"]).stdout.decode().strip()
    branch = git(root, ["symbolic-ref", "--quiet", "--short", "HEAD"], check=False).stdout.decode().strip()
    # with --no-renames each entry is one path; submodules are not looked into
    listed = git(root, ["status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=dirty"]).stdout
    dirty = tuple(name[3:].decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name)
    ignored = git(root, ["check-ignore", "--quiet", "--no-index", ".worktree/task"], check=False).returncode == 0
    return WorktreeState(branch=branch, head=CommitId(head), dirty=dirty, worktrees_ignored=ignored)


def commits_ahead(root: Path, old: CommitId, new: CommitId) -> int | None:
    """Count the commits from ``old`` to ``new``; None where ``old`` is not in the history of ``new``."""
    if git(root, ["merge-base", "--is-ancestor", old, new], check=False).returncode != 0:
        return None
    return int(git(root, ["rev-list", "--count", f"{old}..{new}"]).stdout)


@contextmanager
def dirty_commit(root: Path) -> Iterator[tuple[CommitId, Mapping[str, str]]]:
    """Give a temporary commit of the work tree as it is, and the environment in which git can see it.

    Index, work tree, refs and object database stay untouched: the commit's objects live in a folder of their own.

    Raises:
        InputError: there is no commit yet to stand on.
        GitError: git can't read the work tree.

    """
    if git(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], check=False).returncode != 0:
        raise InputError(f"{root} has no commit yet", remedy="git commit the inputs first")
    objects = git(root, ["rev-parse", "--git-path", "objects"]).stdout.decode().strip()
    index = git(root, ["rev-parse", "--git-path", "index"]).stdout.decode().strip()
    with tempfile.TemporaryDirectory(prefix="envid-dirty-") as folder:
        temporary = Path(folder)
        (temporary / "objects").mkdir()
        environment = {
            "GIT_OBJECT_DIRECTORY": str(temporary / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted((root / objects).resolve()),
            "GIT_INDEX_FILE": str(temporary / "index"),
        }
        # begin from the real index where there is one: its stat data spares reading every file again
        real_index = (root / index).resolve()
        if real_index.is_file():
            # with its time: git reads a file again that is as new as the index, however alike its stat data are
            shutil.copy2(real_index, temporary / "index")
        git(root, ["add", "--all", "."], extra_environment=environment)
        tree = git(root, ["write-tree"], extra_environment=environment).stdout.decode().strip()
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _NOBODY.items()}
        commit = git(
            root,
            ["commit-tree", tree, "-p", "HEAD", "-m", "uncommitted work"],
            extra_environment=environment | identity,
        )
        yield CommitId(commit.stdout.decode().strip()), environment


def _quoted(path: Path) -> str:
    """Spell a path so that a colon in it does not divide git's list of folders."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_NOBODY = {"NAME": "envid", "EMAIL": "envid@localhost", "DATE": "1980-01-01T00:00:00Z"}

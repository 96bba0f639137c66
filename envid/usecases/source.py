"""``source.fetch``: one commit's source out of the mirror, by its full id, for a pipeline to work in (R11).

What else a plan reads comes with it: the commits that deploy.json's imageRefs name, each at depth 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.files import read_bounded, write_atomic
from envid.adapters.git import GitObjects, git
from envid.adapters.remote_cache import RemoteCache
from envid.core.deploy import DEPLOY_PATH, parse_deploy
from envid.core.jsontext import MAX_JSON_BYTES
from envid.errors import Blocked, GitError, InputError

if TYPE_CHECKING:
    from envid.core.values import CommitId

__all__ = ["FetchedSource", "fetch_source"]

_MARK: Final = "envid-source"
"""The file in ``.git`` by which a folder is known as ours: only there may a try that was cut off be done again."""
_NOT_CONTENT: Final = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSource:
    """A checked-out commit, and the further commits that came with it."""

    commit: CommitId
    folder: Path
    also: tuple[CommitId, ...]


def fetch_source(commit: CommitId, folder: Path, *, url: str) -> FetchedSource:
    """Check ``commit`` out in ``folder``, fetched from ``url`` at depth 1. Done again, it ends the same.

    Raises:
        InputError: the folder holds something else, or deploy.json is not valid.
        Blocked: the mirror does not have the commit.
        GitError: the mirror did not answer, or gave something else.

    """
    _take(folder)
    remote = RemoteCache(folder)
    _fetch(remote, url, commit)
    git(folder, ["-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "--detach", commit])
    git(folder, ["clean", "--quiet", "-ffdx"])
    with GitObjects(folder) as objects:
        found = objects.resolve("HEAD")
    if found != commit:
        raise GitError(f"asked for {commit}, checked out {found}", remedy="run this again in an empty folder")
    also = tuple(sorted(_named_commits(folder) - {commit}))
    for other in also:
        _fetch(remote, url, other)
    return FetchedSource(commit=commit, folder=folder, also=also)


def _take(folder: Path) -> None:
    """Make ``folder`` a repository of ours; what a killed try left in it is cleared."""
    mark = folder / ".git" / _MARK
    if not mark.is_file():
        if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - _NOT_CONTENT):
            raise InputError(
                f"{folder} is not empty",
                cause="a checkout there would overwrite what this command did not make",
                remedy="name an empty folder with --to",
                code="folder-not-empty",
            )
        # the mark comes first: a try that is killed after it can be done again
        write_atomic(mark, b"made by source.fetch\n")
    git(folder, ["init", "--quiet", "--template=", "."])
    for left in (folder / ".git").glob("*.lock"):
        left.unlink(missing_ok=True)


def _fetch(remote: RemoteCache, url: str, commit: CommitId) -> None:
    with GitObjects(remote.path) as objects:
        if objects.has(commit):
            return
    try:
        remote.fetch(url, commit, depth=1)
    except GitError as error:
        if "not our ref" in error.cause:
            raise Blocked(
                f"the mirror does not have {commit.short}",
                cause=f"{url} is behind, or the commit was never pushed",
                remedy="git push, then agentrun v01 git-mirror sync",
                code="source-not-on-mirror",
            ) from None
        raise


def _named_commits(folder: Path) -> set[CommitId]:
    """Return the commits that deploy.json takes Containerfiles from."""
    path = folder / DEPLOY_PATH
    if not path.is_file():
        return set()
    content = read_bounded(path, limit=MAX_JSON_BYTES, hint=f"git checkout {DEPLOY_PATH}")
    return {service.image_ref.commit_id for service in parse_deploy(content).services}

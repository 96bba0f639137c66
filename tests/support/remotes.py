"""A mirror and a GitHub of a lane: two bare repositories behind real HTTP doors, and hands to write past everyone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envid.core.values import CommitId
from tests.support.builders import git
from tests.support.doors import serving_git

__all__ = ["Remotes", "serve_remotes"]


@dataclass
class Remotes:
    """Both sides. ``sides`` are ``mirror`` and ``github``."""

    folder: Path
    door: str

    def bare(self, side: str) -> Path:
        """Return the repository's folder."""
        return self.folder / side / "x.git"

    def url(self, side: str) -> str:
        """Return what git fetches from and pushes to."""
        return f"{self.door}/{side}/x.git"

    def tip(self, side: str, branch: str) -> str:
        """Return where a branch is; empty where there is none."""
        return git(self.bare(side), "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def commit(self, side: str, branch: str, message: str = "Change", *, parent: str | None = None) -> CommitId:
        """Commit on a branch of one side; ``parent`` is its tip, or another commit, or empty for a new beginning."""
        bare = self.bare(side)
        before = self.tip(side, branch) if parent is None else parent
        tree = git(bare, "mktree", stdin=b"")
        made = git(bare, "commit-tree", tree, "-m", message, *(["-p", before] if before else []))
        git(bare, "update-ref", f"refs/heads/{branch}", made)
        return CommitId(made)

    def copy(self, branch: str, start: str, end: str) -> None:
        """Bring a branch from one side to the other, whatever that has."""
        git(self.bare(end), "fetch", "--quiet", str(self.bare(start)), f"+refs/heads/{branch}:refs/heads/{branch}")


@contextmanager
def serve_remotes(folder: Path) -> Iterator[Remotes]:
    """Serve two empty repositories as long as the context lasts."""
    for side in ("mirror", "github"):
        bare = folder / side / "x.git"
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare")
        for key in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            git(bare, "config", key, "true")
    with serving_git(folder) as url:
        yield Remotes(folder, url)

"""The GitOps branch behind the mirror: read it, make one commit on it, push it fast-forward, and look again (R6, R9).

Works in a bare cache repository of its own, so that neither a work tree nor the user's repository is touched. The cache
is only a cache: it can be removed at any time, and a lock keeps two runs from using it at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from envid.adapters.git import GitObjects, git, git_environment
from envid.adapters.process import find_tool, run
from envid.core.values import CommitId
from envid.errors import Blocked, GitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from envid.adapters.process import Completed
    from envid.core.promotion import TreeEdit

__all__ = ["GitOpsBranch", "PushResult", "Signature"]

_LOCK_WAIT: Final = 120.0
_BLOB_LIMIT: Final = 32 * 1024 * 1024
_NETWORK_TIMEOUT: Final = 120.0
# what git and the servers say when another writer was faster; anything else is a refusal that no retry mends
_RACE_WORDS: Final = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value provided",
    "remote ref updated since checkout",
)


class PushResult(StrEnum):
    """How a push ended."""

    ACCEPTED = "accepted"
    LOST_RACE = "lost-race"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who makes a commit and when; ``when`` is in seconds since 1970, UTC."""

    name: str
    email: str
    when: int


class GitOpsBranch:
    """One branch of one remote, with a read URL and a write URL."""

    def __init__(self, cache: Path, *, branch: str, read_url: str, write_url: str) -> None:
        self.branch = branch
        self.read_url = read_url
        self.write_url = write_url
        key = hashlib.sha256(f"{read_url}\0{branch}".encode()).hexdigest()[:16]
        self._path = cache / f"{key}.git"

    @property
    def ref(self) -> str:
        """The branch's full ref name."""
        return f"refs/heads/{self.branch}"

    def tip(self) -> CommitId | None:
        """Ask the remote where the branch is; None when the remote answers that there is no such branch.

        Raises:
            GitError: the remote could not be asked.

        """
        return self.remote_ref(self.ref)

    def remote_ref(self, ref: str) -> CommitId | None:
        """Ask the read URL where ``ref`` is."""
        with self._cache():
            done = self._remote_git(["ls-remote", "--refs", "--end-of-options", self.read_url, ref], self.read_url)
        for line in done.stdout.decode().splitlines():
            oid, _, name = line.partition("\t")
            if name == ref:
                return CommitId(oid)
        return None

    def files(self, commit: CommitId, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the files of ``commit`` at or below ``paths``, by path, fetching the commit if need be."""
        with self._cache(), GitObjects(self._path) as objects:
            self._fetch_commit(objects, commit)
            found: dict[str, bytes] = {}
            for path, oid in _walk(objects, objects.commit(commit).tree, ""):
                if any(path == wanted or path.startswith(f"{wanted}/") for wanted in paths):
                    found[path] = objects.blob(oid, limit=_BLOB_LIMIT)[1]
            return found

    def commit(self, base: CommitId | None, edit: TreeEdit, message: str, signature: Signature) -> CommitId:
        """Make a commit with ``edit`` on top of ``base`` (None begins the branch), in the cache only."""
        with self._cache():
            if base is not None:
                with GitObjects(self._path) as objects:
                    self._fetch_commit(objects, base)
            who = f"{signature.name} <{signature.email}> {signature.when} +0000".encode()
            text = message.encode()
            # a ref of our own, set anew each time: an earlier, killed run may have left one
            ref = f"refs/envid/{os.getpid()}"
            stream = [
                b"reset " + ref.encode() + b"\n\n",
                b"commit " + ref.encode() + b"\nmark :1\nauthor " + who + b"\ncommitter " + who,
                b"\ndata %d\n" % len(text) + text + b"\n",
            ]
            if base is not None:
                stream.append(b"from " + base.encode() + b"\n")
            stream += [b"D " + _quoted(path) + b"\n" for path in edit.remove]
            for path, content in edit.write.items():
                stream.append(b"M 100644 inline " + _quoted(path) + b"\ndata %d\n" % len(content) + content + b"\n")
            stream.append(b"\nget-mark :1\ndone\n")
            done = git(self._path, ["fast-import", "--quiet", "--force", "--done"], stdin=b"".join(stream))
            git(self._path, ["update-ref", "-d", ref])
            return CommitId(done.stdout.decode().strip())

    def push(self, commit: CommitId) -> PushResult:
        """Push ``commit`` to the branch as a fast-forward; a plain push can't do anything else.

        Raises:
            Blocked: the remote refuses for a reason that is no race.
            GitError: the remote can't be reached, or broke off; the push may or may not have arrived.

        """
        with self._cache():
            done = self._remote_git(
                [
                    "push",
                    "--porcelain",
                    "--no-verify",
                    "--end-of-options",
                    self.write_url,
                    f"{commit}:{self.ref}",
                ],
                self.write_url,
                check=False,
            )
        if done.returncode == 0:
            return PushResult.ACCEPTED
        report = done.stdout.decode("utf-8", "replace") + "\n" + done.error_text
        refusal = next((line for line in report.splitlines() if line.startswith("!")), "")
        if any(word in refusal for word in _RACE_WORDS):
            return PushResult.LOST_RACE
        if refusal:
            raise Blocked(
                f"{self.write_url} refused the push to {self.branch}",
                cause=refusal.rpartition("\t")[2],
                remedy="mend what the server names, then run invoke promote again",
                code="push-refused",
            )
        raise GitError(
            f"the push to {self.write_url} failed",
            cause=done.error_text,
            remedy="invoke git-mirror.status",
            code="push-failed",
        )

    def contains(self, branch: str, commit: CommitId) -> bool:
        """Tell whether ``commit`` is on ``branch`` of the remote."""
        tip = self.remote_ref(f"refs/heads/{branch}")
        return tip is not None and self.is_ancestor(commit, tip)

    def is_ancestor(self, older: CommitId, newer: CommitId) -> bool:
        """Tell whether ``newer`` is ``older`` or descends from it, by the remote's history (commits only)."""
        if older == newer:
            return True
        with self._history() as path:
            with GitObjects(path) as objects:
                known = objects.has(newer)
            if not known:
                self._remote_git(
                    ["fetch", "--quiet", "--no-tags", "--filter=tree:0", "--end-of-options", self.read_url, newer],
                    self.read_url,
                    path=path,
                )
            done = git(path, ["merge-base", "--is-ancestor", older, newer], check=False)
        return done.returncode == 0

    def log(self, tip: CommitId, path: str, *, limit: int) -> list[CommitId]:
        """Return the first-parent commits of ``tip`` that changed ``path``, newest first."""
        with self._history() as history:
            self._remote_git(
                ["fetch", "--quiet", "--no-tags", "--end-of-options", self.read_url, tip], self.read_url, path=history
            )
            done = git(history, ["log", "--first-parent", f"--max-count={limit}", "--format=%H", tip, "--", path])
        return [CommitId(line) for line in done.stdout.decode().split()]

    def _fetch_commit(self, objects: GitObjects, commit: CommitId) -> None:
        if objects.has(commit):
            return
        self._remote_git(
            ["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", self.read_url, commit], self.read_url
        )
        objects.close()  # the process would not see the new pack's shallow edge

    def _remote_git(
        self, arguments: Sequence[str], url: str, *, check: bool = True, path: Path | None = None
    ) -> Completed:
        argv = [find_tool("git"), "-C", str(path or self._path), *_NO_HOOKS, *arguments]
        done = run(argv, env=git_environment(), timeout=_NETWORK_TIMEOUT)
        if check and done.returncode != 0:
            raise GitError(
                f"git {arguments[0]} from {url} failed",
                cause=done.error_text or f"exit {done.returncode}",
                remedy="invoke local.up, or check mirrorReadUrl in invoke.yaml",
                code="mirror-unreachable",
            )
        return done

    @contextmanager
    def _cache(self) -> Iterator[Path]:
        yield from _locked_repository(self._path)

    @contextmanager
    def _history(self) -> Iterator[Path]:
        # apart from the shallow cache: a shallow edge would cut the ancestry that is asked for here
        yield from _locked_repository(self._path.with_suffix(".history.git"))


_NO_HOOKS: Final = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "fetch.writeCommitGraph=false")


def _locked_repository(path: Path) -> Iterator[Path]:
    """Hold ``path`` alone while the caller works in it, creating it first; clears what a killed run left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        _take(lock.fileno(), path)
        if not (path / "HEAD").is_file():
            path.mkdir(exist_ok=True)
            git(path, ["init", "--quiet", "--bare", "."])
        for left in (*path.glob("*.lock"), *path.glob("refs/envid/*.lock"), *path.glob("objects/pack/tmp_*")):
            left.unlink(missing_ok=True)
        yield path


def _take(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise GitError(f"{path} is in use by another run for over {_LOCK_WAIT:.0f} s") from None
            time.sleep(0.02)
        else:
            return


def _walk(objects: GitObjects, tree: str, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in objects.tree(tree):
        if entry.is_folder:
            yield from _walk(objects, entry.oid, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.oid


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()

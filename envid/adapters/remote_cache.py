"""A bare cache repository of this project's own, through which remotes are read and pushed to.

Neither a work tree nor the user's repository is ever touched. The cache can be removed at any time; a lock keeps two
runs from using it at once, and what a killed run left in it is cleared.
"""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from envid.adapters.git import git, git_environment
from envid.adapters.git_route import route_to, with_header
from envid.adapters.process import find_tool, run
from envid.core.values import CommitId
from envid.errors import Blocked, GitError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envid.adapters.process import Completed

__all__ = ["PushResult", "RemoteCache"]

_LOCK_WAIT: Final = 120.0
_LOCK_POLL: Final = 0.02
_NETWORK_TIMEOUT: Final = 120.0
_NO_REPOSITORY: Final = Path("/")
_URL: Final = "<url>"
"""Stands for the remote in the arguments: the way to it may be another than its own URL."""
_PRELUDE: Final = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "fetch.writeCommitGraph=false")
_ONE_EXCHANGE: Final = ("-c", "protocol.version=0")
"""Protocol 0 lists all refs at once; 2 asks for capabilities first, which costs more than the few refs of a mirror."""
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


class RemoteCache:
    """One bare repository at ``path``; every method that needs it takes the lock for its own time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ref(self, url: str, ref: str) -> CommitId | None:
        """Ask ``url`` where ``ref`` is; None when the remote answers that there is no such ref.

        Raises:
            GitError: the remote could not be asked.

        """
        return self.refs(url, [ref]).get(ref)

    def refs(self, url: str, refs: Sequence[str]) -> dict[str, CommitId]:
        """Ask ``url`` where ``refs`` are; the answer lacks those that do not exist."""
        # without a repository: a plan asks before it knows that there is anything to plan, and must leave no trace
        asked = ["ls-remote", "--refs", "--end-of-options", _URL, *refs]
        done = self._remote(asked, url, place=_NO_REPOSITORY, options=_ONE_EXCHANGE)
        found = (line.partition("\t") for line in done.stdout.decode("utf-8", "replace").splitlines())
        return {name: CommitId(oid) for oid, _, name in found if name in refs}

    def fetch(self, url: str, commit: CommitId, *, depth: int | None = None, commits_only: bool = False) -> None:
        """Fetch ``commit`` by its full id: with its history, ``depth`` commits of it, or the commits without trees."""
        options = [f"--depth={depth}"] if depth else []
        options += ["--filter=tree:0"] if commits_only else []
        self._remote(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options, "--end-of-options", _URL, commit], url
        )

    def push(self, url: str, commit: CommitId, ref: str, *, header: str | None = None) -> PushResult:
        """Push ``commit`` to ``ref`` as a fast-forward; a plain push can't do anything else.

        ``header`` is one more HTTP header, by which the remote knows who pushes.

        Raises:
            Blocked: the remote refuses for a reason that is no race.
            GitError: the remote can't be reached, or broke off; the push may or may not have arrived.

        """
        with self.locked():
            done = self._remote(
                ["push", "--porcelain", "--no-verify", "--end-of-options", _URL, f"{commit}:{ref}"],
                url,
                check=False,
                header=header,
            )
        if done.returncode == 0:
            return PushResult.ACCEPTED
        report = done.stdout.decode("utf-8", "replace") + "\n" + done.error_text
        refusal = next((line for line in report.splitlines() if line.startswith("!")), "")
        if any(word in refusal for word in _RACE_WORDS):
            return PushResult.LOST_RACE
        if refusal:
            raise Blocked(
                f"{url} refused the push to {ref}",
                cause=refusal.rpartition("\t")[2],
                remedy="mend what the server names, then run this again",
                code="push-refused",
            )
        raise GitError(
            f"the push to {url} failed", cause=done.error_text, remedy="invoke git-mirror.status", code="push-failed"
        )

    @contextmanager
    def locked(self) -> Iterator[Path]:
        """Hold the repository alone, creating it first; clears what a killed run left.

        Raises:
            ServiceError: its folder can't be written.

        """
        with self._lock_file() as lock:
            self._take(lock.fileno())
            if not (self.path / "HEAD").is_file():
                self._create()
            left = (*self.path.glob("*.lock"), *self.path.glob("refs/**/*.lock"), *self.path.glob("objects/pack/tmp_*"))
            for file in left:
                file.unlink(missing_ok=True)
            yield self.path

    def _lock_file(self) -> IO[str]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self.path.with_suffix(".lock").open("w")
        except OSError as error:
            raise ServiceError(
                f"{self.path.parent} can't be written",
                cause=error.strerror or str(error),
                remedy="choose another folder with ENVID_STATE",
            ) from None

    def _create(self) -> None:
        """Make the repository beside its place first: a killed ``git init`` leaves one that git refuses for good."""
        import shutil  # noqa: PLC0415 - it imports every compression there is, and most runs find the repository

        fresh = self.path.with_suffix(".new")
        for left in (fresh, self.path):
            shutil.rmtree(left, ignore_errors=True)
        fresh.mkdir()
        git(fresh, ["init", "--quiet", "--bare", "."])
        fresh.rename(self.path)

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise GitError(f"{self.path} is in use by another run for over {_LOCK_WAIT:.0f} s") from None
                time.sleep(_LOCK_POLL)
            else:
                return

    def _remote(
        self,
        arguments: Sequence[str],
        url: str,
        *,
        check: bool = True,
        header: str | None = None,
        place: Path | None = None,
        options: Sequence[str] = (),
    ) -> Completed:
        route = route_to(url) if header is None else with_header(route_to(url), header)
        placed = [route.url if argument is _URL else argument for argument in arguments]
        argv = [find_tool("git"), "-C", str(place or self.path), *_PRELUDE, *options, *placed]
        done = run(argv, env={**git_environment(), **route.environment}, timeout=_NETWORK_TIMEOUT)
        if check and done.returncode != 0:
            raise GitError(
                f"git {arguments[0]} from {url} failed",
                cause=done.error_text or f"exit {done.returncode}",
                remedy="invoke local.up, or check mirrorReadUrl in invoke.yaml",
                code="mirror-unreachable",
            )
        return done

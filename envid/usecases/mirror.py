"""The git mirror: what it holds against GitHub, bringing source in, and taking promotions out (R10).

The mirror is a cache and never a truth: every move is a fast-forward, and nothing here can force one.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.adapters.files import write_atomic
from envid.adapters.git import GitObjects, git
from envid.adapters.remote_cache import PushResult, RemoteCache
from envid.errors import Blocked, GitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envid.core.lane import Lane
    from envid.core.values import CommitId

__all__ = ["Mirror", "MirrorStatus", "Moved", "RefState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefState:
    """One branch on both sides.

    ``ahead`` and ``behind`` count the mirror's commits that GitHub lacks and the other way round; None where one side
    has no such branch. ``last_success`` is when this machine last moved it (seconds since 1970), ``age`` how long ago.
    """

    branch: str
    local: CommitId | None
    github: CommitId | None
    ahead: int | None
    behind: int | None
    last_success: int | None
    age: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorStatus:
    """The whole of ``git-mirror.status``."""

    source: RefState
    gitops: RefState
    exact_fetch: bool

    @property
    def source_in_sync(self) -> bool:
        """Tell whether the mirror has exactly GitHub's source branch."""
        return self.source.local is not None and self.source.local == self.source.github

    @property
    def pending_flush(self) -> bool:
        """Tell whether the mirror holds promotions that GitHub lacks."""
        return self.gitops.local is not None and self.gitops.local != self.gitops.github

    def as_json(self) -> dict[str, Any]:
        """Return the machine form, with the spec's own field names."""
        return {
            "schemaVersion": "agentrun.git-mirror/1",
            "localV01": self.source.local,
            "githubV01": self.source.github,
            "localGitops": self.gitops.local,
            "githubGitops": self.gitops.github,
            "pendingFlush": self.pending_flush,
            "exactFetch": {"localV01": self.exact_fetch},
            "sourceInSync": self.source_in_sync,
            "refs": {
                state.branch: {
                    "ahead": state.ahead,
                    "behind": state.behind,
                    "lastSuccess": state.last_success,
                    "ageSeconds": state.age,
                }
                for state in (self.source, self.gitops)
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One branch that ``sync`` or ``flush`` looked at; ``before`` equals ``after`` where nothing had to move."""

    branch: str
    before: CommitId | None
    after: CommitId | None


class Mirror:
    """The mirror of one lane.

    ``clock`` gives seconds since 1970; ``sync_header`` the HTTP header by which the mirror's write door knows that a
    source branch may move, None where it asks for none.
    """

    def __init__(
        self,
        state: Path,
        lane: Lane,
        *,
        read_url: str,
        write_url: str,
        origin_url: str,
        clock: Callable[[], float],
        sync_header: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._cache = RemoteCache(state / "git" / f"{lane.name}-relay.git")
        self._record = state / "git" / f"{lane.name}-relay.json"
        self._lane = lane
        self._read_url = read_url
        self._write_url = write_url
        self._origin_url = origin_url
        self._clock = clock
        self._sync_header = sync_header

    def status(self) -> MirrorStatus:
        """Ask both sides, and prove by a real shallow fetch that the mirror serves its source commit by full id.

        Raises:
            GitError: one side did not answer.

        """
        lane = self._lane
        refs = [f"refs/heads/{lane.source_branch}", f"refs/heads/{lane.gitops_branch}"]
        local, github = self._cache.refs(self._read_url, refs), self._cache.refs(self._origin_url, refs)
        source, gitops = (self._state(ref, local.get(ref), github.get(ref)) for ref in refs)
        served = source.local is not None and self.serves(source.local)
        return MirrorStatus(source=source, gitops=gitops, exact_fetch=served)

    def serves(self, commit: CommitId) -> bool:
        """Tell whether the mirror gives ``commit`` by its full id alone, by fetching it anew at depth 1."""
        with tempfile.TemporaryDirectory(prefix="envid-exact-") as folder:
            fresh = RemoteCache(Path(folder) / "fresh.git")
            with fresh.locked() as path:
                try:
                    fresh.fetch(self._read_url, commit, depth=1)
                except GitError:
                    return False
                with GitObjects(path) as objects:
                    return objects.has(commit)

    def sync(self) -> tuple[Moved, ...]:
        """Fast-forward the mirror's source branch to GitHub's; bring the GitOps branch back where the mirror lost it.

        Raises:
            Blocked: GitHub has no source branch, or rewrote it.

        """
        lane = self._lane
        source = self._forward(
            lane.source_branch, self._origin_url, self._read_url, self._write_url, header=self._sync_header
        )
        if source.after is None:
            raise Blocked(
                f"{self._origin_url} has no branch {lane.source_branch}",
                remedy=f"git push origin {lane.source_branch}",
                code="source-missing",
            )
        moved = [source]
        gitops = f"refs/heads/{lane.gitops_branch}"
        if self._cache.ref(self._read_url, gitops) is None:
            moved.append(self._forward(lane.gitops_branch, self._origin_url, self._read_url, self._write_url))
        return tuple(moved)

    def flush(self) -> Moved:
        """Fast-forward GitHub's GitOps branch to the mirror's.

        Raises:
            Blocked: the mirror has no GitOps branch, or GitHub's diverged.

        """
        lane = self._lane
        moved = self._forward(lane.gitops_branch, self._read_url, self._origin_url, self._origin_url)
        if moved.after is None:
            raise Blocked(
                f"the mirror has no {lane.gitops_branch}", remedy="invoke catalog.init", code="catalog-missing"
            )
        return moved

    def _forward(
        self,
        branch: str,
        source_url: str,
        target_url: str,
        push_url: str,
        *,
        header: Callable[[], str | None] = lambda: None,
    ) -> Moved:
        ref = f"refs/heads/{branch}"
        wanted, current = self._cache.ref(source_url, ref), self._cache.ref(target_url, ref)
        if wanted is None or wanted == current:
            if wanted is not None:
                self._remember(branch)
            return Moved(branch=branch, before=current, after=wanted)
        with self._cache.locked():
            self._fetch(source_url, wanted)
            if current is not None:
                self._fetch(target_url, current)
        if current is not None and not self._is_ancestor(current, wanted):
            raise self._diverged(branch, current, wanted, source_url, target_url)
        if self._cache.push(push_url, wanted, ref, header=header()) is not PushResult.ACCEPTED:
            raise GitError(
                f"{branch} moved at {push_url} in the meantime", remedy="run this again", code="push-races-lost"
            )
        seen = self._cache.ref(target_url, ref)
        if seen != wanted and (seen is None or not self._is_known_descendant(wanted, seen, target_url)):
            raise GitError(f"{target_url} does not show {wanted.short} on {branch} after the push")
        self._remember(branch)
        return Moved(branch=branch, before=current, after=wanted)

    def _diverged(self, branch: str, current: CommitId, wanted: CommitId, source: str, target: str) -> Blocked:
        if branch == self._lane.source_branch:
            return Blocked(
                f"{branch} was rewritten: the mirror has {current.short}, {source} has {wanted.short}",
                cause="the mirror never goes back: what runs was booted from commits that would be lost",
                remedy=f"bring the old commits back: git checkout {branch}, git merge {current}, "
                f"git push origin {branch}; then run this again",
                code="diverged",
            )
        return Blocked(
            f"{branch} diverged: {target} has {current.short}, the mirror has {wanted.short}",
            cause="it was written past the mirror; moving it would lose commits, and nothing here forces",
            remedy=f"git log {current.short}...{wanted.short} shows both sides; a person must decide which one holds",
            code="diverged",
        )

    def _state(self, ref: str, local: CommitId | None, github: CommitId | None) -> RefState:
        branch = ref.removeprefix("refs/heads/")
        ahead = behind = None
        if local is not None and github is not None:
            with self._cache.locked() as path:
                self._fetch(self._read_url, local)
                self._fetch(self._origin_url, github)
                counted = git(path, ["rev-list", "--left-right", "--count", f"{local}...{github}"])
            ahead, behind = (int(word) for word in counted.stdout.split())
        last = self._successes().get(branch)
        age = max(0, int(self._clock()) - last) if last is not None else None
        return RefState(
            branch=branch, local=local, github=github, ahead=ahead, behind=behind, last_success=last, age=age
        )

    def _fetch(self, url: str, commit: CommitId) -> None:
        with GitObjects(self._cache.path) as objects:
            known = objects.has(commit)
        if not known:
            self._cache.fetch(url, commit)

    def _is_ancestor(self, older: CommitId, newer: CommitId) -> bool:
        with self._cache.locked() as path:
            return git(path, ["merge-base", "--is-ancestor", older, newer], check=False).returncode == 0

    def _is_known_descendant(self, older: CommitId, newer: CommitId, url: str) -> bool:
        with self._cache.locked():
            self._fetch(url, newer)
        return self._is_ancestor(older, newer)

    def _successes(self) -> dict[str, int]:
        try:
            record = json.loads(self._record.read_bytes())
        except (OSError, ValueError):
            return {}
        return {k: v for k, v in record.items() if isinstance(v, int)} if isinstance(record, dict) else {}

    def _remember(self, branch: str) -> None:
        record = self._successes() | {branch: int(self._clock())}
        write_atomic(self._record, json.dumps(record, sort_keys=True).encode() + b"\n")

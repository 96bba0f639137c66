"""In-memory stand-ins at the ports of ``envid.usecases.ports``: a registry, a builder, and a GitOps remote.

They keep the rules of the real parts (a push is a fast-forward or nothing, a push of a manifest moves its tag), and a
test can let the network break at a chosen step.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envid.adapters.buildkit import BuildRequest, BuiltImage
from envid.adapters.gitops import PushResult, Signature
from envid.core.values import CommitId, Digest, ImageReference
from envid.errors import EnvidError, GitError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envid.core.promotion import TreeEdit

__all__ = ["Clock", "MemoryBuilder", "MemoryGitOps", "MemoryRegistry", "Remote", "break_off", "interpose"]


@dataclass(slots=True)
class Clock:
    """A clock that moves only when somebody sleeps."""

    now: float = 1_770_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass(slots=True)
class MemoryRegistry:
    """Manifests by repository and digest, and tags; ``fault`` is raised by every question while it is set.

    ``indexes`` has what the digest of an index stands for, by platform.
    """

    manifests: set[tuple[str, Digest]] = field(default_factory=set)
    tags: dict[tuple[str, str], Digest] = field(default_factory=dict)
    incomplete: set[Digest] = field(default_factory=set)
    indexes: dict[tuple[Digest, str], Digest] = field(default_factory=dict)
    fault: EnvidError | None = None
    asked: list[str] = field(default_factory=list)

    def push(self, image: ImageReference, digest: Digest) -> None:
        """Hold a manifest, and move the tag of ``image`` to it."""
        self.manifests.add((image.name, digest))
        if image.tag is not None:
            self.tags[image.name, image.tag] = digest

    def probe(self, reference: ImageReference) -> Digest | None:
        self.asked.append(str(reference))
        if self.fault is not None:
            raise self.fault
        if reference.digest is not None:
            return reference.digest if (reference.name, reference.digest) in self.manifests else None
        return self.tags.get((reference.name, reference.tag or "latest"))

    def digest(self, reference: ImageReference) -> Digest:
        found = self.probe(reference)
        if found is None:
            raise RegistryError(f"{reference} is absent", code="registry-absent")
        return found

    def platform_digest(self, reference: ImageReference, platform: str) -> Digest:
        assert reference.digest is not None
        return self.indexes.get((reference.digest, platform), reference.digest)

    def verify_complete(self, reference: ImageReference) -> None:
        if self.digest(reference) in self.incomplete:
            raise RegistryError(f"a layer of {reference} is absent", code="registry-absent")


@dataclass(slots=True)
class MemoryBuilder:
    """Builds by hashing what it was given; pushes to ``registry``. ``salt`` makes it irreproducible."""

    registry: MemoryRegistry
    requests: list[BuildRequest] = field(default_factory=list)
    salt: str = ""
    claims: Digest | None = None

    def build(self, request: BuildRequest, progress: Callable[[str], None]) -> BuiltImage:
        self.requests.append(request)
        progress("[1/1] FROM base")
        seen = (request.platform, request.containerfile, request.context, sorted(request.build_args.items()), self.salt)
        digest = Digest(f"sha256:{hashlib.sha256(repr(seen).encode()).hexdigest()}")
        self.registry.push(request.image, digest)
        return BuiltImage(digest=self.claims or digest, reference=f"build-{len(self.requests)}", executed_steps=1)

    def versions(self) -> dict[str, str]:
        return {"buildctl": "simulated"}


@dataclass(frozen=True, slots=True)
class _Commit:
    parent: CommitId | None
    files: dict[str, bytes]
    message: str
    when: int = 0


@dataclass(slots=True)
class Remote:
    """A git remote with linear branches. A push is one step: afterwards the branch is where it was, or has moved."""

    commits: dict[CommitId, _Commit] = field(default_factory=dict)
    branches: dict[str, CommitId] = field(default_factory=dict)

    def grow(self, branch: str, count: int = 1, *, seed: str = "") -> CommitId:
        """Put ``count`` commits on ``branch``, as developers do on a source branch, and return the last."""
        for number in range(count):
            parent = self.branches.get(branch)
            self.branches[branch] = self.add(_Commit(parent, {}, f"{seed}{number}"))
        return self.branches[branch]

    def follow(self, branch: str, line: Sequence[CommitId]) -> None:
        """Let ``branch`` be a real repository's commits, oldest first."""
        parent: CommitId | None = None
        for commit in line:
            self.commits.setdefault(commit, _Commit(parent, {}, "real"))
            self.branches[branch] = parent = commit

    def add(self, commit: _Commit) -> CommitId:
        name = CommitId(hashlib.sha1(repr(commit).encode(), usedforsecurity=False).hexdigest())
        self.commits[name] = commit
        return name

    def put(self, branch: str, files: dict[str, bytes], message: str = "by hand") -> CommitId:
        """Commit ``files`` on ``branch`` beside what is there, as somebody with write access might."""
        parent = self.branches.get(branch)
        there = self.commits[parent].files if parent else {}
        self.branches[branch] = self.add(_Commit(parent, there | files, message))
        return self.branches[branch]

    def line(self, commit: CommitId | None) -> list[CommitId]:
        """Return ``commit`` and its ancestors, newest first."""
        found: list[CommitId] = []
        while commit is not None and commit in self.commits:
            found.append(commit)
            commit = self.commits[commit].parent
        return found

    def fast_forward(self, branch: str, commit: CommitId) -> PushResult:
        tip = self.branches.get(branch)
        if tip is not None and tip not in self.line(commit):
            return PushResult.LOST_RACE
        self.branches[branch] = commit
        return PushResult.ACCEPTED


@dataclass(slots=True)
class MemoryGitOps:
    """One client of ``remote``. ``script`` has what happens at the next pushes; afterwards pushes are plain."""

    remote: Remote
    branch: str = "v0.1-gitops"
    read_url: str = "http://mirror.example/agentrun.git"
    script: deque[Callable[[MemoryGitOps, CommitId], PushResult]] = field(default_factory=deque)
    signatures: list[Signature] = field(default_factory=list)

    def tip(self) -> CommitId | None:
        return self.remote.branches.get(self.branch)

    def files(self, commit: CommitId, paths: Sequence[str]) -> dict[str, bytes]:
        return {
            path: content
            for path, content in self.remote.commits[commit].files.items()
            if any(path == wanted or path.startswith(f"{wanted}/") for wanted in paths)
        }

    def commit(self, base: CommitId | None, edit: TreeEdit, message: str, signature: Signature) -> CommitId:
        self.signatures.append(signature)
        files = dict(self.remote.commits[base].files) if base else {}
        for path in edit.remove:
            del files[path]
        return self.remote.add(_Commit(base, files | dict(edit.write), message, signature.when))

    def push(self, commit: CommitId) -> PushResult:
        if self.script:
            return self.script.popleft()(self, commit)
        return self.remote.fast_forward(self.branch, commit)

    def contains(self, branch: str, commit: CommitId) -> bool:
        return commit in self.remote.line(self.remote.branches.get(branch))

    def is_ancestor(self, older: CommitId, newer: CommitId) -> bool:
        return older in self.remote.line(newer)

    def log(self, tip: CommitId, path: str, *, limit: int) -> list[CommitId]:
        changed = []
        for name in self.remote.line(tip):
            parent = self.remote.commits[name].parent
            before = self.remote.commits[parent].files.get(path) if parent else None
            if self.remote.commits[name].files.get(path) != before:
                changed.append(name)
        return changed[:limit]


def interpose(other: Callable[[], object]) -> Callable[[MemoryGitOps, CommitId], PushResult]:
    """Let ``other`` act just before the push reaches the remote."""

    def step(client: MemoryGitOps, commit: CommitId) -> PushResult:
        other()
        return client.remote.fast_forward(client.branch, commit)

    return step


def break_off(
    *, arrives: bool, then: Callable[[], object] | None = None
) -> Callable[[MemoryGitOps, CommitId], PushResult]:
    """Break the connection during the push, before or after the remote took it; ``then`` acts afterwards."""

    def step(client: MemoryGitOps, commit: CommitId) -> PushResult:
        if arrives:
            client.remote.fast_forward(client.branch, commit)
        if then is not None:
            then()
        raise GitError("the push broke off", code="push-failed")

    return step

"""What the use cases need of the outside, as small Protocols.

The adapters meet them, and so do the tests' simulators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envid.adapters.buildkit import BuildRequest, BuiltImage
    from envid.adapters.gitops import PushResult, Signature
    from envid.adapters.kubernetes import ServiceReply
    from envid.core.objects import KubeObject
    from envid.core.promotion import TreeEdit
    from envid.core.values import CommitId, Digest, ImageReference
    from envid.core.verify import CommitNote

__all__ = ["Builder", "ClusterApi", "GitOps", "ImageRegistry", "Progress", "PromotionHistory"]


class Progress(Protocol):
    """Gets a line of news now and then."""

    def __call__(self, line: str, /) -> None:
        """Take one line."""


class ImageRegistry(Protocol):
    """The registry, as far as decisions need it (R4)."""

    def probe(self, reference: ImageReference) -> Digest | None:
        """Return what the registry holds under ``reference``; None means absent, and only that."""
        ...

    def digest(self, reference: ImageReference) -> Digest:
        """Return the digest of ``reference``, verified by a second question by digest."""
        ...

    def platform_digest(self, reference: ImageReference, platform: str) -> Digest:
        """Return the digest of the image that ``reference`` pins for ``platform``: of an index, that of its child."""
        ...

    def verify_complete(self, reference: ImageReference) -> None:
        """Fetch the manifest by digest, hash its bytes, and see that config and layers are there."""


class Builder(Protocol):
    """BuildKit, as far as publishing needs it (R7)."""

    def build(self, request: BuildRequest, progress: Callable[[str], None]) -> BuiltImage:
        """Build and push."""
        ...

    def versions(self) -> dict[str, str]:
        """Return the builder's versions, for the provenance."""
        ...


class GitOps(Protocol):
    """The GitOps branch behind the mirror (R6, R9)."""

    read_url: str
    branch: str

    def tip(self) -> CommitId | None:
        """Return where the branch is, or None when there is no such branch."""
        ...

    def files(self, commit: CommitId, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the files of ``commit`` at or below ``paths``."""
        ...

    def commit(self, base: CommitId | None, edit: TreeEdit, message: str, signature: Signature) -> CommitId:
        """Make a commit without publishing it."""
        ...

    def push(self, commit: CommitId) -> PushResult:
        """Push as a fast-forward."""
        ...

    def contains(self, branch: str, commit: CommitId) -> bool:
        """Tell whether ``commit`` is on a branch of the remote."""
        ...

    def is_ancestor(self, older: CommitId, newer: CommitId) -> bool:
        """Tell whether ``newer`` is ``older`` or descends from it."""
        ...

    def log(self, tip: CommitId, path: str, *, limit: int) -> list[CommitId]:
        """Return the commits that changed ``path``, newest first."""
        ...


class PromotionHistory(GitOps, Protocol):
    """The GitOps branch with what its commits say of themselves (R18)."""

    def note(self, commit: CommitId) -> CommitNote:
        """Return author, message and changed paths of ``commit``."""
        ...


class ClusterApi(Protocol):
    """The cluster's API server; objects are plain JSON (R8, R11, R12, R18)."""

    def apply(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Apply server-side, and return what the API server then has."""
        ...

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Create an object; the error's code is ``already-exists`` where the name is taken."""
        ...

    def get(self, kind: str, name: str, namespace: str = "") -> KubeObject | None:
        """Return one object; None means absent, and only that."""
        ...

    def list(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[KubeObject]:
        """Return the objects of a kind."""
        ...

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Delete one object, and tell whether there was one."""
        ...

    def watch(self, kind: str, name: str, namespace: str = "", *, timeout: float = 300) -> Iterator[KubeObject]:
        """Yield an object's present state and every later one, until it is deleted."""
        ...

    def pod_log(self, namespace: str, pod: str, container: str, *, tail: int | None = None) -> str:
        """Return a container's log."""
        ...

    def service_get(self, namespace: str, service: str, port: int, path: str) -> ServiceReply:
        """Ask a Service over HTTP, through the API server."""
        ...

"""What ``verify`` judges: everything that was seen, layer by layer, and what could not be asked (R18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml

from envid.core.promotion import is_attestation

if TYPE_CHECKING:
    from envid.core.lane import Lane
    from envid.core.values import CommitId

__all__ = [
    "ArgoFacts",
    "CommitNote",
    "Facts",
    "GitopsFacts",
    "Object",
    "ObjectKey",
    "PipelineRunFacts",
    "RuntimeFacts",
    "SourceFacts",
    "TektonFacts",
    "Unasked",
    "manifests_of",
    "moment",
]

Object = Mapping[str, Any]
"""A Kubernetes object as its API gives it."""
ObjectKey = tuple[str, str]
"""Kind and name, as ``("Deployment", "agentrun-mgr")``."""


@dataclass(frozen=True, slots=True)
class Unasked:
    """Stands where an answer should be: it could not be asked. Never the same as an answer that says "absent"."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFacts:
    """The runtime namespace.

    ``objects`` has the live object of every manifest on the GitOps branch, None where the API says that there is none;
    ``workloads`` every Deployment and StatefulSet of the namespace; ``health`` the document of each manager's
    ``/health``, by service.
    """

    objects: Mapping[ObjectKey, Object | Unasked | None]
    workloads: tuple[Object, ...] | Unasked
    pods: tuple[Object, ...] | Unasked
    events: tuple[Object, ...] | Unasked
    health: Mapping[str, Object | Unasked]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoFacts:
    """The lane's Application and AppProject, and what they must be; None where there is none."""

    application: Object | Unasked | None
    project: Object | Unasked | None
    wanted_application: Object
    wanted_project: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitNote:
    """What one commit says of itself: who made it, its message, and the paths in which it differs from its parent."""

    author: str
    committer: str
    message: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GitopsFacts:
    """The GitOps branch on the mirror, and GitHub's.

    ``files`` are the lane's at ``tip``; ``rendered`` is what deploy.json at the promoted commit and the catalog render
    to. ``promotion`` is the newest commit that changed the catalog. ``github`` is GitHub's tip; ``flushable`` tells
    whether the mirror's descends from it.
    """

    tip: CommitId | None
    files: Mapping[str, bytes]
    note: CommitNote | Unasked
    promotion: CommitId | Unasked | None
    rendered: Mapping[str, bytes] | Unasked
    github: CommitId | Unasked | None
    flushable: bool | Unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRunFacts:
    """One PipelineRun of the promoted commit, with its TaskRuns' results by pipeline task."""

    run: Object
    results: Mapping[str, Mapping[str, str]] | Unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class TektonFacts:
    """The PipelineRuns of the promoted commit, oldest first."""

    runs: tuple[PipelineRunFacts, ...] | Unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The source worktree at ``root``.

    ``branch`` is empty on a detached HEAD; ``dirty`` names the changed paths; ``origin`` is the origin's tip of the
    source branch; ``promoted_ahead`` counts the commits from the promoted one to HEAD, None where the promoted commit
    is not behind HEAD; ``rendered`` is what HEAD's deploy.json and the catalog render to.
    """

    root: str
    branch: str
    head: CommitId
    origin: CommitId | Unasked | None
    dirty: tuple[str, ...]
    worktrees_ignored: bool
    promoted_ahead: int | Unasked | None
    rendered: Mapping[str, bytes] | Unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was seen, at the moment ``now``; a whole layer may be unasked."""

    lane: Lane
    registry: str
    now: datetime
    gitops: GitopsFacts | Unasked
    runtime: RuntimeFacts | Unasked
    argo: ArgoFacts | Unasked
    tekton: TektonFacts | Unasked
    source: SourceFacts | Unasked


def manifests_of(lane: Lane, files: Mapping[str, bytes]) -> dict[ObjectKey, Object]:
    """Return the Kubernetes objects among the GitOps branch's ``files``; what is no object is left out."""
    found: dict[ObjectKey, Object] = {}
    for path, content in sorted(files.items()):
        if not path.startswith(f"{lane.runtime_path}/") or is_attestation(lane, path):
            continue
        try:
            documents = list(yaml.safe_load_all(content))
        except (yaml.YAMLError, ValueError):
            continue
        for document in documents:
            metadata = document.get("metadata") if isinstance(document, dict) else None
            if isinstance(metadata, dict) and isinstance(document.get("kind"), str):
                found[document["kind"], str(metadata.get("name"))] = document
    return found


def moment(text: Any) -> datetime | None:
    """Return a Kubernetes timestamp as a moment; None where it is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None

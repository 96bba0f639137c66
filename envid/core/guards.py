"""Guards of the source branch: what a release generates, and what is retired, must not be tracked there (R17)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.lane import Lane

__all__ = [
    "Finding",
    "generated_paths",
    "generated_values",
    "is_document",
    "is_pipeline_source",
    "own_controllers",
    "retired_names",
    "worktrees_ignored",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a guard found: where, as ``path`` or ``path:line``, and what is wrong there."""

    guard: str
    where: str
    problem: str


_CATALOG: Final = re.compile(r"deploy/artifact-catalog\.[^/]*\.json")
_STATE: Final = re.compile(r'"schemaVersion"\s*:\s*"agentrun\.(artifact-catalog|promotion|publish|plan|attestation)/')
_RUN_IDS: Final = re.compile(r"\b(?:PipelineRun|TaskRun)[/ :\"']+[a-z0-9.-]*-[0-9a-f]{12}\b")
_RETIRED: Final = re.compile(r"\bagentrun_(?:dev|prod)\b")
# words by which a text says that it speaks of the past, or forbids
_PAST: Final = re.compile(
    r"deprecat|retired|obsolete|histor|abandon|legacy|former|no longer|must not|may not|never|not be used|do not"
    r"|废弃|历史|不得|不再|不作为|不参与|禁止|旧|曾|弃用",
    re.IGNORECASE,
)
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*)")
_IGNORES: Final = re.compile(r"^/?\.worktree(?:/(?:\*{1,2})?)?$")
# what would run beside Tekton and Argo CD: a program that waits for work by itself
_OWN_LOOP: Final = re.compile(r"^\s*kind:\s*[\"']?(CronJob|Deployment|StatefulSet|DaemonSet|ReplicaSet)\b")
_LOOP_WORDS: Final = re.compile(r"\b(?:custom[- ]?runner|ci[-_]runner|poller|reconciler)\b|\bCI\.json\b", re.IGNORECASE)
_PIPELINE_FOLDERS: Final = ("deploy/tekton/", "deploy/argocd/", "deploy/argo/", ".tekton/")


def generated_paths(paths: Iterator[str], lane: Lane) -> Iterator[Finding]:
    """Find tracked files that only the GitOps branch may have."""
    root = str(lane.runtime_path).rpartition("/")[0]
    for path in paths:
        if _CATALOG.fullmatch(path):
            yield Finding(guard="generated-state", where=path, problem="an artifact catalog lives on the GitOps branch")
        elif path.startswith((f"{lane.runtime_path}/", f"{root}/runtime-")):
            yield Finding(guard="generated-state", where=path, problem="a rendered runtime lives on the GitOps branch")
        elif path.rpartition("/")[2] == "CI.json":
            yield Finding(guard="own-runner", where=path, problem="a runner of one's own; Tekton runs the lane")


def generated_values(path: str, text: str, lane: Lane, registry: str) -> Iterator[Finding]:
    """Find digests and tags of the lane's own env images, and records of a release, in a file below ``deploy/``."""
    # a lane's env images, wherever their registry is: the last part of the repository is what tells them
    image = re.compile(
        rf"(?:{re.escape(registry)}/)?{re.escape(lane.project)}/[a-z0-9._-]+-env(?:@sha256:|:[0-9a-f]{{64}})"
    )
    for number, line in enumerate(text.splitlines(), start=1):
        if image.search(line):
            problem = "an env image's tag or digest is publish state; the catalog has it"
            yield Finding(guard="generated-state", where=f"{path}:{number}", problem=problem)
        elif _STATE.search(line):
            yield Finding(guard="generated-state", where=f"{path}:{number}", problem="a record of a release")
        elif _RUN_IDS.search(line):
            yield Finding(guard="generated-state", where=f"{path}:{number}", problem="a run's id is publish state")


def retired_names(path: str, text: str) -> Iterator[Finding]:
    """Find live uses of ``agentrun_dev`` and ``agentrun_prod``.

    A line may name them where it, or a heading above it, says that it speaks of the past or forbids their use.
    """
    headings: list[tuple[int, bool]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if heading := _HEADING.match(line):
            level = len(line) - len(line.lstrip("#"))
            headings = [item for item in headings if item[0] < level]
            headings.append((level, bool(_PAST.search(heading[1]))))
        named = _RETIRED.search(line)
        if named and not _PAST.search(line) and not any(past for _, past in headings):
            problem = f"{named[0]} is retired, and this reads as if it were in use"
            yield Finding(guard="retired-names", where=f"{path}:{number}", problem=problem)


def worktrees_ignored(gitignore: str) -> Iterator[Finding]:
    """Find out whether ``.worktree/`` is left out: parallel work trees must not make the source worktree dirty."""
    if not any(_IGNORES.match(line.strip()) for line in gitignore.splitlines()):
        yield Finding(guard="worktree-ignored", where=".gitignore", problem="it does not ignore .worktree/")


def own_controllers(path: str, text: str) -> Iterator[Finding]:
    """Find what would run the lane beside Tekton and Argo CD, in the files of their folders."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _OWN_LOOP.match(line):
            problem = f"a {found[1]} among the pipeline's sources: only Tekton runs steps"
            yield Finding(guard="own-runner", where=f"{path}:{number}", problem=problem)
        elif found := _LOOP_WORDS.search(line):
            problem = f"{found[0]}: only Tekton and Argo CD run the lane"
            yield Finding(guard="own-runner", where=f"{path}:{number}", problem=problem)


def is_document(path: str) -> bool:
    """Tell whether ``path`` is one of the documents that say what the lane is."""
    return path == "AGENTS.md" or (path.startswith("docs/reference/") and path.endswith((".md", ".mdx", ".txt")))


def is_pipeline_source(path: str) -> bool:
    """Tell whether ``path`` is a source of the Tekton or Argo CD side."""
    return path.startswith(_PIPELINE_FOLDERS) and path.endswith((".yaml", ".yml", ".json", ".sh"))

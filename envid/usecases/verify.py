"""``verify``: sees what there is to see of a lane, and lets the core judge it (R18).

Nothing is written but the caches of the state folder. Every question is asked for itself: what can't be answered makes
its own items unknown, and no others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from envid.adapters.worktree import commits_ahead, worktree_state
from envid.core.catalog import Catalog, parse_catalog
from envid.core.cluster.argocd import argocd_objects
from envid.core.cluster.tekton import run_labels
from envid.core.objects import KINDS
from envid.core.render import render_runtime
from envid.core.verify import (
    WORKLOADS,
    ArgoFacts,
    Facts,
    GitopsFacts,
    Object,
    ObjectKey,
    PipelineRunFacts,
    Report,
    RuntimeFacts,
    SourceFacts,
    TektonFacts,
    Unasked,
    judge_lane,
    lookup,
    manifests_of,
)
from envid.errors import EnvidError, InputError
from envid.usecases.intent import read_intent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from envid.core.cluster import ClusterSetup
    from envid.core.lane import Lane
    from envid.core.values import CommitId
    from envid.usecases.environment import InputReader
    from envid.usecases.mirror import MirrorStatus
    from envid.usecases.ports import ClusterApi, PromotionHistory

__all__ = ["VerifyTools", "verify_lane"]

_T = TypeVar("_T")
_NO_CLUSTER = frozenset({"cluster-unreachable", "cluster-login"})
"""After one of these no other question needs to be asked of the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTools:
    """What verify asks. ``mirror_status`` compares mirror and GitHub; ``setup`` says what Argo CD's objects must be."""

    lane: Lane
    setup: ClusterSetup
    registry_host: str
    source_repo: str
    root: Path
    reader: InputReader
    gitops: PromotionHistory
    mirror_status: Callable[[], MirrorStatus]
    cluster: ClusterApi | Unasked
    now: Callable[[], datetime]


def verify_lane(tools: VerifyTools) -> Report:
    """Look at all layers of the lane and judge them. Raises nothing for what can't be asked: that is unknown."""
    gitops, catalog = _gitops(tools)
    status = _ask(tools.mirror_status)
    if isinstance(gitops, GitopsFacts):
        gitops = _with_github(gitops, status)
    runtime: RuntimeFacts | Unasked
    argo: ArgoFacts | Unasked
    tekton: TektonFacts | Unasked
    cluster = _reachable(tools)
    if isinstance(cluster, Unasked):
        runtime = argo = tekton = cluster
    else:
        files = gitops.files if isinstance(gitops, GitopsFacts) else {}
        runtime = _runtime(cluster, manifests_of(tools.lane, files), tools.lane)
        argo = _argo(cluster, tools.setup)
        tekton = _tekton(cluster, tools.lane, catalog)
    origin = status if isinstance(status, Unasked) else status.source.github
    return judge_lane(
        Facts(
            lane=tools.lane,
            registry=tools.registry_host,
            now=tools.now(),
            gitops=gitops,
            runtime=runtime,
            argo=argo,
            tekton=tekton,
            source=_source(tools, catalog, origin),
        )
    )


def _ask(question: Callable[[], _T]) -> _T | Unasked:
    try:
        return question()
    except EnvidError as error:
        return Unasked(f"{error.what}: {error.cause}" if error.cause else error.what)


def _gitops(tools: VerifyTools) -> tuple[GitopsFacts | Unasked, Catalog | Unasked]:
    lane, gitops = tools.lane, tools.gitops
    tip = _ask(gitops.tip)
    if isinstance(tip, Unasked):
        return tip, tip
    files: dict[str, bytes] = {}
    if tip is not None:
        found = _ask(lambda: gitops.files(tip, [lane.catalog_path, lane.runtime_path]))
        if isinstance(found, Unasked):
            return found, found
        files = found
    catalog = _catalog(lane, files)
    nothing = Unasked(f"there is no {lane.gitops_branch}")
    facts = GitopsFacts(
        tip=tip,
        files=files,
        note=nothing if tip is None else _ask(lambda: gitops.note(tip)),
        promotion=None if tip is None else _ask(lambda: next(iter(gitops.log(tip, lane.catalog_path, limit=1)), None)),
        rendered=_rendered(tools, catalog),
        github=nothing,
        flushable=nothing,
    )
    return facts, catalog


def _catalog(lane: Lane, files: dict[str, bytes]) -> Catalog | Unasked:
    content = files.get(lane.catalog_path)
    if content is None:
        return Unasked("there is no catalog")
    return _ask(lambda: parse_catalog(content, where=lane.catalog_path))


def _with_github(facts: GitopsFacts, status: MirrorStatus | Unasked) -> GitopsFacts:
    if isinstance(status, Unasked):
        return replace(facts, github=status, flushable=status)
    return replace(facts, github=status.gitops.github, flushable=status.gitops.behind == 0)


def _rendered(
    tools: VerifyTools, catalog: Catalog | Unasked, commit: CommitId | None = None
) -> dict[str, bytes] | Unasked:
    """Render the runtime from the deploy.json of ``commit``, by default the promoted one."""
    if isinstance(catalog, Unasked):
        return catalog
    commits = sorted({entry.source_commit for entry in catalog.services})
    if not commits:
        return Unasked("the catalog records no image yet")
    chosen = commit or commits[0]
    if commit is None and len(commits) > 1:
        return Unasked(f"the catalog is of several source commits: {', '.join(c.short for c in commits)}")
    if not tools.reader.objects.has(chosen):
        return Unasked(f"the promoted {chosen.short} is not in this repository: git fetch, then run this again")

    def render() -> dict[str, bytes]:
        record = tools.reader.objects.commit(chosen)
        intent = read_intent(tools.reader, record, lane=tools.lane, source_repo=tools.source_repo)
        mirror = tools.setup.mirror_read_url
        return render_runtime(intent.deploy, catalog, tools.lane, mirror_read_url=mirror, images=intent.images)

    return _ask(render)


def _reachable(tools: VerifyTools) -> ClusterApi | Unasked:
    cluster = tools.cluster
    if isinstance(cluster, Unasked):
        return cluster
    try:
        cluster.list("Pod", tools.lane.name)
    except EnvidError as error:
        if error.code in _NO_CLUSTER:
            return Unasked(f"{error.what}: {error.cause}")
    return cluster


def _runtime(cluster: ClusterApi, manifests: dict[ObjectKey, Object], lane: Lane) -> RuntimeFacts:
    def live(kind: str, name: str) -> Object | Unasked | None:
        if kind not in KINDS:
            return Unasked(f"a lane has no {kind}")
        return _ask(lambda: cluster.get(kind, name, lane.name))

    def every(*kinds: str) -> tuple[Object, ...] | Unasked:
        return _ask(lambda: tuple(o for kind in kinds for o in cluster.list(kind, lane.name)))

    return RuntimeFacts(
        objects={(kind, name): live(kind, name) for kind, name in manifests},
        workloads=every(*WORKLOADS),
        pods=every("Pod"),
        events=every("Event"),
        health={
            name: _ask(lambda wanted=wanted, name=name: _health(cluster, lane.name, name, wanted))  # type: ignore[misc]
            for (kind, name), wanted in manifests.items()
            if kind == "Deployment"
        },
    )


def _health(cluster: ClusterApi, namespace: str, name: str, deployment: Object) -> Object:
    """Ask a manager for its health at the path that its own probe asks."""
    container: Object = next(iter(lookup(deployment, "spec", "template", "spec", "containers") or []), {})
    ports = {port.get("name"): port.get("containerPort") for port in lookup(container, "ports") or []}
    path = str(lookup(container, "livenessProbe", "httpGet", "path") or "/health")
    reply = cluster.service_get(namespace, name, int(ports.get("http") or 80), path)
    try:
        document = json.loads(reply.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return {"status": f"{reply.status}, and no JSON"}
    if document.get("kind") == "Status":  # the API server's own words: it did not reach the Service
        raise InputError(f"{path} can't be asked", cause=str(document.get("message")))
    return document


def _argo(cluster: ClusterApi, setup: ClusterSetup) -> ArgoFacts:
    wanted = {str(o["kind"]): o for o in argocd_objects(setup)}

    def live(kind: str) -> Object | Unasked | None:
        return _ask(lambda: cluster.get(kind, wanted[kind]["metadata"]["name"], setup.argocd_namespace))

    return ArgoFacts(
        application=live("Application"),
        project=live("AppProject"),
        wanted_application=wanted["Application"],
        wanted_project=wanted["AppProject"],
    )


def _tekton(cluster: ClusterApi, lane: Lane, catalog: Catalog | Unasked) -> TektonFacts:
    if isinstance(catalog, Unasked):
        return TektonFacts(runs=catalog)
    commit = next((entry.source_commit for entry in catalog.services), None)
    if commit is None:
        return TektonFacts(runs=())
    found = _ask(lambda: cluster.list("PipelineRun", lane.ci_namespace, run_labels(lane, commit)))
    if isinstance(found, Unasked):
        return TektonFacts(runs=found)
    ordered = sorted(found, key=lambda run: str(lookup(run, "metadata", "creationTimestamp")))
    return TektonFacts(
        runs=tuple(PipelineRunFacts(run=run, results=_results(cluster, lane.ci_namespace, run)) for run in ordered)
    )


def _results(cluster: ClusterApi, namespace: str, run: Object) -> dict[str, dict[str, str]] | Unasked:
    labels = {"tekton.dev/pipelineRun": str(lookup(run, "metadata", "name"))}
    found = _ask(lambda: cluster.list("TaskRun", namespace, labels))
    if isinstance(found, Unasked):
        return found
    if not found:
        return Unasked("its TaskRuns are gone")
    return {
        str(lookup(task, "metadata", "labels", "tekton.dev/pipelineTask")): {
            str(result.get("name")): str(result.get("value")).strip()
            for result in lookup(task, "status", "results") or []
        }
        for task in found
    }


def _source(tools: VerifyTools, catalog: Catalog | Unasked, origin: CommitId | Unasked | None) -> SourceFacts | Unasked:
    state = _ask(lambda: worktree_state(tools.root))
    if isinstance(state, Unasked):
        return state
    rendered = _rendered(tools, catalog, state.head)
    ahead: int | Unasked | None
    if isinstance(catalog, Unasked):
        ahead = catalog
    else:
        promoted = next((entry.source_commit for entry in catalog.services), None)
        ahead = Unasked("nothing is promoted yet") if promoted is None else _ahead(tools, promoted, state.head)
    return SourceFacts(
        root=str(tools.root),
        branch=state.branch,
        head=state.head,
        origin=origin,
        dirty=state.dirty,
        worktrees_ignored=state.worktrees_ignored,
        promoted_ahead=ahead,
        rendered=rendered,
    )


def _ahead(tools: VerifyTools, promoted: CommitId, head: CommitId) -> int | Unasked | None:
    if not tools.reader.objects.has(promoted):
        return Unasked(f"the promoted {promoted.short} is not in this repository: git fetch, then run this again")
    return _ask(lambda: commits_ahead(tools.root, promoted, head))

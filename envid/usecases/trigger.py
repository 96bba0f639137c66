"""``trigger-current``: checks and syncs the mirror, creates a commit's PipelineRun, and follows it to its end (R10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from envid.core.cluster.tekton import run_labels
from envid.core.pipelinerun import (
    FailedStep,
    RunState,
    TaskState,
    exit_code_of,
    failed_step,
    next_attempt,
    results_of,
    said_error,
    state_of,
    task_states,
    why_of,
)
from envid.errors import Blocked, EnvidError, ServiceError

if TYPE_CHECKING:
    from envid.core.lane import Lane
    from envid.core.objects import KubeObject
    from envid.core.values import CommitId
    from envid.usecases.mirror import Mirror
    from envid.usecases.ports import ClusterApi, GitOps, Progress

__all__ = ["Followed", "TriggerTools", "Triggered", "Watcher", "follow", "summary_of", "trigger_current"]

_CREATE_TRIES: Final = 5
_HEARTBEAT: Final = 5.0
_OUTAGES: Final = 10
"""How often in a row the API server may be away while a run is followed; the run goes on without us."""
_LOG_LINES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerTools:
    """What a trigger works with. ``make_run`` returns the PipelineRun of a commit's n-th run."""

    lane: Lane
    mirror: Mirror
    gitops: GitOps
    cluster: ClusterApi
    make_run: Callable[[CommitId, int], KubeObject]
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """The run of ``commit``; ``created`` is false where one was under way already, ``synced`` tells of the mirror."""

    commit: CommitId
    run: str
    created: bool
    synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How a run ended: its tasks, its results, and on a failure the tool's own words."""

    state: RunState
    tasks: tuple[TaskState, ...]
    results: dict[str, str]
    failed: FailedStep | None
    error: str

    @property
    def exit_code(self) -> int:
        """The exit code that the run's end gives."""
        return 0 if self.state is RunState.SUCCEEDED else exit_code_of(self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """How a run is shown to a person: ``progress`` takes lines, ``tick`` says now and then what is under way."""

    progress: Progress
    tick: Callable[[list[TaskState]], None]
    sleep: Callable[[float], None]


def trigger_current(tools: TriggerTools, commit: CommitId | None) -> Triggered:
    """Create the PipelineRun of ``commit``, by default of the origin's newest source commit.

    Raises:
        Blocked: the origin has no source branch, or rewrote it; the commit is not on it, or the mirror does not serve
            it; with what to do.
        GitError: the mirror or the origin did not answer.
        ClusterError: the API server refused the PipelineRun.

    """
    lane = tools.lane
    status = tools.mirror.status()
    newest = status.source.github
    synced, before = False, status.source.local
    if not status.source_in_sync:
        tools.progress(f"syncing the mirror, which has {before.short if before else 'no source branch'}")
        moved = tools.mirror.sync()[0]
        synced, newest = moved.before != moved.after, moved.after
    if newest is None:
        raise Blocked(f"there is no branch {lane.source_branch}", remedy=f"git push origin {lane.source_branch}")
    chosen = commit or newest
    if chosen != newest and not tools.gitops.contains(lane.source_branch, chosen):
        raise Blocked(
            f"{chosen.short} is not on {lane.source_branch}",
            cause="a lane delivers commits of its source branch only",
            remedy=f"merge it into {lane.source_branch} and push, then run this again",
            code="not-on-source-branch",
        )
    if not tools.mirror.serves(chosen):
        raise Blocked(
            f"the mirror does not give {chosen.short} by its full id",
            cause="it lacks the commit, or does not allow to ask for any commit (uploadpack.allowAnySHA1InWant)",
            remedy="invoke git-mirror.status; invoke lane.apply sets the mirror up as it must be",
            code="exact-fetch-failed",
        )
    run, created = _run_of(tools, chosen)
    return Triggered(commit=chosen, run=run, created=created, synced=synced)


def follow(cluster: ClusterApi, namespace: str, run: str, watcher: Watcher) -> Followed:
    """Follow a PipelineRun to its end, telling what goes on.

    Raises:
        Blocked: the PipelineRun was deleted.
        ClusterError: the API server stayed away; the run goes on.

    """
    shown: dict[str, RunState] = {}
    outages = 0
    while True:
        try:
            for seen in cluster.watch("PipelineRun", run, namespace, timeout=_HEARTBEAT):
                tasks = _tasks(cluster, namespace, run)
                outages = 0
                states = task_states(tasks)
                for state in states:
                    if shown.get(state.name) is not state.state and state.state is not RunState.PENDING:
                        shown[state.name] = state.state
                        watcher.progress(_told(state))
                watcher.tick(states)
                if state_of(seen).is_end:
                    return _ended(cluster, namespace, seen, tasks, watcher)
        except ServiceError as error:
            outages += 1
            if error.code != "cluster-unreachable" or outages > _OUTAGES:
                raise
            watcher.progress(f"{error.what}; asking again")
            watcher.sleep(_HEARTBEAT)
            continue
        raise Blocked(
            f"PipelineRun {run} was deleted while it was followed",
            remedy="invoke trigger-current --watch",
            code="run-deleted",
        )


def _run_of(tools: TriggerTools, commit: CommitId) -> tuple[str, bool]:
    """Return the commit's run that is under way, or a new one."""
    base, namespace = tools.lane.pipeline_run(commit), tools.lane.ci_namespace
    for attempt_to_create in range(1, _CREATE_TRIES + 1):
        listed = tools.cluster.list("PipelineRun", namespace, run_labels(tools.lane, commit))
        runs = {str(run["metadata"]["name"]): run for run in listed}
        under_way = sorted(name for name, run in runs.items() if not state_of(run).is_end)
        if under_way:
            return under_way[-1], False
        wanted = tools.make_run(commit, next_attempt(base, runs))
        try:
            tools.cluster.create(wanted)
        except EnvidError as error:
            # somebody else was faster: theirs is the one to follow
            if error.code != "already-exists" or attempt_to_create == _CREATE_TRIES:
                raise
        else:
            return str(wanted["metadata"]["name"]), True
    raise AssertionError  # pragma: no cover - the last try returns or raises


def _tasks(cluster: ClusterApi, namespace: str, run: str) -> list[KubeObject]:
    return cluster.list("TaskRun", namespace, {"tekton.dev/pipelineRun": run})


def _told(task: TaskState) -> str:
    if task.state.is_end and task.begun is not None and task.ended is not None:
        seconds = int((task.ended - task.begun).total_seconds())
        told = f"{task.name} {task.state} after {seconds} s"
    else:
        told = f"{task.name} {task.state}"
    return f"{told}: {task.why}" if task.state is RunState.FAILED and task.why else told


def _ended(cluster: ClusterApi, namespace: str, run: KubeObject, tasks: list[KubeObject], watcher: Watcher) -> Followed:
    state = state_of(run)
    failed = failed_step(tasks) if state is RunState.FAILED else None
    error = ""
    if state is RunState.FAILED:
        log = _log(cluster, namespace, failed)
        if failed is not None:
            for line in log.splitlines():
                watcher.progress(f"{failed.task} | {line}")
        error = (said_error(log) if failed is not None and failed.exit_code is not None else "") or why_of(run)
    return Followed(
        state=state,
        tasks=tuple(task_states(tasks)),
        results=results_of(run),
        failed=failed,
        error=error,
    )


def _log(cluster: ClusterApi, namespace: str, failed: FailedStep | None) -> str:
    """Return the failing step's last lines; empty where its pod is gone: the run's end is known all the same."""
    if failed is None or not failed.container or not failed.pod:
        return ""
    try:
        return cluster.pod_log(namespace, failed.pod, failed.container, tail=_LOG_LINES)
    except EnvidError:
        return ""


def summary_of(followed: Followed) -> dict[str, Any]:
    """Return the machine form of how a run ended."""
    return {
        "outcome": followed.state.value,
        "tasks": [
            {
                "task": task.name,
                "outcome": task.state.value,
                "seconds": int((task.ended - task.begun).total_seconds()) if task.begun and task.ended else None,
            }
            for task in followed.tasks
        ],
        "results": followed.results,
        "failedStep": None
        if followed.failed is None
        else {"task": followed.failed.task, "exitCode": followed.failed.exit_code},
        "error": followed.error or None,
        "exitCode": followed.exit_code,
    }

"""What PipelineRuns and TaskRuns say of their progress and end, and what the next run of a commit is called (R10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from envid.core.objects import KubeObject

__all__ = [
    "FailedStep",
    "RunState",
    "TaskState",
    "exit_code_of",
    "failed_step",
    "next_attempt",
    "results_of",
    "said_error",
    "state_of",
    "task_states",
    "why_of",
]

_CHECK_FAILED: Final = 1
_SERVICE_FAILED: Final = 4
_OWN: Final = {1: 1, 2: 1, 3: 3, 4: 4}
"""A step's exit code to this command's; bad input in a commit is a check of it that did not hold."""
_ERROR_LINE: Final = re.compile(r"^error: .*(?:\n(?:  .*|))*", re.MULTILINE)


class RunState(StrEnum):
    """Where a PipelineRun or TaskRun is."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Tell whether nothing more comes."""
        return self in {RunState.SUCCEEDED, RunState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """One task of a run: its name in the Pipeline, its state, how long it took or takes, and its pod."""

    name: str
    state: RunState
    begun: datetime | None
    ended: datetime | None
    pod: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """The step that ended a task: its container, and its exit code; None where it ended otherwise."""

    task: str
    pod: str
    container: str
    exit_code: int | None


def state_of(run: KubeObject) -> RunState:
    """Return where a PipelineRun or TaskRun is."""
    status = _condition(run).get("status")
    if status in {"True", "False"}:
        return RunState.SUCCEEDED if status == "True" else RunState.FAILED
    return RunState.RUNNING if (run.get("status") or {}).get("startTime") else RunState.PENDING


def why_of(run: KubeObject) -> str:
    """Return reason and message of how a run stands."""
    condition = _condition(run)
    return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))


def task_states(task_runs: Iterable[KubeObject]) -> list[TaskState]:
    """Return the tasks in the order in which they were made."""
    made = sorted(task_runs, key=lambda t: str(t["metadata"].get("creationTimestamp")))
    return [
        TaskState(
            name=_task_name(task),
            state=state_of(task),
            begun=_moment((task.get("status") or {}).get("startTime")),
            ended=_moment((task.get("status") or {}).get("completionTime")),
            pod=str((task.get("status") or {}).get("podName") or ""),
            why=why_of(task),
        )
        for task in made
    ]


def failed_step(task_runs: Iterable[KubeObject]) -> FailedStep | None:
    """Return the step by which a run failed; None where no task did."""
    for task in task_runs:
        if state_of(task) is not RunState.FAILED:
            continue
        status = task.get("status") or {}
        for step in status.get("steps") or []:
            ended = step.get("terminated") or {}
            if ended.get("exitCode"):
                # a step that Tekton ended (TaskRunTimeout, TaskRunCancelled) was not ended by the tool in it
                by_tekton = str(_condition(task).get("reason")).startswith("TaskRun")
                own = ended.get("reason") == "Error" and not by_tekton
                return FailedStep(
                    task=_task_name(task),
                    pod=str(status.get("podName") or ""),
                    container=str(step.get("container") or f"step-{step.get('name')}"),
                    exit_code=ended["exitCode"] if own else None,
                )
        return FailedStep(task=_task_name(task), pod=str(status.get("podName") or ""), container="", exit_code=None)
    return None


def exit_code_of(step: FailedStep | None) -> int:
    """Return the exit code that a failed run gives: the tool's own where a tool failed, else a service's failure."""
    if step is None or step.exit_code is None:
        return _SERVICE_FAILED
    return _OWN.get(step.exit_code, _SERVICE_FAILED)


def said_error(log: str) -> str:
    """Return the last error message that a tool of this project wrote to a log, or the log's last line."""
    found = _ERROR_LINE.findall(log)
    if found:
        return str(found[-1]).strip()
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def results_of(run: KubeObject) -> dict[str, str]:
    """Return a PipelineRun's results."""
    found = (run.get("status") or {}).get("results") or []
    return {str(item.get("name")): str(item.get("value")).strip() for item in found if isinstance(item, dict)}


def next_attempt(base: str, names: Iterable[str]) -> int:
    """Return the number of a commit's next run; ``base`` is its first run's name, ``names`` are those that exist."""
    pattern = re.compile(rf"{re.escape(base)}(?:-([1-9][0-9]*))?")
    taken = [int(found[1] or 1) for name in names if (found := pattern.fullmatch(name))]
    return max(taken, default=0) + 1


def _condition(run: KubeObject) -> Mapping[str, Any]:
    conditions = (run.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == "Succeeded"), {})


def _task_name(task: KubeObject) -> str:
    metadata = task["metadata"]
    return str((metadata.get("labels") or {}).get("tekton.dev/pipelineTask") or metadata["name"])


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None

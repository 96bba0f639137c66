"""Commands of a release in its cluster: ``trigger-current`` and ``verify``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.lane import cluster_setup
from envid.commands.wiring import find_workspace, open_gitops, open_mirror, open_objects
from envid.text import Painted, fit, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envid.core.pipelinerun import TaskState
    from envid.core.verify import Report
    from envid.usecases.trigger import Followed, Triggered

    Section = Mapping[str, Any] | None

__all__ = ["trigger_current", "verify"]

_WIDTH = 100
_COLOURS = {"pass": "added", "fail": "removed", "unknown": "warn"}


def trigger_current(*, commit: str = "", watch: bool = False, section: Section = None) -> Output:
    """Create the PipelineRun of the newest source commit, or of ``commit``, and follow it to its end."""
    from envid.adapters.kubernetes import open_cluster
    from envid.core.cluster import pipeline_run
    from envid.core.values import CommitId
    from envid.usecases.trigger import TriggerTools, Watcher, follow, summary_of
    from envid.usecases.trigger import trigger_current as run_trigger

    chosen = CommitId(commit) if commit else None
    workspace = find_workspace(section)
    setup, lane = cluster_setup(workspace), workspace.lane
    begun = time.monotonic()
    with open_cluster() as cluster:
        done = run_trigger(
            TriggerTools(
                lane=lane,
                mirror=open_mirror(workspace),
                gitops=open_gitops(workspace),
                cluster=cluster,
                make_run=lambda of, attempt: pipeline_run(setup, of, attempt=attempt),
                progress=progress,
            ),
            chosen,
        )
        data: dict[str, Any] = {
            "schemaVersion": "agentrun.trigger/1",
            "commit": done.commit,
            "pipelineRun": done.run,
            "namespace": lane.ci_namespace,
            "created": done.created,
            "synced": done.synced,
        }
        if not watch:
            return Output(
                data=data, lines=[_said(done, lane.ci_namespace), "follow it: invoke trigger-current --watch"]
            )
        progress(_said(done, lane.ci_namespace))
        ended = follow(cluster, lane.ci_namespace, done.run, Watcher(progress=_line, tick=_tick, sleep=time.sleep))
    data |= summary_of(ended) | {"seconds": int(time.monotonic() - begun)}
    return Output(data=data, lines=_followed_lines(done, ended, data), exit_code=ended.exit_code)


def verify(*, section: Section = None) -> Output:
    """Judge the lane in the spec's order of truths; exit 0 when everything holds, 1 when something does not, else 4."""
    from datetime import UTC, datetime

    from envid.adapters.kubernetes import open_cluster
    from envid.core.verify import Unasked
    from envid.errors import InputError
    from envid.usecases.verify import VerifyTools, verify_lane

    workspace = find_workspace(section)
    with ExitStack() as stack:
        _, reader = stack.enter_context(open_objects(str(workspace.root)))
        cluster: Any
        try:
            cluster = stack.enter_context(open_cluster())
        except InputError as error:
            cluster = Unasked(f"{error.what} ({error.cause})" if error.cause else error.what)
        report = verify_lane(
            VerifyTools(
                lane=workspace.lane,
                setup=cluster_setup(workspace),
                registry_host=workspace.settings.registry,
                source_repo=workspace.settings.source_repo,
                root=workspace.root,
                reader=reader,
                gitops=open_gitops(workspace),
                mirror_status=open_mirror(workspace).status,
                cluster=cluster,
                now=partial(datetime.now, UTC),
            )
        )
    data = report.as_json() | {"lane": workspace.lane.version, "project": workspace.lane.project}
    return Output(data=data, lines=_report_lines(report), exit_code=report.exit_code)


def _report_lines(report: Report) -> Iterator[str | Painted]:
    rows = [(i.layer.value, i.name, i.outcome.value, i.where, fit(i.seen, _WIDTH)) for i in report.items]
    for number, line in enumerate(table(("layer", "item", "", "where", "seen"), rows)):
        # the header and its line stand before the first item
        outcome = report.items[number - 2].outcome.value if number > 1 else ""
        yield Painted(((_COLOURS[outcome], line),)) if outcome not in {"", "pass"} else line
    yield ""
    for layer, outcome in report.layers():
        yield Painted((("", f"{layer.value:8}  "), (_COLOURS[outcome.value], outcome.value)))
    cut = [i for i in report.items if i.outcome.value != "pass" and fit(i.seen, _WIDTH) != i.seen]
    for item in cut:
        yield f"{item.layer.value} {item.name}: {item.seen}"


def _said(done: Triggered, namespace: str) -> str:
    if done.created:
        return f"created PipelineRun {namespace}/{done.run} of {done.commit}"
    return f"PipelineRun {namespace}/{done.run} of {done.commit} is under way already"


def _followed_lines(done: Triggered, ended: Followed, data: Mapping[str, Any]) -> list[str]:
    rows = [(t["task"], t["outcome"], "-" if t["seconds"] is None else f"{t['seconds']} s") for t in data["tasks"]]
    lines = table(("task", "outcome", "took"), rows)
    lines += ["", *(f"{name}={value}" for name, value in sorted(ended.results.items()))]
    if ended.error:
        lines += ["", *ended.error.splitlines()]
    return [*lines, f"{done.run} {ended.state.value} after {data['seconds']} s"]


def _line(line: str) -> None:
    _clear()
    progress(line)


def _tick(tasks: Sequence[TaskState]) -> None:
    """Say on a terminal what is under way, in one line that the next news replaces."""
    running = [task for task in tasks if task.begun is not None and not task.state.is_end]
    if not running or not sys.stderr.isatty():
        return
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    told = ", ".join(f"{t.name} {max(0, int((now - t.begun).total_seconds()))} s" for t in running if t.begun)
    _clear()
    sys.stderr.write(fit(f"· {told}", _WIDTH))
    sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")

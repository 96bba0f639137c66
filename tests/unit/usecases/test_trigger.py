"""``trigger-current``: real remotes, a simulated cluster; the mirror comes first, and a run is followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.gitops import GitOpsBranch
from envid.adapters.kubernetes import ClusterError
from envid.core.cluster import ClusterSetup, pipeline_run
from envid.core.objects import KubeObject
from envid.core.pipelinerun import RunState
from envid.core.values import CommitId
from envid.errors import Blocked, GitError
from envid.usecases.mirror import Mirror
from envid.usecases.trigger import Followed, Triggered, TriggerTools, Watcher, follow, summary_of, trigger_current
from tests.support.builders import LANE, commit_id, git
from tests.support.cluster import MemoryCluster, task_run
from tests.support.remotes import Remotes, serve_remotes
from tests.support.simulators import Clock

SOURCE, CI = LANE.source_branch, LANE.ci_namespace
SETUP = ClusterSetup(
    lane=LANE,
    registry="127.0.0.1:5000",
    mirror_read_url=LANE.mirror_read_url,
    mirror_write_url=LANE.mirror_write_url,
    toolbox="",
    git_mirror="",
    buildkit="",
)


@dataclass
class World:
    remotes: Remotes
    folder: Path
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    told: list[str] = field(default_factory=list)

    def trigger(self, commit: CommitId | None = None) -> Triggered:
        url, github = self.remotes.url("mirror"), self.remotes.url("github")
        mirror = Mirror(self.folder, LANE, read_url=url, write_url=url, origin_url=github, clock=Clock())
        tools = TriggerTools(
            lane=LANE,
            mirror=mirror,
            gitops=GitOpsBranch(self.folder / "git", branch=LANE.gitops_branch, read_url=url, write_url=url),
            cluster=self.cluster,
            make_run=lambda of, attempt: pipeline_run(SETUP, of, attempt=attempt),
            progress=self.told.append,
        )
        return trigger_current(tools, commit)

    def run(self, name: str) -> KubeObject:
        return self.cluster.objects["PipelineRun", CI, name]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve_remotes(tmp_path / "served") as remotes:
        yield World(remotes, tmp_path / "state")


def end(run: KubeObject, status: str = "True", reason: str = "Succeeded", message: str = "", **more: Any) -> None:
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
    run.setdefault("status", {}).update(conditions=[condition], startTime="2026-01-02T03:00:00Z", **more)


def test_a_mirror_that_is_behind_is_synced_first(world: World) -> None:
    world.remotes.commit("github", SOURCE)
    newest = world.remotes.commit("github", SOURCE)
    done = world.trigger()
    assert (done.commit, done.run, done.created, done.synced) == (newest, LANE.pipeline_run(newest), True, True)
    assert world.remotes.tip("mirror", SOURCE) == newest
    assert world.run(done.run)["spec"]["params"] == [{"name": "commit", "value": newest}]
    assert any("syncing the mirror" in line for line in world.told)


def test_a_mirror_in_sync_is_left_alone(world: World) -> None:
    newest = world.remotes.commit("github", SOURCE)
    world.remotes.copy(SOURCE, "github", "mirror")
    done = world.trigger()
    assert (done.commit, done.synced) == (newest, False)


def test_an_older_commit_of_the_branch_may_be_chosen(world: World) -> None:
    older = world.remotes.commit("github", SOURCE)
    world.remotes.commit("github", SOURCE)
    assert world.trigger(older).run == LANE.pipeline_run(older)


def test_a_commit_of_elsewhere_is_refused(world: World) -> None:
    world.remotes.commit("github", SOURCE)
    stray = world.remotes.commit("github", "feature", "Elsewhere")
    world.remotes.copy("feature", "github", "mirror")
    with pytest.raises(Blocked) as caught:
        world.trigger(stray)
    assert caught.value.code == "not-on-source-branch"
    assert not world.cluster.wrote


def test_a_rewritten_source_branch_is_refused_before_anything_runs(world: World) -> None:
    world.remotes.commit("github", SOURCE)
    world.remotes.copy(SOURCE, "github", "mirror")
    world.remotes.commit("github", SOURCE, "Rewritten", parent="")
    with pytest.raises(Blocked) as caught:
        world.trigger()
    assert caught.value.code == "diverged"
    assert "git merge" in caught.value.remedy
    assert not world.cluster.wrote


def test_a_lane_without_a_source_branch_is_refused(world: World) -> None:
    with pytest.raises(Blocked) as caught:
        world.trigger()
    assert caught.value.code == "source-missing"


def test_a_mirror_that_lost_the_commits_objects_is_refused(world: World) -> None:
    github, mirror = world.remotes.bare("github"), world.remotes.bare("mirror")
    blob = git(github, "hash-object", "-w", "--stdin", stdin=b"content")
    tree = git(github, "mktree", stdin=f"100644 blob {blob}\tfile\n".encode())
    git(github, "update-ref", f"refs/heads/{SOURCE}", git(github, "commit-tree", tree, "-m", "First"))
    world.remotes.copy(SOURCE, "github", "mirror")
    (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises((Blocked, GitError)):
        world.trigger()
    assert not world.cluster.wrote


def test_a_run_under_way_is_followed_and_not_doubled(world: World) -> None:
    newest = world.remotes.commit("github", SOURCE)
    first = world.trigger()
    again = world.trigger()
    assert (again.run, again.created) == (first.run, False)
    assert world.cluster.wrote == ["create PipelineRun"]
    assert again.commit == newest


def test_each_further_run_of_a_commit_has_its_own_name(world: World) -> None:
    newest = world.remotes.commit("github", SOURCE)
    base = LANE.pipeline_run(newest)
    names = []
    for _ in range(3):
        done = world.trigger()
        names.append(done.run)
        end(world.run(done.run), "False", "Failed")
    assert names == [base, f"{base}-2", f"{base}-3"]
    # pruned runs give no name back that a later one still has
    del world.cluster.objects["PipelineRun", CI, base]
    assert world.trigger().run == f"{base}-4"


def test_runs_of_other_commits_do_not_count(world: World) -> None:
    world.remotes.commit("github", SOURCE)
    world.trigger()
    newest = world.remotes.commit("github", SOURCE)
    assert world.trigger().run == LANE.pipeline_run(newest)


def test_who_is_slower_follows_the_faster_ones_run(world: World) -> None:
    newest = world.remotes.commit("github", SOURCE)
    world.cluster.before_create.append(lambda: world.cluster.put(pipeline_run(SETUP, newest)))
    done = world.trigger()
    assert (done.run, done.created) == (LANE.pipeline_run(newest), False)
    assert not world.cluster.wrote


def test_a_refused_run_is_an_error(world: World) -> None:
    world.remotes.commit("github", SOURCE)
    world.cluster.refused["create PipelineRun"] = ClusterError("refused", code="cluster-refused")
    with pytest.raises(ClusterError):
        world.trigger()


RUN = LANE.pipeline_run(commit_id(0xB0))
BEGUN = {"startTime": "2026-01-02T03:00:00Z", "podName": "the-pod"}
DONE = {"completionTime": "2026-01-02T03:00:42Z"}


def condition(status: str, reason: str, message: str = "") -> list[dict[str, str]]:
    return [{"type": "Succeeded", "status": status, "reason": reason, "message": message}]


@dataclass
class Following:
    """A run that is followed; each deed of the script is one of Tekton's."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    told: list[str] = field(default_factory=list)
    ticks: list[list[str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = self.cluster.put(pipeline_run(SETUP, commit_id(0xB0)))

    def task(self, name: str, **status: Any) -> Callable[[], object]:
        return lambda: self.cluster.put(task_run(RUN, name, **status))

    def follow(self, *script: Callable[[], object]) -> Followed:
        self.cluster.script.extend(script)
        watcher = Watcher(
            progress=self.told.append,
            tick=lambda tasks: self.ticks.append([t.name for t in tasks]),
            sleep=self.slept.append,
        )
        return follow(self.cluster, CI, RUN, watcher)

    def fail(self, code: int | None, log: str = "", **status: Any) -> Followed:
        """Let plan-artifacts end with an exit code."""
        steps = [] if code is None else [
            {"name": "x", "container": "step-x", "terminated": {"exitCode": code, "reason": "Error"}}
        ]  # fmt: skip
        self.cluster.logs["the-pod", "step-x"] = log
        told = {"conditions": condition("False", "StepFailed"), "steps": steps} | status
        return self.follow(
            self.task("prepare-source", **BEGUN, **DONE, conditions=condition("True", "Succeeded")),
            self.task("plan-artifacts", **BEGUN, **DONE, **told),
            lambda: end(self.run, "False", "Failed", "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 3"),
        )


def test_a_run_is_told_task_by_task_and_ends_with_its_results() -> None:
    following = Following()
    results = [{"name": "summary", "value": "build=1 reuse=0 unsafeReuse=0\n"}, {"name": "status", "value": "built"}]
    done = following.follow(
        following.task("prepare-source", **BEGUN),
        following.task("prepare-source", **BEGUN, **DONE, conditions=condition("True", "Succeeded")),
        following.task("plan-artifacts", **BEGUN),
        following.task("plan-artifacts", **BEGUN, **DONE, conditions=condition("True", "Succeeded")),
        lambda: end(following.run, results=results),
    )
    assert (done.state, done.exit_code, done.error) == (RunState.SUCCEEDED, 0, "")
    assert following.told == [
        "prepare-source running",
        "prepare-source succeeded after 42 s",
        "plan-artifacts running",
        "plan-artifacts succeeded after 42 s",
    ]
    assert done.results == {"summary": "build=1 reuse=0 unsafeReuse=0", "status": "built"}
    data = summary_of(done)
    assert data["outcome"] == "succeeded"
    assert data["tasks"][0] == {"task": "prepare-source", "outcome": "succeeded", "seconds": 42}
    assert ["prepare-source", "plan-artifacts"] in following.ticks


ERROR = """\
· fetching
error: there is no catalog at v0.1-gitops:deploy/artifact-catalog.v01.json
  cause: nobody made it
  next:  invoke catalog.init
"""


@pytest.mark.parametrize(("code", "exit_code"), [(1, 1), (2, 1), (3, 3), (4, 4), (137, 4), (127, 4)])
def test_a_failed_run_ends_with_the_tools_own_words_and_code(code: int, exit_code: int) -> None:
    following = Following()
    done = following.fail(code, ERROR)
    assert done.state is RunState.FAILED
    assert done.exit_code == exit_code
    assert done.error == ERROR.partition("\n")[2].strip()
    assert "plan-artifacts |   next:  invoke catalog.init" in following.told
    assert summary_of(done)["failedStep"] == {"task": "plan-artifacts", "exitCode": code}


def test_a_check_of_other_tools_gives_its_last_line() -> None:
    done = Following().fail(1, "bun test\n 3 pass\n 1 fail\n\n")
    assert done.error == "1 fail"


def test_a_step_that_was_ended_by_a_timeout_is_a_services_failure() -> None:
    done = Following().fail(1, ERROR, conditions=condition("False", "TaskRunTimeout", "failed to finish within 10m"))
    assert done.exit_code == 4
    assert "Tasks Completed" in done.error


def test_a_pod_that_never_began_is_a_services_failure() -> None:
    done = Following().fail(None, conditions=condition("False", "TaskRunImagePullFailed", "no such image"))
    assert done.exit_code == 4
    assert summary_of(done)["failedStep"] == {"task": "plan-artifacts", "exitCode": None}


def test_a_run_that_was_refused_as_a_whole_says_why() -> None:
    following = Following()
    done = following.follow(lambda: end(following.run, "False", "CouldntGetPipeline", "no such Pipeline"))
    assert (done.exit_code, done.error) == (4, "CouldntGetPipeline: no such Pipeline")


def test_a_log_that_is_gone_does_not_hide_the_end() -> None:
    following = Following()
    following.cluster.refused["log the-pod"] = ClusterError("gone")
    done = following.fail(3)
    assert done.exit_code == 3
    assert "Tasks Completed" in done.error


def test_an_api_server_that_is_away_for_a_while_is_waited_for() -> None:
    following = Following()

    def away() -> None:
        following.cluster.refused["list TaskRun"] = ClusterError("away", code="cluster-unreachable")

    class Waits(list[float]):
        def append(self, seconds: float) -> None:
            super().append(seconds)
            following.cluster.refused.clear()

    following.slept = Waits()
    done = following.follow(away, lambda: end(following.run))
    assert done.state is RunState.SUCCEEDED
    assert len(following.slept) == 1


def test_an_api_server_that_stays_away_ends_the_watch_and_not_the_run() -> None:
    following = Following()
    following.cluster.refused["list TaskRun"] = ClusterError("away", code="cluster-unreachable")
    with pytest.raises(ClusterError):
        following.follow()
    assert len(following.slept) == 10
    assert following.cluster.wrote == []


def test_a_run_that_is_deleted_ends_the_watch() -> None:
    following = Following()
    with pytest.raises(Blocked) as caught:
        following.follow(following.cluster.objects.clear)
    assert caught.value.code == "run-deleted"

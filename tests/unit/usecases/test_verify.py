"""``verify`` with all but the cluster real: remotes, a promotion, a worktree; the cluster is simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.adapters.gitops import GitOpsBranch
from envid.adapters.kubernetes import ClusterError, ServiceReply
from envid.core.audit import Outcome
from envid.core.cluster import ClusterSetup, pipeline_run
from envid.core.cluster.argocd import argocd_objects
from envid.core.deploy import parse_deploy
from envid.core.publication import Publication
from envid.core.values import CommitId
from envid.core.verify import Layer, Report, Unasked, manifests_of
from envid.errors import Blocked
from envid.usecases.environment import InputReader
from envid.usecases.mirror import Mirror
from envid.usecases.promote import PromotionTools, init_catalog, promote
from envid.usecases.verify import VerifyTools, verify_lane
from tests.support.builders import (
    LANE,
    REGISTRY,
    SOURCE_REPO,
    SourceRepo,
    attestations_of,
    digest,
    entry_of,
    git,
    wanted_of,
)
from tests.support.cluster import MemoryCluster, task_run
from tests.support.observed import live_of, pod_of
from tests.support.remotes import Remotes, serve_remotes
from tests.support.simulators import Clock, MemoryRegistry

SOURCE, GITOPS, CI = LANE.source_branch, LANE.gitops_branch, LANE.ci_namespace
SETUP = ClusterSetup(
    lane=LANE,
    registry=REGISTRY,
    mirror_read_url=LANE.mirror_read_url,
    mirror_write_url=LANE.mirror_write_url,
    toolbox="",
    git_mirror="",
    buildkit="",
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class World:
    """A lane with one honest promotion, delivered."""

    remotes: Remotes
    source: SourceRepo
    state: Path
    stack: ExitStack
    cluster: MemoryCluster = field(default_factory=MemoryCluster)

    def __post_init__(self) -> None:
        git(self.source.root, "push", "--quiet", self.remotes.url("github"), f"HEAD:refs/heads/{SOURCE}")
        self.mirror.sync()
        self.promotion = self.promote()
        self.mirror.flush()
        self.deliver()

    @property
    def gitops(self) -> GitOpsBranch:
        url = self.remotes.url("mirror")
        return GitOpsBranch(self.state / "git", branch=GITOPS, read_url=url, write_url=url)

    @property
    def mirror(self) -> Mirror:
        url, github = self.remotes.url("mirror"), self.remotes.url("github")
        return Mirror(self.state, LANE, read_url=url, write_url=url, origin_url=github, clock=Clock())

    def promote(self) -> CommitId:
        clock, registry, wanted = Clock(), MemoryRegistry(), wanted_of()
        tools = PromotionTools(lane=LANE, gitops=self.gitops, clock=clock, sleep=clock.sleep)
        init_catalog(tools)
        made = entry_of(wanted, image=digest(0xD1), commit=self.source.head)
        first = made.provenance.resolved_dependencies[0]
        first = first.model_copy(update={"digest": {"gitCommit": self.source.head}})
        provenance = made.provenance.model_copy(update={"resolved_dependencies": (first,)})
        self.entry = entry_of(wanted, image=digest(0xD1), commit=self.source.head, provenance=provenance)
        registry.push(wanted.image, digest(0xD1))
        tip = self.gitops.tip()
        assert tip is not None
        publication = Publication(
            schema_version="agentrun.publication/1",
            commit=self.source.head,
            mirror_revision=tip,
            entries=(self.entry,),
            attestations=attestations_of(self.entry),
        )
        deploy = parse_deploy((self.source.root / "deploy/deploy.json").read_bytes())
        return promote(tools, publication, deploy, registry=registry, runtime_mirror_url=LANE.mirror_read_url).commit

    def deliver(self) -> None:
        """Let Tekton and Argo CD have done their part."""
        files = self.gitops.files(self.promotion, [LANE.runtime_path])
        for manifest in manifests_of(LANE, files).values():
            self.cluster.put(live_of(manifest))
        deployment = self.cluster.objects["Deployment", LANE.name, "agentrun-mgr"]
        pod = pod_of(deployment)
        pod["metadata"]["namespace"] = LANE.name
        self.cluster.put(pod)
        health = {
            "status": "ok",
            "commit": self.source.head,
            "envIdentity": self.entry.env_identity,
            "lane": "v0.1",
            "service": "agentrun-mgr",
        }
        self.cluster.replies["agentrun-mgr", "/health"] = ServiceReply(200, json.dumps(health).encode())
        state = {
            "sync": {"status": "Synced", "revision": self.promotion},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-01-02T03:03:00Z",
        }
        for made in argocd_objects(SETUP):
            self.cluster.put(made | ({"status": state} if made["kind"] == "Application" else {}))
        run = pipeline_run(SETUP, self.source.head)
        run["status"] = {"conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}]}
        self.cluster.put(run)
        results: dict[str, dict[str, str]] = {
            "prepare-source": {"commit": self.source.head},
            "plan-artifacts": {"summary": "build=1 reuse=0 unsafeReuse=0"},
            "image-publish": {
                "status": "built",
                "digest": self.entry.digest,
                "envIdentity": self.entry.env_identity,
            },
            "gitops-promote": {"gitopsCommit": self.promotion},
        }
        for task, told in results.items():
            listed = [{"name": name, "type": "string", "value": f"{value}\n"} for name, value in told.items()]
            self.cluster.put(task_run(run["metadata"]["name"], task, results=listed))

    @property
    def tools(self) -> VerifyTools:
        objects = self.stack.enter_context(GitObjects(self.source.root))
        return VerifyTools(
            lane=LANE,
            setup=SETUP,
            registry_host=REGISTRY,
            source_repo=SOURCE_REPO,
            root=self.source.root,
            reader=InputReader(objects),
            gitops=self.gitops,
            mirror_status=self.mirror.status,
            cluster=self.cluster,
            now=lambda: NOW,
        )

    def verify(self, **other: Any) -> Report:
        return verify_lane(replace(self.tools, **other))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    source = SourceRepo.create(tmp_path / "source")
    source.write(".gitignore", "/.envid/\n/.worktree/\n")
    source.commit()
    with serve_remotes(tmp_path / "served") as remotes, ExitStack() as stack:
        yield World(remotes, source, tmp_path / "state", stack)


def not_passed(report: Report) -> list[tuple[str, str, str, str]]:
    return [(i.layer, i.name, i.outcome, i.seen) for i in report.items if i.outcome is not Outcome.PASS]


def failed(report: Report) -> set[tuple[str, str]]:
    return {(i.layer.value, i.name) for i in report.items if i.outcome is Outcome.FAIL}


def test_a_delivered_lane_holds_and_nothing_was_touched(world: World) -> None:
    before = {side: git(world.remotes.bare(side), "for-each-ref") for side in ("mirror", "github")}
    tree = world.source.snapshot()
    report = world.verify()
    assert not_passed(report) == []
    assert report.exit_code == 0
    assert world.cluster.wrote == []
    assert before == {side: git(world.remotes.bare(side), "for-each-ref") for side in ("mirror", "github")}
    assert world.source.snapshot() == tree


def test_a_deployment_patched_by_hand_is_the_runtimes_fault_alone(world: World) -> None:
    deployment = world.cluster.objects["Deployment", LANE.name, "agentrun-mgr"]
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "busybox:1"
    report = world.verify()
    assert {layer for layer, _ in failed(report)} == {"runtime"}
    assert any("busybox:1" in i.seen and "Deployment/agentrun-mgr" in i.where for i in report.items)


def test_a_branch_changed_by_hand_is_named_with_who_did_it(world: World) -> None:
    world.remotes.commit("mirror", GITOPS, "Hotfix")
    report = world.verify()
    assert ("gitops", "promotion") in failed(report)
    assert any("A Tester" in i.seen and "Hotfix" in i.seen for i in report.items)
    # and Argo CD has not brought it
    assert ("argocd", "revision") in failed(report)


def test_a_promotion_that_github_lacks_is_pending_and_no_fault(world: World) -> None:
    git(world.remotes.bare("github"), "update-ref", f"refs/heads/{GITOPS}", f"{world.promotion}~1")
    report = world.verify()
    assert report.exit_code == 0
    assert any("pendingFlush" in i.seen for i in report.items)


def test_a_github_that_went_another_way_is(world: World) -> None:
    world.remotes.commit("github", GITOPS, "By hand")
    assert failed(world.verify()) == {("gitops", "github")}


def test_without_a_cluster_its_three_layers_are_unknown_and_the_others_judged(world: World) -> None:
    layers = dict(world.verify(cluster=Unasked("KUBECONFIG is not set")).layers())
    assert [layers[layer] for layer in Layer] == [Outcome.UNKNOWN] * 2 + [Outcome.PASS] + [
        Outcome.UNKNOWN,
        Outcome.PASS,
    ]


def test_a_cluster_that_does_not_answer_is_asked_once(world: World) -> None:
    world.cluster.refused["list Pod"] = ClusterError("it does not answer", code="cluster-unreachable")
    world.cluster.refused["get Application"] = AssertionError("it was asked again")
    report = world.verify()
    assert report.exit_code == 4
    assert failed(report) == set()


def test_a_right_that_is_missing_makes_its_items_unknown(world: World) -> None:
    world.cluster.refused["list TaskRun"] = Blocked("no right", remedy="x", code="cluster-forbidden")
    world.cluster.refused["get AppProject"] = Blocked("no right", remedy="x", code="cluster-forbidden")
    unknown = {(layer, name) for layer, name, _, _ in not_passed(world.verify())}
    assert unknown == {("tekton", "results"), ("argocd", "project")}


def test_a_service_without_endpoints_is_unknown_and_not_trusted(world: World) -> None:
    status = {"kind": "Status", "message": 'no endpoints available for service "agentrun-mgr"'}
    world.cluster.replies["agentrun-mgr", "/health"] = ServiceReply(503, json.dumps(status).encode())
    ((layer, name, outcome, seen),) = not_passed(world.verify())
    assert (layer, name, outcome) == ("runtime", "health", "unknown")
    assert "no endpoints" in seen


def test_a_service_that_answers_no_json_fails(world: World) -> None:
    world.cluster.replies["agentrun-mgr", "/health"] = ServiceReply(200, b"<html>")
    assert failed(world.verify()) == {("runtime", "health")}


def test_an_unreachable_github_is_unknown(world: World) -> None:
    def away() -> Any:
        raise ClusterError("no route to GitHub")

    unknown = {(layer, name) for layer, name, _, _ in not_passed(world.verify(mirror_status=away))}
    assert unknown == {("gitops", "github"), ("source", "head")}


def test_a_worktree_that_is_behind_and_dirty_says_both(world: World) -> None:
    world.remotes.commit("github", SOURCE, "Newer")
    world.source.write("src/main.ts", "changed\n")
    world.source.write("untracked.txt", "new\n")
    report = world.verify()
    assert failed(report) == {("source", "head"), ("source", "clean")}
    assert any("src/main.ts is changed; untracked.txt is changed" in i.seen for i in report.items)


def test_intent_that_is_committed_and_not_promoted_shows(world: World) -> None:
    world.source.pin(replicas=2)
    git(world.source.root, "push", "--quiet", world.remotes.url("github"), f"HEAD:refs/heads/{SOURCE}")
    report = world.verify()
    assert failed(report) == {("source", "render")}
    assert any("ahead of the promoted commit by 1" in i.seen for i in report.items)


def test_parallel_worktrees_are_no_dirt_and_must_be_ignored(world: World) -> None:
    world.source.write(".worktree/task/file", "x")
    assert world.verify().exit_code == 0
    world.source.write(".gitignore", "/.envid/\n")
    world.source.commit()
    git(world.source.root, "push", "--quiet", world.remotes.url("github"), f"HEAD:refs/heads/{SOURCE}")
    # committed with the rest, since nothing ignored it
    assert ("source", "worktrees-ignored") in failed(world.verify())


def test_a_clone_that_lacks_the_promoted_commit_says_what_to_do(world: World, tmp_path: Path) -> None:
    other = SourceRepo.create(tmp_path / "other")
    objects = world.stack.enter_context(GitObjects(other.root))
    report = world.verify(root=other.root, reader=InputReader(objects))
    seen = {i.name: i for i in report.items if i.outcome is Outcome.UNKNOWN}
    assert "git fetch" in seen["manifests"].seen
    assert "git fetch" in seen["delivered"].seen

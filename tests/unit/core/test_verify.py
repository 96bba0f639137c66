"""``verify``: a lane that holds passes in every layer, and each planted disagreement is named where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from envid.core.audit import Outcome
from envid.core.verify import Layer, Unasked, judge_lane
from tests.support.builders import LANE, commit_id, digest
from tests.support.observed import BOOT, TIP, Observed

Plant = Callable[[Observed], Any]
OTHER = commit_id(0xEE)


def put(target: str, /, value: Any) -> Plant:
    """Return what sets ``a.b.0.c`` of an Observed to ``value``."""

    def plant(seen: Observed) -> None:
        *steps, last = target.split(".")
        place: Any = seen
        for step in steps:
            place = (
                getattr(place, step) if isinstance(place, Observed) else place[int(step) if step.isdigit() else step]
            )
        if isinstance(place, Observed):
            setattr(place, last, value)
        else:
            place[int(last) if last.isdigit() else last] = value

    return plant


def environment(name: str, value: str) -> Plant:
    def plant(seen: Observed) -> None:
        rest = [v for v in seen.container["env"] if v["name"] != name]
        seen.container["env"] = [*rest, {"name": name, "value": value}]

    return plant


def edit(kind: str, old: str, new: str) -> Plant:
    """Return what edits a manifest on the GitOps branch by hand."""

    def plant(seen: Observed) -> None:
        path = seen.file(kind)
        assert old.encode() in seen.files[path]
        seen.files[path] = seen.files[path].replace(old.encode(), new.encode())

    return plant


def edit_catalog(old: str, new: str) -> Plant:
    def plant(seen: Observed) -> None:
        content = seen.files[LANE.catalog_path]
        assert old.encode() in content
        seen.files[LANE.catalog_path] = content.replace(old.encode(), new.encode())

    return plant


def warning(kind: str, name: str, at: str) -> Plant:
    event = {
        "type": "Warning",
        "reason": "BackOff",
        "message": "it went wrong",
        "lastTimestamp": at,
        "involvedObject": {"kind": kind, "name": name},
    }
    return lambda seen: seen.events.append(event)


def written_by(manager: str, container: dict[str, Any] | None = None, **spec: Any) -> Plant:
    """Return what lets ``manager`` have written fields of the container, by default its command, and of the spec."""
    fields = {"f:command": {}} if container is None else container
    pod = {"f:template": {"f:spec": {"f:containers": {'k:{"name":"agentrun-mgr"}': fields}}}}
    written = {"f:spec": spec or pod}
    entry = {"manager": manager, "operation": "Update", "time": "2026-01-02T03:01:00Z", "fieldsV1": written}
    return lambda seen: seen.deployment["metadata"]["managedFields"].append(entry)


def restarted(seen: Observed) -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-02T03:01:00Z"}
    seen.status.update(restartCount=3, lastState={"terminated": ended})


def crashing(seen: Observed) -> None:
    seen.pods[0]["status"]["conditions"][0]["status"] = "False"
    seen.status["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    seen.status["lastState"] = {"terminated": {"exitCode": 18, "reason": "Error"}}


def note(**fields: Any) -> Plant:
    def plant(seen: Observed) -> None:
        seen.note = replace(seen.note, **fields)

    return plant


def failed_run(seen: Observed) -> None:
    seen.runs[0]["status"]["conditions"][0].update(status="False", reason="Failed", message="plan: catalog missing")


PLANTED: dict[str, tuple[Plant, Layer, str, str]] = {
    # what is planted: the deed, the layer and item that must name it, and a word that must be in what was seen
    "image patched": (put("container.image", "busybox:1"), Layer.RUNTIME, "image", "busybox:1"),
    "image patched, by field": (put("container.image", "x@y"), Layer.RUNTIME, "object", "[agentrun-mgr].image"),
    "boot commit patched": (environment("AGENTRUN_BOOT_COMMIT", OTHER), Layer.RUNTIME, "boot-commit", OTHER),
    "identity patched": (environment("AGENTRUN_ENV_IDENTITY", "f" * 64), Layer.RUNTIME, "boot-commit", "IDENTITY"),
    "variable added": (environment("DEBUG", "1"), Layer.RUNTIME, "object", "env[DEBUG] should not be there"),
    "replicas scaled": (put("deployment.spec.replicas", 3), Layer.RUNTIME, "object", "spec.replicas is 3, rendered 1"),
    "limits raised": (
        put("container.resources.limits.memory", "2Gi"), Layer.RUNTIME, "object", "resources.limits.memory is 2Gi"
    ),
    "root allowed": (
        put("container.securityContext.runAsNonRoot", value=False), Layer.RUNTIME, "object", "runAsNonRoot is false"
    ),
    "command added": (written_by("kubectl-patch"), Layer.RUNTIME, "object", "kubectl-patch wrote spec.template"),
    "variable added by a hand": (
        written_by("kubectl-set", {"f:env": {'k:{"name":"DEBUG"}': {".": {}, "f:name": {}, "f:value": {}}}}),
        Layer.RUNTIME, "object", "kubectl-set wrote spec.template.spec.containers[agentrun-mgr].env[DEBUG]",
    ),
    "sidecar added": (
        lambda seen: seen.deployment["spec"]["template"]["spec"]["containers"].append({"name": "shell"}),
        Layer.RUNTIME, "object", "containers[shell] should not be there",
    ),
    "deployment gone": (put("objects", {}), Layer.RUNTIME, "ready", "there is no Deployment"),
    "service gone": (
        lambda seen: seen.objects.update({("Service", "agentrun-mgr"): None}),
        Layer.RUNTIME, "object", "there is no Service agentrun-mgr",
    ),
    "roll-out under way": (put("deployment.status.updatedReplicas", 0), Layer.RUNTIME, "ready", "0 of 1 replicas"),
    "change not taken up": (put("deployment.metadata.generation", 2), Layer.RUNTIME, "ready", "not taken up"),
    "pod not ready": (crashing, Layer.RUNTIME, "pods", "CrashLoopBackOff, last exit 18"),
    "no pod": (put("pods", []), Layer.RUNTIME, "pods", "0 pods run, 1 are wanted"),
    "another image runs": (
        put("pods.0.status.containerStatuses.0.imageID", f"x@{digest(7)}"), Layer.RUNTIME, "running", digest(7)
    ),
    "restarted": (restarted, Layer.RUNTIME, "restarts", "OOMKilled"),
    "warned": (warning("Pod", "agentrun-mgr-7c9f-x2x", "2026-01-02T03:03:00Z"), Layer.RUNTIME, "events", "BackOff"),
    "replica refused": (warning("ReplicaSet", "r", "2026-01-02T03:03:00Z"), Layer.RUNTIME, "events", "ReplicaSet/r"),
    "health of another commit": (put("health.agentrun-mgr.commit", OTHER), Layer.RUNTIME, "health", OTHER),
    "health of another identity": (put("health.agentrun-mgr.envIdentity", "x"), Layer.RUNTIME, "health", "envIdentity"),
    "a Deployment nobody promoted": (
        lambda seen: seen.workloads.append({"kind": "Deployment", "metadata": {"name": "hotfix"}}),
        Layer.RUNTIME, "only-ours", "hotfix",
    ),
    "no Application": (put("application", None), Layer.ARGOCD, "application", "lane.apply"),
    "another branch": (
        put("application.spec.source.targetRevision", "main"), Layer.ARGOCD, "source", "targetRevision is main"
    ),
    "another path": (put("application.spec.source.path", "deploy"), Layer.ARGOCD, "source", "path is deploy"),
    "another repository": (put("application.spec.source.repoURL", "x"), Layer.ARGOCD, "source", "repoURL is x"),
    "a second source": (put("application.spec.sources", [{}]), Layer.ARGOCD, "source", "sources besides"),
    "another namespace": (
        put("application.spec.destination.namespace", "default"), Layer.ARGOCD, "destination", "namespace is default"
    ),
    "another project": (put("application.spec.project", "default"), Layer.ARGOCD, "destination", "project is default"),
    "an older revision": (put("application.status.sync.revision", OTHER), Layer.ARGOCD, "revision", OTHER),
    "out of sync": (put("application.status.sync.status", "OutOfSync"), Layer.ARGOCD, "sync", "OutOfSync"),
    "degraded": (put("application.status.health.status", "Degraded"), Layer.ARGOCD, "health", "Degraded"),
    "sync failed": (put("application.status.operationState.phase", "Failed"), Layer.ARGOCD, "last-sync", "Failed"),
    "a wider project": (
        lambda seen: seen.project["spec"]["destinations"].append({"namespace": "*", "server": "*"}),
        Layer.ARGOCD, "project", "destinations",
    ),
    "a project over the cluster": (
        put("project.spec.clusterResourceWhitelist", [{"group": "*", "kind": "*"}]),
        Layer.ARGOCD, "project", "clusterResourceWhitelist",
    ),
    "no GitOps branch": (put("tip", None), Layer.GITOPS, "branch", "catalog.init"),
    "manifest edited": (edit("deployment", "replicas: 1", "replicas: 2"), Layer.GITOPS, "manifests", "deployment.yaml"),
    "manifest unpinned": (edit("deployment", f"@{digest(0xD1)}", ":v1"), Layer.GITOPS, "pins", "not pinned"),
    "manifest added": (
        lambda seen: seen.files.update({f"{LANE.runtime_path}/extra.yaml": b"a: 1\n"}),
        Layer.GITOPS, "manifests", "extra.yaml should not be there",
    ),
    "manifest removed": (
        lambda seen: seen.files.pop(seen.file("service")), Layer.GITOPS, "manifests", "service.yaml is missing"
    ),
    "catalog edited": (edit_catalog(digest(0xD1), digest(0xD2)), Layer.GITOPS, "pins", "is not the catalog's"),
    "catalog of another lane": (edit_catalog('"v0.1-gitops"', '"v0.2-gitops"'), Layer.GITOPS, "catalog", "v0.2-gitops"),
    "catalog broken": (edit_catalog('"lane"', '"line"'), Layer.GITOPS, "catalog", "unknown"),
    "catalog gone": (lambda seen: seen.files.pop(LANE.catalog_path), Layer.GITOPS, "catalog", "catalog.init"),
    "an SBOM gone": (
        lambda seen: seen.files.pop(next(p for p in seen.files if p.endswith("sbom.json"))),
        Layer.GITOPS, "sbom", "is not on the branch",
    ),
    "committed by hand": (note(author="someone"), Layer.GITOPS, "promotion", "someone"),
    "a promotion of another commit": (
        note(message=f"Promote\n\nSource-Commit: {OTHER}\n"), Layer.GITOPS, "promotion", OTHER
    ),
    "a commit that is no promotion": (note(message="Fix it\n"), Layer.GITOPS, "promotion", "Fix it"),
    "a path outside the lane": (note(changed=("README.md",)), Layer.GITOPS, "promotion", "README.md"),
    "GitHub diverged": (
        lambda seen: (put("github", OTHER)(seen), put("flushable", value=False)(seen)),
        Layer.GITOPS, "github", "diverged",
    ),
    "PipelineRun failed": (failed_run, Layer.TEKTON, "pipeline-run", "catalog missing"),
    "another Pipeline": (put("runs.0.spec.pipelineRef.name", "mine"), Layer.TEKTON, "pipeline", "mine"),
    "another account": (
        put("runs.0.spec.taskRunTemplate.serviceAccountName", "default"), Layer.TEKTON, "pipeline", "default"
    ),
    "another identity": (put("results.image-publish.envIdentity", "e"), Layer.TEKTON, "envIdentity", "e, the"),
    "another digest published": (put("results.image-publish.digest", "d"), Layer.TEKTON, "digest", "d, the"),
    "another commit prepared": (put("results.prepare-source.commit", OTHER), Layer.TEKTON, "commit", OTHER),
    "reused, says Tekton": (put("results.image-publish.status", "reused"), Layer.TEKTON, "status", "reused"),
    "unsafe reuse": (
        put("results.plan-artifacts.summary", "build=1 reuse=0 unsafeReuse=1"), Layer.TEKTON, "summary", "unsafeReuse"
    ),
    "another promotion": (put("results.gitops-promote.gitopsCommit", OTHER), Layer.TEKTON, "promotion", OTHER),
    "behind the origin": (put("origin", OTHER), Layer.SOURCE, "head", OTHER.short),
    "no source branch": (put("origin", None), Layer.SOURCE, "head", "no branch v0.1"),
    "on another branch": (put("branch", "master"), Layer.SOURCE, "head", "master"),
    "dirty": (put("dirty", ("src/main.ts",)), Layer.SOURCE, "clean", "src/main.ts"),
    "worktrees not ignored": (put("ignored", value=False), Layer.SOURCE, "worktrees-ignored", ".gitignore"),
    "promoted from elsewhere": (put("ahead", None), Layer.SOURCE, "delivered", "not in HEAD's history"),
    "intent not delivered": (put("rendered_head", {}), Layer.SOURCE, "render", "rendered otherwise"),
}  # fmt: skip


def test_a_lane_that_holds_passes_in_every_layer() -> None:
    report = judge_lane(Observed().facts)
    assert [i for i in report.items if i.outcome is not Outcome.PASS] == []
    assert report.exit_code == 0
    assert dict(report.layers()) == dict.fromkeys(Layer, Outcome.PASS)
    assert all(i.where and i.seen for i in report.items)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_disagreement_fails_in_its_layer(name: str) -> None:
    plant, layer, item, word = PLANTED[name]
    seen = Observed()
    plant(seen)
    report = judge_lane(seen.facts)
    failed = [i for i in report.items if i.outcome is Outcome.FAIL]
    assert any(i.layer is layer and i.name == item and word in i.seen for i in failed), failed
    assert report.exit_code == 1


# a change outside the cluster shows only where it was made: nobody is sent to the wrong layer
ONE_LAYER = [
    name
    for name, (_, layer, _, _) in PLANTED.items()
    # these are the record itself: whatever is held against them disagrees too
    if layer is not Layer.GITOPS and name != "deployment gone"
] + ["committed by hand", "a path outside the lane", "GitHub diverged", "an SBOM gone"]


@pytest.mark.parametrize("name", ONE_LAYER)
def test_no_other_layer_is_accused(name: str) -> None:
    plant, layer, _, _ = PLANTED[name]
    seen = Observed()
    plant(seen)
    assert {i.layer for i in judge_lane(seen.facts).items if i.outcome is Outcome.FAIL} == {layer}


def test_a_manifest_edited_on_the_branch_and_delivered_accuses_the_branch_alone() -> None:
    seen = Observed()
    edit("deployment", "replicas: 1", "replicas: 2")(seen)
    put("deployment.spec.replicas", 2)(seen)
    for count in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"):
        seen.deployment["status"][count] = 2
    seen.pods.append(seen.pods[0])
    failed = {(i.layer, i.name) for i in judge_lane(seen.facts).items if i.outcome is Outcome.FAIL}
    assert failed == {(Layer.GITOPS, "manifests")}


UNKNOWN: dict[str, tuple[Plant, Layer]] = {
    "the cluster does not answer": (lambda seen: seen.without("runtime"), Layer.RUNTIME),
    "Argo CD is not there": (lambda seen: seen.without("argo"), Layer.ARGOCD),
    "the mirror does not answer": (lambda seen: seen.without("gitops"), Layer.GITOPS),
    "Tekton is not there": (lambda seen: seen.without("tekton"), Layer.TEKTON),
    "the worktree can't be read": (lambda seen: seen.without("source"), Layer.SOURCE),
    "pods may not be listed": (put("pods", Unasked("forbidden")), Layer.RUNTIME),
    "events may not be listed": (put("events", Unasked("forbidden")), Layer.RUNTIME),
    "workloads may not be listed": (put("workloads", Unasked("forbidden")), Layer.RUNTIME),
    "an object may not be read": (
        lambda seen: seen.objects.update({("Service", "agentrun-mgr"): Unasked("forbidden")}),
        Layer.RUNTIME,
    ),
    "health can't be reached": (put("health.agentrun-mgr", Unasked("no route")), Layer.RUNTIME),
    "the kubelet tells no digest": (put("pods.0.status.containerStatuses.0.imageID", "sha256:1"), Layer.RUNTIME),
    "Argo CD has not compared": (put("application.status.sync.revision", ""), Layer.ARGOCD),
    "Argo CD knows the branch only": (put("application.status.sync.revision", "v0.1-gitops"), Layer.ARGOCD),
    "Argo CD does not know": (put("application.status.sync.status", "Unknown"), Layer.ARGOCD),
    "Argo CD sleeps": (put("application.status.reconciledAt", "2026-01-02T02:00:00Z"), Layer.ARGOCD),
    "the project may not be read": (put("project", Unasked("forbidden")), Layer.ARGOCD),
    "GitHub does not answer": (put("github", Unasked("timeout")), Layer.GITOPS),
    "the promoted source is not here": (put("rendered", Unasked("git fetch")), Layer.GITOPS),
    "the newest commit can't be read": (put("note", Unasked("gone")), Layer.GITOPS),
    "the PipelineRun is gone": (put("runs", []), Layer.TEKTON),
    "the PipelineRun goes on": (put("runs.0.status.conditions.0.status", "Unknown"), Layer.TEKTON),
    "the TaskRuns are gone": (put("results", Unasked("pruned")), Layer.TEKTON),
    "a result is missing": (put("results.image-publish", {}), Layer.TEKTON),
    "the origin does not answer": (put("origin", Unasked("timeout")), Layer.SOURCE),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_could_not_be_asked_is_unknown_and_never_a_pass(name: str) -> None:
    plant, layer = UNKNOWN[name]
    seen = Observed()
    plant(seen)
    report = judge_lane(seen.facts)
    assert dict(report.layers())[layer] is Outcome.UNKNOWN
    assert report.exit_code == 4
    assert not [i for i in report.items if i.outcome is Outcome.FAIL]


def test_a_failure_outweighs_what_is_unknown() -> None:
    seen = Observed()
    seen.without("tekton")
    put("dirty", ("x",))(seen)
    assert judge_lane(seen.facts).exit_code == 1


HARMLESS: dict[str, Plant] = {
    "a warning before the pod was ready": warning("Pod", "agentrun-mgr-7c9f-x2x", "2026-01-02T03:00:10Z"),
    "a warning of a pod that is gone": warning("Pod", "agentrun-mgr-old", "2026-01-02T03:03:00Z"),
    "a warning of yesterday": warning("ReplicaSet", "r", "2026-01-01T03:03:00Z"),
    "a scale that was taken back": written_by("kubectl", **{"f:replicas": {}}),
    "a variable that was set to what it was": written_by(
        "kubectl-set", {"f:env": {'k:{"name":"AGENTRUN_LANE"}': {".": {}, "f:name": {}, "f:value": {}}}}
    ),
    "a port that was written as it was": written_by(
        "kubectl-edit", {"f:ports": {'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:name": {}}}}
    ),
    "restarted by kubectl": written_by(
        "kubectl-rollout", **{"f:template": {"f:metadata": {"f:annotations": {"f:x": {}}}}}
    ),
    "written by the controllers": written_by("kube-controller-manager"),
    "a label that Argo CD adds": lambda seen: seen.deployment["metadata"]["labels"].update({"argocd/instance": "x"}),
    "an amount in another spelling": put("container.resources.limits.memory", "0.5Gi"),
    "a finished pod of a Job": lambda seen: seen.pods.append(
        {"metadata": {"name": "j", "labels": seen.pods[0]["metadata"]["labels"]}, "status": {"phase": "Succeeded"}}
    ),
    "GitHub behind the mirror": put("github", OTHER),
    "GitHub without the branch": put("github", None),
    "source ahead of what is promoted": put("ahead", 3),
    "a failed run before the one that succeeded": lambda seen: seen.runs.insert(
        0, {"metadata": {"name": "x"}, "status": {"conditions": [{"type": "Succeeded", "status": "False"}]}}
    ),
    "a rollback": lambda seen: (
        note(message=f"Roll agentrun-v01 back to {TIP.short}\n\nAsked for: {BOOT}\n")(seen),
        put("promotion", OTHER)(seen),
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_disagreement_passes(name: str) -> None:
    seen = Observed()
    HARMLESS[name](seen)
    assert [i for i in judge_lane(seen.facts).items if i.outcome is not Outcome.PASS] == []


def test_the_json_names_every_layer_in_order() -> None:
    data = judge_lane(Observed().facts).as_json()
    assert data["schemaVersion"] == "agentrun.verification/1"
    assert list(data["layers"]) == ["runtime", "argocd", "gitops", "tekton", "source"]
    assert {i["outcome"] for i in data["items"]} == {"pass"}

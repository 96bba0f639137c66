"""Tekton's side of a lane: ServiceAccount, Tasks, the Pipeline, and a PipelineRun (R11).

A step is one Invoke task of this project, in the toolbox image, in the checked-out source. Steps need nothing of the
Kubernetes API, so their ServiceAccount has no Role and no token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from envid.core.cluster.buildkit import TLS_FILES
from envid.core.cluster.pods import container_security, pod_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.cluster.setup import ClusterSetup
    from envid.core.lane import Lane
    from envid.core.objects import KubeObject
    from envid.core.values import CommitId

__all__ = ["CA_KEY", "COMMIT_LABEL", "STEPS", "pipeline_run", "proxy_environment", "run_labels", "tekton_objects"]

CA_KEY: Final = "ca.crt"
COMMIT_LABEL: Final = "agentrun.dev/source-commit"
_API: Final = "tekton.dev/v1"
_COMPONENT: Final = "ci"
_CA_DIR: Final = "/etc/envid/ca"
_CLIENT_TLS_DIR: Final = "/etc/envid/buildkit"
_WORKSPACE: Final = "source"
_CHECKOUT: Final = f"$(workspaces.{_WORKSPACE}.path)/checkout"
_RESULTS: Final = "/tekton/results"
_COMMIT: Final = "$(params.commit)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One task of the Pipeline.

    ``retries`` is more than 0 only where a second try can't end otherwise than a first: what another state of the
    world would decide anew, and a check that failed, are not tried again.
    """

    name: str
    says: str
    arguments: tuple[str, ...]
    results: dict[str, str]
    timeout: str
    retries: int = 0
    in_checkout: bool = True
    builds: bool = False


STEPS: Final = (
    _Step(
        name="prepare-source",
        says="Check the commit out of the mirror, by its full id.",
        arguments=("source.fetch", f"--commit={_COMMIT}", f"--to={_CHECKOUT}", f"--results={_RESULTS}"),
        results={"commit": "the commit that was checked out"},
        timeout="10m",
        retries=2,
        in_checkout=False,
    ),
    _Step(
        name="check",
        says="Frozen install, types and tests, the source branch's guards, and the render check.",
        arguments=("check", f"--commit={_COMMIT}"),
        results={},
        timeout="20m",
    ),
    _Step(
        name="plan-artifacts",
        says="Decide build or reuse against the promoted catalog.",
        arguments=("plan", f"--commit={_COMMIT}", "--out=../plan.json", f"--results={_RESULTS}"),
        results={
            "summary": "as build=0 reuse=1 unsafeReuse=0",
            "envIdentity": "the envIdentity",
            "status": "build or reuse",
            "digest": "the digest to reuse; empty for a build",
            "mirrorRevision": "the GitOps commit that the plan trusted",
        },
        timeout="10m",
    ),
    _Step(
        name="image-publish",
        says="Build the env image, or reuse the promoted one.",
        arguments=(
            "publish",
            f"--commit={_COMMIT}",
            "--run-id=$(context.pipelineRun.name)",
            "--out=../publication.json",
            f"--results={_RESULTS}",
        ),
        results={
            "status": "built or reused",
            "envIdentity": "the envIdentity",
            "digest": "the digest, built or reused",
            # only of a build: what Tekton Chains reads as this run's product
            "IMAGE_URL": "the image that this run has built",
            "IMAGE_DIGEST": "its digest",
            "IMAGES": "the images, where this run has built several",
        },
        timeout="45m",
        retries=1,
        builds=True,
    ),
    _Step(
        name="gitops-promote",
        says="Push catalog and manifests to the GitOps branch.",
        arguments=("promote", f"--commit={_COMMIT}", "--publication=../publication.json", f"--results={_RESULTS}"),
        results={"gitopsCommit": "the promotion"},
        timeout="10m",
        retries=1,
    ),
)
"""The Pipeline's tasks, in their order."""


def tekton_objects(setup: ClusterSetup) -> Iterator[KubeObject]:
    """Yield the ServiceAccount, the Tasks and the Pipeline."""
    lane = setup.lane
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": setup.metadata(lane.runner_account, _COMPONENT, lane.ci_namespace),
        "automountServiceAccountToken": False,
    }
    for step in STEPS:
        yield _task(setup, step)
    yield _pipeline(setup)


def pipeline_run(setup: ClusterSetup, commit: CommitId, *, attempt: int = 1) -> KubeObject:
    """Return the PipelineRun of a commit; from the second ``attempt`` on its name ends in the attempt."""
    lane = setup.lane
    name = lane.pipeline_run(commit) + (f"-{attempt}" if attempt > 1 else "")
    metadata = setup.metadata(name, _COMPONENT, lane.ci_namespace)
    metadata["labels"] |= run_labels(lane, commit)
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": setup.workspace_storage}}}
    return {
        "apiVersion": _API,
        "kind": "PipelineRun",
        "metadata": metadata,
        "spec": {
            "pipelineRef": {"name": lane.pipeline},
            "params": [{"name": "commit", "value": str(commit)}],
            "taskRunTemplate": {
                "serviceAccountName": lane.runner_account,
                "podTemplate": {
                    # 127.0.0.1 in a step is the node's: its registry, and its way out
                    "hostNetwork": True,
                    "dnsPolicy": "ClusterFirstWithHostNet",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(),
                },
            },
            "timeouts": {"pipeline": "1h30m"},
            "workspaces": [{"name": _WORKSPACE, "volumeClaimTemplate": {"spec": storage}}],
        },
    }


def run_labels(lane: Lane, commit: CommitId) -> dict[str, str]:
    """Return the labels that find all runs of a commit."""
    return {"agentrun.dev/lane": lane.version, COMMIT_LABEL: str(commit)}


def _task(setup: ClusterSetup, step: _Step) -> KubeObject:
    lane = setup.lane
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    if setup.with_ca:
        volumes.append({"name": "ca", "configMap": {"name": lane.ca_bundle}})
        mounts.append({"name": "ca", "mountPath": _CA_DIR, "readOnly": True})
    if step.builds and setup.client_secret:
        secret = {"secretName": setup.client_secret, "defaultMode": 288}  # 0440: the pod's group reads it
        volumes.append({"name": "buildkit-tls", "secret": secret})
        mounts.append({"name": "buildkit-tls", "mountPath": _CLIENT_TLS_DIR, "readOnly": True})
    variables = _environment(setup, step)
    work = {
        "name": step.name,
        "image": setup.toolbox,
        "imagePullPolicy": "IfNotPresent",
        "command": ["agentrun"],
        "args": list(step.arguments),
        "workingDir": _CHECKOUT if step.in_checkout else f"$(workspaces.{_WORKSPACE}.path)",
        "env": [{"name": name, "value": variables[name]} for name in sorted(variables)],
        "computeResources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": container_security(read_only=False),
        **({"volumeMounts": mounts} if mounts else {}),
    }
    return {
        "apiVersion": _API,
        "kind": "Task",
        "metadata": setup.metadata(lane.task(step.name), _COMPONENT, lane.ci_namespace),
        "spec": {
            "description": step.says,
            "params": [{"name": "commit", "type": "string", "description": "full commit id"}],
            "workspaces": [{"name": _WORKSPACE, "description": "the checkout, and what a step hands to the next"}],
            **({"results": _results(step)} if step.results else {}),
            "steps": [work],
            **({"volumes": volumes} if volumes else {}),
        },
    }


def _results(step: _Step) -> list[dict[str, str]]:
    return [{"name": n, "type": "string", "description": says} for n, says in step.results.items()]


def _pipeline(setup: ClusterSetup) -> KubeObject:
    lane = setup.lane
    tasks = [
        {
            "name": step.name,
            "taskRef": {"kind": "Task", "name": lane.task(step.name)},
            "params": [{"name": "commit", "value": _COMMIT}],
            "workspaces": [{"name": _WORKSPACE, "workspace": _WORKSPACE}],
            "timeout": step.timeout,
            **({"retries": step.retries} if step.retries else {}),
            **({"runAfter": [STEPS[index - 1].name]} if index else {}),
        }
        for index, step in enumerate(STEPS)
    ]
    results = {
        "summary": "plan-artifacts",
        "envIdentity": "image-publish",
        "status": "image-publish",
        "digest": "image-publish",
        "gitopsCommit": "gitops-promote",
    }
    return {
        "apiVersion": _API,
        "kind": "Pipeline",
        "metadata": setup.metadata(lane.pipeline, _COMPONENT, lane.ci_namespace),
        "spec": {
            "description": f"{lane.project} {lane.version}: a source commit to a promotion on {lane.gitops_branch}.",
            "params": [{"name": "commit", "type": "string", "description": "full commit id"}],
            "workspaces": [{"name": _WORKSPACE, "description": "the checkout"}],
            "tasks": tasks,
            "results": [
                {"name": name, "value": f"$(tasks.{task}.results.{name})", "description": f"of {task}"}
                for name, task in results.items()
            ],
        },
    }


def _environment(setup: ClusterSetup, step: _Step) -> dict[str, str]:
    variables = {
        "HOME": "/tekton/home",
        "ENVID_MIRROR_READ_URL": setup.mirror_read_url,
        "ENVID_MIRROR_WRITE_URL": setup.mirror_write_url,
        "ENVID_REGISTRY": setup.registry,
    }
    if setup.with_ca:
        bundle = f"{_CA_DIR}/{CA_KEY}"
        variables |= {"ENVID_CA_BUNDLE": bundle, "NODE_EXTRA_CA_CERTS": bundle, "SSL_CERT_FILE": bundle}
    if step.builds:
        variables["BUILDKIT_HOST"] = setup.builder
        if setup.client_secret:
            keys = ("ENVID_BUILDKIT_CA", "ENVID_BUILDKIT_CERT", "ENVID_BUILDKIT_KEY")
            variables |= {key: f"{_CLIENT_TLS_DIR}/{file}" for key, file in zip(keys, TLS_FILES, strict=True)}
    return variables | proxy_environment(setup)


def proxy_environment(setup: ClusterSetup) -> dict[str, str]:
    """Return the variables for the way out, and for what is reached without it, in both spellings that tools read."""
    if setup.proxy is None:
        return {}
    host = setup.registry.rpartition(":")[0] or setup.registry
    direct = ["127.0.0.1", "localhost", host, setup.service_cidr, ".svc", ".cluster.local", *setup.no_proxy]
    no_proxy = ",".join(dict.fromkeys(direct))
    proxies = {"HTTP_PROXY": setup.proxy, "HTTPS_PROXY": setup.proxy, "NO_PROXY": no_proxy}
    return proxies | {name.lower(): value for name, value in proxies.items()}

"""The manager: Deployment, Service, and its volumes (R8)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from lightkube.models import apps_v1, core_v1, meta_v1, policy_v1

from envid.core.jsontext import canonical_json
from envid.core.render.pods import (
    PULL_POLICY_LINT,
    TMP_DIR,
    WORK_DIR,
    boot_environment,
    container_security,
    environment_variables,
    pod_security,
    resource_requirements,
    scratch,
)
from envid.core.render.promoted import CATALOG_FILE, catalog_mount
from envid.core.render.scope import identity_annotation, lint_annotation

if TYPE_CHECKING:
    from envid.core.catalog import CatalogEntry
    from envid.core.deploy import Deploy, Workload
    from envid.core.render.scope import Scope

__all__ = ["JOBS_DIR", "claims", "deployment", "disruption_budget", "http_service"]

JOBS_DIR: Final = "/etc/agentrun/jobs"
"""Where a manager that may run Jobs finds their templates: a folder per runner, a JSON file per provider profile."""
# a service without a readiness path of its own is ready as long as it is alive
_LINT_ONE_PATH: Final = "pod-probes-identical"


def deployment(workload: Workload, entry: CatalogEntry, scope: Scope) -> apps_v1.Deployment:
    """Return the manager's Deployment."""
    annotations = identity_annotation(entry.env_identity)
    return apps_v1.Deployment(
        metadata=scope.metadata(workload.id, workload.kind, annotations=annotations | _lint(workload)),
        spec=apps_v1.DeploymentSpec(
            replicas=workload.replicas,
            revisionHistoryLimit=3,
            selector=meta_v1.LabelSelector(matchLabels=scope.selector(workload.id)),
            # a volume that one pod holds can't be mounted by the next one before it is gone
            strategy=apps_v1.DeploymentStrategy(type="Recreate" if workload.volumes else "RollingUpdate"),
            template=core_v1.PodTemplateSpec(
                metadata=meta_v1.ObjectMeta(
                    labels=scope.labels(workload.id, workload.kind),
                    annotations=annotations | _config_hash(workload, scope.deploy),
                ),
                spec=_pod(workload, entry, scope),
            ),
        ),
    )


def http_service(workload: Workload, entry: CatalogEntry, scope: Scope) -> core_v1.Service:
    """Return the Service before the manager's pods."""
    ports = {"http": workload.port, **workload.extra_ports}
    return core_v1.Service(
        metadata=scope.metadata(workload.id, workload.kind, annotations=identity_annotation(entry.env_identity)),
        spec=core_v1.ServiceSpec(
            selector=scope.selector(workload.id),
            ports=[core_v1.ServicePort(name=n, port=ports[n], targetPort=n) for n in sorted(ports)],
        ),
    )


def disruption_budget(workload: Workload, scope: Scope) -> policy_v1.PodDisruptionBudget:
    """Return what keeps a drained node from taking more than one of several replicas."""
    return policy_v1.PodDisruptionBudget(
        metadata=scope.metadata(workload.id, workload.kind),
        spec=policy_v1.PodDisruptionBudgetSpec(
            maxUnavailable=1,
            selector=meta_v1.LabelSelector(matchLabels=scope.selector(workload.id)),
            # a pod that is not ready serves nobody, and must not hold a node
            unhealthyPodEvictionPolicy="AlwaysAllow",
        ),
    )


def claims(workload: Workload, scope: Scope) -> dict[str, core_v1.PersistentVolumeClaim]:
    """Return the PersistentVolumeClaims of a service, by volume."""
    return {
        volume.name: core_v1.PersistentVolumeClaim(
            metadata=scope.metadata(_claim(workload, volume.name), workload.kind, owner=workload.id),
            spec=core_v1.PersistentVolumeClaimSpec(
                accessModes=["ReadWriteOnce"],
                resources=core_v1.VolumeResourceRequirements(requests={"storage": volume.size}),
                storageClassName=volume.storage_class,
            ),
        )
        for volume in workload.volumes
    }


def _pod(workload: Workload, entry: CatalogEntry, scope: Scope) -> core_v1.PodSpec:
    runs_jobs = "run-jobs" in workload.permissions
    own = boot_environment(workload, entry, scope) | {
        "AGENTRUN_CATALOG_FILE": CATALOG_FILE,
        "AGENTRUN_SERVICE": workload.id,
        "PORT": str(workload.port),
    }
    mounted = [scratch("work", WORK_DIR), scratch("tmp", TMP_DIR), catalog_mount()]
    mounted += [_persistent(workload, volume.name, volume.mount_path) for volume in workload.volumes]
    if runs_jobs:
        own["AGENTRUN_JOB_TEMPLATES"] = JOBS_DIR
        mounted += [_templates(runner.id) for runner in scope.deploy.running if runner.kind == "runner"]
    ports = {"http": workload.port, **workload.extra_ports}
    readiness = core_v1.HTTPGetAction(path=workload.readiness_path or workload.health_path, port="http")
    liveness = core_v1.HTTPGetAction(path=workload.health_path, port="http")
    return core_v1.PodSpec(
        serviceAccountName=workload.account,
        # only who creates Jobs speaks to the Kubernetes API at all
        automountServiceAccountToken=runs_jobs,
        enableServiceLinks=False,
        securityContext=pod_security(),
        terminationGracePeriodSeconds=15,
        containers=[
            core_v1.Container(
                name=workload.id,
                image=entry.repository_digest,
                imagePullPolicy="IfNotPresent",
                env=environment_variables(workload, scope, own),
                ports=[core_v1.ContainerPort(name=n, containerPort=ports[n]) for n in sorted(ports)],
                # the first start fetches the source
                startupProbe=core_v1.Probe(httpGet=liveness, periodSeconds=2, failureThreshold=60),
                readinessProbe=core_v1.Probe(httpGet=readiness, periodSeconds=5, failureThreshold=2),
                livenessProbe=core_v1.Probe(httpGet=liveness, periodSeconds=10, failureThreshold=3),
                resources=resource_requirements(workload.resources),
                securityContext=container_security(),
                volumeMounts=[mount for _, mount in mounted],
            )
        ],
        volumes=[volume for volume, _ in mounted],
    )


def _lint(workload: Workload) -> dict[str, str]:
    return lint_annotation(PULL_POLICY_LINT, *([] if workload.readiness_path else [_LINT_ONE_PATH]))


def _claim(workload: Workload, volume: str) -> str:
    return f"{workload.id}-{volume}"


def _persistent(workload: Workload, name: str, path: str) -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    claim = core_v1.PersistentVolumeClaimVolumeSource(claimName=_claim(workload, name))
    return (
        core_v1.Volume(name=f"data-{name}", persistentVolumeClaim=claim),
        core_v1.VolumeMount(name=f"data-{name}", mountPath=path),
    )


def _templates(runner: str) -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    name = f"{runner}-jobs"
    return (
        core_v1.Volume(name=name, configMap=core_v1.ConfigMapVolumeSource(name=name)),
        core_v1.VolumeMount(name=name, mountPath=f"{JOBS_DIR}/{runner}", readOnly=True),
    )


def _config_hash(workload: Workload, deploy: Deploy) -> dict[str, str]:
    """Let a changed setting restart the pods that read it."""
    used = sorted({ref.name for ref in workload.config_env.values()})
    if not used:
        return {}
    content = canonical_json({name: deploy.config_maps[name] for name in used})
    return {"agentrun.dev/config-sha256": hashlib.sha256(content).hexdigest()}

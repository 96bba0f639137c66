"""The runner's Job templates: a ConfigMap with one complete Job per provider profile (R8).

A manager reads a template, adds what its task needs, and creates it. Each has its own provider's Secret and no other's:
a Job can't read what it was not started for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from lightkube.models import batch_v1, core_v1, meta_v1

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
from envid.core.render.scope import identity_annotation, lint_annotation

if TYPE_CHECKING:
    from envid.core.catalog import CatalogEntry
    from envid.core.deploy import Provider, Workload
    from envid.core.render.scope import Scope

__all__ = ["PROVIDER_FILES", "job", "job_templates"]

PROVIDER_FILES: Final = ("auth.json", "config.toml")
"""The keys of a provider's Secret, and the files that a runner copies to ``CODEX_HOME``."""
_PROVIDER_DIR: Final = "/var/run/agentrun/provider"
_CODEX_HOME: Final = f"{WORK_DIR}/codex"
_CODEX_HOME_SIZE: Final = "64Mi"
# octal 0440: the files' group is the runtime's own
_READ_ONLY: Final = 288


def job_templates(workload: Workload, entry: CatalogEntry, scope: Scope) -> core_v1.ConfigMap:
    """Return the ConfigMap of a runner's templates: ``<profile>.json`` each."""
    used = [p for p in scope.deploy.providers if not workload.providers or p.profile in workload.providers]
    jobs = {p.profile: job(workload, entry, scope, p) for p in used}
    return core_v1.ConfigMap(
        metadata=scope.metadata(
            f"{workload.id}-jobs",
            workload.kind,
            owner=workload.id,
            annotations=identity_annotation(entry.env_identity),
        ),
        data={
            f"{profile}.json": json.dumps(jobs[profile].to_dict(), indent=2, ensure_ascii=False) + "\n"
            for profile in sorted(jobs)
        },
    )


def job(
    workload: Workload,
    entry: CatalogEntry,
    scope: Scope,
    provider: Provider,
) -> batch_v1.Job:
    """Return one runner Job for ``provider``; the API server completes its name."""
    labels = scope.labels(workload.id, workload.kind) | {"agentrun.dev/provider": provider.profile}
    annotations = identity_annotation(entry.env_identity)
    return batch_v1.Job(
        metadata=meta_v1.ObjectMeta(
            generateName=f"{workload.id}-{provider.profile}-",
            namespace=scope.lane.name,
            labels=labels,
            annotations=annotations | lint_annotation(PULL_POLICY_LINT),
        ),
        spec=batch_v1.JobSpec(
            activeDeadlineSeconds=workload.timeout,
            # a task is not repeated behind its manager's back
            backoffLimit=0,
            ttlSecondsAfterFinished=workload.keep_finished,
            template=core_v1.PodTemplateSpec(
                metadata=meta_v1.ObjectMeta(labels=labels, annotations=annotations),
                spec=_pod(workload, entry, scope, provider),
            ),
        ),
    )


def _pod(
    workload: Workload,
    entry: CatalogEntry,
    scope: Scope,
    provider: Provider,
) -> core_v1.PodSpec:
    own = boot_environment(workload, entry, scope) | {
        "AGENTRUN_PROVIDER": provider.profile,
        "AGENTRUN_PROVIDER_DIR": _PROVIDER_DIR,
        "CODEX_HOME": _CODEX_HOME,
    }
    mounted = [scratch("work", WORK_DIR), scratch("tmp", TMP_DIR), _codex_home(), _credentials(provider)]
    return core_v1.PodSpec(
        restartPolicy="Never",
        serviceAccountName=workload.account,
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=pod_security(),
        terminationGracePeriodSeconds=15,
        containers=[
            core_v1.Container(
                name="runner",
                image=entry.repository_digest,
                imagePullPolicy="IfNotPresent",
                env=environment_variables(workload, scope, own),
                resources=resource_requirements(workload.resources),
                securityContext=container_security(),
                volumeMounts=[mount for _, mount in mounted],
            )
        ],
        volumes=[volume for volume, _ in mounted],
    )


def _codex_home() -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    # in memory: what is copied here is a credential, and must not reach a disk
    folder = core_v1.EmptyDirVolumeSource(medium="Memory", sizeLimit=_CODEX_HOME_SIZE)
    return (
        core_v1.Volume(name="codex-home", emptyDir=folder),
        core_v1.VolumeMount(name="codex-home", mountPath=_CODEX_HOME),
    )


def _credentials(provider: Provider) -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    files = [core_v1.KeyToPath(key=name, path=name) for name in PROVIDER_FILES]
    source = core_v1.VolumeProjection(secret=core_v1.SecretProjection(name=provider.secret_name, items=files))
    return (
        core_v1.Volume(
            name="provider", projected=core_v1.ProjectedVolumeSource(defaultMode=_READ_ONLY, sources=[source])
        ),
        core_v1.VolumeMount(name="provider", mountPath=_PROVIDER_DIR, readOnly=True),
    )

"""What every pod has in common: Pod Security ``restricted``, scratch space, amounts, and its environment (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lightkube.models import core_v1

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.catalog import CatalogEntry
    from envid.core.deploy import KeyRef, Resources, Workload
    from envid.core.render.scope import Scope

__all__ = [
    "PULL_POLICY_LINT",
    "RUNTIME_USER",
    "TMP_DIR",
    "WORK_DIR",
    "boot_environment",
    "container_security",
    "environment_variables",
    "pod_security",
    "resource_requirements",
    "scratch",
    "secret_variable",
]

RUNTIME_USER: Final = 65532
"""User and group id that every container runs as; the env image has it."""
WORK_DIR: Final = "/var/lib/agentrun"
TMP_DIR: Final = "/tmp"  # noqa: S108 - the container's own, an emptyDir
PULL_POLICY_LINT: Final = "container-image-pull-policy"
"""kube-score wants Always; but a digest never needs a fresh pull, and no pod would start while the registry is away."""
_SCRATCH_REQUEST: Final = "256Mi"
_SCRATCH_LIMIT: Final = "2Gi"


def pod_security() -> core_v1.PodSecurityContext:
    """Return the pod's half of ``restricted``."""
    return core_v1.PodSecurityContext(
        runAsNonRoot=True,
        runAsUser=RUNTIME_USER,
        runAsGroup=RUNTIME_USER,
        fsGroup=RUNTIME_USER,
        # a large volume is not walked through at every start
        fsGroupChangePolicy="OnRootMismatch",
        seccompProfile=core_v1.SeccompProfile(type="RuntimeDefault"),
    )


def container_security() -> core_v1.SecurityContext:
    """Return the container's half of ``restricted``, on a read-only root file system."""
    return core_v1.SecurityContext(
        allowPrivilegeEscalation=False,
        capabilities=core_v1.Capabilities(drop=["ALL"]),
        readOnlyRootFilesystem=True,
        runAsNonRoot=True,
        runAsUser=RUNTIME_USER,
        runAsGroup=RUNTIME_USER,
    )


def resource_requirements(resources: Resources) -> core_v1.ResourceRequirements:
    """Return requests and limits; scratch disk is always bounded, or one pod could fill the node."""
    asked, most = resources.requests, resources.limits
    return core_v1.ResourceRequirements(
        requests={
            "cpu": asked.cpu,
            "memory": asked.memory,
            "ephemeral-storage": asked.ephemeral_storage or most.ephemeral_storage or _SCRATCH_REQUEST,
        },
        limits={
            "cpu": most.cpu,
            "memory": most.memory,
            "ephemeral-storage": most.ephemeral_storage or asked.ephemeral_storage or _SCRATCH_LIMIT,
        },
    )


def scratch(name: str, path: str) -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    """Return an empty folder at ``path`` that lives as long as its pod."""
    return (
        core_v1.Volume(name=name, emptyDir=core_v1.EmptyDirVolumeSource()),
        core_v1.VolumeMount(name=name, mountPath=path),
    )


def boot_environment(workload: Workload, entry: CatalogEntry, scope: Scope) -> dict[str, str]:
    """Return what the boot script and the service need to know (R15)."""
    return {
        "AGENTRUN_BOOT_COMMIT": entry.boot_commit,
        "AGENTRUN_ENV_IDENTITY": entry.env_identity,
        "AGENTRUN_LANE": scope.lane.version,
        "AGENTRUN_MIRROR_READ_URL": scope.mirror_read_url,
        "AGENTRUN_ROLE": workload.kind,
        "AGENTRUN_WORK_DIR": WORK_DIR,
    }


def environment_variables(workload: Workload, scope: Scope, own: Mapping[str, str]) -> list[core_v1.EnvVar]:
    """Return a container's environment, sorted by name; ``own`` is what the lane sets, and wins."""
    variables = {name: core_v1.EnvVar(name=name, value=str(value)) for name, value in workload.env.items()}
    for name, ref in workload.config_env.items():
        selector = core_v1.ConfigMapKeySelector(name=ref.name, key=ref.key, optional=ref.optional or None)
        variables[name] = core_v1.EnvVar(name=name, valueFrom=core_v1.EnvVarSource(configMapKeyRef=selector))
    for name, ref in workload.secret_env.items():
        variables[name] = secret_variable(name, ref)
    if workload.database and scope.deploy.postgres is not None:
        variables["DATABASE_URL"] = secret_variable("DATABASE_URL", scope.deploy.postgres.secret.url)
    variables |= {name: core_v1.EnvVar(name=name, value=str(value)) for name, value in own.items()}
    return [variables[name] for name in sorted(variables)]


def secret_variable(name: str, ref: KeyRef) -> core_v1.EnvVar:
    """Return a variable whose value is a key of a Secret."""
    selector = core_v1.SecretKeySelector(name=ref.name, key=ref.key, optional=ref.optional or None)
    return core_v1.EnvVar(name=name, valueFrom=core_v1.EnvVarSource(secretKeyRef=selector))

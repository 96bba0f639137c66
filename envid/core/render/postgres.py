"""The lane's own Postgres: StatefulSet and Service; its credentials are a Secret that only the cluster has (R8).

It runs ``restricted`` like every other pod: the official Debian image starts under any user id, keeps its data below
``PGDATA``, and needs only its socket's folder and ``/tmp`` writable beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lightkube.models import apps_v1, core_v1, meta_v1

from envid.core.database import POSTGRES_PORT
from envid.core.render.pods import (
    PULL_POLICY_LINT,
    TMP_DIR,
    container_security,
    pod_security,
    resource_requirements,
    scratch,
    secret_variable,
)
from envid.core.render.scope import lint_annotation

if TYPE_CHECKING:
    from envid.core.deploy import Postgres
    from envid.core.render.scope import Scope

__all__ = ["postgres_service", "postgres_stateful_set"]

_DATA_DIR: Final = "/var/lib/agentrun-postgres"
_COMPONENT: Final = "database"


def postgres_stateful_set(postgres: Postgres, image: str, scope: Scope) -> apps_v1.StatefulSet:
    """Return Postgres' StatefulSet, from ``image`` pinned by digest."""
    # a new source commit must not restart the database: its pods and volumes do not name it
    labels = scope.fixed_labels(postgres.name, _COMPONENT)
    return apps_v1.StatefulSet(
        metadata=scope.metadata(postgres.name, _COMPONENT, annotations=lint_annotation(PULL_POLICY_LINT)),
        spec=apps_v1.StatefulSetSpec(
            replicas=1,
            selector=meta_v1.LabelSelector(matchLabels=scope.selector(postgres.name)),
            serviceName=postgres.name,
            template=core_v1.PodTemplateSpec(metadata=meta_v1.ObjectMeta(labels=labels), spec=_pod(postgres, image)),
            volumeClaimTemplates=[
                core_v1.PersistentVolumeClaim(
                    metadata=meta_v1.ObjectMeta(name="data", labels=labels),
                    spec=core_v1.PersistentVolumeClaimSpec(
                        accessModes=["ReadWriteOnce"],
                        resources=core_v1.VolumeResourceRequirements(requests={"storage": postgres.storage}),
                        storageClassName=postgres.storage_class,
                    ),
                )
            ],
        ),
    )


def postgres_service(postgres: Postgres, scope: Scope) -> core_v1.Service:
    """Return the headless Service by whose name ``DATABASE_URL`` finds Postgres."""
    return core_v1.Service(
        metadata=scope.metadata(postgres.name, _COMPONENT),
        spec=core_v1.ServiceSpec(
            clusterIP="None",
            selector=scope.selector(postgres.name),
            ports=[core_v1.ServicePort(name="postgres", port=POSTGRES_PORT, targetPort="postgres")],
        ),
    )


def _pod(postgres: Postgres, image: str) -> core_v1.PodSpec:
    socket = scratch("socket", "/var/run/postgresql")
    tmp = scratch("tmp", TMP_DIR)
    ask = ["pg_isready", "--quiet", f"--username={postgres.user}", f"--dbname={postgres.database}"]
    # by its socket; without a database of its own to ask for, each probe would leave an error in the log
    alive = core_v1.ExecAction(command=ask)
    ready = core_v1.ExecAction(command=[*ask, "--host=127.0.0.1"])
    return core_v1.PodSpec(
        automountServiceAccountToken=False,
        enableServiceLinks=False,
        securityContext=pod_security(),
        # a fast shutdown with a checkpoint
        terminationGracePeriodSeconds=60,
        containers=[
            core_v1.Container(
                name="postgres",
                image=image,
                imagePullPolicy="IfNotPresent",
                env=[
                    core_v1.EnvVar(name="PGDATA", value=f"{_DATA_DIR}/pgdata"),
                    core_v1.EnvVar(name="POSTGRES_DB", value=postgres.database),
                    secret_variable("POSTGRES_PASSWORD", postgres.secret.password),
                    core_v1.EnvVar(name="POSTGRES_USER", value=postgres.user),
                ],
                ports=[core_v1.ContainerPort(name="postgres", containerPort=POSTGRES_PORT)],
                # a crash's recovery may take long; the probe on the socket answers only when it is over
                startupProbe=core_v1.Probe(exec=alive, periodSeconds=5, failureThreshold=120),
                readinessProbe=core_v1.Probe(exec=ready, periodSeconds=5, timeoutSeconds=3),
                livenessProbe=core_v1.Probe(exec=alive, periodSeconds=20, timeoutSeconds=5, failureThreshold=6),
                resources=resource_requirements(postgres.resources),
                securityContext=container_security(),
                volumeMounts=[core_v1.VolumeMount(name="data", mountPath=_DATA_DIR), socket[1], tmp[1]],
            )
        ],
        volumes=[socket[0], tmp[0]],
    )

"""The git mirror in the cluster: nginx and git http-backend, one door to read and another to write (R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envid.core.cluster.pods import claim, container_security, deployment, pod_security, service
from envid.core.lane import INFRA_NAMESPACE, MIRROR_READ_SERVICE, MIRROR_TOKEN_SECRET, MIRROR_WRITE_SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.cluster.setup import ClusterSetup
    from envid.core.objects import KubeObject

__all__ = ["MIRROR", "TOKEN_KEY", "mirror_objects", "mirror_token"]

MIRROR: Final = "git-mirror"
"""The mirror's Deployment; its namespace serves all projects of a cluster, so it names none."""
TOKEN_KEY: Final = "token"  # noqa: S105 - a key
_READ_PORT: Final = 8080
_WRITE_PORT: Final = 8081
_COMPONENT: Final = "git-mirror"


def mirror_objects(setup: ClusterSetup) -> Iterator[KubeObject]:
    """Yield the mirror's objects, in the order to apply them in."""
    yield claim(setup.metadata(f"{MIRROR}-cache", _COMPONENT, INFRA_NAMESPACE, of_lane=False), setup.mirror_storage)
    yield _deployment(setup)
    for name, door in ((MIRROR_READ_SERVICE, "read"), (MIRROR_WRITE_SERVICE, "write")):
        metadata = setup.metadata(name, _COMPONENT, INFRA_NAMESPACE, of_lane=False)
        yield service(metadata, MIRROR, port=80, target_port=door)
    yield _policy(setup)


def mirror_token(setup: ClusterSetup, token: str) -> KubeObject:
    """Return the Secret by which the mirror knows ``git-mirror.sync``: nobody else moves a source branch there."""
    metadata = setup.metadata(MIRROR_TOKEN_SECRET, _COMPONENT, INFRA_NAMESPACE, of_lane=False)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "stringData": {TOKEN_KEY: token},
    }


def _deployment(setup: ClusterSetup) -> KubeObject:
    ports = {"read": _READ_PORT, "write": _WRITE_PORT}
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security() | {"fsGroupChangePolicy": "OnRootMismatch"},
        "terminationGracePeriodSeconds": 20,
        "containers": [
            {
                "name": MIRROR,
                "image": setup.git_mirror,
                "imagePullPolicy": "IfNotPresent",
                # the repository to make where the cache is empty
                "env": [{"name": "GIT_MIRROR_REPOSITORY", "value": setup.lane.repository}],
                "ports": [{"name": n, "containerPort": p, "protocol": "TCP"} for n, p in ports.items()],
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": "read"}, "periodSeconds": 3},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "read"}, "periodSeconds": 20},
                "resources": {
                    "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
                    "limits": {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Gi"},
                },
                "securityContext": container_security(),
                "volumeMounts": [
                    {"name": "cache", "mountPath": "/cache"},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
                    {"name": "token", "mountPath": "/etc/git-mirror", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "cache", "persistentVolumeClaim": {"claimName": f"{MIRROR}-cache"}},
            {"name": "tmp", "emptyDir": {}},
            # 0440: the pod's group reads it
            {"name": "token", "secret": {"secretName": MIRROR_TOKEN_SECRET, "defaultMode": 288}},
        ],
    }
    return deployment(setup.metadata(MIRROR, _COMPONENT, INFRA_NAMESPACE, of_lane=False), pod)


def _policy(setup: ClusterSetup) -> KubeObject:
    """Let every pod of the cluster read, and only those of the CI namespace write; projects' policies add up."""
    writers = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": setup.lane.ci_namespace}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": setup.metadata(f"{MIRROR}-{setup.lane.project}", _COMPONENT, INFRA_NAMESPACE, of_lane=False),
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": MIRROR}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"namespaceSelector": {}}], "ports": [{"port": _READ_PORT, "protocol": "TCP"}]},
                {"from": [writers], "ports": [{"port": _WRITE_PORT, "protocol": "TCP"}]},
            ],
        },
    }

"""What the pods of a lane's own services have in common: Pod Security ``restricted``, claims and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envid.core.cluster.setup import RUN_AS

if TYPE_CHECKING:
    from envid.core.objects import KubeObject

__all__ = ["claim", "container_security", "deployment", "pod_security", "service"]


def pod_security() -> dict[str, Any]:
    """Return the pod's half of ``restricted``."""
    return {
        "runAsNonRoot": True,
        "runAsUser": RUN_AS,
        "runAsGroup": RUN_AS,
        "fsGroup": RUN_AS,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security(*, read_only: bool = True) -> dict[str, Any]:
    """Return the container's half of ``restricted``."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
        "runAsNonRoot": True,
    }


def deployment(
    metadata: dict[str, Any], pod: dict[str, Any], *, annotations: dict[str, str] | None = None
) -> KubeObject:
    """Return a Deployment of one pod that holds a volume: the old one must be gone before the new one starts.

    ``annotations`` are the pod's: a change of one starts it anew.
    """
    selector = {"app.kubernetes.io/name": metadata["name"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            # seconds; `lane.apply` waits for its verdict
            "progressDeadlineSeconds": 240,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": metadata["labels"], **({"annotations": annotations} if annotations else {})},
                "spec": pod,
            },
        },
    }


def service(metadata: dict[str, Any], target: str, *, port: int, target_port: str) -> KubeObject:
    """Return a Service before the pods named ``target``."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": {"app.kubernetes.io/name": target},
            "ports": [{"name": target_port, "port": port, "protocol": "TCP", "targetPort": target_port}],
        },
    }


def claim(metadata: dict[str, Any], storage: str) -> KubeObject:
    """Return a PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
    }

"""Kubernetes objects as plain JSON, and where the API serves each kind that this project touches (R8, R11, R12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from envid.errors import InputError

__all__ = ["KINDS", "KubeObject", "ObjectKind", "kind_of", "object_name", "object_path"]

KubeObject: TypeAlias = dict[str, Any]
"""One object as the API server takes and gives it."""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: its API version, its name, its plural in URLs, and whether it lives in a namespace."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


_ALL: Final = (
    ObjectKind("v1", "Namespace", "namespaces", namespaced=False),
    ObjectKind("v1", "ConfigMap", "configmaps"),
    ObjectKind("v1", "Event", "events"),
    ObjectKind("v1", "Node", "nodes", namespaced=False),
    ObjectKind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ObjectKind("v1", "Pod", "pods"),
    ObjectKind("v1", "Secret", "secrets"),
    ObjectKind("v1", "Service", "services"),
    ObjectKind("v1", "ServiceAccount", "serviceaccounts"),
    ObjectKind("apps/v1", "Deployment", "deployments"),
    ObjectKind("apps/v1", "StatefulSet", "statefulsets"),
    ObjectKind("batch/v1", "Job", "jobs"),
    ObjectKind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ObjectKind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ObjectKind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    ObjectKind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    ObjectKind("tekton.dev/v1", "Pipeline", "pipelines"),
    ObjectKind("tekton.dev/v1", "PipelineRun", "pipelineruns"),
    ObjectKind("tekton.dev/v1", "Task", "tasks"),
    ObjectKind("tekton.dev/v1", "TaskRun", "taskruns"),
    ObjectKind("argoproj.io/v1alpha1", "AppProject", "appprojects"),
    ObjectKind("argoproj.io/v1alpha1", "Application", "applications"),
)
KINDS: Final = {kind.kind: kind for kind in _ALL}
"""Every kind that this project touches, by its name."""


def kind_of(manifest: KubeObject) -> ObjectKind:
    """Return the kind of an object.

    Raises:
        InputError: it is none that this project touches.

    """
    kind = KINDS.get(str(manifest.get("kind")))
    if kind is None or kind.api_version != manifest.get("apiVersion"):
        raise InputError(f"{manifest.get('apiVersion')} {manifest.get('kind')} is not a kind that a lane has")
    return kind


def object_name(manifest: KubeObject) -> str:
    """Return how a message names an object: ``Deployment agentrun-v01/agentrun-mgr``."""
    metadata = manifest.get("metadata", {})
    name = metadata.get("name") or f"{metadata.get('generateName', '')}*"
    return f"{manifest.get('kind')} {'/'.join(filter(None, (metadata.get('namespace'), name)))}"


def object_path(kind: ObjectKind, namespace: str = "", name: str = "") -> str:
    """Return the API server's path of one object, or of all of a kind where ``name`` is empty."""
    group = "api" if "/" not in kind.api_version else "apis"
    parts = [group, kind.api_version]
    if kind.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(kind.plural)
    if name:
        parts.append(name)
    return "/" + "/".join(parts)

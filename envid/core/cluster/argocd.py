"""Argo CD's side of a lane: a project that can deliver nowhere else, and the Application (R12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.cluster.setup import ClusterSetup
    from envid.core.objects import KubeObject

__all__ = ["IN_CLUSTER", "argocd_objects"]

IN_CLUSTER: Final = "https://kubernetes.default.svc"
"""How Argo CD names the cluster that it runs in."""
_API: Final = "argoproj.io/v1alpha1"
_COMPONENT: Final = "delivery"
# what core/render makes, and nothing else: a lane can't deliver a Secret, a Namespace or a cluster-wide right
_MAY_DELIVER: Final = (
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
)


def argocd_objects(setup: ClusterSetup) -> Iterator[KubeObject]:
    """Yield the AppProject and the Application."""
    lane = setup.lane
    destination = {"server": IN_CLUSTER, "namespace": lane.name}
    yield {
        "apiVersion": _API,
        "kind": "AppProject",
        "metadata": setup.metadata(lane.name, _COMPONENT, setup.argocd_namespace),
        "spec": {
            "description": f"{lane.project}'s lane {lane.version}",
            "sourceRepos": [setup.mirror_read_url],
            "destinations": [destination],
            "clusterResourceWhitelist": [],
            "namespaceResourceWhitelist": [{"group": group, "kind": kind} for group, kind in _MAY_DELIVER],
        },
    }
    yield {
        "apiVersion": _API,
        "kind": "Application",
        "metadata": setup.metadata(lane.application, _COMPONENT, setup.argocd_namespace),
        "spec": {
            "project": lane.name,
            "source": {
                "repoURL": setup.mirror_read_url,
                "targetRevision": lane.gitops_branch,
                "path": str(lane.runtime_path),
            },
            "destination": destination,
            "syncPolicy": {
                # a hand's change is not undone in silence: it stays, shows as OutOfSync, and `verify` names it
                "automated": {"prune": True, "selfHeal": False},
                "syncOptions": ["CreateNamespace=false", "ServerSideApply=true"],
                "retry": {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}},
            },
        },
    }

"""Who a service is to the Kubernetes API, and what it may do there: in its own namespace only (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightkube.models import core_v1, rbac_v1

if TYPE_CHECKING:
    from envid.core.deploy import Workload
    from envid.core.render.scope import Scope

__all__ = ["role", "role_binding", "service_account"]


def service_account(workload: Workload, scope: Scope) -> core_v1.ServiceAccount:
    """Return the service's account; no pod gets its token without asking."""
    return core_v1.ServiceAccount(
        metadata=scope.metadata(workload.account, workload.kind, owner=workload.id),
        automountServiceAccountToken=False,
    )


def role(workload: Workload, scope: Scope) -> rbac_v1.Role:
    """Return what running Jobs takes: the Jobs themselves, and to see their pods and logs."""
    return rbac_v1.Role(
        metadata=scope.metadata(workload.account, workload.kind, owner=workload.id),
        rules=[
            rbac_v1.PolicyRule(
                apiGroups=["batch"], resources=["jobs"], verbs=["create", "delete", "get", "list", "watch"]
            ),
            rbac_v1.PolicyRule(apiGroups=[""], resources=["pods"], verbs=["get", "list", "watch"]),
            rbac_v1.PolicyRule(apiGroups=[""], resources=["pods/log"], verbs=["get"]),
        ],
    )


def role_binding(workload: Workload, scope: Scope) -> rbac_v1.RoleBinding:
    """Return the binding of the service's Role to its account."""
    return rbac_v1.RoleBinding(
        metadata=scope.metadata(workload.account, workload.kind, owner=workload.id),
        roleRef=rbac_v1.RoleRef(apiGroup="rbac.authorization.k8s.io", kind="Role", name=workload.account),
        subjects=[rbac_v1.Subject(kind="ServiceAccount", name=workload.account, namespace=scope.lane.name)],
    )

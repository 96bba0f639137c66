"""NetworkPolicies: everything is denied, then each service gets what it cannot do without (R8)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from lightkube.models import meta_v1, networking_v1

from envid.core.database import POSTGRES_PORT
from envid.core.render.scope import lint_annotation

if TYPE_CHECKING:
    from envid.core.deploy import Egress, Workload
    from envid.core.render.scope import Scope

__all__ = ["default_deny", "postgres_policy", "service_policy"]

_DNS_PORT: Final = 53
_API_PORT: Final = 6443
_NAMESPACE: Final = "kubernetes.io/metadata.name"
_ANYWHERE: Final = "0.0.0.0/0"
_IN_CLUSTER: Final = ".svc.cluster.local"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_Peer = networking_v1.NetworkPolicyPeer
_Port = networking_v1.NetworkPolicyPort


def default_deny(scope: Scope) -> networking_v1.NetworkPolicy:
    """Return the policy that denies every pod of the namespace all that no other policy allows."""
    return networking_v1.NetworkPolicy(
        metadata=scope.metadata("default-deny", "network"),
        spec=networking_v1.NetworkPolicySpec(podSelector=meta_v1.LabelSelector(), policyTypes=["Ingress", "Egress"]),
    )


def service_policy(workload: Workload, scope: Scope) -> networking_v1.NetworkPolicy:
    """Return what a service may: DNS, the mirror, and what deploy.json says it needs.

    A manager takes requests from its namespace (its runners) and from the namespaces that deploy.json names.
    """
    egress = [_dns(), _mirror(scope.mirror_read_url)]
    if workload.database and (postgres := scope.deploy.postgres) is not None:
        egress.append(
            networking_v1.NetworkPolicyEgressRule(to=[_pods(scope, postgres.name)], ports=[_tcp(POSTGRES_PORT)])
        )
    if workload.kind == "runner":
        egress += [
            networking_v1.NetworkPolicyEgressRule(to=[_pods(scope, w.id)], ports=[_tcp(w.port)])
            for w in scope.deploy.running
            if w.kind == "manager"
        ]
    if "run-jobs" in workload.permissions:
        # the API server is no pod, and its address is the node's: only its port can be told
        egress.append(
            networking_v1.NetworkPolicyEgressRule(
                to=[_Peer(ipBlock=networking_v1.IPBlock(cidr=_ANYWHERE))], ports=[_tcp(_API_PORT)]
            )
        )
    egress += [_way_out(way) for way in workload.network.egress]
    ingress = None
    if workload.kind == "manager":
        callers = [_Peer(podSelector=meta_v1.LabelSelector())]
        callers += [_namespace(name) for name in workload.network.ingress_namespaces]
        ports = sorted({workload.port, *workload.extra_ports.values()})
        ingress = [networking_v1.NetworkPolicyIngressRule(from_=callers, ports=[_tcp(port) for port in ports])]
    # a linter sees no pods of a runner: its Jobs are made while the lane runs
    annotations = lint_annotation("networkpolicy-targets-pod") if workload.kind == "runner" else None
    return networking_v1.NetworkPolicy(
        metadata=scope.metadata(workload.id, workload.kind, annotations=annotations),
        spec=networking_v1.NetworkPolicySpec(
            podSelector=meta_v1.LabelSelector(matchLabels=scope.selector(workload.id)),
            policyTypes=["Ingress", "Egress"],
            ingress=ingress,
            egress=egress,
        ),
    )


def postgres_policy(name: str, scope: Scope) -> networking_v1.NetworkPolicy:
    """Return the policy by which only the services with ``database`` reach Postgres, and Postgres reaches nothing."""
    users = [_pods(scope, workload.id) for workload in scope.deploy.running if workload.database]
    rule = networking_v1.NetworkPolicyIngressRule(from_=users, ports=[_tcp(POSTGRES_PORT)])
    return networking_v1.NetworkPolicy(
        metadata=scope.metadata(name, "database"),
        spec=networking_v1.NetworkPolicySpec(
            podSelector=meta_v1.LabelSelector(matchLabels=scope.selector(name)),
            policyTypes=["Ingress", "Egress"],
            # an empty list of callers would mean everyone
            ingress=[rule] if users else None,
        ),
    )


def _dns() -> networking_v1.NetworkPolicyEgressRule:
    server = _Peer(
        namespaceSelector=meta_v1.LabelSelector(matchLabels={_NAMESPACE: "kube-system"}),
        podSelector=meta_v1.LabelSelector(matchLabels={"k8s-app": "kube-dns"}),
    )
    return networking_v1.NetworkPolicyEgressRule(
        to=[server], ports=[_Port(protocol="UDP", port=_DNS_PORT), _Port(protocol="TCP", port=_DNS_PORT)]
    )


def _mirror(url: str) -> networking_v1.NetworkPolicyEgressRule:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.endswith(_IN_CLUSTER):
        # a policy sees the pod's port, which a Service may map to any: the namespace alone can be told
        return networking_v1.NetworkPolicyEgressRule(to=[_namespace(host.removesuffix(_IN_CLUSTER).split(".")[-1])])
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)
    block = networking_v1.IPBlock(cidr=_block_of(host))
    return networking_v1.NetworkPolicyEgressRule(to=[_Peer(ipBlock=block)], ports=[_tcp(port)])


def _block_of(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return _ANYWHERE  # a policy knows no host names
    return f"{address}/{address.max_prefixlen}"


def _way_out(way: Egress) -> networking_v1.NetworkPolicyEgressRule:
    block = networking_v1.IPBlock(cidr=way.cidr, except_=list(way.except_cidrs) or None)
    return networking_v1.NetworkPolicyEgressRule(to=[_Peer(ipBlock=block)], ports=[_tcp(port) for port in way.ports])


def _pods(scope: Scope, name: str) -> networking_v1.NetworkPolicyPeer:
    return _Peer(podSelector=meta_v1.LabelSelector(matchLabels=scope.selector(name)))


def _namespace(name: str) -> networking_v1.NetworkPolicyPeer:
    return _Peer(namespaceSelector=meta_v1.LabelSelector(matchLabels={_NAMESPACE: name}))


def _tcp(port: int) -> networking_v1.NetworkPolicyPort:
    return _Port(protocol="TCP", port=port)

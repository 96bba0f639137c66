"""All objects of a lane in its cluster, in the order to apply them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envid.core.cluster.argocd import argocd_objects
from envid.core.cluster.buildkit import buildkit_objects
from envid.core.cluster.mirror import mirror_objects
from envid.core.cluster.tekton import CA_KEY, tekton_objects
from envid.core.lane import INFRA_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.cluster.setup import ClusterSetup
    from envid.core.objects import KubeObject

__all__ = ["ca_config_map", "lane_objects", "namespaces"]

_SECURITY: Final = "pod-security.kubernetes.io"


def lane_objects(setup: ClusterSetup, *, with_mirror: bool = True) -> Iterator[KubeObject]:
    """Yield everything but the namespaces and what holds a secret or a user's file."""
    if with_mirror:
        yield from mirror_objects(setup)
    if setup.buildkit_host is None:
        yield from buildkit_objects(setup)
    yield from tekton_objects(setup)
    yield from argocd_objects(setup)


def namespaces(setup: ClusterSetup, *, with_mirror: bool = True) -> Iterator[KubeObject]:
    """Yield the lane's namespaces, with the Pod Security that each enforces."""
    lane = setup.lane
    yield _namespace(setup, lane.name, "runtime", "restricted")
    # hostNetwork, which every step has by the lane's specification, is beyond `baseline`
    yield _namespace(setup, lane.ci_namespace, "ci", "privileged", of_lane=False)
    if with_mirror:
        yield _namespace(setup, INFRA_NAMESPACE, "git-mirror", "restricted", of_lane=False)


def ca_config_map(setup: ClusterSetup, bundle: str) -> KubeObject:
    """Return the ConfigMap with a bundle of certificates, as PEM text."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": setup.metadata(setup.lane.ca_bundle, "ci", setup.lane.ci_namespace),
        "data": {CA_KEY: bundle},
    }


def _namespace(setup: ClusterSetup, name: str, component: str, level: str, *, of_lane: bool = True) -> KubeObject:
    metadata = setup.metadata(name, component, of_lane=of_lane)
    metadata["labels"] |= {f"{_SECURITY}/{mode}": level for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

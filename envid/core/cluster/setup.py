"""How a lane stands in its cluster: the names, images and choices that every object below is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from envid.core.lane import Lane

__all__ = ["RUN_AS", "ClusterSetup"]

RUN_AS: Final = 65532
"""User and group id of every container that is not BuildKit; the toolbox and the mirror's image have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSetup:
    """A lane and its cluster.

    ``toolbox``, ``git_mirror`` and ``buildkit`` are images pinned by digest. ``buildkit_host`` is a BuildKit elsewhere:
    with it none is set up here, and ``buildkit_secret`` names what steps show it, where it asks. ``proxy`` is what
    steps reach the outside through, None for none; ``no_proxy`` lists hosts that are reached directly, beside the
    cluster's own. ``with_ca`` says that the lane has a bundle of certificates; ``rootless`` that BuildKit needs no
    privileged pod on this cluster's kernel. ``buildkit_certificate`` tells BuildKit's present certificate from a former
    one. Sizes are Kubernetes' quantities.
    """

    lane: Lane
    registry: str
    mirror_read_url: str
    mirror_write_url: str
    toolbox: str
    git_mirror: str
    buildkit: str
    buildkit_host: str | None = None
    buildkit_secret: str | None = None
    rootless: bool = False
    buildkit_certificate: str = ""
    argocd_namespace: str = "argocd"
    proxy: str | None = None
    no_proxy: tuple[str, ...] = ()
    service_cidr: str = "10.43.0.0/16"
    with_ca: bool = False
    workspace_storage: str = "4Gi"
    buildkit_storage: str = "20Gi"
    mirror_storage: str = "5Gi"

    @property
    def builder(self) -> str:
        """The address that steps reach BuildKit at."""
        lane = self.lane
        return self.buildkit_host or f"tcp://{lane.buildkit}.{lane.ci_namespace}.svc.cluster.local:{lane.buildkit_port}"

    @property
    def client_secret(self) -> str | None:
        """The Secret by which steps prove themselves to BuildKit; None where it asks for no proof."""
        return self.lane.buildkit_client_secret if self.buildkit_host is None else self.buildkit_secret

    def labels(self, name: str, component: str, *, of_lane: bool = True) -> dict[str, str]:
        """Return the labels of an object; what several lanes of a project share names no lane."""
        labels = {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/part-of": self.lane.project,
            "app.kubernetes.io/managed-by": "envid",
        }
        return labels | ({"agentrun.dev/lane": self.lane.version} if of_lane else {})

    def metadata(self, name: str, component: str, namespace: str = "", *, of_lane: bool = True) -> dict[str, Any]:
        """Return an object's metadata."""
        place = {"namespace": namespace} if namespace else {}
        return {"name": name, **place, "labels": self.labels(name, component, of_lane=of_lane)}

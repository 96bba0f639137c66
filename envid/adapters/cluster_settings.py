"""The ``cluster`` part of ``invoke.yaml``: what differs from cluster to cluster, by default AgentRun's own."""

from __future__ import annotations

from typing import Annotated

from envid.core.model.words import Field, Strict, StrictModel

__all__ = ["ClusterSettings"]

_Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
_Quantity = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$")]
_Cidr = Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
_Host = Annotated[str, Field(pattern=r"^\.?[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
_Proxy = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=256)]


class ClusterSettings(StrictModel):
    """How the lane stands in its cluster (R11, R12).

    ``proxy`` is what steps reach the outside through, null for none; ``no_proxy`` lists hosts that are reached directly
    beside the cluster's own names, ``service_cidr`` and loopback. ``buildkit_secret`` is a Secret of the Tekton
    namespace with ``ca.pem``, ``cert.pem`` and ``key.pem`` for a BuildKit elsewhere (``buildkitHost``).
    ``rootless_buildkit`` runs BuildKit without a privileged pod, where the nodes' kernel allows it. Sizes are
    Kubernetes' quantities.
    """

    argocd_namespace: _Name = "argocd"
    proxy: _Proxy | None = "http://127.0.0.1:10808"
    no_proxy: Annotated[tuple[_Host, ...], Strict(strict=False)] = ("hyueapi.com", ".hyueapi.com")
    service_cidr: _Cidr = "10.43.0.0/16"
    buildkit_secret: _Name | None = None
    rootless_buildkit: bool = False
    workspace_storage: _Quantity = "4Gi"
    buildkit_storage: _Quantity = "20Gi"
    mirror_storage: _Quantity = "5Gi"

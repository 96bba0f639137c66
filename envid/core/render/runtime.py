"""All manifests of a lane's runtime, by path on the GitOps branch (R8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from lightkube.models import core_v1

from envid.core.deploy import CATALOG_CONFIG_MAP, Borrower, lane_faults
from envid.core.images import NO_IMAGES
from envid.core.render.access import role, role_binding, service_account
from envid.core.render.manager import claims, deployment, disruption_budget, http_service
from envid.core.render.network import default_deny, postgres_policy, service_policy
from envid.core.render.postgres import postgres_service, postgres_stateful_set
from envid.core.render.promoted import runtime_catalog
from envid.core.render.runner import job_templates
from envid.core.render.scope import Scope
from envid.core.render.yamltext import manifest_bytes
from envid.core.values import ImageReference
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.catalog import Catalog, CatalogEntry
    from envid.core.deploy import Deploy, Service
    from envid.core.images import Images
    from envid.core.lane import Lane

__all__ = ["render_runtime"]


class _Manifest(Protocol):
    def to_dict(self, dict_factory: Any = ...) -> dict[str, Any]: ...


def render_runtime(
    deploy: Deploy, catalog: Catalog, lane: Lane, *, mirror_read_url: str, images: Images = NO_IMAGES
) -> dict[str, bytes]:
    """Return the runtime path's files, by path on the GitOps branch.

    Raises:
        InputError: the catalog has no entry for a service, its entry is not pinned to its own digest, deploy.json is
            another lane's, an image that it needs beside the catalog's is not pinned, or what the manager has to know
            is too large for a ConfigMap.

    """
    faults = lane_faults(deploy, lane)
    entries: dict[str, CatalogEntry] = {}
    for service in deploy.services:
        entry = catalog.entry(service.id)
        if entry is None:
            faults.append(Fault(f"services.{service.id}", "the catalog has no entry; publish it first"))
        elif ImageReference.parse(entry.repository_digest).digest != entry.digest:
            faults.append(Fault(f"services.{service.id}", "repositoryDigest does not end in the digest"))
        else:
            entries[service.id] = entry
    if deploy.postgres is not None and images.postgres is None:
        faults.append(Fault("deploy/runtime/images.json: $.images.postgres", "no image is pinned for Postgres"))
    if faults:
        raise InputError("the runtime can't be rendered", faults=faults, remedy="invoke publish, then invoke render")
    files: dict[str, bytes] = {}
    for name, manifest in _manifests(deploy, catalog, entries, lane, mirror_read_url, images):
        path = f"{lane.runtime_path}/{name}.yaml"
        if path in files:
            raise InputError("the runtime can't be rendered", faults=[Fault(path, "two objects want this file")])
        files[path] = manifest_bytes(manifest.to_dict())
    return files


def _manifests(
    deploy: Deploy,
    catalog: Catalog,
    entries: dict[str, CatalogEntry],
    lane: Lane,
    mirror_read_url: str,
    images: Images,
) -> Iterator[tuple[str, _Manifest]]:
    # every entry of one promotion is of one commit
    commits = {entry.source_commit for entry in entries.values()}
    scope = Scope(lane=lane, commit=max(commits), deploy=deploy, mirror_read_url=mirror_read_url)
    yield "default-deny-networkpolicy", default_deny(scope)
    if any(workload.kind == "manager" for workload in deploy.running):
        yield f"{CATALOG_CONFIG_MAP}-configmap", runtime_catalog(catalog, scope)
    for name, data in sorted(deploy.config_maps.items()):
        yield (
            f"{name}-configmap",
            core_v1.ConfigMap(metadata=scope.metadata(name, "settings"), data=dict(sorted(data.items()))),
        )
    for workload in deploy.running:
        entry = entries[_builder_of(workload)]
        yield from _workload_manifests(workload, entry, replace(scope, commit=entry.source_commit))
    postgres = deploy.postgres
    if postgres is not None and images.postgres is not None:
        yield f"{postgres.name}-statefulset", postgres_stateful_set(postgres, images.postgres, scope)
        yield f"{postgres.name}-service", postgres_service(postgres, scope)
        yield f"{postgres.name}-networkpolicy", postgres_policy(postgres.name, scope)


def _workload_manifests(
    workload: Service | Borrower, entry: CatalogEntry, scope: Scope
) -> Iterator[tuple[str, _Manifest]]:
    name = workload.id
    yield f"{name}-serviceaccount", service_account(workload, scope)
    yield f"{name}-networkpolicy", service_policy(workload, scope)
    if workload.kind == "runner":
        yield f"{name}-jobs", job_templates(workload, entry, scope)
        return
    yield f"{name}-deployment", deployment(workload, entry, scope)
    yield f"{name}-service", http_service(workload, entry, scope)
    if workload.replicas > 1:
        yield f"{name}-poddisruptionbudget", disruption_budget(workload, scope)
    for volume, claim in claims(workload, scope).items():
        yield f"{name}-{volume}-pvc", claim
    if "run-jobs" in workload.permissions:
        yield f"{name}-role", role(workload, scope)
        yield f"{name}-rolebinding", role_binding(workload, scope)


def _builder_of(workload: Service | Borrower) -> str:
    return workload.image_from if isinstance(workload, Borrower) else workload.id

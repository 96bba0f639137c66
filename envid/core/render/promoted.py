"""What a manager knows of the promoted images: the part of the artifact catalog that an imageRef is resolved by (R13).

The catalog itself is on the GitOps branch, where no pod reads. Provenance and attestations stay there: they prove
nothing to a manager, and would only bring the ConfigMap nearer to its limit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lightkube.models import core_v1

from envid.core.deploy import CATALOG_CONFIG_MAP
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from envid.core.catalog import Catalog, CatalogEntry
    from envid.core.render.scope import Scope

__all__ = ["CATALOG_FILE", "catalog_mount", "runtime_catalog"]

_FOLDER: Final = "/etc/agentrun/catalog"
_KEY: Final = "catalog.json"
CATALOG_FILE: Final = f"{_FOLDER}/{_KEY}"
_SCHEMA: Final = "agentrun.runtime-catalog/1"
_FIELDS: Final = {
    "service_id",
    "lane",
    "image_ref",
    "image",
    "digest",
    "repository_digest",
    "env_identity",
    "boot_commit",
    "toolchain_inputs",
}
_LIMIT: Final = 1024 * 1024
"""Kubernetes takes no ConfigMap with more data, in bytes."""


def runtime_catalog(catalog: Catalog, scope: Scope) -> core_v1.ConfigMap:
    """Return the ConfigMap with what ``catalog`` says of images.

    Raises:
        InputError: it is too large for a ConfigMap.

    """
    document = {
        "schemaVersion": _SCHEMA,
        "lane": catalog.lane,
        "services": [_entry(entry) for entry in catalog.services],
    }
    content = json.dumps(document, indent=2, ensure_ascii=True) + "\n"
    size = len(_KEY) + len(content)
    if size > _LIMIT:
        raise InputError(
            "the promoted images don't fit into a ConfigMap",
            faults=[Fault(f"{CATALOG_CONFIG_MAP}: {_KEY}", f"it has {size} bytes; Kubernetes takes {_LIMIT}")],
            remedy="declare fewer inputs in deploy.json, or give the services lanes of their own",
            code="catalog-too-large",
        )
    return core_v1.ConfigMap(metadata=scope.metadata(CATALOG_CONFIG_MAP, "catalog"), data={_KEY: content})


def catalog_mount() -> tuple[core_v1.Volume, core_v1.VolumeMount]:
    """Return the catalog as a read-only folder: the kubelet keeps a folder up to date, and a single file never."""
    return (
        core_v1.Volume(name="catalog", configMap=core_v1.ConfigMapVolumeSource(name=CATALOG_CONFIG_MAP)),
        core_v1.VolumeMount(name="catalog", mountPath=_FOLDER, readOnly=True),
    )


def _entry(entry: CatalogEntry) -> dict[str, Any]:
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True, include=_FIELDS)

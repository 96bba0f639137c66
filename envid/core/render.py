"""Renders deploy.json and the catalog into the manifests of the runtime path: digest-pinned and byte-stable (R8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from envid.core.values import ImageReference
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.catalog import Catalog, CatalogEntry
    from envid.core.deploy import Deploy, Service
    from envid.core.lane import Lane

__all__ = ["RUNTIME_USER", "manifest_bytes", "render_runtime"]

RUNTIME_USER: Final = 65532
"""User and group id that every container runs as; the env image has it."""
_WORK_DIR: Final = "/var/lib/agentrun"
_HEADER: Final = (
    "# Rendered by envid from deploy/deploy.json and the artifact catalog; the next promotion replaces it.\n"
)
# a word that starts with a letter is no number, date or special value in YAML 1.1 or 1.2, but for these
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def render_runtime(deploy: Deploy, catalog: Catalog, lane: Lane, *, mirror_read_url: str) -> dict[str, bytes]:
    """Return the runtime path's files, by path on the GitOps branch.

    Raises:
        InputError: the catalog has no entry for a service, or its entry is not pinned to its own digest.

    """
    faults: list[Fault] = []
    files: dict[str, bytes] = {}
    for service in deploy.services:
        entry = catalog.entry(service.id)
        if entry is None:
            faults.append(Fault(f"services.{service.id}", "the catalog has no entry; publish it first"))
            continue
        if ImageReference.parse(entry.repository_digest).digest != entry.digest:
            faults.append(Fault(f"services.{service.id}", "repositoryDigest does not end in the digest"))
            continue
        for kind, manifest in (
            ("deployment", _deployment(service, entry, lane, mirror_read_url)),
            ("service", _service(service, entry, lane)),
        ):
            files[f"{lane.runtime_path}/{service.id}-{kind}.yaml"] = manifest_bytes(manifest)
    if faults:
        raise InputError("the runtime can't be rendered", faults=faults, remedy="invoke publish, then invoke render")
    return files


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return one manifest as YAML: one spelling, whatever the Python or YAML version."""
    text: str = yaml.dump(
        dict(manifest), Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=4096
    )
    return (_HEADER + text).encode()


class _Dumper(yaml.SafeDumper):
    """Quotes every string value that a YAML 1.1 or 1.2 reader could take for something else, and never uses aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _deployment(service: Service, entry: CatalogEntry, lane: Lane, mirror_read_url: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(service, entry, lane),
        "spec": {
            "replicas": service.replicas,
            "selector": {"matchLabels": _selector(service, lane)},
            "template": {
                "metadata": {"labels": _labels(service, entry, lane), "annotations": _annotations(entry)},
                "spec": _pod(service, entry, lane, mirror_read_url),
            },
        },
    }


def _pod(service: Service, entry: CatalogEntry, lane: Lane, mirror_read_url: str) -> dict[str, Any]:
    # what the lane gives wins over deploy.json: a typo there must not boot another commit
    environment = service.env | {
        "AGENTRUN_BOOT_COMMIT": entry.boot_commit,
        "AGENTRUN_ENV_IDENTITY": entry.env_identity,
        "AGENTRUN_LANE": lane.version,
        "AGENTRUN_MIRROR_READ_URL": mirror_read_url,
        "AGENTRUN_ROLE": service.kind,
        "AGENTRUN_WORK_DIR": _WORK_DIR,
        "PORT": str(service.port),
    }
    probe = {"httpGet": {"path": service.health_path, "port": "http"}}
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": RUNTIME_USER,
            "runAsGroup": RUNTIME_USER,
            "fsGroup": RUNTIME_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": service.id,
                "image": entry.repository_digest,
                "imagePullPolicy": "IfNotPresent",
                "env": [{"name": name, "value": str(value)} for name, value in sorted(environment.items())],
                "ports": [{"name": "http", "containerPort": service.port}],
                "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": 60},
                "readinessProbe": {**probe, "periodSeconds": 5},
                "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
                "resources": service.resources.model_dump(mode="json"),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [
                    {"name": "work", "mountPath": _WORK_DIR},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own, an emptyDir
                ],
            }
        ],
        "volumes": [{"name": "work", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }


def _service(service: Service, entry: CatalogEntry, lane: Lane) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(service, entry, lane),
        "spec": {
            "selector": _selector(service, lane),
            "ports": [{"name": "http", "port": service.port, "targetPort": "http"}],
        },
    }


def _metadata(service: Service, entry: CatalogEntry, lane: Lane) -> dict[str, Any]:
    return {
        "name": service.id,
        "namespace": lane.name,
        "labels": _labels(service, entry, lane),
        "annotations": _annotations(entry),
    }


def _selector(service: Service, lane: Lane) -> dict[str, str]:
    return {"app.kubernetes.io/name": service.id, "app.kubernetes.io/instance": lane.name}


def _labels(service: Service, entry: CatalogEntry, lane: Lane) -> dict[str, str]:
    return {
        **_selector(service, lane),
        "app.kubernetes.io/component": service.kind,
        "app.kubernetes.io/part-of": lane.project,
        "app.kubernetes.io/managed-by": "envid",
        "agentrun.dev/lane": lane.version,
        "agentrun.dev/source-commit": entry.source_commit,
    }


def _annotations(entry: CatalogEntry) -> dict[str, str]:
    # a label's value ends at 63 characters; an envIdentity has 64
    return {"agentrun.dev/env-identity": str(entry.env_identity)}


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)  # for the types that are checked strings

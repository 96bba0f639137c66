"""BuildKit in a pod of its own, for all lanes of a project: TCP with certificates on both sides (R7, R11)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from envid.core.cluster.pods import claim, deployment, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.cluster.setup import ClusterSetup
    from envid.core.objects import KubeObject

__all__ = ["TLS_DIR", "TLS_FILES", "buildkit_objects", "buildkit_secrets"]

TLS_FILES: Final = ("ca.pem", "cert.pem", "key.pem")
"""The keys of both Secrets, as buildctl's own ``--tlsdir`` names them."""
TLS_DIR: Final = "/etc/buildkit/tls"
_COMPONENT: Final = "builder"
_ROOTLESS_USER: Final = 1000
_READ_AT_START: Final = "agentrun.dev/read-at-start"


def buildkit_secrets(setup: ClusterSetup, server: dict[str, str], client: dict[str, str]) -> Iterator[KubeObject]:
    """Yield the Secrets with BuildKit's certificate and the steps'; values are PEM texts by ``TLS_FILES``."""
    lane = setup.lane
    for name, files in ((lane.buildkit_server_secret, server), (lane.buildkit_client_secret, client)):
        metadata = setup.metadata(name, _COMPONENT, lane.ci_namespace, of_lane=False)
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "Opaque",
            "stringData": {key: files[key] for key in TLS_FILES},
        }


def buildkit_objects(setup: ClusterSetup) -> Iterator[KubeObject]:
    """Yield BuildKit's objects, in the order to apply them in."""
    name, namespace = setup.lane.buildkit, setup.lane.ci_namespace
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": setup.metadata(name, _COMPONENT, namespace, of_lane=False),
        "data": {"buildkitd.toml": _config(setup)},
    }
    yield claim(setup.metadata(f"{name}-cache", _COMPONENT, namespace, of_lane=False), setup.buildkit_storage)
    metadata = setup.metadata(name, _COMPONENT, namespace, of_lane=False)
    yield deployment(metadata, _pod(setup), annotations={_READ_AT_START: _read_at_start(setup)})
    metadata = setup.metadata(name, _COMPONENT, namespace, of_lane=False)
    yield service(metadata, name, port=setup.lane.buildkit_port, target_port="buildkit")


def _config(setup: ClusterSetup) -> str:
    # the registry of the node speaks plain HTTP on loopback; any other must have a certificate
    return f'[registry."{setup.registry}"]\n  http = {str(setup.registry.startswith(("127.", "localhost"))).lower()}\n'


def _read_at_start(setup: ClusterSetup) -> str:
    """Tell one set of BuildKit's files from another: it reads them once, so another set needs a new pod."""
    files = "\0".join((_config(setup), setup.buildkit_certificate))
    return hashlib.sha256(files.encode()).hexdigest()


def _pod(setup: ClusterSetup) -> dict[str, Any]:
    port = setup.lane.buildkit_port
    home = "/home/user/.local/share/buildkit" if setup.rootless else "/var/lib/buildkit"
    socket = (
        "unix:///run/user/1000/buildkit/buildkitd.sock" if setup.rootless else "unix:///run/buildkit/buildkitd.sock"
    )
    arguments = [
        "--config=/etc/buildkit/buildkitd.toml",
        f"--addr={socket}",
        f"--addr=tcp://0.0.0.0:{port}",
        *(f"--tls{kind}={TLS_DIR}/{file}" for kind, file in zip(("cacert", "cert", "key"), TLS_FILES, strict=True)),
        "--oci-worker-net=host",
        "--containerd-worker=false",
        *(["--oci-worker-no-process-sandbox"] if setup.rootless else []),
    ]
    unconfined = {"type": "Unconfined"}
    security = (
        {
            "runAsUser": _ROOTLESS_USER,
            "runAsGroup": _ROOTLESS_USER,
            "seccompProfile": unconfined,
            "appArmorProfile": unconfined,
        }
        if setup.rootless
        else {"privileged": True}
    )
    probe = {"exec": {"command": ["buildctl", f"--addr={socket}", "debug", "workers"]}, "timeoutSeconds": 10}
    return {
        # builds push to the node's own registry, which listens on the node's loopback
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 20,
        **({"securityContext": {"fsGroup": _ROOTLESS_USER}} if setup.rootless else {}),
        "containers": [
            {
                "name": "buildkitd",
                "image": setup.buildkit,
                "imagePullPolicy": "IfNotPresent",
                "args": arguments,
                "ports": [{"name": "buildkit", "containerPort": port, "hostPort": port, "protocol": "TCP"}],
                "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": 60},
                "readinessProbe": {**probe, "periodSeconds": 10},
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "256Mi"},
                    "limits": {"cpu": "4", "memory": "4Gi", "ephemeral-storage": "8Gi"},
                },
                "securityContext": security,
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/buildkit/buildkitd.toml", "subPath": "buildkitd.toml"},
                    {"name": "tls", "mountPath": TLS_DIR, "readOnly": True},
                    {"name": "cache", "mountPath": home},
                ],
            }
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": setup.lane.buildkit}},
            # 0440: BuildKit refuses nothing, but nobody else on the node may read the key
            {"name": "tls", "secret": {"secretName": setup.lane.buildkit_server_secret, "defaultMode": 288}},
            {"name": "cache", "persistentVolumeClaim": {"claimName": f"{setup.lane.buildkit}-cache"}},
        ],
    }

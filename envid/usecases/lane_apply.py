"""``lane.apply``: puts what a lane needs into its cluster, and waits until it runs (R10-R12, R14)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from envid.adapters.certificates import RENEW_BEFORE, expires, make_certificates
from envid.core.cluster import lane_objects
from envid.core.cluster.buildkit import buildkit_secrets
from envid.core.cluster.mirror import MIRROR, mirror_token
from envid.core.cluster.whole import ca_config_map, namespaces
from envid.core.lane import INFRA_NAMESPACE, MIRROR_READ_SERVICE, MIRROR_TOKEN_SECRET, MIRROR_WRITE_SERVICE
from envid.core.objects import object_name
from envid.errors import Blocked, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from envid.core.cluster import ClusterSetup
    from envid.core.objects import KubeObject
    from envid.usecases.ports import ClusterApi, Progress

__all__ = ["Applied", "apply_lane"]

_OURS: Final = "app.kubernetes.io/managed-by"
_SILENCE_SECONDS: Final = 60
# beyond a Deployment's own deadline, which counts only while a new version rolls out
_READY_SECONDS: Final = 300
_ANSWER_SECONDS: Final = 60
_ASK_AGAIN_SECONDS: Final = 0.5
_HTTP_PORT: Final = 80
_NOT_YET: Final = (502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One object that was looked at: ``created``, ``changed`` or ``unchanged``."""

    name: str
    outcome: str


def apply_lane(
    cluster: ClusterApi,
    setup: ClusterSetup,
    *,
    ca_bundle: str | None,
    now: datetime,
    progress: Progress,
    dry_run: bool = False,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[Applied]:
    """Apply every object of the lane; done again, it changes nothing.

    A mirror that somebody else set up is used as it is. ``ca_bundle`` is PEM text; without one, a bundle that the
    lane has stays.

    Raises:
        ServiceError: the API server refused an object, or a pod did not become ready in time.
        Blocked: a right is missing.

    """
    lane = setup.lane
    with_mirror = _mirror_is_ours(cluster)
    setup = replace(setup, with_ca=bool(ca_bundle) or _has_ca(cluster, setup))
    done: list[Applied] = []
    put = _Put(cluster, dry_run=dry_run, done=done, progress=progress)
    for namespace in namespaces(setup, with_mirror=with_mirror):
        name = namespace["metadata"]["name"]
        present = cluster.get("Namespace", name)
        # the namespace of everybody's infrastructure may hold pods that our Pod Security would refuse
        if name == INFRA_NAMESPACE and present is not None and not _is_ours(present):
            continue
        put(namespace)
    if dry_run and any(item.outcome == "created" and item.name.startswith("Namespace") for item in done):
        missing = [item.name.split(" ")[1] for item in done if item.outcome == "created"]
        progress(f"a dry run can't go on: the API server knows no {', '.join(missing)} yet")
        return done
    if ca_bundle:
        put(ca_config_map(setup, ca_bundle))
    if with_mirror and cluster.get("Secret", MIRROR_TOKEN_SECRET, INFRA_NAMESPACE) is None:
        put(mirror_token(setup, secrets.token_urlsafe(32)))
    if setup.buildkit_host is None:
        certificate, new = _certificates(cluster, setup, now=now)
        for secret in new:
            put(secret)
        setup = replace(setup, buildkit_certificate=hashlib.sha256(certificate).hexdigest())
    for manifest in lane_objects(setup, with_mirror=with_mirror):
        put(manifest)
    if not dry_run:
        waits = [(MIRROR, INFRA_NAMESPACE)] if with_mirror else []
        waits += [(lane.buildkit, lane.ci_namespace)] if setup.buildkit_host is None else []
        for name, place in waits:
            progress(f"waiting for {place}/{name}")
            _wait(cluster, name, place, clock)
        for service in (MIRROR_READ_SERVICE, MIRROR_WRITE_SERVICE) if with_mirror else ():
            _wait_for_answer(cluster, service, INFRA_NAMESPACE, clock, pause)
    return done


@dataclass(frozen=True, slots=True)
class _Put:
    cluster: ClusterApi
    dry_run: bool
    done: list[Applied]
    progress: Callable[[str], None]

    def __call__(self, manifest: KubeObject) -> None:
        metadata = manifest["metadata"]
        before = self.cluster.get(manifest["kind"], metadata["name"], metadata.get("namespace", ""))
        after = self.cluster.apply(manifest, dry_run=self.dry_run)
        outcome = "created" if before is None else "unchanged" if _state(before) == _state(after) else "changed"
        self.done.append(Applied(name=object_name(manifest), outcome=outcome))
        if outcome != "unchanged":
            self.progress(f"{outcome} {object_name(manifest)}")


def _state(present: KubeObject) -> Any:
    kept = {key: value for key, value in present.items() if key not in {"metadata", "status"}}
    metadata = present["metadata"]
    return kept | {"labels": metadata.get("labels"), "annotations": metadata.get("annotations")}


def _is_ours(present: KubeObject) -> bool:
    return (present["metadata"].get("labels") or {}).get(_OURS) == "envid"


def _mirror_is_ours(cluster: ClusterApi) -> bool:
    present = cluster.get("Service", MIRROR_READ_SERVICE, INFRA_NAMESPACE)
    return present is None or _is_ours(present)


def _has_ca(cluster: ClusterApi, setup: ClusterSetup) -> bool:
    return cluster.get("ConfigMap", setup.lane.ca_bundle, setup.lane.ci_namespace) is not None


def _certificates(cluster: ClusterApi, setup: ClusterSetup, *, now: datetime) -> tuple[bytes, tuple[KubeObject, ...]]:
    """Return BuildKit's certificate, and both Secrets where they must be written; they are made together, or not."""
    lane = setup.lane
    names = (lane.buildkit_server_secret, lane.buildkit_client_secret)
    present = [cluster.get("Secret", name, lane.ci_namespace) for name in names]
    held = [base64.b64decode((secret.get("data") or {}).get("cert.pem", "")) for secret in present if secret]
    if len(held) == len(names) and min(map(expires, held)) > now + RENEW_BEFORE:
        return held[0], ()
    service = f"{lane.buildkit}.{lane.ci_namespace}"
    hosts = ["localhost", lane.buildkit, service, f"{service}.svc", f"{service}.svc.cluster.local"]
    server, client = make_certificates(hosts, now=now)
    return server["cert.pem"].encode(), tuple(buildkit_secrets(setup, server, client))


def _wait(cluster: ClusterApi, name: str, namespace: str, clock: Callable[[], float]) -> None:
    end = clock() + _READY_SECONDS
    for state in cluster.watch("Deployment", name, namespace, timeout=_SILENCE_SECONDS):
        status = state.get("status", {})
        observed = status.get("observedGeneration", 0) >= state["metadata"]["generation"]
        if observed and status.get("availableReplicas", 0) >= 1 and status.get("updatedReplicas", 0) >= 1:
            return
        progressing: dict[str, str] = next((c for c in status.get("conditions", []) if c["type"] == "Progressing"), {})
        if (observed and progressing.get("status") == "False") or clock() > end:
            raise ServiceError(
                f"{namespace}/{name} does not become ready",
                cause=f"{progressing.get('message', 'no news of its rollout')}; {_why(cluster, name, namespace)}",
                remedy=f"kubectl --namespace {namespace} describe deployment {name}",
                code="not-ready",
            )
    raise Blocked(f"{namespace}/{name} was deleted meanwhile", remedy="invoke lane.apply", code="not-ready")


def _wait_for_answer(
    cluster: ClusterApi, service: str, namespace: str, clock: Callable[[], float], pause: Callable[[float], None]
) -> None:
    """Wait until a Service leads to its pod: the cluster's network learns of a pod a moment after it is ready."""
    end = clock() + _ANSWER_SECONDS
    while (status := cluster.service_get(namespace, service, _HTTP_PORT, "/").status) in _NOT_YET:
        if clock() > end:
            raise ServiceError(
                f"{namespace}/{service} does not answer",
                cause=f"its pod is ready, but the API server gets {status} from the Service",
                remedy=f"kubectl --namespace {namespace} get endpointslices",
                code="not-ready",
            )
        pause(_ASK_AGAIN_SECONDS)


def _why(cluster: ClusterApi, name: str, namespace: str) -> str:
    """Return what the pods' containers say of themselves."""
    said = []
    for pod in cluster.list("Pod", namespace, {"app.kubernetes.io/name": name}):
        for container in pod.get("status", {}).get("containerStatuses", []):
            waiting = (
                container.get("state", {}).get("waiting") or container.get("lastState", {}).get("terminated") or {}
            )
            said.append(f"{container['name']}: {waiting.get('reason', 'no news')} {waiting.get('message', '')}".strip())
    return "; ".join(said) or "it has no pod"

"""The cluster's API server: lightkube's kubeconfig, credentials and HTTP client, and objects as plain JSON.

Objects stay as the API server gives them: Tekton's and Argo CD's kinds have no models that are kept for Python, and a
typed copy of a foreign object drops the fields that it does not know.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx2 as httpx
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from envid.core.objects import KINDS, KubeObject, ObjectKind, kind_of, object_name, object_path
from envid.errors import Blocked, InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FIELD_MANAGER", "ClusterError", "Kubernetes", "ServiceReply", "open_cluster"]

FIELD_MANAGER: Final = "agentrun-lane"
"""Whose fields server-side apply makes ours."""
_APPLY: Final = "application/apply-patch+yaml"
_TIMEOUT: Final = 30.0
_NOT_FOUND: Final = 404
_GONE: Final = 410
_PROBLEM: Final = 400


class ClusterError(ServiceError):
    """The cluster's API server could not be asked, or refused."""

    default_code = "cluster-failed"


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """What a Service answered through the API server's proxy."""

    status: int
    body: bytes


@contextmanager
def open_cluster() -> Iterator[Kubernetes]:
    """Open the cluster that ``KUBECONFIG`` names, ``~/.kube/config``, or the one that this runs in.

    Raises:
        InputError: there is no such configuration, or it can't be read.

    """
    try:
        config = KubeConfig.from_env().get()
    except ConfigError as error:
        raise InputError(
            f"there is no cluster to talk to: {error}",
            cause=f"KUBECONFIG is {os.environ.get('KUBECONFIG') or 'not set'}",
            remedy="export KUBECONFIG=FILE, of a user who may manage the lane",
            code="no-cluster",
        ) from None
    if config is None:
        raise InputError("the kubeconfig has no current context", remedy="kubectl config use-context NAME")
    # proxies of the environment are for the outside; clusters are reached directly unless the kubeconfig says so
    client = Client(config, ConnectionParams(timeout=httpx.Timeout(_TIMEOUT), trust_env=False))
    with client:
        yield Kubernetes(client, config.cluster.server)


class Kubernetes:
    """One API server, as one user."""

    def __init__(self, client: httpx.Client, server: str) -> None:
        self._client = client
        self._server = server.rstrip("/")

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._server

    def apply(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Apply ``manifest`` server-side: exactly its fields become this project's, whoever set them before.

        Raises:
            ClusterError: the API server refused it, or can't be reached.

        """
        kind, metadata = kind_of(manifest), manifest["metadata"]
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        path = object_path(kind, metadata.get("namespace", ""), metadata["name"])
        # JSON is YAML, and the only form that needs no second writer
        content = json.dumps(manifest, ensure_ascii=False).encode()
        what = f"{object_name(manifest)} can't be applied"
        return self._json("PATCH", path, what, params=query, content=content, headers={"Content-Type": _APPLY})

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Create ``manifest``.

        Raises:
            ClusterError: the API server refused it; ``code`` is ``already-exists`` where the name is taken.

        """
        path = object_path(kind_of(manifest), manifest["metadata"].get("namespace", ""))
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return self._json("POST", path, f"{object_name(manifest)} can't be created", params=query, json=manifest)

    def get(self, kind: str, name: str, namespace: str = "") -> KubeObject | None:
        """Return one object; None where the API server says that there is none, and only then."""
        path = object_path(KINDS[kind], namespace, name)
        what = f"{kind} {name} can't be read"
        response = self._send("GET", path, what)
        if response.status_code == _NOT_FOUND:
            _refuse_unknown_kind(response, KINDS[kind])
            return None
        return self._content(response, what)

    def list(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[KubeObject]:
        """Return the objects of a kind, those with ``labels`` only, in the API server's order."""
        selector = ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
        path = object_path(KINDS[kind], namespace)
        found: list[KubeObject] = []
        more = ""
        while True:
            query = {"limit": "500"} | ({"labelSelector": selector} if selector else {})
            page = self._json(
                "GET", path, f"{kind}s can't be listed", params=query | ({"continue": more} if more else {})
            )
            found += [{"apiVersion": KINDS[kind].api_version, "kind": kind, **item} for item in page.get("items", [])]
            more = page.get("metadata", {}).get("continue", "")
            if not more:
                return found

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Delete one object, and return whether there was one. What it owns goes with it."""
        path = object_path(KINDS[kind], namespace, name)
        response = self._send(
            "DELETE", path, f"{kind} {name} can't be deleted", params={"propagationPolicy": "Background"}
        )
        if response.status_code == _NOT_FOUND:
            return False
        self._content(response, f"{kind} {name} can't be deleted")
        return True

    def watch(self, kind: str, name: str, namespace: str = "", *, timeout: float = 300) -> Iterator[KubeObject]:
        """Yield one object's present state and then every later one, for at most ``timeout`` seconds of silence.

        It ends when the object is deleted. An interrupted watch begins again from the present state.

        Raises:
            Blocked: the right to watch is missing.
            ClusterError: the API server refused, or can't be reached.

        """
        while (now := self.get(kind, name, namespace)) is not None:
            yield now
            query = {
                "watch": "true",
                "fieldSelector": f"metadata.name={name}",
                "resourceVersion": now["metadata"]["resourceVersion"],
                "timeoutSeconds": str(int(timeout)),
            }
            try:
                yield from self._events(object_path(KINDS[kind], namespace), query, timeout)
            except httpx.TransportError:
                continue  # the connection was cut: the next round asks for the present state

    def pod_log(self, namespace: str, pod: str, container: str, *, tail: int | None = None) -> str:
        """Return a container's log, its last ``tail`` lines only; empty where there is none yet."""
        path = f"{object_path(KINDS['Pod'], namespace, pod)}/log"
        query = {"container": container} | ({"tailLines": str(tail)} if tail is not None else {})
        response = self._send("GET", path, f"the log of {pod} can't be read", params=query)
        # 400 is a container that waits to start, 404 a pod that is gone
        return response.text if response.status_code < _PROBLEM else ""

    def service_get(self, namespace: str, service: str, port: int, path: str) -> ServiceReply:
        """Ask a Service over HTTP through the API server, which reaches it from anywhere.

        Raises:
            ClusterError: the API server can't be reached.

        """
        response = self._send(
            "GET", f"{self.service_path(namespace, service, port)}{path}", f"{service} can't be asked"
        )
        return ServiceReply(response.status_code, response.content)

    @staticmethod
    def service_path(namespace: str, service: str, port: int) -> str:
        """Return the path of a Service's proxy on the API server."""
        return f"/api/v1/namespaces/{quote(namespace)}/services/{quote(service)}:{port}/proxy"

    def _events(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[KubeObject]:
        limits = httpx.Timeout(_TIMEOUT, read=timeout + _TIMEOUT)
        with self._client.stream("GET", path, params=query, timeout=limits) as response:
            if response.status_code == _GONE:
                return  # what was asked for is too old: the next round begins from the present state
            if response.status_code >= _PROBLEM:
                response.read()
                self._content(response, f"{path.rpartition('/')[2]} can't be watched")
            for line in response.iter_lines():
                event = json.loads(line)
                if event["type"] in {"ADDED", "MODIFIED"}:
                    yield event["object"]
                elif event["type"] in {"ERROR", "DELETED"}:
                    return

    def _json(self, method: str, path: str, what: str, **request: Any) -> KubeObject:
        return self._content(self._send(method, path, what, **request), what)

    def _send(self, method: str, path: str, what: str, **request: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **request)
        except httpx.HTTPError as error:
            raise ClusterError(
                f"{what}: {self._server} does not answer",
                cause=str(error) or type(error).__name__,
                remedy="kubectl cluster-info",
                code="cluster-unreachable",
            ) from None

    def _content(self, response: httpx.Response, what: str) -> KubeObject:
        try:
            document = response.json()
        except ValueError:
            document = {}
        if response.status_code < _PROBLEM and isinstance(document, dict):
            return document
        raise _refusal(response.status_code, document if isinstance(document, dict) else {}, what)


def _refusal(status: int, document: KubeObject, what: str) -> Exception:
    message = str(document.get("message") or f"the API server answered {status}")
    reason = document.get("reason", "")
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        return Blocked(
            f"{what}: not logged in", cause=message, remedy="renew the kubeconfig's credentials", code="cluster-login"
        )
    if status == 403 and " cannot " in message:  # noqa: PLR2004 - an admission's refusal is 403 as well, and no right
        return Blocked(
            f"{what}: a right is missing", cause=message, remedy="use a user with this right", code="cluster-forbidden"
        )
    code = "already-exists" if reason == "AlreadyExists" else "cluster-refused"
    return ClusterError(what, cause=message, code=code)


def _refuse_unknown_kind(response: httpx.Response, kind: ObjectKind) -> None:
    """Tell an absent object from a kind that the cluster does not have at all."""
    try:
        details = response.json().get("details") or {}
    except ValueError:
        details = {}
    if not details.get("name"):
        raise ClusterError(
            f"the cluster has no {kind.plural} ({kind.api_version})",
            cause="what serves them is not installed",
            remedy="install Tekton Pipelines and Argo CD first",
            code="kind-missing",
        )

"""Every pod of the runtime passes a real cluster's Pod Security admission at `restricted` (R8).

The admission judges pods only, and no template in a Deployment, StatefulSet or Job: so each template is put before it
as the pod that its controller would make.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from envid.adapters.kubernetes import ClusterError, Kubernetes
from envid.errors import EnvidError

GOLDEN = Path(__file__).parents[1] / "golden/manifests"
DOCUMENTS = {
    f"{folder.name}/{path.stem}": yaml.safe_load(path.read_bytes())
    for folder in (GOLDEN, GOLDEN / "full")
    for path in sorted(folder.glob("*.yaml"))
}


def jobs() -> dict[str, Any]:
    templates = DOCUMENTS["full/agentrun-runner-jobs"]["data"]
    return {name: json.loads(text) for name, text in templates.items()}


def templates() -> dict[str, Any]:
    """Return every pod template of the runtime, by where it stands."""
    found = {name: template_of(d) for name, d in DOCUMENTS.items() if "template" in d.get("spec", {})}
    return found | {name: job["spec"]["template"] for name, job in jobs().items()}


def template_of(document: dict[str, Any]) -> Any:
    """Return a controller's template with the volumes that it adds itself."""
    template = json.loads(json.dumps(document["spec"]["template"]))
    for claim in document["spec"].get("volumeClaimTemplates", []):
        name = claim["metadata"]["name"]
        template["spec"]["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": f"{name}-judged"}})
    return template


@pytest.fixture(scope="module")
def namespace(cluster: Kubernetes) -> Iterator[str]:
    """A namespace of its own that enforces `restricted`, with the accounts that the pods run as."""
    name = f"envid-pod-security-{secrets.token_hex(3)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        for document in DOCUMENTS.values():
            if document["kind"] == "ServiceAccount":
                cluster.apply(inside(name, document))
        default = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        cluster.apply(default)
        yield name
    finally:
        cluster.delete("Namespace", name)


def inside(namespace: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return ``document`` in another namespace."""
    moved: dict[str, Any] = json.loads(json.dumps(document))
    moved["metadata"]["namespace"] = namespace
    for subject in moved.get("subjects", []):
        subject["namespace"] = namespace
    return moved


def pod(namespace: str, template: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the pod that a controller would make of ``template``."""
    metadata = {**template["metadata"], "name": "judged", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**template["spec"], **changes}}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_api_server_takes_every_manifest(cluster: Kubernetes, namespace: str, name: str) -> None:
    cluster.apply(inside(namespace, DOCUMENTS[name]), dry_run=True)


@pytest.mark.parametrize("name", sorted(jobs()))
def test_the_api_server_takes_every_runner_job(cluster: Kubernetes, namespace: str, name: str) -> None:
    cluster.create(inside(namespace, jobs()[name]), dry_run=True)


@pytest.mark.parametrize("name", sorted(templates()))
def test_the_admission_takes_every_pod(cluster: Kubernetes, namespace: str, name: str) -> None:
    cluster.create(pod(namespace, templates()[name]), dry_run=True)


@pytest.mark.parametrize(
    "change",
    [{"hostNetwork": True}, {"securityContext": {}}, {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}],
    ids=["host network", "may be root", "the node's files"],
)
def test_the_admission_refuses_a_pod_that_asks_for_more(
    cluster: Kubernetes, namespace: str, change: dict[str, Any]
) -> None:
    """The control: without it, a cluster that enforces nothing would pass all of the above."""
    template = json.loads(json.dumps(templates()["full/agentrun-mgr-deployment"]))
    for container in template["spec"]["containers"]:
        container["volumeMounts"] = []
        if "securityContext" in change:
            container["securityContext"] = {}
    with pytest.raises(EnvidError) as caught:
        cluster.create(pod(namespace, template, **change), dry_run=True)
    assert isinstance(caught.value, ClusterError), caught.value
    assert "violates PodSecurity" in caught.value.cause

"""A simulated API server: objects in memory, Tekton's progress as a script, and what a test lets it refuse."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from envid.adapters.kubernetes import ClusterError, ServiceReply
from envid.core.objects import KubeObject

__all__ = ["MemoryCluster", "task_run"]

_Key = tuple[str, str, str]


@dataclass
class MemoryCluster:
    """Meets ``ClusterApi``. ``script`` is what happens before each look of a watcher, one deed a look."""

    objects: dict[_Key, KubeObject] = field(default_factory=dict)
    script: list[Callable[[], object]] = field(default_factory=list)
    logs: dict[tuple[str, str], str] = field(default_factory=dict)
    replies: dict[tuple[str, str], ServiceReply] = field(default_factory=dict)
    refused: dict[str, Exception] = field(default_factory=dict)
    """A verb with a kind, as ``list Pod``, and what it ends with."""
    before_create: list[Callable[[], object]] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)

    def put(self, made: KubeObject) -> KubeObject:
        """Let an object be there, made later than all others."""
        metadata = made["metadata"]
        metadata.setdefault("creationTimestamp", f"2026-01-02T03:00:{len(self.objects):02d}Z")
        self.objects[made["kind"], metadata.get("namespace", ""), metadata["name"]] = made
        return made

    def apply(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Apply: what the API server made of an object stays, and another spec is another generation."""
        self._check("apply", manifest["kind"])
        made, metadata = deepcopy(manifest), manifest["metadata"]
        if text := made.pop("stringData", None):
            made["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        if before := self.objects.get((manifest["kind"], metadata.get("namespace", ""), metadata["name"])):
            same = before.get("spec") == made.get("spec")
            kept = {"creationTimestamp": before["metadata"]["creationTimestamp"]}
            made["metadata"] |= kept | {"generation": before["metadata"].get("generation", 1) + (not same)}
            made |= {"status": before["status"]} if "status" in before else {}
        else:
            made["metadata"].setdefault("generation", 1)
        if dry_run:
            return made
        self.wrote.append(f"apply {manifest['kind']}")
        return self.put(made)

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Create."""
        del dry_run
        if self.before_create:
            self.before_create.pop(0)()
        self._check("create", manifest["kind"])
        metadata = manifest["metadata"]
        if (manifest["kind"], metadata.get("namespace", ""), metadata["name"]) in self.objects:
            raise ClusterError(f"{metadata['name']} exists", code="already-exists")
        self.wrote.append(f"create {manifest['kind']}")
        return self.put(deepcopy(manifest))

    def get(self, kind: str, name: str, namespace: str = "") -> KubeObject | None:
        """Return one."""
        self._check("get", kind)
        return self.objects.get((kind, namespace, name))

    def list(self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[KubeObject]:
        """Return all that have ``labels``."""
        self._check("list", kind)
        wanted = (labels or {}).items()
        return [
            found
            for (k, n, _), found in self.objects.items()
            if (k, n) == (kind, namespace) and wanted <= found["metadata"].get("labels", {}).items()
        ]

    def delete(self, kind: str, name: str, namespace: str = "") -> bool:
        """Delete."""
        self.wrote.append(f"delete {kind}")
        return self.objects.pop((kind, namespace, name), None) is not None

    def watch(self, kind: str, name: str, namespace: str = "", *, timeout: float = 300) -> Iterator[KubeObject]:
        """Yield the present state after each deed of the script, until the object is gone."""
        del timeout
        while (now := self.get(kind, name, namespace)) is not None:
            yield now
            assert self.script, "nothing would ever happen again"
            self.script.pop(0)()

    def pod_log(self, namespace: str, pod: str, container: str, *, tail: int | None = None) -> str:
        """Return a log."""
        del namespace
        self._check("log", pod)
        lines = self.logs.get((pod, container), "").splitlines(keepends=True)
        return "".join(lines[-tail:] if tail else lines)

    def service_get(self, namespace: str, service: str, port: int, path: str) -> ServiceReply:
        """Answer for a Service."""
        del namespace, port
        self._check("ask", service)
        return self.replies[service, path]

    def _check(self, verb: str, what: str) -> None:
        if error := self.refused.get(f"{verb} {what}"):
            raise error


def task_run(run: str, task: str, *, namespace: str = "agentrun-ci", **status: Any) -> KubeObject:
    """Return a TaskRun of ``run``."""
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {
            "name": f"{run}-{task}",
            "namespace": namespace,
            "labels": {"tekton.dev/pipelineRun": run, "tekton.dev/pipelineTask": task},
        },
        "status": status,
    }

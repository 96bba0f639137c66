"""A lane as a cluster shows it when everything holds: the facts of ``verify``, each of which a test may spoil."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from envid.core.catalog import Catalog, catalog_bytes, empty_catalog
from envid.core.deploy import parse_deploy
from envid.core.render import render_runtime
from envid.core.strictjson import canonical_json
from envid.core.values import CommitId
from envid.core.verify import (
    ArgoFacts,
    CommitNote,
    Facts,
    GitopsFacts,
    PipelineRunFacts,
    RuntimeFacts,
    SourceFacts,
    TektonFacts,
    Unasked,
    manifests_of,
)
from tests.support.builders import LANE, REGISTRY, attestations_of, commit_id, deploy_json, digest, entry_of, wanted_of

__all__ = ["BOOT", "TIP", "Observed", "live_of", "pod_of"]

BOOT = commit_id(0xB0)
TIP = commit_id(0x61)
_POD = "agentrun-mgr-7c9f-x2x"
_READY = "2026-01-02T03:00:30Z"


def _entry() -> Any:
    wanted = wanted_of()
    entry = entry_of(wanted, image=digest(0xD1), commit=BOOT)
    dependency = entry.provenance.resolved_dependencies[0].model_copy(update={"digest": {"gitCommit": BOOT}})
    provenance = entry.provenance.model_copy(update={"resolved_dependencies": (dependency,)})
    return entry_of(wanted, image=digest(0xD1), commit=BOOT, provenance=provenance)


def _render(catalog: Catalog) -> dict[str, bytes]:
    deploy = parse_deploy(canonical_json(deploy_json()))
    return render_runtime(deploy, catalog, LANE, mirror_read_url=LANE.mirror_read_url)


def live_of(manifest: Any) -> dict[str, Any]:
    """Return a manifest as the API server would show the object, with some of what it adds."""
    live = deepcopy(dict(manifest))
    live["metadata"] |= {
        "generation": 1,
        "uid": "u",
        "managedFields": [{"manager": "argocd-controller", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
    }
    if live["kind"] == "Deployment":
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        live["status"] = {"observedGeneration": 1} | dict.fromkeys(counts, live["spec"]["replicas"])
        live["spec"]["progressDeadlineSeconds"] = 600
        pod = live["spec"]["template"]["spec"]
        pod |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"}
        # as the API server spells it
        pod["containers"][0]["resources"]["limits"]["cpu"] = "1000m"
    return live


def pod_of(deployment: Any) -> dict[str, Any]:
    """Return the ready pod of a live Deployment."""
    template = deepcopy(deployment["spec"]["template"])
    container = template["spec"]["containers"][0]
    return {
        "kind": "Pod",
        "metadata": {
            "name": _POD,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{"kind": "ReplicaSet", "name": "agentrun-mgr-7c9f"}],
        },
        "spec": template["spec"],
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": _READY}],
            "containerStatuses": [
                {"name": container["name"], "ready": True, "restartCount": 0, "imageID": container["image"]}
            ],
        },
    }


@dataclass
class Observed:
    """What was seen, as plain data; ``facts`` is the whole of it."""

    catalog: Catalog = field(init=False)
    files: dict[str, bytes] = field(init=False)
    rendered: Any = field(init=False)
    objects: dict[tuple[str, str], Any] = field(init=False)
    workloads: Any = field(init=False)
    pods: Any = field(init=False)
    events: Any = field(default_factory=list)
    health: dict[str, Any] = field(init=False)
    application: Any = field(init=False)
    project: Any = field(init=False)
    tip: CommitId | None = TIP
    note: Any = field(init=False)
    promotion: Any = TIP
    github: Any = TIP
    flushable: Any = True
    runs: Any = field(init=False)
    results: Any = field(init=False)
    head: CommitId = BOOT
    branch: str = "v0.1"
    origin: Any = BOOT
    dirty: tuple[str, ...] = ()
    ignored: bool = True
    ahead: Any = 0
    rendered_head: Any = None
    layers: dict[str, Any] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __post_init__(self) -> None:
        entry = _entry()
        self.catalog = empty_catalog(LANE).with_entries({entry.service_id: entry})
        self.rendered = _render(self.catalog)
        attestations = {path: text.encode() for path, text in attestations_of(entry).items()}
        self.files = {LANE.catalog_path: catalog_bytes(self.catalog), **self.rendered, **attestations}
        self.objects = {key: live_of(manifest) for key, manifest in manifests_of(LANE, self.files).items()}
        self.workloads = [self.deployment]
        self.pods = [pod_of(self.deployment)]
        self.health = {
            entry.service_id: {
                "status": "ok",
                "commit": BOOT,
                "envIdentity": entry.env_identity,
                "lane": "v0.1",
                "service": entry.service_id,
            }
        }
        self.application = _application() | {
            "status": {
                "sync": {"status": "Synced", "revision": TIP},
                "health": {"status": "Healthy"},
                "reconciledAt": "2026-01-02T03:02:00Z",
                "operationState": {"phase": "Succeeded"},
            }
        }
        self.project = _project()
        self.note = CommitNote(
            author="envid",
            committer="envid",
            message=f"Promote v0.1 {BOOT.short}\n\nagentrun-mgr: built x\n\nSource-Commit: {BOOT}\n",
            changed=tuple(self.files),
        )
        self.runs = [_pipeline_run()]
        self.results = {
            "prepare-source": {"commit": str(BOOT)},
            # the plan's own status and digest are those of its decision, and no evidence of an image
            "plan-artifacts": {
                "summary": "build=1 reuse=0 unsafeReuse=0",
                "envIdentity": "",
                "status": "build",
                "digest": "",
            },
            "image-publish": {"status": "built", "digest": entry.digest, "envIdentity": entry.env_identity},
            "gitops-promote": {"gitopsCommit": str(TIP)},
        }

    @property
    def deployment(self) -> Any:
        """The manager's live Deployment."""
        return self.objects["Deployment", "agentrun-mgr"]

    @property
    def container(self) -> Any:
        """The container in the live Deployment."""
        return self.deployment["spec"]["template"]["spec"]["containers"][0]

    @property
    def status(self) -> Any:
        """What the kubelet says of the manager's container."""
        return self.pods[0]["status"]["containerStatuses"][0]

    def file(self, kind: str) -> str:
        """Return the path of the manifest that ends in ``-KIND.yaml``."""
        return next(path for path in self.files if path.endswith(f"-{kind}.yaml"))

    def without(self, layer: str, why: str = "refused") -> None:
        """Let a whole layer be unasked."""
        self.layers[layer] = Unasked(why)

    @property
    def facts(self) -> Facts:
        """All of it."""
        layers: dict[str, Any] = {
            "runtime": RuntimeFacts(
                objects=self.objects,
                workloads=_sealed(self.workloads),
                pods=_sealed(self.pods),
                events=_sealed(self.events),
                health=self.health,
            ),
            "argo": ArgoFacts(
                application=self.application,
                project=self.project,
                wanted_application=_application(),
                wanted_project=_project(),
            ),
            "gitops": GitopsFacts(
                tip=self.tip,
                files=self.files,
                note=self.note,
                promotion=self.promotion,
                rendered=self.rendered,
                github=self.github,
                flushable=self.flushable,
            ),
            "tekton": TektonFacts(
                runs=self.runs
                if isinstance(self.runs, Unasked)
                else tuple(PipelineRunFacts(run=run, results=self.results) for run in self.runs)
            ),
            "source": SourceFacts(
                root="/root/agentrun-v01",
                branch=self.branch,
                head=self.head,
                origin=self.origin,
                dirty=self.dirty,
                worktrees_ignored=self.ignored,
                promoted_ahead=self.ahead,
                rendered=self.rendered if self.rendered_head is None else self.rendered_head,
            ),
        }
        return Facts(lane=LANE, registry=REGISTRY, now=self.now, **(layers | self.layers))


def _sealed(value: Any) -> Any:
    return value if isinstance(value, Unasked) else tuple(value)


def _application() -> dict[str, Any]:
    return {
        "kind": "Application",
        "metadata": {"name": LANE.application, "namespace": "argocd"},
        "spec": {
            "project": LANE.name,
            "source": {
                "repoURL": LANE.mirror_read_url,
                "targetRevision": LANE.gitops_branch,
                "path": str(LANE.runtime_path),
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": LANE.name},
        },
    }


def _project() -> dict[str, Any]:
    return {
        "kind": "AppProject",
        "metadata": {"name": LANE.name, "namespace": "argocd"},
        "spec": {
            "sourceRepos": [LANE.mirror_read_url],
            "destinations": [{"server": "https://kubernetes.default.svc", "namespace": LANE.name}],
        },
    }


def _pipeline_run(name: str = LANE.pipeline_run(BOOT), status: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": LANE.ci_namespace},
        "spec": {
            "pipelineRef": {"name": LANE.pipeline},
            "taskRunTemplate": {"serviceAccountName": LANE.runner_account},
        },
        "status": {
            "conditions": [
                {"type": "Succeeded", "status": status, "reason": "Succeeded" if status == "True" else "Failed"}
            ]
        },
    }

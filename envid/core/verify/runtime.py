"""The live runtime: workloads, pods, what they run, what they say of themselves, and whether a hand was in it (R18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from envid.core.verify.compare import differences, foreign_writes, lookup
from envid.core.verify.facts import Unasked, manifests_of, moment
from envid.core.verify.report import Item, Layer, item, unknown

if TYPE_CHECKING:
    from envid.core.catalog import CatalogEntry
    from envid.core.verify.facts import Facts, Object, ObjectKey, RuntimeFacts

__all__ = ["WORKLOADS", "runtime_items"]

WORKLOADS: Final = ("Deployment", "StatefulSet")
_LAYER: Final = Layer.RUNTIME
_RECENT: Final = timedelta(minutes=10)
_BOOT: Final = {"AGENTRUN_BOOT_COMMIT": "boot_commit", "AGENTRUN_ENV_IDENTITY": "env_identity"}


def runtime_items(facts: Facts, entries: Mapping[str, CatalogEntry] | Unasked) -> Iterator[Item]:
    """Judge the runtime namespace; ``entries`` are the catalog's, by service."""
    where = facts.lane.name
    runtime, gitops = facts.runtime, facts.gitops
    if isinstance(runtime, Unasked):
        yield unknown(_LAYER, "cluster", where, runtime.why)
        return
    if isinstance(gitops, Unasked):
        yield unknown(_LAYER, "objects", where, f"the GitOps branch could not be read: {gitops.why}")
        return
    manifests = manifests_of(facts.lane, gitops.files)
    workloads = {key: wanted for key, wanted in manifests.items() if key[0] in WORKLOADS}
    if not workloads:
        yield item(_LAYER, "workloads", where, ["the GitOps branch has no workload: nothing is promoted"], "")
    for key in workloads:
        yield from _workload(facts, runtime, key, entries)
    yield from _objects(where, runtime, manifests)
    yield _strangers(where, runtime, workloads)
    yield _events(facts, runtime)


def _workload(
    facts: Facts,
    runtime: RuntimeFacts,
    key: ObjectKey,
    entries: Mapping[str, CatalogEntry] | Unasked,
) -> Iterator[Item]:
    kind, name = key
    where = f"{facts.lane.name} {kind}/{name}"
    live = runtime.objects.get(key)
    if isinstance(live, Unasked):
        yield unknown(_LAYER, "ready", where, live.why)
        return
    if live is None:
        yield item(_LAYER, "ready", where, [f"there is no {kind} {name}"], "")
        return
    yield item(_LAYER, "ready", where, _not_ready(live), f"{lookup(live, 'status', 'readyReplicas') or 0} ready")
    entry = None if isinstance(entries, Unasked) else entries.get(name)
    # a database has no env image, and is no Deployment
    if kind == "Deployment" and isinstance(entries, Unasked):
        yield unknown(_LAYER, "image", where, entries.why)
    elif kind == "Deployment" and entry is None:
        yield item(_LAYER, "image", where, [f"the catalog has no entry of {name}"], "")
    if entry is not None:
        yield _image(where, live, name, entry)
        yield _boot(where, live, name, entry)
    pods = _pods_of(runtime, live)
    if isinstance(pods, Unasked):
        yield unknown(_LAYER, "pods", where, pods.why)
    else:
        yield _pods(where, live, pods)
        if entry is not None:
            yield _running(where, pods, name, entry)
        yield _restarts(where, pods, facts.now)
    if entry is not None:
        yield _health(where, runtime.health.get(name, Unasked("it was not asked")), facts.lane.version, entry)


def _not_ready(live: Object) -> list[str]:
    spec, status = lookup(live, "spec") or {}, lookup(live, "status") or {}
    wanted = spec.get("replicas", 1)
    problems = []
    if status.get("observedGeneration", 0) < (lookup(live, "metadata", "generation") or 0):
        problems.append("its newest change is not taken up yet")
    problems += [
        f"{status.get(field) or 0} of {wanted} replicas are {word}"
        for field, word in (
            ("updatedReplicas", "up to date"),
            ("readyReplicas", "ready"),
            ("availableReplicas", "available"),
        )
        if (status.get(field) or 0) < wanted
    ]
    if (status.get("replicas") or 0) > wanted:
        problems.append(f"{status['replicas']} replicas run, {wanted} are wanted: a roll-out is not at its end")
    problems += [
        f"{c.get('reason')}: {c.get('message')}"
        for c in status.get("conditions") or []
        if c.get("type") == "Progressing" and c.get("status") == "False"
    ]
    return problems


def _image(where: str, live: Object, name: str, entry: CatalogEntry) -> Item:
    image = next((lookup(c, "image") for c in _containers(live) if lookup(c, "name") == name), None)
    problems = [] if image == entry.repository_digest else [f"{image}, the catalog has {entry.repository_digest}"]
    return item(_LAYER, "image", where, problems, entry.repository_digest)


def _boot(where: str, live: Object, name: str, entry: CatalogEntry) -> Item:
    container: Object = next((c for c in _containers(live) if lookup(c, "name") == name), {})
    return item(_LAYER, "boot-commit", where, _boot_problems(container, entry), entry.boot_commit)


def _boot_problems(container: Any, entry: CatalogEntry) -> list[str]:
    given = {v.get("name"): v.get("value") for v in lookup(container, "env") or []}
    return [
        f"{variable} is {given.get(variable)}, the catalog has {getattr(entry, field)}"
        for variable, field in _BOOT.items()
        if given.get(variable) != getattr(entry, field)
    ]


def _pods_of(runtime: RuntimeFacts, workload: Object) -> tuple[Object, ...] | Unasked:
    if isinstance(runtime.pods, Unasked):
        return runtime.pods
    selector = lookup(workload, "spec", "selector", "matchLabels") or {}
    return tuple(
        pod
        for pod in runtime.pods
        if selector.items() <= (lookup(pod, "metadata", "labels") or {}).items()
        and lookup(pod, "metadata", "deletionTimestamp") is None
        # a Job's pods may carry the same labels; and an evicted pod stays, and has a successor
        and any(o.get("kind") != "Job" for o in lookup(pod, "metadata", "ownerReferences") or [{}])
        and lookup(pod, "status", "phase") not in {"Failed", "Succeeded"}
    )


def _pods(where: str, live: Object, pods: tuple[Object, ...]) -> Item:
    wanted = lookup(live, "spec", "replicas")
    wanted = 1 if wanted is None else wanted
    problems = [] if len(pods) == wanted else [f"{len(pods)} pods run, {wanted} are wanted"]
    for pod in pods:
        name = lookup(pod, "metadata", "name")
        if _condition(pod, "Ready").get("status") != "True":
            problems.append(f"{name} is not ready{_waiting(pod)}")
    return item(_LAYER, "pods", where, problems, ", ".join(str(lookup(p, "metadata", "name")) for p in pods))


def _waiting(pod: Object) -> str:
    """Say why a pod's containers don't run, as far as the kubelet knows."""
    for status in _statuses(pod):
        for state in ("waiting", "terminated"):
            found = lookup(status, "state", state)
            if found:
                told = f": {status.get('name')} {found.get('reason')} {found.get('message') or ''}"
                return told.rstrip() + _last_exit(status)
    return ""


def _last_exit(status: Object) -> str:
    last = lookup(status, "lastState", "terminated")
    return f", last exit {last.get('exitCode')} ({last.get('reason')})" if last else ""


def _running(where: str, pods: tuple[Object, ...], name: str, entry: CatalogEntry) -> Item:
    """Compare what the kubelet runs, which is neither what the Deployment asks for nor what the pod was made with."""
    problems: list[str] = []
    unseen: list[str] = []
    for pod in pods:
        pod_name = str(lookup(pod, "metadata", "name"))
        status: Object = next((s for s in _statuses(pod) if s.get("name") == name), {})
        _, at, digest = str(status.get("imageID") or "").rpartition("@")
        if not at:
            unseen.append(f"{pod_name} tells no image digest")
        elif digest != entry.digest:
            problems.append(f"{pod_name} runs {digest}, the catalog has {entry.digest}")
        container: Object = next((c for c in lookup(pod, "spec", "containers") or [] if c.get("name") == name), {})
        problems += [f"{pod_name}: {problem}" for problem in _boot_problems(container, entry)]
    if not problems and (unseen or not pods):
        return unknown(_LAYER, "running", where, "; ".join(unseen) or "no pod runs")
    return item(_LAYER, "running", where, problems, f"{entry.digest} booted from {entry.boot_commit.short}")


def _restarts(where: str, pods: tuple[Object, ...], now: datetime) -> Item:
    problems: list[str] = []
    total = 0
    for pod in pods:
        for status in _statuses(pod):
            count = status.get("restartCount") or 0
            total += count
            ended = moment(lookup(status, "lastState", "terminated", "finishedAt"))
            if count and ended is not None and now - ended < _RECENT:
                name = lookup(pod, "metadata", "name")
                problems.append(f"{name} restarted {count} times, last at {ended:%H:%M:%SZ}{_last_exit(status)}")
    return item(_LAYER, "restarts", where, problems, f"{total} restarts, none within 10 minutes" if total else "none")


def _health(where: str, answer: Object | Unasked, version: str, entry: CatalogEntry) -> Item:
    if isinstance(answer, Unasked):
        return unknown(_LAYER, "health", where, answer.why)
    wanted = {
        "status": "ok",
        "commit": entry.boot_commit,
        "envIdentity": entry.env_identity,
        "lane": version,
        "service": entry.service_id,
    }
    problems = [f"/health says {k} {answer.get(k)}, expected {v}" for k, v in wanted.items() if answer.get(k) != v]
    return item(_LAYER, "health", where, problems, f"/health names {entry.boot_commit.short} and the envIdentity")


def _objects(where: str, runtime: RuntimeFacts, manifests: Mapping[ObjectKey, Object]) -> Iterator[Item]:
    """Compare every object with its manifest; one that agrees has no line of its own."""
    agreed = 0
    for key, wanted in manifests.items():
        live = runtime.objects.get(key)
        place = f"{where} {key[0]}/{key[1]}"
        if isinstance(live, Unasked):
            yield unknown(_LAYER, "object", place, live.why)
            continue
        if live is None:
            problems = [f"there is no {key[0]} {key[1]}"]
        else:
            ours = {k: v for k, v in wanted.items() if k not in {"apiVersion", "kind"}}
            problems = differences(ours, live) + foreign_writes(ours, live)
        if problems:
            yield item(_LAYER, "object", place, problems, "")
        else:
            agreed += 1
    if agreed:
        yield item(
            _LAYER, "objects", where, [], f"{agreed} of {len(manifests)} objects are as the GitOps branch has them"
        )


def _strangers(where: str, runtime: RuntimeFacts, workloads: Mapping[ObjectKey, Object]) -> Item:
    if isinstance(runtime.workloads, Unasked):
        return unknown(_LAYER, "only-ours", where, runtime.workloads.why)
    names = [(str(lookup(w, "kind")), str(lookup(w, "metadata", "name"))) for w in runtime.workloads]
    problems = [f"{kind} {name} is on no GitOps branch" for kind, name in names if (kind, name) not in workloads]
    return item(_LAYER, "only-ours", where, problems, f"{len(names)} workloads, each from the GitOps branch")


def _events(facts: Facts, runtime: RuntimeFacts) -> Item:
    """Count the warnings that came after the pods were ready: what a start says before is no trouble."""
    where = facts.lane.name
    if isinstance(runtime.events, Unasked):
        return unknown(_LAYER, "events", where, runtime.events.why)
    if isinstance(runtime.pods, Unasked):
        return unknown(_LAYER, "events", where, runtime.pods.why)
    ready = {
        str(lookup(pod, "metadata", "name")): moment(_condition(pod, "Ready").get("lastTransitionTime"))
        for pod in runtime.pods
    }
    since = max((when for when in ready.values() if when is not None), default=None)
    problems: list[str] = []
    for event in runtime.events:
        about = lookup(event, "involvedObject") or {}
        when = _event_time(event)
        if event.get("type") != "Warning" or when is None or facts.now - when > _RECENT:
            continue
        if about.get("kind") == "Pod":
            if about.get("name") not in ready:
                continue  # it is gone
            begin = ready[about["name"]]
        else:
            begin = since
        if begin is None or when > begin:
            message = " ".join(str(event.get("message")).split())
            problems.append(f"{about.get('kind')}/{about.get('name')} {event.get('reason')}: {message}")
    return item(_LAYER, "events", where, problems, "no warning since the pods are ready")


def _containers(workload: Object) -> list[Any]:
    return list(lookup(workload, "spec", "template", "spec", "containers") or [])


def _statuses(pod: Object) -> list[Any]:
    return list(lookup(pod, "status", "containerStatuses") or [])


def _condition(live: Object, name: str) -> Mapping[str, Any]:
    return next((c for c in lookup(live, "status", "conditions") or [] if c.get("type") == name), {})


def _event_time(event: Object) -> datetime | None:
    """Return when an event was last seen."""
    found = (event.get("lastTimestamp"), event.get("eventTime"), lookup(event, "metadata", "creationTimestamp"))
    return next((m for text in found if (m := moment(text)) is not None), None)

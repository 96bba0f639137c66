"""Argo CD: that the Application is ours, and that it has brought the newest GitOps commit to health (R12, R18)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from envid.core.verify.compare import differences, lookup
from envid.core.verify.facts import Unasked, moment
from envid.core.verify.report import Item, Layer, item, unknown

if TYPE_CHECKING:
    from envid.core.verify.facts import ArgoFacts, Facts, Object

__all__ = ["argo_items"]

_LAYER: Final = Layer.ARGOCD
_NOT_KNOWN: Final = frozenset({None, "", "Unknown"})
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_STALE: Final = timedelta(minutes=15)
"""Argo CD compares every few minutes; what it said long before may be true no more."""
_MORE: Final = ("destinations", "sourceRepos", "clusterResourceWhitelist")
"""What a project may list: each further one is a way out of the lane."""


def argo_items(facts: Facts) -> Iterator[Item]:
    """Judge Application and AppProject."""
    argo = facts.argo
    where = f"argocd Application/{facts.lane.application}"
    if isinstance(argo, Unasked):
        yield unknown(_LAYER, "application", where, argo.why)
        return
    live = argo.application
    if isinstance(live, Unasked):
        yield unknown(_LAYER, "application", where, live.why)
    elif live is None:
        yield item(_LAYER, "application", where, ["there is none: invoke lane.apply"], "")
    else:
        yield _intent("source", where, live, argo.wanted_application, ("source",), ("sources",))
        yield _intent("destination", where, live, argo.wanted_application, ("destination", "project"), ())
        yield from _state(facts, where, live)
    yield _project(facts, argo)


def _intent(
    name: str, where: str, live: Object, wanted: Object, fields: tuple[str, ...], forbidden: tuple[str, ...]
) -> Item:
    ours = {field: lookup(wanted, "spec", field) for field in fields}
    problems = differences(ours, lookup(live, "spec"), "")
    problems += [f"it has {field} besides" for field in forbidden if lookup(live, "spec", field)]
    first = ours[fields[0]] or {}
    return item(_LAYER, name, where, problems, " ".join(str(first[key]) for key in sorted(first)))


def _state(facts: Facts, where: str, live: Object) -> Iterator[Item]:
    gitops = facts.gitops
    revision = lookup(live, "status", "sync", "revision")
    trouble = [f"{c.get('type')}: {c.get('message')}" for c in lookup(live, "status", "conditions") or []]
    if isinstance(gitops, Unasked):
        yield unknown(_LAYER, "revision", where, f"the GitOps branch could not be read: {gitops.why}")
    elif not _COMMIT.fullmatch(str(revision)):
        # before its first comparison Argo CD tells the branch's name
        yield unknown(_LAYER, "revision", where, "; ".join(["it compared no revision yet", *trouble]))
    else:
        problems = (
            [] if revision == gitops.tip else [f"it is at {revision}, {facts.lane.gitops_branch} at {gitops.tip}"]
        )
        yield item(_LAYER, "revision", where, problems, f"{facts.lane.gitops_branch} at {revision}")
    yield _word("sync", where, lookup(live, "status", "sync", "status"), "Synced", trouble + _out_of_sync(live))
    health = lookup(live, "status", "health") or {}
    said = [str(health["message"])] if health.get("message") else []
    yield _word("health", where, health.get("status"), "Healthy", said + _unhealthy(live))
    operation = lookup(live, "status", "operationState")
    if operation and operation.get("phase") not in {"Succeeded", None}:
        told = f"its last sync is {operation['phase']}: {operation.get('message') or ''}".rstrip(" :")
        yield item(_LAYER, "last-sync", where, [told], "")
    looked = moment(lookup(live, "status", "reconciledAt"))
    if looked is None:
        yield unknown(_LAYER, "looked-at", where, "it does not say when Argo CD looked at it")
    elif facts.now - looked > _STALE:
        yield unknown(
            _LAYER, "looked-at", where, f"Argo CD looked at it last at {looked:%Y-%m-%d %H:%M:%SZ}: does it run?"
        )
    else:
        yield item(_LAYER, "looked-at", where, [], f"{looked:%H:%M:%SZ}")


def _word(name: str, where: str, said: object, wanted: str, why: list[str]) -> Item:
    if said in _NOT_KNOWN:
        return unknown(_LAYER, name, where, "; ".join([str(said or "nothing said"), *why]))
    return item(_LAYER, name, where, [] if said == wanted else [str(said), *why], str(said))


def _out_of_sync(live: Object) -> list[str]:
    return [
        f"{r.get('kind')}/{r.get('name')} is OutOfSync"
        for r in lookup(live, "status", "resources") or []
        if r.get("status") == "OutOfSync"
    ]


def _unhealthy(live: Object) -> list[str]:
    found = []
    for resource in lookup(live, "status", "resources") or []:
        health = lookup(resource, "health") or {}
        if health.get("status") not in {None, "Healthy"}:
            told = f"{resource.get('kind')}/{resource.get('name')} is {health.get('status')}"
            found.append(told + (f": {health['message']}" if health.get("message") else ""))
    return found


def _project(facts: Facts, argo: ArgoFacts) -> Item:
    where = f"argocd AppProject/{facts.lane.name}"
    live = argo.project
    if isinstance(live, Unasked):
        return unknown(_LAYER, "project", where, live.why)
    if live is None:
        return item(_LAYER, "project", where, ["there is none: invoke lane.apply"], "")
    problems = differences({"spec": lookup(argo.wanted_project, "spec")}, live)
    for field in _MORE:
        if lookup(live, "spec", field) and not lookup(argo.wanted_project, "spec", field):
            problems.append(f"spec.{field} should be empty")
    places = [str(d.get("namespace")) for d in lookup(live, "spec", "destinations") or []]
    return item(_LAYER, "project", where, problems, f"delivers to {', '.join(places)} only")

"""The plan for machines (schema ``agentrun.plan/1``, see ``docs/json.md``) and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envid.core.plan import Decision
from envid.text import hide_logins, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.lane import Lane
    from envid.core.plan import Plan

__all__ = ["plan_data", "plan_lines"]


def plan_data(plan: Plan, lane: Lane, mirror_url: str, files_outside: Mapping[str, int | None]) -> dict[str, Any]:
    """Return the plan as JSON-able data; ``files_outside`` counts, per service, what changed and did not count."""
    services: list[dict[str, Any]] = []
    for judgement in plan.judgements:
        wanted = judgement.wanted
        service: dict[str, Any] = {
            "serviceId": wanted.service_id,
            "decision": judgement.decision.value,
            "reason": judgement.reason.value,
            "detail": judgement.detail,
            "envIdentity": wanted.identity,
            "image": str(wanted.image),
            "digest": judgement.digest,
            "unsafe": judgement.unsafe,
            "changedInputs": list(judgement.changed),
            "promotedBootCommit": judgement.boot_from,
            "filesChangedOutside": files_outside.get(wanted.service_id),
        }
        services.append(service)
    summary = plan.summary
    return {
        "schemaVersion": "agentrun.plan/1",
        "project": lane.project,
        "lane": lane.version,
        "commit": plan.commit,
        "mirror": {"url": hide_logins(mirror_url), "branch": lane.gitops_branch, "revision": plan.mirror_revision},
        "services": services,
        "summary": {"build": summary.build, "reuse": summary.reuse, "unsafeReuse": summary.unsafe_reuse},
    }


def plan_lines(plan: Plan, data: Mapping[str, Any]) -> list[str]:
    """Return the plan as a table, its summary last."""
    rows = []
    for service in data["services"]:
        why = f"{service['reason']}: {service['detail']}"
        if service["filesChangedOutside"] is not None:
            why += f" ({service['filesChangedOutside']} changed files do not count)"
        image = service["digest"] or ("to be built" if service["decision"] == Decision.BUILD else "-")
        decision = "UNSAFE" if service["unsafe"] else service["decision"]
        rows.append((service["serviceId"], decision, service["envIdentity"][:12], image[:19], why))
    mirror = data["mirror"]
    return [
        f"commit {plan.commit}, catalog {mirror['branch']} at {plan.mirror_revision[:12]}",
        "",
        *table(("service", "decision", "identity", "image", "why"), rows),
        "",
        str(plan.summary),
    ]

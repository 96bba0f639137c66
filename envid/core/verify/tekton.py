"""Tekton's evidence: a PipelineRun of the promoted commit that says the same as the catalog (R11, R18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from envid.core.catalog import Catalog
from envid.core.verify.compare import lookup
from envid.core.verify.facts import Unasked
from envid.core.verify.report import Item, Layer, item, unknown

if TYPE_CHECKING:
    from envid.core.catalog import CatalogEntry
    from envid.core.verify.facts import Facts, Object, PipelineRunFacts

__all__ = ["tekton_items"]

_LAYER: Final = Layer.TEKTON
_TASK_OF: Final = {
    "commit": "prepare-source",
    "summary": "plan-artifacts",
    "status": "image-publish",
    "envIdentity": "image-publish",
    "digest": "image-publish",
    "gitopsCommit": "gitops-promote",
}
"""Each result that is compared, and the task that has it."""


def tekton_items(facts: Facts, catalog: Catalog | Unasked) -> Iterator[Item]:
    """Judge the PipelineRuns of the promoted commit."""
    tekton, where = facts.tekton, facts.lane.ci_namespace
    if isinstance(tekton, Unasked):
        yield unknown(_LAYER, "pipeline-run", where, tekton.why)
        return
    if isinstance(catalog, Unasked):
        yield unknown(_LAYER, "pipeline-run", where, catalog.why)
        return
    commit = next((e.source_commit for e in catalog.services), None)
    if commit is None:
        yield unknown(_LAYER, "pipeline-run", where, "nothing is promoted yet")
        return
    if isinstance(tekton.runs, Unasked):
        yield unknown(_LAYER, "pipeline-run", where, tekton.runs.why)
        return
    chosen = _evidence(tekton.runs)
    if chosen is None:
        why = f"no PipelineRun of {commit.short}: it was pruned, or promoted from elsewhere"
        yield unknown(_LAYER, "pipeline-run", where, why)
        return
    yield from _run(facts, chosen, catalog)


def _evidence(runs: tuple[PipelineRunFacts, ...]) -> PipelineRunFacts | None:
    """Choose the newest that succeeded; where none did, the newest."""
    succeeded = [r for r in runs if _outcome(r.run).get("status") == "True"]
    return next(reversed(succeeded or runs), None)


def _run(facts: Facts, chosen: PipelineRunFacts, catalog: Catalog) -> Iterator[Item]:
    run, results = chosen.run, chosen.results
    where = f"{facts.lane.ci_namespace} PipelineRun/{lookup(run, 'metadata', 'name')}"
    ended = _outcome(run)
    if ended.get("status") not in {"True", "False"}:
        yield unknown(_LAYER, "pipeline-run", where, f"it is not at its end: {ended.get('message') or 'no news'}")
        return
    problems = [] if ended.get("status") == "True" else [f"{ended.get('reason')}: {ended.get('message')}"]
    yield item(_LAYER, "pipeline-run", where, problems, str(ended.get("reason")))
    yield _same_pipeline(facts, where, run)
    if problems:
        return
    if isinstance(results, Unasked):
        yield unknown(_LAYER, "results", where, results.why)
        return
    told = {name: results[task][name] for name, task in _TASK_OF.items() if name in results.get(task, {})}
    for entry in catalog.services:
        yield from _results(where, told, entry)
    yield _summary(where, told)
    yield _promoted(facts, where, told)


def _same_pipeline(facts: Facts, where: str, run: Object) -> Item:
    pipeline = lookup(run, "spec", "pipelineRef", "name")
    account = lookup(run, "spec", "taskRunTemplate", "serviceAccountName")
    wanted = {"Pipeline": (pipeline, facts.lane.pipeline), "ServiceAccount": (account, facts.lane.runner_account)}
    problems = [f"its {kind} is {was}, the lane's is {ours}" for kind, (was, ours) in wanted.items() if was != ours]
    return item(_LAYER, "pipeline", where, problems, facts.lane.pipeline)


def _results(where: str, told: Mapping[str, str], entry: CatalogEntry) -> Iterator[Item]:
    wanted = {"commit": entry.source_commit, "envIdentity": entry.env_identity, "digest": entry.digest}
    for name, value in wanted.items():
        place = f"{where} {name}"
        if name not in told:
            yield unknown(_LAYER, name, place, f"no TaskRun has the result {name}")
            continue
        problems = [] if told[name] == value else [f"{told[name]}, the catalog has {value}"]
        yield item(_LAYER, name, place, problems, value)
    status = told.get("status")
    place = f"{where} status"
    if status is None:
        yield unknown(_LAYER, "status", place, "no TaskRun has the result status")
        return
    # a build that lost the race to another of its identity adopts that one's image, and the catalog says reused
    problems = [] if status in {entry.status, "built"} else [f"{status}, the catalog has {entry.status}"]
    yield item(_LAYER, "status", place, problems, status)


def _summary(where: str, told: Mapping[str, str]) -> Item:
    summary, status = told.get("summary"), told.get("status")
    place = f"{where} summary"
    if summary is None:
        return unknown(_LAYER, "summary", place, "no TaskRun has the result summary")
    counts = dict(word.partition("=")[::2] for word in summary.split())
    problems: list[str] = []
    if counts.get("unsafeReuse") != "0":
        problems.append(f"{summary}: unsafeReuse must be 0")
    if status == "reused" and counts.get("build") != "0":
        problems.append(f"{summary}, but status={status}")
    if status == "built" and counts.get("build") == "0":
        problems.append(f"{summary}, but status={status}")
    return item(_LAYER, "summary", place, problems, summary)


def _promoted(facts: Facts, where: str, told: Mapping[str, str]) -> Item:
    place, said, gitops = f"{where} gitopsCommit", told.get("gitopsCommit"), facts.gitops
    if said is None:
        return unknown(_LAYER, "promotion", place, "no TaskRun has the result gitopsCommit")
    if isinstance(gitops, Unasked):
        return unknown(_LAYER, "promotion", place, gitops.why)
    if isinstance(gitops.promotion, Unasked):
        return unknown(_LAYER, "promotion", place, gitops.promotion.why)
    if said == gitops.promotion or _is_rollback_to(said, gitops.note):
        return item(_LAYER, "promotion", place, [], said)
    problem = f"it promoted {said}, the branch's newest promotion is {gitops.promotion}"
    return item(_LAYER, "promotion", place, [problem], "")


def _is_rollback_to(commit: str, note: Any) -> bool:
    if isinstance(note, Unasked):
        return False
    first: str = note.message.partition("\n")[0]
    return first.startswith("Roll ") and first.endswith(f" back to {commit[:12]}")


def _outcome(run: Object) -> Mapping[str, Any]:
    return next((c for c in lookup(run, "status", "conditions") or [] if c.get("type") == "Succeeded"), {})

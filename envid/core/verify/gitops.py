"""The GitOps branch: that the catalog is true to itself, and that all beside it is what it renders to (R5, R9, R18)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from envid.core.audit import attestation_checks, catalog_check, identity_check, pin_check, runtime_check
from envid.core.catalog import Catalog, parse_catalog
from envid.core.promotion import outside_lane
from envid.core.verify.facts import Unasked
from envid.core.verify.report import Item, Layer, item, unknown
from envid.errors import InputError

if TYPE_CHECKING:
    from envid.core.audit import Check
    from envid.core.lane import Lane
    from envid.core.verify.facts import CommitNote, Facts, GitopsFacts

__all__ = ["gitops_items", "read_catalog"]

_LAYER: Final = Layer.GITOPS
_AUTHOR: Final = "envid"
_TRAILER: Final = re.compile(r"^Source-Commit: ([0-9a-f]{40})$", re.MULTILINE)
_FIRST_LINE: Final = "Begin the artifact catalog of "
_ROLLBACK: Final = re.compile(r"^Roll \S+ back to [0-9a-f]+\n")


def read_catalog(facts: Facts) -> Catalog | Unasked:
    """Return the catalog of the GitOps branch, as far as there is a valid one to compare others with."""
    gitops = facts.gitops
    if isinstance(gitops, Unasked):
        return Unasked(f"the GitOps branch could not be read: {gitops.why}")
    content = gitops.files.get(facts.lane.catalog_path)
    if content is None:
        return Unasked("there is no catalog to compare with")
    try:
        return parse_catalog(content, where=facts.lane.catalog_path)
    except InputError:
        return Unasked("the catalog is not valid, and nothing can be compared with it")


def gitops_items(facts: Facts, catalog: Catalog | Unasked) -> Iterator[Item]:
    """Judge the GitOps branch."""
    lane, gitops = facts.lane, facts.gitops
    where = lane.gitops_branch
    if isinstance(gitops, Unasked):
        yield unknown(_LAYER, "branch", where, gitops.why)
        return
    if gitops.tip is None:
        yield item(_LAYER, "branch", where, ["the mirror has no such branch: invoke catalog.init"], "")
        return
    where = f"{lane.gitops_branch} at {gitops.tip.short}"
    content = gitops.files.get(lane.catalog_path)
    if content is None:
        yield item(_LAYER, "catalog", where, [f"there is no {lane.catalog_path}: invoke catalog.init"], "")
    elif isinstance(catalog, Unasked):
        yield item(_LAYER, "catalog", where, _faults(content, lane), "")
    else:
        yield from _claims(facts, where, gitops, content, catalog)
    yield _promotion(where, lane, gitops, catalog)
    yield _flush(facts, gitops)


def _claims(facts: Facts, where: str, gitops: GitopsFacts, content: bytes, catalog: Catalog) -> Iterator[Item]:
    lane, files = facts.lane, gitops.files
    yield _judged(catalog_check(content, catalog, lane), where)
    if not catalog.services:
        yield item(_LAYER, "promoted", where, ["the catalog records no image yet: invoke trigger-current"], "")
    for entry in catalog.services:
        yield _judged(identity_check(entry, lane, facts.registry), where)
        for check in attestation_checks(entry, lane, files):
            yield _judged(check, where)
    try:
        yield _judged(pin_check(catalog, lane, files), where)
    except InputError as error:
        yield item(_LAYER, "pins", where, [str(f) for f in error.faults] or [error.what], "")
    if isinstance(gitops.rendered, Unasked):
        yield unknown(_LAYER, "manifests", where, gitops.rendered.why)
    else:
        check = runtime_check(lane, catalog, files, gitops.rendered)
        yield item(_LAYER, "manifests", where, [check.seen] if check.outcome != "pass" else [], check.seen)


def _promotion(where: str, lane: Lane, gitops: GitopsFacts, catalog: Catalog | Unasked) -> Item:
    """See that the newest commit is a promotion, as a promotion says it of itself and as its changes show."""
    note = gitops.note
    if isinstance(note, Unasked):
        return unknown(_LAYER, "promotion", where, note.why)
    problems = [f"it changes {path}, which no promotion does" for path in outside_lane(lane, note.changed)]
    told = _TRAILER.search(note.message)
    promoted = {e.source_commit for e in catalog.services} if isinstance(catalog, Catalog) else None
    if {note.author, note.committer} != {_AUTHOR}:
        problems.append(f"{note.author} made it, and no promotion: {_title(note)}")
    elif told is None:
        if not note.message.startswith(_FIRST_LINE) and not _ROLLBACK.match(note.message):
            problems.append(f"it names no source commit: {_title(note)}")
    elif promoted is not None and promoted != {told[1]}:
        problems.append(f"it says that it promotes {told[1]}, its catalog has {', '.join(sorted(promoted)) or 'none'}")
    return item(_LAYER, "promotion", where, problems, _title(note))


def _flush(facts: Facts, gitops: GitopsFacts) -> Item:
    """Compare with GitHub: being ahead of it is how a lane lives until its flush, and diverging is not."""
    where = f"GitHub {facts.lane.gitops_branch}"
    github = gitops.github
    if isinstance(github, Unasked):
        return unknown(_LAYER, "github", where, github.why)
    if github == gitops.tip:
        return item(_LAYER, "github", where, [], "the same as the mirror")
    if github is not None and isinstance(gitops.flushable, Unasked):
        return unknown(_LAYER, "github", where, gitops.flushable.why)
    at = github.short if github is not None else "nothing"
    if github is not None and not gitops.flushable:
        return item(_LAYER, "github", where, [f"it diverged from the mirror, and is at {at}"], "")
    return item(_LAYER, "github", where, [], f"pendingFlush: it has {at}; invoke git-mirror.flush --confirm")


def _judged(check: Check, where: str) -> Item:
    place = f"{where} {check.service}".rstrip()
    return Item(layer=_LAYER, name=check.name, where=place, outcome=check.outcome, seen=check.seen)


def _faults(content: bytes, lane: Lane) -> list[str]:
    try:
        parse_catalog(content, where=lane.catalog_path)
    except InputError as error:
        return [str(fault) for fault in error.faults] or [error.what]
    return []


def _title(note: CommitNote) -> str:
    return note.message.partition("\n")[0]

"""``catalog.verify``: everything that the GitOps branch claims of its images, checked against what vouches for it (R5).

Read-only. Every check is made, also after one that fails; what could not be asked is unknown, and unknown is no pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envid.core.audit import (
    Check,
    Outcome,
    attestation_checks,
    catalog_check,
    identity_check,
    pin_check,
    runtime_check,
)
from envid.core.catalog import Catalog, parse_catalog
from envid.core.values import ImageReference
from envid.errors import Blocked, CheckFailed, EnvidError, InputError, RegistryError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envid.core.catalog import CatalogEntry
    from envid.core.lane import Lane
    from envid.core.values import CommitId
    from envid.usecases.ports import GitOps, ImageRegistry

__all__ = ["Verification", "VerifyTools", "verify_catalog"]

_SAYS_IT_IS_WRONG = frozenset(
    {"registry-absent", "registry-incomplete", "registry-digest-mismatch", "registry-schema1"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTools:
    """What the checks ask.

    ``render`` gives the runtime's files from a catalog and the source commit's deploy.json, None where that commit is
    not here. ``signer`` names who signed a commit, or raises; None where no allowed signers are set.
    """

    lane: Lane
    registry_host: str
    gitops: GitOps
    registry: ImageRegistry
    render: Callable[[Catalog], dict[str, bytes] | None]
    signer: Callable[[CommitId], str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The checks of the GitOps branch's newest ``commit``."""

    commit: CommitId
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every check passed."""
        return all(check.outcome is Outcome.PASS for check in self.checks)


def verify_catalog(tools: VerifyTools) -> Verification:
    """Check the newest commit of the GitOps branch.

    Raises:
        Blocked: there is no GitOps branch, or no catalog on it.
        GitError: the mirror did not answer.

    """
    lane = tools.lane
    tip = tools.gitops.tip()
    files = tools.gitops.files(tip, [lane.catalog_path, lane.runtime_path]) if tip else {}
    content = files.get(lane.catalog_path)
    if tip is None or content is None:
        raise Blocked(
            f"there is no catalog at {lane.gitops_branch}:{lane.catalog_path}",
            remedy="invoke git-mirror.sync; for a new lane, once: invoke catalog.init",
            code="catalog-missing",
        )
    return Verification(commit=tip, checks=tuple(_checks(tools, tip, content, files)))


def _checks(tools: VerifyTools, tip: CommitId, content: bytes, files: dict[str, bytes]) -> Iterator[Check]:
    lane = tools.lane
    if tools.signer is not None:
        yield _signature(tools.signer, tip)
    try:
        catalog = parse_catalog(content, where=lane.catalog_path)
    except InputError as error:
        seen = "; ".join(map(str, error.faults)) or error.what
        yield Check(name="catalog", service="", outcome=Outcome.FAIL, seen=seen)
        return
    yield catalog_check(content, catalog, lane)
    for entry in catalog.services:
        yield identity_check(entry, lane, tools.registry_host)
        yield _asked("source", tools, entry, _on_source_branch)
        yield _asked("registry", tools, entry, _in_registry)
        yield from attestation_checks(entry, lane, files)
    try:
        yield pin_check(catalog, lane, files)
        rendered = tools.render(catalog) if catalog.services else {}
    except InputError as error:
        yield Check(name="runtime", service="", outcome=Outcome.FAIL, seen=_first_line(error))
        return
    if rendered is None:
        seen = "the promoted source commit is not in this repository: git fetch, then run this again"
        yield Check(name="runtime", service="", outcome=Outcome.UNKNOWN, seen=seen)
        return
    yield runtime_check(lane, catalog, files, rendered)


def _signature(signer: Callable[[CommitId], str], tip: CommitId) -> Check:
    try:
        return Check(name="signature", service="", outcome=Outcome.PASS, seen=signer(tip))
    except CheckFailed as error:
        return Check(name="signature", service="", outcome=Outcome.FAIL, seen=f"{error.what}: {error.cause}")


def _asked(
    name: str, tools: VerifyTools, entry: CatalogEntry, ask: Callable[[VerifyTools, CatalogEntry], str]
) -> Check:
    service = entry.service_id
    try:
        return Check(name=name, service=service, outcome=Outcome.PASS, seen=ask(tools, entry))
    except (CheckFailed, InputError) as error:
        return Check(name=name, service=service, outcome=Outcome.FAIL, seen=_first_line(error))
    except RegistryError as error:
        outcome = Outcome.FAIL if error.code in _SAYS_IT_IS_WRONG else Outcome.UNKNOWN
        return Check(name=name, service=service, outcome=outcome, seen=_first_line(error))
    except ServiceError as error:
        return Check(name=name, service=service, outcome=Outcome.UNKNOWN, seen=_first_line(error))


def _in_registry(tools: VerifyTools, entry: CatalogEntry) -> str:
    pinned = ImageReference.parse(entry.repository_digest)
    tools.registry.verify_complete(pinned)
    by_tag = tools.registry.digest(ImageReference.parse(entry.image))
    if by_tag != entry.digest:
        raise CheckFailed(f"the tag of this envIdentity is {by_tag}, the catalog says {entry.digest}")
    return f"{pinned}, by tag and by its bytes"


def _on_source_branch(tools: VerifyTools, entry: CatalogEntry) -> str:
    if not tools.gitops.contains(tools.lane.source_branch, entry.source_commit):
        raise CheckFailed(f"{entry.source_commit} is not on the mirror's {tools.lane.source_branch}")
    return f"{entry.source_commit.short} on {tools.lane.source_branch}"


def _first_line(error: EnvidError) -> str:
    return f"{error.what}: {error.cause}" if error.cause else error.what

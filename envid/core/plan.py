"""Build or reuse, and why (R6). Pure: takes the wanted environment, the catalog's entry and the registry's answers.

An entry is believed only while every proof holds. The rules, in order:

1. No entry: build (``first-build``).
2. Another scheme: build (``scheme-changed``). Another identity: build (``identity-changed``).
3. The entry claims the wanted identity. Then its lane, service, source, repository and digest must agree with each
   other and with the lane, its recorded inputs must recompute to the identity, and the registry must still hold the
   digest, under its own name and under the tag. One that does not hold makes it an **unsafe reuse**: blocked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from envid.core.identity import SCHEME
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envid.core.catalog import CatalogEntry
    from envid.core.deploy import ImageRef
    from envid.core.identity import EnvInput
    from envid.core.lane import Lane
    from envid.core.values import CommitId, Digest, EnvIdentity, ImageReference

__all__ = [
    "Decision",
    "Judgement",
    "Plan",
    "PlanSummary",
    "Reason",
    "Wanted",
    "changed_inputs",
    "conclude",
    "failed_proof",
    "judge",
]


class Decision(StrEnum):
    """What happens to a service."""

    BUILD = "build"
    REUSE = "reuse"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why; one stable word for machines."""

    FIRST_BUILD = "first-build"
    IDENTITY_CHANGED = "identity-changed"
    SCHEME_CHANGED = "scheme-changed"
    REBUILD_ASKED = "rebuild-asked"
    PROVEN = "proven"
    LANE_DISAGREES = "lane-disagrees"
    SOURCE_DISAGREES = "source-disagrees"
    REPOSITORY_DISAGREES = "repository-disagrees"
    INPUTS_DISAGREE = "inputs-disagree"
    DIGEST_DISAGREES = "digest-disagrees"
    IMAGE_ABSENT = "image-absent"


class Wanted(NamedTuple):
    """The environment that a service needs at a commit, and the repository its image belongs in."""

    service_id: str
    identity: EnvIdentity
    inputs: tuple[EnvInput, ...]
    image_ref: ImageRef
    image: ImageReference


class Judgement(NamedTuple):
    """The decision on one service.

    ``digest`` is set on a reuse only. ``changed`` names the inputs that differ from the entry's. ``unsafe`` marks an
    entry that claims the identity and fails a proof. ``boot_from`` is the commit that the entry was promoted from.
    """

    wanted: Wanted
    decision: Decision
    reason: Reason
    detail: str
    digest: Digest | None = None
    changed: tuple[str, ...] = ()
    unsafe: bool = False
    boot_from: CommitId | None = None


class PlanSummary(NamedTuple):
    """The plan's last line."""

    build: int
    reuse: int
    unsafe_reuse: int

    def __str__(self) -> str:
        return f"build={self.build} reuse={self.reuse} unsafeReuse={self.unsafe_reuse}"


class Plan(NamedTuple):
    """The decisions for a commit. ``mirror_revision`` is the GitOps commit whose catalog was believed."""

    commit: CommitId
    mirror_revision: CommitId
    judgements: tuple[Judgement, ...]

    @property
    def summary(self) -> PlanSummary:
        """Count the decisions."""
        return PlanSummary(
            build=sum(j.decision is Decision.BUILD for j in self.judgements),
            reuse=sum(j.decision is Decision.REUSE for j in self.judgements),
            unsafe_reuse=sum(j.unsafe for j in self.judgements),
        )

    @property
    def may_go_on(self) -> bool:
        """Tell whether anything downstream may run."""
        return not any(j.decision is Decision.BLOCKED or j.unsafe for j in self.judgements)


def judge(wanted: Wanted, entry: CatalogEntry | None, lane: Lane, *, rebuild: bool = False) -> Judgement:
    """Decide as far as the catalog alone can tell. A reuse is final only after ``conclude``.

    ``rebuild`` is a person's explicit wish to build whatever the catalog says.
    """
    if entry is None:
        return _build(wanted, Reason.FIRST_BUILD, "the catalog has no entry for this service")
    if rebuild:
        return _build(wanted, Reason.REBUILD_ASKED, "a rebuild was asked for", entry)
    if entry.toolchain_inputs.scheme != SCHEME:
        detail = f"the catalog's entry has the scheme {entry.toolchain_inputs.scheme}, this is {SCHEME}"
        return _build(wanted, Reason.SCHEME_CHANGED, detail, entry)
    if entry.env_identity != wanted.identity:
        changed = changed_inputs((item.as_input() for item in entry.toolchain_inputs.inputs), wanted.inputs)
        # an entry whose identity was edited may record the very inputs that are wanted
        detail = f"changed: {', '.join(changed)}" if changed else "the recorded identity is not that of its inputs"
        return _build(wanted, Reason.IDENTITY_CHANGED, detail, entry, changed)
    if failed := failed_proof(wanted, entry, lane):
        return _unsafe(wanted, entry, *failed)
    return Judgement(
        wanted=wanted,
        decision=Decision.REUSE,
        reason=Reason.PROVEN,
        detail="same inputs as the promoted image",
        digest=entry.digest,
        boot_from=entry.boot_commit,
    )


def conclude(
    judgement: Judgement, entry: CatalogEntry, *, by_digest: Digest | None, by_tag: Digest | None
) -> Judgement:
    """Confirm a reuse with what the registry holds; None means absent, and nothing else may mean it."""
    if by_digest is None:
        return _unsafe(judgement.wanted, entry, Reason.IMAGE_ABSENT, f"the registry no longer has {entry.digest}")
    if by_digest != entry.digest:
        detail = f"the registry answers {by_digest} for {entry.digest}"
        return _unsafe(judgement.wanted, entry, Reason.DIGEST_DISAGREES, detail)
    if by_tag is None:
        detail = f"the registry no longer has the tag {judgement.wanted.identity}"
        return _unsafe(judgement.wanted, entry, Reason.IMAGE_ABSENT, detail)
    if by_tag != entry.digest:
        detail = f"the catalog says {entry.digest}, the tag of this envIdentity is {by_tag}"
        return _unsafe(judgement.wanted, entry, Reason.DIGEST_DISAGREES, detail)
    return judgement


def changed_inputs(old: Iterable[EnvInput], new: Iterable[EnvInput]) -> tuple[str, ...]:
    """Name the inputs that one side lacks or that differ in mode or content, sorted."""
    before = {(item.kind, item.name): (item.mode, item.blake3) for item in old}
    after = {(item.kind, item.name): (item.mode, item.blake3) for item in new}
    return tuple(sorted({key[1] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}))


def failed_proof(wanted: Wanted, entry: CatalogEntry, lane: Lane) -> tuple[Reason, str] | None:
    """Return the first proof that ``entry`` fails without asking the registry, or None."""
    lane_says = (lane.version, lane.source_branch, lane.gitops_branch, wanted.service_id)
    entry_says = (entry.lane, entry.source_branch, entry.gitops_branch, entry.service_id)
    if entry_says != lane_says:
        return Reason.LANE_DISAGREES, f"the entry is for {' '.join(entry_says)}, this is {' '.join(lane_says)}"
    if entry.image_ref != wanted.image_ref:
        return Reason.SOURCE_DISAGREES, "the entry's imageRef is not the one that its identity was computed from"
    try:
        recomputed = entry.toolchain_inputs.recompute()
    except InputError as error:
        return Reason.INPUTS_DISAGREE, "; ".join(str(fault) for fault in error.faults)
    if recomputed != entry.env_identity:
        names = changed_inputs((item.as_input() for item in entry.toolchain_inputs.inputs), wanted.inputs)
        return Reason.INPUTS_DISAGREE, f"the recorded inputs give another identity: {', '.join(names)}"
    if entry.image != str(wanted.image):
        return Reason.REPOSITORY_DISAGREES, f"the entry's image is {entry.image}, this lane's is {wanted.image}"
    if entry.repository_digest != wanted.image.with_digest(entry.digest).pinned:
        detail = f"{entry.repository_digest} is not {wanted.image.name} at {entry.digest}"
        same_repository = entry.repository_digest.startswith(f"{wanted.image.name}@")
        return (Reason.DIGEST_DISAGREES if same_repository else Reason.REPOSITORY_DISAGREES), detail
    return None


def _build(
    wanted: Wanted, reason: Reason, detail: str, entry: CatalogEntry | None = None, changed: tuple[str, ...] = ()
) -> Judgement:
    return Judgement(
        wanted=wanted,
        decision=Decision.BUILD,
        reason=reason,
        detail=detail,
        changed=changed,
        boot_from=entry.boot_commit if entry else None,
    )


def _unsafe(wanted: Wanted, entry: CatalogEntry, reason: Reason, detail: str) -> Judgement:
    return Judgement(
        wanted=wanted,
        decision=Decision.BLOCKED,
        reason=reason,
        detail=detail,
        unsafe=True,
        boot_from=entry.boot_commit,
    )

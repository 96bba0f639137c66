"""``promote``, ``catalog.init`` and the rollback: one commit on the GitOps branch each, or none at all (R9).

Everything is decided again from the branch's newest commit on every try, so a lost race never overwrites what won it.
The push is one atomic ref update: killed at any instant, the branch holds the old state or the new one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from envid.adapters.gitops import PushResult, Signature
from envid.core.catalog import Catalog, CatalogEntry, catalog_bytes, empty_catalog, parse_catalog
from envid.core.images import NO_IMAGES, Images
from envid.core.manifest import digest_of
from envid.core.plan import Wanted, failed_proof
from envid.core.promotion import attestations_folder, edit_for
from envid.core.publication import Publication
from envid.core.render import render_runtime
from envid.core.values import CommitId, ImageReference
from envid.errors import Blocked, GitError, InputError
from envid.usecases.plan import catalog_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.core.deploy import Deploy
    from envid.core.lane import Lane
    from envid.usecases.ports import GitOps, ImageRegistry

__all__ = ["Promoted", "PromotionTools", "init_catalog", "promote", "render_publication", "rollback"]

_TRIES: Final = 40
_BREAKS: Final = 3
"""Pushes that may break off before it is no accident: a server that refuses or is gone is no race."""
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0
_AUTHOR: Final = ("envid", "envid@localhost")
_LOG_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """How a promotion ended. ``commit`` is the branch's commit; ``changed`` are its paths, empty when all was so."""

    commit: CommitId
    changed: tuple[str, ...]
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionTools:
    """What a promotion works with. ``clock`` gives seconds since 1970; ``sleep`` waits; both are injected."""

    lane: Lane
    gitops: GitOps
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: random.Random = field(default_factory=random.SystemRandom)


@dataclass(frozen=True, slots=True)
class _Proposal:
    base: CommitId | None
    wanted: Mapping[str, bytes]
    message: str


def init_catalog(tools: PromotionTools) -> Promoted:
    """Make the lane's first catalog, which records nothing.

    Raises:
        Blocked: the GitOps branch has a catalog already.

    """
    lane = tools.lane

    def propose(tip: CommitId | None) -> _Proposal:
        if tip is not None and tools.gitops.files(tip, [lane.catalog_path]):
            raise Blocked(
                f"{lane.gitops_branch} has a catalog already",
                cause="a second first catalog would forget every image that is running",
                remedy="invoke catalog.show",
                code="catalog-exists",
            )
        return _Proposal(
            tip,
            {lane.catalog_path: catalog_bytes(empty_catalog(lane))},
            f"Begin the artifact catalog of {lane.project} {lane.version}\n",
        )

    return _advance(tools, propose)


def promote(
    tools: PromotionTools,
    publication: Publication,
    deploy: Deploy,
    *,
    registry: ImageRegistry,
    runtime_mirror_url: str,
    images: Images = NO_IMAGES,
) -> Promoted:
    """Record what was published in the catalog, render the runtime, and push both as one commit.

    ``runtime_mirror_url`` is what the running service fetches its source from; ``images`` are those that the runtime
    needs beside its own.

    Raises:
        Blocked: the commit isn't on the mirror's source branch, is older than the promoted one, or the catalog no
            longer supports what was published.
        GitError: the mirror did not answer.

    """
    lane, commit = tools.lane, publication.commit
    if not tools.gitops.contains(lane.source_branch, commit):
        raise Blocked(
            f"{commit.short} is not on the mirror's {lane.source_branch}",
            cause="it is not pushed yet, or the mirror is behind; a running service could not fetch it",
            remedy=f"git push origin {lane.source_branch}, then invoke git-mirror.sync",
            code="source-not-on-mirror",
        )
    for entry in publication.entries:
        registry.digest(ImageReference.parse(entry.repository_digest))

    def propose(tip: CommitId | None) -> _Proposal:
        base, catalog = catalog_at(tools.gitops, lane, tip)
        _refuse_older(tools.gitops, catalog, commit)
        entries = {e.service_id: _settled(e, catalog, publication, tools, registry) for e in publication.entries}
        promoted = catalog.with_entries(entries)
        wanted: dict[str, bytes] = {lane.catalog_path: catalog_bytes(promoted)}
        wanted |= render_runtime(deploy, promoted, lane, mirror_read_url=runtime_mirror_url, images=images)
        wanted |= _attestation_files(promoted, publication, tools, base)
        return _Proposal(base, wanted, _message(lane, commit, promoted))

    return _advance(tools, propose)


def render_publication(
    publication: Publication, deploy: Deploy, lane: Lane, *, runtime_mirror_url: str, images: Images = NO_IMAGES
) -> dict[str, bytes]:
    """Return the runtime path's files as a promotion of ``publication`` would write them."""
    catalog = empty_catalog(lane).with_entries({e.service_id: e for e in publication.entries})
    return render_runtime(deploy, catalog, lane, mirror_read_url=runtime_mirror_url, images=images)


def rollback(tools: PromotionTools, revision: CommitId, *, registry: ImageRegistry) -> Promoted:
    """Bring back the catalog and runtime of an earlier promotion, as a new commit.

    ``revision`` is a commit of the GitOps branch, or the source commit that was promoted.

    Raises:
        Blocked: it was never promoted, or an image of it is gone.

    """
    lane = tools.lane
    paths = [lane.catalog_path, lane.runtime_path]

    def propose(tip: CommitId | None) -> _Proposal:
        if tip is None:
            raise Blocked(f"there is no {lane.gitops_branch}", remedy="invoke catalog.init", code="catalog-missing")
        target = _promotion_of(tools, tip, revision)
        wanted = tools.gitops.files(target, paths)
        catalog = parse_catalog(wanted[lane.catalog_path], where=f"{target.short}:{lane.catalog_path}")
        for entry in catalog.services:
            reference = ImageReference.parse(entry.repository_digest)
            if registry.probe(reference) is None:
                raise Blocked(
                    f"{reference} is gone from the registry",
                    cause=f"{target.short} can't run without it",
                    remedy=f"promote another revision: git log {lane.gitops_branch}",
                    code="image-absent",
                )
        return _Proposal(tip, wanted, f"Roll {lane.name} back to {target.short}\n\nAsked for: {revision}\n")

    return _advance(tools, propose)


def _advance(tools: PromotionTools, propose: Callable[[CommitId | None], _Proposal]) -> Promoted:
    """Propose, commit and push until the branch has it. A lost race begins anew from what won."""
    lane, gitops = tools.lane, tools.gitops
    paths = [lane.catalog_path, lane.runtime_path]
    name, email = _AUTHOR
    breaks = 0
    for attempt in range(1, _TRIES + 1):
        begun = tools.clock()
        proposal = propose(gitops.tip())
        current = gitops.files(proposal.base, paths) if proposal.base else {}
        edit = edit_for(lane, current, proposal.wanted)
        if not edit and proposal.base is not None:
            return Promoted(commit=proposal.base, changed=(), tries=attempt)
        signature = Signature(name=name, email=email, when=int(tools.clock()))
        commit = gitops.commit(proposal.base, edit, proposal.message, signature)
        result: PushResult | None = None
        try:
            # a look costs a tenth of a push: with many writers, most races are lost before it
            result = gitops.push(commit) if gitops.tip() == proposal.base else PushResult.LOST_RACE
        except GitError:
            # it broke off: only the remote knows whether the push arrived
            breaks += 1
            if breaks == _BREAKS and not _arrived(gitops, commit, None):
                raise
        if _arrived(gitops, commit, result):
            return Promoted(commit=commit, changed=edit.paths, tries=attempt)
        # measured in tries: where one takes long, so do the rivals
        unit = max(_FIRST_WAIT, tools.clock() - begun)
        tools.sleep(tools.jitter.uniform(0, min(_LONGEST_WAIT, unit * 2**attempt)))
    raise GitError(
        f"{lane.gitops_branch} moved under each of {_TRIES} pushes",
        cause="other promotions were faster every time",
        remedy="run invoke promote again",
        code="push-races-lost",
    )


def _arrived(gitops: GitOps, commit: CommitId, result: PushResult | None) -> bool:
    """Ask the remote whether it has ``commit``; ``result`` is None where the push broke off."""
    tip = gitops.tip()
    if tip == commit:
        return True
    # someone may have promoted on top in between; our own commit is new, so nobody else can have pushed it
    return result is not PushResult.LOST_RACE and tip is not None and gitops.is_ancestor(commit, tip)


def _refuse_older(gitops: GitOps, catalog: Catalog, commit: CommitId) -> None:
    for promoted in sorted({entry.source_commit for entry in catalog.services}):
        if promoted == commit or gitops.is_ancestor(promoted, commit):
            continue
        older = gitops.is_ancestor(commit, promoted)
        raise Blocked(
            f"{commit.short} is {'older than' if older else 'not a descendant of'} the promoted {promoted.short}",
            cause="a newer commit was promoted in the meantime" if older else "the source branch was rewritten",
            remedy="promote a newer commit; to go back on purpose: invoke promote --rollback-to REV",
            code="older-than-promoted" if older else "source-diverged",
        )


def _settled(
    entry: CatalogEntry, catalog: Catalog, publication: Publication, tools: PromotionTools, registry: ImageRegistry
) -> CatalogEntry:
    """Return the entry to write, given what the branch holds now.

    Where another promotion of the same envIdentity won and its entry is proven, its digest is adopted: one identity,
    one image. A reuse must still be backed by a catalog of this branch: the newest, or the one that the plan believed.
    """
    current = catalog.entry(entry.service_id)
    if current is not None and _same_image(current, entry):
        kept = {"provenance": current.provenance, "attestations": current.attestations}
        return entry if entry.status == "built" else entry.model_copy(update=kept)
    if current is not None and entry.status == "built" and _is_proven(current, entry, tools.lane, registry):
        return entry.model_copy(
            update={
                "digest": current.digest,
                "repository_digest": current.repository_digest,
                "provenance": current.provenance,
                "attestations": current.attestations,
                "status": "reused",
            }
        )
    if entry.status == "built" or _believed_entry_matches(entry, publication, tools):
        return entry
    raise Blocked(
        f"{entry.service_id} can't be reused any more",
        cause="the catalog changed since the plan, and what the plan believed is not on the branch",
        remedy="invoke plan, then invoke publish",
        code="catalog-moved",
    )


def _attestation_files(
    catalog: Catalog, publication: Publication, tools: PromotionTools, tip: CommitId
) -> dict[str, bytes]:
    """Return the files that the catalog's attestations name: newly made, or carried over from the branch as they are.

    Raises:
        Blocked: the branch no longer has one of them with the digest that the catalog records.

    """
    found: dict[str, bytes] = {}
    made = {path: text.encode() for path, text in publication.attestations.items()}
    sources = [made, *(tools.gitops.files(c, [attestations_folder(tools.lane)]) for c in _revisions(publication, tip))]
    for entry in catalog.services:
        for file in entry.attestations.files:
            contents = (source[file.path] for source in sources if file.path in source)
            content = next((c for c in contents if digest_of(c) == file.digest), None)
            if content is None:
                raise Blocked(
                    f"{file.path} does not have the digest that the catalog records",
                    cause="it was edited or removed on the branch, and what is reused needs what vouches for it",
                    remedy=f"invoke publish --rebuild {entry.service_id}, then invoke promote",
                    code="attestation-disagrees",
                )
            found[file.path] = content
    return found


def _revisions(publication: Publication, tip: CommitId) -> list[CommitId]:
    """Return the commits whose entries a promotion may reuse: the newest, and the one that the plan believed."""
    return list(dict.fromkeys([tip, publication.mirror_revision]))


def _believed_entry_matches(entry: CatalogEntry, publication: Publication, tools: PromotionTools) -> bool:
    tip = tools.gitops.tip()
    if tip is None or not tools.gitops.is_ancestor(publication.mirror_revision, tip):
        return False
    try:
        _, believed = catalog_at(tools.gitops, tools.lane, publication.mirror_revision)
    except Blocked:
        return False
    promoted = believed.entry(entry.service_id)
    return promoted is not None and _same_image(promoted, entry)


def _same_image(one: CatalogEntry, other: CatalogEntry) -> bool:
    return (one.env_identity, one.digest, one.repository_digest) == (
        other.env_identity,
        other.digest,
        other.repository_digest,
    )


def _is_proven(current: CatalogEntry, built: CatalogEntry, lane: Lane, registry: ImageRegistry) -> bool:
    """Tell whether the branch's entry may stand for what was just built: as a plan would believe it."""
    image = ImageReference.parse(built.image)
    wanted = Wanted(
        service_id=built.service_id,
        identity=built.env_identity,
        inputs=tuple(item.as_input() for item in built.toolchain_inputs.inputs),
        image_ref=built.image_ref,
        image=image,
    )
    if current.env_identity != built.env_identity or failed_proof(wanted, current, lane):
        return False
    return registry.probe(image.with_digest(current.digest)) == registry.probe(image) == current.digest


def _promotion_of(tools: PromotionTools, tip: CommitId, revision: CommitId) -> CommitId:
    """Find the GitOps commit that ``revision`` names, itself or by the source commit it promoted."""
    lane = tools.lane
    for candidate in tools.gitops.log(tip, lane.catalog_path, limit=_LOG_LIMIT):
        if candidate == revision:
            return candidate
        content = tools.gitops.files(candidate, [lane.catalog_path]).get(lane.catalog_path)
        if content is None:
            continue
        try:
            catalog = parse_catalog(content, where=str(candidate))
        except InputError:
            continue
        if any(entry.source_commit == revision for entry in catalog.services):
            return candidate
    raise Blocked(
        f"{revision.short} was never promoted on {lane.gitops_branch}",
        remedy=f"git log {lane.gitops_branch} shows what was",
        code="never-promoted",
    )


def _message(lane: Lane, commit: CommitId, catalog: Catalog) -> str:
    lines = [f"Promote {lane.source_branch} {commit.short}", ""]
    lines += [f"{e.service_id}: {e.status} {e.digest}" for e in catalog.services]
    return "\n".join([*lines, "", f"Source-Commit: {commit}", ""])

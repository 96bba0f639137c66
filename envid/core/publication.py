"""What ``publish`` hands to ``promote``: one catalog entry per service, and the GitOps commit that was believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from envid.core.catalog import Attestations, CatalogEntry, Provenance, record_inputs
from envid.core.identity import SCHEME
from envid.core.model.words import StrictModel, field_validator
from envid.core.strictjson import canonical_json, parse_model
from envid.core.values import CommitId

if TYPE_CHECKING:
    from envid.core.lane import Lane
    from envid.core.plan import Wanted
    from envid.core.values import Digest

__all__ = ["Publication", "entry_for", "parse_publication", "publication_bytes"]


class Publication(StrictModel):
    """The result of publishing one commit. ``attestations`` has the files of what was built: path to text."""

    schema_version: Literal["agentrun.publication/1"]
    commit: CommitId
    mirror_revision: CommitId
    entries: tuple[CatalogEntry, ...]
    attestations: dict[str, str]

    @field_validator("entries", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


def entry_for(
    wanted: Wanted,
    lane: Lane,
    commit: CommitId,
    *,
    digest: Digest,
    provenance: Provenance,
    attestations: Attestations,
    status: Literal["built", "reused"],
) -> CatalogEntry:
    """Return the catalog entry that says: ``wanted`` is the image ``digest``, promoted from ``commit``."""
    return CatalogEntry(
        service_id=wanted.service_id,
        lane=lane.version,
        source_branch=lane.source_branch,
        gitops_branch=lane.gitops_branch,
        source_commit=commit,
        image_ref=wanted.image_ref,
        image=str(wanted.image),
        digest=digest,
        repository_digest=wanted.image.with_digest(digest).pinned,
        env_identity=wanted.identity,
        boot_commit=commit,
        toolchain_inputs=record_inputs(SCHEME, wanted.inputs),
        status=status,
        provenance=provenance,
        attestations=attestations,
    )


def publication_bytes(publication: Publication) -> bytes:
    """Return the publication's canonical bytes."""
    return canonical_json(publication.model_dump(mode="json", exclude_none=True))


def parse_publication(content: bytes, *, where: str) -> Publication:
    """Parse what ``publish`` wrote.

    Raises:
        InputError: it is not that.

    """
    return parse_model(Publication, content, where=where)

"""``aipod.resolve``: from an AipodSpec's imageRef to the digest-pinned image it may run in, or to what must be built.

The image comes from the promoted catalog alone, by the same proofs as a plan's reuse (R6, R13).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from envid.core.identity import InputKind
from envid.core.plan import Decision, Judgement, Wanted, conclude, judge
from envid.core.values import ImageReference
from envid.errors import Fault, InputError
from envid.usecases.plan import promoted_catalog, read_deploy

if TYPE_CHECKING:
    from envid.adapters.git import CommitRecord
    from envid.core.catalog import Catalog, CatalogEntry
    from envid.core.deploy import ImageRef, Service
    from envid.core.lane import Lane
    from envid.core.values import CommitId
    from envid.usecases.environment import InputReader
    from envid.usecases.ports import GitOps, ImageRegistry

__all__ = ["AipodStatus", "Resolution", "ResolveTools", "resolve_image_ref"]


class AipodStatus(StrEnum):
    """What came of it."""

    REUSED = "reused"
    BUILD_REQUIRED = "build-required"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Where an imageRef leads. ``image`` is pinned by digest, and set on ``reused`` only.

    ``judgement`` is the plan's word on it; ``mirror_revision`` is the GitOps commit whose catalog was believed.
    """

    status: AipodStatus
    judgement: Judgement
    image: ImageReference | None
    mirror_revision: CommitId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveTools:
    """What a resolution works with."""

    lane: Lane
    registry_host: str
    source_repo: str
    gitops: GitOps
    registry: ImageRegistry


def resolve_image_ref(
    image_ref: ImageRef, tools: ResolveTools, *, source: tuple[InputReader, CommitRecord] | None = None
) -> Resolution:
    """Resolve ``image_ref`` against the promoted catalog.

    ``source`` is the commit to plan a build at, where nothing is there to reuse; without it (as in a service that has
    no source at hand) that case is an error.

    Raises:
        InputError: the imageRef is of a foreign repository, or what would have to be built is invalid.
        Blocked: there is no catalog to believe.
        RegistryError, GitError: a service that was needed to decide did not answer.

    """
    if image_ref.repo_url != tools.source_repo:
        raise InputError(
            "the imageRef can't be resolved",
            faults=[
                Fault(
                    "$.spec.imageRef.repoUrl", f"it is {image_ref.repo_url}; this lane builds from {tools.source_repo}"
                )
            ],
        )
    revision, catalog = promoted_catalog(tools.gitops, tools.lane)
    matching = [entry for entry in catalog.services if entry.image_ref == image_ref]
    judgements = [_judge_promoted(entry, tools) for entry in matching]
    judgements.sort(key=lambda judgement: judgement.decision is not Decision.REUSE)
    judgement = judgements[0] if judgements else _judge_wanted(image_ref, tools, catalog, source)
    image = None
    if judgement.decision is Decision.REUSE and judgement.digest is not None:
        image = judgement.wanted.image.with_digest(judgement.digest)
    status = {
        Decision.REUSE: AipodStatus.REUSED,
        Decision.BUILD: AipodStatus.BUILD_REQUIRED,
        Decision.BLOCKED: AipodStatus.BLOCKED,
    }[judgement.decision]
    return Resolution(status=status, judgement=judgement, image=image, mirror_revision=revision)


def _judge_promoted(entry: CatalogEntry, tools: ResolveTools) -> Judgement:
    """Put the entry of the very imageRef to every proof of a reuse."""
    inputs = tuple(item.as_input() for item in entry.toolchain_inputs.inputs)
    recorded = {item.name: item.value for item in inputs if item.kind is InputKind.IMAGE_REF}
    wanted = Wanted(
        service_id=entry.service_id,
        identity=entry.env_identity,
        inputs=inputs,
        # what the identity was computed from: an imageRef that was edited beside it proves nothing
        image_ref=entry.image_ref.model_copy(
            update={
                "repo_url": recorded.get("imageRef.repoUrl"),
                "commit_id": recorded.get("imageRef.commitId"),
                "dockerfile_path": recorded.get("imageRef.dockerfilePath"),
            }
        ),
        image=tools.lane.env_image(tools.registry_host, entry.service_id, entry.env_identity),
    )
    judgement = judge(wanted, entry, tools.lane)
    if judgement.decision is not Decision.REUSE:
        return judgement
    by_digest = tools.registry.probe(wanted.image.with_digest(entry.digest))
    by_tag = tools.registry.probe(wanted.image) if by_digest else None
    return conclude(judgement, entry, by_digest=by_digest, by_tag=by_tag)


def _judge_wanted(
    image_ref: ImageRef, tools: ResolveTools, catalog: Catalog, source: tuple[InputReader, CommitRecord] | None
) -> Judgement:
    """Say what would have to be built: a service's environment with this imageRef in place of its own."""
    if source is None:
        raise InputError(
            "no promoted image has this imageRef, and there is no source here to plan its build",
            remedy="invoke aipod.resolve in the source repository",
            code="build-required",
        )
    reader, commit = source
    services = read_deploy(reader, commit, lane=tools.lane, source_repo=tools.source_repo).services
    service = _closest(services, image_ref).model_copy(update={"image_ref": image_ref})
    environment = reader.service_environment(commit, service)
    wanted = Wanted(
        service_id=service.id,
        identity=environment.identity,
        inputs=environment.inputs,
        image_ref=image_ref,
        image=tools.lane.env_image(tools.registry_host, service.id, environment.identity),
    )
    return judge(wanted, catalog.entry(service.id), tools.lane)


def _closest(services: tuple[Service, ...], image_ref: ImageRef) -> Service:
    same = [s for s in services if s.image_ref.dockerfile_path == image_ref.dockerfile_path]
    return (same or list(services))[0]

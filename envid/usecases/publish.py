"""``publish``: builds what must be built, and believes no digest before the registry confirmed it (R7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from envid import __version__
from envid.core.catalog import Builder, CatalogEntry, Invocation, Provenance, ResolvedDependency, record_inputs
from envid.core.identity import SCHEME, InputKind
from envid.core.plan import Decision
from envid.core.publication import Publication, entry_for
from envid.core.values import ImageReference
from envid.errors import Blocked, BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from envid.adapters.buildkit import BuildRequest, BuiltImage, ContextFile
    from envid.core.catalog import Attestations
    from envid.core.deploy import Service
    from envid.core.lane import Lane
    from envid.core.plan import Judgement, Plan
    from envid.core.sbom import Locks
    from envid.core.values import Digest
    from envid.usecases.environment import Environment, InputReader, SourceFile
    from envid.usecases.plan import PlannedCommit
    from envid.usecases.ports import Builder as BuilderPort
    from envid.usecases.ports import ImageRegistry, Progress

__all__ = ["BuildOptions", "build_request", "confirm", "publish", "refuse_unless_sound"]

BUILD_TYPE = "https://agentrun.dev/envid/build/v1"


class BuildOptions(NamedTuple):
    """How to build, none of which is an input. ``secrets`` are id to file; the cache fields are BuildKit's."""

    secrets: Mapping[str, Path]
    cache_from: str | None = None
    cache_to: str | None = None
    no_cache: bool = False
    run_id: str = ""


def refuse_unless_sound(plan: Plan) -> None:
    """Stop where the plan found an entry that must not be believed.

    Raises:
        Blocked: naming each service and the proof that it fails.

    """
    if plan.may_go_on:
        return
    bad = [j for j in plan.judgements if j.unsafe or j.decision is Decision.BLOCKED]
    raise Blocked(
        f"nothing may be reused or built from this catalog: {plan.summary}",
        cause="; ".join(f"{j.wanted.service_id}: {j.reason}: {j.detail}" for j in bad),
        remedy=f"see who changed it (git log {plan.mirror_revision.short}); then invoke promote --rollback-to the last "
        f"good GitOps commit, or build anew with invoke publish --rebuild {bad[0].wanted.service_id}",
        code=bad[0].reason.value,
    )


def publish(
    reader: InputReader,
    planned: PlannedCommit,
    lane: Lane,
    *,
    builder: BuilderPort,
    registry: ImageRegistry,
    options: BuildOptions,
    clock: Callable[[], float],
    progress: Progress,
) -> Publication:
    """Build or reuse every service as planned, and return the entries to promote.

    Raises:
        Blocked: the plan is not sound.
        BuildError: BuildKit failed, or BuildKit and the registry name different digests.
        RegistryError: the registry did not confirm an image.

    """
    plan = planned.plan
    refuse_unless_sound(plan)
    services = {service.id: service for service in planned.deploy.services}
    entries: list[CatalogEntry] = []
    attested: dict[str, str] = {}
    for judgement in sorted(plan.judgements, key=lambda j: j.wanted.service_id):
        name = judgement.wanted.service_id
        promoted = planned.catalog.entry(name)
        if judgement.decision is Decision.REUSE and promoted is not None and judgement.digest is not None:
            entry = entry_for(
                judgement.wanted,
                lane,
                plan.commit,
                digest=judgement.digest,
                provenance=promoted.provenance,
                attestations=promoted.attestations,
                status="reused",
            )
        else:
            progress(f"{name}: building {judgement.wanted.identity[:12]} ({judgement.reason})")
            started = clock()
            resolved = _resolved(services[name], planned.environments[name], registry)
            request = build_request(reader, services[name], planned.environments[name], judgement.wanted.image, options)
            built, locks, versions = _build(request, planned.environments[name], reader, builder, progress)
            confirm(judgement.wanted.image, built.digest, registry)
            provenance = _provenance(
                services[name],
                resolved,
                versions,
                run_id=options.run_id or built.reference or "unknown",
                started=started,
                finished=clock(),
            )
            references, files = _attest(locks, judgement, lane, built, provenance)
            attested |= files
            entry = entry_for(
                judgement.wanted,
                lane,
                plan.commit,
                digest=built.digest,
                provenance=provenance,
                attestations=references,
                status="built",
            )
        entries.append(entry)
    return Publication(
        schema_version="agentrun.publication/1",
        commit=plan.commit,
        mirror_revision=plan.mirror_revision,
        entries=tuple(entries),
        attestations=attested,
    )


def build_request(
    reader: InputReader, service: Service, environment: Environment, image: ImageReference, options: BuildOptions
) -> BuildRequest:
    """Make the request whose context is exactly the hashed files (R3).

    Raises:
        BuildError: the environment has no Containerfile.

    """
    # a reuse, which must be quick, builds nothing
    from envid.adapters.buildkit import BuildRequest, ContextFile  # noqa: PLC0415

    if environment.containerfile is None:
        raise BuildError(f"{service.id} has no Containerfile to build from")

    def loaded(file: SourceFile) -> ContextFile:
        return ContextFile(file.path, file.mode, reader.content(file))

    return BuildRequest(
        image=image,
        platform=service.platform,
        containerfile=loaded(environment.containerfile),
        context=tuple(loaded(file) for file in environment.files),
        build_args=service.build_args,
        secrets=options.secrets,
        no_cache=options.no_cache,
        cache_from=options.cache_from,
        cache_to=options.cache_to,
    )


def confirm(image: ImageReference, built: Digest, registry: ImageRegistry) -> None:
    """See that BuildKit's metadata, HEAD by tag and HEAD by digest name one digest, and that the image is all there.

    Raises:
        BuildError: they don't agree.
        RegistryError: the registry did not confirm the image.

    """
    by_tag = registry.digest(image)
    if by_tag != built:
        raise BuildError(
            f"BuildKit and the registry disagree on {image}",
            cause=f"BuildKit pushed {built}, the tag is {by_tag}: another build of this envIdentity pushed other bytes",
            remedy="run invoke publish again; if it stays, the build is not reproducible",
            code="digest-disagrees",
        )
    registry.verify_complete(image.with_digest(built))


def _build(
    request: BuildRequest, environment: Environment, reader: InputReader, builder: BuilderPort, progress: Progress
) -> tuple[BuiltImage, Locks, dict[str, str]]:
    """Build, and meanwhile prepare what attests the image."""
    # a reuse, which must be quick, never needs these
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from envid.usecases.attest import prepare  # noqa: PLC0415

    with ThreadPoolExecutor(1) as aside:
        versions = aside.submit(builder.versions)
        locks = aside.submit(prepare, environment, reader.content)
        return builder.build(request, progress), locks.result(), versions.result()


def _attest(
    locks: Locks,
    judgement: Judgement,
    lane: Lane,
    built: BuiltImage,
    provenance: Provenance,
) -> tuple[Attestations, dict[str, str]]:
    from envid.core.attestation import AttestedImage  # noqa: PLC0415
    from envid.usecases.attest import attest  # noqa: PLC0415

    wanted = judgement.wanted
    image = AttestedImage(
        image=str(wanted.image),
        digest=built.digest,
        identity=wanted.identity,
        image_ref=wanted.image_ref,
        toolchain=record_inputs(SCHEME, wanted.inputs),
        provenance=provenance,
    )
    return attest(image, lane, wanted.service_id, locks, buildkit_record=built.record)


def _resolved(service: Service, environment: Environment, registry: ImageRegistry) -> tuple[ResolvedDependency, ...]:
    """Return what a build of the service uses; of a base image for several platforms, the platform's image too."""
    ref = service.image_ref
    found = [
        ResolvedDependency(uri=f"git+{ref.repo_url}", digest={"gitCommit": environment.commit}),
        ResolvedDependency(uri=f"git+{ref.repo_url}#{ref.dockerfile_path}", digest={"gitCommit": ref.commit_id}),
    ]
    for item in environment.inputs:
        if item.kind not in {InputKind.BASE_IMAGE, InputKind.FRONTEND}:
            continue
        name, _, digest = (item.value or "").partition("@")
        found.append(_image(name, digest))
        if item.kind is InputKind.BASE_IMAGE:
            own = registry.platform_digest(ImageReference.parse(f"{name}@{digest}"), service.platform)
            if own != digest:
                found.append(_image(f"{name}?platform={service.platform}", own))
    return tuple(found)


def _image(name: str, digest: str) -> ResolvedDependency:
    return ResolvedDependency(uri=f"docker://{name}", digest={"sha256": digest.removeprefix("sha256:")})


def _provenance(
    service: Service,
    resolved: tuple[ResolvedDependency, ...],
    versions: dict[str, str],
    *,
    run_id: str,
    started: float,
    finished: float,
) -> Provenance:
    return Provenance(
        build_type=BUILD_TYPE,
        builder=Builder(id="https://agentrun.dev/envid", version={"envid": __version__, "scheme": SCHEME, **versions}),
        invocation=Invocation(id=run_id, parameters={"platform": service.platform, **service.build_args}),
        resolved_dependencies=resolved,
        started_on=_instant(started),
        finished_on=_instant(finished),
    )


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

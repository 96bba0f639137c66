"""The artifact catalog: the only record from which an image may be reused (R5).

The model checks shape alone. Whether an entry may be *trusted* is ``plan``'s question: an entry that was edited by hand
must parse, so that the plan can say which proof it fails.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from envid.core.deploy import ImageRef
from envid.core.identity import EnvInput, InputKind, env_identity
from envid.core.lane import Lane
from envid.core.model.words import Field, StrictModel, field_validator, model_validator
from envid.core.strictjson import canonical_json, parse_model
from envid.core.values import CommitId, Digest, EnvIdentity

__all__ = [
    "AttestationFile",
    "Attestations",
    "Builder",
    "Catalog",
    "CatalogEntry",
    "Invocation",
    "Provenance",
    "RecordedInput",
    "ResolvedDependency",
    "ToolchainInputs",
    "catalog_bytes",
    "empty_catalog",
    "parse_catalog",
    "record_inputs",
]

Instant = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
Text = Annotated[str, Field(max_length=4096)]


class _Model(StrictModel):
    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class RecordedInput(_Model):
    """One input with its own hash; see ``identity.EnvInput``."""

    kind: Literal["base-image", "build-arg", "containerfile", "file", "frontend", "image-ref", "platform"]
    name: Text
    mode: Annotated[str, Field(pattern=r"^([0-7]{6})?$")]
    size: Annotated[int, Field(ge=0)]
    blake3: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    value: Text | None = None

    def as_input(self) -> EnvInput:
        """Return the input that this records."""
        return EnvInput(
            kind=InputKind(self.kind),
            name=self.name,
            mode=self.mode,
            size=self.size,
            blake3=self.blake3,
            value=self.value,
        )


class ToolchainInputs(_Model):
    """Every input of the environment: enough to compute the identity again, and to explain a later one."""

    scheme: Text
    inputs: tuple[RecordedInput, ...]

    def recompute(self) -> EnvIdentity:
        """Compute the identity from what is recorded.

        Raises:
            InputError: the recorded inputs are not well-formed.

        """
        return env_identity(item.as_input() for item in self.inputs)


class ResolvedDependency(_Model):
    """Something the build used, with its digest, in SLSA v1 terms."""

    uri: Text
    digest: dict[Literal["sha256", "gitCommit", "blake3"], Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]]


class Builder(_Model):
    """What built it."""

    id: Text
    version: dict[Annotated[str, Field(max_length=64)], Text]


class Invocation(_Model):
    """Which run built it: a PipelineRun's or TaskRun's name in Tekton, BuildKit's build reference elsewhere."""

    id: Text
    parameters: dict[Annotated[str, Field(max_length=64)], Text]


class Provenance(_Model):
    """How the image came to be (SLSA v1). A reuse keeps the provenance of the build it reuses."""

    build_type: Text
    builder: Builder
    invocation: Invocation
    resolved_dependencies: tuple[ResolvedDependency, ...]
    started_on: Instant
    finished_on: Instant


class AttestationFile(_Model):
    """A file of the GitOps branch, and the digest that its bytes must have."""

    path: Text
    digest: Digest


class Attestations(_Model):
    """What vouches for the image: the in-toto statement and the SBOM. A reuse keeps those of the build it reuses."""

    provenance: AttestationFile
    sbom: AttestationFile

    @property
    def files(self) -> tuple[AttestationFile, ...]:
        """Both."""
        return self.provenance, self.sbom


class CatalogEntry(_Model):
    """What is known of one service's env image.

    ``image`` is the reference by tag, ``repository_digest`` the one that manifests pin; ``boot_commit`` is the commit
    that the running service fetches, ``source_commit`` the one that was promoted.
    """

    service_id: Text
    lane: Text
    source_branch: Text
    gitops_branch: Text
    source_commit: CommitId
    image_ref: ImageRef
    image: Text
    digest: Digest
    repository_digest: Text
    env_identity: EnvIdentity
    boot_commit: CommitId
    toolchain_inputs: ToolchainInputs
    status: Literal["built", "reused"]
    provenance: Provenance
    attestations: Attestations


class Catalog(_Model):
    """The whole catalog of one lane; services sorted by id."""

    schema_version: Literal["agentrun.artifact-catalog/1"]
    project: Text
    lane: Text
    source_branch: Text
    gitops_branch: Text
    services: tuple[CatalogEntry, ...]

    @model_validator(mode="after")
    def _sorted_and_unique(self) -> Self:
        names = [entry.service_id for entry in self.services]
        if sorted(set(names)) != names:
            raise ValueError("services must be sorted by serviceId, each once")
        return self

    def entry(self, service_id: str) -> CatalogEntry | None:
        """Return the entry of a service, or None."""
        return next((entry for entry in self.services if entry.service_id == service_id), None)

    def belongs_to(self, lane: Lane) -> bool:
        """Tell whether this is ``lane``'s own catalog."""
        return (self.project, self.lane, self.source_branch, self.gitops_branch) == (
            lane.project,
            lane.version,
            lane.source_branch,
            lane.gitops_branch,
        )

    def with_entries(self, entries: dict[str, CatalogEntry]) -> Catalog:
        """Return the catalog with exactly ``entries``, by service id."""
        services = tuple(entries[name] for name in sorted(entries))
        return self.model_copy(update={"services": services})


def empty_catalog(lane: Lane) -> Catalog:
    """Return the first catalog of ``lane``, which records nothing yet."""
    return Catalog(
        schema_version="agentrun.artifact-catalog/1",
        project=lane.project,
        lane=lane.version,
        source_branch=lane.source_branch,
        gitops_branch=lane.gitops_branch,
        services=(),
    )


def parse_catalog(content: bytes, *, where: str) -> Catalog:
    """Parse a catalog's bytes.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    return parse_model(Catalog, content, where=where)


def catalog_bytes(catalog: Catalog) -> bytes:
    """Return the catalog's canonical bytes."""
    return canonical_json(catalog.model_dump(mode="json", exclude_none=True))


def record_inputs(scheme: str, inputs: tuple[EnvInput, ...]) -> ToolchainInputs:
    """Record ``inputs`` in the pre-image's order."""
    return ToolchainInputs(
        scheme=scheme,
        inputs=tuple(
            RecordedInput(
                kind=item.kind.value,
                name=item.name,
                mode=item.mode,
                size=item.size,
                blake3=item.blake3,
                value=item.value,
            )
            for item in sorted(inputs, key=lambda item: item.sort_key)
        ),
    )

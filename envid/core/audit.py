"""The checks of ``catalog.verify`` that need no more than bytes, and how a check's outcome is told (R5).

Each check passes, fails, or is unknown where what it needs could not be asked; unknown is not a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import yaml

from envid.core.attestation import AttestedImage, statement_problems
from envid.core.catalog import catalog_bytes
from envid.core.manifest import digest_of
from envid.core.plan import Wanted, failed_proof
from envid.core.promotion import attestation_path, is_attestation
from envid.core.sbom import sbom_problems
from envid.core.values import ImageReference
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envid.core.catalog import Catalog, CatalogEntry
    from envid.core.lane import Lane

__all__ = ["Check", "Outcome", "attestation_checks", "catalog_check", "identity_check", "pin_check", "runtime_check"]


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, the service it is about (empty: the whole branch), how it ended, and what was seen."""

    name: str
    service: str
    outcome: Outcome
    seen: str


def catalog_check(content: bytes, catalog: Catalog, lane: Lane) -> Check:
    """Check that the catalog is this lane's own, and that its bytes are the canonical ones."""
    problem = ""
    if not catalog.belongs_to(lane):
        problem = f"it is of {catalog.project} {catalog.lane} {catalog.source_branch} {catalog.gitops_branch}"
    elif catalog_bytes(catalog) != content:
        problem = "its bytes are not the canonical ones: it was edited by hand"
    return _check("catalog", "", problem, f"{len(catalog.services)} services")


def identity_check(entry: CatalogEntry, lane: Lane, registry_host: str) -> Check:
    """Check that the recorded inputs compute to the identity, and that lane, image and digests agree with it."""
    try:
        problem = _identity_problem(entry, lane, registry_host)
    except InputError as error:
        problem = str(error.faults[0]) if error.faults else error.what
    return _check("identity", entry.service_id, problem, entry.env_identity)


def attestation_checks(entry: CatalogEntry, lane: Lane, files: Mapping[str, bytes]) -> Iterator[Check]:
    """Check that the statement and the SBOM have the recorded digests, and say what the entry says."""
    image = AttestedImage.of(entry)
    for kind, file in (("provenance", entry.attestations.provenance), ("sbom", entry.attestations.sbom)):
        content = files.get(file.path)
        problems: tuple[str, ...] = ()
        if file.path != attestation_path(lane, entry.service_id, "provenance" if kind == "provenance" else "sbom"):
            problems = (f"the catalog names {file.path}",)
        elif content is None:
            problems = (f"{file.path} is not on the branch",)
        elif digest_of(content) != file.digest:
            problems = (f"{file.path} has the digest {digest_of(content)}, the catalog records {file.digest}",)
        elif kind == "provenance":
            problems = statement_problems(content, image, sbom=entry.attestations.sbom.digest, where=file.path)
        else:
            problems = sbom_problems(content, image, where=file.path)
        yield _check(kind, entry.service_id, "; ".join(problems), str(file.digest))


def pin_check(catalog: Catalog, lane: Lane, files: Mapping[str, bytes]) -> Check:
    """Check that every image of the manifests is pinned by digest, and that each service's own is the catalog's."""
    problems: list[str] = []
    pinned: set[str] = set()
    names = {ImageReference.parse(e.repository_digest).name: e.repository_digest for e in catalog.services}
    for path, content in sorted(files.items()):
        if not path.startswith(f"{lane.runtime_path}/") or is_attestation(lane, path):
            continue
        for image in _images(content, path, problems):
            pinned.add(image)
            name, _, digest = image.partition("@")
            if not digest.startswith("sha256:"):
                problems.append(f"{path}: {image} is not pinned by digest")
            elif names.get(name, image) != image:
                problems.append(f"{path}: {image} is not the catalog's {names[name]}")
    problems += [f"no manifest uses {image}" for image in sorted(set(names.values()) - pinned)]
    return _check("pins", "", "; ".join(problems[:5]), f"{len(pinned)} images")


def runtime_check(lane: Lane, catalog: Catalog, files: Mapping[str, bytes], rendered: Mapping[str, bytes]) -> Check:
    """Check that the runtime path holds what catalog and deploy.json render to, byte for byte, and nothing else."""
    vouching = {file.path for entry in catalog.services for file in entry.attestations.files}
    there = {path: content for path, content in files.items() if path.startswith(f"{lane.runtime_path}/")}
    problems = [f"{path} should not be there" for path in sorted(there.keys() - rendered.keys() - vouching)]
    problems += [f"{path} is missing" for path in sorted(rendered.keys() - there.keys())]
    problems += [
        f"{path} is not what deploy.json renders to: edited by hand, or promoted by another version"
        for path in sorted(rendered.keys() & there.keys())
        if rendered[path] != there[path]
    ]
    return _check("runtime", "", "; ".join(problems[:5]), f"{len(rendered)} manifests")


def _identity_problem(entry: CatalogEntry, lane: Lane, registry_host: str) -> str:
    wanted = Wanted(
        service_id=entry.service_id,
        identity=entry.env_identity,
        inputs=tuple(item.as_input() for item in entry.toolchain_inputs.inputs),
        image_ref=entry.image_ref,
        image=lane.env_image(registry_host, entry.service_id, entry.env_identity),
    )
    if failed := failed_proof(wanted, entry, lane):
        return f"{failed[0]}: {failed[1]}"
    ref = entry.image_ref
    recorded = {item.name: item.value for item in entry.toolchain_inputs.inputs if item.kind == "image-ref"}
    names = {"repoUrl": ref.repo_url, "commitId": ref.commit_id, "dockerfilePath": ref.dockerfile_path}
    if differing := [k for k, v in names.items() if recorded.get(f"imageRef.{k}", v) != v]:
        return f"imageRef.{differing[0]} is not the input that is recorded"
    built_from = [item.digest.get("gitCommit") for item in entry.provenance.resolved_dependencies][:1]
    if entry.source_commit != entry.boot_commit:
        return f"it boots {entry.boot_commit.short}, and was promoted from {entry.source_commit.short}"
    if entry.status == "built" and built_from != [entry.source_commit]:
        return f"it claims to be built from {entry.source_commit.short}, its provenance says otherwise"
    return ""


def _images(content: bytes, path: str, problems: list[str]) -> Iterator[str]:
    try:
        documents = list(yaml.safe_load_all(content))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        problems.append(f"{path} is not YAML")
        return
    pending: list[Any] = documents
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(item.get("image"), str):
                yield item["image"]
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _check(name: str, service: str, problem: str, seen: str) -> Check:
    return Check(name=name, service=service, outcome=Outcome.FAIL if problem else Outcome.PASS, seen=problem or seen)

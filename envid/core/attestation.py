"""The provenance of an env image: one in-toto Statement v1 with a SLSA v1 predicate, made and checked (R5).

The statement repeats nothing that could disagree: all of it but the by-products is computed from the catalog's entry,
so checking it means computing it again. The by-products are BuildKit's own record, byte for byte, and the SBOM's
digest. ``docs/provenance.md`` has an example.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from envid.core.identity import SOURCE_DATE_EPOCH, InputKind
from envid.core.jsontext import canonical_json, parse_json
from envid.core.manifest import digest_of
from envid.core.values import ImageReference
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.catalog import CatalogEntry, Provenance, ToolchainInputs
    from envid.core.deploy import ImageRef
    from envid.core.values import Digest, EnvIdentity

__all__ = ["PREDICATE_TYPE", "STATEMENT_TYPE", "AttestedImage", "make_statement", "statement_problems"]

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
_BUILDKIT_RECORD: Final = "buildkit-provenance.json"
_SBOM: Final = "sbom.cdx.json"
_SBOM_TYPE: Final = "application/vnd.cyclonedx+json"
_MAX_PROBLEMS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedImage:
    """What a statement is about: the image by tag and digest, and how it came to be."""

    image: str
    digest: Digest
    identity: EnvIdentity
    image_ref: ImageRef
    toolchain: ToolchainInputs
    provenance: Provenance

    @classmethod
    def of(cls, entry: CatalogEntry) -> AttestedImage:
        """Return what the statement of a catalog entry must be about."""
        return cls(
            image=entry.image,
            digest=entry.digest,
            identity=entry.env_identity,
            image_ref=entry.image_ref,
            toolchain=entry.toolchain_inputs,
            provenance=entry.provenance,
        )


def make_statement(image: AttestedImage, *, sbom: Digest, buildkit_record: bytes | None) -> bytes:
    """Return the statement's canonical bytes.

    ``buildkit_record`` is BuildKit's own SLSA predicate, or None where BuildKit keeps no history.
    """
    byproducts: list[dict[str, Any]] = [{"name": _SBOM, "mediaType": _SBOM_TYPE, "digest": {"sha256": sbom.hex}}]
    if buildkit_record is not None:
        byproducts.append(
            {
                "name": _BUILDKIT_RECORD,
                "mediaType": "application/json",
                "digest": {"sha256": digest_of(buildkit_record).hex},
                "content": base64.b64encode(buildkit_record).decode(),
                "annotations": {"predicateType": PREDICATE_TYPE},
            }
        )
    return canonical_json(_statement(image, byproducts))


def statement_problems(content: bytes, image: AttestedImage, *, sbom: Digest, where: str) -> tuple[str, ...]:
    """Say what in a statement does not fit the image, each by JSON path; empty when all of it does."""
    try:
        found = parse_json(content, where=where)
    except InputError as error:
        return tuple(map(str, error.faults)) or (error.what,)
    try:
        byproducts = found["predicate"]["runDetails"]["byproducts"]
        listed = {item["name"]: item for item in byproducts}
    except (KeyError, TypeError):
        return ("$.predicate.runDetails.byproducts: it is missing or no list of named things",)
    problems = list(_differences(found, _statement(image, byproducts), "$"))
    if len(listed) != len(byproducts) or not listed.keys() <= {_SBOM, _BUILDKIT_RECORD}:
        problems.append("$.predicate.runDetails.byproducts: there are others than the SBOM and BuildKit's record")
    if listed.get(_SBOM) != {"name": _SBOM, "mediaType": _SBOM_TYPE, "digest": {"sha256": sbom.hex}}:
        problems.append("$.predicate.runDetails.byproducts: the SBOM is not the one of the catalog")
    if (record := listed.get(_BUILDKIT_RECORD)) is not None:
        problems += _record_problems(record, image)
    if not problems and canonical_json(found) != content:
        problems.append("$: its bytes are not the canonical ones")
    return tuple(problems[:_MAX_PROBLEMS])


def _statement(image: AttestedImage, byproducts: list[dict[str, Any]]) -> dict[str, Any]:
    provenance, ref = image.provenance, image.image_ref
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": ImageReference.parse(image.image).name, "digest": {"sha256": image.digest.hex}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": provenance.build_type,
                "externalParameters": {
                    "image": image.image,
                    "imageRef": ref.model_dump(mode="json"),
                    "parameters": dict(provenance.invocation.parameters),
                },
                "internalParameters": {
                    "envIdentity": image.identity,
                    "scheme": image.toolchain.scheme,
                    "sourceDateEpoch": str(SOURCE_DATE_EPOCH),
                },
                "resolvedDependencies": [
                    *(
                        {"uri": item.uri, "digest": {str(k): v for k, v in item.digest.items()}}
                        for item in provenance.resolved_dependencies
                    ),
                    *(
                        {
                            "name": item.name,
                            "digest": {"blake3": item.blake3},
                            "annotations": {"kind": item.kind, "mode": item.mode, "size": str(item.size)},
                        }
                        for item in image.toolchain.inputs
                    ),
                ],
            },
            "runDetails": {
                "builder": {"id": provenance.builder.id, "version": dict(provenance.builder.version)},
                "metadata": {
                    "invocationId": provenance.invocation.id,
                    "startedOn": provenance.started_on,
                    "finishedOn": provenance.finished_on,
                },
                "byproducts": byproducts,
            },
        },
    }


def _record_problems(record: dict[str, Any], image: AttestedImage) -> Iterator[str]:
    """Check that BuildKit's record is whole, and that what it resolved are the base images that the identity has."""
    where = f"BuildKit's record ({_BUILDKIT_RECORD})"
    try:
        content = base64.b64decode(record["content"], validate=True)
        if record["digest"] != {"sha256": digest_of(content).hex}:
            yield f"{where}: its bytes do not have the digest that is named"
            return
        definition = parse_json(content, where=where)["buildDefinition"]
        resolved = {item["digest"]["sha256"] for item in definition.get("resolvedDependencies") or []}
    except (KeyError, TypeError, AttributeError, binascii.Error, InputError):
        yield f"{where}: it can't be read"
        return
    pinned = {
        (item.value or "").rpartition("@sha256:")[2]
        for item in image.toolchain.inputs
        if item.kind in {InputKind.BASE_IMAGE, InputKind.FRONTEND}
    }
    for digest in sorted(pinned - resolved):
        yield f"{where}: BuildKit did not use sha256:{digest}, which is an input"
    for digest in sorted(resolved - pinned):
        yield f"{where}: BuildKit used sha256:{digest}, which is no input"


def _differences(found: Any, expected: Any, path: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            if key not in found:
                yield f"{path}.{key}: it is missing"
            elif key not in expected:
                yield f"{path}.{key}: it does not belong there"
            else:
                yield from _differences(found[key], expected[key], f"{path}.{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif found != expected:
        yield f"{path}: it is {_short(found)}, the catalog's entry gives {_short(expected)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a line of a terminal

"""The statement against the specifications' own schemas, and every way in which one may not fit its entry."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # type: ignore[import-untyped]
from in_toto_attestation.v1 import statement_pb2  # type: ignore[import-untyped]
from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]

from envid.core.attestation import AttestedImage, make_statement, statement_problems
from envid.core.manifest import digest_of
from envid.core.strictjson import canonical_json
from tests.support.builders import BASE, commit_id, digest, entry_of, wanted_of

IMAGE = AttestedImage.of(entry_of(wanted_of(), image=digest(1), commit=commit_id(7)))
SBOM = digest(9)
BASE_SHA256 = BASE.rpartition(":")[2]


def record(*resolved: str) -> bytes:
    """What BuildKit keeps of a build that used these digests."""
    dependencies = [{"uri": "pkg:docker/x", "digest": {"sha256": one}} for one in resolved]
    return json.dumps({"buildDefinition": {"resolvedDependencies": dependencies}, "runDetails": {}}).encode()


RECORD = record(BASE_SHA256)


def problems(content: bytes) -> tuple[str, ...]:
    return statement_problems(content, IMAGE, sbom=SBOM, where="x.json")


@pytest.mark.parametrize("kept", [RECORD, None], ids=["with BuildKit's record", "without"])
def test_a_statement_fits_the_in_toto_and_slsa_schemas_and_its_entry(kept: bytes | None) -> None:
    content = make_statement(IMAGE, sbom=SBOM, buildkit_record=kept)
    assert problems(content) == ()
    document = json.loads(content)
    # both refuse a field that the schema does not have, and one of the wrong type
    parsed = json_format.ParseDict(document, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    predicate = json_format.ParseDict(document["predicate"], provenance_pb2.Provenance())
    assert document["predicateType"] == "https://slsa.dev/provenance/v1"
    assert parsed.subject[0].digest["sha256"] == IMAGE.digest.hex
    assert predicate.build_definition.build_type
    assert predicate.run_details.builder.id
    assert predicate.run_details.metadata.started_on.seconds
    if kept is not None:
        assert predicate.run_details.byproducts[1].content == kept


def test_every_input_is_a_resolved_dependency_with_its_own_hash() -> None:
    document = json.loads(make_statement(IMAGE, sbom=SBOM, buildkit_record=None))
    listed = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    hashes = {item["name"]: item["digest"]["blake3"] for item in listed if "name" in item}
    assert hashes == {item.name: item.blake3 for item in IMAGE.toolchain.inputs}


def _edited(edit: Callable[[dict[str, Any]], object], kept: bytes | None = RECORD) -> bytes:
    document = json.loads(make_statement(IMAGE, sbom=SBOM, buildkit_record=kept))
    edit(document)
    return canonical_json(document)


def _byproducts(document: dict[str, Any]) -> Any:
    return document["predicate"]["runDetails"]["byproducts"]


EDITS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda d: d.update(_type="https://in-toto.io/Statement/v0.1"), "$._type"),
    (lambda d: d["subject"][0]["digest"].update(sha256="0" * 64), "$.subject[0].digest.sha256"),
    (lambda d: d["subject"].append({"name": "other"}), "$.subject"),
    (lambda d: d.pop("predicateType"), "$.predicateType: it is missing"),
    (lambda d: d["predicate"].update(more=1), "$.predicate.more: it does not belong there"),
    (
        lambda d: d["predicate"]["buildDefinition"]["resolvedDependencies"].pop(),
        "$.predicate.buildDefinition.resolvedDependencies",
    ),
    (lambda d: d["predicate"]["runDetails"]["metadata"].update(startedOn="2020-01-01T00:00:00Z"), "startedOn"),
    (lambda d: d["predicate"]["runDetails"].pop("byproducts"), "byproducts: it is missing"),
    (lambda d: _byproducts(d).append({"name": "other"}), "there are others"),
    (lambda d: _byproducts(d)[0]["digest"].update(sha256="0" * 64), "the SBOM is not the one"),
    (lambda d: _byproducts(d).pop(0), "the SBOM is not the one"),
    (lambda d: _byproducts(d)[1].update(content=base64.b64encode(b"{}").decode()), "do not have the digest"),
    (lambda d: _byproducts(d)[1].update(content="%"), "can't be read"),
]


@pytest.mark.parametrize(("edit", "told"), EDITS, ids=[told for _, told in EDITS])
def test_what_does_not_fit_is_named(edit: Callable[[dict[str, Any]], object], told: str) -> None:
    found = problems(_edited(edit))
    assert any(told in problem for problem in found), found


@pytest.mark.parametrize(
    ("resolved", "told"),
    [
        ((), f"did not use sha256:{BASE_SHA256}"),
        ((BASE_SHA256, "e" * 64), f"used sha256:{'e' * 64}, which is no input"),
    ],
)
def test_what_buildkit_resolved_must_be_what_the_identity_has(resolved: tuple[str, ...], told: str) -> None:
    content = make_statement(IMAGE, sbom=SBOM, buildkit_record=record(*resolved))
    (problem,) = problems(content)
    assert told in problem


def test_a_record_that_is_no_record_is_refused_by_its_form() -> None:
    for content in (b"[]", b"{}", b"\xff", b'{"buildDefinition": []}'):
        (problem,) = problems(make_statement(IMAGE, sbom=SBOM, buildkit_record=content))
        assert "can't be read" in problem


def test_bytes_that_are_no_statement_are_told() -> None:
    for content in (b"", b"{", b"[]", b"{}", b"null", b"\xff"):
        assert problems(content)
    assert problems(make_statement(IMAGE, sbom=SBOM, buildkit_record=None) + b" ") == (
        "$: its bytes are not the canonical ones",
    )
    assert digest_of(RECORD) != SBOM

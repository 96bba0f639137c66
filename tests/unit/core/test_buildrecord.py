"""BuildKit's history is searched for one build's provenance, whatever else it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envid.core.buildrecord import find_record
from tests.support.builders import digest

PREDICATE = "https://slsa.dev/provenance/v1"


def event(reference: str, *attestations: tuple[str, str]) -> bytes:
    listed = [{"digest": d, "annotations": {"in-toto.io/predicate-type": t}} for t, d in attestations]
    return json.dumps({"type": 1, "record": {"Ref": reference, "Result": {"Attestations": listed}}}).encode()


def test_the_build_is_found_by_its_own_reference_and_the_record_by_its_type() -> None:
    lines = [
        event("other", (PREDICATE, digest(1))),
        b"not JSON but it names wanted",
        event("wanted", ("https://slsa.dev/provenance/v0.2", digest(2)), (PREDICATE, digest(3))),
    ]
    assert find_record(b"\n".join(lines), "wanted") == digest(3)


@pytest.mark.parametrize(
    "record",
    [{}, {"Result": None}, {"Result": {"Attestations": [{}]}},
     {"Result": {"Attestations": [{"digest": "x", "annotations": {"in-toto.io/predicate-type": PREDICATE}}]}}],
)  # fmt: skip
def test_a_history_without_it_has_none(record: dict[str, Any]) -> None:
    assert find_record(json.dumps({"record": {"Ref": "wanted", **record}}).encode(), "wanted") is None
    assert find_record(b"", "wanted") is None
    assert find_record(event("wanted-2", (PREDICATE, digest(1))), "wanted") is None

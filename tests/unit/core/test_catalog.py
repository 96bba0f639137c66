"""The catalog's shape: strict, canonical, and enough to compute every identity again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from envid.core.catalog import Catalog, catalog_bytes, empty_catalog, parse_catalog
from envid.core.lane import parse_lane
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import LANE, commit_id, digest, entry_of, wanted_of


def two_services() -> Catalog:
    entries = [entry_of(wanted_of(name), image=digest(1), commit=commit_id(2)) for name in ("b-svc", "a-svc")]
    return empty_catalog(LANE).with_entries({e.service_id: e for e in entries})


DOCUMENT: dict[str, Any] = json.loads(catalog_bytes(two_services()))


def faults_of(change: Callable[[dict[str, Any]], object]) -> list[str]:
    document = json.loads(json.dumps(DOCUMENT))
    change(document)
    with pytest.raises(InputError) as caught:
        parse_catalog(canonical_json(document), where="c.json")
    return [fault.where for fault in caught.value.faults]


def test_what_is_written_is_read_back_and_written_the_same() -> None:
    catalog = two_services()
    again = parse_catalog(catalog_bytes(catalog), where="c.json")
    assert again == catalog
    assert catalog_bytes(again) == catalog_bytes(catalog)


def test_services_are_sorted_whatever_the_order_they_came_in() -> None:
    assert [entry.service_id for entry in two_services().services] == ["a-svc", "b-svc"]


def test_every_entry_recomputes_to_its_identity_after_a_round_trip() -> None:
    for entry in parse_catalog(catalog_bytes(two_services()), where="c.json").services:
        assert entry.toolchain_inputs.recompute() == entry.env_identity


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d.update(extra=1), "c.json: $.extra"),
        (lambda d: d["services"][0].update(token="s3cret"), "c.json: $.services[0].token"),
        (lambda d: d.pop("lane"), "c.json: $.lane"),
        (lambda d: d["services"][1].pop("digest"), "c.json: $.services[1].digest"),
        (lambda d: d["services"][0].update(digest="sha256:abc"), "c.json: $.services[0].digest"),
        (lambda d: d["services"][0].update(envIdentity="0"), "c.json: $.services[0].envIdentity"),
        (lambda d: d["services"][0].update(bootCommit="abc1234"), "c.json: $.services[0].bootCommit"),
        (lambda d: d["services"][0].update(status="verified"), "c.json: $.services[0].status"),
        (lambda d: d["services"].reverse(), "c.json: $"),
        (lambda d: d["services"].append(d["services"][1]), "c.json: $"),
        (lambda d: d.update(schemaVersion="agentrun.artifact-catalog/2"), "c.json: $.schemaVersion"),
        (
            lambda d: d["services"][0]["toolchainInputs"]["inputs"][0].update(size="3"),
            "c.json: $.services[0].toolchainInputs.inputs[0].size",
        ),
        (
            lambda d: d["services"][0]["provenance"].update(startedOn="yesterday"),
            "c.json: $.services[0].provenance.startedOn",
        ),
    ],
)
def test_another_shape_is_refused_by_its_path(change: Callable[[dict[str, Any]], object], where: str) -> None:
    assert where in faults_of(change)


def test_a_catalog_belongs_to_one_lane_only() -> None:
    assert two_services().belongs_to(LANE)
    other = parse_lane(project="agentrun", version="v0.2", site="g14", repository="pikasTech/agentrun.git")
    assert not two_services().belongs_to(other)


def test_the_json_is_camel_case_and_has_no_nulls() -> None:
    text = catalog_bytes(two_services()).decode()
    assert '"envIdentity"' in text
    assert "_identity" not in text
    assert "null" not in text

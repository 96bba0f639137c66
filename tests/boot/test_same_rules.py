"""The manager and ``aipod.resolve`` refuse the same images: one list of examples for both (R13)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envid.core.aipod import parse_aipod
from envid.errors import InputError
from tests.support.lanes import ROOT

MENTIONS: dict[str, list[str]] = json.loads((ROOT / "src/testing/image-mentions.json").read_text())
IMAGE_REF = {
    "kind": "env-image-dockerfile",
    "repoUrl": "git@github.com:pikasTech/agentrun.git",
    "commitId": "e" * 40,
    "dockerfilePath": "Containerfile",
}


def parse(more: dict[str, Any]) -> None:
    parse_aipod(json.dumps({"spec": {"imageRef": IMAGE_REF, "task": [more]}}).encode(), where="aipod.json")


@pytest.mark.parametrize("document", [{"say": text} for text in MENTIONS["tagged"]])
def test_a_reference_by_tag_is_refused(document: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(document)
    assert [fault.where for fault in caught.value.faults] == ["aipod.json: $.spec.task[0].say"]


@pytest.mark.parametrize("name", MENTIONS["fields"])
def test_a_field_that_names_an_image_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        parse({name: "x"})


@pytest.mark.parametrize("text", MENTIONS["innocent"])
def test_innocent_text_is_taken(text: str) -> None:
    parse({"say": text})


@pytest.mark.parametrize("name", MENTIONS["innocentFields"])
def test_innocent_fields_are_taken(name: str) -> None:
    parse({name: "x"})

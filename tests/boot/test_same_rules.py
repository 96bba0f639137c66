"""The manager and ``aipod.resolve`` refuse the same images and entries: one list of examples for both (R13)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envid.core.aipod import parse_aipod
from envid.core.catalog import CatalogEntry, catalog_bytes, empty_catalog
from envid.core.deploy import ImageRef
from envid.core.identity import InputKind, env_identity, value_input
from envid.core.plan import Wanted
from envid.core.values import Digest
from envid.errors import InputError
from envid.usecases.aipod import Resolution, ResolveTools, resolve_image_ref
from tests.support.builders import LANE, REGISTRY, SOURCE_REPO, commit_id, entry_of
from tests.support.lanes import ROOT
from tests.support.simulators import MemoryGitOps, MemoryRegistry, Remote

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


def promoted(change: dict[str, Any]) -> Resolution:
    """Resolve against an honest entry with ``change`` put into it; the registry has all that the entry names."""
    lane, source = LANE, ImageRef.model_validate(IMAGE_REF)
    fields = [("repoUrl", source.repo_url), ("commitId", source.commit_id), ("dockerfilePath", source.dockerfile_path)]
    inputs = tuple(value_input(InputKind.IMAGE_REF, f"imageRef.{name}", value) for name, value in fields)
    identity = env_identity(inputs)
    wanted = Wanted(
        service_id="agentrun-mgr",
        identity=identity,
        inputs=inputs,
        image_ref=source,
        image=lane.env_image(REGISTRY, "agentrun-mgr", identity),
    )
    honest = entry_of(wanted, image=Digest("sha256:" + "d" * 64), commit=commit_id(1))
    document = {**honest.model_dump(mode="json", by_alias=True, exclude_none=True), **change}
    entry = CatalogEntry.model_validate(document)
    gitops, registry = MemoryGitOps(Remote()), MemoryRegistry()
    catalog = empty_catalog(lane).with_entries({"agentrun-mgr": entry})
    gitops.remote.put(gitops.branch, {lane.catalog_path: catalog_bytes(catalog)})
    registry.push(wanted.image, honest.digest)
    tools = ResolveTools(lane=lane, registry_host=REGISTRY, source_repo=SOURCE_REPO, gitops=gitops, registry=registry)
    return resolve_image_ref(source, tools)


def test_an_honest_entry_is_reused() -> None:
    assert promoted({}).status == "reused"


@pytest.mark.parametrize("case", json.loads((ROOT / "src/testing/doubted-entries.json").read_text()), ids=json.dumps)
def test_an_entry_that_the_manager_doubts_gives_no_image_here_either(case: dict[str, Any]) -> None:
    found = promoted(case["change"])
    assert (found.status, found.judgement.reason, found.image) == (case["status"], case["reason"], None)

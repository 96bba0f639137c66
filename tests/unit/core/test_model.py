"""Prepared models: current, and in everything that is used of them what pydantic itself makes."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from envid.core.catalog import catalog_bytes, empty_catalog, parse_catalog
from envid.core.deploy import ImageRef, parse_deploy
from envid.core.images import parse_pins
from envid.errors import InputError
from tests.support.builders import LANE, commit_id, deploy_json, digest, entry_of, wanted_of

ROOT = Path(__file__).parents[3]
FULL: Any = json.loads((ROOT / "tests/golden/manifests/full/deploy.json").read_bytes())
COMMIT = "a" * 40
IMAGE_REF = {
    "kind": "env-image-dockerfile",
    "repoUrl": "https://git.example/a.git",
    "commitId": COMMIT,
    "dockerfilePath": "Containerfile",
}


def test_the_prepared_schemas_and_the_editors_schema_are_what_pydantic_makes_of_the_models() -> None:
    done = subprocess.run(
        [sys.executable, "script/prepare-models", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def edited(document: Any, *changes: tuple[list[str | int], Any]) -> Any:
    document = deepcopy(document)
    for path, value in changes:
        at = document
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
    return document


ENTRY_OF = entry_of(wanted_of(), image=digest(1), commit=commit_id(7))
CATALOG: Any = json.loads(catalog_bytes(empty_catalog(LANE).with_entries({ENTRY_OF.service_id: ENTRY_OF})))
ENTRY: list[str | int] = ["services", 0]
DOCUMENTS: dict[str, list[Any]] = {
    "deploy": [
        deploy_json(),
        FULL,
        {},
        edited(FULL, (["services"], [])),
        edited(FULL, (["services", 0, "port"], "8080"), (["services", 0, "unknown"], 1), (["schemaVersion"], "x")),
        edited(FULL, (["services", 0, "imageRef", "commitId"], "abc"), (["services", 0, "inputs"], ["../x"])),
        edited(FULL, (["services", 0, "resources", "limits", "cpu"], "many\n")),
        edited(FULL, (["services", 0, "timeout"], 1), (["services", 0, "env"], {"lower": 1})),
        edited(FULL, (["services", 0, "platform"], "plan9/amd64"), (["services", 0, "database"], 1)),
    ],
    "catalog": [
        CATALOG,
        edited(CATALOG, ([*ENTRY, "digest"], "sha256:x"), ([*ENTRY, "status"], "kept")),
        edited(CATALOG, ([*ENTRY, "toolchainInputs", "inputs", 0, "size"], -1)),
        edited(CATALOG, ([*ENTRY, "toolchainInputs", "inputs", 0, "size"], True)),
        edited(CATALOG, ([*ENTRY, "provenance", "startedOn"], "yesterday")),
        {**CATALOG, "services": CATALOG["services"] * 2},
    ],
}
SAYS = """
import json, sys
from envid.core.model import schemas
if sys.argv[1] == "whole":
    schemas.MADE_FOR = "0.0.0"
from envid.core.catalog import parse_catalog
from envid.core.deploy import parse_deploy
from envid.errors import InputError
said = []
for kind, documents in json.load(sys.stdin).items():
    for document in documents:
        try:
            parsed = {"deploy": parse_deploy, "catalog": parse_catalog}[kind](json.dumps(document).encode(), where="f")
            dumped = parsed.model_dump(mode="json", exclude_none=True)
            said.append([repr(parsed), parsed.model_dump(mode="json"), dumped, sorted(parsed.model_fields_set)])
            said.append([repr(parsed.model_dump()), repr(parsed.services[0].model_dump(include={"provenance", "id"}))])
        except InputError as error:
            said.append(str(error))
print(json.dumps({"pydantic": "pydantic" in sys.modules, "said": said}))
"""


def test_with_another_core_pydantic_makes_the_models_and_they_say_the_same_word_for_word() -> None:
    light, whole = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", SAYS, how],
                input=json.dumps(DOCUMENTS),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for how in ("light", "whole")
    )
    assert (light["pydantic"], whole["pydantic"]) == (False, True)
    assert light["said"] == whole["said"]
    assert {type(answer) for answer in light["said"]} == {list, str}


def test_a_model_is_checked_when_it_is_made_by_name_or_by_its_json_name() -> None:
    ref = ImageRef.model_validate(IMAGE_REF)
    made = ImageRef(
        kind="env-image-dockerfile", repo_url=ref.repo_url, commit_id=ref.commit_id, dockerfile_path=ref.dockerfile_path
    )
    assert made == ref
    assert hash(made) == hash(ref)
    assert ref.model_dump(mode="json") == IMAGE_REF
    for change in ({"repoUrl": "file:///etc"}, {"commitId": 1}, {"more": ""}):
        with pytest.raises(ValueError, match=next(iter(change))):
            ImageRef.model_validate({**IMAGE_REF, **change})


def test_a_copy_differs_in_what_was_asked_for_and_leaves_the_first_alone() -> None:
    ref = ImageRef.model_validate(IMAGE_REF)
    copied = ref.model_copy(update={"dockerfile_path": "Other"})
    assert (copied.dockerfile_path, ref.dockerfile_path) == ("Other", "Containerfile")
    assert copied != ref
    assert copied.model_dump(mode="json") == {**IMAGE_REF, "dockerfilePath": "Other"}


def test_a_model_is_frozen() -> None:
    ref = ImageRef.model_validate(IMAGE_REF)
    with pytest.raises(Exception, match="frozen"):
        ref.repo_url = "https://git.example/b.git"  # type: ignore[misc]
    assert ref.repo_url == IMAGE_REF["repoUrl"]


@pytest.mark.parametrize("parse", [parse_deploy, parse_catalog, parse_pins])
def test_a_key_that_stands_twice_is_refused_before_any_model_sees_it(parse: Any) -> None:
    with pytest.raises(InputError, match="duplicate keys"):
        parse(b'{"schemaVersion": "x", "schemaVersion": "x"}', where="f")

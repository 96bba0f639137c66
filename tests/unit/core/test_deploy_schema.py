"""The JSON Schema of deploy.json that editors use: checked in, current, and of one mind with the model."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from envid.core.deploy import parse_deploy
from envid.core.deploy.schema import deploy_schema, deploy_schema_bytes
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import deploy_json

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "deploy/deploy.schema.json"
EXAMPLES = {
    "the repository's own": json.loads((ROOT / "deploy/deploy.json").read_bytes()),
    "the full one": json.loads((ROOT / "tests/golden/manifests/full/deploy.json").read_bytes()),
    "the smallest": deploy_json(),
}


def test_the_checked_in_schema_is_the_models_own() -> None:
    if os.environ.get("REGENERATE_GOLDEN") == "1":
        assert not os.environ.get("CI"), "CI compares and never regenerates"
        SCHEMA.write_bytes(deploy_schema_bytes())
    assert SCHEMA.read_bytes() == deploy_schema_bytes(), "REGENERATE_GOLDEN=1 writes it anew"


def test_the_schema_is_a_schema_and_deploy_json_points_to_it() -> None:
    Draft202012Validator.check_schema(deploy_schema())
    own = EXAMPLES["the repository's own"]
    assert (ROOT / "deploy" / own["$schema"]).resolve() == SCHEMA


@pytest.mark.parametrize("document", EXAMPLES.values(), ids=EXAMPLES)
def test_what_the_model_takes_the_schema_takes(document: dict[str, Any]) -> None:
    parse_deploy(canonical_json(document))
    assert list(Draft202012Validator(deploy_schema()).iter_errors(document)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["schemaVersion"], "x"),
        (["comment"], "x"),
        (["services"], []),
        (["services", 0, "replicas"], "1"),
        (["services", 0, "port"], 0),
        (["services", 0, "imageTag"], "x"),
        (["services", 0, "imageRef", "commitId"], "abc"),
        (["services", 0, "imageRef", "dockerfilePath"], "/x"),
        (["services", 0, "env"], {"lower": "x"}),
        (["services", 0, "permissions"], ["everything"]),
        (["namespace"], "A"),
        (["ingress"], {"public": True}),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else "",
)
def test_what_is_wrong_by_form_both_refuse(path: list[str | int], value: Any) -> None:
    document: Any = deepcopy(EXAMPLES["the full one"])
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert list(Draft202012Validator(deploy_schema()).iter_errors(document))
    with pytest.raises(InputError):
        parse_deploy(canonical_json(document))

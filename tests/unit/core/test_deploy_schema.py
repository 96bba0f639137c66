"""The JSON Schema of deploy.json that editors use: of one mind with the model. That it is current: `test_model`."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from envid.core.deploy import parse_deploy
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


def test_the_schema_is_a_schema_and_deploy_json_points_to_it() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_bytes()))
    own = EXAMPLES["the repository's own"]
    assert (ROOT / "deploy" / own["$schema"]).resolve() == SCHEMA


@pytest.mark.parametrize("document", EXAMPLES.values(), ids=EXAMPLES)
def test_what_the_model_takes_the_schema_takes(document: dict[str, Any]) -> None:
    parse_deploy(canonical_json(document))
    assert list(Draft202012Validator(json.loads(SCHEMA.read_bytes())).iter_errors(document)) == []


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
    assert list(Draft202012Validator(json.loads(SCHEMA.read_bytes())).iter_errors(document))
    with pytest.raises(InputError):
        parse_deploy(canonical_json(document))

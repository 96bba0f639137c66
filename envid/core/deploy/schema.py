"""The JSON Schema of deploy.json, for editors: what ``$schema`` points to (R8); ``script/prepare-models`` writes it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from envid.core.deploy.service import Deploy
from envid.core.jsontext import canonical_json

__all__ = ["deploy_schema", "deploy_schema_bytes"]


def deploy_schema() -> dict[str, Any]:
    """Return the schema of what is checked by form; what must agree with each other no schema can say."""
    schema = Deploy.model_json_schema(by_alias=True)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "deploy/deploy.json", **_tidied(schema)}


def deploy_schema_bytes() -> bytes:
    """Return the schema as it is checked in."""
    return canonical_json(deploy_schema())


def _tidied(value: Any) -> Any:
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    # pydantic's titles repeat the names, and editors show them in place of the descriptions
    kept = {k: _tidied(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    # a key that matches no pattern is refused, which pydantic does not say
    return {"additionalProperties": False} | kept if "patternProperties" in kept else kept

"""The JSON Schema of deploy.json, for editors: what ``$schema`` points to (R8)."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from envid.core.deploy.service import Deploy
from envid.core.strictjson import canonical_json

__all__ = ["deploy_schema", "deploy_schema_bytes"]


def deploy_schema() -> dict[str, Any]:
    """Return the schema of what is checked by form; what must agree with each other no schema can say."""
    schema = Deploy.model_json_schema(by_alias=True)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "deploy/deploy.json", **_without_titles(schema)}


def deploy_schema_bytes() -> bytes:
    """Return the schema as it is checked in."""
    return canonical_json(deploy_schema())


def _without_titles(value: Any) -> Any:
    # pydantic's titles repeat the names, and editors show them in place of the descriptions
    if isinstance(value, dict):
        return {k: _without_titles(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_without_titles(item) for item in value] if isinstance(value, list) else value

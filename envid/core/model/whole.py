"""The base of strict models as pydantic makes it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["StrictModel"]


class StrictModel(BaseModel):
    """A frozen model that refuses unknown fields and converts nothing; camelCase in JSON, snake_case in Python."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        # a validator is made at the first use: most commands use few of the models that they import
        defer_build=True,
    )

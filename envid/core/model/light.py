"""Prepared models: classes with pydantic's behaviour, as far as it is used here, on the schemas that pydantic made.

What the words say is in the schemas already, so here they only have to be there.
"""
# ruff: noqa: N802 - pydantic's names

from __future__ import annotations

import importlib
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

from envid.core.model.core import SchemaValidator
from envid.core.model.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pydantic_core import CoreSchema

__all__ = [
    "AfterValidator",
    "ConfigDict",
    "Discriminator",
    "Field",
    "Strict",
    "StrictModel",
    "Tag",
    "field_validator",
    "model_validator",
]


def Field(*_: Any, **__: Any) -> Any:
    """Say nothing; as all words for annotations and defaults."""


AfterValidator = ConfigDict = Discriminator = Strict = Tag = Field


def model_validator(*_: Any, **__: Any) -> Callable[[Any], Any]:
    """Leave a method as it is: the schema names it."""
    return lambda method: method


field_validator = model_validator


class StrictModel:
    """See ``whole.StrictModel`` for its rules; an instance has what pydantic's has, because its core fills it."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")

    if TYPE_CHECKING:
        __pydantic_extra__: dict[str, Any] | None
        __pydantic_fields_set__: set[str]

    def __init__(self, **values: Any) -> None:
        _validator(_name(type(self))).validate_python(values, self_instance=self)

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """Return the model of ``value``: parsed JSON, or an instance."""
        made: Self = _validator(_name(cls)).validate_python(value)
        return made

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return a copy with other values, which are not checked."""
        changes = update or {}
        copied = type(self).__new__(type(self))
        for name in StrictModel.__slots__:
            object.__setattr__(copied, name, getattr(self, name))
        object.__setattr__(copied, "__dict__", {**self.__dict__, **changes})
        object.__setattr__(copied, "__pydantic_fields_set__", self.__pydantic_fields_set__ | changes.keys())
        return copied

    def model_dump(
        self,
        *,
        mode: str = "python",
        by_alias: bool | None = None,
        include: Collection[str] | None = None,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the model as a dictionary, under its names in JSON; with ``mode`` ``json``, as JSON has it."""
        # the core could do it, but first imports all that it knows to write: fractions, UUIDs, its own package
        assert by_alias is not False  # noqa: S101 - which nobody asks for
        names = _json_names(_name(type(self)))
        kept = {
            names[name]: _dumped(value, mode, exclude_none=exclude_none)
            for name, value in self.__dict__.items()
            if (include is None or name in include) and not (exclude_none and value is None)
        }
        return kept | (self.__pydantic_extra__ or {})

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that were given, and not left to their defaults."""
        return self.__pydantic_fields_set__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} can't be set to {value!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def _name(model: type[StrictModel]) -> str:
    return f"{model.__module__}:{model.__qualname__}"


@cache
def _validator(model: str) -> SchemaValidator:
    return SchemaValidator(_schema(model))


@cache
def _json_names(model: str) -> dict[str, str]:
    schema = SCHEMAS[model]
    while "fields" not in schema:
        schema = schema["schema"]
    return {name: field["serialization_alias"] for name, field in schema["fields"].items()}


def _dumped(value: Any, mode: str, *, exclude_none: bool) -> Any:
    match value:
        case StrictModel():
            return value.model_dump(mode=mode, exclude_none=exclude_none)
        case tuple() | list():
            items = [_dumped(item, mode, exclude_none=exclude_none) for item in value]
            return items if mode == "json" or isinstance(value, list) else tuple(items)
        case dict():
            return {key: _dumped(item, mode, exclude_none=exclude_none) for key, item in value.items()}
        case str() if mode == "json":
            return str(value)
    return value


@cache
def _schema(model: str) -> CoreSchema:
    schema: CoreSchema = _filled_in(SCHEMAS[model])
    return schema


def _filled_in(value: Any) -> Any:
    """Put in what a schema refers to: the schema of a nested model, or a class or function by its name."""
    if isinstance(value, list):
        return [_filled_in(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$model": name}:
            return _schema(name)
        case {"$object": name}:
            module, _, path = name.partition(":")
            return attrgetter(path)(importlib.import_module(module))
    return {key: _filled_in(item) for key, item in value.items()}

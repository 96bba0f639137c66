"""An AipodSpec, as far as delivery is concerned: the env image that it asks for (R13).

``spec.imageRef`` is this project's; what else stands in ``spec`` belongs to the runtime's own specification and is not
judged here, except that no mutable tag and no credential may stand anywhere in the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from envid.core.deploy import ImageRef
from envid.core.imagetext import tagged_images_in
from envid.core.model.words import ConfigDict, Field, StrictModel
from envid.core.strictjson import json_path, parse_json, validate_model
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AipodSpec", "Metadata", "Spec", "parse_aipod"]

_IMAGE_NAMES: Final = frozenset(
    {"image", "imagename", "imagetag", "tag", "envimage", "envimagetag", "containerimage", "backendimage", "imageurl"}
)
_TAG: Final = "an image or tag is not chosen here; it follows from spec.imageRef and the artifact catalog alone"


class Metadata(StrictModel):
    """The Aipod's name, and what people say of it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)] | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Spec(StrictModel):
    """The Aipod's wishes. Fields beside ``imageRef`` are not this project's, and are kept out of its decisions."""

    model_config = ConfigDict(extra="allow")

    image_ref: ImageRef


class AipodSpec(StrictModel):
    """The whole document."""

    json_schema: str | None = Field(default=None, alias="$schema")
    api_version: Annotated[str, Field(max_length=128)] | None = None
    kind: Literal["Aipod", "AipodSpec"] | None = None
    metadata: Metadata = Field(default_factory=Metadata)
    spec: Spec

    @property
    def image_ref(self) -> ImageRef:
        """Where the env image comes from."""
        return self.spec.image_ref


def parse_aipod(content: bytes, *, where: str) -> AipodSpec:
    """Parse an AipodSpec.

    Raises:
        InputError: with every fault, each by JSON path; a mutable image tag anywhere is one.

    """
    value = parse_json(content, where=where)
    faults = [Fault(f"{where}: {json_path(at)}", _TAG) for at in _tags(value, ())]
    aipod = None
    try:
        aipod = validate_model(AipodSpec, value, where=where)
    except InputError as error:
        named = {fault.where for fault in faults}
        faults += [fault for fault in error.faults if fault.where not in named]
    if aipod is None or faults:
        raise InputError(f"{where} is not valid", faults=sorted(set(faults), key=lambda f: (f.where, f.problem)))
    return aipod


def _tags(value: Any, at: tuple[int | str, ...]) -> Iterator[tuple[int | str, ...]]:
    if isinstance(value, dict):
        for name, item in value.items():
            here = (*at, name)
            if tagged_images_in(name) or _is_image_name(name):
                yield here
            else:
                yield from _tags(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _tags(item, (*at, index))
    elif isinstance(value, str) and tagged_images_in(value):
        yield at


def _is_image_name(name: str) -> bool:
    return "".join(c for c in name.lower() if c.isalnum()) in _IMAGE_NAMES

"""``deploy/runtime/images.json``: the images beside the services' own, pinned by hand (R8, R11).

deploy.json may carry no digest, and the catalog records only services. An image of a third party, or one of this
project's tools, is a source input like a lock file: a person moves its digest, and the commit says why.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from envid.core.model.words import AfterValidator, Field, StrictModel
from envid.core.strictjson import canonical_json, parse_model
from envid.core.values import EnvIdentity, ImageReference, RepoPath
from envid.errors import InputError

__all__ = ["IMAGES_PATH", "NO_IMAGES", "NO_PINS", "ImageName", "Images", "PinnedImages", "parse_images", "parse_pins"]

IMAGES_PATH: Final = RepoPath("deploy/runtime/images.json")
ImageName = Literal["buildkit", "gitMirror", "postgres", "toolbox"]


def _pinned(text: str) -> str:
    try:
        return ImageReference.parse(text).pinned
    except InputError as error:
        raise ValueError(f"{error.what}{f': {error.cause}' if error.cause else ''}") from None


Pinned = Annotated[str, Field(max_length=512), AfterValidator(_pinned)]


class Images(StrictModel):
    """The pinned images; None where the file names none."""

    buildkit: Pinned | None = None
    git_mirror: Pinned | None = None
    postgres: Pinned | None = None
    toolbox: Pinned | None = None


NO_IMAGES: Final = Images()


class PinnedImages(StrictModel):
    """The whole file. ``identities`` has the envIdentity of each image that ``image.build --pin`` made."""

    schema_version: Literal["agentrun.images/1"]
    images: Images
    identities: dict[ImageName, EnvIdentity] = Field(default_factory=dict)

    def pin_of(self, name: ImageName) -> tuple[ImageReference, EnvIdentity] | None:
        """Return the pin of ``name`` and what it was built from; None where it is not one that we built."""
        pinned, identity = self.images.model_dump(by_alias=True)[name], self.identities.get(name)
        return None if pinned is None or identity is None else (ImageReference.parse(pinned), identity)

    def with_pin(self, name: ImageName, reference: ImageReference, identity: EnvIdentity) -> PinnedImages:
        """Return the file with another pin; all others stay."""
        images = self.images.model_dump(by_alias=True) | {name: reference.pinned}
        identities = {**self.identities, name: identity}
        return self.model_copy(update={"images": Images.model_validate(images), "identities": identities})

    def content(self) -> bytes:
        """Return the file's canonical bytes."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True))


NO_PINS: Final = PinnedImages(schema_version="agentrun.images/1", images=NO_IMAGES)


def parse_images(content: bytes, *, where: str = IMAGES_PATH) -> Images:
    """Parse images.json for what it pins.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    return parse_pins(content, where=where).images


def parse_pins(content: bytes, *, where: str = IMAGES_PATH) -> PinnedImages:
    """Parse images.json.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    return parse_model(PinnedImages, content, where=where)

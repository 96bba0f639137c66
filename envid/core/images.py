"""``deploy/runtime/images.json``: other people's images that the runtime needs, pinned by hand (R8).

deploy.json may carry no digest, and the catalog records only what this project builds. A third party's image is a
source input like a lock file: a person moves its digest, and the commit says why.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from envid.core.strictjson import StrictModel, parse_model
from envid.core.values import ImageReference, RepoPath
from envid.errors import InputError

__all__ = ["IMAGES_PATH", "NO_IMAGES", "Images", "parse_images"]

IMAGES_PATH: Final = RepoPath("deploy/runtime/images.json")


def _pinned(text: str) -> str:
    try:
        return ImageReference.parse(text).pinned
    except InputError as error:
        raise ValueError(f"{error.what}{f': {error.cause}' if error.cause else ''}") from None


Pinned = Annotated[str, Field(max_length=512), AfterValidator(_pinned)]


class Images(StrictModel):
    """The pinned images; None where the file names none."""

    postgres: Pinned | None = None


class _File(StrictModel):
    schema_version: Literal["agentrun.images/1"]
    images: Images


NO_IMAGES: Final = Images()


def parse_images(content: bytes, *, where: str = IMAGES_PATH) -> Images:
    """Parse images.json.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    return parse_model(_File, content, where=where).images

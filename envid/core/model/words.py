"""The words that strict models are declared with: pydantic's own, or, for prepared models, ones that do nothing.

Models import them from here and not from pydantic, whose import and whose making of classes cost a plan 90 ms of
processor time. ``schemas`` has what pydantic made of the models; its core, which does all the checking, is the same
either way. Where another release of that core is installed than the schemas were made for, pydantic makes the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.core.model import schemas
from envid.core.model.core import __version__

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

# the last number of a version only mends what a release has
if TYPE_CHECKING or __version__.rpartition(".")[0] != schemas.MADE_FOR.rpartition(".")[0]:
    from pydantic import (
        AfterValidator,
        ConfigDict,
        Discriminator,
        Field,
        Strict,
        Tag,
        field_validator,
        model_validator,
    )

    from envid.core.model.whole import StrictModel
else:
    from envid.core.model.light import (
        AfterValidator,
        ConfigDict,
        Discriminator,
        Field,
        Strict,
        StrictModel,
        Tag,
        field_validator,
        model_validator,
    )

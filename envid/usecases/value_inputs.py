"""The inputs of an environment that are values and not files: platform, base images, frontend, build arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.core.identity import InputKind, value_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.containerfile import ContainerfileFacts
    from envid.core.identity import EnvInput

__all__ = ["value_inputs"]


def value_inputs(platform: str, build_args: Mapping[str, str], facts: ContainerfileFacts) -> list[EnvInput]:
    """Return the values that an image's declaration and its Containerfile state (R2)."""
    images = enumerate(facts.base_images)
    inputs = [value_input(InputKind.PLATFORM, "platform", platform)]
    inputs += [value_input(InputKind.BASE_IMAGE, f"baseImage[{index}]", image) for index, image in images]
    if facts.frontend is not None:
        inputs.append(value_input(InputKind.FRONTEND, "frontend", facts.frontend))
    return inputs + [value_input(InputKind.BUILD_ARG, f"buildArg.{k}", v) for k, v in build_args.items()]

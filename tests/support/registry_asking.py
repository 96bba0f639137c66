"""Asks the registry under test: how the registry client's tests name images and take refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from envid.adapters.registry import Registry
from envid.core.values import ImageReference
from envid.errors import EnvidError

if TYPE_CHECKING:
    from tests.support.fault_registry import FaultRegistry

NAME = "agentrun/env"


def ref(server: FaultRegistry, selector: str = "t") -> ImageReference:
    separator = "@" if selector.startswith("sha256:") else ":"
    return ImageReference.parse(f"{server.host}/{NAME}{separator}{selector}")


def refusal(registry: Registry, reference: ImageReference) -> EnvidError:
    """Return the error that asking for a digest gives; it must say what to do, and be a service's failure."""
    with pytest.raises(EnvidError) as caught:
        registry.digest(reference)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    assert caught.value.cause
    return caught.value

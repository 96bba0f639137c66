"""The embedded stack, as the package and base image tests build against it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from envid.adapters.blob_cache import default_cache_dir
from envid.adapters.inner_build import InnerBuild
from envid.local.tools import bootstrapped
from tests.support.lanes import Stack as Running

REPO = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the tests build against; ``secrets`` has the machine's CA bundle if it needs one."""

    registry: str
    build: InnerBuild
    cache_dir: Path
    secrets: dict[str, Path]


@pytest.fixture(scope="session")
def package_stack(stack: Running) -> Stack:
    bundle = os.environ.get("ENVID_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE", "")
    return Stack(
        registry=stack.services.registry,
        build=InnerBuild(buildctl=bootstrapped("buildctl"), host=stack.services.buildkit_host),
        cache_dir=default_cache_dir(),
        secrets={"ca": Path(bundle)} if bundle else {},
    )

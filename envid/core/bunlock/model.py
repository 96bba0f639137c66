"""What a ``bun.lock`` holds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["BunLock", "Needs", "Package", "Source", "Workspace"]


class Source(StrEnum):
    """Where a package comes from."""

    NPM = "npm"
    WORKSPACE = "workspace"
    FOLDER = "folder"
    LINK = "link"
    TARBALL = "tarball"
    GIT = "git"
    GITHUB = "github"
    ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one manifest asks for: name → range, per group. ``optional_peers`` names the peers that may be absent."""

    production: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    peer: Mapping[str, str] = field(default_factory=dict)
    dev: Mapping[str, str] = field(default_factory=dict)
    optional_peers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One row of ``packages``.

    ``place`` is its key: the names of the packages it is nested under, then its own, joined by ``/``. ``name`` is the
    package's own name, which differs from the place's last name for an alias. ``version`` is what follows ``name@``
    without its prefix: a version for npm, a path or URL otherwise; for git with ``#commit`` at its end. ``registry``
    is empty for the default registry. ``integrity`` is None where the lock has none. ``resolved`` is the git row's
    checkout tag. ``details`` is the row's object as the lock has it.
    """

    place: str
    name: str
    source: Source
    version: str
    registry: str = ""
    integrity: str | None = None
    resolved: str = ""
    needs: Needs
    details: Mapping[str, Any]

    @property
    def bundled(self) -> bool:
        """Whether it comes inside its parent's archive."""
        return self.details.get("bundled") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One manifest of the repository: the root at path ``""``, or a workspace."""

    path: str
    name: str
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class BunLock:
    """A whole lock.

    ``workspaces`` is by path, ``packages`` by place. ``patched`` is ``name@version`` → patch file. ``manifest`` is the
    document without its packages, as the lock has it: what the repository's own manifests brought in.
    """

    version: int
    config_version: int | None
    workspaces: Mapping[str, Workspace]
    packages: Mapping[str, Package]
    trusted: frozenset[str]
    patched: Mapping[str, str]
    manifest: Mapping[str, Any]

"""The local package cache: Debian packages by the SHA-256 of their bytes, so that a lock outlives the archive.

It never changes what is built: whatever comes from it is verified against the lock, as a download is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.adapters.blob_cache import keep_file, sha256_of
from envid.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from envid.core.packages import LockedPackage

__all__ = ["PackageCache"]


class PackageCache:
    """``debs/<sha256>.deb`` below the cache folder. A file is there whole or not at all."""

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / "debs"

    def add(self, deb: Path) -> str:
        """Take a copy of ``deb`` in and return its SHA-256.

        Raises:
            ServiceError: the cache can't be written.

        """
        return keep_file(deb, self._path)

    def missing(self, packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
        """Return those of ``packages`` that are not here."""
        return tuple(p for p in packages if not (p.sha256 and self._path(p.sha256).is_file()))

    def stage(self, packages: Iterable[LockedPackage], folder: Path) -> tuple[Path, ...]:
        """Lay those of ``packages`` that are here out in ``folder`` as ``<sha256>.deb``; a damaged one is dropped.

        Raises:
            ServiceError: ``folder`` can't be written.

        """
        staged = []
        for package in packages:
            if package.sha256 is None or not (kept := self._path(package.sha256)).is_file():
                continue
            if sha256_of(kept) != package.sha256:
                kept.unlink(missing_ok=True)
                continue
            staged.append(_link(kept, folder / kept.name))
        return tuple(staged)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.deb"


def _link(source: Path, target: Path) -> Path:
    try:
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # another file system
            target.write_bytes(source.read_bytes())
    except OSError as error:
        raise ServiceError(f"{target} can't be written", cause=error.strerror or str(error)) from None
    return target

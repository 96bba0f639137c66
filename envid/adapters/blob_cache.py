"""Files by their content: a key (what a file was made from) leads to a SHA-256, and that to the bytes.

A damaged or half-written file is never returned: the bytes are hashed again on every look-up.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.files import write_atomic
from envid.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BlobCache", "default_cache_dir", "keep_file", "sha256_of"]

_CHUNK: Final = 1 << 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def default_cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/envid``, or ``~/.cache/envid``."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "envid"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class BlobCache:
    """``blobs/<sha256>`` and ``keys/<key>`` below the cache folder. A key is 64 hex digits."""

    def __init__(self, cache_dir: Path) -> None:
        self._blobs = cache_dir / "blobs"
        self._keys = cache_dir / "keys"

    def find(self, key: str) -> Path | None:
        """Return the file kept under ``key``, or None if there is none or its bytes have changed."""
        try:
            sha256 = (self._keys / key).read_text("ascii").strip()
            blob = self._blobs / sha256
            return blob if _SHA256.fullmatch(sha256) and sha256_of(blob) == sha256 else None
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, key: str, source: Path) -> Path:
        """Keep a copy of ``source`` under ``key`` and return it.

        Raises:
            ServiceError: the cache can't be written.

        """
        sha256 = keep_file(source, lambda name: self._blobs / name)
        write_atomic(self._keys / key, sha256.encode() + b"\n")
        return self._blobs / sha256


def keep_file(source: Path, path_for: Callable[[str], Path]) -> str:
    """Copy ``source`` to where ``path_for`` its SHA-256 says, atomically, and return that hash.

    The hash is of the bytes that were written, not of a second read of ``source``.

    Raises:
        ServiceError: the cache can't be written.

    """
    digest = hashlib.sha256()
    folder = path_for("0" * 64).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target, source.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            temporary.chmod(0o644)
            temporary.replace(path_for(digest.hexdigest()))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ServiceError(
            f"the cache {folder} can't be written",
            cause=error.strerror or str(error),
            remedy="make room there, or choose another folder with XDG_CACHE_HOME",
        ) from None
    return digest.hexdigest()

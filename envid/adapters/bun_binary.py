"""The Bun executable: the npm package that ``tools/bun.json`` pins by version and integrity, through the npm client."""

from __future__ import annotations

import base64
import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from envid.adapters.files import read_bounded
from envid.adapters.process import find_tool, run
from envid.core.model.words import Field, StrictModel
from envid.core.strictjson import parse_model
from envid.errors import InputError, ServiceError

if TYPE_CHECKING:
    from envid.adapters.blob_cache import BlobCache

__all__ = ["BunPin", "fetch_bun", "load_bun_pin"]

_EXECUTABLE: Final = "package/bin/bun"
_MAX_PIN: Final = 64 * 1024
_TIMEOUT: Final = 600.0


class _Package(StrictModel):
    name: Annotated[str, Field(pattern=r"^@oven/bun-[a-z0-9-]+$")]
    integrity: Annotated[str, Field(pattern=r"^sha512-[A-Za-z0-9+/]{86}==$")]


class BunPin(StrictModel):
    """``tools/bun.json``: Bun's version, and per Debian architecture the npm package with its integrity."""

    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    packages: dict[str, _Package]


def load_bun_pin(path: Path) -> BunPin:
    """Read ``tools/bun.json``.

    Raises:
        InputError: it is missing or not valid.

    """
    return parse_model(BunPin, read_bounded(path, limit=_MAX_PIN, hint="git checkout tools/bun.json"), where=path.name)


def fetch_bun(pin: BunPin, architecture: str, cache: BlobCache) -> Path:
    """Return the Bun executable for ``architecture``, from the cache or, verified, from npm.

    Raises:
        InputError: no package is pinned for the architecture.
        ServiceError: npm failed, or what it brought has another integrity.

    """
    package = pin.packages.get(architecture)
    if package is None:
        raise InputError(f"tools/bun.json pins no Bun for {architecture}", remedy="add its package and integrity")
    key = hashlib.sha256(f"{package.integrity} {_EXECUTABLE}".encode()).hexdigest()
    if kept := cache.find(key):
        return kept
    with tempfile.TemporaryDirectory(prefix="envid-bun-") as folder:
        work = Path(folder)
        archive = _download(f"{package.name}@{pin.version}", work)
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != package.integrity:
            raise ServiceError(
                f"{package.name}@{pin.version} is not what tools/bun.json pins",
                cause=f"pinned {package.integrity}, got {found}",
                remedy="find out whether the pin or the npm registry is wrong before changing tools/bun.json",
            )
        return cache.keep(key, _extract(archive, work))


def _download(spec: str, folder: Path) -> Path:
    done = run(
        [find_tool("npm"), "pack", spec, "--silent", "--ignore-scripts", "--pack-destination", str(folder)],
        cwd=folder,
        timeout=_TIMEOUT,
    )
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise ServiceError(
            f"npm can't fetch {spec}",
            cause=done.error_text[-400:],
            remedy="check the network, the proxy, and NODE_EXTRA_CA_CERTS",
        )
    return archives[0]


def _extract(archive: Path, folder: Path) -> Path:
    target = folder / "bun"
    try:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(_EXECUTABLE)
            target.write_bytes(stream.read() if stream is not None else b"")
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ServiceError(f"{archive.name} has no {_EXECUTABLE}", cause=str(error)) from None
    return target

"""Makes the base image (minimal Debian and Bun) from locked packages, and pins it by digest.

For those who have no registry to pull a base image from. It ends with the same digest on every machine that has the
same lock, Bun pin and apt sources, whatever its clock, host name or umask.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.blob_cache import BlobCache
from envid.adapters.bun_binary import fetch_bun, load_bun_pin
from envid.adapters.debian import ArchiveSource, DebianArchive, host_sources, native_architecture, sources_text
from envid.adapters.files import read_bounded
from envid.adapters.inner_build import InnerBuild, image_output
from envid.adapters.package_cache import PackageCache
from envid.adapters.rootfs import make_rootfs, read_member
from envid.core.identity import SOURCE_DATE_EPOCH
from envid.core.packages import PackageLock, compare_installed, parse_installed, parse_lock
from envid.core.values import ImageReference
from envid.errors import Blocked, BuildError, CheckFailed, Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envid.adapters.buildkit_address import BuildKitTls

__all__ = ["BASE_LOCK", "CODENAME", "LOCK_BASE", "archive_sources", "build_base", "fetch_packages", "load_lock"]

CODENAME: Final = "bookworm"
BASE_LOCK: Final = "deploy/base/packages.lock"
LOCK_BASE: Final = "invoke lock.packages --base"
"""The command that locks the base image's packages again."""

_RECIPE: Final = "base-rootfs/1"
_MAX_LOCK: Final = 4 * 1024 * 1024
_MIRROR_VARIABLE: Final = "ENVID_DEBIAN_MIRROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """All that decides the root file system's bytes."""

    lock: PackageLock
    lock_bytes: bytes
    customize: Path
    sources: tuple[ArchiveSource, ...]

    @property
    def key(self) -> str:
        parts = (
            _RECIPE.encode(),
            str(SOURCE_DATE_EPOCH).encode(),
            self.lock_bytes,
            self.customize.read_bytes(),
            sources_text(self.sources).encode(),
        )
        return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def build_base(
    *,
    repo: Path,
    registry: str,
    repository: str = "agentrun/bun-base",
    buildkit_host: str | None,
    buildkit_tls: BuildKitTls | None = None,
    buildctl: str,
    cache_dir: Path,
    progress: Callable[[str], None],
) -> ImageReference:
    """Build the base image of the checkout at ``repo``, push it to ``registry``/``repository``, return it pinned.

    ``cache_dir`` keeps the root file system, the packages and Bun by their content; with all there, no network but the
    registry's is used.

    Raises:
        InputError: the lock, the Bun pin or the machine's apt sources are wrong.
        Blocked: the archive no longer has a locked package, or has other bytes; names it.
        ServiceError: a program, the archive, npm, BuildKit or the registry failed.

    """
    lock_bytes = read_bounded(repo / BASE_LOCK, limit=_MAX_LOCK, hint=LOCK_BASE)
    lock = parse_lock(lock_bytes, where=BASE_LOCK, remedy=LOCK_BASE)
    pin = load_bun_pin(repo / "tools/bun.json")
    recipe = _Recipe(
        lock=lock,
        lock_bytes=lock_bytes,
        customize=(repo / "deploy/base/customize.sh").absolute(),
        sources=archive_sources(),
    )
    blobs = BlobCache(cache_dir)
    rootfs = blobs.find(recipe.key) or _make_rootfs(recipe, blobs, PackageCache(cache_dir), progress)
    bun = fetch_bun(pin, lock.architecture, blobs)
    image = ImageReference(registry, repository, f"{CODENAME}-bun{pin.version}-{recipe.key[:12]}")
    progress(f"pushing {image}")
    with tempfile.TemporaryDirectory(prefix="envid-base-", dir=cache_dir) as folder:
        context = Path(folder)
        _lay_out(context, rootfs, bun)
        containerfile = (repo / "deploy/base/Containerfile").read_text(encoding="utf-8")
        build = InnerBuild(buildctl=buildctl, host=buildkit_host, tls=buildkit_tls)
        platform = f"--opt=platform=linux/{lock.architecture}"
        digest = build.run(containerfile, context, image_output(image), extra=[platform])
    if digest is None:
        raise BuildError("BuildKit pushed the base image and told no digest")
    return image.with_digest(digest)


def archive_sources() -> tuple[ArchiveSource, ...]:
    """Return where Debian packages come from: ``ENVID_DEBIAN_MIRROR`` or the machine's own apt sources.

    The variable holds ``URL SUITE`` pairs, separated by semicolons.

    Raises:
        InputError: neither names Debian's bookworm.

    """
    text = os.environ.get(_MIRROR_VARIABLE, "").strip()
    if not text:
        return host_sources(CODENAME)
    sources, faults = [], []
    for pair in filter(None, map(str.strip, text.split(";"))):
        words = pair.split()
        if len(words) == 2 and words[0].startswith(("http://", "https://")):  # noqa: PLR2004 - URL SUITE
            sources.append(ArchiveSource(words[0], words[1]))
        else:
            faults.append(Fault(_MIRROR_VARIABLE, f"{pair!r} is not URL SUITE"))
    if faults:
        raise InputError(f"{_MIRROR_VARIABLE} can't be read", faults=faults, remedy="write 'URL SUITE; URL SUITE'")
    return tuple(sources)


def load_lock(repo: Path, path: str, *, remedy: str) -> PackageLock:
    """Read the lock at ``path`` in ``repo``; ``remedy`` is the command that makes it.

    Raises:
        InputError: it is missing or not valid.

    """
    return parse_lock(read_bounded(repo / path, limit=_MAX_LOCK, hint=remedy), where=path, remedy=remedy)


def fetch_packages(
    lock: PackageLock, cache: PackageCache, sources: tuple[ArchiveSource, ...], *, relock: str
) -> tuple[str, ...]:
    """Bring every ``install`` package of ``lock`` into ``cache``; return the names of those that were downloaded.

    Raises:
        Blocked: the archive no longer has one, or has other bytes.
        ServiceError: the archive can't be reached.

    """
    missing = cache.missing(lock.install)
    if missing:
        with tempfile.TemporaryDirectory(prefix="envid-apt-") as folder:
            archive = DebianArchive(Path(folder), sources, architecture=lock.architecture)
            archive.update()
            for deb in archive.download_locked(missing, relock=relock):
                cache.add(deb)
    return tuple(package.name for package in missing)


def _make_rootfs(recipe: _Recipe, blobs: BlobCache, cache: PackageCache, progress: Callable[[str], None]) -> Path:
    native = native_architecture()
    if recipe.lock.architecture != native:
        raise Blocked(
            f"{BASE_LOCK} is for {recipe.lock.architecture}, this machine is {native}",
            remedy=f"{LOCK_BASE} on this machine, or build on a {recipe.lock.architecture} machine",
        )
    progress(f"fetching {len(recipe.lock.install)} Debian packages")
    fetch_packages(recipe.lock, cache, recipe.sources, relock=LOCK_BASE)
    progress("making the root file system")
    with tempfile.TemporaryDirectory(prefix="envid-base-") as folder:
        work = Path(folder)
        staged = cache.stage(recipe.lock.install, work)
        by_hash = {path.stem: path for path in staged}
        debs = {p: by_hash[p.sha256] for p in recipe.lock.install if p.sha256 in by_hash}
        if len(debs) != len(recipe.lock.install):
            raise Blocked("a package in the cache was damaged and has been dropped", remedy="run it again")
        tar = work / "rootfs.tar"
        make_rootfs(
            debs,
            tar,
            sources=sources_text(recipe.sources),
            customize=recipe.customize,
            architecture=recipe.lock.architecture,
        )
        differences = compare_installed(parse_installed(read_member(tar, "./var/lib/dpkg/status")), recipe.lock)
        if differences:
            raise CheckFailed(
                "the root file system does not hold the locked packages",
                cause="; ".join(map(str, differences)),
                remedy=LOCK_BASE,
            )
        return blobs.keep(recipe.key, tar)


def _lay_out(context: Path, rootfs: Path, bun: Path) -> None:
    """Make the build context, with modes that no umask changes."""
    _place(rootfs, context / "rootfs.tar")
    binaries = context / "bin"
    binaries.mkdir()
    binaries.chmod(0o755)
    shutil.copyfile(bun, binaries / "bun")
    (binaries / "bun").chmod(0o755)
    (binaries / "bunx").symlink_to("bun")


def _place(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)

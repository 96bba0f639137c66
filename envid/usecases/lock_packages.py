"""Locks system packages: what ``packages.txt`` wants becomes the exact closure of ``packages.lock``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.apt_in_image import resolve_in_image
from envid.adapters.debian import DebianArchive, native_architecture
from envid.adapters.files import read_bounded, write_atomic
from envid.adapters.package_cache import PackageCache
from envid.core.base_pin import pinned_base
from envid.core.packages import LockedPackage, PackageChange, PackageLock, diff_locks, format_lock, parse_wanted
from envid.errors import CheckFailed, InputError
from envid.usecases.base_image import BASE_LOCK, LOCK_BASE, archive_sources, load_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.adapters.inner_build import InnerBuild
    from envid.core.toolimage import ToolImage
    from envid.core.values import ImageReference

__all__ = [
    "ENV_IMAGE",
    "ENV_LOCK",
    "LOCK_ENV",
    "LockFiles",
    "LockOutcome",
    "lock_base_packages",
    "lock_of",
    "lock_packages",
    "offer_packages",
]

ENV_LOCK: Final = "deploy/runtime/packages.lock"
LOCK_ENV: Final = "invoke lock.packages"
"""The command that locks the env image's packages again."""

_ENV_WANTED: Final = "deploy/runtime/packages.txt"
_BASE_WANTED: Final = "deploy/base/packages.txt"
_PLATFORM: Final = "linux/amd64"
_MAX_WANTED: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LockFiles:
    """Which image's packages: the list of what is wanted, the lock, and the command that makes the lock."""

    wanted: str
    lock: str
    command: str


ENV_IMAGE: Final = LockFiles(_ENV_WANTED, ENV_LOCK, LOCK_ENV)


def lock_of(image: ToolImage) -> LockFiles:
    """Return the files of one of this project's own images."""
    return LockFiles(image.wanted_path, image.lock_path, image.lock_command)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """A lock as it is now, what moved since the one in the repository, and the path it belongs at."""

    path: str
    lock: PackageLock
    changes: tuple[PackageChange, ...]
    written: bool

    @property
    def summary(self) -> str:
        """The last line for people."""
        state = "written" if self.written else "unchanged" if not self.changes else "not written"
        return f"packages={len(self.lock.packages)} moved={len(self.changes)} {self.path} {state}"


def lock_packages(
    *,
    repo: Path,
    build: InnerBuild,
    cache_dir: Path,
    secrets: Mapping[str, Path],
    progress: Callable[[str], None],
    of: LockFiles = ENV_IMAGE,
    base: ImageReference | None = None,
    check: bool = False,
) -> LockOutcome:
    """Resolve the ``packages.txt`` of an image on top of the base image and write its ``packages.lock``.

    ``base`` is by default the image that the Containerfile is pinned to. With ``check`` nothing is written.

    Raises:
        InputError: the list is wrong, or a package does not exist.
        CheckFailed: with ``check``, when anything moved; names every package, old → new.
        ServiceError: BuildKit or the archive failed.

    """
    wanted = _wanted(repo, of.wanted)
    image = base or pinned_base((repo / "Containerfile").read_text(encoding="utf-8"))
    progress(f"resolving {len(wanted)} wanted packages on {image}")
    lock = resolve_in_image(
        image,
        wanted,
        build=build,
        platform=_PLATFORM,
        cache=PackageCache(cache_dir),
        secrets=secrets,
    )
    return _conclude(repo, of.lock, _with_known_hashes(lock, repo), remedy=of.command, check=check)


def lock_base_packages(
    *, repo: Path, cache_dir: Path, progress: Callable[[str], None], check: bool = False
) -> LockOutcome:
    """Resolve the base image's packages with this machine's apt and write ``deploy/base/packages.lock``.

    Raises:
        InputError: the list is wrong, or this machine knows no Debian archive.
        CheckFailed: with ``check``, when anything moved.
        ServiceError: apt or the archive failed.

    """
    wanted = _wanted(repo, _BASE_WANTED)
    architecture = native_architecture()
    cache = PackageCache(cache_dir)
    with tempfile.TemporaryDirectory(prefix="envid-apt-") as folder:
        archive = DebianArchive(Path(folder), archive_sources(), architecture=architecture)
        progress("resolving the base image's packages")
        archive.update()
        packages = archive.download_closure(wanted)
        for deb in archive.archives.glob("*.deb"):
            cache.add(deb)
    lock = PackageLock(architecture=architecture, base=(), install=packages)
    return _conclude(repo, BASE_LOCK, lock, remedy=LOCK_BASE, check=check)


def offer_packages(*, repo: Path, cache_dir: Path, folder: Path) -> int:
    """Lay the locked packages that the local cache holds out in ``folder`` for a build; return how many.

    The build takes ``folder`` as the named context ``offered-packages``. It may be empty.

    Raises:
        InputError: the lock is not valid.

    """
    lock = load_lock(repo, ENV_LOCK, remedy=LOCK_ENV)
    return len(PackageCache(cache_dir).stage(lock.install, folder))


def _wanted(repo: Path, path: str) -> tuple[str, ...]:
    return parse_wanted(read_bounded(repo / path, limit=_MAX_WANTED, hint=f"git checkout {path}"), where=path)


def _with_known_hashes(lock: PackageLock, repo: Path) -> PackageLock:
    """Fill in the hashes of base packages that the archive has dropped, from the base image's own lock."""
    if not (repo / BASE_LOCK).is_file():
        return lock
    known = {(p.name, p.version, p.architecture): p for p in load_lock(repo, BASE_LOCK, remedy=LOCK_BASE).install}

    def fill(package: LockedPackage) -> LockedPackage:
        key = (package.name, package.version, package.architecture)
        return known.get(key, package) if package.sha256 is None else package

    return replace(lock, base=tuple(map(fill, lock.base)))


def _conclude(repo: Path, path: str, lock: PackageLock, *, remedy: str, check: bool) -> LockOutcome:
    try:
        old = load_lock(repo, path, remedy=remedy)
    except InputError:
        if check:
            raise
        old = PackageLock(architecture=lock.architecture, base=(), install=())
    changes = diff_locks(old, lock)
    if check and changes:
        raise CheckFailed(
            f"{path} is behind the archive: {len(changes)} moved",
            cause="; ".join(map(str, changes)),
            remedy=remedy,
            code="packages-moved",
        )
    content = format_lock(lock, made_by=remedy)
    written = not check and content != format_lock(old, made_by=remedy)
    if written:
        write_atomic(repo / path, content)
    return LockOutcome(path=path, lock=lock, changes=changes, written=written)

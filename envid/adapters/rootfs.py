"""A minimal Debian root file system as a tar, from given packages only and the same bytes every time (mmdebstrap)."""

from __future__ import annotations

import os
import shlex
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.process import find_tool, run
from envid.core.identity import SOURCE_DATE_EPOCH
from envid.errors import ServiceError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.packages import LockedPackage

__all__ = ["make_rootfs", "read_member"]

_TIMEOUT: Final = 1800.0
_LEFT_OUT: Final = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*",
                    "/usr/share/doc/*")  # fmt: skip
_MAX_STATUS: Final = 16 * 1024 * 1024


def make_rootfs(
    packages: Mapping[LockedPackage, Path], target: Path, *, sources: str, customize: Path, architecture: str
) -> None:
    """Write the root file system of ``packages`` (each with its ``.deb``) to the tar ``target``.

    ``sources`` is the apt sources file that the image gets; ``customize`` is the script that finishes the tree.

    Raises:
        ToolMissing: mmdebstrap is not installed.
        ServiceError: it failed.

    """
    tool = _mmdebstrap()
    with tempfile.TemporaryDirectory(prefix="envid-rootfs-") as folder:
        work = Path(folder)
        # the unprivileged modes of mmdebstrap read as another user
        work.chmod(0o755)
        repository = work / "repository"
        repository.mkdir(mode=0o755)
        repository.chmod(0o755)
        _write_repository(packages, repository)
        sources_file = work / "debian.sources"
        sources_file.write_text(sources, encoding="utf-8")
        sources_file.chmod(0o644)
        partial = target.with_name(f".{target.name}.partial")
        argv = [
            tool,
            "--variant=apt",
            "--format=tar",
            f"--architectures={architecture}",
            # device nodes need a privileged extraction, and every container gets its own /dev
            "--skip=output/dev",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            '--aptopt=APT::Install-Recommends "false"',
            f"--customize-hook=upload {shlex.quote(str(sources_file))} /etc/apt/sources.list.d/debian.sources",
            f'--customize-hook={shlex.quote(str(customize))} "$1"',
            "",
            str(partial),
            f"deb [trusted=yes] copy://{repository} ./",
        ]
        try:
            done = run(argv, env=_environment(), timeout=_TIMEOUT)
            if done.returncode != 0:
                errors = [line for line in done.error_text.splitlines() if line.startswith(("E:", "dpkg: error"))]
                raise ServiceError(
                    "mmdebstrap could not make the root file system",
                    cause="; ".join(errors) or done.error_text[-400:],
                    remedy="run it as root, or with user namespaces allowed (subuid and subgid set)",
                )
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def read_member(tar: Path, name: str) -> bytes:
    """Return the content of file ``name`` in ``tar``.

    Raises:
        ServiceError: it isn't there.

    """
    try:
        with tarfile.open(tar) as archive:
            stream = archive.extractfile(name)
            if stream is not None:
                return stream.read(_MAX_STATUS)
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ServiceError(f"{tar.name} has no {name}", cause=str(error)) from None
    raise ServiceError(f"{name} in {tar.name} is not a file")


def _mmdebstrap() -> str:
    try:
        return find_tool("mmdebstrap")
    except ToolMissing as error:
        raise ToolMissing(error.what, remedy="apt-get install mmdebstrap (or use a base image of your own)") from None


def _environment() -> dict[str, str]:
    """Return an environment in which nothing but the packages decides the result."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": tempfile.gettempdir(),
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }


def _write_repository(packages: Mapping[LockedPackage, Path], repository: Path) -> None:
    """Lay the packages out as an apt repository that holds nothing else, so that apt can't choose otherwise."""
    dpkg_deb = find_tool("dpkg-deb")
    stanzas = []
    for package, deb in sorted(packages.items()):
        name = f"{package.name}_{package.sha256}.deb"
        copy = repository / name
        copy.write_bytes(deb.read_bytes())
        copy.chmod(0o644)
        done = run([dpkg_deb, "--field", str(deb)])
        if done.returncode != 0:
            raise ServiceError(f"{package} is not a Debian package", cause=done.error_text)
        control = done.stdout.decode("utf-8").rstrip("\n")
        stanzas.append(f"{control}\nFilename: ./{name}\nSize: {copy.stat().st_size}\nSHA256: {package.sha256}\n")
    index = repository / "Packages"
    index.write_text("\n".join(stanzas), encoding="utf-8")
    index.chmod(0o644)

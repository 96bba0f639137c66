"""Asks the apt of a base image, inside BuildKit, for the closure of wanted packages, and brings the packages out.

The image's own apt, sources and installed packages decide, so the answer fits that image, and the machine needs no apt.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.inner_build import InnerBuild, local_output
from envid.core.packages import LockedPackage, PackageLock
from envid.errors import InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envid.adapters.package_cache import PackageCache
    from envid.core.values import ImageReference

__all__ = ["resolve_in_image"]

_CONTAINERFILE: Final = """\
FROM {base} AS resolve
RUN --mount=type=bind,source=resolve.sh,target=/mnt/resolve.sh \\
    --mount=type=bind,source=wanted,target=/mnt/wanted \\
    --mount=type=secret,id=ca,required=false \\
    sh /mnt/resolve.sh
FROM scratch
COPY --from=resolve /resolved/ /
"""

# It ends with 0 whatever apt says, so that the reason comes back as a file and not as a build log.
_SCRIPT: Final = """\
mkdir -p /resolved/debs/partial
cd /resolved
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
options='-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3'
[ ! -s /run/secrets/ca ] || options="$options -o Acquire::https::CAInfo=/run/secrets/ca"
dpkg --print-architecture >architecture
if ! apt-get $options update --error-on=any >log 2>&1; then cp log unreachable; exit 0; fi
dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version} ${Architecture}\\n' |
    sed -n 's/^ii  *//p' | while read -r name version arch; do
        sha256=$(apt-cache show "$name:$arch=$version" 2>/dev/null | sed -n 's/^SHA256: //p' | head -n 1)
        echo "$name $version $arch ${sha256:--}"
    done >base
if [ -s /mnt/wanted ] && ! apt-get $options -o Dir::Cache::archives=/resolved/debs install --yes --download-only \\
    --no-install-recommends $(cat /mnt/wanted) >log 2>&1; then cp log unresolved; exit 0; fi
rm -rf debs/partial debs/lock log
for deb in debs/*.deb; do
    [ -e "$deb" ] || continue
    echo "$(dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}' "$deb") $(basename "$deb")"
done >install
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    folder: Path

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text("utf-8", "replace") if path.is_file() else ""


def resolve_in_image(
    base: ImageReference,
    wanted: Sequence[str],
    *,
    build: InnerBuild,
    platform: str,
    cache: PackageCache,
    secrets: Mapping[str, Path],
) -> PackageLock:
    """Return the lock of ``wanted`` on top of image ``base``; the packages themselves go into ``cache``.

    The SHA-256 of each ``install`` package is of the bytes that came; of a ``base`` package it is what the archive's
    signed index says, or None where the archive no longer has that version.

    Raises:
        InputError: a wanted package does not exist, or its dependencies can't be met.
        ServiceError: the archive can't be reached.
        BuildError: BuildKit failed, or the base image can't be pulled.

    """
    with tempfile.TemporaryDirectory(prefix="envid-lock-") as folder:
        context, out = Path(folder) / "context", Path(folder) / "out"
        context.mkdir()
        (context / "wanted").write_text("".join(f"{name}\n" for name in wanted), encoding="utf-8")
        (context / "resolve.sh").write_text(_SCRIPT, encoding="utf-8")
        build.run(
            _CONTAINERFILE.format(base=base.pinned),
            context,
            local_output(out),
            secrets=secrets,
            extra=["--no-cache", f"--opt=platform={platform}"],
        )
        answer = _Answer(folder=out)
        _refuse_failures(answer)
        return PackageLock(
            architecture=answer.text("architecture").strip(),
            base=tuple(sorted(_base_package(line) for line in answer.text("base").splitlines())),
            install=tuple(sorted(_kept_package(line, out, cache) for line in answer.text("install").splitlines())),
        )


def _refuse_failures(answer: _Answer) -> None:
    if log := answer.text("unreachable"):
        raise ServiceError(
            "the Debian archive of the base image can't be read",
            cause=_errors(log),
            remedy="check the network and the proxy of buildkitd, then run it again",
        )
    if log := answer.text("unresolved"):
        raise InputError("apt can't resolve packages.txt", cause=_errors(log), remedy="correct packages.txt")


def _errors(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.startswith(("E:", "W:")) or " Depends: " in line]
    return "; ".join(lines) or log[-400:]


def _base_package(line: str) -> LockedPackage:
    name, version, architecture, sha256 = line.split(" ")
    return LockedPackage(name, version, architecture, None if sha256 == "-" else sha256)


def _kept_package(line: str, out: Path, cache: PackageCache) -> LockedPackage:
    name, version, architecture, file = line.split(" ")
    return LockedPackage(name, version, architecture, cache.add(out / "debs" / file))

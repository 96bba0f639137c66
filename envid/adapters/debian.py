"""The Debian archive through the machine's own apt, with a private root.

Nothing of the machine is changed, and only where its archive is and how it is reached is read.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.blob_cache import sha256_of
from envid.adapters.process import find_tool, run
from envid.core.packages import LockedPackage
from envid.errors import Blocked, InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envid.adapters.process import Completed

__all__ = [
    "KEYRING",
    "ArchiveSource",
    "DebianArchive",
    "describe_deb",
    "host_sources",
    "native_architecture",
    "sources_text",
]

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's own keys, at the same place on the machine and in the image (package debian-archive-keyring)."""

_TIMEOUT: Final = 900.0
_APT_REMEDY: Final = "check the network and the proxy (http_proxy), then run it again"
_VANISHED: Final = re.compile(r"E: (?:Version '(?P<version>[^']+)' for '(?P<name>[^']+)' was not found)")
_PASSED_ON: Final = ("Acquire::http::", "Acquire::https::")


@dataclass(frozen=True, slots=True, order=True)
class ArchiveSource:
    """One suite of one archive: where packages come from. Only the component main is used."""

    uri: str
    suite: str


def native_architecture() -> str:
    """Return dpkg's name for this machine's architecture, as ``amd64``.

    Raises:
        ToolMissing: this is no Debian-like machine.

    """
    return _checked(run([find_tool("dpkg"), "--print-architecture"]), "dpkg can't tell the architecture").strip()


def host_sources(codename: str) -> tuple[ArchiveSource, ...]:
    """Return the machine's own apt sources for Debian ``codename`` and its updates and security suites.

    Raises:
        InputError: this machine's apt has no such source.

    """
    argv = [find_tool("apt-get"), "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)"]
    listed = _checked(run([*argv, "Created-By: Packages"]), "apt can't list its sources")
    found = []
    for line in listed.splitlines():
        uri, suite, component, origin = (*line.split(" ", 3), "", "", "")[:4]
        if origin == "Debian" and component == "main" and suite.split("-")[0] == codename:
            found.append(ArchiveSource(uri, suite))
    if not any(source.suite == codename for source in found):
        raise InputError(
            f"this machine's apt has no source for Debian {codename}",
            cause="it is another distribution or release, or apt-get update never ran",
            remedy=f"apt-get update, or name an archive: ENVID_DEBIAN_MIRROR='URL {codename}; URL {codename}-security'",
        )
    return tuple(dict.fromkeys(found))


def sources_text(sources: Sequence[ArchiveSource]) -> str:
    """Return ``sources`` as an apt sources file (deb822) that trusts Debian's own keys only."""
    stanzas: dict[str, list[str]] = {}
    for source in sources:
        stanzas.setdefault(source.uri, []).append(source.suite)
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {KEYRING}\n"
        for uri, suites in stanzas.items()
    )


class DebianArchive:
    """An apt of its own in ``root``: its sources, lists and cache, and an empty package state."""

    def __init__(self, root: Path, sources: Sequence[ArchiveSource], *, architecture: str) -> None:
        self._root = root
        self._environment = _lay_out(root, sources, architecture)

    @property
    def archives(self) -> Path:
        """Where downloaded packages lie."""
        return self._root / "archives"

    def update(self) -> None:
        """Read the archive's indices.

        Raises:
            ServiceError: it can't be reached, or its signature is wrong.

        """
        # without it a failed download is a warning, and the next step resolves against an old or empty index
        _checked(self._apt("update", "--error-on=any"), "the Debian archive can't be read")

    def download_closure(self, wanted: Sequence[str]) -> tuple[LockedPackage, ...]:
        """Download the Essential packages, ``wanted`` and all they depend on; return what was downloaded.

        Raises:
            InputError: a wanted package does not exist.
            ServiceError: the download failed.

        """
        self.archives.mkdir(exist_ok=True)
        done = self._apt("install", "--yes", "--download-only", "--no-install-recommends", "?essential", *wanted)
        unknown = re.findall(r"E: Unable to locate package (\S+)", done.error_text)
        if unknown:
            raise InputError(f"the archive has no package {', '.join(unknown)}", remedy="correct packages.txt")
        _checked(done, "apt can't resolve or download the packages")
        return tuple(sorted(describe_deb(deb) for deb in self.archives.glob("*.deb")))

    def download_locked(self, packages: Sequence[LockedPackage], *, relock: str) -> tuple[Path, ...]:
        """Download exactly ``packages`` and verify each hash; ``relock`` is the command that locks again.

        Raises:
            Blocked: the archive no longer has a locked version, or has other bytes under it; names every such package.
            ServiceError: the download failed.

        """
        if not packages:
            return ()
        self.archives.mkdir(exist_ok=True)
        done = run(
            [find_tool("apt-get"), "download", *(f"{p.name}={p.version}" for p in packages)],
            env=self._environment,
            cwd=self.archives,
            timeout=_TIMEOUT,
        )
        if gone := self._vanished(packages, done):
            raise Blocked(
                f"the archive moved on: {'; '.join(gone)}",
                cause="Debian's archive keeps only the newest version of a package",
                remedy=f"{relock} (or put the package cache of a machine that has them in place)",
                code="archive-moved",
            )
        _checked(done, "apt can't download the locked packages")
        by_key = {(d.name, d.version): (d, path) for path in self.archives.glob("*.deb") for d in [describe_deb(path)]}
        paths, wrong = [], []
        for package in packages:
            found, path = by_key.get((package.name, package.version), (None, None))
            if found is None or path is None or found.sha256 != package.sha256:
                wrong.append(f"{package}: locked {package.sha256}, got {found and found.sha256}")
            else:
                paths.append(path)
        if wrong:
            raise Blocked(
                f"the archive has other bytes than the lock: {'; '.join(wrong)}",
                cause="the lock was edited, or the archive or a proxy is not to be trusted",
                remedy=f"find out which; then {relock}",
                code="package-hash-mismatch",
            )
        return tuple(paths)

    def _vanished(self, packages: Sequence[LockedPackage], done: Completed) -> list[str]:
        """Name the packages whose locked version apt does not know, each with the version it has now."""
        names = {match["name"] for match in _VANISHED.finditer(done.error_text)}
        names |= set(re.findall(r"E: (?:Unable to locate package|Can't find a source to download.*of) (\S+)",
                                done.error_text))  # fmt: skip
        if not names:
            return []
        argv = [find_tool("apt-cache"), "policy"]
        gone = []
        for package in packages:
            policy = run([*argv, package.name], env=self._environment).stdout.decode("utf-8", "replace")
            if not re.search(rf"^ +(?:\*\*\* )?{re.escape(package.version)} \d+$", policy, re.MULTILINE):
                candidate = re.search(r"Candidate: (\S+)", policy)
                now = candidate[1] if candidate and candidate[1] != "(none)" else "no version"
                gone.append(f"{package.name} is locked at {package.version}, the archive has {now}")
        return gone

    def _apt(self, *arguments: str) -> Completed:
        return run([find_tool("apt-get"), *arguments], env=self._environment, timeout=_TIMEOUT)


def describe_deb(deb: Path) -> LockedPackage:
    """Read name, version and architecture from a ``.deb``, and hash it.

    Raises:
        ServiceError: it is not a Debian package.

    """
    argv = [find_tool("dpkg-deb"), "--show", "--showformat=${Package} ${Version} ${Architecture}", str(deb)]
    name, version, architecture = _checked(run(argv), f"{deb.name} is not a Debian package").split()
    return LockedPackage(name, version, architecture, sha256_of(deb))


def _lay_out(root: Path, sources: Sequence[ArchiveSource], architecture: str) -> Mapping[str, str]:
    for folder in ("lists/partial", "archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").write_bytes(b"")
    (root / "etc/sources.list.d/debian.sources").write_text(sources_text(sources), encoding="utf-8")
    settings = {
        "Dir": f"{root}/",
        "Dir::State": str(root),
        "Dir::State::lists": f"{root}/lists",
        "Dir::State::status": f"{root}/status",
        "Dir::Cache": str(root),
        "Dir::Cache::archives": f"{root}/archives",
        "Dir::Etc": f"{root}/etc",
        "Dir::Log": f"{root}/log",
        "APT::Architecture": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    lines = [f'{key} "{value}";' for key, value in settings.items() if value]
    lines.append(f'APT::Architectures {{ "{architecture}"; }};')
    config = root / "apt.conf"
    config.write_text("\n".join([*lines, *_transport_settings()]) + "\n", encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if k.lower() in _ENVIRONMENT}
    return {**kept, "APT_CONFIG": str(config), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


_ENVIRONMENT: Final = frozenset({
    "path", "home", "http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "ssl_cert_file", "ssl_cert_dir",
})  # fmt: skip


def _transport_settings() -> list[str]:
    """Return the machine's proxy and certificate settings for apt; its hooks and pins stay out."""
    dumped = run([find_tool("apt-config"), "dump"]).stdout.decode("utf-8", "replace")
    return [line for line in dumped.splitlines() if line.startswith(_PASSED_ON) and not line.endswith(' "";')]


def _checked(done: Completed, what: str) -> str:
    if done.returncode != 0:
        errors = [line for line in done.error_text.splitlines() if line.startswith("E:")]
        raise ServiceError(what, cause="; ".join(errors) or done.error_text[-400:], remedy=_APT_REMEDY)
    return done.stdout.decode("utf-8", "replace")

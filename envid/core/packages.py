"""Debian packages as text: the wanted names (``packages.txt``) and the locked closure (``packages.lock``).

A lock has one line per package, sorted, so that a diff in review reads well and a shell script can check it::

    format packages-lock/1
    architecture amd64
    base libc6 2.36-9 amd64 <sha256 or ->
    install git 1:2.39.5-0 amd64 <sha256>

``install`` is what a build adds and verifies; ``base`` is what the base image brings, recorded so that the two
together are exactly the image's packages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "LockedPackage",
    "PackageChange",
    "PackageLock",
    "compare_installed",
    "diff_locks",
    "format_lock",
    "parse_installed",
    "parse_lock",
    "parse_wanted",
]

LOCK_FORMAT: Final = "packages-lock/1"
UNKNOWN_HASH: Final = "-"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VERSION: Final = re.compile(r"(?:[0-9]+:)?[A-Za-z0-9.+~-]+")
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FIELDS: Final = 5

_HEADER: Final = "# The exact packages of the image. Made by: {made_by}\n"


@dataclass(frozen=True, slots=True, order=True)
class LockedPackage:
    """One package at one version; ``sha256`` is of the ``.deb``, or None where only its name and version are known."""

    name: str
    version: str
    architecture: str
    sha256: str | None

    @property
    def key(self) -> tuple[str, str]:
        """Name and architecture, of which an image holds one version at most."""
        return self.name, self.architecture

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLock:
    """A locked closure for one Debian ``architecture``: what the base brings, and what is installed on top of it."""

    architecture: str
    base: tuple[LockedPackage, ...]
    install: tuple[LockedPackage, ...]

    @property
    def packages(self) -> tuple[LockedPackage, ...]:
        """Everything that the image holds, sorted by name; an ``install`` line stands in for the base's version."""
        merged = {p.name: p for p in self.base} | {p.name: p for p in self.install}
        return tuple(sorted(merged.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """How one package differs between two locks; a version is None where the package is absent."""

    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.name}: added {self.new}"
        if self.new is None:
            return f"{self.name}: removed {self.old}"
        if self.old == self.new:
            return f"{self.name}: {self.old} has other bytes under the same version"
        return f"{self.name}: {self.old} → {self.new}"


def parse_wanted(content: bytes, *, where: str) -> tuple[str, ...]:
    """Return the wanted package names of a ``packages.txt``, sorted and each once; ``#`` begins a comment.

    Raises:
        InputError: a line is not a package name; with every such line.

    """
    names: list[str] = []
    faults: list[Fault] = []
    for number, line in enumerate(_lines(content, where), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if _NAME.fullmatch(text):
            names.append(text)
        else:
            hint = "; versions are locked in packages.lock" if "=" in text else ""
            faults.append(Fault(f"{where}:{number}", f"{text!r} is not a Debian package name{hint}"))
    if faults:
        raise InputError(f"{where} is not a package list", faults=faults)
    return tuple(sorted(set(names)))


def parse_lock(content: bytes, *, where: str, remedy: str = "invoke lock.packages") -> PackageLock:
    """Parse a ``packages.lock``.

    Raises:
        InputError: with every faulty line.

    """
    reading = _LockReading(where)
    for number, line in enumerate(_lines(content, where), 1):
        if line and not line.startswith("#"):
            reading.line(number, line.split(" "))
    reading.end()
    if reading.faults:
        raise InputError(f"{where} is not a package lock", faults=reading.faults, remedy=remedy)
    return PackageLock(
        architecture=reading.header["architecture"],
        base=tuple(sorted(reading.packages["base"])),
        install=tuple(sorted(reading.packages["install"])),
    )


def format_lock(lock: PackageLock, *, made_by: str = "invoke lock.packages") -> bytes:
    """Return the canonical text of ``lock``; ``made_by`` is the command that makes it."""
    lines = [f"format {LOCK_FORMAT}", f"architecture {lock.architecture}"]
    for kind, packages in (("base", lock.base), ("install", lock.install)):
        lines += [f"{kind} {p.name} {p.version} {p.architecture} {p.sha256 or UNKNOWN_HASH}" for p in sorted(packages)]
    return (_HEADER.format(made_by=made_by) + "\n".join(lines) + "\n").encode()


def diff_locks(old: PackageLock, new: PackageLock) -> tuple[PackageChange, ...]:
    """Return what moved from ``old`` to ``new``, sorted by name; a hash that became known is not a move."""
    before = {p.name: p for p in old.packages}
    after = {p.name: p for p in new.packages}
    changes = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or _moved(one, other):
            old_version = one.version if one else None
            changes.append(PackageChange(name=name, old=old_version, new=other.version if other else None))
    return tuple(changes)


def parse_installed(status: bytes) -> dict[str, str]:
    """Return name to version of the installed packages in a dpkg ``status`` file."""
    installed = {}
    for stanza in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.split("\n") if ": " in line and not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed"):
            installed[fields["Package"]] = fields["Version"]
    return installed


def compare_installed(installed: Mapping[str, str], lock: PackageLock) -> tuple[PackageChange, ...]:
    """Return where an image's packages (name to version) differ from ``lock``; empty when they are equal."""
    locked = {p.name: p.version for p in lock.packages}
    return tuple(
        PackageChange(name=name, old=locked.get(name), new=installed.get(name))
        for name in sorted(locked.keys() | installed.keys())
        if locked.get(name) != installed.get(name)
    )


class _LockReading:
    """The state of reading one lock: what was found, and every fault."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.header: dict[str, str] = {}
        self.packages: dict[str, list[LockedPackage]] = {"base": [], "install": []}
        self.faults: list[Fault] = []
        self._seen: set[tuple[str, str]] = set()

    def line(self, number: int, words: list[str]) -> None:
        kind, *values = words
        if kind in self.packages and len(words) == _FIELDS:
            self._package(number, kind, values)
        elif kind in {"format", "architecture"} and len(values) == 1 and kind not in self.header:
            self.header[kind] = values[0]
        else:
            self._fault(number, "a line is KIND NAME VERSION ARCHITECTURE SHA256, separated by single spaces")

    def end(self) -> None:
        found = self.header.get("format")
        if found != LOCK_FORMAT:
            self.faults.append(Fault(self.where, f"its format is {found!r}; this reads {LOCK_FORMAT}"))
        if not _ARCHITECTURE.fullmatch(self.header.get("architecture", "")):
            self.faults.append(Fault(self.where, "it names no architecture"))
            return
        own = {self.header["architecture"], "all"}
        for kind, packages in self.packages.items():
            self.faults += [
                Fault(self.where, f"{kind} {p} is for {p.architecture}, the lock for {self.header['architecture']}")
                for p in packages
                if p.architecture not in own
            ]

    def _package(self, number: int, kind: str, values: list[str]) -> None:
        name, version, architecture, sha256 = values
        problems = [
            f"{text!r} is not a {what}"
            for text, pattern, what in (
                (name, _NAME, "package name"),
                (version, _VERSION, "version"),
                (architecture, _ARCHITECTURE, "architecture"),
            )
            if not pattern.fullmatch(text)
        ]
        unknown = sha256 == UNKNOWN_HASH and kind == "base"
        if not unknown and not _SHA256.fullmatch(sha256):
            problems.append(f"{name} has no SHA-256 (64 lower-case hex digits)")
        if (kind, name) in self._seen:
            problems.append(f"{name} stands twice as {kind}")
        self._seen.add((kind, name))
        for problem in problems:
            self._fault(number, problem)
        if not problems:
            self.packages[kind].append(LockedPackage(name, version, architecture, None if unknown else sha256))

    def _fault(self, number: int, problem: str) -> None:
        self.faults.append(Fault(f"{self.where}:{number}", problem))


def _moved(one: LockedPackage, other: LockedPackage) -> bool:
    if (one.version, one.architecture) != (other.version, other.architecture):
        return True
    return one.sha256 is not None and other.sha256 is not None and one.sha256 != other.sha256


def _lines(content: bytes, where: str) -> Iterable[str]:
    try:
        return content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8", faults=[Fault(where, f"byte {error.start} is not UTF-8")]) from None

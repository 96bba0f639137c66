"""Bytes of a ``bun.lock`` → `BunLock`, or every fault that was found.

The rows of ``packages``, by what the first element says (versions 0 to 3 agree but for the workspace row, which lost
its object in version 1, and for ``overrides``, which may nest since version 3)::

    npm        [name@version, registry, {…}, integrity]
    workspace  [name@workspace:path]
    folder     [name@file:path, {…}]
    link       [name@link:path, {…}]
    tarball    [name@path-or-url, {…}, integrity?]
    git        [name@git+url#commit, {…}, tag, integrity?]
    github     [name@github:owner/repo#commit, {…}, tag, integrity?]
    root       [name@root:, {…}]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from envid.core.bunlock.model import BunLock, Needs, Package, Source, Workspace
from envid.core.jsonc import parse_jsonc
from envid.errors import Fault, InputError

__all__ = ["KNOWN_VERSIONS", "is_binary_lock", "read_lock"]

KNOWN_VERSIONS: Final = (0, 1, 2, 3)
"""The values of ``lockfileVersion`` whose rows this reader knows."""
_BINARY_HEAD: Final = b"#!/usr/bin/env bun\nbun-lockfile-format-v"
_MAX_FAULTS: Final = 20
_GROUPS: Final = ("dependencies", "optionalDependencies", "peerDependencies", "devDependencies")
_NO_NEEDS: Final = Needs()
_PREFIXES: Final = (
    ("workspace:", Source.WORKSPACE),
    ("file:", Source.FOLDER),
    ("link:", Source.LINK),
    ("root:", Source.ROOT),
)
_TARBALL_ENDS: Final = (".tgz", ".tar.gz", ".tar")
_REST: Final = {  # the types that may follow the first element
    Source.NPM: ((str, dict, str),),
    Source.WORKSPACE: ((), (dict,)),
    Source.FOLDER: ((dict,),),
    Source.LINK: ((dict,),),
    Source.ROOT: ((dict,),),
    Source.TARBALL: ((dict,), (dict, str)),
    Source.GIT: ((dict, str), (dict, str, str)),
    Source.GITHUB: ((dict, str), (dict, str, str)),
}


def is_binary_lock(content: bytes) -> bool:
    """Whether ``content`` is a ``bun.lockb``, the binary form that came before ``bun.lock``."""
    return content.startswith(_BINARY_HEAD)


def read_lock(content: bytes, *, where: str = "bun.lock") -> BunLock:
    """Read a text lock.

    A ``configVersion`` of any height is accepted: it chooses how Bun lays out ``node_modules``, not what the rows mean.

    Raises:
        InputError: with every fault (at most 20); code ``binary-lock`` for a ``bun.lockb`` and ``unknown-lock-version``
            for a ``lockfileVersion`` that this reader doesn't know.

    """
    if is_binary_lock(content):
        raise InputError(
            f"{where} is a binary lock",
            cause="it is in the bun.lockb format, whose layout only Bun itself reads",
            remedy="bun install --save-text-lockfile --lockfile-only",
            code="binary-lock",
        )
    document = parse_jsonc(content, where=where)
    if not isinstance(document, dict):
        raise InputError(f"{where} is not a lock", faults=[Fault(where, "it must be an object")])
    version = document.get("lockfileVersion")
    if type(version) is not int or version not in KNOWN_VERSIONS:
        known = ", ".join(map(str, KNOWN_VERSIONS))
        said = "missing" if "lockfileVersion" not in document else json.dumps(version)[:40]
        raise InputError(
            f"{where} has an unknown lockfileVersion",
            faults=[Fault(f"{where}: $.lockfileVersion", f"it is {said}; {known} are known")],
            cause="it was written by a newer Bun, or it is no bun.lock",
            code="unknown-lock-version",
        )
    return _Reader(where).lock(document, version)


class _Reader:
    """One reading; gathers faults so that a broken lock is told whole."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._faults: list[Fault] = []

    def lock(self, document: dict[str, Any], version: int) -> BunLock:
        config = document.get("configVersion")
        if config is not None and (type(config) is not int or config < 0):
            self._fault("$.configVersion", "it must be a whole number")
            config = None
        workspaces = self._workspaces(document)
        lock = BunLock(
            version=version,
            config_version=config,
            workspaces=workspaces,
            packages=self._packages(document, workspaces),
            trusted=self._names(document, "trustedDependencies", "$"),
            patched=self._texts(document, "patchedDependencies", "$"),
            manifest={key: value for key, value in document.items() if key != "packages"},
        )
        self._texts(document, "catalog", "$")
        for field in ("catalogs", "overrides"):
            if not isinstance(document.get(field, {}), dict):
                self._fault(f"$.{field}", "it must be an object")
        if self._faults:
            raise InputError(
                f"{self._where} is not a valid lock",
                faults=self._faults[:_MAX_FAULTS],
                cause=f"and {len(self._faults) - _MAX_FAULTS} more" if len(self._faults) > _MAX_FAULTS else "",
                remedy="bun install",
            )
        return lock

    def _workspaces(self, document: dict[str, Any]) -> dict[str, Workspace]:
        section = document.get("workspaces")
        if not isinstance(section, dict) or "" not in section:
            self._fault("$.workspaces", 'it must be an object with the root at ""')
            return {}
        found: dict[str, Workspace] = {}
        names: set[str] = set()
        for path, manifest in sorted(section.items()):
            at = f"$.workspaces[{json.dumps(path)}]"
            if not isinstance(manifest, dict):
                self._fault(at, "it must be an object")
                continue
            name = manifest.get("name", "" if path == "" else None)
            if not isinstance(name, str):
                self._fault(f"{at}.name", "it must be a string")
                continue
            if path and name in names:
                self._fault(f"{at}.name", f"the workspace name {name!r} stands twice")
            if path:
                names.add(name)
            found[path] = Workspace(path=path, name=name, needs=self._needs(manifest, at))
        return found

    def _packages(self, document: dict[str, Any], workspaces: Mapping[str, Workspace]) -> dict[str, Package]:
        section = document.get("packages", {})
        if not isinstance(section, dict):
            self._fault("$.packages", "it must be an object")
            return {}
        found = {}
        for place, row in section.items():
            package = self._package(place, row)
            if package is None:
                continue
            if package.source is Source.WORKSPACE and package.version not in workspaces:
                self._fault(_at(place), f"the workspace {package.version!r} is not among $.workspaces")
            found[place] = package
        return found

    def _package(self, place: str, row: Any) -> Package | None:
        if not place or "" in place.split("/"):
            self._fault(_at(place), "its key has an empty part")
            return None
        if not isinstance(row, list) or not row or not isinstance(row[0], str):
            self._fault(_at(place), "it must be an array that begins with name@version")
            return None
        name, at, rest = row[0][:1], "", row[0][1:]
        head, at, rest = rest.partition("@")
        name += head
        if not at and row[0].startswith("@root:"):  # a root manifest without a name
            name, rest = "", row[0][1:]
        elif not at or not rest:
            self._fault(_at(place), f"{row[0][:80]!r} is not name@version")
            return None
        source, version = _source_of(rest)
        if source is None:
            self._fault(_at(place), f"{rest[:80]!r} is no kind of version that is known")
            return None
        types = tuple(item.__class__ for item in row[1:])
        if types not in _REST[source]:
            self._fault(_at(place), f"its elements are not those of a {source} package")
            return None
        details = next((item for item in row[1:] if item.__class__ is dict), {})
        texts = [item for item in row[1:] if item.__class__ is str]
        registry = texts.pop(0) if source is Source.NPM else ""
        resolved = texts.pop(0) if source in {Source.GIT, Source.GITHUB} else ""
        return Package(
            place=place,
            name=name,
            source=source,
            version=version,
            registry=registry,
            integrity=texts[0] if texts and texts[0] else None,
            resolved=resolved,
            needs=self._needs(details, place, in_packages=True) if details else _NO_NEEDS,
            details=details,
        )

    def _needs(self, manifest: dict[str, Any], at: str, *, in_packages: bool = False) -> Needs:
        if in_packages and manifest.keys().isdisjoint(_GROUPS) and "optionalPeers" not in manifest:
            return _NO_NEEDS
        path = _at(at) if in_packages else at
        production, optional, peer, dev = (self._texts(manifest, group, path) for group in _GROUPS)
        return Needs(
            production=production,
            optional=optional,
            peer=peer,
            dev=dev,
            optional_peers=self._names(manifest, "optionalPeers", path),
        )

    def _texts(self, parent: dict[str, Any], field: str, at: str) -> dict[str, str]:
        value = parent.get(field)
        if value is None and field not in parent:
            return {}
        if not isinstance(value, dict) or not all(item.__class__ is str for item in value.values()):
            self._fault(f"{at}.{field}", "it must be an object of strings")
            return {}
        if "" in value:
            self._fault(f"{at}.{field}", "it has an empty name")
        return value

    def _names(self, parent: dict[str, Any], field: str, at: str) -> frozenset[str]:
        value = parent.get(field, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fault(f"{at}.{field}", "it must be an array of strings")
            return frozenset()
        return frozenset(value)

    def _fault(self, path: str, problem: str) -> None:
        self._faults.append(Fault(f"{self._where}: {path}", problem))


def _source_of(text: str) -> tuple[Source | None, str]:
    if text[0].isdecimal():
        if not text.endswith(_TARBALL_ENDS):
            return Source.NPM, text
        return Source.TARBALL, text
    for prefix, source in _PREFIXES:
        if text.startswith(prefix):
            return source, text[len(prefix) :]
    if text.startswith("github:"):
        return Source.GITHUB, text
    if text.startswith(("git+", "git:", "git@", "ssh:")):
        return Source.GIT, text
    if text.startswith(("http://", "https://")) or text.endswith(_TARBALL_ENDS):
        return Source.TARBALL, text
    return None, text


def _at(place: str) -> str:
    return f"$.packages[{json.dumps(place)}]"

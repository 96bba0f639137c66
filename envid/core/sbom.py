"""The SBOM of an env image: its Debian packages and its npm packages, from the two locks, as CycloneDX 1.6 (R5).

Deterministic: the serial number is derived from the envIdentity, and the only instant is the build's end.
"""
# ruff: noqa: PLC0415 - the library costs a third of a second, and only a build needs it

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from envid.core.bunlock import BunLock, Package, Source, graph_of
from envid.core.explain.redact import redact
from envid.core.jsontext import canonical_json, parse_json
from envid.core.values import ImageReference
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cyclonedx.model import HashType
    from cyclonedx.model.component import Component

    from envid.core.attestation import AttestedImage
    from envid.core.packages import LockedPackage, PackageLock

__all__ = ["Locks", "installed_npm", "make_sbom", "sbom_problems"]

_NAMESPACE: Final = uuid.UUID("5a2f6c1e-6a0b-5d0e-9c36-3d1c1b0f8a11")
_LOCK_PROPERTY: Final = "envid:lock:"
_GAP_PROPERTY: Final = "envid:incomplete"
_CPU: Final = {"amd64": "x64", "386": "ia32", "arm64": "arm64", "ppc64le": "ppc64", "s390x": "s390x"}
_HASH_BYTES: Final = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_OWN_SOURCES: Final = frozenset({Source.ROOT, Source.WORKSPACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """The two locks of an image. ``gaps`` says what could not be read, so that nobody takes the list for complete."""

    system: PackageLock | None
    npm: BunLock | None
    gaps: tuple[str, ...] = ()


def make_sbom(image: AttestedImage, locks: Locks) -> bytes:
    """Return the SBOM's canonical bytes."""
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    reference = ImageReference.parse(image.image)
    subject = Component(
        type=ComponentType.CONTAINER,
        name=reference.name,
        version=image.digest,
        bom_ref=_image_purl(image).to_string(),
        purl=_image_purl(image),
    )
    components = [
        *(_debian(package) for package in (locks.system.packages if locks.system else ())),
        *(_npm(package, PackageURL) for package in installed_npm(locks.npm, _platform(image))),
    ]
    tool = Component(type=ComponentType.APPLICATION, name="envid", version=_tool_version(image))
    bom = Bom(
        serial_number=_serial(image),
        version=1,
        metadata=BomMetaData(
            component=subject,
            timestamp=datetime.fromisoformat(image.provenance.finished_on),
            tools=ToolRepository(components=[tool]),
            properties=[Property(name=name, value=value) for name, value in _properties(image, locks)],
        ),
        components={component.bom_ref.value: component for component in components}.values(),
    )
    bom.register_dependency(subject, components)
    return canonical_json(json.loads(JsonV1Dot6(bom).output_as_string()))


def sbom_problems(content: bytes, image: AttestedImage, *, where: str) -> tuple[str, ...]:
    """Say in what an SBOM is not that of the image; its list of packages is held by its digest in the catalog."""
    try:
        found = parse_json(content, where=where)
        metadata = found["metadata"]
        said = (found["bomFormat"], found["serialNumber"], metadata["timestamp"], metadata["component"]["purl"])
        properties = {item["name"]: item["value"] for item in metadata.get("properties", [])}
    except InputError as error:
        return tuple(map(str, error.faults)) or (error.what,)
    except (KeyError, TypeError):
        return (f"{where}: it is no CycloneDX document of an env image",)
    finished = datetime.fromisoformat(image.provenance.finished_on).isoformat()
    wanted = ("CycloneDX", _serial(image).urn, finished, _image_purl(image).to_string())
    problems = [
        f"{where}: $.{name} is {one}, the catalog's entry gives {other}"
        for name, one, other in zip(
            ("bomFormat", "serialNumber", "metadata.timestamp", "metadata.component.purl"), said, wanted, strict=True
        )
        if one != other
    ]
    inputs = {f"{_LOCK_PROPERTY}{item.name}": item.blake3 for item in image.toolchain.inputs if item.kind == "file"}
    problems += [
        f"{where}: it was made from another {name.removeprefix(_LOCK_PROPERTY)} than the image"
        for name, value in sorted(properties.items())
        if name.startswith(_LOCK_PROPERTY) and inputs.get(name) != value
    ]
    if _GAP_PROPERTY in properties:
        problems.append(f"{where}: it is incomplete: {properties[_GAP_PROPERTY]}")
    return tuple(problems)


def installed_npm(lock: BunLock | None, platform: tuple[str, str]) -> tuple[Package, ...]:
    """Return the packages that ``bun install --production`` installs on ``platform`` (os, cpu), by place.

    The project's own manifests and workspaces are no packages.
    """
    if lock is None:
        return ()
    # what only a package for another platform needs is not installed either, so these must go before the walk
    fitting = {place: package for place, package in lock.packages.items() if _fits(package.details, platform)}
    production = graph_of(replace(lock, packages=fitting)).production
    return tuple(fitting[place] for place in sorted(production) if fitting[place].source not in _OWN_SOURCES)


def _fits(details: Mapping[str, Any], platform: tuple[str, str]) -> bool:
    return all(_allows(details.get(key), own) for key, own in zip(("os", "cpu"), platform, strict=True))


def _allows(rule: Any, own: str) -> bool:
    """Read npm's ``os`` and ``cpu``: a word or a list of words, ``!word`` excludes, ``none`` fits nowhere."""
    rules = rule if isinstance(rule, list) else [rule]
    words = [word for word in rules if isinstance(word, str)]
    if f"!{own}" in words:
        return False
    wanted = [word for word in words if not word.startswith("!")]
    return not wanted or own in wanted


def _platform(image: AttestedImage) -> tuple[str, str]:
    text = next((item.value or "" for item in image.toolchain.inputs if item.kind == "platform"), "")
    system, _, cpu = text.partition("/")
    return system, _CPU.get(cpu, cpu.partition("/")[0])


def _properties(image: AttestedImage, locks: Locks) -> Iterator[tuple[str, str]]:
    yield "envid:envIdentity", image.identity
    for item in image.toolchain.inputs:
        if item.kind == "file" and item.name.endswith((".lock", "packages.txt")):
            yield f"{_LOCK_PROPERTY}{item.name}", item.blake3
    if locks.gaps:
        yield _GAP_PROPERTY, "; ".join(locks.gaps)


def _debian(package: LockedPackage) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("deb", "debian", package.name, package.version, {"arch": package.architecture})
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)] if package.sha256 else []
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=hashes,
    )


def _npm(package: Package, make_purl: Any) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    scope, slash, name = package.name.rpartition("/")
    version: str | None
    match package.source:
        case Source.NPM:
            version, qualifiers = package.version, {}
        case Source.GIT | Source.GITHUB:
            version, qualifiers = package.version.rpartition("#")[2], {"vcs_url": redact(package.version)}
        case _:
            version, qualifiers = None, {"download_url": redact(package.version)}
    purl = make_purl("npm", scope if slash else None, name, version, qualifiers)
    return Component(
        type=ComponentType.LIBRARY,
        group=scope or None,
        name=name,
        version=version,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=list(_hashes(package.integrity)),
    )


def _hashes(integrity: str | None) -> Iterable[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    known = {
        "sha1": HashAlgorithm.SHA_1,
        "sha256": HashAlgorithm.SHA_256,
        "sha384": HashAlgorithm.SHA_384,
        "sha512": HashAlgorithm.SHA_512,
    }
    for word in (integrity or "").split():
        algorithm, _, text = word.partition("-")
        try:
            raw = base64.b64decode(text.partition("?")[0], validate=True)
        except binascii.Error:
            continue
        if len(raw) == _HASH_BYTES.get(algorithm):
            yield HashType(alg=known[algorithm], content=raw.hex())


def _image_purl(image: AttestedImage) -> Any:
    from packageurl import PackageURL

    reference = ImageReference.parse(image.image)
    name = reference.repository.rpartition("/")[2]
    return PackageURL("oci", None, name, image.digest, {"repository_url": reference.name, "tag": image.identity})


def _serial(image: AttestedImage) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, image.identity)


def _tool_version(image: AttestedImage) -> str:
    return image.provenance.builder.version.get("envid", "")

"""What a registry says about a manifest, read from bytes and headers: media types, digests, descriptors (R4).

The names and shapes are those of the OCI image specification and of Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

from envid.core.values import Digest
from envid.errors import InputError

__all__ = [
    "ACCEPTED_TYPES",
    "INDEX_TYPES",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "SCHEMA2_LIST",
    "SCHEMA2_MANIFEST",
    "Descriptor",
    "ManifestContent",
    "ManifestProblem",
    "UnusableManifest",
    "digest_of",
    "parse_digest_header",
    "parse_manifest",
    "parse_media_type",
]

SCHEMA2_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA2_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
ACCEPTED_TYPES: Final = (SCHEMA2_MANIFEST, SCHEMA2_LIST, OCI_MANIFEST, OCI_INDEX)
"""Every manifest type that is understood, in the order in which a registry is asked for them."""
INDEX_TYPES: Final = frozenset({SCHEMA2_LIST, OCI_INDEX})

_SCHEMA1_TYPES: Final = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
# What servers send when they name no type; the body then has to name its own.
_VAGUE_TYPES: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_MAX_BLOB_BYTES: Final = 1 << 50


class ManifestProblem(Enum):
    """Why bytes that a registry sent as a manifest are not used."""

    SCHEMA1 = "schema1"
    HTML = "html"
    OTHER_TYPE = "other-type"
    MALFORMED = "malformed"


class UnusableManifest(ValueError):  # noqa: N818 - says what it is; the adapter makes the user's error of it
    """The bytes are not a manifest of an accepted type; ``problem`` says in which way."""

    def __init__(self, problem: ManifestProblem, text: str) -> None:
        super().__init__(text)
        self.problem = problem


class Descriptor(NamedTuple):
    """What a manifest says about one blob or child manifest.

    ``size`` is in bytes; ``platform`` is an index's word on a child, as ``linux/arm64/v8``, and else empty.
    """

    media_type: str
    digest: Digest
    size: int
    platform: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether the registry need not hold the blob: its type says that it is fetched from elsewhere."""
        return ".foreign." in self.media_type or ".nondistributable." in self.media_type


class ManifestContent(NamedTuple):
    """A parsed manifest: ``blobs`` are config and layers, ``children`` the manifests of an index."""

    media_type: str
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]

    def child_for(self, platform: str) -> Descriptor | None:
        """Return an index's first manifest for ``platform``; one without a variant takes any variant."""
        return next((c for c in self.children if f"{c.platform}/".startswith(f"{platform}/")), None)


def digest_of(content: bytes) -> Digest:
    """Return the digest of ``content``."""
    import hashlib  # noqa: PLC0415 - two milliseconds with OpenSSL, and a plan hashes no manifest

    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def parse_digest_header(value: str | None) -> Digest | None:
    """Return the digest that a ``Docker-Content-Digest`` header names; None when it is missing or malformed.

    Another algorithm counts as malformed: it can't be compared, so the body has to be hashed.
    """
    try:
        return Digest(value.strip(" \t")) if value is not None else None
    except InputError:
        return None


def parse_media_type(value: str | None) -> str:
    """Return a ``Content-Type`` without its parameters, in lower case; empty when there is none."""
    return (value or "").partition(";")[0].strip().lower()


def parse_manifest(body: bytes, content_type: str) -> ManifestContent:
    """Parse ``body``, which was sent as ``content_type`` (as `parse_media_type` returns it).

    The header's type and the body's own must agree; a type that the header leaves open is taken from the body.

    Raises:
        UnusableManifest: it is not a manifest of one of the `ACCEPTED_TYPES`.

    """
    if content_type in {"text/html", "application/xhtml+xml"}:
        raise UnusableManifest(ManifestProblem.HTML, "the answer is a web page")
    if content_type in _SCHEMA1_TYPES:
        raise UnusableManifest(ManifestProblem.SCHEMA1, f"the answer is a schema1 manifest ({content_type})")
    if content_type not in _VAGUE_TYPES and content_type not in ACCEPTED_TYPES:
        raise UnusableManifest(ManifestProblem.OTHER_TYPE, f"the answer is of type {content_type[:100]}")
    document = _object(body)
    version = document.get("schemaVersion")
    if type(version) is not int:
        raise _malformed("it has no schemaVersion")
    if version == 1 or "fsLayers" in document:
        raise UnusableManifest(ManifestProblem.SCHEMA1, "the body is a schema1 manifest, whatever its header says")
    if version != 2:  # noqa: PLR2004 - schema 2
        raise _malformed("schemaVersion is not 2")
    media_type = _agreed_type(document, content_type)
    if media_type in INDEX_TYPES:
        if "layers" in document or "config" in document:
            raise _malformed("it is an index and an image at once")
        return ManifestContent(media_type, (), _descriptors(document, "manifests"))
    if "manifests" in document:
        raise _malformed("it is an image and an index at once")
    config = _descriptor(document.get("config"), "config")
    return ManifestContent(media_type, (config, *_descriptors(document, "layers")), ())


def _object(body: bytes) -> dict[str, Any]:
    from envid.core.jsontext import parse_json  # noqa: PLC0415 - most answers are heads, without a body to parse

    if body[:64].lstrip().startswith(b"<"):
        raise UnusableManifest(ManifestProblem.HTML, "the answer is a web page")
    try:
        document = parse_json(body, where="manifest")
    except InputError as error:
        raise _malformed(str(error.faults[0].problem if error.faults else error.what)) from None
    if not isinstance(document, dict):
        raise _malformed("it is not a JSON object")
    return document


def _agreed_type(document: dict[str, Any], content_type: str) -> str:
    own = document.get("mediaType")
    if own is not None and own not in ACCEPTED_TYPES:
        raise _malformed("its mediaType is not one that was asked for")
    named = content_type if content_type in ACCEPTED_TYPES else ""
    if own and named and own != named:
        raise _malformed(f"the header says {named}, the body says {own}")
    if own or named:
        return str(own or named)
    # OCI lets mediaType be left out; then only the members tell the two apart.
    return OCI_INDEX if "manifests" in document else OCI_MANIFEST


def _descriptors(document: dict[str, Any], member: str) -> tuple[Descriptor, ...]:
    items = document.get(member)
    if not isinstance(items, list):
        raise _malformed(f"{member} is not a list")
    return tuple(_descriptor(item, f"{member}[{index}]") for index, item in enumerate(items))


def _descriptor(item: Any, where: str) -> Descriptor:
    if not isinstance(item, dict):
        raise _malformed(f"{where} is not a descriptor")
    media_type, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    if not isinstance(media_type, str):
        raise _malformed(f"{where} has no mediaType")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_BLOB_BYTES:
        raise _malformed(f"{where} has no usable size")
    if not isinstance(digest, str):
        raise _malformed(f"{where} has no digest")
    try:
        return Descriptor(media_type, Digest(digest), size, _platform(item.get("platform")))
    except InputError:
        raise _malformed(f"{where} has a digest that is not sha256") from None


def _platform(named: Any) -> str:
    parts = [named.get(part) for part in ("os", "architecture", "variant")] if isinstance(named, dict) else []
    return "/".join(part for part in parts if isinstance(part, str) and part)


def _malformed(text: str) -> UnusableManifest:
    return UnusableManifest(ManifestProblem.MALFORMED, f"the answer is not a manifest: {text}")

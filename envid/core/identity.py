"""The envIdentity: BLAKE3 over a framed, sorted stream of every input of an environment (R2).

Byte layout of the pre-image of scheme ``envid/1`` (``docs/identity.md`` has it with a worked example)::

    frame(b)  = length of b as 8 bytes, big-endian, then b
    preimage  = frame("envid/1") count record*
    count     = number of records as 8 bytes, big-endian
    record    = frame(kind) frame(name) frame(mode) frame(size) frame(hash)

``kind``, ``name`` and ``mode`` are UTF-8; ``size`` is the content's length as 8 bytes, big-endian; ``hash`` is the
32-byte BLAKE3 of the content. Records are sorted by (kind, name) bytewise and no two have the same. Contents enter by
their hash, so that the identity can be computed again from what the catalog records.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from envid.core.values import EnvIdentity
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_INPUT_BYTES",
    "SCHEME",
    "SOURCE_DATE_EPOCH",
    "EnvInput",
    "InputKind",
    "env_identity",
    "file_input",
    "file_problem",
    "preimage",
    "value_input",
]

SCHEME: Final = "envid/1"
SOURCE_DATE_EPOCH: Final = 315532800
"""The time stamp of every file in an env image, in seconds: 1980-01-01. It must not follow the commit's date, or one
identity would give several digests; and zip files know no earlier year."""
MAX_INPUT_BYTES: Final = 16 * 1024 * 1024
"""Largest input, in bytes. An environment is described by manifests and scripts; more is a mistake."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FILE_MODES: Final = frozenset({"100644", "100755"})
_LFS_PREFIX: Final = b"version https://git-lfs.github.com/spec/"


class InputKind(StrEnum):
    """What an input is; part of the pre-image, so two kinds never stand for each other."""

    BASE_IMAGE = "base-image"
    BUILD_ARG = "build-arg"
    CONTAINERFILE = "containerfile"
    FILE = "file"
    FRONTEND = "frontend"
    IMAGE_REF = "image-ref"
    PLATFORM = "platform"


class EnvInput(NamedTuple):
    """One input of an environment.

    ``name`` is unique within its kind (a path for files); ``mode`` is git's six-digit file mode, empty for values;
    ``size`` is in bytes; ``blake3`` is the content's hash as 64 hex digits; ``value`` is a value's text, or None.
    """

    kind: InputKind
    name: str
    mode: str
    size: int
    blake3: str
    value: str | None = None

    @property
    def sort_key(self) -> tuple[bytes, bytes]:
        """Where the record stands in the pre-image."""
        return self.kind.encode(), self.name.encode()


def value_input(kind: InputKind, name: str, value: str) -> EnvInput:
    """Make the input for a value that is not a file, as the platform."""
    data = value.encode()
    return EnvInput(kind=kind, name=name, mode="", size=len(data), blake3=blake3(data).hexdigest(), value=value)


def file_input(kind: InputKind, path: str, mode: str, content: bytes) -> EnvInput:
    """Make the input for a file as git stores it.

    Raises:
        InputError: the mode is no regular file's, the content is too large, or it is a Git LFS pointer.

    """
    if problem := file_problem(mode, len(content), content[: len(_LFS_PREFIX)]):
        raise InputError(f"{path} can't be an input", faults=[Fault(path, problem)])
    return EnvInput(kind=kind, name=path, mode=mode, size=len(content), blake3=blake3(content).hexdigest())


def file_problem(mode: str, size: int, head: bytes = b"") -> str:
    """Say why a tree entry can't be an input, or return an empty string. ``head`` is the content's beginning."""
    if mode == "120000":
        return "it is a symlink; git stores only where it points, so put the file itself there"
    if mode == "160000":
        return "it is a submodule; its files are not in this repository"
    if mode == "040000":
        return "it is a folder; name its files, as folder/**"
    if mode not in _FILE_MODES:
        return f"it has the unknown file mode {mode}"
    if size > MAX_INPUT_BYTES:
        return f"it has {size} bytes; an input may have {MAX_INPUT_BYTES} at most"
    if head.startswith(_LFS_PREFIX):
        return "it is a Git LFS pointer; the content is not in git, so it can't be hashed"
    return ""


def preimage(inputs: Iterable[EnvInput]) -> bytes:
    """Return the canonical bytes that the identity is the hash of.

    Raises:
        InputError: there is no input, two have the same kind and name, or one is not well-formed.

    """
    ordered = sorted(inputs, key=lambda item: item.sort_key)
    faults = list(_faults_of(ordered))
    if faults:
        raise InputError("these inputs have no identity", faults=faults)
    parts = [_frame(SCHEME.encode()), _u64(len(ordered))]
    for kind, name, mode, size, content_hash, _ in ordered:
        for field in (kind.encode(), name.encode(), mode.encode(), _u64(size), bytes.fromhex(content_hash)):
            parts += [_u64(len(field)), field]
    return b"".join(parts)


def env_identity(inputs: Iterable[EnvInput]) -> EnvIdentity:
    """Return the envIdentity of ``inputs``; the order in which they come does not count.

    Raises:
        InputError: see ``preimage``.

    """
    return EnvIdentity(blake3(preimage(inputs)).hexdigest())


def _faults_of(ordered: list[EnvInput]) -> Iterable[Fault]:
    if not ordered:
        yield Fault("inputs", "there is none; an identity of nothing would be the same everywhere")
    for one, other in pairwise(ordered):
        if one.name == other.name and one.kind == other.kind:
            yield Fault(one.name, f"it is declared twice as {one.kind}")
    for item in ordered:
        if not _HASH.fullmatch(item.blake3):
            yield Fault(item.name, "its hash is not 64 lower-case hex digits")
        if not 0 <= item.size < 1 << 64:
            yield Fault(item.name, f"its size {item.size} is out of range")
        if item.value is not None and value_input(item.kind, item.name, item.value).blake3 != item.blake3:
            yield Fault(item.name, "its value does not have the recorded hash")


def _frame(data: bytes) -> bytes:
    return _u64(len(data)) + data


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")

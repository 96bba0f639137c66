"""Reads images as files: OCI layouts that BuildKit wrote, layers as streams of tar members, in bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from envid.adapters.inner_build import InnerBuild
from envid.core.layerdiff import Layer, Member
from envid.core.manifest import parse_manifest
from envid.core.values import Digest
from envid.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.values import ImageReference

__all__ = ["OciLayout", "layers_of", "pulled", "read_layer"]

_CHUNK: Final = 1 << 20
_MOST_GROWTH: Final = 200
_ALWAYS_ALLOWED: Final = 1 << 30
"""A layer may unpack to this many bytes, or to 200 times its size; real ones grow tenfold, bombs a thousandfold."""
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_KINDS: Final = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo",
}
# said by other fields already
_PLAIN_HEADERS: Final = frozenset({"path", "linkpath", "mtime", "size", "uid", "gid", "uname", "gname"})


@dataclass(frozen=True, slots=True)
class OciLayout:
    """A folder in the form of an OCI image layout, as BuildKit exports it."""

    folder: Path

    def blob(self, digest: Digest) -> Path:
        """Return the file of a blob; it may be absent."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def manifest(self, digest: Digest) -> bytes:
        """Return a manifest's bytes."""
        return self._read(digest)

    def config(self, digest: Digest) -> Any:
        """Return an image's config, parsed."""
        return json.loads(self._read(digest))

    def _read(self, digest: Digest) -> bytes:
        try:
            content = self.blob(digest).read_bytes()
        except OSError as error:
            raise ServiceError(f"BuildKit's export lacks {digest}", cause=error.strerror or str(error)) from None
        if hashlib.sha256(content).hexdigest() != digest.hex:
            raise ServiceError(f"BuildKit's export has other bytes for {digest}")
        return content


@contextmanager
def pulled(image: ImageReference, platform: str, *, build: InnerBuild) -> Iterator[OciLayout]:
    """Let BuildKit pull ``image`` by digest, with its own logins, and yield its layers as they are in the registry."""
    with tempfile.TemporaryDirectory(prefix="envid-pull-") as folder:
        target = Path(folder) / "image"
        context = Path(folder) / "context"
        context.mkdir()
        build.run(
            f"FROM {image.pinned}\n",
            context,
            f"type=oci,tar=false,oci-mediatypes=false,dest={target}",
            extra=[f"--opt=platform={platform}"],
        )
        yield OciLayout(target)


def layers_of(manifest: bytes, media_type: str, config: Any) -> tuple[Layer, ...]:
    """Return an image's layers, the lowest first, each with the line that made it."""
    _, *blobs = parse_manifest(manifest, media_type).blobs
    lines = [str(h.get("created_by", "")) for h in config.get("history", []) if not h.get("empty_layer")]
    lines += [""] * (len(blobs) - len(lines))
    return tuple(Layer(blob.digest, line) for blob, line in zip(blobs, lines, strict=False))


def read_layer(path: Path, *, always_allowed: int = _ALWAYS_ALLOWED) -> Iterator[Member]:
    """Yield the members of a layer (tar, plain or in gzip or zstd), each file's content hashed as it streams by.

    Raises:
        ServiceError: it can't be read to its end, or unpacks to more than any honest layer does.

    """
    try:
        with path.open("rb") as raw, _decompressed(raw) as stream:
            bounded = _Bounded(stream, path, max(always_allowed, _MOST_GROWTH * path.stat().st_size))
            tar = tarfile.open(fileobj=cast("IO[bytes]", bounded), mode="r|")  # noqa: SIM115 - nothing of it stays open
            for info in tar:
                yield _member(tar, info)
                # the library keeps every header for random access, which nobody needs here
                tar.members.clear()  # type: ignore[attr-defined]
    except (OSError, EOFError, tarfile.TarError, zlib.error, _zstd_error()) as error:
        raise ServiceError(f"the layer sha256:{path.name} can't be read", cause=str(error)) from None


class _Bounded:
    """A stream that ends with an error where it gives more than ``limit`` bytes."""

    def __init__(self, stream: IO[bytes], path: Path, limit: int) -> None:
        self._stream, self._path, self._limit, self._left = stream, path, limit, limit

    def read(self, size: int = -1) -> bytes:
        """Read, and count."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ServiceError(
                f"the layer sha256:{self._path.name} unpacks to more than {self._limit} bytes",
                cause="it was made to fill whatever unpacks it",
                remedy="see who pushed it; build the image anew: invoke publish --rebuild SERVICE",
                code="layer-too-large",
            )
        return content


@contextmanager
def _decompressed(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast("IO[bytes]", stream)
    elif magic == _ZSTD:
        import zstandard  # noqa: PLC0415 - most layers are gzip

        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as reader:
            yield cast("IO[bytes]", reader)
    else:
        yield raw


def _zstd_error() -> type[Exception]:
    import zstandard  # noqa: PLC0415

    return zstandard.ZstdError


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kind = _KINDS.get(info.type, f"type {info.type!r}")
    content = ""
    if kind == "file":
        hasher = hashlib.sha256()
        stream = tar.extractfile(info)
        while stream is not None and (chunk := stream.read(_CHUNK)):
            hasher.update(chunk)
        content = hasher.hexdigest()
    target = info.linkname if kind in {"symlink", "hardlink"} else ""
    if kind == "device":
        target = f"{info.type.decode('ascii', 'replace')} {info.devmajor}:{info.devminor}"
    names = f" {info.uname}:{info.gname}" if info.uname or info.gname else ""
    return Member(
        path=info.name,
        kind=kind,
        mode=info.mode,
        owner=f"{info.uid}:{info.gid}{names}",
        mtime=float(info.mtime),
        size=info.size,
        content=content,
        target=target,
        attributes=tuple(sorted((k, v) for k, v in info.pax_headers.items() if k not in _PLAIN_HEADERS)),
    )

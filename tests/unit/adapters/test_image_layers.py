"""Layers as streams: every compression, every kind of member, and damage that is never taken for an end."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from envid.adapters.image_layers import OciLayout, layers_of, read_layer
from envid.core.manifest import SCHEMA2_MANIFEST, digest_of
from envid.core.strictjson import canonical_json
from envid.errors import ServiceError
from tests.support.builders import digest


def layer(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(content), 315532800
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


PLAIN = layer(
    member("opt/", tarfile.DIRTYPE, mode=0o755),
    member("opt/a", content=b"hello", mode=0o600, uid=7, gid=8, uname="u", gname="g"),
    member("opt/l", tarfile.SYMTYPE, linkname="a"),
    member("opt/h", tarfile.LNKTYPE, linkname="opt/a"),
    member("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3),
    member("opt/x", content=b"", pax_headers={"SCHILY.xattr.user.k": "v"}),
)


@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, lambda b: zstandard.compress(b[:700]) + zstandard.compress(b[700:])],
    ids=["tar", "gzip", "zstd in two frames"],
)
def test_every_member_is_read_with_all_its_properties(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "layer"
    path.write_bytes(compress(PLAIN))
    found = {m.path: m for m in read_layer(path)}
    assert list(found) == ["opt", "opt/a", "opt/l", "opt/h", "dev/null", "opt/x"]
    a = found["opt/a"]
    assert (a.kind, a.mode, a.owner, a.size) == ("file", 0o600, "7:8 u:g", 5)
    assert a.content == hashlib.sha256(b"hello").hexdigest()
    assert (found["opt/l"].kind, found["opt/l"].target) == ("symlink", "a")
    assert (found["opt/h"].kind, found["opt/h"].target) == ("hardlink", "opt/a")
    assert (found["dev/null"].kind, found["dev/null"].target) == ("device", "3 1:3")
    assert found["opt/x"].attributes == (("SCHILY.xattr.user.k", "v"),)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress], ids=["tar", "gzip", "zstd"])
def test_a_layer_that_ends_early_is_an_error_and_no_shorter_layer(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "layer"
    content = compress(layer(member("big", content=bytes(range(256)) * 4096)))
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ServiceError, match="can't be read"):
        list(read_layer(path))


def test_memory_does_not_grow_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    size = 64 * 1024 * 1024
    info = tarfile.TarInfo("big")
    info.size = size
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(info.tobuf(tarfile.PAX_FORMAT))
        for _ in range(size // (1 << 20)):
            stream.write(bytes(1 << 20))
        stream.write(bytes(1024))
    tracemalloc.start()
    (found,) = read_layer(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.size == size
    assert peak < size / 8


def test_a_layer_is_told_with_the_line_that_made_it() -> None:
    def blob(number: int) -> dict[str, object]:
        return {"mediaType": "application/x", "digest": digest(number), "size": 1}

    manifest = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": SCHEMA2_MANIFEST,
            "config": blob(1),
            "layers": [blob(2), blob(3)],
        }
    )
    history = [{"created_by": "ADD x"}, {"created_by": "ENV y", "empty_layer": True}, {"created_by": "RUN z"}]
    assert [(x.digest, x.created_by) for x in layers_of(manifest, SCHEMA2_MANIFEST, {"history": history})] == [
        (digest(2), "ADD x"),
        (digest(3), "RUN z"),
    ]
    assert [x.created_by for x in layers_of(manifest, SCHEMA2_MANIFEST, {})] == ["", ""]


def test_an_export_is_believed_by_its_bytes(tmp_path: Path) -> None:
    content = b'{"a": 1}'
    layout, name = OciLayout(tmp_path), digest_of(content)
    blob = layout.blob(name)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(content)
    assert layout.config(name) == {"a": 1}
    blob.write_bytes(content + b" ")
    with pytest.raises(ServiceError, match="other bytes"):
        layout.manifest(name)
    with pytest.raises(ServiceError, match="lacks"):
        layout.manifest(digest(5))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_layer_that_unpacks_to_a_thousand_times_its_size_is_not_read_on(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    bomb = layer(member("zeros", content=bytes(8 << 20)))
    path = tmp_path / "layer"
    path.write_bytes(compress(bomb))
    assert path.stat().st_size < len(bomb) / 200
    with pytest.raises(ServiceError) as caught:
        list(read_layer(path, always_allowed=1 << 20))
    assert caught.value.code == "layer-too-large"
    assert [m.path for m in read_layer(path)] == ["zeros"], "a layer of honest size may be as empty as it likes"

"""Writes the golden vectors again, without any of envid's code: struct, and the b3sum of the ``blake3`` package.

Run ``python tests/golden/identity/make.py`` only when a new scheme begins; CI never does.
"""

import json
import struct
from pathlib import Path

from blake3 import blake3


def frame(data: bytes) -> bytes:
    return struct.pack(">Q", len(data)) + data


def vector(title: str, records: list[tuple[str, str, str, bytes]]) -> dict[str, object]:
    stream = frame(b"envid/1") + struct.pack(">Q", len(records))
    for kind, name, mode, content in sorted(records, key=lambda r: (r[0].encode(), r[1].encode())):
        stream += frame(kind.encode()) + frame(name.encode()) + frame(mode.encode())
        stream += frame(struct.pack(">Q", len(content))) + frame(blake3(content).digest())
    return {
        "title": title,
        "records": [{"kind": k, "name": n, "mode": m, "contentHex": c.hex()} for k, n, m, c in records],
        "preimageHex": stream.hex(),
        "envIdentity": blake3(stream).hexdigest(),
    }


VECTORS = [
    vector("one value", [("platform", "platform", "", b"linux/amd64")]),
    vector("one empty file", [("file", "package.json", "100644", b"")]),
    vector(
        "order of input does not count",
        [("file", "b", "100644", b"two"), ("file", "a", "100755", b"one"), ("build-arg", "buildArg.A", "", b"1")],
    ),
    vector("a name that is not ASCII", [("file", "patches/größe@1.0.patch", "100644", b"\x00\xff")]),
    vector(
        "a whole environment",
        [
            ("platform", "platform", "", b"linux/amd64"),
            ("image-ref", "imageRef.repoUrl", "", b"git@github.com:pikasTech/agentrun.git"),
            ("image-ref", "imageRef.commitId", "", b"0123456789abcdef0123456789abcdef01234567"),
            ("image-ref", "imageRef.dockerfilePath", "", b"Containerfile"),
            ("base-image", "baseImage[0]", "", b"127.0.0.1:5000/agentrun/bun-base@sha256:" + b"0" * 64),
            ("containerfile", "Containerfile", "100644", b"FROM scratch\n"),
            ("file", "package.json", "100644", b"{}\n"),
            ("file", "bun.lock", "100644", b'{"lockfileVersion": 1}\n'),
            ("file", "tsconfig.json", "100644", b"{}\n"),
            ("file", "deploy/runtime/boot/agentrun-boot.sh", "100755", b"#!/bin/sh\n"),
        ],
    ),
]

if __name__ == "__main__":
    target = Path(__file__).with_name("envid-1.json")
    target.write_text(json.dumps(VECTORS, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

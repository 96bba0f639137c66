"""Reads git's loose objects: a file each, compressed, its kind and size in front.

For every loose object ``git cat-file`` maps a file and unmaps it again, which takes longer than all else that is done
with a small input. Whatever is not plain here (no such file, a large one, a damaged one) is left to git.
"""

from __future__ import annotations

import os
import zlib

__all__ = ["read_loose_blob"]

_LARGEST = 64 * 1024


def read_loose_blob(objects: str, oid: str) -> bytes | None:
    """Return the content of the blob ``oid`` if it is a small loose object of the folder ``objects``, else None."""
    try:
        descriptor = os.open(f"{objects}/{oid[:2]}/{oid[2:]}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        compressed = os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)
    stream = zlib.decompressobj()
    try:
        whole = stream.decompress(compressed, _LARGEST)
    except zlib.error:
        return None
    header, _, content = whole.partition(b"\0")
    return content if stream.eof and header == b"blob %d" % len(content) else None

"""Finds image references and digests in other people's text: what a person or a prompt must not decide (R8, R13)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["digests_in", "tagged_images_in"]

_DIGEST: Final = re.compile(r"(?<![A-Za-z0-9])sha256:[0-9a-f]{64}(?![0-9A-Za-z])")
_HOST: Final = (
    r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9A-Fa-f:]+\]|[A-Za-z0-9-]+(?=:[0-9]+/))(?::[0-9]{1,5})?"
)
# a registry host, a path and a tag; what follows :// is a URL, and a reference with @sha256 is pinned
_TAGGED: Final = re.compile(
    rf"(?<![\w/.@:-]){_HOST}(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+:(\w[\w.-]{{0,127}})(?!@sha256:)(?![\w/@-])", re.ASCII
)
# without a host, only the tag that is always mutable is told from a file and line or a key and value
_LATEST: Final = re.compile(r"(?<![\w/.@:-])[a-z0-9]+(?:[._/-]+[a-z0-9]+)*:latest(?![\w/.-])", re.ASCII)


def tagged_images_in(text: str) -> tuple[str, ...]:
    """Return the image references in ``text`` that a tag, and no digest, decides."""
    return tuple(match[0] for pattern in (_TAGGED, _LATEST) for match in pattern.finditer(text))


def digests_in(text: str) -> tuple[str, ...]:
    """Return the digests in ``text``, alone or in references."""
    return tuple(_DIGEST.findall(text))

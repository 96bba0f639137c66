"""Rewrites the base image that a Containerfile is pinned to, and nothing else in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from envid.core.values import ImageReference
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pinned_base", "repin_from"]

_FROM: Final = re.compile(r"^([ \t]*FROM[ \t]+)(\S+)", re.IGNORECASE | re.MULTILINE)


def pinned_base(containerfile: str) -> ImageReference:
    """Return the one base image of ``containerfile``.

    Raises:
        InputError: it has none, or several, or it isn't pinned by digest.

    """
    return _reference(next(iter(_base_lines(containerfile)))[2])


def repin_from(containerfile: str, new_ref: ImageReference) -> str:
    """Return ``containerfile`` with its base image replaced by ``new_ref``; every other byte stays.

    Raises:
        InputError: it has no base image, or several, or ``new_ref`` isn't pinned by digest.

    """
    pinned = new_ref.pinned
    for match in reversed(list(_base_lines(containerfile))):
        containerfile = containerfile[: match.start(2)] + pinned + containerfile[match.end(2) :]
    return containerfile


def _base_lines(containerfile: str) -> Iterator[re.Match[str]]:
    """Find the FROM lines that name an image from outside; they must all name the same."""
    stages: set[str] = set()
    found: list[re.Match[str]] = []
    for match in _FROM.finditer(containerfile):
        rest = containerfile[match.end() :].partition("\n")[0].split()
        if match[2] != "scratch" and match[2].lower() not in stages:
            found.append(match)
        if len(rest) >= 2 and rest[0].upper() == "AS":  # noqa: PLR2004 - AS NAME
            stages.add(rest[1].lower())
    images = sorted({match[2] for match in found})
    if len(images) != 1:
        listed = ", ".join(images) if images else "none"
        raise InputError("the Containerfile must have exactly one base image", cause=f"it has {listed}")
    return iter(found)


def _reference(text: str) -> ImageReference:
    reference = ImageReference.parse(text)
    _ = reference.pinned  # a base by tag is refused here, with its name
    return reference

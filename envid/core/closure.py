"""Holds what a Containerfile reads against what was hashed: nothing else may reach the build (R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.core.globs import is_pattern, matches, static_prefix
from envid.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from envid.core.containerfile import ContextSource

__all__ = ["closure_faults"]

_NAMED: int = 3


def closure_faults(
    sources: Iterable[ContextSource],
    inputs: Collection[str],
    paths_below: Callable[[str], Iterable[str]],
    *,
    where: str,
) -> Iterator[Fault]:
    """Yield a fault for each source that reads something that is no input, or nothing at all.

    ``inputs`` are the hashed paths; ``paths_below(folder)`` lists the commit's files below a folder, empty for the
    root's.
    """
    for source in sources:
        if source.path in inputs:
            continue
        at = f"{where}:{source.line}"
        if not source.path:
            yield Fault(at, "it copies the whole context; name the inputs it needs")
            continue
        unhashed = sorted(set(_read_by(source.path, paths_below)) - set(inputs))
        if unhashed:
            more = f" and {len(unhashed) - _NAMED} more" if len(unhashed) > _NAMED else ""
            named = ", ".join(unhashed[:_NAMED])
            yield Fault(at, f"{source.path} reads {named}{more}, which the envIdentity does not cover")
        elif not any(_covers(source.path, path) for path in inputs):
            yield Fault(at, f"{source.path} is not in the build context: no input is there")


def _read_by(source: str, paths_below: Callable[[str], Iterable[str]]) -> Iterator[str]:
    folder = static_prefix(source) if is_pattern(source) else source.rpartition("/")[0]
    for path in paths_below(folder):
        if _covers(source, path):
            yield path


def _covers(source: str, path: str) -> bool:
    """Tell whether COPY of ``source`` takes ``path``: itself, or below a folder that it names or matches."""
    if matches(source, path):
        return True
    parts = path.split("/")
    return any(matches(source, "/".join(parts[:count])) for count in range(1, len(parts)))

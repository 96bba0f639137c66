"""Writes a step's results as Tekton takes them: one small file a result, in the folder of ``--results`` (R11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envid.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["image_results", "one_or_all", "write_results"]

_LIMIT: Final = 4096
"""Tekton passes all results of a TaskRun on in one termination message of so many bytes."""


def write_results(folder: str, results: Mapping[str, str | None]) -> None:
    """Write each result to its file, whole or not at all; None removes what an earlier try left. No folder: nothing.

    Raises:
        ServiceError: the results don't fit into Tekton's message, or the folder can't be written.

    """
    if not folder:
        return
    from envid.adapters.files import write_atomic  # noqa: PLC0415 - most runs write none

    said = {name: value for name, value in results.items() if value is not None}
    message = json.dumps([{"key": name, "value": value, "type": 1} for name, value in said.items()])
    if len(message) > _LIMIT:
        raise ServiceError(
            f"the results of this step have {len(message)} bytes, Tekton takes {_LIMIT}",
            cause=f"too many services for one TaskRun: {', '.join(said)}",
            remedy="leave --results out and hand the file of --out over",
            code="results-too-large",
        )
    target = Path(folder)
    for name in results:
        if name not in said:
            (target / name).unlink(missing_ok=True)
    for name, value in said.items():
        write_atomic(target / name, value.encode())


def one_or_all(values: Mapping[str, str | None]) -> str:
    """Return the only service's value as it is, and several services' values as a JSON object by service."""
    said = {name: value or "" for name, value in values.items()}
    return next(iter(said.values())) if len(said) == 1 else json.dumps(said, sort_keys=True, separators=(",", ":"))


def image_results(services: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the results by which Tekton Chains knows what a run has built; a reused image is never among them.

    ``services`` are those of ``agentrun.publish/1``.
    """
    built = [service for service in services if service["status"] == "built"]
    one = built[0] if len(built) == 1 else None
    return {
        "IMAGE_URL": one["image"] if one else None,
        "IMAGE_DIGEST": one["digest"] if one else None,
        "IMAGES": "\n".join(s["repositoryDigest"] for s in built) if len(built) > 1 else None,
    }

"""What one promotion changes: exactly the catalog and the runtime path, and nothing when nothing differs (R9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.core.lane import Lane

__all__ = ["TreeEdit", "attestation_path", "attestations_folder", "edit_for", "is_attestation", "outside_lane"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEdit:
    """Files to write (path to content) and paths to remove."""

    write: Mapping[str, bytes]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that changes, sorted."""
        return tuple(sorted({*self.write, *self.remove}))


def attestations_folder(lane: Lane) -> str:
    """Return the folder of the attestations: below the runtime path, where Argo CD's directory source stops reading."""
    return f"{lane.runtime_path}/attestations"


def is_attestation(lane: Lane, path: str) -> bool:
    """Tell whether ``path`` of the GitOps branch is an attestation, and no manifest."""
    return path.startswith(f"{attestations_folder(lane)}/")


def attestation_path(lane: Lane, service_id: str, kind: Literal["provenance", "sbom"]) -> str:
    """Return where a service's statement or SBOM stands on the GitOps branch."""
    return f"{attestations_folder(lane)}/{service_id}.{kind}.json"


def edit_for(lane: Lane, current: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> TreeEdit:
    """Return what turns ``current`` (the lane's files on the GitOps branch) into ``wanted``.

    Raises:
        InputError: ``wanted`` has a path outside the lane; a defect, caught before it can reach a branch.

    """
    if stray := outside_lane(lane, wanted):
        raise InputError("a promotion must not leave its lane", faults=[Fault(p, "outside the lane") for p in stray])
    write = {path: content for path, content in sorted(wanted.items()) if current.get(path) != content}
    return TreeEdit(write=write, remove=tuple(sorted(current.keys() - wanted.keys())))


def outside_lane(lane: Lane, paths: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths that are neither the lane's catalog nor below its runtime path."""
    return tuple(p for p in sorted(paths) if p != lane.catalog_path and not p.startswith(f"{lane.runtime_path}/"))

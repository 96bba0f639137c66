"""Makes what vouches for a built image: its in-toto statement and its SBOM (R5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envid.core.attestation import make_statement
from envid.core.bunlock import read_lock
from envid.core.catalog import AttestationFile, Attestations
from envid.core.manifest import digest_of
from envid.core.packages import parse_lock
from envid.core.promotion import attestation_path
from envid.core.sbom import Locks, make_sbom
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envid.core.attestation import AttestedImage
    from envid.core.lane import Lane
    from envid.usecases.environment import Environment, SourceFile

__all__ = ["SYSTEM_LOCK", "attest", "prepare", "read_locks"]

SYSTEM_LOCK: Final = "deploy/runtime/packages.lock"
NPM_LOCK: Final = "bun.lock"


def attest(
    image: AttestedImage, lane: Lane, service_id: str, locks: Locks, *, buildkit_record: bytes | None
) -> tuple[Attestations, dict[str, str]]:
    """Return the catalog's references to the statement and the SBOM, and the files themselves: path to text."""
    sbom = make_sbom(image, locks)
    statement = make_statement(image, sbom=digest_of(sbom), buildkit_record=buildkit_record)
    files = {
        attestation_path(lane, service_id, "provenance"): statement,
        attestation_path(lane, service_id, "sbom"): sbom,
    }
    provenance_file, sbom_file = (AttestationFile(path=path, digest=digest_of(c)) for path, c in files.items())
    references = Attestations(provenance=provenance_file, sbom=sbom_file)
    return references, {path: content.decode() for path, content in files.items()}


def prepare(environment: Environment, read: Callable[[SourceFile], bytes]) -> Locks:
    """Do what needs no digest yet: read both locks, and load the SBOM's library, which takes a third of a second."""
    import cyclonedx.model.bom  # noqa: PLC0415
    import cyclonedx.output.json  # noqa: F401, PLC0415

    return read_locks(environment, read)


def read_locks(environment: Environment, read: Callable[[SourceFile], bytes]) -> Locks:
    """Read both locks of an environment.

    A lock that is not there, or that this reader does not know, is a gap that the SBOM tells: the build itself holds
    to the lock either way.
    """
    files = {file.path: file for file in environment.files}
    gaps: list[str] = []

    def load(path: str) -> bytes | None:
        if path in files:
            return read(files[path])
        gaps.append(f"{path} is no input")
        return None

    system = npm = None
    try:
        if (content := load(SYSTEM_LOCK)) is not None:
            system = parse_lock(content, where=SYSTEM_LOCK)
    except InputError as error:
        gaps.append(error.what)
    try:
        if (content := load(NPM_LOCK)) is not None:
            npm = read_lock(content, where=NPM_LOCK)
    except InputError as error:
        gaps.append(error.what)
    return Locks(system=system, npm=npm, gaps=tuple(gaps))

"""The identity of every first-parent commit, newest first, as a stream in constant memory (R16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envid.core.deploy import DEPLOY_PATH, parse_deploy
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envid.adapters.git import CommitRecord
    from envid.core.values import CommitId, EnvIdentity
    from envid.usecases.environment import Environment, InputReader, SourceFile

__all__ = ["HistoryLine", "environment_at", "history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One commit of the history.

    ``identity`` is None where an input is invalid, and ``error`` says why. ``changed`` names the inputs that differ
    from the parent's in path, mode or content; for the first commit that is all of them.
    """

    commit: CommitId
    parent: CommitId | None
    identity: EnvIdentity | None
    changed: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A commit's inputs as far as they are known: name to what distinguishes it, and the identity or the error."""

    entries: Mapping[tuple[str, str], tuple[str, str]]
    identity: EnvIdentity | None
    error: str | None


def environment_at(
    reader: InputReader, commit: CommitRecord, *, service: str = "", extra: Sequence[str] = ()
) -> Environment:
    """Read the environment at ``commit``: of a service where there is a deploy.json, of the Bun inputs elsewhere.

    Raises:
        InputError: the inputs are invalid, or deploy.json has no such service.

    """
    deploy_json = reader.read(commit, DEPLOY_PATH)
    if deploy_json is None:
        return reader.plain_environment(commit, extra)
    services = parse_deploy(deploy_json).services
    chosen = next((s for s in services if s.id == service), None) if service else services[0]
    if chosen is None:
        names = ", ".join(s.id for s in services)
        raise InputError(f"deploy.json has no service {service!r} at {commit.id.short}", cause=f"it has {names}")
    return reader.service_environment(commit, chosen)


def history(
    reader: InputReader, start: CommitId, *, service: str = "", extra: Sequence[str] = (), max_count: int | None = None
) -> Iterator[HistoryLine]:
    """Yield a line for ``start`` and each of its first-parent ancestors, ``max_count`` at most, oldest last."""
    first = reader.objects.commit(start)
    snapshot = _snapshot(reader, first, service, extra)
    record: CommitRecord | None = first
    count = 0
    while record is not None and (max_count is None or count < max_count):
        parent = _first_parent(reader, record)
        if parent is None:
            before = _Snapshot({}, None, None)
        elif parent.tree == record.tree:
            before = snapshot
        else:
            before = _snapshot(reader, parent, service, extra)
        yield HistoryLine(
            commit=record.id,
            parent=parent.id if parent else None,
            identity=snapshot.identity,
            changed=_changed(before, snapshot),
            error=snapshot.error,
        )
        record, snapshot = parent, before
        count += 1


def _first_parent(reader: InputReader, record: CommitRecord) -> CommitRecord | None:
    if not record.parents:
        return None
    parent = record.parents[0]
    # a shallow clone ends here; git log shows its edge as a first commit too
    return reader.objects.commit(parent) if reader.objects.has(parent) else None


def _snapshot(reader: InputReader, record: CommitRecord, service: str, extra: Sequence[str]) -> _Snapshot:
    try:
        environment = environment_at(reader, record, service=service, extra=extra)
    except InputError as error:
        files, _ = reader.plain_files(record.tree, extra)
        return _Snapshot(_file_entries(files.values()), None, _one_line(error))
    entries = _file_entries(environment.files)
    if (containerfile := environment.containerfile) is not None:
        entries["containerfile", containerfile.path] = containerfile.mode, containerfile.oid
    values = (item for item in environment.inputs if item.value is not None)
    entries |= {(item.kind.value, item.name): ("", item.blake3) for item in values}
    return _Snapshot(entries, environment.identity, None)


def _file_entries(files: Iterable[SourceFile]) -> dict[tuple[str, str], tuple[str, str]]:
    """Tell files apart by their blob, which even an input that can't be hashed has."""
    return {("file", file.path): (file.mode, file.oid) for file in files}


def _changed(before: _Snapshot, after: _Snapshot) -> tuple[str, ...]:
    keys = before.entries.keys() | after.entries.keys()
    return tuple(sorted({key[1] for key in keys if before.entries.get(key) != after.entries.get(key)}))


def _one_line(error: InputError) -> str:
    return "; ".join([error.what, *map(str, error.faults)] if error.faults else [error.what, error.cause])

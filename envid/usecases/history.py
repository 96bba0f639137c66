"""The identity of every first-parent commit, newest first, as a stream in constant memory (R16).

Where there is no deploy.json, git's own log says which inputs each commit changed, so that one pass over git serves the
whole history. A commit with a deploy.json chooses its inputs itself, and is read from its tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from envid.adapters.gitlog import first_parent_log
from envid.core.globs import is_pattern, matches, static_prefix
from envid.errors import InputError
from envid.usecases.environment import DEFAULT_INPUTS, SourceFile
from envid.usecases.identity import DEPLOY_PATH, environment_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from envid.adapters.gitlog import FileChange, LogRecord
    from envid.core.values import CommitId, EnvIdentity
    from envid.usecases.environment import Environment, InputReader

__all__ = ["HistoryLine", "Snapshot", "history", "snapshot_of"]

_AHEAD: Final = 256
_ABSENT: Final = "000000"
_BLOB_MODES: Final = frozenset({"100644", "100755", "120000"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit's inputs as far as they are known, and the identity or the error.

    ``entries`` holds, by kind and name, what distinguishes an input: mode and blob for a file, an empty mode and the
    BLAKE3 for a value. ``values`` holds the texts of the values.
    """

    entries: Mapping[tuple[str, str], tuple[str, str]]
    identity: EnvIdentity | None
    error: str | None
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)


_NOTHING: Final = Snapshot({}, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One commit of the history.

    ``identity`` is None where an input is invalid, and ``error`` says why. ``changed`` names the inputs that differ
    from the parent's in path, mode or content; for the first commit that is all of them. ``before`` and ``after`` are
    the parent's inputs and the commit's own.
    """

    commit: CommitId
    parent: CommitId | None
    identity: EnvIdentity | None
    changed: tuple[str, ...]
    error: str | None
    record: LogRecord
    before: Snapshot
    after: Snapshot

    @property
    def decision(self) -> str:
        """``reuse`` where the parent has the same identity, ``build`` where not, ``blocked`` where there is none."""
        if self.identity is None:
            return "blocked"
        return "reuse" if self.identity == self.before.identity else "build"


def history(
    reader: InputReader, start: CommitId, *, service: str = "", extra: Sequence[str] = (), max_count: int | None = None
) -> Iterator[HistoryLine]:
    """Yield a line for ``start`` and each of its first-parent ancestors, ``max_count`` at most, oldest last."""
    walk = _Walk(reader, service, tuple(extra))
    log = first_parent_log(
        reader.objects.repository,
        start,
        below=walk.below(),
        max_count=None if max_count is None else max_count + 1,  # the last line needs its parent's inputs
        extra_environment=reader.objects.extra_environment,
    )
    with closing(log):
        pairs = _with_parents(walk.read_ahead(log))
        for record, parent in islice(pairs, max_count):
            after = walk.snapshot(record)
            walk.step_back(record, parent)
            before = walk.snapshot(parent) if parent else _NOTHING
            yield HistoryLine(
                commit=record.id,
                parent=parent.id if parent else None,
                identity=after.identity,
                changed=_changed(before, after),
                error=after.error,
                record=record,
                before=before,
                after=after,
            )


def _with_parents(log: Iterable[LogRecord]) -> Iterator[tuple[LogRecord, LogRecord | None]]:
    """Pair every commit with its first parent: in a first-parent log, that is the next one."""
    child: LogRecord | None = None
    for record in log:
        if child is not None:
            yield child, record
        child = record
    if child is not None:
        yield child, None


class _Walk:
    """Knows the inputs of one commit, and steps to its first parent by what the commit changed."""

    def __init__(self, reader: InputReader, service: str, extra: tuple[str, ...]) -> None:
        self._reader = reader
        self._service = service
        self._extra = extra
        declared = (*DEFAULT_INPUTS, *extra)
        self._paths = frozenset(text for text in declared if not is_pattern(text))
        self._patterns = tuple(text for text in declared if is_pattern(text))
        self._roots = (*self._paths, DEPLOY_PATH, *filter(None, map(static_prefix, self._patterns)))
        self._files: dict[str, SourceFile] = {}
        self._has_deploy = False
        self._known = False  # whether _files and _has_deploy are those of the commit that is next
        self._last: tuple[str, Snapshot] | None = None  # of the tree that was asked for last

    def below(self) -> tuple[str, ...]:
        """Return the top-level names at or below which everything lies that can touch an input; empty for all."""
        if any(not static_prefix(text) for text in self._patterns):
            return ()
        return tuple(sorted({path.partition("/")[0] for path in self._roots}))

    def read_ahead(self, log: Iterable[LogRecord]) -> Iterator[LogRecord]:
        """Pass ``log`` on, and read the blobs of what is coming in one go."""
        log = iter(log)
        while batch := list(islice(log, _AHEAD)):
            self._reader.learn(
                change.old_oid
                for record in batch
                for change in record.changes
                if change.old_mode in _BLOB_MODES and self._declares(change.path)
            )
            yield from batch

    def snapshot(self, record: LogRecord) -> Snapshot:
        """Return the inputs of ``record``, which the walk stands at."""
        if self._last is not None and self._last[0] == record.tree:
            return self._last[1]
        if not self._known:
            self._load(record.tree)
        snapshot = self._snapshot(record)
        # an error names its commit, so the next commit needs its own
        self._last = (record.tree, snapshot) if snapshot.error is None else None
        return snapshot

    def step_back(self, record: LogRecord, parent: LogRecord | None) -> None:
        """Go from ``record`` to ``parent``."""
        if parent is None or record.tree == parent.tree:
            return
        relevant = [change for change in record.changes if self._declares(change.path)]
        if any(self._disturbs(change.path) for change in record.changes):
            self._known = False
        elif self._known:
            self._undo(relevant)
        if not relevant and self._known and not self._has_deploy and self._last is not None:
            self._last = (parent.tree, self._last[1])

    def _undo(self, changes: Sequence[FileChange]) -> None:
        if changes:
            self._files = dict(self._files)
        for change in changes:
            if change.path == DEPLOY_PATH:
                self._has_deploy = change.old_mode != _ABSENT
            elif change.old_mode == _ABSENT:
                self._files.pop(change.path, None)
            else:
                self._files[change.path] = SourceFile(change.path, change.old_mode, change.old_oid)

    def _declares(self, path: str) -> bool:
        return path in self._paths or path == DEPLOY_PATH or any(matches(text, path) for text in self._patterns)

    def _disturbs(self, path: str) -> bool:
        """Tell whether ``path`` stands where a folder of an input would, or below where an input would."""
        return any(root.startswith(f"{path}/") for root in self._roots) or any(
            path.startswith(f"{file}/") for file in (*self._paths, DEPLOY_PATH)
        )

    def _load(self, tree: str) -> None:
        self._files, _ = self._reader.plain_files(tree, self._extra)
        self._has_deploy = self._reader.find(tree, DEPLOY_PATH) is not None
        self._known = True

    def _snapshot(self, record: LogRecord) -> Snapshot:
        try:
            if self._has_deploy:
                commit = self._reader.objects.commit(record.id)
                environment = environment_at(self._reader, commit, service=self._service, extra=self._extra)
            else:
                faults = self._reader.plain_faults(self._files, self._extra)
                environment = self._reader.environment_of(record.id, self._files, faults)
        except InputError as error:
            return Snapshot(_file_entries(self._files.values()), None, _one_line(error))
        return snapshot_of(environment)


def snapshot_of(environment: Environment) -> Snapshot:
    """Return what distinguishes the inputs of ``environment``."""
    entries = _file_entries(environment.files)
    if (containerfile := environment.containerfile) is not None:
        entries["containerfile", containerfile.path] = containerfile.mode, containerfile.oid
    values = {(item.kind.value, item.name): item for item in environment.inputs if item.value is not None}
    entries |= {key: ("", item.blake3) for key, item in values.items()}
    texts = {key: item.value or "" for key, item in values.items()}
    return Snapshot(entries, environment.identity, None, texts)


def _file_entries(files: Iterable[SourceFile]) -> dict[tuple[str, str], tuple[str, str]]:
    """Tell files apart by their blob, which even an input that can't be hashed has."""
    return {("file", file.path): (file.mode, file.oid) for file in files}


def _changed(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    if before is after:
        return ()
    keys = before.entries.keys() | after.entries.keys()
    return tuple(sorted({key[1] for key in keys if before.entries.get(key) != after.entries.get(key)}))


def _one_line(error: InputError) -> str:
    return "; ".join([error.what, *map(str, error.faults)] if error.faults else [error.what, error.cause])

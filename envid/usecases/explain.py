"""``explain``: reads two sets of inputs, lets the core say what differs, and finds the commits that made it (R16)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from envid.adapters.gitlog import changed_files
from envid.core.explain import Explanation, InputView, explain_inputs
from envid.core.identity import InputKind
from envid.errors import InputError
from envid.usecases.attribution import Attribution, Range, attribute
from envid.usecases.environment import SourceFile
from envid.usecases.history import Snapshot, snapshot_of
from envid.usecases.identity import environment_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envid.adapters.git import CommitRecord
    from envid.core.catalog import CatalogEntry
    from envid.core.values import CommitId, EnvIdentity
    from envid.usecases.environment import InputReader
    from envid.usecases.history import HistoryLine

__all__ = [
    "Explained",
    "Outside",
    "Side",
    "explain_line",
    "explain_sides",
    "side_of_commit",
    "side_of_entry",
]

_FILE_KINDS: Final = frozenset({InputKind.FILE.value, InputKind.CONTAINERFILE.value})
_LOCK: Final = "bun.lock"
_MANIFEST: Final = "package.json"
_INSTALL_FIELDS: Final = frozenset(
    {
        "dependencies",
        "optionalDependencies",
        "peerDependencies",
        "peerDependenciesMeta",
        "bundledDependencies",
        "bundleDependencies",
        "overrides",
        "resolutions",
        "patchedDependencies",
        "trustedDependencies",
        "workspaces",
        "catalog",
        "catalogs",
    }
)
"""What of a package.json decides the production ``node_modules``."""
_MAX_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two sets of inputs that are compared.

    ``label`` says where it comes from; ``commit`` is the source commit it belongs to, ``here`` whether this repository
    has that commit, and ``uncommitted`` whether it is the work tree's temporary one. ``views`` are the inputs by a key
    that pairs the sides; ``files`` has the blobs of those whose content can be read. ``identity`` is None where an
    input is invalid, and ``error`` says why. ``notes`` say what can't be known of it.
    """

    label: str
    commit: CommitId
    here: bool = True
    uncommitted: bool = False
    catalog_revision: CommitId | None = None
    service: str | None = None
    identity: EnvIdentity | None
    error: str | None = None
    views: Mapping[str, InputView]
    files: Mapping[str, SourceFile]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The files that differ but do not count: how many, and the first few by name."""

    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The whole answer: both sides, what differs, who made it, and what differs without counting.

    ``decision`` is what the head's identity means where the base's image exists. ``outside`` is None where a commit is
    not here.
    """

    base: Side
    head: Side
    explanation: Explanation
    attribution: Attribution
    outside: Outside | None
    notes: tuple[str, ...] = field(default=())

    @property
    def decision(self) -> str:
        """``reuse`` for equal identities, ``build`` for others, ``blocked`` where the head has none."""
        if self.head.identity is None:
            return "blocked"
        return "reuse" if self.head.identity == self.base.identity else "build"


def side_of_commit(
    reader: InputReader,
    commit: CommitRecord,
    *,
    label: str,
    service: str = "",
    extra: Sequence[str] = (),
    uncommitted: bool = False,
) -> Side:
    """Read a commit's inputs. Where they have no identity, what can be read of them is still compared."""
    try:
        snapshot = snapshot_of(environment_at(reader, commit, service=service, extra=extra))
    except InputError as error:
        files, _ = reader.plain_files(commit.tree, extra)
        entries = {(InputKind.FILE.value, f.path): (f.mode, f.oid) for f in files.values()}
        snapshot = Snapshot(entries, None, "; ".join([error.what, *map(str, error.faults)]))
    views, found = _views(reader, snapshot)
    return Side(
        label=label,
        commit=commit.id,
        uncommitted=uncommitted,
        service=service or None,
        identity=snapshot.identity,
        error=snapshot.error,
        views=views,
        files=found,
    )


def side_of_entry(
    reader: InputReader, entry: CatalogEntry, *, label: str, revision: CommitId, extra: Sequence[str] = ()
) -> Side:
    """Take the inputs that a catalog's entry records; their contents come from its commit, where that is still here."""
    inputs = [recorded.as_input() for recorded in entry.toolchain_inputs.inputs]
    views = {
        _key(item.kind.value, item.name): InputView(
            kind=item.kind.value,
            name=item.name,
            mode=item.mode,
            blake3=item.blake3,
            size=item.size,
            value=item.value,
        )
        for item in inputs
    }
    commit, here = entry.source_commit, reader.objects.has(entry.source_commit)
    files: dict[str, SourceFile] = {}
    notes: list[str] = []
    if here:
        at_commit = side_of_commit(
            reader, reader.objects.commit(commit), label=label, service=entry.service_id, extra=extra
        )
        files = {
            key: file
            for key, file in at_commit.files.items()
            if key in views and views[key].blake3 == at_commit.views[key].blake3
        }
        if at_commit.identity != entry.env_identity:
            notes.append(
                f"the catalog's inputs are not those of its commit {commit.short}; the catalog's are explained"
            )
    else:
        notes.append(
            f"the commit {commit.short} of {label} is not in this repository: which inputs differ is known from the "
            "catalog, what the old files held is not, nor which commits lie between"
        )
    return Side(
        label=label,
        commit=commit,
        here=here,
        catalog_revision=revision,
        service=entry.service_id,
        identity=entry.env_identity,
        views=views,
        files=files,
        notes=tuple(notes),
    )


def explain_sides(reader: InputReader, base: Side, head: Side) -> Explained:
    """Say what differs between two sides, and which commits made it."""
    explanation = _explain(reader, base.views, head.views, base.files, head.files)
    span = Range(
        base=base.commit if base.here else None,
        head=head.commit if head.here else None,
        uncommitted=head.commit if head.uncommitted else None,
        service=head.service or base.service or "",
    )
    return Explained(
        base=base,
        head=head,
        explanation=explanation,
        attribution=attribute(reader, span, explanation, base.views, head.views),
        outside=_outside(reader, base, head) if base.here and head.here else None,
        notes=(*base.notes, *head.notes),
    )


def explain_line(reader: InputReader, line: HistoryLine) -> Explanation | None:
    """Explain one commit of a history against its parent; None where nothing that counts changed."""
    if not line.changed:
        return None
    old, old_files = _views(reader, line.before)
    new, new_files = _views(reader, line.after)
    return _explain(reader, old, new, old_files, new_files)


def _explain(
    reader: InputReader,
    old: Mapping[str, InputView],
    new: Mapping[str, InputView],
    old_files: Mapping[str, SourceFile],
    new_files: Mapping[str, SourceFile],
) -> Explanation:
    differ = {
        key
        for key in old.keys() & new.keys()
        if (old[key].mode, old[key].blake3, old[key].name) != (new[key].mode, new[key].blake3, new[key].name)
    }
    found = explain_inputs(
        _with_contents(reader, old, old_files, differ), _with_contents(reader, new, new_files, differ)
    )
    if found.production_changed is False and not _has_lock(old) and not _has_lock(new):
        return replace(found, production_changed=_production_without_lock(found))
    return found


def _production_without_lock(explanation: Explanation) -> bool | None:
    """Without a lock, nothing says what bun install brings; but no manifest that stayed the same asks for more."""
    for change in explanation.changes:
        if change.name.rpartition("/")[2] != _MANIFEST or change.formatting_only:
            continue
        if not change.values or any(_decides_install(value.path) for value in change.values):
            return None
    return False


def _decides_install(path: str) -> bool:
    return path.removeprefix("$.").partition(".")[0].partition("[")[0] in _INSTALL_FIELDS


def _has_lock(views: Mapping[str, InputView]) -> bool:
    return any(view.name.rpartition("/")[2] == _LOCK for view in views.values())


def _views(reader: InputReader, snapshot: Snapshot) -> tuple[dict[str, InputView], dict[str, SourceFile]]:
    views: dict[str, InputView] = {}
    files: dict[str, SourceFile] = {}
    for (kind, name), (mode, token) in snapshot.entries.items():
        key = _key(kind, name)
        if kind not in _FILE_KINDS:
            views[key] = InputView(kind=kind, name=name, mode="", blake3=token, value=snapshot.values[kind, name])
            continue
        file = SourceFile(name, mode, token)
        size, blake3 = reader.measure(file)
        views[key] = InputView(kind=kind, name=name, mode=mode, blake3=blake3, size=size)
        if size is not None:
            files[key] = file
    return views, files


def _with_contents(
    reader: InputReader, views: Mapping[str, InputView], files: Mapping[str, SourceFile], keys: set[str]
) -> dict[str, InputView]:
    return {
        key: replace(view, content=reader.content(files[key])) if key in keys and key in files else view
        for key, view in views.items()
    }


def _outside(reader: InputReader, base: Side, head: Side) -> Outside | None:
    objects = reader.objects
    names = changed_files(objects.repository, base.commit, head.commit, objects.extra_environment)
    if names is None:
        return None
    counted = {view.name for side in (base, head) for view in side.views.values() if view.kind == InputKind.FILE}
    outside = [name for name in names if name not in counted]
    return Outside(count=len(outside), names=tuple(outside[:_MAX_NAMED]))


def _key(kind: str, name: str) -> str:
    """Pair inputs by kind and name; there is one Containerfile, which may move."""
    return kind if kind == InputKind.CONTAINERFILE else f"{kind}:{name}"

"""Commands that say why: ``explain`` and ``report``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.wiring import open_gitops, open_objects, patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envid.adapters.settings import Workspace
    from envid.core.catalog import CatalogEntry
    from envid.core.report import BuildRecord
    from envid.core.values import CommitId
    from envid.usecases.environment import InputReader
    from envid.usecases.explain import Side

    Section = Mapping[str, Any] | None

__all__ = ["explain", "report"]

_CATALOG = "catalog"


def explain(
    *,
    base: str = "",
    head: str = "",
    repo: str = "",
    service: str = "",
    inputs: Sequence[str] = (),
    dirty: bool = False,
    section: Section = None,
) -> Output:
    """Say why the envIdentity differs between two revisions, catalogs, or a commit and its parent."""
    from envid.adapters.git import find_root
    from envid.adapters.worktree import dirty_commit
    from envid.errors import InputError
    from envid.usecases.explain import explain_sides
    from envid.usecases.explainview import explained_data, explained_lines

    if dirty and head:
        raise InputError("--dirty and --head exclude each other", remedy="leave one out")
    root = find_root(Path(repo) if repo else Path.cwd())
    with ExitStack() as stack:
        temporary, environment = stack.enter_context(dirty_commit(root)) if dirty else ("", None)
        _, reader = stack.enter_context(open_objects(str(root), environment))
        sides = _Sides(reader, root, service, patterns(inputs), None if repo else section)
        head_side = sides.of(temporary or head or "HEAD", label="work tree" if dirty else "", uncommitted=dirty)
        base_side = sides.of(base) if base else sides.default_base(head_side)
        explained = explain_sides(reader, base_side, head_side)
    return Output(data=explained_data(explained), lines=explained_lines(explained))


def report(
    *,
    repo: str = "",
    rev: str = "HEAD",
    max_count: int = 0,
    service: str = "",
    inputs: Sequence[str] = (),
    out: str = "",
    section: Section = None,
) -> Output:
    """Draw the history as one self-contained HTML page."""
    from envid.adapters.files import write_atomic
    from envid.adapters.git import find_root
    from envid.core.report import Report, render_report
    from envid.errors import InputError
    from envid.usecases.report import figures_data, figures_lines, read_rows

    if max_count < 0:
        raise InputError(f"--max-count {max_count} is negative", remedy="leave it out for all commits")
    root = find_root(Path(repo) if repo else Path.cwd())
    target = Path(out or "env-report.html")
    with open_objects(str(root)) as (_, reader):
        start = reader.objects.resolve(rev)
        builds, note = _known_builds(reader, root, start, None if repo else section)
        rows, figures = read_rows(
            reader,
            start,
            service=service,
            extra=patterns(inputs),
            max_count=max_count or None,
            progress=progress,
        )
    made = Report(
        title=root.name.removesuffix(".git") or "repository",
        revision=rev if rev == start else f"{rev} ({start.short})",
        rows=rows,
        figures=figures,
        builds=builds,
        builds_note=note,
    )
    write_atomic(target, render_report(made).encode())
    return Output(data=figures_data(made, str(target)), lines=figures_lines(figures, str(target)))


def _known_builds(
    reader: InputReader, root: Path, start: CommitId, section: Section
) -> tuple[tuple[BuildRecord, ...] | None, str]:
    """Return the builds of the catalog's history; or None, and why they can't be known."""
    from envid.adapters.settings import open_workspace
    from envid.core.deploy import DEPLOY_PATH
    from envid.errors import EnvidError
    from envid.usecases.report import catalog_builds

    if reader.find(reader.objects.commit(start).tree, DEPLOY_PATH) is None:
        return None, f"this repository has no {DEPLOY_PATH}, so no catalog"
    try:
        workspace = open_workspace(root, section)
        with _image_sizes() as size_of:
            return catalog_builds(open_gitops(workspace), workspace.lane, size_of), ""
    except EnvidError as error:
        return None, ": ".join(filter(None, (error.what, error.cause)))


@contextmanager
def _image_sizes() -> Iterator[Callable[[CatalogEntry], int | None]]:
    """Give a way to ask the registry for an image's size; after the first failure it isn't asked again."""
    from envid.adapters.registry import Registry
    from envid.core.manifest import parse_manifest
    from envid.core.values import ImageReference
    from envid.errors import EnvidError

    answers = True
    with Registry() as registry:

        def size_of(entry: CatalogEntry) -> int | None:
            nonlocal answers
            if not answers:
                return None
            try:
                manifest = registry.manifest(ImageReference.parse(entry.repository_digest))
                content = parse_manifest(manifest.body, manifest.media_type)
            except EnvidError as error:
                answers = error.code == "registry-absent"
                return None
            return sum(blob.size for blob in content.blobs)

        yield size_of


class _Sides:
    """Turns what the command line says into sides."""

    def __init__(self, reader: InputReader, root: Path, service: str, inputs: Sequence[str], section: Section) -> None:
        self._reader = reader
        self._root = root
        self._service = service
        self._inputs = inputs
        self._section = section

    def of(self, text: str, *, label: str = "", uncommitted: bool = False) -> Side:
        """Return the side that ``text`` names: a revision, ``catalog``, or ``catalog:`` and a GitOps revision."""
        from envid.usecases.explain import side_of_commit

        word, colon, revision = text.partition(":")
        if word == _CATALOG and (colon or not revision):
            return self._catalog(revision)
        objects = self._reader.objects
        return side_of_commit(
            self._reader,
            objects.commit(objects.resolve(text)),
            label=label or text,
            service=self._service,
            extra=self._inputs,
            uncommitted=uncommitted,
        )

    def default_base(self, head: Side) -> Side:
        """Return the promoted catalog where the head has a lane, its first parent elsewhere."""
        from envid.core.deploy import DEPLOY_PATH
        from envid.errors import EnvidError, InputError

        record = self._reader.objects.commit(head.commit)
        if head.catalog_revision is None and self._reader.find(record.tree, DEPLOY_PATH) is not None:
            try:
                return self._catalog("")
            except EnvidError as error:
                error.remedy = "; or ".join(filter(None, (error.remedy, "invoke explain --base HEAD~1")))
                raise
        if not record.parents:
            raise InputError(f"{head.label} is the first commit", remedy="name another one with --base")
        return self.of(record.parents[0], label="the last commit" if head.uncommitted else "parent")

    def _catalog(self, revision: str) -> Side:
        from envid.errors import InputError
        from envid.usecases.explain import side_of_entry
        from envid.usecases.plan import catalog_at, promoted_catalog

        workspace = self._workspace()
        branch = workspace.lane.gitops_branch
        gitops = open_gitops(workspace)
        if revision:
            found, catalog = catalog_at(gitops, workspace.lane, self._gitops_commit(revision))
        else:
            found, catalog = promoted_catalog(gitops, workspace.lane)
        entries = catalog.services
        entry = catalog.entry(self._service) if self._service else next(iter(entries), None)
        if entry is None:
            names = ", ".join(item.service_id for item in entries) or "nothing yet"
            raise InputError(
                f"the catalog at {found.short} has no entry for {self._service or 'any service'}",
                cause=f"it has {names}",
                remedy="invoke plan; invoke explain --base HEAD~1 compares two commits",
            )
        return side_of_entry(self._reader, entry, label=f"{branch}@{found.short}", revision=found, extra=self._inputs)

    def _workspace(self) -> Workspace:
        from envid.adapters.settings import open_workspace

        return open_workspace(self._root, self._section)

    def _gitops_commit(self, revision: str) -> Any:
        """Return the GitOps commit of a full id, or of a revision that this repository can resolve."""
        from envid.core.values import CommitId
        from envid.errors import InputError

        try:
            return CommitId(revision)
        except InputError:
            return self._reader.objects.resolve(revision)

"""Finds the commits that made each difference between two sides, with a bounded number of questions to git (R16)."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from envid.adapters.gitlog import range_log
from envid.core.explain.redact import redact
from envid.core.identity import InputKind
from envid.core.jsonc import parse_jsonc
from envid.core.values import CommitId
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from envid.adapters.gitlog import LogRecord
    from envid.core.explain import Explanation, InputChange, InputView
    from envid.usecases.environment import InputReader

__all__ = ["Attribution", "Cause", "Range", "attribute"]

MAX_COMMITS: Final = 2000
"""Most commits that are read from git's log for one answer."""
MAX_LOCKS: Final = 200
"""Most versions of a lock that are read to find who changed each package."""
_DEPLOY_PATH: Final = "deploy/deploy.json"
_FROM_CONTAINERFILE: Final = frozenset({InputKind.CONTAINERFILE, InputKind.BASE_IMAGE, InputKind.FRONTEND})
_FROM_DEPLOY: Final = frozenset({InputKind.IMAGE_REF, InputKind.PLATFORM, InputKind.BUILD_ARG})
_REF_COMMIT: Final = f"{InputKind.IMAGE_REF}:imageRef.commitId"
_KEPT_LOCKS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A commit that made a difference.

    ``commit`` is None for the uncommitted work tree. ``side`` is ``head`` where the head has the commit and the base
    does not, ``base`` where it is the other way round: the head then lacks what it made. ``date`` is ISO 8601.
    """

    commit: CommitId | None
    subject: str
    author: str
    date: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What to look through: the commits of both sides; None where one is not in this repository."""

    base: CommitId | None
    head: CommitId | None
    uncommitted: CommitId | None = None
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Who made what: by input (kind and name) all commits, newest first; by input and place the package's own."""

    inputs: Mapping[tuple[str, str], tuple[Cause, ...]] = field(default_factory=dict)
    packages: Mapping[tuple[str, str], Cause] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def attribute(
    reader: InputReader,
    span: Range,
    explanation: Explanation,
    old: Mapping[str, InputView],
    new: Mapping[str, InputView],
) -> Attribution:
    """Find the commits behind every change of ``explanation``.

    Raises:
        GitError: git failed.

    """
    if not explanation.changes or span.base is None or span.head is None:
        return Attribution()
    return _Search(reader, span, span.base, span.head).answer(explanation, old, new)


class _Search:
    def __init__(self, reader: InputReader, span: Range, base: CommitId, head: CommitId) -> None:
        self._reader = reader
        self._span = span
        self._base = base
        self._head = head
        self._documents: OrderedDict[str, Any] = OrderedDict()
        self._notes: list[str] = []

    def answer(
        self, explanation: Explanation, old: Mapping[str, InputView], new: Mapping[str, InputView]
    ) -> Attribution:
        files = [change.name for change in explanation.changes if change.kind == InputKind.FILE]
        records = self._log(self._base, self._head, [*files, _DEPLOY_PATH])
        by_path = _by_path(records)
        containerfile: list[LogRecord] | None = None
        inputs: dict[tuple[str, str], tuple[Cause, ...]] = {}
        packages: dict[tuple[str, str], Cause] = {}
        for change in explanation.changes:
            kind = InputKind(change.kind)
            if kind is InputKind.FILE:
                found = by_path.get(change.name, [])
                if not found:  # the file is older: what changed is that deploy.json names it
                    found = self._of_deploy(by_path.get(_DEPLOY_PATH, []), lambda service: service.get("inputs"))
                packages |= self._packages(change, by_path.get(change.name, []))
            elif kind in _FROM_DEPLOY:
                found = self._of_deploy(by_path.get(_DEPLOY_PATH, []), _picker(change.name))
            elif kind in _FROM_CONTAINERFILE:
                if containerfile is None:
                    containerfile = self._of_containerfile(old, new)
                # the same Containerfile commit: then another path of it was chosen
                found = containerfile or self._of_deploy(by_path.get(_DEPLOY_PATH, []), _picker("imageRef"))
            else:
                found = []
            inputs[change.kind, change.name] = tuple(map(self._cause, found))
        return Attribution(inputs=inputs, packages=packages, notes=tuple(self._notes))

    def _log(self, base: CommitId, head: CommitId, paths: Sequence[str]) -> list[LogRecord]:
        objects = self._reader.objects
        records = list(
            range_log(
                objects.repository,
                base,
                head,
                sorted(set(paths)),
                max_count=MAX_COMMITS,
                extra_environment=objects.extra_environment,
            )
        )
        if len(records) == MAX_COMMITS:
            self._notes.append(f"only the newest {MAX_COMMITS} commits between the two were looked through")
        return records

    def _cause(self, record: LogRecord) -> Cause:
        if record.id == self._span.uncommitted:
            return Cause(commit=None, subject="uncommitted work", author="", date="", side="head")
        return Cause(
            commit=record.id,
            subject=redact(record.subject),
            author=record.author,
            date=record.date,
            side="base" if record.side == "<" else "head",
        )

    def _of_deploy(self, records: Iterable[LogRecord], pick: Callable[[dict[str, Any]], object]) -> list[LogRecord]:
        """Keep the commits after which deploy.json says something else, of what ``pick`` takes, than every parent."""
        return [
            record
            for record in records
            if all(
                self._service(record.id, pick) != self._service(parent, pick) for parent in record.parents or (None,)
            )
        ]

    def _service(self, commit: CommitId | None, pick: Callable[[dict[str, Any]], object]) -> object:
        document = self._document(commit, _DEPLOY_PATH)
        services = document.get("services") if isinstance(document, dict) else None
        for service in services if isinstance(services, list) else ():
            if isinstance(service, dict) and self._span.service in {"", service.get("id")}:
                return pick(service)
        return None

    def _of_containerfile(self, old: Mapping[str, InputView], new: Mapping[str, InputView]) -> list[LogRecord]:
        """Find who changed the Containerfile, which is read at imageRef.commitId and not at the commit itself."""
        refs = [views[_REF_COMMIT].value for views in (old, new) if _REF_COMMIT in views]
        paths = [view.name for views in (old, new) if (view := views.get(InputKind.CONTAINERFILE)) is not None]
        if len(refs) != 2 or not paths or not all(self._reader.objects.has(ref or "") for ref in refs):  # noqa: PLR2004
            return []
        return self._log(CommitId(refs[0] or ""), CommitId(refs[1] or ""), paths)

    def _packages(self, change: InputChange, records: Sequence[LogRecord]) -> dict[tuple[str, str], Cause]:
        """Find, for each package that differs, the newest commit that gave its row what it has now."""
        wanted = {package.place for package in change.packages}
        if not wanted or not records:
            return {}
        if len(records) == 1:
            return {(change.name, place): self._cause(records[0]) for place in wanted}
        if len(records) > MAX_LOCKS:
            self._notes.append(f"only the newest {MAX_LOCKS} versions of {change.name} were searched for packages")
        ends = {"<": self._rows(self._base, change.name), ">": self._rows(self._head, change.name)}
        found: dict[tuple[str, str], Cause] = {}
        # what the head has came with the head's own commits; only what those don't explain is the base's
        for record in sorted(records[:MAX_LOCKS], key=lambda item: item.side == "<"):
            if not wanted:
                break
            rows = self._rows(record.id, change.name)
            before = [self._rows(parent, change.name) for parent in record.parents]
            end = ends[record.side]
            made = {
                place
                for place in wanted
                if rows.get(place) == end.get(place)
                and all(rows.get(place) != row.get(place) for row in before)
                and (before or place in rows)
            }
            found |= {(change.name, place): self._cause(record) for place in made}
            wanted -= made
        return found

    def _rows(self, commit: CommitId, path: str) -> Mapping[str, Any]:
        document = self._document(commit, path)
        rows = document.get("packages") if isinstance(document, dict) else None
        return rows if isinstance(rows, dict) else {}

    def _document(self, commit: CommitId | None, path: str) -> Any:
        """Return the JSON of ``path`` at ``commit``; None where there is none, or it can't be read."""
        if commit is None or not self._reader.objects.has(commit):
            return None
        file = self._reader.find(self._reader.objects.commit(commit).tree, path)
        if file is None or not file.mode.startswith("100"):
            return None
        if file.oid not in self._documents:
            try:
                self._documents[file.oid] = parse_jsonc(self._reader.content(file), where=path)
            except InputError:
                self._documents[file.oid] = None
            if len(self._documents) > _KEPT_LOCKS:
                self._documents.popitem(last=False)
        return self._documents.get(file.oid)


def _by_path(records: Iterable[LogRecord]) -> dict[str, list[LogRecord]]:
    found: dict[str, list[LogRecord]] = {}
    for record in records:
        for path in dict.fromkeys(change.path for change in record.changes):
            found.setdefault(path, []).append(record)
    return found


def _picker(name: str) -> Callable[[dict[str, Any]], object]:
    """Return what takes the value of an input, as ``imageRef.commitId``, from a service of deploy.json."""
    steps = ["buildArgs", name.removeprefix("buildArg.")] if name.startswith("buildArg.") else name.split(".")

    def pick(service: dict[str, Any]) -> object:
        value: Any = service
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return json.dumps(value, sort_keys=True)

    return pick

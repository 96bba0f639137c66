"""Streams commits with what they changed: one ``git log`` process per question, however long the history.

Everything that a user's git configuration could change about the output is said on the command line.
"""

from __future__ import annotations

import subprocess
from contextlib import closing
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from envid.adapters.git import git, git_environment
from envid.adapters.process import find_tool
from envid.core.values import CommitId
from envid.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["FileChange", "LogRecord", "changed_files", "first_parent_log", "range_log"]

_FIELDS: Final = 6
_FORMAT: Final = "%x01%m%x00%H%x00%T%x00%P%x00%an%x00%aI%x00%s"
_CHUNK: Final = 1 << 16
_OPTIONS: Final = ("-c", "log.showRoot=true", "-c", "log.follow=false")
_FIXED: Final = (
    "-z",
    "--raw",
    "--no-abbrev",
    "--no-color",
    "--no-renames",
    "--no-ext-diff",
    "--no-relative",
    "--no-show-signature",
    "--no-notes",
    "--no-mailmap",
    "--ignore-submodules=none",
    "--encoding=UTF-8",
    f"--format=tformat:{_FORMAT}",
)


class FileChange(NamedTuple):
    """A path that a commit changed: mode and blob before and after; mode ``000000`` where there was or is none."""

    path: str
    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str


class LogRecord(NamedTuple):
    """One commit of a log.

    ``side`` is git's mark: ``<`` for a commit that only the left end of a range has, ``>`` otherwise. ``date`` is the
    author's, as ISO 8601. ``changes`` is against the first parent.
    """

    id: CommitId
    tree: str
    parents: tuple[CommitId, ...]
    author: str
    date: str
    subject: str
    side: str = ">"
    changes: tuple[FileChange, ...] = ()


def first_parent_log(
    repository: Path,
    start: CommitId,
    *,
    below: Sequence[str] = (),
    max_count: int | None = None,
    extra_environment: Mapping[str, str] | None = None,
) -> Generator[LogRecord]:
    """Yield ``start`` and its first-parent ancestors, newest first, each with its changes to its first parent.

    ``below`` limits the changes (not the commits) to these paths and what lies below them; empty means all.

    Raises:
        GitError: git failed, or a commit is missing.

    """
    limit = [] if max_count is None else [f"--max-count={max_count}"]
    arguments = ["--first-parent", "--diff-merges=first-parent", "--sparse", *limit, start]
    return _log(repository, arguments, below, extra_environment)


def range_log(
    repository: Path,
    base: CommitId,
    head: CommitId,
    paths: Sequence[str],
    *,
    max_count: int,
    extra_environment: Mapping[str, str] | None = None,
) -> Generator[LogRecord]:
    """Yield the commits that only one of ``base`` and ``head`` has and that changed one of ``paths``, newest first.

    Of a merge, the files count that differ from every parent's.

    Raises:
        GitError: git failed, or one of the two commits is missing.

    """
    arguments = ["--left-right", "--topo-order", "--diff-merges=combined", f"--max-count={max_count}"]
    return _log(repository, [*arguments, f"{base}...{head}"], paths, extra_environment)


def changed_files(
    repository: Path, old: CommitId, new: CommitId, extra_environment: Mapping[str, str] | None = None
) -> list[str] | None:
    """Name the files that differ between two commits; None when one of them isn't here."""
    arguments = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none", old, new]
    done = git(repository, arguments, check=False, extra_environment=extra_environment)
    if done.returncode != 0:
        return None
    return [name.decode("utf-8", "surrogateescape") for name in done.stdout.split(b"\0") if name]


def _log(
    repository: Path,
    arguments: Sequence[str],
    paths: Sequence[str],
    extra_environment: Mapping[str, str] | None,
) -> Generator[LogRecord]:
    limits = [f":(top,literal){path}" for path in paths]
    argv = [find_tool("git"), "-C", str(repository), *_OPTIONS, "log", *_FIXED, *arguments, "--", *limits]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=git_environment() | dict(extra_environment or {}),
    )
    assert process.stdout is not None  # noqa: S101 - a pipe by construction
    ended = False
    try:
        with closing(_records(_tokens(process.stdout))) as records:
            yield from records
        ended = True
    finally:
        # a reader that has seen enough leaves git writing to a closed pipe, which ends it
        process.stdout.close()
        errors = process.stderr.read() if process.stderr else b""
        if process.stderr:
            process.stderr.close()
        process.wait()
    if ended and process.returncode != 0:
        cause = errors.decode("utf-8", "replace").strip() or f"exit {process.returncode}"
        raise GitError(f"git log failed in {repository}", cause=cause, remedy="git fetch, or git fsck")


def _tokens(stream: IO[bytes]) -> Iterator[str]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        whole, zero, rest = (rest + chunk).rpartition(b"\0")
        if zero:
            yield from whole.decode("utf-8", "surrogateescape").split("\0")


def _records(tokens: Iterator[str]) -> Generator[LogRecord]:
    """Parse git's stream: a header that begins with 0x01, then pairs of a line that begins with a colon and a path.

    A path follows such a line and nothing else does, so that no file's name can pass for a header.
    """
    token = next(tokens, None)
    while token is not None:
        side = token.lstrip("\n")[1:]
        commit, tree, parents, author, date, subject = (next(tokens, "") for _ in range(_FIELDS))
        changes: list[FileChange] = []
        token = next(tokens, None)
        while token is not None and (line := token.lstrip("\n")).startswith(":"):
            changes.append(_change(line, next(tokens, "")))
            token = next(tokens, None)
        yield LogRecord(
            id=CommitId(commit),
            tree=tree,
            parents=tuple(map(CommitId, parents.split())),
            author=author,
            date=date,
            subject=subject,
            side="<" if side == "<" else ">",
            changes=tuple(changes),
        )


def _change(line: str, path: str) -> FileChange:
    """Parse one raw line; a merge's has as many colons, modes and blobs in front as it has parents."""
    words = line.lstrip(":").split(" ")
    parents = len(line) - len(line.lstrip(":"))
    return FileChange(path, words[0], words[parents], words[parents + 1], words[2 * parents + 1])

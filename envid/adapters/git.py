"""Reads git: objects through one ``cat-file --batch`` process, and a few questions about a local repository.

Values from outside reach git on standard input or as full commit ids, never as an option. The environment is scrubbed,
so that a hook's ``GIT_DIR`` or a replace ref can't show another tree than the one that was asked for.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import OrderedDict
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from envid.adapters.loose import read_loose_blob
from envid.adapters.process import Completed, find_tool, run
from envid.core.values import CommitId
from envid.errors import GitError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["CommitRecord", "GitObjects", "TreeEntry", "find_root", "git", "git_environment"]

_TREE_CACHE: Final = 1 << 20
"""How many bytes of trees are kept; the last tree is, whatever its size."""
_SKIP_CHUNK: Final = 1 << 20
_FEW: Final = 8
_NO_HOOKS: Final = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""A repository that was unpacked, not cloned, may bring both, and either is a program that git would run."""
_ASK_AHEAD: Final = 512
"""Most ids that are asked for before an answer is read; with more, both pipes could be full at once."""


class TreeEntry(NamedTuple):
    """One entry of a tree object: git's six-digit mode, the object's id, and the name in its folder."""

    mode: str
    oid: str
    name: str

    @property
    def is_folder(self) -> bool:
        """Tell whether the entry is a tree."""
        return self.mode == "040000"


class CommitRecord(NamedTuple):
    """What is read of a commit: its id, its tree, and its parents in order."""

    id: CommitId
    tree: str
    parents: tuple[CommitId, ...]


@cache
def git_environment() -> dict[str, str]:
    """Return the environment for every git process: the caller's, without what redirects git, and without prompts."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "http:https:ssh",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


_KEPT: Final = frozenset(
    {"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EXEC_PATH"}
)


def git(
    repository: Path,
    arguments: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float = 120.0,
    check: bool = True,
    extra_environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run ``git`` in ``repository``. ``arguments`` are this project's own words, never a value from outside.

    Raises:
        GitError: it failed and ``check`` is set.

    """
    done = run(
        [find_tool("git"), *_NO_HOOKS, "-C", str(repository), *arguments],
        env=git_environment() | dict(extra_environment or {}),
        stdin=stdin,
        timeout=timeout,
    )
    if check and done.returncode != 0:
        raise GitError(f"git {arguments[0]} failed in {repository}", cause=done.error_text or f"exit {done.returncode}")
    return done


def find_root(start: Path) -> Path:
    """Return the root of the work tree around ``start``, or the bare repository itself.

    Raises:
        InputError: ``start`` is not in a git repository.

    """
    cause = ""
    try:
        folder = start.resolve()
        for candidate in (folder, *folder.parents):
            # a file in a linked work tree, a folder in a clone, neither in a bare repository
            if (candidate / ".git").exists() or ((candidate / "HEAD").is_file() and (candidate / "objects").is_dir()):
                return candidate
    except (OSError, ValueError, RuntimeError) as error:
        # a name too long, a folder that is closed to us, links in a circle
        cause = getattr(error, "strerror", None) or str(error)
    raise InputError(
        f"{start} is not in a git repository", cause=cause, remedy="git clone the repository and run this inside it"
    )


class GitObjects:
    """The object database of one repository, read through a single process; close it, or use it as a context.

    Trees are cached (bounded), blobs are not.
    """

    def __init__(self, repository: Path, extra_environment: Mapping[str, str] | None = None) -> None:
        self.repository = repository
        self.extra_environment = dict(extra_environment or {})
        self._environment = git_environment() | self.extra_environment
        self._process: subprocess.Popen[bytes] | None = None
        # git itself knows of other places: a linked work tree's repository, alternates
        self._objects_folder = None if self.extra_environment else _objects_folder(repository)
        self._trees: OrderedDict[str, bytes] = OrderedDict()
        self._trees_size = 0

    def __enter__(self) -> Self:
        self._running()  # it starts while the caller still imports what will ask
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()

    def commit(self, commit: CommitId) -> CommitRecord:
        """Read a commit by its full id.

        Raises:
            InputError: the repository has no such commit.

        """
        found = self._read(commit)
        if found is None:
            raise InputError(
                f"the commit {commit} is not in {self.repository}",
                cause="it is mistyped, not fetched yet, or beyond a shallow clone's edge",
                remedy="git fetch, then run this again",
                code="unknown-commit",
            )
        if found[1] != "commit":
            raise InputError(f"{commit} is a {found[1]}, not a commit")
        return _parse_commit(commit, found[2])

    def has(self, oid: str) -> bool:
        """Tell whether the object database holds ``oid``."""
        return self._read(oid) is not None

    def resolve(self, revision: str) -> CommitId:
        """Return the commit that a revision as ``HEAD`` or ``main~3`` names.

        Raises:
            InputError: it names none.

        """
        found = None
        # the revision stands on a line of its own on standard input: it can't be an option, and must be one line
        if revision and revision.isprintable():
            try:
                found = self._read(f"{revision}^{{commit}}")
            except GitError:
                # git ends over a reflog or upstream that isn't there, and over a path that leaves the repository,
                # where it answers "missing" to all else
                if "@{" not in revision and ":" not in revision:
                    raise
        if found is None:
            raise InputError(
                f"{revision!r} names no commit in {self.repository}",
                remedy="git log --oneline",
                code="unknown-revision",
            )
        return CommitId(found[0])

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        """Read a tree object's entries, in git's order.

        Raises:
            GitError: the object is missing or is no tree.

        """
        return _parse_tree(self._tree_content(oid))

    def entry(self, oid: str, name: str) -> TreeEntry | None:
        """Return the entry called ``name`` of a tree object, or None; quick in a tree of any width.

        Raises:
            GitError: the object is missing or is no tree.

        """
        content, wanted = self._tree_content(oid), name.encode("utf-8", "surrogateescape")
        if b" %b\0" % wanted not in content:
            return None
        found = _entry_pattern(wanted).match(content)
        return found and TreeEntry(found[1].decode().zfill(6), found[2].hex(), name)

    def _tree_content(self, oid: str) -> bytes:
        cached = self._trees.get(oid)
        if cached is not None:
            self._trees.move_to_end(oid)
            return cached
        content = self._trees[oid] = self._content(oid, "tree")
        self._trees_size += len(content)
        while self._trees_size > _TREE_CACHE and len(self._trees) > 1:
            self._trees_size -= len(self._trees.popitem(last=False)[1])
        return content

    def blob(self, oid: str, *, limit: int) -> tuple[int, bytes]:
        """Return a blob's size in bytes and its content; the content is empty when it is larger than ``limit``.

        Raises:
            GitError: the object is missing or is no blob.

        """
        found = self._read(oid, limit=limit)
        if found is None or found[1] != "blob":
            raise self._no_blob(oid)
        return found[3], found[2]

    def blobs(self, oids: Sequence[str], *, limit: int) -> Iterator[tuple[int, bytes]]:
        """Yield what ``blob`` returns for each id; asks ahead, which spares waiting for every answer.

        Raises:
            GitError: see ``blob``.

        """
        for begin in range(0, len(oids), _ASK_AHEAD):
            wanted = oids[begin : begin + _ASK_AHEAD]
            loose = self._loose_blobs(wanted)
            asked = [oid for oid in wanted if oid not in loose]
            self._ask(asked)
            process, due = self._process, len(asked)
            try:
                for oid in wanted:
                    if (content := loose.get(oid)) is not None:
                        yield len(content), content if len(content) <= limit else b""
                        continue
                    found = self._answer(limit=limit)
                    due -= 1
                    if found is None or found[1] != "blob":
                        raise self._no_blob(oid)
                    yield found[3], found[2]
            finally:
                # a caller that stops early must not leave answers for the next question
                while due and self._process is process:
                    self._answer(limit=0)
                    due -= 1

    def _loose_blobs(self, oids: Sequence[str]) -> dict[str, bytes]:
        """Return those of ``oids`` that are loose and small, by id; none of them where the first few are not."""
        if self._objects_folder is None or all(read_loose_blob(self._objects_folder, o) is None for o in oids[:_FEW]):
            return {}
        found = ((oid, read_loose_blob(self._objects_folder, oid)) for oid in oids)
        return {oid: content for oid, content in found if content is not None}

    def _no_blob(self, oid: str) -> GitError:
        return GitError(f"the blob {oid} can't be read from {self.repository}", remedy="git fsck")

    def _content(self, oid: str, kind: str) -> bytes:
        found = self._read(oid)
        if found is None or found[1] != kind:
            raise GitError(f"the {kind} {oid} can't be read from {self.repository}", remedy="git fsck")
        return found[2]

    def _read(self, name: str, *, limit: int | None = None) -> tuple[str, str, bytes, int] | None:
        self._ask([name])
        return self._answer(limit=limit)

    def _ask(self, names: Sequence[str]) -> None:
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - a pipe by construction
        try:
            process.stdin.write("".join(f"{name}\n" for name in names).encode())
            process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None

    def _answer(self, *, limit: int | None) -> tuple[str, str, bytes, int] | None:
        process = self._running()
        assert process.stdout is not None  # noqa: S101 - a pipe by construction
        header = process.stdout.readline()
        if not header:
            raise self._died()
        words = header.decode("utf-8", "replace").split()
        if len(words) != 3 or words[-1] in {"missing", "ambiguous"}:  # noqa: PLR2004 - oid, type, size
            return None
        oid, kind, size = words[0], words[1], int(words[2])
        if limit is not None and size > limit:
            remaining = size + 1
            while remaining:
                skipped = len(process.stdout.read(min(remaining, _SKIP_CHUNK)))
                if not skipped:
                    raise self._died()
                remaining -= skipped
            return oid, kind, b"", size
        content = process.stdout.read(size + 1)
        if len(content) != size + 1:
            raise self._died()
        return oid, kind, content[:-1], size

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [find_tool("git"), "-C", str(self.repository), "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
            )
        return self._process

    def _died(self) -> GitError:
        process, self._process = self._process, None
        text = ""
        if process is not None:
            _, errors = process.communicate()
            text = errors.decode("utf-8", "replace").strip()
        return GitError(f"git can't read {self.repository}", cause=text or "git ended early", remedy="git fsck")


def _objects_folder(repository: Path) -> str | None:
    found = (folder for folder in (f"{repository}/.git/objects", f"{repository}/objects") if os.path.isdir(folder))  # noqa: PTH112
    return next(found, None)


def _parse_commit(commit: CommitId, content: bytes) -> CommitRecord:
    tree = ""
    parents: list[CommitId] = []
    for line in content.split(b"\n\n", 1)[0].split(b"\n"):
        word, _, value = line.partition(b" ")
        if word == b"tree":
            tree = value.decode()
        elif word == b"parent":
            parents.append(CommitId(value.decode()))
        else:
            break
    return CommitRecord(commit, tree, tuple(parents))


@lru_cache(maxsize=256)
def _entry_pattern(name: bytes) -> re.Pattern[bytes]:
    """Match a tree up to the entry ``name``, entry by entry: a name or an id may hold what looks like an entry."""
    other = rb"(?![0-7]+ %b\0)[0-7]+ [^\0]+\0.{20}" % re.escape(name)
    return re.compile(rb"(?>%b)*+([0-7]+) %b\0(.{20})" % (other, re.escape(name)), re.DOTALL)


def _parse_tree(content: bytes) -> tuple[TreeEntry, ...]:
    entries: list[TreeEntry] = []
    position, end = 0, len(content)
    while position < end:
        space = content.index(b" ", position)
        zero = content.index(b"\0", space)
        mode = content[position:space].decode().zfill(6)
        name = content[space + 1 : zero].decode("utf-8", "surrogateescape")
        entries.append(TreeEntry(mode, content[zero + 1 : zero + 21].hex(), name))
        position = zero + 21
    return tuple(entries)

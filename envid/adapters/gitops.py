"""The GitOps branch behind the mirror: read it, make one commit on it, push it, and look again (R6, R9)."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from envid.adapters.git import GitObjects, git
from envid.adapters.remote_cache import PushResult, RemoteCache
from envid.adapters.signing import sign_commit, signer_of
from envid.core.values import CommitId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from envid.core.promotion import TreeEdit
    from envid.core.verify import CommitNote

__all__ = ["GitOpsBranch", "PushResult", "Signature"]

_BLOB_LIMIT: Final = 32 * 1024 * 1024


class Signature(NamedTuple):
    """Who makes a commit and when; ``when`` is in seconds since 1970, UTC."""

    name: str
    email: str
    when: int


class GitOpsBranch:
    """One branch of one remote, with a read URL and a write URL. With ``signing_key`` its commits are signed."""

    def __init__(
        self, cache: Path, *, branch: str, read_url: str, write_url: str, signing_key: Path | None = None
    ) -> None:
        self._signing_key = signing_key
        self._asked: _Ahead | None = None
        self._read: _Read | None = None
        self.branch = branch
        self.read_url = read_url
        self.write_url = write_url
        key = blake3(f"{read_url}\0{branch}".encode()).hexdigest()[:16]
        self._cache = RemoteCache(cache / f"{key}.git")
        # apart from the shallow cache: a shallow edge would cut the ancestry that is asked for there
        self._history = RemoteCache(cache / f"{key}.history.git")

    @property
    def ref(self) -> str:
        """The branch's full ref name."""
        return f"refs/heads/{self.branch}"

    def ask_ahead(self, paths: Sequence[str]) -> None:
        """Begin to ask the remote where the branch is, and to read ``paths`` there where that commit is known.

        The next `tip`, and `files` of it, take what was found instead of waiting for it.
        """
        self._asked = _Ahead(partial(self._look_ahead, tuple(paths)))

    def tip(self) -> CommitId | None:
        """Ask the remote where the branch is; None when the remote answers that there is no such branch.

        Raises:
            GitError: the remote could not be asked.

        """
        asked, self._asked = self._asked, None
        if asked is None:
            return self._cache.ref(self.read_url, self.ref)
        tip, self._read = asked.answer()
        return tip

    def files(self, commit: CommitId, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the files of ``commit`` at or below ``paths``, by path, fetching the commit if need be."""
        read, self._read = self._read, None
        if read is not None and (read.commit, read.paths) == (commit, tuple(paths)):
            return read.files
        with self._cache.locked() as path, GitObjects(path) as objects:
            self._fetch_commit(objects, commit)
            return _contents(objects, commit, paths)

    def commit(self, base: CommitId | None, edit: TreeEdit, message: str, signature: Signature) -> CommitId:
        """Make a commit with ``edit`` on top of ``base`` (None begins the branch), in the cache only."""
        with self._cache.locked() as path:
            if base is not None:
                with GitObjects(path) as objects:
                    self._fetch_commit(objects, base)
            ref = f"refs/envid/{os.getpid()}"
            stream = _fast_import_stream(ref, base, edit, message, signature)
            done = git(path, ["fast-import", "--quiet", "--force", "--done"], stdin=stream)
            git(path, ["update-ref", "-d", ref])
            made = CommitId(done.stdout.decode().strip())
            return made if self._signing_key is None else sign_commit(path, made, self._signing_key)

    def push(self, commit: CommitId) -> PushResult:
        """Push ``commit`` to the branch as a fast-forward; never forces.

        Raises:
            Blocked: the remote refuses for a reason that is no race.
            GitError: the remote can't be reached, or broke off; the push may or may not have arrived.

        """
        return self._cache.push(self.write_url, commit, self.ref)

    def contains(self, branch: str, commit: CommitId) -> bool:
        """Tell whether ``commit`` is on ``branch`` of the remote."""
        tip = self._cache.ref(self.read_url, f"refs/heads/{branch}")
        return tip is not None and self.is_ancestor(commit, tip)

    def is_ancestor(self, older: CommitId, newer: CommitId) -> bool:
        """Tell whether ``newer`` is ``older`` or descends from it, by the remote's history (commits only)."""
        if older == newer:
            return True
        with self._history.locked() as path:
            with GitObjects(path) as objects:
                known = objects.has(newer)
            if not known:
                self._history.fetch(self.read_url, newer, commits_only=True)
            return git(path, ["merge-base", "--is-ancestor", older, newer], check=False).returncode == 0

    def signer(self, commit: CommitId, allowed_signers: Path) -> str:
        """Return who of ``allowed_signers`` signed ``commit``.

        Raises:
            CheckFailed: nobody of them did.

        """
        with self._cache.locked() as path, GitObjects(path) as objects:
            self._fetch_commit(objects, commit)
            return signer_of(path, commit, allowed_signers)

    def note(self, commit: CommitId) -> CommitNote:
        """Return what ``commit`` says of itself, and the paths in which it differs from its first parent."""
        from envid.core.verify import CommitNote  # noqa: PLC0415 - what every plan need not load

        whole = RemoteCache(self._history.path.with_suffix(".whole.git"))
        with whole.locked() as repository:
            with GitObjects(repository) as objects:
                known = objects.has(commit)
            if not known:
                whole.fetch(self.read_url, commit)
            shown = git(repository, ["show", "--no-patch", "--format=%an%n%cn%n%B", commit]).stdout
            author, committer, message = shown.decode("utf-8", "replace").split("\n", 2)
            listed = git(
                repository,
                ["diff-tree", "--root", "-m", "--first-parent", "--no-commit-id", "-r", "-z", "--name-only", commit],
            ).stdout
        changed = tuple(name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name)
        return CommitNote(author=author, committer=committer, message=message, changed=changed)

    def log(self, tip: CommitId, path: str, *, limit: int) -> list[CommitId]:
        """Return the first-parent commits of ``tip`` that changed ``path``, newest first."""
        whole = RemoteCache(self._history.path.with_suffix(".whole.git"))
        with whole.locked() as repository:
            whole.fetch(self.read_url, tip)
            done = git(repository, ["log", "--first-parent", f"--max-count={limit}", "--format=%H", tip, "--", path])
        return [CommitId(line) for line in done.stdout.decode().split()]

    def versions(self, tip: CommitId, path: str, *, limit: int) -> list[bytes]:
        """Return the contents that the file ``path`` has had on the first-parent line of ``tip``, newest first."""
        commits = self.log(tip, path, limit=limit)
        whole = RemoteCache(self._history.path.with_suffix(".whole.git"))
        with whole.locked() as repository, GitObjects(repository) as objects:
            found = (dict(_walk(objects, objects.commit(commit).tree, "", [path])).get(path) for commit in commits)
            oids = [oid for oid in found if oid is not None]
            return [content for _, content in objects.blobs(oids, limit=_BLOB_LIMIT)]

    def _look_ahead(self, paths: tuple[str, ...]) -> tuple[CommitId | None, _Read | None]:
        tip = self._cache.ref(self.read_url, self.ref)
        if tip is None:
            return None, None
        with self._cache.locked() as path, GitObjects(path) as objects:
            # a fetch is left to who really wants the files: it must not go on beside a command that has failed
            return tip, _Read(tip, paths, _contents(objects, tip, paths)) if objects.has(tip) else None

    def _fetch_commit(self, objects: GitObjects, commit: CommitId) -> None:
        if not objects.has(commit):
            self._cache.fetch(self.read_url, commit, depth=1)
            objects.close()  # a process that is running already would not see the new shallow edge


class _Read(NamedTuple):
    """Files of a commit that were read before they were asked for."""

    commit: CommitId
    paths: tuple[str, ...]
    files: dict[str, bytes]


class _Ahead:
    """A question to the remote that runs beside the caller; a plan imports and hashes in the meantime."""

    def __init__(self, question: Callable[[], tuple[CommitId | None, _Read | None]]) -> None:
        self._question = question
        self._found: tuple[CommitId | None, _Read | None] = (None, None)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            self._found = self._question()
        except Exception as error:  # noqa: BLE001 - raised again where the answer is asked for
            self._error = error

    def answer(self) -> tuple[CommitId | None, _Read | None]:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found


def _fast_import_stream(ref: str, base: CommitId | None, edit: TreeEdit, message: str, signature: Signature) -> bytes:
    who = f"{signature.name} <{signature.email}> {signature.when} +0000".encode()
    text = message.encode()
    # the ref is set anew each time: an earlier, killed run may have left it
    stream = [b"reset %b\n\ncommit %b\nmark :1\nauthor %b\ncommitter %b\n" % (ref.encode(), ref.encode(), who, who)]
    stream.append(b"data %d\n%b\n" % (len(text), text))
    if base is not None:
        stream.append(b"from %b\n" % base.encode())
    stream += [b"D %b\n" % _quoted(path) for path in edit.remove]
    for path, content in edit.write.items():
        stream.append(b"M 100644 inline %b\ndata %d\n%b\n" % (_quoted(path), len(content), content))
    stream.append(b"\nget-mark :1\ndone\n")
    return b"".join(stream)


def _contents(objects: GitObjects, commit: CommitId, paths: Sequence[str]) -> dict[str, bytes]:
    """Return the files at or below ``paths``, by path."""
    found = list(_walk(objects, objects.commit(commit).tree, "", paths))
    contents = objects.blobs([oid for _, oid in found], limit=_BLOB_LIMIT)
    return {name: content for (name, _), (_, content) in zip(found, contents, strict=True)}


def _walk(objects: GitObjects, tree: str, prefix: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield path and id of the files at or below ``paths``; reads no folder that leads to none of them."""
    for entry in objects.tree(tree):
        name = f"{prefix}{entry.name}"
        if entry.is_folder:
            if any(f"{name}/".startswith(f"{path}/") or path.startswith(f"{name}/") for path in paths):
                yield from _walk(objects, entry.oid, f"{name}/", paths)
        elif any(name == path or name.startswith(f"{path}/") for path in paths):
            yield name, entry.oid


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode("utf-8", "surrogateescape")

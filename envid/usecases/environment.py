"""Reads the exact inputs of an environment from git objects, and gives them their envIdentity (R2, R3)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from envid.core.globs import is_pattern, matches, static_prefix
from envid.core.identity import (
    MAX_INPUT_BYTES,
    EnvInput,
    InputKind,
    env_identity,
    file_problem,
    value_input,
)
from envid.core.package_calls import stray_installs
from envid.core.values import CommitId, RepoPath
from envid.errors import Fault, InputError
from envid.usecases.value_inputs import value_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from envid.adapters.git import CommitRecord, GitObjects, TreeEntry
    from envid.core.containerfile import ContainerfileFacts
    from envid.core.deploy import Service
    from envid.core.toolimage import ToolImage
    from envid.core.values import EnvIdentity

__all__ = ["DEFAULT_INPUTS", "Environment", "InputReader", "SourceFile"]

DEFAULT_INPUTS: Final = (
    "Containerfile",
    "Dockerfile",
    "bun.lock",
    "deploy/runtime/boot/*.sh",
    "package.json",
    "tsconfig.json",
)
"""What counts in a repository without a deploy.json: those that exist."""

_FOLDER: Final = "040000"
_FACTS_CACHE: Final = 2048
_INPUTS_CACHE: Final = 1024
_HEAD_BYTES: Final = 64


class SourceFile(NamedTuple):
    """A file of a commit: its path, git's mode, and the id of its blob."""

    path: str
    mode: str
    oid: str


class Environment(NamedTuple):
    """An environment's identity with all that it was computed from.

    ``files`` are the build context, exactly; ``containerfile`` is None in a repository without deploy.json.
    """

    commit: CommitId
    identity: EnvIdentity
    inputs: tuple[EnvInput, ...]
    files: tuple[SourceFile, ...]
    containerfile: SourceFile | None = None


class _Asked(NamedTuple):
    """One of this project's own images, as far as it is asked for like a service."""

    id: str
    platform: str
    build_args: Mapping[str, str]


class _BlobFacts(NamedTuple):
    size: int
    blake3: str
    head: bytes


class InputReader:
    """Reads inputs from one object database. What it learns of a blob it remembers, in bounded space."""

    def __init__(self, objects: GitObjects) -> None:
        self.objects = objects
        self._facts: OrderedDict[str, _BlobFacts] = OrderedDict()
        self._inputs: dict[tuple[InputKind, SourceFile], EnvInput] = {}

    def service_environment(self, commit: CommitRecord, service: Service) -> Environment:
        """Read the environment of ``service`` at ``commit``; the Containerfile comes from ``imageRef.commitId``.

        Raises:
            InputError: with every input that is missing, no plain file, too large or not closed.

        """
        ref = service.image_ref
        named = [
            value_input(InputKind.IMAGE_REF, "imageRef.repoUrl", ref.repo_url),
            value_input(InputKind.IMAGE_REF, "imageRef.commitId", ref.commit_id),
            value_input(InputKind.IMAGE_REF, "imageRef.dockerfilePath", ref.dockerfile_path),
        ]
        faults: list[Fault] = []
        containerfile = self._containerfile(service, faults)
        return self._closed_environment(commit, service, containerfile, service.input_patterns, faults, named)

    def tool_environment(
        self, commit: CommitRecord, image: ToolImage, build_args: Mapping[str, str], platform: str
    ) -> Environment:
        """Read the environment of one of this project's own images at ``commit``, its Containerfile included.

        Raises:
            InputError: see ``service_environment``.

        """
        faults: list[Fault] = []
        containerfile = self._find(commit.tree, [image.containerfile], faults).get(image.containerfile)
        if containerfile is not None and (problem := self._problem(containerfile)):
            faults.append(Fault(image.containerfile, problem))
            containerfile = None
        asked = _Asked(image.name, platform, build_args)
        return self._closed_environment(commit, asked, containerfile, image.inputs, faults, [])

    def _closed_environment(
        self,
        commit: CommitRecord,
        asked: Service | _Asked,
        containerfile: SourceFile | None,
        patterns: Sequence[str],
        faults: list[Fault],
        named: Sequence[EnvInput],
    ) -> Environment:
        root = commit.tree
        files = self._find(root, patterns, faults)
        facts = None
        if containerfile is not None:
            facts = self._closed_facts(root, asked.build_args, containerfile, files, faults)
        inputs = self._file_inputs(files.values(), faults)
        if faults or facts is None or containerfile is None:
            raise InputError(
                f"{asked.id} has no envIdentity at {commit.id.short}",
                faults=faults,
                remedy="mend what is named, commit, and run this again",
            )
        inputs += [*named, *value_inputs(asked.platform, asked.build_args, facts)]
        inputs += self._file_inputs([containerfile], faults, kind=InputKind.CONTAINERFILE)
        return Environment(
            commit=commit.id,
            identity=env_identity(inputs),
            inputs=tuple(sorted(inputs, key=lambda item: item.sort_key)),
            files=tuple(files[path] for path in sorted(files)),
            containerfile=containerfile,
        )

    def plain_files(self, root: str, extra: Sequence[str] = ()) -> tuple[dict[str, SourceFile], list[Fault]]:
        """Find the inputs of a tree without deploy.json: those of ``DEFAULT_INPUTS`` that exist, and ``extra``."""
        files = self._find(root, (*DEFAULT_INPUTS, *extra), [])
        return files, self.plain_faults(files, extra)

    def plain_environment(self, commit: CommitRecord, extra: Sequence[str] = ()) -> Environment:
        """Read the environment of a repository without deploy.json.

        Raises:
            InputError: an input is no plain file, too large, or there is none at all.

        """
        files, faults = self.plain_files(commit.tree, extra)
        return self.environment_of(commit.id, files, faults)

    def environment_of(self, commit: CommitId, files: Mapping[str, SourceFile], faults: list[Fault]) -> Environment:
        """Give ``files``, by path, their identity; ``faults`` are what is known to be wrong with them.

        Raises:
            InputError: there is a fault, or an input is no plain file or too large.

        """
        inputs = self._file_inputs(files.values(), faults)
        if faults:
            raise InputError(f"{commit.short} has no envIdentity", faults=faults)
        return Environment(
            commit=commit,
            identity=env_identity(inputs),
            inputs=tuple(sorted(inputs, key=lambda item: item.sort_key)),
            files=tuple(files[path] for path in sorted(files)),
        )

    def plain_faults(self, files: Mapping[str, SourceFile], extra: Sequence[str]) -> list[Fault]:
        """Say what the inputs ``files`` of a tree without deploy.json lack."""
        faults = [fault for text in extra if (fault := _unmatched(text, files))]
        if not files:
            faults.append(Fault(DEFAULT_INPUTS[-2], "there is none of the inputs of a Bun environment here"))
        return faults

    def find(self, root: str, path: str) -> SourceFile | None:
        """Return what stands at ``path`` of the tree ``root``, or the symlink or submodule that is in its way."""
        entry = self._at(root, path)
        return None if entry is None else SourceFile(path, entry.mode, entry.oid)

    def measure(self, file: SourceFile) -> tuple[int | None, str]:
        """Return a file's size in bytes and its BLAKE3; of a folder or submodule, None and the object's id."""
        if not file.mode.startswith(("100", "120")):
            return None, file.oid
        facts = self._blob_facts(file.oid)
        return facts.size, facts.blake3

    def learn(self, oids: Iterable[str]) -> None:
        """Read blobs ahead, in one go; what is known of them afterwards spares reading them one by one."""
        unknown = [oid for oid in dict.fromkeys(oids) if oid not in self._facts]
        for oid, (size, content) in zip(unknown, self.objects.blobs(unknown, limit=MAX_INPUT_BYTES), strict=True):
            self._remember(oid, size, content)

    def content(self, file: SourceFile) -> bytes:
        """Return a file's content."""
        return self.objects.blob(file.oid, limit=MAX_INPUT_BYTES)[1]

    def read(self, commit: CommitRecord, path: str) -> bytes | None:
        """Return the content of the plain file ``path`` at ``commit``, or None where there is none.

        Raises:
            InputError: it is a symlink, a submodule, a folder or too large.

        """
        found = self._at(commit.tree, path)
        if found is None:
            return None
        size, content = (0, b"") if found.mode == _FOLDER else self.objects.blob(found.oid, limit=MAX_INPUT_BYTES)
        if problem := file_problem(found.mode, size):
            raise InputError(f"{path} can't be read at {commit.id.short}", faults=[Fault(path, problem)])
        return content

    def all_paths(self, commit: CommitRecord) -> Iterator[str]:
        """Yield the path of everything that is tracked at ``commit``, folders aside."""
        return self._paths_below(commit.tree, "")

    def _containerfile(self, service: Service, faults: list[Fault]) -> SourceFile | None:
        ref = service.image_ref
        path = ref.dockerfile_path
        try:
            tree = self.objects.commit(ref.commit_id).tree
        except InputError as error:
            faults.append(Fault(f"{service.id}: imageRef.commitId", f"{error.what}: {error.cause}"))
            return None
        entry = self._at(tree, path)
        if entry is None:
            faults.append(Fault(f"{service.id}: imageRef.dockerfilePath", f"{path} is not in {ref.commit_id.short}"))
            return None
        file = SourceFile(path, entry.mode, entry.oid)
        if problem := self._problem(file):
            faults.append(Fault(path, problem))
            return None
        return file

    def _closed_facts(
        self,
        root: str,
        build_args: Mapping[str, str],
        containerfile: SourceFile,
        files: dict[str, SourceFile],
        faults: list[Fault],
    ) -> ContainerfileFacts | None:
        # a history of a repository without deploy.json never needs these
        from envid.core.closure import closure_faults  # noqa: PLC0415
        from envid.core.containerfile import read_containerfile  # noqa: PLC0415

        try:
            facts = read_containerfile(self.content(containerfile), where=containerfile.path, build_args=build_args)
        except InputError as error:
            faults.extend(error.faults)
            return None
        faults.extend(stray_installs(self.content(containerfile).decode(), where=containerfile.path))
        faults.extend(
            closure_faults(
                facts.sources, files, lambda folder: self._paths_below(root, folder), where=containerfile.path
            )
        )
        return facts

    def _file_inputs(
        self, files: Iterable[SourceFile], faults: list[Fault], *, kind: InputKind = InputKind.FILE
    ) -> list[EnvInput]:
        files = list(files)
        unknown = [file.oid for file in files if file.mode.startswith("100") and (kind, file) not in self._inputs]
        # in one go: asking git for each of a thousand inputs takes longer than hashing them
        self.learn(unknown)
        inputs: list[EnvInput] = []
        for file in files:
            known = self._inputs.get((kind, file))
            if known is None:
                if problem := self._problem(file):
                    faults.append(Fault(file.path, problem))
                    continue
                facts = self._blob_facts(file.oid)
                known = EnvInput(kind=kind, name=file.path, mode=file.mode, size=facts.size, blake3=facts.blake3)
                if len(self._inputs) >= _INPUTS_CACHE:
                    self._inputs.clear()
                self._inputs[kind, file] = known
            inputs.append(known)
        return inputs

    def _problem(self, file: SourceFile) -> str:
        if problem := RepoPath.problem_of(file.path):
            return problem
        if not _is_text(file.path):
            return "its name is not UTF-8"
        if problem := file_problem(file.mode, 0):
            return problem
        facts = self._blob_facts(file.oid)
        return file_problem(file.mode, facts.size, facts.head)

    def _blob_facts(self, oid: str) -> _BlobFacts:
        known = self._facts.get(oid)
        if known is None:
            known = self._remember(oid, *self.objects.blob(oid, limit=MAX_INPUT_BYTES))
        return known

    def _remember(self, oid: str, size: int, content: bytes) -> _BlobFacts:
        facts = self._facts[oid] = _BlobFacts(size, blake3(content).hexdigest(), content[:_HEAD_BYTES])
        if len(self._facts) > _FACTS_CACHE:
            self._facts.popitem(last=False)
        return facts

    def _find(self, root: str, patterns: Sequence[str], faults: list[Fault]) -> dict[str, SourceFile]:
        found: dict[str, SourceFile] = {}
        for pattern in patterns:
            if is_pattern(pattern):
                folder = static_prefix(pattern)
                below = list(self._files_below(root, folder))
                found |= {file.path: file for file in below if matches(pattern, file.path)}
                # what stands in the folder's place is the cause, not that nothing matches below it
                if below and below[0].path == folder and (problem := file_problem(below[0].mode, 0)):
                    faults.append(Fault(folder, f"{pattern} finds nothing there: {problem}"))
                    continue
            elif (file := self.find(root, pattern)) is not None:
                found[pattern] = file
            if fault := _unmatched(pattern, found):
                faults.append(fault)
        return found

    def _at(self, root: str, path: str) -> TreeEntry | None:
        """Walk to ``path``; a symlink or submodule on the way ends the walk and is returned in the path's place."""
        oid = root
        entry: TreeEntry | None = None
        for name in path.split("/"):
            if entry is not None and not entry.is_folder:
                return entry if entry.mode in {"120000", "160000"} else None
            entry = self.objects.entry(oid, name)
            if entry is None:
                return None
            oid = entry.oid
        return entry

    def _files_below(self, root: str, folder: str) -> Iterator[SourceFile]:
        oid = root
        if folder:
            entry = self._at(root, folder)
            if entry is None:
                return
            if not entry.is_folder:
                yield SourceFile(folder, entry.mode, entry.oid)
                return
            oid = entry.oid
        pending = [(f"{folder}/" if folder else "", oid)]
        while pending:
            prefix, tree = pending.pop()
            for entry in self.objects.tree(tree):
                if entry.is_folder:
                    pending.append((f"{prefix}{entry.name}/", entry.oid))
                else:
                    yield SourceFile(f"{prefix}{entry.name}", entry.mode, entry.oid)

    def _paths_below(self, root: str, folder: str) -> Iterator[str]:
        return (file.path for file in self._files_below(root, folder))


def _unmatched(pattern: str, files: Mapping[str, SourceFile]) -> Fault | None:
    """Say that a declared input is not among ``files``, or return None."""
    if is_pattern(pattern):
        if any(matches(pattern, path) for path in files):
            return None
        return Fault(pattern, "no file matches it; an empty pattern would never change")
    return None if pattern in files else Fault(pattern, "it is missing; commit it, or stop declaring it")


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

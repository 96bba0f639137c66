"""``check``: everything that must hold of a source commit before anything is planned (R11, R17)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.process import find_tool, run
from envid.core import guards
from envid.core.catalog import (
    AttestationFile,
    Attestations,
    Builder,
    CatalogEntry,
    Invocation,
    Provenance,
    empty_catalog,
    record_inputs,
)
from envid.core.deploy import DEPLOY_PATH
from envid.core.guards import Finding
from envid.core.identity import SCHEME
from envid.core.jsontext import parse_json
from envid.core.render import render_runtime
from envid.core.values import Digest
from envid.errors import EnvidError, InputError
from envid.text import clean
from envid.usecases.intent import read_intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envid.adapters.git import CommitRecord
    from envid.core.deploy import Service
    from envid.core.lane import Lane
    from envid.usecases.environment import Environment, InputReader
    from envid.usecases.intent import RuntimeIntent
    from envid.usecases.ports import Progress

__all__ = ["Check", "bun_checks", "source_checks"]

_TEXT_LIMIT: Final = 1 << 20
_NO_DIGEST: Final = Digest(f"sha256:{'0' * 64}")
_NO_INSTANT: Final = "1980-01-01T00:00:00Z"
_NOT_BUILT: Final = Provenance(
    build_type="none",
    builder=Builder(id="none", version={}),
    invocation=Invocation(id="none", parameters={}),
    resolved_dependencies=(),
    started_on=_NO_INSTANT,
    finished_on=_NO_INSTANT,
)
_NO_FILE: Final = AttestationFile(path="none", digest=_NO_DIGEST)
_LAST_LINES: Final = 40
_BUN_SECONDS: Final = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, and every finding; without one it holds. ``output`` is a failed program's last lines."""

    name: str
    findings: tuple[Finding, ...] = ()
    output: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


def source_checks(
    reader: InputReader, commit: CommitRecord, *, lane: Lane, source_repo: str, registry: str, mirror_read_url: str
) -> Iterator[Check]:
    """Yield the checks of a commit's own files, all of them whatever one finds."""
    paths = list(reader.all_paths(commit))
    texts = _Texts(reader, commit)
    yield Check(name="generated-state", findings=tuple(_generated(paths, texts, lane, registry)))
    documents = filter(guards.is_document, paths)
    found = (finding for path in documents for finding in guards.retired_names(path, texts[path]))
    yield Check(name="retired-names", findings=tuple(found))
    ignored = tuple(guards.worktrees_ignored(texts[".gitignore"] if ".gitignore" in paths else ""))
    yield Check(name="worktree-ignored", findings=ignored)
    sources = filter(guards.is_pipeline_source, paths)
    runners = [f for f in guards.generated_paths(iter(paths), lane) if f.guard == "own-runner"]
    runners += [finding for path in sources for finding in guards.own_controllers(path, texts[path])]
    yield Check(name="own-runner", findings=tuple(runners))
    try:
        intent = read_intent(reader, commit, lane=lane, source_repo=source_repo)
    except InputError as error:
        yield Check(name="deploy-json", findings=_refused("deploy-json", error))
        return
    yield Check(name="deploy-json")
    yield Check(name="image-ref", findings=tuple(_lagging(reader, commit, intent)))
    yield _render_check(reader, commit, intent, lane, mirror_read_url)


def bun_checks(root: Path, *, tools: Sequence[Path], environment: Mapping[str, str], say: Progress) -> Iterator[Check]:
    """Yield the frozen install and ``bun run check``, in the work tree at ``root``; the second only after the first."""
    bun = find_tool("bun", extra_path=tools)
    # a script calls bun by its name
    environment = {**environment, "PATH": os.pathsep.join([str(Path(bun).parent), environment.get("PATH", os.defpath)])}
    package = root / "package.json"
    scripts = parse_json(package.read_bytes(), where="package.json").get("scripts", {}) if package.is_file() else {}
    for name, arguments in (("frozen-install", ["install", "--frozen-lockfile"]), ("bun-check", ["run", "check"])):
        if name == "bun-check" and "check" not in scripts:
            finding = Finding(guard=name, where="package.json: $.scripts", problem="there is no script `check`")
            yield Check(name=name, findings=(finding,))
            return
        say(f"bun {' '.join(arguments)}")
        done = run([bun, *arguments], cwd=root, env=environment, timeout=_BUN_SECONDS)
        if done.returncode:
            text = (done.stdout + done.stderr).decode("utf-8", "replace")
            # a long list of what passed must not push what failed out of sight
            told = [line for line in text.splitlines() if not line.lstrip().startswith("(pass)")]
            last = "\n".join(clean(line) for line in told[-_LAST_LINES:])
            finding = Finding(
                guard=name, where=f"bun {' '.join(arguments)}", problem=f"it ended with {done.returncode}"
            )
            yield Check(name=name, findings=(finding,), output=last)
            return
        yield Check(name=name)


class _Texts:
    """The texts of a commit's files; what is no text reads as empty."""

    def __init__(self, reader: InputReader, commit: CommitRecord) -> None:
        self._reader = reader
        self._commit = commit

    def __getitem__(self, path: str) -> str:
        try:
            content = self._reader.read(self._commit, path) or b""
        except EnvidError:
            return ""  # a symbolic link, or larger than anything that a person wrote
        return content.decode("utf-8", "replace") if len(content) <= _TEXT_LIMIT and b"\0" not in content else ""


def _generated(paths: Sequence[str], texts: _Texts, lane: Lane, registry: str) -> Iterator[Finding]:
    yield from (f for f in guards.generated_paths(iter(paths), lane) if f.guard == "generated-state")
    for path in paths:
        if path.startswith("deploy/") and path.endswith((".json", ".yaml", ".yml", ".sh", ".env")):
            yield from guards.generated_values(path, texts[path], lane, registry)


def _refused(name: str, error: InputError) -> tuple[Finding, ...]:
    if error.faults:
        return tuple(Finding(guard=name, where=fault.where, problem=fault.problem) for fault in error.faults)
    return (Finding(guard=name, where=DEPLOY_PATH, problem=f"{error.what}{f': {error.cause}' if error.cause else ''}"),)


def _lagging(reader: InputReader, commit: CommitRecord, intent: RuntimeIntent) -> Iterator[Finding]:
    """Find services whose imageRef names an older Containerfile than the commit's own.

    Contents are compared, not histories: a pipeline's checkout has none.
    """
    for number, service in enumerate(intent.deploy.services):
        ref = service.image_ref
        if not reader.objects.has(ref.commit_id):
            continue  # planning says so, with what to do
        then = reader.read(reader.objects.commit(ref.commit_id), ref.dockerfile_path)
        if then != reader.read(commit, ref.dockerfile_path):
            problem = f"{ref.dockerfile_path} changed since {ref.commit_id.short}; run invoke imageref.pin, and commit"
            where = f"{DEPLOY_PATH}: $.services[{number}].imageRef.commitId"
            yield Finding(guard="image-ref", where=where, problem=problem)


def _render_check(
    reader: InputReader, commit: CommitRecord, intent: RuntimeIntent, lane: Lane, mirror_read_url: str
) -> Check:
    """Render deploy.json against stand-ins for what is not built yet: no network, and no catalog, is needed."""
    try:
        entries = {
            service.id: _stand_in(commit, reader.service_environment(commit, service), lane, service)
            for service in intent.deploy.services
        }
        catalog = empty_catalog(lane).with_entries(entries)
        render_runtime(intent.deploy, catalog, lane, mirror_read_url=mirror_read_url, images=intent.images)
    except InputError as error:
        return Check(name="render", findings=_refused("render", error))
    return Check(name="render")


def _stand_in(commit: CommitRecord, environment: Environment, lane: Lane, service: Service) -> CatalogEntry:
    repository = lane.env_repository("127.0.0.1:5000", service.id)
    return CatalogEntry(
        service_id=service.id,
        lane=lane.version,
        source_branch=lane.source_branch,
        gitops_branch=lane.gitops_branch,
        source_commit=commit.id,
        image_ref=service.image_ref,
        image=f"{repository}:{environment.identity}",
        digest=_NO_DIGEST,
        repository_digest=f"{repository}@{_NO_DIGEST}",
        env_identity=environment.identity,
        boot_commit=commit.id,
        toolchain_inputs=record_inputs(SCHEME, environment.inputs),
        status="built",
        provenance=_NOT_BUILT,
        attestations=Attestations(provenance=_NO_FILE, sbom=_NO_FILE),
    )

"""What each command does, from its flags to its output. The Invoke tasks and ``python -m envid`` both call these.

Imports stand inside the functions: a command pays for what it uses, and no more (``tests/unit/test_imports.py``).
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envid.adapters.git import CommitRecord, GitObjects
    from envid.adapters.gitops import GitOpsBranch
    from envid.adapters.settings import Workspace
    from envid.core.publication import Publication
    from envid.usecases.environment import InputReader
    from envid.usecases.plan import PlannedCommit
    from envid.usecases.ports import ImageRegistry
    from envid.usecases.promote import Promoted, PromotionTools

    Section = Mapping[str, Any] | None

__all__ = [
    "catalog_init",
    "catalog_show",
    "history",
    "identity",
    "plan",
    "promote",
    "publish",
    "registry_digest",
    "render",
]

_SHORT_IDENTITY = 12


def identity(
    *, repo: str = "", commit: str = "", service: str = "", inputs: Sequence[str] = (), section: Section = None
) -> Output:
    """Show the envIdentity of a commit and the table of its inputs."""
    from envid.usecases.history import environment_at

    del section
    with _open_objects(repo) as (_, reader):
        record = _record(reader.objects, commit)
        environment = environment_at(reader, record, service=service, extra=_patterns(inputs))
    data = {
        "schemaVersion": "agentrun.identity/1",
        "commit": environment.commit,
        "scheme": _scheme(),
        "envIdentity": environment.identity,
        "inputs": [
            {"kind": i.kind.value, "name": i.name, "mode": i.mode, "size": i.size, "blake3": i.blake3}
            | ({"value": i.value} if i.value is not None else {})
            for i in environment.inputs
        ],
    }
    rows = [(i.kind.value, i.name, i.mode or "-", str(i.size), i.blake3[:16]) for i in environment.inputs]
    lines = [
        f"commit       {environment.commit}",
        f"envIdentity  {environment.identity}",
        "",
        *table(("kind", "input", "mode", "bytes", "blake3"), rows),
    ]
    return Output(data=data, lines=lines)


def history(
    *, repo: str = "", rev: str = "HEAD", max_count: int = 0, service: str = "", inputs: Sequence[str] = ()
) -> Output:
    """Stream the identity of every first-parent commit, oldest last."""
    from envid.errors import InputError
    from envid.usecases.history import history as read_history

    if max_count < 0:
        raise InputError(f"--max-count {max_count} is negative", remedy="leave it out for all commits")

    def lines() -> Iterator[tuple[Any, str]]:
        with _open_objects(repo) as (_, reader):
            start = reader.objects.resolve(rev)
            for line in read_history(
                reader, start, service=service, extra=_patterns(inputs), max_count=max_count or None
            ):
                data: dict[str, Any] = {"commit": line.commit, "parent": line.parent}
                data |= {"error": line.error} if line.identity is None else {"envIdentity": line.identity}
                data["changed"] = list(line.changed)
                shown = line.identity[:_SHORT_IDENTITY] if line.identity else "invalid".ljust(_SHORT_IDENTITY)
                why = ", ".join(line.changed) or "="
                yield data, f"{line.commit.short}  {shown}  {why}{f'  ({line.error})' if line.error else ''}"

    return Output(stream=lines())


def plan(
    *,
    commit: str = "",
    dirty: bool = False,
    out: str = "",
    rebuild: Sequence[str] = (),
    section: Section = None,
) -> Output:
    """Say build or reuse for each service, and why."""
    from envid.adapters.files import write_atomic
    from envid.core.strictjson import canonical_json
    from envid.usecases.planview import plan_data, plan_lines

    workspace = _workspace(section)
    with _planned(workspace, commit, dirty=dirty, rebuild=rebuild) as (planned, reader, _):
        outside = _files_outside(workspace, planned)
        data = plan_data(planned.plan, workspace.lane, workspace.endpoints.mirror_read_url, outside)
        del reader
    if out:
        write_atomic(Path(out), canonical_json(data))
    exit_code = 0 if planned.plan.may_go_on else 3
    return Output(data=data, lines=plan_lines(planned.plan, data), exit_code=exit_code)


def publish(
    *,
    commit: str = "",
    out: str = "",
    rebuild: Sequence[str] = (),
    run_id: str = "",
    section: Section = None,
) -> Output:
    """Build or reuse each service, as planned, and keep the result for promote."""
    from envid.adapters.buildkit import BuildKit
    from envid.adapters.files import write_atomic
    from envid.core.publication import publication_bytes
    from envid.usecases.publish import BuildOptions
    from envid.usecases.publish import publish as run_publish

    workspace = _workspace(section)
    endpoints = workspace.endpoints
    with _planned(workspace, commit, rebuild=rebuild) as (planned, reader, registry):
        publication = run_publish(
            reader,
            planned,
            workspace.lane,
            builder=BuildKit(endpoints.buildkit_host, tools=_tool_folders()),
            registry=registry,
            options=BuildOptions(
                secrets={"ca": endpoints.ca_bundle} if endpoints.ca_bundle else {},
                cache_from=workspace.settings.cache_from,
                cache_to=workspace.settings.cache_to,
                run_id=run_id,
            ),
            clock=time.time,
            progress=progress,
        )
    content = publication_bytes(publication)
    write_atomic(_publication_path(workspace, publication.commit), content)
    if out:
        write_atomic(Path(out), content)
    services = [
        {
            "serviceId": e.service_id,
            "status": e.status,
            "envIdentity": e.env_identity,
            "image": e.image,
            "digest": e.digest,
            "repositoryDigest": e.repository_digest,
        }
        for e in publication.entries
    ]
    data = {"schemaVersion": "agentrun.publish/1", "commit": publication.commit, "services": services}
    lines = [
        line for e in publication.entries for line in (f"{e.service_id}  {e.repository_digest}", f"status={e.status}")
    ]
    return Output(data=data, lines=lines)


def render(*, commit: str = "", no_write: bool = False, out: str = "", section: Section = None) -> Output:
    """Render the runtime from what was published, or from the promoted catalog; compare with the GitOps branch."""
    from envid.adapters.files import write_atomic
    from envid.core.promotion import edit_for
    from envid.usecases.plan import catalog_at, read_deploy
    from envid.usecases.promote import render_publication

    workspace = _workspace(section)
    lane, gitops = workspace.lane, _gitops(workspace)
    with _open_objects(str(workspace.root)) as (_, reader):
        record = _record(reader.objects, commit)
        deploy = read_deploy(reader, record, source_repo=workspace.settings.source_repo)
    tip, catalog = catalog_at(gitops, lane, gitops.tip())
    publication = _find_publication(workspace, record.id)
    if publication is not None:
        files = render_publication(publication, deploy, lane, runtime_mirror_url=_runtime_mirror(workspace))
    else:
        from envid.core.render import render_runtime

        files = render_runtime(deploy, catalog, lane, mirror_read_url=_runtime_mirror(workspace))
    edit = edit_for(lane, gitops.files(tip, [lane.runtime_path]), files)
    target = Path(out) if out else workspace.state / "rendered"
    if not no_write:
        for path, content in files.items():
            write_atomic(target / path, content)
    data = {
        "schemaVersion": "agentrun.render/1",
        "commit": record.id,
        "gitopsRevision": tip,
        "files": sorted(files),
        "changed": list(edit.paths),
        "written": None if no_write else str(target),
    }
    changed = set(edit.paths)
    lines = table(
        ("file", "against the GitOps branch"), [(p, "differs" if p in changed else "same") for p in sorted(files)]
    )
    lines += [f"{path}  removed" for path in edit.remove]
    return Output(data=data, lines=lines if no_write else [*lines, f"written to {target}"])


def promote(*, commit: str = "", publication: str = "", rollback_to: str = "", section: Section = None) -> Output:
    """Push one commit with the new catalog and the rendered runtime to the GitOps branch."""
    from envid.core.values import CommitId
    from envid.errors import InputError
    from envid.usecases.plan import read_deploy
    from envid.usecases.promote import promote as run_promote
    from envid.usecases.promote import rollback

    workspace = _workspace(section)
    tools = _promotion_tools(workspace)
    with _registry(workspace) as registry:
        if rollback_to:
            return _promoted(rollback(tools, CommitId(rollback_to), registry=registry), workspace)
        with _open_objects(str(workspace.root)) as (_, reader):
            record = _record(reader.objects, commit)
            deploy = read_deploy(reader, record, source_repo=workspace.settings.source_repo)
        found = _find_publication(workspace, record.id, publication)
        if found is None:
            raise InputError(f"{record.id.short} was not published yet", remedy="invoke publish")
        done = run_promote(tools, found, deploy, registry=registry, runtime_mirror_url=_runtime_mirror(workspace))
    return _promoted(done, workspace)


def catalog_init(*, section: Section = None) -> Output:
    """Make the lane's first catalog."""
    from envid.usecases.promote import init_catalog

    workspace = _workspace(section)
    return _promoted(init_catalog(_promotion_tools(workspace)), workspace)


def catalog_show(*, section: Section = None) -> Output:
    """Show the promoted catalog."""
    from envid.usecases.plan import promoted_catalog

    workspace = _workspace(section)
    revision, catalog = promoted_catalog(_gitops(workspace), workspace.lane)
    rows = [
        (e.service_id, e.status, e.env_identity[:_SHORT_IDENTITY], e.digest[:19], e.boot_commit.short)
        for e in catalog.services
    ]
    lines = [
        f"{workspace.lane.gitops_branch} at {revision}",
        "",
        *table(("service", "status", "identity", "digest", "boot commit"), rows),
    ]
    return Output(data=catalog.model_dump(mode="json", exclude_none=True), lines=lines)


def registry_digest(references: Sequence[str], *, section: Section = None) -> Output:
    """Print the verified manifest digest of each reference, and nothing else."""
    from envid.core.values import ImageReference
    from envid.errors import InputError

    del section
    if not references:
        raise InputError("no reference was given", remedy="invoke registry.digest REGISTRY/NAME:TAG")
    parsed = [ImageReference.parse(text) for text in references]
    with _registry(None) as registry:
        digests = [registry.digest(reference) for reference in parsed]
    data = [{"reference": str(r), "digest": d} for r, d in zip(parsed, digests, strict=True)]
    return Output(data=data, lines=list(digests))


def _workspace(section: Section) -> Workspace:
    from envid.adapters.git import find_root
    from envid.adapters.settings import open_workspace

    return open_workspace(find_root(Path.cwd()), section)


@contextmanager
def _open_objects(repo: str, extra_environment: Mapping[str, str] | None = None) -> Iterator[tuple[Path, InputReader]]:
    from envid.adapters.git import GitObjects, find_root
    from envid.usecases.environment import InputReader

    root = find_root(Path(repo) if repo else Path.cwd())
    with GitObjects(root, extra_environment) as objects:
        yield root, InputReader(objects)


def _record(objects: GitObjects, commit: str) -> CommitRecord:
    from envid.core.values import CommitId

    return objects.commit(CommitId(commit) if commit else objects.resolve("HEAD"))


@contextmanager
def _planned(
    workspace: Workspace, commit: str, *, dirty: bool = False, rebuild: Sequence[str] = ()
) -> Iterator[tuple[PlannedCommit, InputReader, ImageRegistry]]:
    from envid.usecases.plan import make_plan

    with _source(workspace, commit, dirty=dirty) as (record, reader), _registry(workspace) as registry:
        planned = make_plan(
            reader,
            record,
            lane=workspace.lane,
            source_repo=workspace.settings.source_repo,
            registry_host=workspace.endpoints.registry,
            gitops=_gitops(workspace),
            registry=registry,
            rebuild=rebuild,
        )
        yield planned, reader, registry


@contextmanager
def _source(workspace: Workspace, commit: str, *, dirty: bool) -> Iterator[tuple[CommitRecord, InputReader]]:
    from envid.errors import InputError

    if not dirty:
        with _open_objects(str(workspace.root)) as (_, reader):
            yield _record(reader.objects, commit), reader
        return
    if commit:
        raise InputError("--dirty and --commit exclude each other", remedy="leave one out")
    from envid.adapters.worktree import dirty_commit

    with (
        dirty_commit(workspace.root) as (temporary, environment),
        _open_objects(str(workspace.root), environment) as (_, reader),
    ):
        yield reader.objects.commit(temporary), reader


@contextmanager
def _registry(workspace: Workspace | None) -> Iterator[ImageRegistry]:
    from envid.adapters.registry import Registry

    del workspace
    with Registry() as registry:
        yield registry


def _gitops(workspace: Workspace) -> GitOpsBranch:
    from envid.adapters.gitops import GitOpsBranch

    return GitOpsBranch(
        workspace.state / "git",
        branch=workspace.lane.gitops_branch,
        read_url=workspace.endpoints.mirror_read_url,
        write_url=workspace.endpoints.mirror_write_url,
    )


def _promotion_tools(workspace: Workspace) -> PromotionTools:
    from envid.usecases.promote import PromotionTools

    return PromotionTools(lane=workspace.lane, gitops=_gitops(workspace), clock=time.time, sleep=time.sleep)


def _promoted(done: Promoted, workspace: Workspace) -> Output:
    data = {
        "schemaVersion": "agentrun.promotion/1",
        "branch": workspace.lane.gitops_branch,
        "commit": done.commit,
        "changed": list(done.changed),
        "tries": done.tries,
    }
    if not done.changed:
        return Output(data=data, lines=[f"{workspace.lane.gitops_branch} {done.commit} has all of it already"])
    return Output(data=data, lines=[*(f"  {path}" for path in done.changed), f"promoted {done.commit}"])


def _files_outside(workspace: Workspace, planned: PlannedCommit) -> dict[str, int | None]:
    """Count, per reused service, the files that changed since its boot commit without touching the identity."""
    from envid.adapters.worktree import count_changed_files

    counts: dict[str, int | None] = {}
    for judgement in planned.plan.judgements:
        if judgement.digest is not None and judgement.boot_from is not None:
            environment = planned.environments[judgement.wanted.service_id]
            counts[judgement.wanted.service_id] = count_changed_files(
                workspace.root,
                judgement.boot_from,
                planned.plan.commit,
                besides={file.path for file in environment.files},
            )
    return counts


def _runtime_mirror(workspace: Workspace) -> str:
    """Return what a pod fetches from: the lane's own mirror, whatever this machine uses."""
    return workspace.settings.mirror_read_url or workspace.lane.mirror_read_url


def _publication_path(workspace: Workspace, commit: str) -> Path:
    return workspace.state / "publications" / workspace.lane.name / f"{commit}.json"


def _find_publication(workspace: Workspace, commit: str, named: str = "") -> Publication | None:
    from envid.adapters.files import read_bounded
    from envid.core.publication import parse_publication
    from envid.core.strictjson import MAX_JSON_BYTES
    from envid.errors import Fault, InputError

    path = Path(named) if named else _publication_path(workspace, commit)
    if not named and not path.is_file():
        return None
    publication = parse_publication(read_bounded(path, limit=MAX_JSON_BYTES, hint="invoke publish"), where=str(path))
    if publication.commit != commit:
        fault = Fault(f"{path}: $.commit", f"it is {publication.commit}, the commit to promote is {commit}")
        raise InputError("the publication is another commit's", faults=[fault], remedy=f"--commit {publication.commit}")
    return publication


def _tool_folders() -> list[Path]:
    from envid.local.tools import tool_folders

    return tool_folders()


def _patterns(inputs: Sequence[str]) -> tuple[str, ...]:
    from envid.core.values import RepoPath

    return tuple(RepoPath(text) for text in inputs)


def _scheme() -> str:
    from envid.core.identity import SCHEME

    return SCHEME

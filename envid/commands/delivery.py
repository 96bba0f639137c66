"""Commands of the delivery: ``plan``, ``publish``, ``render``, ``promote``, ``catalog.init``, ``imageref.pin``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.results import image_results, one_or_all, write_results
from envid.commands.wiring import (
    DeferredBuilder,
    commit_record,
    find_publication,
    find_workspace,
    open_gitops,
    open_objects,
    open_registry,
    open_source,
    promotion_output,
    promotion_tools,
    publication_path,
    runtime_mirror,
)
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envid.adapters.settings import Workspace
    from envid.usecases.environment import InputReader
    from envid.usecases.plan import PlannedCommit
    from envid.usecases.ports import ImageRegistry

    Section = Mapping[str, Any] | None

__all__ = ["catalog_init", "imageref_pin", "plan", "promote", "publish", "render"]


def plan(
    *,
    commit: str = "",
    dirty: bool = False,
    out: str = "",
    rebuild: Sequence[str] = (),
    results: str = "",
    section: Section = None,
) -> Output:
    """Say build or reuse for each service, and why."""
    workspace = find_workspace(section)
    with _planned(workspace, commit, dirty=dirty, rebuild=rebuild) as (planned, reader, _):
        from envid.adapters.files import write_atomic
        from envid.core.jsontext import canonical_json
        from envid.usecases.planview import plan_data, plan_lines

        outside = _files_outside(reader, planned)
        data = plan_data(planned.plan, workspace.lane, workspace.endpoints.mirror_read_url, outside)
    if out:
        write_atomic(Path(out), canonical_json(data))
    services = data["services"]
    write_results(
        results,
        {
            "summary": str(planned.plan.summary),
            "envIdentity": one_or_all({s["serviceId"]: s["envIdentity"] for s in services}),
            "status": one_or_all({s["serviceId"]: s["decision"] for s in services}),
            "digest": one_or_all({s["serviceId"]: s["digest"] for s in services}),
            "mirrorRevision": planned.plan.mirror_revision,
        },
    )
    exit_code = 0 if planned.plan.may_go_on else 3
    return Output(data=data, lines=plan_lines(planned.plan, data), exit_code=exit_code)


def publish(
    *,
    commit: str = "",
    out: str = "",
    rebuild: Sequence[str] = (),
    run_id: str = "",
    results: str = "",
    section: Section = None,
) -> Output:
    """Build or reuse each service, as planned, and keep the result for promote."""
    workspace = find_workspace(section)
    endpoints = workspace.endpoints
    with _planned(workspace, commit, rebuild=rebuild) as (planned, reader, registry):
        from envid.adapters.files import write_atomic
        from envid.core.publication import publication_bytes
        from envid.usecases.publish import BuildOptions
        from envid.usecases.publish import publish as run_publish

        publication = run_publish(
            reader,
            planned,
            workspace.lane,
            builder=DeferredBuilder(workspace),
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
    write_atomic(publication_path(workspace, publication.commit), content)
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
    write_results(
        results,
        {
            "status": one_or_all({str(s["serviceId"]): str(s["status"]) for s in services}),
            "envIdentity": one_or_all({str(s["serviceId"]): str(s["envIdentity"]) for s in services}),
            "digest": one_or_all({str(s["serviceId"]): str(s["digest"]) for s in services}),
            **image_results(services),
        },
    )
    data = {"schemaVersion": "agentrun.publish/1", "commit": publication.commit, "services": services}
    lines = [
        line for e in publication.entries for line in (f"{e.service_id}  {e.repository_digest}", f"status={e.status}")
    ]
    return Output(data=data, lines=lines)


def render(*, commit: str = "", no_write: bool = False, out: str = "", section: Section = None) -> Output:
    """Render the runtime from what was published, or from the promoted catalog; compare with the GitOps branch."""
    from envid.adapters.files import write_atomic
    from envid.core.promotion import edit_for, is_attestation
    from envid.usecases.intent import read_intent
    from envid.usecases.plan import catalog_at
    from envid.usecases.promote import render_publication

    workspace = find_workspace(section)
    lane, gitops = workspace.lane, open_gitops(workspace)
    with open_objects(str(workspace.root)) as (_, reader):
        record = commit_record(reader.objects, commit)
        intent = read_intent(reader, record, lane=lane, source_repo=workspace.settings.source_repo)
    tip, catalog = catalog_at(gitops, lane, gitops.tip())
    publication = find_publication(workspace, record.id)
    if publication is not None:
        files = render_publication(
            publication, intent.deploy, lane, runtime_mirror_url=runtime_mirror(workspace), images=intent.images
        )
    else:
        from envid.core.render import render_runtime

        files = render_runtime(
            intent.deploy, catalog, lane, mirror_read_url=runtime_mirror(workspace), images=intent.images
        )
    current = gitops.files(tip, [lane.runtime_path])
    edit = edit_for(lane, {p: c for p, c in current.items() if not is_attestation(lane, p)}, files)
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


def promote(
    *, commit: str = "", publication: str = "", rollback_to: str = "", results: str = "", section: Section = None
) -> Output:
    """Push one commit with the new catalog and the rendered runtime to the GitOps branch."""
    from envid.core.values import CommitId
    from envid.errors import InputError
    from envid.usecases.intent import read_intent
    from envid.usecases.promote import promote as run_promote
    from envid.usecases.promote import rollback

    workspace = find_workspace(section)
    tools = promotion_tools(workspace)
    with open_registry(workspace.settings) as registry:
        if rollback_to:
            done = rollback(tools, CommitId(rollback_to), registry=registry)
            write_results(results, {"gitopsCommit": done.commit})
            return promotion_output(done, workspace)
        with open_objects(str(workspace.root)) as (_, reader):
            record = commit_record(reader.objects, commit)
            intent = read_intent(reader, record, lane=workspace.lane, source_repo=workspace.settings.source_repo)
        found = find_publication(workspace, record.id, publication)
        if found is None:
            raise InputError(f"{record.id.short} was not published yet", remedy="invoke publish")
        done = run_promote(
            tools,
            found,
            intent.deploy,
            registry=registry,
            runtime_mirror_url=runtime_mirror(workspace),
            images=intent.images,
        )
    write_results(results, {"gitopsCommit": done.commit})
    return promotion_output(done, workspace)


def catalog_init(*, section: Section = None) -> Output:
    """Make the lane's first catalog."""
    from envid.usecases.promote import init_catalog

    workspace = find_workspace(section)
    return promotion_output(init_catalog(promotion_tools(workspace)), workspace)


def imageref_pin(*, section: Section = None) -> Output:
    """Point each imageRef in the work tree's deploy.json at the newest commit of its Containerfile."""
    from envid.usecases.imageref import pin_imagerefs

    pins = pin_imagerefs(find_workspace(section).root)
    services = [{"serviceId": p.service_id, "before": p.before, "after": p.after} for p in pins]
    rows = [
        (p.service_id, p.before.short, p.after.short if p.after != p.before else "already the newest") for p in pins
    ]
    return Output(
        data={"schemaVersion": "agentrun.imageref-pin/1", "services": services},
        lines=table(("service", "commitId", "now"), rows),
    )


@contextmanager
def _planned(
    workspace: Workspace, commit: str, *, dirty: bool = False, rebuild: Sequence[str] = ()
) -> Iterator[tuple[PlannedCommit, InputReader, ImageRegistry]]:
    gitops = open_gitops(workspace)
    # the mirror answers while the rest is imported and the inputs are hashed
    gitops.ask_ahead([workspace.lane.catalog_path])
    with open_source(workspace, commit, dirty=dirty) as (record, reader), open_registry(workspace.settings) as registry:
        from envid.usecases.plan import make_plan

        planned = make_plan(
            reader,
            record,
            lane=workspace.lane,
            source_repo=workspace.settings.source_repo,
            registry_host=workspace.endpoints.registry,
            gitops=gitops,
            registry=registry,
            rebuild=rebuild,
        )
        yield planned, reader, registry


def _files_outside(reader: InputReader, planned: PlannedCommit) -> dict[str, int | None]:
    """Count, per reused service, the files that changed since its boot commit without touching the identity."""
    from envid.adapters.treediff import count_changed_files

    counts: dict[str, int | None] = {}
    for judgement in planned.plan.judgements:
        if judgement.digest is not None and judgement.boot_from is not None:
            environment = planned.environments[judgement.wanted.service_id]
            counts[judgement.wanted.service_id] = count_changed_files(
                reader.objects,
                judgement.boot_from,
                planned.plan.commit,
                besides={file.path for file in environment.files},
            )
    return counts

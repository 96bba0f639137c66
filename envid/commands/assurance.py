"""Commands that prove what was delivered: ``rebuild --verify`` and ``catalog.verify``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.wiring import (
    find_workspace,
    open_buildkit,
    open_gitops,
    open_inner_build,
    open_objects,
    open_registry,
    runtime_mirror,
)
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envid.adapters.settings import Workspace
    from envid.core.catalog import Catalog, CatalogEntry
    from envid.usecases.environment import InputReader
    from envid.usecases.rebuild import Rebuilt

    Section = Mapping[str, Any] | None

__all__ = ["catalog_verify", "rebuild"]

_SHOWN_FILES = 20


def catalog_verify(*, section: Section = None) -> Output:
    """Check everything that the GitOps branch claims of its images; exit 1 unless every check passes."""
    from envid.usecases.catalog_verify import VerifyTools, verify_catalog

    workspace = find_workspace(section)
    gitops, signers = open_gitops(workspace), workspace.endpoints.allowed_signers
    with open_objects(str(workspace.root)) as (_, reader), open_registry(workspace.settings) as registry:
        done = verify_catalog(
            VerifyTools(
                lane=workspace.lane,
                registry_host=workspace.endpoints.registry,
                gitops=gitops,
                registry=registry,
                render=partial(_rendered, workspace, reader),
                signer=partial(gitops.signer, allowed_signers=signers) if signers else None,
            )
        )
    checks = [
        {"check": c.name, "serviceId": c.service, "outcome": c.outcome.value, "seen": c.seen} for c in done.checks
    ]
    data = {
        "schemaVersion": "agentrun.catalog-verification/1",
        "branch": workspace.lane.gitops_branch,
        "commit": done.commit,
        "holds": done.holds,
        "signatureAsked": signers is not None,
        "checks": checks,
    }
    rows = [(c.name, c.service or "-", c.outcome.value, c.seen) for c in done.checks]
    lines = [f"{workspace.lane.gitops_branch} at {done.commit}", "", *table(("check", "service", "", "seen"), rows)]
    if signers is None:
        lines.append("signatures are not asked for: signing.allowedSigners is not set")
    lines.append("holds" if done.holds else "does not hold")
    return Output(data=data, lines=lines, exit_code=0 if done.holds else 1)


def rebuild(*, verify: bool = False, service: str = "", section: Section = None) -> Output:
    """Build the promoted images again without cache, and say which file in which layer differs; exit 1 if one does."""
    from envid.errors import InputError
    from envid.usecases.plan import promoted_catalog

    if not verify:
        raise InputError(
            "rebuild compares, and replaces nothing",
            remedy="invoke rebuild --verify; to build and push anew: invoke publish --rebuild SERVICE",
        )
    workspace = find_workspace(section)
    revision, catalog = promoted_catalog(open_gitops(workspace), workspace.lane)
    entries = [entry for entry in catalog.services if service in {"", entry.service_id}]
    if not entries:
        raise InputError(
            f"the catalog has no service {service}" if service else "the catalog records no image yet",
            remedy="invoke catalog.show",
        )
    results = list(_rebuilt(workspace, entries))
    equal = not any(result.difference for result in results)
    data = {
        "schemaVersion": "agentrun.rebuild/1",
        "gitopsRevision": revision,
        "equal": equal,
        "services": [_service_data(result) for result in results],
    }
    lines = [line for result in results for line in _service_lines(result)]
    return Output(data=data, lines=lines, exit_code=0 if equal else 1)


def _rebuilt(workspace: Workspace, entries: list[CatalogEntry]) -> Iterator[Rebuilt]:
    from envid.adapters.image_layers import pulled
    from envid.usecases.publish import BuildOptions
    from envid.usecases.rebuild import RebuildTools
    from envid.usecases.rebuild import rebuild as run_rebuild

    endpoints, settings = workspace.endpoints, workspace.settings
    with open_objects(str(workspace.root)) as (_, reader), open_registry(settings) as registry:
        tools = RebuildTools(
            builder=open_buildkit(workspace),
            manifest=registry.manifest,
            config=registry.config,
            pull=partial(pulled, build=open_inner_build(workspace)),
            progress=progress,
        )
        options = BuildOptions(secrets={"ca": endpoints.ca_bundle} if endpoints.ca_bundle else {})
        for entry in entries:
            yield run_rebuild(
                reader,
                entry,
                lane=workspace.lane,
                source_repo=settings.source_repo,
                options=options,
                tools=tools,
            )


def _rendered(workspace: Workspace, reader: InputReader, catalog: Catalog) -> dict[str, bytes] | None:
    """Render the runtime from the promoted source commit's deploy.json; None where the commit is not here."""
    from envid.core.render import render_runtime
    from envid.usecases.intent import read_intent

    commits = {entry.source_commit for entry in catalog.services}
    newest = next(iter(commits))
    if len(commits) != 1 or not reader.objects.has(newest):
        return None
    intent = read_intent(
        reader, reader.objects.commit(newest), lane=workspace.lane, source_repo=workspace.settings.source_repo
    )
    mirror = runtime_mirror(workspace)
    return render_runtime(intent.deploy, catalog, workspace.lane, mirror_read_url=mirror, images=intent.images)


def _service_data(result: Rebuilt) -> dict[str, Any]:
    difference = result.difference
    return {
        "serviceId": result.entry.service_id,
        "envIdentity": result.entry.env_identity,
        "commit": result.entry.boot_commit,
        "promoted": difference.old,
        "rebuilt": difference.new,
        "equal": not difference,
        "config": list(difference.config),
        "layers": [
            {
                "number": layer.number,
                "createdBy": layer.created_by,
                "promoted": layer.old,
                "rebuilt": layer.new,
                "note": layer.note,
                "files": [
                    {"path": file.path, "differs": [aspect.value for aspect in file.aspects]} for file in layer.files
                ],
            }
            for layer in difference.layers
        ],
    }


def _service_lines(result: Rebuilt) -> Iterator[str]:
    difference, name = result.difference, result.entry.service_id
    if not difference:
        yield f"{name}: the same image again, {difference.new} ({result.layers} layers)"
        return
    yield f"{name}: another image"
    yield f"  promoted  {difference.old}"
    yield f"  rebuilt   {difference.new}"
    for layer in difference.layers:
        yield f"  layer {layer.number} of {result.layers}: {layer.created_by or 'unknown step'}"
        if layer.note:
            yield f"    {layer.note}"
        for file in layer.files[:_SHOWN_FILES]:
            yield f"    {file}"
        if len(layer.files) > _SHOWN_FILES:
            yield f"    and {len(layer.files) - _SHOWN_FILES} more files (--json has all)"
    if difference.config:
        yield f"  config: {', '.join(difference.config)}"

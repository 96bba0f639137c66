"""The command of Aipods: ``aipod.resolve``.

Imports stand inside the function: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output
from envid.commands.wiring import commit_record, find_workspace, open_gitops, open_objects, open_registry
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.usecases.aipod import Resolution

    Section = Mapping[str, Any] | None

__all__ = ["aipod_resolve", "resolution_data", "resolution_lines"]


def aipod_resolve(file: str, *, commit: str = "", section: Section = None) -> Output:
    """Resolve an AipodSpec's imageRef to a digest-pinned image, or to what must be built."""
    from envid.adapters.files import read_bounded
    from envid.core.aipod import parse_aipod
    from envid.core.jsontext import MAX_JSON_BYTES, parse_json
    from envid.core.secretscan import credential_faults
    from envid.errors import InputError
    from envid.usecases.aipod import AipodStatus, ResolveTools, resolve_image_ref

    workspace = find_workspace(section)
    content = read_bounded(Path(file), limit=MAX_JSON_BYTES, hint="name an AipodSpec as a JSON file")
    aipod = parse_aipod(content, where=file)
    if faults := credential_faults(parse_json(content, where=file), where=file):
        raise InputError(f"{file} has a credential", faults=faults, code="credential-found")
    with open_objects(str(workspace.root)) as (_, reader), open_registry(workspace.settings) as registry:
        tools = ResolveTools(
            lane=workspace.lane,
            registry_host=workspace.endpoints.registry,
            source_repo=workspace.settings.source_repo,
            gitops=open_gitops(workspace),
            registry=registry,
        )
        found = resolve_image_ref(aipod.image_ref, tools, source=(reader, commit_record(reader.objects, commit)))
    exit_code = 3 if found.status is AipodStatus.BLOCKED else 0
    return Output(
        data=resolution_data(found, workspace.lane.version), lines=resolution_lines(found), exit_code=exit_code
    )


def resolution_data(found: Resolution, lane: str) -> dict[str, Any]:
    """Return a resolution for machines: ``agentrun.aipod-resolution/1``, see ``docs/json.md``."""
    judgement = found.judgement
    wanted = judgement.wanted
    return {
        "schemaVersion": "agentrun.aipod-resolution/1",
        "lane": lane,
        "status": found.status.value,
        "image": str(found.image) if found.image else None,
        "digest": judgement.digest,
        "envIdentity": wanted.identity,
        "imageRef": wanted.image_ref.model_dump(mode="json"),
        "mirrorRevision": found.mirror_revision,
        "plan": {
            "serviceId": wanted.service_id,
            "decision": judgement.decision.value,
            "reason": judgement.reason.value,
            "detail": judgement.detail,
            "envImage": str(wanted.image),
            "unsafe": judgement.unsafe,
            "changedInputs": list(judgement.changed),
            "promotedBootCommit": judgement.boot_from,
        },
    }


def resolution_lines(found: Resolution) -> list[str]:
    """Return a resolution for people, its status last."""
    judgement = found.judgement
    rows = [
        ("image", str(found.image) if found.image else "-"),
        ("env image", str(judgement.wanted.image)),
        ("why", f"{judgement.reason.value}: {judgement.detail}"),
    ]
    remedy = {"build-required": ["next: invoke trigger-current, or invoke publish and invoke promote"]}
    return [
        *table(("imageRef of", judgement.wanted.service_id), rows),
        *remedy.get(found.status.value, []),
        f"status={found.status.value}",
    ]

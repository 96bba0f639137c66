"""Command of this project's own images: ``image.build``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.wiring import commit_record, find_workspace, open_buildkit, open_objects, open_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    Section = Mapping[str, Any] | None

__all__ = ["image_build"]


def image_build(
    *, name: str, commit: str = "", pin: bool = False, rebuild: bool = False, section: Section = None
) -> Output:
    """Build or reuse the image ``name``; with ``pin``, write its digest and identity into images.json."""
    from envid.adapters.files import read_bounded, write_atomic
    from envid.core.images import IMAGES_PATH, NO_PINS, parse_pins
    from envid.core.jsontext import MAX_JSON_BYTES
    from envid.core.toolimage import find_tool_image
    from envid.local.tools import bootstrapped
    from envid.usecases.tool_image import ImageTools, build_tool_image

    image = find_tool_image(name)
    workspace = find_workspace(section)
    endpoints, path = workspace.endpoints, workspace.root / IMAGES_PATH
    pins = NO_PINS
    if path.exists():
        pins = parse_pins(read_bounded(path, limit=MAX_JSON_BYTES, hint=f"git checkout {IMAGES_PATH}"))
    with open_objects(str(workspace.root)) as (_, reader), open_registry(workspace.settings) as registry:
        done = build_tool_image(
            reader,
            commit_record(reader.objects, commit),
            image,
            lane=workspace.lane,
            pins=pins,
            tools=ImageTools(
                builder=open_buildkit(workspace),
                registry=registry,
                registry_host=endpoints.registry,
                secrets={"ca": endpoints.ca_bundle} if endpoints.ca_bundle else {},
                find_program=bootstrapped,
                progress=progress,
            ),
            rebuild=rebuild,
        )
    pinned = pins.with_pin(image.key, done.reference, done.identity)
    written = pin and pinned != pins
    if written:
        write_atomic(path, pinned.content())
    data = {
        "schemaVersion": "agentrun.image-build/1",
        "name": image.name,
        "status": done.status,
        "envIdentity": done.identity,
        "reference": done.reference.pinned,
        "pinnedIn": str(IMAGES_PATH) if written else None,
    }
    lines = [done.reference.pinned, *([f"pinned in {IMAGES_PATH}"] if written else []), f"status={done.status}"]
    return Output(data=data, lines=lines)

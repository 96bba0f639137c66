"""``rebuild --verify``: builds a promoted image again, without any cache, and says what differs, if anything (R7).

Nothing is pushed: the new image is exported with the bytes that a push would have had, so that no tag of the registry
moves, whatever comes out.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.adapters.image_layers import OciLayout, layers_of, read_layer
from envid.core.layerdiff import ImageDifference, LayerDifference, diff_members, pair_up
from envid.core.manifest import SCHEMA2_MANIFEST, parse_manifest
from envid.core.values import ImageReference
from envid.errors import Blocked, InputError
from envid.usecases.plan import read_deploy
from envid.usecases.publish import build_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from envid.adapters.registry import Manifest
    from envid.core.catalog import CatalogEntry
    from envid.core.lane import Lane
    from envid.core.values import Digest
    from envid.usecases.environment import InputReader
    from envid.usecases.ports import Builder, Progress
    from envid.usecases.publish import BuildOptions

__all__ = ["RebuildTools", "Rebuilt", "rebuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How a rebuild compares: ``layers`` is their number in the promoted image."""

    entry: CatalogEntry
    difference: ImageDifference
    layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildTools:
    """What a rebuild works with.

    ``manifest`` and ``config`` fetch and hash those of a pinned image; ``pull`` gives its layers as files.
    """

    builder: Builder
    manifest: Callable[[ImageReference], Manifest]
    config: Callable[[ImageReference], bytes]
    pull: Callable[[ImageReference, str], AbstractContextManager[OciLayout]]
    progress: Progress


def rebuild(
    reader: InputReader,
    entry: CatalogEntry,
    *,
    lane: Lane,
    source_repo: str,
    options: BuildOptions,
    tools: RebuildTools,
) -> Rebuilt:
    """Build ``entry`` again from its recorded commits, and compare.

    Raises:
        Blocked: the recorded commits no longer give the recorded identity, so there is nothing to compare with.
        BuildError: the build failed.
        RegistryError: the promoted image can't be read.

    """
    commit = reader.objects.commit(entry.boot_commit)
    deploy = read_deploy(reader, commit, lane=lane, source_repo=source_repo)
    service = next((s for s in deploy.services if s.id == entry.service_id), None)
    if service is None:
        raise InputError(f"deploy.json of {entry.boot_commit.short} has no service {entry.service_id}")
    environment = reader.service_environment(commit, service)
    if environment.identity != entry.env_identity:
        raise Blocked(
            f"{entry.boot_commit.short} gives the envIdentity {environment.identity[:12]}, "
            f"the catalog's entry is of {entry.env_identity[:12]}",
            cause="the entry was edited, or this version reads inputs in another way than the one that promoted it",
            remedy="invoke catalog.verify",
            code="inputs-disagree",
        )
    promoted = ImageReference.parse(entry.repository_digest)
    image = ImageReference.parse(entry.image)
    with tempfile.TemporaryDirectory(prefix="envid-rebuild-") as folder:
        target = Path(folder) / "image"
        request = build_request(reader, service, environment, image, options._replace(no_cache=True))
        tools.progress(f"{entry.service_id}: building {entry.env_identity[:12]} again, without cache")
        built = tools.builder.build(replace(request, export=target), tools.progress)
        old = tools.manifest(promoted)
        new = OciLayout(target)
        if built.digest == entry.digest:
            return Rebuilt(
                entry=entry,
                difference=ImageDifference(old=entry.digest, new=built.digest),
                layers=len(layers_of(old.body, old.media_type, {})),
            )
        old_config = json.loads(tools.config(promoted))
        new_manifest = new.manifest(built.digest)
        new_config = new.config(_config_digest(new_manifest))
        old_layers = layers_of(old.body, old.media_type, old_config)
        differing = pair_up(old_layers, layers_of(new_manifest, SCHEMA2_MANIFEST, new_config))
        if any(layer.old and layer.new for layer in differing):
            tools.progress(f"{entry.service_id}: the digest differs; reading the layers of both images")
            with tools.pull(promoted, service.platform) as pulled:
                differing = tuple(_with_files(layer, pulled, new) for layer in differing)
    return Rebuilt(
        entry=entry,
        difference=ImageDifference(
            old=entry.digest, new=built.digest, layers=differing, config=_differing_members(old_config, new_config)
        ),
        layers=len(old_layers),
    )


def _with_files(layer: LayerDifference, old: OciLayout, new: OciLayout) -> LayerDifference:
    if layer.old is None or layer.new is None:
        return layer
    files = diff_members(read_layer(old.blob(layer.old)), read_layer(new.blob(layer.new)))
    note = "" if files else "the same files with the same properties; their order or the compression differs"
    return replace(layer, files=files, note=note)


def _differing_members(old: Any, new: Any) -> tuple[str, ...]:
    # a layer that differs is told as such, not a second time by its hash in the config
    return tuple(sorted(k for k in old.keys() | new.keys() if k != "rootfs" and old.get(k) != new.get(k)))


def _config_digest(manifest: bytes) -> Digest:
    return parse_manifest(manifest, SCHEMA2_MANIFEST).blobs[0].digest

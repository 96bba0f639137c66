"""``image.build``: an image of this project's own, by the publish path, with an identity of its own (R3, R7, R11)."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

from envid.adapters.buildkit import BuildRequest, ContextFile
from envid.core.base_pin import pinned_base
from envid.core.images import IMAGES_PATH, NO_PINS, parse_pins
from envid.errors import Blocked, InputError
from envid.usecases.publish import confirm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.adapters.git import CommitRecord
    from envid.core.images import PinnedImages
    from envid.core.lane import Lane
    from envid.core.toolimage import ToolImage
    from envid.core.values import EnvIdentity, ImageReference
    from envid.usecases.environment import Environment, InputReader, SourceFile
    from envid.usecases.ports import Builder, ImageRegistry, Progress

__all__ = ["BASE_FROM", "BuiltToolImage", "ImageTools", "build_tool_image"]

BASE_FROM: Final = "Containerfile"
"""The env image's Containerfile, whose base image these images have too: a node has its layers already."""
_PLATFORM: Final = "linux/amd64"
_OFFERED: Final = "offered-programs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTools:
    """What a build works with; ``find_program`` says where a program of this machine is."""

    builder: Builder
    registry: ImageRegistry
    registry_host: str
    secrets: Mapping[str, Path]
    find_program: Callable[[str], str]
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltToolImage:
    """An image by digest, what it is made from, and whether this run built it."""

    reference: ImageReference
    identity: EnvIdentity
    status: Literal["built", "reused"]


def build_tool_image(
    reader: InputReader,
    commit: CommitRecord,
    image: ToolImage,
    *,
    lane: Lane,
    pins: PinnedImages,
    tools: ImageTools,
    rebuild: bool = False,
) -> BuiltToolImage:
    """Reuse ``image`` where its pin is of the identity that ``commit`` gives it, or build and verify it.

    ``pins`` are those that hold now. With ``rebuild`` it is built anyway, without cache.

    Raises:
        InputError: an input is missing or not closed.
        Blocked: an image that it is made from is not pinned yet.
        BuildError: BuildKit failed, or BuildKit and the registry name different digests.
        RegistryError: the registry did not answer, or did not confirm the image.

    """
    programs = {name: Path(tools.find_program(name)) for name in image.programs}
    environment = reader.tool_environment(commit, image, _build_args(reader, commit, image, programs), _PLATFORM)
    wanted = image.reference(tools.registry_host, lane.project, environment.identity)
    pin = pins.pin_of(image.key)
    if (
        not rebuild
        and pin is not None
        and pin[1] == environment.identity
        and tools.registry.probe(pin[0]) == pin[0].digest
    ):
        return BuiltToolImage(reference=pin[0], identity=environment.identity, status="reused")
    tools.progress(f"{image.name}: building {environment.identity[:12]}")
    with TemporaryDirectory(prefix="envid-programs-") as folder:
        for name, path in programs.items():
            shutil.copyfile(path, Path(folder) / name)
        offered = {_OFFERED: Path(folder)} if programs else {}
        request = _request(reader, environment, wanted, tools.secrets, offered, no_cache=rebuild)
        built = tools.builder.build(request, tools.progress)
    confirm(wanted, built.digest, tools.registry)
    return BuiltToolImage(reference=wanted.with_digest(built.digest), identity=environment.identity, status="built")


def _build_args(
    reader: InputReader, commit: CommitRecord, image: ToolImage, programs: Mapping[str, Path]
) -> dict[str, str]:
    """Return the build arguments; each is an input, and names by hash what it lets in."""
    arguments = {"BASE_IMAGE": _base_of(reader, commit)}
    if image.from_buildkit:
        arguments["BUILDKIT_IMAGE"] = _buildkit_of(reader, commit)
    arguments |= {f"{name.upper()}_SHA256": _sha256(path) for name, path in programs.items()}
    return arguments


def _base_of(reader: InputReader, commit: CommitRecord) -> str:
    content = reader.read(commit, BASE_FROM)
    if content is None:
        raise InputError(f"{commit.id.short} has no {BASE_FROM}, which names the base image")
    return pinned_base(content.decode("utf-8", "replace")).pinned


def _buildkit_of(reader: InputReader, commit: CommitRecord) -> str:
    content = reader.read(commit, IMAGES_PATH)
    pinned = (NO_PINS if content is None else parse_pins(content)).images.buildkit
    if pinned is None:
        raise Blocked(
            f"{IMAGES_PATH} pins no BuildKit image at {commit.id.short}",
            cause="the toolbox takes buildctl out of it",
            remedy="pin one by digest and commit it; to make one: invoke image.build buildkit --pin",
            code="buildkit-not-pinned",
        )
    return pinned


def _request(
    reader: InputReader,
    environment: Environment,
    wanted: ImageReference,
    secrets: Mapping[str, Path],
    offered: Mapping[str, Path],
    *,
    no_cache: bool,
) -> BuildRequest:
    def loaded(file: SourceFile) -> ContextFile:
        return ContextFile(file.path, file.mode, reader.content(file))

    assert environment.containerfile is not None  # noqa: S101 - tool_environment always has one
    arguments = (item for item in environment.inputs if item.kind == "build-arg")
    return BuildRequest(
        image=wanted,
        platform=_PLATFORM,
        containerfile=loaded(environment.containerfile),
        context=tuple(loaded(file) for file in environment.files),
        build_args={item.name.removeprefix("buildArg."): item.value or "" for item in arguments},
        secrets=secrets,
        no_cache=no_cache,
        offered=offered,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

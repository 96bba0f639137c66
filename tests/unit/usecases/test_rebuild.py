"""A rebuild on a real repository, with BuildKit and the registry simulated by images made on the spot."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.buildkit import BuildRequest, BuiltImage
from envid.adapters.git import GitObjects
from envid.adapters.image_layers import OciLayout
from envid.adapters.registry import Manifest
from envid.core.catalog import CatalogEntry
from envid.core.layerdiff import Aspect
from envid.core.manifest import SCHEMA2_MANIFEST, digest_of
from envid.core.plan import Wanted
from envid.core.values import CommitId, Digest, ImageReference
from envid.errors import Blocked, InputError
from envid.usecases.environment import InputReader
from envid.usecases.plan import read_deploy
from envid.usecases.publish import BuildOptions
from envid.usecases.rebuild import RebuildTools, Rebuilt, rebuild
from tests.support.builders import LANE, REGISTRY, SOURCE_REPO, SourceRepo, entry_of

OPTIONS = BuildOptions(secrets={}, cache_from="type=registry,ref=x")
BASE_LAYER = {"etc/os-release": b"debian\n"}


def write_image(folder: Path, layers: list[dict[str, bytes]], **config: Any) -> Digest:
    """Write an image whose layers hold these files, and return its digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(content: bytes) -> dict[str, Any]:
        digest = digest_of(content)
        (blobs / digest.hex).write_bytes(content)
        return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}

    history = [{"created_by": f"RUN step {number}"} for number in range(1, len(layers) + 1)]
    document = {"history": history, "rootfs": {"diff_ids": [repr(layer) for layer in layers]}, **config}
    manifest = {
        "schemaVersion": 2,
        "mediaType": SCHEMA2_MANIFEST,
        "config": put(json.dumps(document).encode()),
        "layers": [put(_layer(files)) for files in layers],
    }
    return Digest(put(json.dumps(manifest).encode())["digest"])


def _layer(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


@dataclass
class Builder:
    """Builds the image ``layers``, whatever it is asked for."""

    layers: list[dict[str, bytes]]
    config: dict[str, Any] = field(default_factory=dict)
    requests: list[BuildRequest] = field(default_factory=list)

    def build(self, request: BuildRequest, progress: Callable[[str], None]) -> BuiltImage:
        self.requests.append(request)
        assert request.export is not None
        progress("built")
        digest = write_image(request.export, self.layers, **self.config)
        return BuiltImage(digest=digest, reference="r", executed_steps=1)

    def versions(self) -> dict[str, str]:
        return {}


@dataclass
class Delivered:
    """A promoted image, and the repository that it was built from."""

    repo: SourceRepo
    reader: InputReader
    registry: OciLayout
    entry: CatalogEntry
    pulls: int = 0

    def rebuild(self, builder: Builder, entry: CatalogEntry | None = None) -> Rebuilt:
        def manifest(image: ImageReference) -> Manifest:
            assert image.digest is not None
            body = self.registry.manifest(image.digest)
            return Manifest(image, image.digest, SCHEMA2_MANIFEST, len(body), body)

        def config(image: ImageReference) -> bytes:
            name = json.loads(manifest(image).body)["config"]["digest"]
            return self.registry.blob(Digest(name)).read_bytes()

        @contextmanager
        def pull(image: ImageReference, platform: str) -> Iterator[OciLayout]:
            assert (image.digest, platform) == (self.entry.digest, "linux/amd64")
            self.pulls += 1
            yield self.registry

        tools = RebuildTools(builder=builder, manifest=manifest, config=config, pull=pull, progress=lambda _: None)
        return rebuild(
            self.reader, entry or self.entry, lane=LANE, source_repo=SOURCE_REPO, options=OPTIONS, tools=tools
        )


STEP = {"opt/a": b"1", "opt/b": b"2"}


@pytest.fixture
def delivered(tmp_path: Path) -> Iterator[Delivered]:
    repo = SourceRepo.create(tmp_path / "source")
    with GitObjects(repo.root) as objects:
        reader = InputReader(objects)
        record = objects.commit(repo.head)
        service = read_deploy(reader, record, lane=LANE, source_repo=SOURCE_REPO).services[0]
        environment = reader.service_environment(record, service)
        wanted = Wanted(
            service_id=service.id,
            identity=environment.identity,
            inputs=environment.inputs,
            image_ref=service.image_ref,
            image=LANE.env_image(REGISTRY, service.id, environment.identity),
        )
        image = write_image(tmp_path / "registry", [BASE_LAYER, STEP])
        entry = entry_of(wanted, image=image, commit=repo.head)
        yield Delivered(repo, reader, OciLayout(tmp_path / "registry"), entry)


def test_the_same_bytes_are_no_difference_and_nothing_is_pulled(delivered: Delivered) -> None:
    builder = Builder([BASE_LAYER, STEP])
    found = delivered.rebuild(builder)
    assert not found.difference
    assert (found.layers, delivered.pulls) == (2, 0)
    (request,) = builder.requests
    assert request.no_cache
    assert request.export is not None


def test_the_differing_file_is_named_in_its_layer(delivered: Delivered) -> None:
    found = delivered.rebuild(Builder([BASE_LAYER, {"opt/a": b"3", "opt/c": b"2"}]))
    (layer,) = found.difference.layers
    assert (layer.number, layer.created_by) == (2, "RUN step 2")
    assert [(file.path, file.aspects) for file in layer.files] == [
        ("opt/a", (Aspect.CONTENT,)),
        ("opt/b", (Aspect.REMOVED,)),
        ("opt/c", (Aspect.ADDED,)),
    ]
    assert found.difference.config == ()


def test_another_order_of_the_same_files_is_said(delivered: Delivered) -> None:
    found = delivered.rebuild(Builder([BASE_LAYER, dict(reversed(STEP.items()))]))
    (layer,) = found.difference.layers
    assert (layer.files, layer.note) == (
        (),
        "the same files with the same properties; their order or the compression differs",
    )


def test_a_difference_in_the_config_alone_is_named(delivered: Delivered) -> None:
    found = delivered.rebuild(Builder([BASE_LAYER, STEP], {"config": {"Env": ["X=1"]}}))
    assert (found.difference.layers, found.difference.config) == ((), ("config",))
    assert delivered.pulls == 0


def test_a_layer_more_is_told_without_its_files(delivered: Delivered) -> None:
    found = delivered.rebuild(Builder([BASE_LAYER, STEP, {"x": b""}]))
    (layer,) = found.difference.layers
    assert (layer.number, layer.old, layer.note) == (3, None, "only the new image has this layer")
    assert found.difference.config == ("history",)


def test_the_recorded_commit_is_built_and_not_head(delivered: Delivered) -> None:
    delivered.repo.write("package.json", '{"name": "changed"}\n')
    delivered.repo.commit()
    builder = Builder([BASE_LAYER, STEP])
    delivered.rebuild(builder)
    contents = {file.path: file.content for file in builder.requests[0].context}
    assert b"changed" not in contents["package.json"]


def test_an_entry_whose_commit_gives_another_identity_is_not_built(delivered: Delivered) -> None:
    delivered.repo.write("package.json", '{"name": "changed"}\n')
    other = delivered.repo.commit()
    builder = Builder([])
    with pytest.raises(Blocked) as caught:
        delivered.rebuild(builder, delivered.entry.model_copy(update={"boot_commit": other}))
    assert caught.value.code == "inputs-disagree"
    assert builder.requests == []


def test_a_commit_or_service_that_is_not_here_is_named(delivered: Delivered) -> None:
    absent = CommitId(hashlib.sha1(b"x", usedforsecurity=False).hexdigest())
    with pytest.raises(InputError) as caught:
        delivered.rebuild(Builder([]), delivered.entry.model_copy(update={"boot_commit": absent}))
    assert caught.value.code == "unknown-commit"
    with pytest.raises(InputError, match="no service nobody"):
        delivered.rebuild(Builder([]), delivered.entry.model_copy(update={"service_id": "nobody"}))

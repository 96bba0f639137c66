"""``image.build`` on a real repository, BuildKit and registry simulated: what decides an image, and its pin."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.core.images import IMAGES_PATH, NO_PINS, PinnedImages, parse_pins
from envid.core.toolimage import TOOL_IMAGES, find_tool_image
from envid.errors import Blocked, BuildError, InputError, RegistryError
from envid.usecases.environment import InputReader
from envid.usecases.tool_image import BuiltToolImage, ImageTools, build_tool_image
from tests.support.builders import LANE, REGISTRY, SourceRepo, digest
from tests.support.simulators import MemoryBuilder, MemoryRegistry

ROOT = Path(__file__).parents[3]
BUILDKIT = f"{REGISTRY}/buildkit@{digest(7)}"


@dataclass
class Site:
    """A repository with this project's own image sources, and what builds them."""

    repo: SourceRepo
    reader: InputReader
    programs: Path
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        self.builder = MemoryBuilder(self.registry)

    def build(self, name: str, pins: PinnedImages = NO_PINS, **options: Any) -> BuiltToolImage:
        tools = ImageTools(
            builder=self.builder,
            registry=self.registry,
            registry_host=REGISTRY,
            secrets={},
            find_program=lambda program: str(self.programs / program),
            progress=lambda _line: None,
        )
        commit = self.reader.objects.commit(self.repo.head)
        return build_tool_image(
            self.reader, commit, find_tool_image(name), lane=LANE, pins=pins, tools=tools, **options
        )

    def pin(self, **images: str) -> None:
        self.repo.write(IMAGES_PATH, json.dumps({"schemaVersion": "agentrun.images/1", "images": images}))
        self.repo.commit("Pin")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    repo = SourceRepo.create(tmp_path / "source")
    for image in TOOL_IMAGES.values():
        shutil.copytree(ROOT / image.folder, repo.root / image.folder)
    for path in ("deploy/runtime/install-packages.sh", "pyproject.toml"):
        shutil.copy(ROOT / path, repo.root / path)
    shutil.copytree(ROOT / "requirements", repo.root / "requirements")
    repo.write("envid/__init__.py", "")
    repo.commit("Take the images over")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("buildctl", "buildkitd"):
        (programs / name).write_text(f"{name} 1\n")
    with GitObjects(repo.root) as objects:
        yield Site(repo, InputReader(objects), programs)


@pytest.mark.parametrize("name", sorted(TOOL_IMAGES))
def test_every_declared_image_is_closed_and_gets_only_what_is_hashed(site: Site, name: str) -> None:
    site.pin(buildkit=BUILDKIT)
    done = site.build(name)
    (request,) = site.builder.requests
    assert str(request.image) == f"{REGISTRY}/agentrun/{name}:{done.identity}"
    assert done.reference.pinned.startswith(f"{REGISTRY}/agentrun/{name}@sha256:")
    image = find_tool_image(name)
    assert {file.path for file in request.context} >= {image.lock_path, image.wanted_path}
    assert not {file.path for file in request.context} & {"src/main.ts", "package.json", IMAGES_PATH}


def test_the_pin_of_the_same_identity_is_reused_without_a_build(site: Site) -> None:
    first = site.build("git-mirror")
    pins = NO_PINS.with_pin("gitMirror", first.reference, first.identity)
    site.repo.write("src/main.ts", "export const other = 1;\n")
    site.repo.commit("Change what is no input")
    again = site.build("git-mirror", pins)
    assert (again.status, again.reference) == ("reused", first.reference)
    assert len(site.builder.requests) == 1
    assert site.build("git-mirror", pins, rebuild=True).status == "built"
    assert site.builder.requests[1].no_cache


def test_a_pin_of_other_inputs_or_of_an_image_that_is_gone_is_built(site: Site) -> None:
    first = site.build("git-mirror")
    pins = NO_PINS.with_pin("gitMirror", first.reference, first.identity)
    site.registry.manifests.clear()
    assert site.build("git-mirror", pins).status == "built"
    site.repo.write("deploy/git-mirror/nginx.conf", "events {}\n")
    site.repo.commit("Change an input")
    changed = site.build("git-mirror", pins)
    assert (changed.status, changed.identity == first.identity) == ("built", False)


def test_a_pin_made_by_hand_has_no_identity_and_is_never_taken_for_a_build(site: Site) -> None:
    site.registry.manifests.add((f"{REGISTRY}/buildkit", digest(7)))
    pins = parse_pins(json.dumps({"schemaVersion": "agentrun.images/1", "images": {"buildkit": BUILDKIT}}).encode())
    assert site.build("buildkit", pins).status == "built"


def test_a_registry_that_does_not_answer_ends_it(site: Site) -> None:
    first = site.build("git-mirror")
    site.registry.fault = RegistryError("down")
    with pytest.raises(RegistryError):
        site.build("git-mirror", NO_PINS.with_pin("gitMirror", first.reference, first.identity))
    assert len(site.builder.requests) == 1


def test_a_digest_that_the_registry_does_not_confirm_is_not_believed(site: Site) -> None:
    site.builder.claims = digest(99)
    with pytest.raises(BuildError, match="disagree"):
        site.build("git-mirror")


def test_the_toolbox_follows_this_projects_code_and_the_pinned_buildkit(site: Site) -> None:
    with pytest.raises(Blocked) as caught:
        site.build("toolbox")
    assert "image.build buildkit --pin" in caught.value.remedy
    site.pin(buildkit=BUILDKIT)
    first = site.build("toolbox")
    assert site.builder.requests[0].build_args["BUILDKIT_IMAGE"] == BUILDKIT
    # its own pin is no input of it: pinning does not ask for another build
    site.pin(buildkit=BUILDKIT, toolbox=first.reference.pinned)
    assert site.build("toolbox").identity == first.identity
    site.repo.write("envid/core/new.py", "x = 1\n")
    site.repo.commit("Change the code")
    second = site.build("toolbox")
    site.pin(buildkit=f"{REGISTRY}/buildkit@{digest(8)}")
    assert len({first.identity, second.identity, site.build("toolbox").identity}) == 3


def test_a_program_of_this_machine_enters_by_its_hash(site: Site) -> None:
    first = site.build("buildkit")
    sent = site.builder.requests[0].build_args
    assert sent["BUILDKITD_SHA256"] == hashlib.sha256(b"buildkitd 1\n").hexdigest()
    (site.programs / "buildkitd").write_text("buildkitd 2\n")
    assert site.build("buildkit").identity != first.identity


def test_an_unknown_image_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError) as caught:
        find_tool_image("redis")
    assert "toolbox" in caught.value.cause


def test_the_toolboxs_lock_has_what_the_wheel_asks_for() -> None:
    text = (ROOT / "requirements/toolbox.txt").read_text()
    locked = {line.partition("==")[0] for line in text.splitlines() if "==" in line and line[0].isalpha()}
    wanted = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    names = {line.strip(' ",').partition(">")[0] for line in wanted.splitlines() if '"' in line}
    assert names
    assert names <= locked


def test_images_json_is_written_in_one_spelling_and_keeps_what_others_pinned(site: Site) -> None:
    first = site.build("git-mirror")
    by_hand = parse_pins(json.dumps({"schemaVersion": "agentrun.images/1", "images": {"buildkit": BUILDKIT}}).encode())
    pins = by_hand.with_pin("gitMirror", first.reference, first.identity)
    assert parse_pins(pins.content()) == pins
    assert pins.images.buildkit == BUILDKIT
    assert json.loads(pins.content())["identities"] == {"gitMirror": first.identity}

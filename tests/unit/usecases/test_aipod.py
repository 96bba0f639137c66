"""An Aipod's imageRef: reused by digest after every proof, or what must be built; no word of the document decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.commands.aipod import resolution_data, resolution_lines
from envid.core.aipod import parse_aipod
from envid.core.catalog import catalog_bytes, parse_catalog
from envid.core.deploy import ImageRef
from envid.core.plan import Decision, Reason
from envid.core.strictjson import canonical_json
from envid.core.values import Digest
from envid.errors import Blocked, InputError, RegistryError
from envid.usecases.aipod import AipodStatus, Resolution, ResolveTools, resolve_image_ref
from envid.usecases.environment import InputReader
from envid.usecases.plan import make_plan
from envid.usecases.promote import PromotionTools, init_catalog, promote
from envid.usecases.publish import BuildOptions, publish
from tests.support.builders import LANE, REGISTRY, SOURCE_REPO, SourceRepo, digest
from tests.support.simulators import Clock, MemoryBuilder, MemoryGitOps, MemoryRegistry, Remote


@dataclass
class World:
    """A lane that has promoted one image of a real repository."""

    repo: SourceRepo
    reader: InputReader
    remote: Remote = field(default_factory=Remote)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        self.gitops = MemoryGitOps(self.remote)
        self.tools = ResolveTools(
            lane=LANE, registry_host=REGISTRY, source_repo=SOURCE_REPO, gitops=self.gitops, registry=self.registry
        )

    def release(self) -> Digest:
        clock = Clock()
        tools = PromotionTools(lane=LANE, gitops=self.gitops, clock=clock, sleep=clock.sleep)
        init_catalog(tools)
        planned = make_plan(
            self.reader,
            self.reader.objects.commit(self.repo.head),
            lane=LANE,
            source_repo=SOURCE_REPO,
            registry_host=REGISTRY,
            gitops=self.gitops,
            registry=self.registry,
        )
        publication = publish(
            self.reader,
            planned,
            LANE,
            builder=MemoryBuilder(self.registry),
            registry=self.registry,
            options=BuildOptions(secrets={}),
            clock=clock,
            progress=lambda _line: None,
        )
        self.remote.follow(LANE.source_branch, [publication.commit])
        promote(tools, publication, planned.deploy, registry=self.registry, runtime_mirror_url="http://m.example/x.git")
        (entry,) = publication.entries
        self.registry.asked.clear()
        return entry.digest

    @property
    def image_ref(self) -> ImageRef:
        """The imageRef of the repository's own deploy.json, as an AipodSpec carries it."""
        commit = self.repo.head if not self.gitops.tip() else self.catalog.services[0].image_ref.commit_id
        document = {"spec": {"imageRef": SourceRepo.image_ref(commitId=commit)}}
        return parse_aipod(canonical_json(document), where="aipod.json").image_ref

    @property
    def catalog(self) -> Any:
        tip = self.gitops.tip()
        assert tip is not None
        return parse_catalog(self.gitops.files(tip, [LANE.catalog_path])[LANE.catalog_path], where="tip")

    def forge(self, **fields: Any) -> None:
        catalog = self.catalog
        entry = catalog.services[0].model_copy(update=fields)
        forged = catalog.with_entries({entry.service_id: entry})
        self.remote.put(self.gitops.branch, {LANE.catalog_path: catalog_bytes(forged)})

    def resolve(self, image_ref: ImageRef | None = None) -> Resolution:
        source = (self.reader, self.reader.objects.commit(self.repo.head))
        return resolve_image_ref(image_ref or self.image_ref, self.tools, source=source)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    repo = SourceRepo.create(tmp_path / "source")
    with GitObjects(repo.root) as objects:
        yield World(repo, InputReader(objects))


def test_a_promoted_image_is_reused_by_digest(world: World) -> None:
    promoted = world.release()
    found = world.resolve()
    assert found.status is AipodStatus.REUSED
    assert found.image is not None
    assert found.image.pinned == f"{REGISTRY}/agentrun/agentrun-mgr-env@{promoted}"
    assert found.image.tag is None
    assert found.mirror_revision == world.gitops.tip()


def test_a_service_without_the_source_can_resolve_what_is_promoted(world: World) -> None:
    promoted = world.release()
    found = resolve_image_ref(world.image_ref, world.tools)
    assert found.judgement.digest == promoted


def test_an_unknown_image_ref_says_what_to_build_and_builds_nothing(world: World) -> None:
    world.release()
    world.repo.write("Containerfile", (world.repo.root / "Containerfile").read_text() + "# newer\n")
    newer = world.repo.commit("Change the Containerfile")
    wanted = world.image_ref.model_copy(update={"commit_id": newer})
    pushed = set(world.registry.manifests)
    found = world.resolve(wanted)
    assert found.status is AipodStatus.BUILD_REQUIRED
    assert found.image is None
    assert found.judgement.reason is Reason.IDENTITY_CHANGED
    assert "imageRef.commitId" in found.judgement.changed
    assert (
        str(found.judgement.wanted.image) == f"{REGISTRY}/agentrun/agentrun-mgr-env:{found.judgement.wanted.identity}"
    )
    assert world.registry.manifests == pushed


def test_an_image_in_the_registry_does_not_take_the_catalogs_place(world: World) -> None:
    world.release()
    world.forge(image_ref=world.image_ref.model_copy(update={"commit_id": "1" * 40}))
    own = SourceRepo.image_ref(commitId=world.repo.head)
    found = world.resolve(ImageRef.model_validate(own))
    assert found.status is AipodStatus.BUILD_REQUIRED
    assert found.image is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"digest": digest(9)}, Reason.DIGEST_DISAGREES),
        ({"lane": "v0.2"}, Reason.LANE_DISAGREES),
        ({"repository_digest": f"{REGISTRY}/agentrun/other-env@{digest(9)}"}, Reason.REPOSITORY_DISAGREES),
        ({"env_identity": "a" * 64}, Reason.INPUTS_DISAGREE),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_an_entry_that_fails_a_proof_is_not_reused(world: World, fields: dict[str, Any], reason: Reason) -> None:
    world.release()
    world.forge(**fields)
    found = world.resolve()
    assert (found.status, found.image) == (AipodStatus.BLOCKED, None)
    assert found.judgement.reason is reason
    assert found.judgement.unsafe


def test_an_image_that_is_gone_is_not_reused(world: World) -> None:
    world.release()
    world.registry.manifests.clear()
    found = world.resolve()
    assert (found.status, found.judgement.reason) == (AipodStatus.BLOCKED, Reason.IMAGE_ABSENT)


def test_a_registry_that_does_not_answer_decides_nothing(world: World) -> None:
    world.release()
    world.registry.fault = RegistryError("unreachable")
    with pytest.raises(RegistryError):
        world.resolve()


def test_without_a_catalog_nothing_is_resolved(world: World) -> None:
    with pytest.raises(Blocked) as caught:
        world.resolve()
    assert caught.value.code == "catalog-missing"


def test_without_the_source_an_unknown_image_ref_is_an_error_with_a_remedy(world: World) -> None:
    world.release()
    with pytest.raises(InputError) as caught:
        resolve_image_ref(world.image_ref.model_copy(update={"commit_id": "2" * 40}), world.tools)
    assert caught.value.code == "build-required"
    assert caught.value.remedy


def test_a_foreign_repository_is_refused_before_anything_is_asked(world: World) -> None:
    world.release()
    foreign = world.image_ref.model_copy(update={"repo_url": "https://git.example/a/b.git"})
    with pytest.raises(InputError) as caught:
        world.resolve(foreign)
    assert caught.value.faults[0].where == "$.spec.imageRef.repoUrl"
    assert world.registry.asked == []


def test_a_commit_that_is_not_here_is_named(world: World) -> None:
    world.release()
    with pytest.raises(InputError) as caught:
        world.resolve(world.image_ref.model_copy(update={"commit_id": "2" * 40}))
    assert any("imageRef.commitId" in fault.where for fault in caught.value.faults)


@pytest.mark.parametrize(
    "prompt",
    [
        "see src/main.ts:12 and docs/spec.md:3",
        "call http://127.0.0.1:8080/health and https://example.org:443/a:b",
        "clone git@github.com:pikasTech/agentrun.git",
        "at 12:30, or a ratio of 3:1; key:value",
        "the image 127.0.0.1:5000/agentrun/agentrun-mgr-env@sha256:" + "a" * 64,
        "latest: the newest of them",
    ],
)
def test_an_innocent_prompt_passes(prompt: str) -> None:
    document = {"spec": {"imageRef": SourceRepo.image_ref(), "prompt": prompt, "profile": "codex"}}
    assert parse_aipod(canonical_json(document), where="x").image_ref.dockerfile_path == "Containerfile"


def test_no_reuse_comes_from_a_tag(world: World) -> None:
    """The tag of the envIdentity was moved by somebody: the digest of the catalog is no longer proven."""
    world.release()
    moved = world.resolve().judgement.wanted.image
    world.registry.push(moved, digest(0xEE))
    found = world.resolve()
    assert found.judgement.decision is Decision.BLOCKED
    assert found.judgement.reason is Reason.DIGEST_DISAGREES


@pytest.mark.parametrize("promoted", [True, False])
def test_the_answer_for_machines_names_status_image_and_plan(world: World, *, promoted: bool) -> None:
    world.release()
    own = world.image_ref
    found = world.resolve(own if promoted else own.model_copy(update={"commit_id": world.repo.head}))
    data = json.loads(json.dumps(resolution_data(found, LANE.version)))
    assert data["schemaVersion"] == "agentrun.aipod-resolution/1"
    assert data["status"] == ("reused" if promoted else "build-required")
    assert data["plan"]["decision"] == ("reuse" if promoted else "build")
    assert data["imageRef"] == SourceRepo.image_ref(commitId=found.judgement.wanted.image_ref.commit_id)
    if promoted:
        assert data["image"] == f"{REGISTRY}/agentrun/agentrun-mgr-env@{data['digest']}"
    else:
        assert (data["image"], data["digest"]) == (None, None)
        assert data["plan"]["envImage"].endswith(f":{data['envIdentity']}")
    assert resolution_lines(found)[-1] == f"status={data['status']}"

"""Plan and publish on a real repository, with the registry, BuildKit and the GitOps branch simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.core.catalog import CatalogEntry, catalog_bytes, parse_catalog
from envid.core.plan import Decision, Judgement, Reason
from envid.core.publication import Publication, parse_publication, publication_bytes
from envid.core.values import CommitId, ImageReference
from envid.errors import Blocked, BuildError, InputError, RegistryError
from envid.usecases.environment import InputReader
from envid.usecases.plan import PlannedCommit, make_plan
from envid.usecases.planview import plan_data, plan_lines
from envid.usecases.promote import PromotionTools, init_catalog, promote
from envid.usecases.publish import BuildOptions, publish
from tests.support.builders import BASE, LANE, REGISTRY, SOURCE_REPO, SourceRepo, digest, git
from tests.support.simulators import Clock, MemoryBuilder, MemoryGitOps, MemoryRegistry, Remote

OPTIONS = BuildOptions(secrets={})


@dataclass
class Lane:
    """One lane with a real source repository; everything behind a port is simulated."""

    repo: SourceRepo
    reader: InputReader
    remote: Remote = field(default_factory=Remote)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.builder = MemoryBuilder(self.registry)
        self.gitops = MemoryGitOps(self.remote)
        init_catalog(self.tools)

    @property
    def tools(self) -> PromotionTools:
        return PromotionTools(lane=LANE, gitops=self.gitops, clock=self.clock, sleep=self.clock.sleep)

    def plan(self, **options: Any) -> PlannedCommit:
        return make_plan(
            self.reader,
            self.reader.objects.commit(self.repo.head),
            lane=LANE,
            source_repo=SOURCE_REPO,
            registry_host=REGISTRY,
            gitops=self.gitops,
            registry=self.registry,
            **options,
        )

    def publish(self, planned: PlannedCommit | None = None, options: BuildOptions = OPTIONS) -> Publication:
        return publish(
            self.reader,
            planned or self.plan(),
            LANE,
            builder=self.builder,
            registry=self.registry,
            options=options,
            clock=self.clock,
            progress=lambda _line: None,
        )

    def promote(self, publication: Publication) -> None:
        line = git(self.repo.root, "rev-list", "--reverse", publication.commit).split()
        self.remote.follow(LANE.source_branch, [CommitId(name) for name in line])
        promote(
            self.tools,
            publication,
            self.plan().deploy,
            registry=self.registry,
            runtime_mirror_url="http://mirror.example/x.git",
        )

    def forge(self, **fields: Any) -> None:
        """Edit the promoted entry by hand, on the branch."""
        content = self.remote.commits[self.remote.branches[self.gitops.branch]].files[LANE.catalog_path]
        catalog = parse_catalog(content, where="tip")
        entry = catalog.services[0].model_copy(update=fields)
        self.remote.put(
            self.gitops.branch, {LANE.catalog_path: catalog_bytes(catalog.with_entries({"agentrun-mgr": entry}))}
        )


def only(planned: PlannedCommit) -> Judgement:
    (judgement,) = planned.plan.judgements
    return judgement


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    repo = SourceRepo.create(tmp_path / "source")
    with GitObjects(repo.root) as objects:
        yield Lane(repo, InputReader(objects))


@pytest.fixture
def promoted(lane: Lane) -> Lane:
    """A lane whose first image is built and promoted."""
    lane.promote(lane.publish())
    return lane


def test_the_first_plan_builds_and_says_why(lane: Lane) -> None:
    planned = lane.plan()
    assert (only(planned).decision, only(planned).reason) == (Decision.BUILD, Reason.FIRST_BUILD)
    assert planned.plan.mirror_revision == lane.gitops.tip()
    assert str(planned.plan.summary) == "build=1 reuse=0 unsafeReuse=0"
    assert lane.registry.asked == []


def test_a_same_named_tag_in_the_registry_proves_nothing(lane: Lane) -> None:
    lane.registry.push(only(lane.plan()).wanted.image, digest(1))
    assert only(lane.plan()).reason is Reason.FIRST_BUILD


def test_a_base_image_for_several_platforms_is_recorded_with_the_platforms_own(lane: Lane) -> None:
    base = ImageReference.parse(BASE)
    assert base.digest is not None
    lane.registry.indexes[base.digest, "linux/amd64"] = digest(7)
    (entry,) = lane.publish().entries
    images = [d for d in entry.provenance.resolved_dependencies if d.uri.startswith("docker://")]
    assert [(d.uri, d.digest) for d in images] == [
        (f"docker://{base.name}", {"sha256": base.digest.hex}),
        (f"docker://{base.name}?platform=linux/amd64", {"sha256": digest(7).hex}),
    ]


def test_a_build_gets_the_hashed_files_and_nothing_else(lane: Lane) -> None:
    publication = lane.publish()
    (request,) = lane.builder.requests
    assert sorted(file.path for file in request.context) == [
        "bun.lock",
        "deploy/runtime/boot/agentrun-boot.sh",
        "package.json",
        "tsconfig.json",
    ]
    modes = {file.path: file.mode for file in request.context}
    assert modes["deploy/runtime/boot/agentrun-boot.sh"] == "100755"
    assert request.image.tag == publication.entries[0].env_identity


def test_a_publication_survives_its_file(lane: Lane) -> None:
    publication = lane.publish()
    assert parse_publication(publication_bytes(publication), where="file") == publication


def test_a_built_entry_records_what_recomputes_to_its_identity(lane: Lane) -> None:
    (entry,) = lane.publish().entries
    assert entry.status == "built"
    assert entry.toolchain_inputs.recompute() == entry.env_identity
    assert entry.boot_commit == entry.source_commit == lane.repo.head
    uris = [dependency.uri for dependency in entry.provenance.resolved_dependencies]
    assert uris[0] == f"git+{SOURCE_REPO}"
    assert any(uri.startswith("docker://127.0.0.1:5000/agentrun/bun-base") for uri in uris)


def test_a_business_change_is_reused_and_reaches_no_builder(promoted: Lane) -> None:
    promoted.builder.requests.clear()
    promoted.repo.write("src/main.ts", "export const x = 1;\n")
    commit = promoted.repo.commit()
    planned = promoted.plan()
    assert str(planned.plan.summary) == "build=0 reuse=1 unsafeReuse=0"
    publication = promoted.publish(planned)
    assert promoted.builder.requests == []
    (entry,) = publication.entries
    assert (entry.status, entry.boot_commit) == ("reused", commit)


def test_a_bumped_dependency_is_built_and_named(promoted: Lane) -> None:
    promoted.repo.write("bun.lock", '{"lockfileVersion": 2}\n')
    promoted.repo.commit()
    judgement = only(promoted.plan())
    assert (judgement.reason, judgement.changed) == (Reason.IDENTITY_CHANGED, ("bun.lock",))


def test_a_rebuild_is_built_though_it_could_be_reused(promoted: Lane) -> None:
    assert only(promoted.plan(rebuild=["agentrun-mgr"])).reason is Reason.REBUILD_ASKED
    with pytest.raises(InputError, match="no service nobody"):
        promoted.plan(rebuild=["nobody"])


FORGERIES: list[tuple[str, Callable[[CatalogEntry], dict[str, Any]], Reason]] = [
    ("lane", lambda _: {"lane": "v0.2"}, Reason.LANE_DISAGREES),
    ("digest", lambda _: {"digest": digest(5)}, Reason.DIGEST_DISAGREES),
    (
        "digest and repository digest",
        lambda e: {"digest": digest(5), "repository_digest": e.repository_digest.replace(e.digest, digest(5))},
        Reason.IMAGE_ABSENT,
    ),
    (
        "repository",
        lambda e: {"repository_digest": e.repository_digest.replace("agentrun/agentrun-mgr-env", "other/name")},
        Reason.REPOSITORY_DISAGREES,
    ),
    (
        "input hash",
        lambda e: {
            "toolchain_inputs": e.toolchain_inputs.model_copy(
                update={
                    "inputs": tuple(
                        i.model_copy(update={"blake3": "0" * 64}) if i.name == "bun.lock" else i
                        for i in e.toolchain_inputs.inputs
                    )
                }
            )
        },
        Reason.INPUTS_DISAGREE,
    ),
]


@pytest.mark.parametrize(("forgery", "reason"), [f[1:] for f in FORGERIES], ids=[f[0] for f in FORGERIES])
def test_a_catalog_edited_by_hand_stops_the_plan_and_all_after_it(
    promoted: Lane, forgery: Callable[[CatalogEntry], dict[str, Any]], reason: Reason
) -> None:
    (entry,) = promoted.plan().catalog.services
    promoted.forge(**forgery(entry))
    promoted.builder.requests.clear()
    planned = promoted.plan()
    assert only(planned).reason is reason
    assert str(planned.plan.summary) == "build=0 reuse=0 unsafeReuse=1"
    with pytest.raises(Blocked) as caught:
        promoted.publish(planned)
    assert caught.value.code == reason.value
    assert "--rebuild agentrun-mgr" in caught.value.remedy
    assert promoted.builder.requests == []


def test_another_image_of_the_same_repository_is_not_reused(promoted: Lane) -> None:
    (entry,) = promoted.plan().catalog.services
    image = only(promoted.plan()).wanted.image
    promoted.registry.manifests.add((image.name, digest(5)))
    promoted.forge(digest=digest(5), repository_digest=entry.repository_digest.replace(entry.digest, digest(5)))
    assert only(promoted.plan()).reason is Reason.DIGEST_DISAGREES


def test_an_image_that_is_gone_blocks_and_a_registry_that_fails_is_never_called_absent(promoted: Lane) -> None:
    promoted.registry.fault = RegistryError("the registry is down")
    with pytest.raises(RegistryError, match="down"):
        promoted.plan()
    promoted.registry.fault = None
    promoted.registry.manifests.clear()
    assert only(promoted.plan()).reason is Reason.IMAGE_ABSENT


def test_without_a_catalog_a_held_tag_changes_nothing(promoted: Lane) -> None:
    """The registry holds the image; the lane's record of it is gone."""
    del promoted.remote.branches[promoted.gitops.branch]
    with pytest.raises(Blocked) as caught:
        promoted.plan()
    assert caught.value.code == "catalog-missing"
    assert "catalog.init" in caught.value.remedy
    assert "no substitute" in caught.value.cause


def test_bad_input_is_told_before_any_service_is_asked(lane: Lane) -> None:
    del lane.remote.branches[lane.gitops.branch]
    lane.repo.write("Containerfile", "FROM oven/bun:1\nCOPY src /src\n")
    lane.repo.commit()
    lane.repo.pin()
    with pytest.raises(InputError) as caught:
        lane.plan()
    assert {fault.where for fault in caught.value.faults} == {"Containerfile:1"}


def test_a_digest_that_the_registry_contradicts_is_not_published(lane: Lane) -> None:
    lane.builder.claims = digest(9)
    with pytest.raises(BuildError) as caught:
        lane.publish()
    assert caught.value.code == "digest-disagrees"


def test_an_image_with_a_missing_layer_is_not_published(lane: Lane) -> None:
    real = lane.builder.build

    class Incomplete(MemoryBuilder):
        def build(self, request: Any, progress: Callable[[str], None]) -> Any:
            built = real(request, progress)
            lane.registry.incomplete.add(built.digest)
            return built

    lane.builder = Incomplete(lane.registry)
    with pytest.raises(RegistryError, match="layer"):
        lane.publish()


def test_the_run_that_builds_is_recorded_and_a_reuse_never_claims_it(promoted: Lane) -> None:
    promoted.repo.write("bun.lock", "{}\n")
    promoted.repo.commit()
    built = promoted.publish(options=BuildOptions(secrets={}, run_id="agentrun-v01-ci-1"))
    assert built.entries[0].provenance.invocation.id == "agentrun-v01-ci-1"
    promoted.promote(built)
    reused = promoted.publish(options=BuildOptions(secrets={}, run_id="agentrun-v01-ci-2"))
    assert reused.entries[0].status == "reused"
    assert reused.entries[0].provenance.invocation.id == "agentrun-v01-ci-1"


def test_an_image_ref_from_another_repository_is_refused_by_its_path(lane: Lane) -> None:
    lane.repo.pin(imageRef={"repoUrl": "https://github.com/someone/else.git"})
    with pytest.raises(InputError) as caught:
        lane.plan()
    assert caught.value.faults[0].where == "deploy/deploy.json: $.services[0].imageRef.repoUrl"


def test_a_commit_without_deploy_json_says_so(lane: Lane) -> None:
    (lane.repo.root / "deploy/deploy.json").unlink()
    lane.repo.commit()
    with pytest.raises(InputError, match=r"deploy/deploy.json is not in"):
        lane.plan()


def test_the_table_has_the_summary_last_and_the_json_every_field(promoted: Lane) -> None:
    plan = promoted.plan().plan
    data = plan_data(plan, LANE, "http://mirror.example/x.git", {"agentrun-mgr": 3})
    lines = plan_lines(plan, data)
    assert lines[-1] == "build=0 reuse=1 unsafeReuse=0"
    assert any("proven: same inputs as the promoted image (3 changed files do not count)" in line for line in lines)
    (service,) = data["services"]
    assert set(service) == {
        "serviceId", "decision", "reason", "detail", "envIdentity", "image", "digest", "unsafe", "changedInputs",
        "promotedBootCommit", "filesChangedOutside",
    }  # fmt: skip
    assert data["summary"] == {"build": 0, "reuse": 1, "unsafeReuse": 0}
    assert CommitId(data["mirror"]["revision"]) == promoted.gitops.tip()

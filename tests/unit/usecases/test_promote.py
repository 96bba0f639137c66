"""Promotion against a simulated remote: races, broken connections, refusals, adoption, rollback."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from envid.adapters.remote_cache import PushResult
from envid.core.catalog import Catalog, CatalogEntry, catalog_bytes, parse_catalog
from envid.core.deploy import Deploy, parse_deploy
from envid.core.manifest import digest_of
from envid.core.publication import Publication
from envid.core.render import render_runtime
from envid.core.strictjson import canonical_json
from envid.core.values import CommitId, Digest
from envid.errors import Blocked, EnvidError, GitError, InputError, RegistryError
from envid.usecases.promote import Promoted, PromotionTools, init_catalog, promote, rollback
from tests.support.builders import LANE, attestations_of, commit_id, deploy_json, digest, entry_of, wanted_of
from tests.support.simulators import Clock, MemoryGitOps, MemoryRegistry, Remote, break_off, interpose

MIRROR = "http://mirror.example/agentrun.git"
SOURCE, GITOPS = LANE.source_branch, LANE.gitops_branch
DEPLOY: Deploy = parse_deploy(canonical_json(deploy_json()))
MANIFESTS = {
    f"{LANE.runtime_path}/{name}.yaml"
    for name in (
        "agentrun-mgr-deployment",
        "agentrun-mgr-networkpolicy",
        "agentrun-mgr-service",
        "agentrun-mgr-serviceaccount",
        "artifact-catalog-configmap",
        "default-deny-networkpolicy",
    )
}
ATTESTATIONS = {f"{LANE.runtime_path}/attestations/agentrun-mgr.{kind}.json" for kind in ("provenance", "sbom")}


@dataclass
class World:
    """A lane whose source branch has commits and whose GitOps branch has its first catalog."""

    remote: Remote = field(default_factory=Remote)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    clock: Clock = field(default_factory=Clock)

    def client(self) -> MemoryGitOps:
        return MemoryGitOps(self.remote)

    def tools(self, client: MemoryGitOps | None = None) -> PromotionTools:
        return PromotionTools(
            lane=LANE,
            gitops=client or self.client(),
            clock=self.clock,
            sleep=self.clock.sleep,
            jitter=random.Random(1),  # noqa: S311 - a wait, not a secret
        )

    def source(self, count: int = 1) -> CommitId:
        return self.remote.grow(SOURCE, count, seed=str(len(self.remote.commits)))

    def built(self, commit: CommitId, image: Digest, *, lock: bytes = b"{}\n") -> CatalogEntry:
        """An image that was just built and pushed for ``commit``."""
        wanted = wanted_of(lock=lock)
        self.registry.push(wanted.image, image)
        return entry_of(wanted, image=image, commit=commit)

    def publication(self, *entries: CatalogEntry, believed: CommitId | None = None) -> Publication:
        return Publication(
            schema_version="agentrun.publication/1",
            commit=entries[0].source_commit,
            mirror_revision=believed or self.tip,
            entries=entries,
            attestations=attestations_of(*entries),
        )

    def promote(self, publication: Publication, client: MemoryGitOps | None = None) -> Promoted:
        return promote(self.tools(client), publication, DEPLOY, registry=self.registry, runtime_mirror_url=MIRROR)

    @property
    def tip(self) -> CommitId:
        return self.remote.branches[GITOPS]

    @property
    def files(self) -> dict[str, bytes]:
        return self.remote.commits[self.tip].files

    @property
    def catalog(self) -> Catalog:
        return parse_catalog(self.files[LANE.catalog_path], where="tip")

    def agrees(self) -> bool:
        """Whether the runtime on the branch is the one that its catalog renders to."""
        runtime = {path: content for path, content in self.files.items() if path.startswith(LANE.runtime_path)}
        if not self.catalog.services:
            return not runtime
        vouching = {file.path: file.digest for entry in self.catalog.services for file in entry.attestations.files}
        vouched = {path: digest_of(runtime.pop(path)) for path in sorted(runtime) if "/attestations/" in path}
        rendered = render_runtime(DEPLOY, self.catalog, LANE, mirror_read_url=MIRROR)
        return (runtime, vouched) == (rendered, vouching)

    def length(self) -> int:
        return len(self.remote.line(self.tip))


@pytest.fixture
def world() -> World:
    made = World()
    made.source(3)
    init_catalog(made.tools())
    return made


def refused(kind: type[EnvidError], code: str, act: object) -> EnvidError:
    assert callable(act)
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.remedy
    return caught.value


# ---- the first catalog


def test_the_first_catalog_is_empty_and_a_second_is_refused(world: World) -> None:
    before = world.tip
    assert world.catalog.services == ()
    assert set(world.files) == {LANE.catalog_path}
    refused(Blocked, "catalog-exists", lambda: init_catalog(world.tools()))
    assert world.tip == before


def test_two_first_catalogs_at_once_make_one() -> None:
    remote = Remote()
    fresh = World(remote=remote)
    client = fresh.client()
    # in the same second both would make the very same commit, and there would be no race
    winner = World(remote=remote, clock=Clock(now=fresh.clock.now + 1))
    client.script.append(interpose(lambda: init_catalog(winner.tools())))
    refused(Blocked, "catalog-exists", lambda: init_catalog(fresh.tools(client)))
    assert fresh.length() == 1


# ---- one promotion


def test_a_promotion_is_one_commit_with_the_catalog_and_the_runtime(world: World) -> None:
    world.remote.put(GITOPS, {"NOTES.md": b"kept\n", "deploy/gitops/g14/runtime-v02/other.yaml": b"kept\n"})
    before, length = dict(world.files), world.length()
    commit = world.source()
    done = world.promote(world.publication(world.built(commit, digest(1))))
    assert set(done.changed) == {LANE.catalog_path, *MANIFESTS, *ATTESTATIONS}
    assert world.length() == length + 1
    assert {p: c for p, c in world.files.items() if p not in done.changed} == {
        p: c for p, c in before.items() if p != LANE.catalog_path
    }
    assert world.agrees()
    assert f"Source-Commit: {commit}" in world.remote.commits[world.tip].message


def test_a_promotion_never_moves_the_source_branch(world: World) -> None:
    commit = world.source()
    world.promote(world.publication(world.built(commit, digest(1))))
    assert world.remote.branches[SOURCE] == commit


def test_promoting_the_same_again_makes_no_commit(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    first = world.promote(publication)
    again = world.promote(publication)
    assert (again.commit, again.changed, again.tries) == (first.commit, (), 1)


def test_a_manifest_that_is_no_longer_rendered_is_removed(world: World) -> None:
    stray = f"{LANE.runtime_path}/old-deployment.yaml"
    world.remote.put(GITOPS, {stray: b"old\n"})
    done = world.promote(world.publication(world.built(world.source(), digest(1))))
    assert stray in done.changed
    assert stray not in world.files


def test_a_reuse_changes_only_the_commits(world: World) -> None:
    first = world.built(world.source(), digest(1))
    world.promote(world.publication(first))
    newer = world.source()
    reused = first.model_copy(update={"source_commit": newer, "boot_commit": newer, "status": "reused"})
    world.promote(world.publication(reused))
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert (entry.status, entry.digest, entry.boot_commit) == ("reused", digest(1), newer)
    assert entry.provenance == first.provenance


# ---- refusals


def test_a_commit_that_the_mirror_lacks_is_refused(world: World) -> None:
    before = world.tip
    stranger = world.built(commit_id(99), digest(1))
    refused(Blocked, "source-not-on-mirror", lambda: world.promote(world.publication(stranger)))
    assert world.tip == before


def test_an_older_commit_is_refused(world: World) -> None:
    older = world.source()
    newer = world.source()
    world.promote(world.publication(world.built(newer, digest(1))))
    before = world.tip
    error = refused(
        Blocked, "older-than-promoted", lambda: world.promote(world.publication(world.built(older, digest(1))))
    )
    assert "--rollback-to" in error.remedy
    assert world.tip == before


def test_a_rewritten_source_branch_is_refused(world: World) -> None:
    world.promote(world.publication(world.built(world.source(), digest(1))))
    before = world.tip
    del world.remote.branches[SOURCE]
    other_line = world.source(2)
    refused(Blocked, "source-diverged", lambda: world.promote(world.publication(world.built(other_line, digest(2)))))
    assert world.tip == before


def test_an_image_that_the_registry_lacks_is_refused(world: World) -> None:
    before = world.tip
    publication = world.publication(world.built(world.source(), digest(1)))
    world.registry.manifests.clear()
    with pytest.raises(RegistryError):
        world.promote(publication)
    assert world.tip == before


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "catalog-invalid"),
        (b"{}", "catalog-invalid"),
        (None, "catalog-missing"),
    ],
)
def test_without_a_catalog_to_believe_nothing_is_promoted(world: World, content: bytes | None, code: str) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    if content is None:
        del world.remote.branches[GITOPS]
        world.remote.put(GITOPS, {"README.md": b"x"})
    else:
        world.remote.put(GITOPS, {LANE.catalog_path: content})
    before = world.tip
    refused(Blocked, code, lambda: world.promote(publication))
    assert world.tip == before


def test_another_lanes_catalog_is_not_believed(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    foreign = world.catalog.model_copy(update={"lane": "v0.2"})
    world.remote.put(GITOPS, {LANE.catalog_path: catalog_bytes(foreign)})
    refused(Blocked, "catalog-foreign", lambda: world.promote(publication))


# ---- races and broken connections


def test_a_lost_race_begins_anew_from_the_winner(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    client = world.client()
    client.script.append(interpose(lambda: world.remote.put(GITOPS, {"NOTES.md": b"from the winner\n"})))
    done = world.promote(publication, client)
    assert done.tries == 2
    assert world.files["NOTES.md"] == b"from the winner\n"
    assert world.agrees()
    assert len(world.clock.slept) == 1


def test_a_race_that_is_lost_before_the_push_costs_no_push(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    pushed: list[CommitId] = []

    class Overtaken(MemoryGitOps):
        def commit(self, *arguments: Any) -> CommitId:
            if not self.signatures:
                world.remote.put(GITOPS, {"NOTES.md": b"from the winner\n"})
            return super().commit(*arguments)

        def push(self, commit: CommitId) -> PushResult:
            pushed.append(commit)
            return super().push(commit)

    done = world.promote(publication, Overtaken(world.remote))
    assert (done.tries, pushed) == (2, [done.commit])
    assert world.agrees()


def test_the_wait_after_a_lost_race_is_measured_in_tries(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    client = world.client()

    def slow() -> None:
        world.clock.now += 2
        world.remote.put(GITOPS, {"NOTES.md": b"x\n"})

    client.script.append(interpose(slow))
    tools = dataclasses.replace(world.tools(client), jitter=LongestWait())
    promote(tools, publication, DEPLOY, registry=world.registry, runtime_mirror_url=MIRROR)
    assert world.clock.slept == [4.0]


class LongestWait(random.Random):
    def uniform(self, a: float, b: float) -> float:
        assert a == 0
        return b


def test_a_newer_commit_that_won_the_race_stays(world: World) -> None:
    older, newer = world.source(), world.source()
    entry = world.built(older, digest(1))
    newer_publication = world.publication(entry.model_copy(update={"source_commit": newer, "boot_commit": newer}))
    client = world.client()
    client.script.append(interpose(lambda: world.promote(newer_publication)))
    refused(Blocked, "older-than-promoted", lambda: world.promote(world.publication(entry), client))
    promoted = world.catalog.entry("agentrun-mgr")
    assert promoted is not None
    assert promoted.boot_commit == newer


def test_a_push_that_broke_off_before_it_arrived_is_tried_again(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    length = world.length()
    client = world.client()
    client.script.append(break_off(arrives=False))
    assert world.promote(publication, client).tries == 2
    assert world.length() == length + 1
    assert world.agrees()


def test_a_push_that_arrived_though_the_connection_broke_is_a_success(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    length = world.length()
    client = world.client()
    client.script.append(break_off(arrives=True))
    done = world.promote(publication, client)
    assert (done.tries, done.commit) == (1, world.tip)
    assert set(done.changed) == {LANE.catalog_path, *MANIFESTS, *ATTESTATIONS}
    assert world.length() == length + 1


def test_a_push_that_arrived_and_was_built_upon_is_a_success(world: World) -> None:
    older, newer = world.source(), world.source()
    entry = world.built(older, digest(1))
    newer_publication = world.publication(entry.model_copy(update={"source_commit": newer, "boot_commit": newer}))
    client = world.client()
    client.script.append(break_off(arrives=True, then=lambda: world.promote(newer_publication)))
    done = world.promote(world.publication(entry), client)
    assert done.commit in world.remote.line(world.tip)
    assert done.tries == 1


def test_a_remote_that_never_takes_a_push_ends_with_its_own_error(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    before = world.tip
    client = world.client()
    client.script.extend(break_off(arrives=False) for _ in range(100))
    with pytest.raises(GitError, match="broke off"):
        world.promote(publication, client)
    assert world.tip == before
    assert len(client.script) == 97, "three are enough: it is no race"


def test_races_without_end_are_given_up_with_growing_bounded_waits(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    client = world.client()
    counter = iter(range(1000))
    client.script.extend(
        interpose(lambda: world.remote.put(GITOPS, {"NOTES.md": str(next(counter)).encode()})) for _ in range(100)
    )
    error = refused(GitError, "push-races-lost", lambda: world.promote(publication, client))
    assert error.exit_code == 4
    assert max(world.clock.slept) <= 5
    assert max(world.clock.slept[:2]) < max(world.clock.slept)


def test_a_refusal_that_is_no_race_is_not_tried_again(world: World) -> None:
    publication = world.publication(world.built(world.source(), digest(1)))
    client = world.client()

    def protected(_client: MemoryGitOps, _commit: CommitId) -> object:
        raise Blocked("refused", cause="protected branch", remedy="ask", code="push-refused")

    client.script.append(protected)  # type: ignore[arg-type]
    refused(Blocked, "push-refused", lambda: world.promote(publication, client))
    assert world.clock.slept == []


def test_many_promoters_at_once_lose_nothing(world: World) -> None:
    """Every push of one is preceded by the whole promotion of the next, four deep."""
    commits = [world.source() for _ in range(4)]
    publications = [world.publication(world.built(commit, digest(1))) for commit in commits]
    done: list[Promoted] = []

    def run(index: int) -> None:
        client = world.client()
        if index:
            client.script.append(interpose(lambda: run(index - 1)))
        done.append(world.promote(publications[index], client))

    length = world.length()
    run(3)
    assert [d.commit for d in done] == list(reversed(world.remote.line(world.tip)[:4]))
    assert world.length() == length + 4
    assert world.agrees()


# ---- one identity, one image


def test_the_digest_of_the_promotion_that_won_is_adopted(world: World) -> None:
    older, newer = world.source(), world.source()
    mine = world.built(newer, digest(2))
    # the other build of the same identity pushed last, so its digest has the tag, and it promotes first
    winner = world.built(older, digest(1))
    client = world.client()
    client.script.append(interpose(lambda: world.promote(world.publication(winner))))
    world.promote(world.publication(mine), client)
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert (entry.digest, entry.status, entry.boot_commit) == (digest(1), "reused", newer)
    assert entry.repository_digest.endswith(digest(1))
    assert world.agrees()


def test_an_unproven_entry_of_the_same_identity_is_not_adopted(world: World) -> None:
    commit = world.source()
    forged = world.built(commit, digest(1)).model_copy(update={"image": "127.0.0.1:5000/other/x:y"})
    catalog = world.catalog.with_entries({"agentrun-mgr": forged})
    mine = world.built(commit, digest(2))
    world.remote.put(GITOPS, {LANE.catalog_path: catalog_bytes(catalog)})
    world.promote(world.publication(mine))
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert (entry.digest, entry.status) == (digest(2), "built")


def test_an_adopted_image_must_be_the_one_that_the_tag_names(world: World) -> None:
    commit = world.source()
    world.promote(world.publication(world.built(commit, digest(1))))
    newer = world.source()
    world.promote(world.publication(world.built(newer, digest(2))))  # pushed last: the tag is its own
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert entry.digest == digest(2)


# ---- a catalog that moved under a reuse


def reuse_of(entry: CatalogEntry, commit: CommitId) -> CatalogEntry:
    return entry.model_copy(update={"source_commit": commit, "boot_commit": commit, "status": "reused"})


def test_a_reuse_stands_on_the_catalog_that_the_plan_believed(world: World) -> None:
    first = world.built(world.source(), digest(1))
    world.promote(world.publication(first))
    believed = world.tip
    world.promote(world.publication(world.built(world.source(), digest(2), lock=b"[]\n")))
    newest = world.source()
    # the environment was turned back by the newest commit; the believed catalog is still on the branch
    world.promote(world.publication(reuse_of(first, newest), believed=believed))
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert entry.digest == digest(1)


def test_a_reuse_whose_believed_catalog_is_not_on_the_branch_is_refused(world: World) -> None:
    first = world.built(world.source(), digest(1))
    world.promote(world.publication(first))
    elsewhere = world.tip
    start = world.remote.line(world.tip)[-1]
    world.remote.branches[GITOPS] = start  # the branch was turned back by force
    newest = world.source()
    refused(
        Blocked,
        "catalog-moved",
        lambda: world.promote(world.publication(reuse_of(first, newest), believed=elsewhere)),
    )
    assert world.tip == start


def test_a_reuse_that_no_catalog_ever_recorded_is_refused(world: World) -> None:
    commit = world.source()
    forged = reuse_of(world.built(commit, digest(1)), commit)
    refused(Blocked, "catalog-moved", lambda: world.promote(world.publication(forged)))
    assert world.catalog.services == ()


# ---- rollback


def two_promotions(world: World) -> tuple[CommitId, CommitId, CommitId]:
    first = world.source()
    world.promote(world.publication(world.built(first, digest(1))))
    good = world.tip
    second = world.source()
    world.promote(world.publication(world.built(second, digest(2), lock=b"[]\n")))
    return first, good, second


@pytest.mark.parametrize("by_source", [False, True])
def test_a_rollback_is_a_new_commit_with_the_old_files(world: World, *, by_source: bool) -> None:
    first, good, _ = two_promotions(world)
    length = world.length()
    done = rollback(world.tools(), first if by_source else good, registry=world.registry)
    assert world.files == world.remote.commits[good].files
    assert world.length() == length + 1
    assert set(done.changed) <= {LANE.catalog_path, *MANIFESTS, *ATTESTATIONS}
    assert world.agrees()


def test_after_a_rollback_a_newer_commit_may_be_promoted_again(world: World) -> None:
    _, good, second = two_promotions(world)
    rollback(world.tools(), good, registry=world.registry)
    world.promote(world.publication(world.built(second, digest(2), lock=b"[]\n")))
    entry = world.catalog.entry("agentrun-mgr")
    assert entry is not None
    assert entry.boot_commit == second


def test_a_rollback_to_what_was_never_promoted_is_refused(world: World) -> None:
    two_promotions(world)
    before = world.tip
    for stranger in (commit_id(99), world.source()):
        refused(
            Blocked,
            "never-promoted",
            lambda stranger=stranger: rollback(world.tools(), stranger, registry=world.registry),
        )
    assert world.tip == before


def test_a_rollback_to_an_image_that_is_gone_is_refused(world: World) -> None:
    _, good, _ = two_promotions(world)
    before = world.tip
    world.registry.manifests = {held for held in world.registry.manifests if held[1] != digest(1)}
    refused(Blocked, "image-absent", lambda: rollback(world.tools(), good, registry=world.registry))
    assert world.tip == before


def test_a_rollback_to_a_catalog_that_was_broken_is_an_error_of_input(world: World) -> None:
    two_promotions(world)
    bad = world.remote.put(GITOPS, {LANE.catalog_path: b"{"})
    world.remote.put(GITOPS, {LANE.catalog_path: b"{}"})
    before = world.tip
    with pytest.raises(InputError):
        rollback(world.tools(), bad, registry=world.registry)
    assert world.tip == before


def test_a_rollback_on_a_lane_without_a_branch_is_refused() -> None:
    world = World()
    refused(Blocked, "catalog-missing", lambda: rollback(world.tools(), commit_id(1), registry=world.registry))

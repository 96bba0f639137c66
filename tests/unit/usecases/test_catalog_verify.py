"""catalog.verify on a simulated lane: it holds, and one changed byte anywhere makes it fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envid.core.audit import Outcome
from envid.core.catalog import Catalog, catalog_bytes, parse_catalog
from envid.core.deploy import Deploy, parse_deploy
from envid.core.publication import Publication
from envid.core.render import render_runtime
from envid.core.strictjson import canonical_json
from envid.core.values import CommitId
from envid.errors import Blocked, CheckFailed, RegistryError
from envid.usecases.catalog_verify import Verification, VerifyTools, verify_catalog
from envid.usecases.promote import PromotionTools, init_catalog, promote
from tests.support.builders import (
    LANE,
    REGISTRY,
    attestations_of,
    deploy_json,
    digest,
    entry_of,
    wanted_of,
)
from tests.support.simulators import Clock, MemoryGitOps, MemoryRegistry, Remote

MIRROR = "http://mirror.example/agentrun.git"
DEPLOY: Deploy = parse_deploy(canonical_json(deploy_json()))


def render(catalog: Catalog) -> dict[str, bytes]:
    return render_runtime(DEPLOY, catalog, LANE, mirror_read_url=MIRROR)


@dataclass
class Promoted:
    """A lane with one honest promotion."""

    remote: Remote = field(default_factory=Remote)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        clock = Clock()
        tools = PromotionTools(lane=LANE, gitops=self.gitops, clock=clock, sleep=clock.sleep)
        commit = self.remote.grow(LANE.source_branch, 3)
        init_catalog(tools)
        wanted = wanted_of()
        # the provenance says which commit it was built from
        entry = entry_of(wanted, image=digest(1), commit=commit)
        dependency = entry.provenance.resolved_dependencies[0].model_copy(update={"digest": {"gitCommit": commit}})
        provenance = entry.provenance.model_copy(update={"resolved_dependencies": (dependency,)})
        entry = entry_of(wanted, image=digest(1), commit=commit, provenance=provenance)
        self.registry.push(wanted.image, digest(1))
        publication = Publication(
            schema_version="agentrun.publication/1",
            commit=commit,
            mirror_revision=self.remote.branches[LANE.gitops_branch],
            entries=(entry,),
            attestations=attestations_of(entry),
        )
        promote(tools, publication, DEPLOY, registry=self.registry, runtime_mirror_url=MIRROR)

    @property
    def gitops(self) -> MemoryGitOps:
        return MemoryGitOps(self.remote)

    @property
    def files(self) -> dict[str, bytes]:
        return self.remote.commits[self.remote.branches[LANE.gitops_branch]].files

    @property
    def tools(self) -> VerifyTools:
        return VerifyTools(
            lane=LANE,
            registry_host=REGISTRY,
            gitops=self.gitops,
            registry=self.registry,
            render=render,
            signer=None,
        )

    def verify(self) -> Verification:
        return verify_catalog(self.tools)

    def with_file(self, path: str, content: bytes) -> Verification:
        """Verify as if somebody had committed ``content``; nothing stays."""
        before = self.remote.branches[LANE.gitops_branch]
        self.remote.put(LANE.gitops_branch, {path: content})
        try:
            return self.verify()
        finally:
            self.remote.branches[LANE.gitops_branch] = before


@pytest.fixture(scope="module")
def lane() -> Promoted:
    return Promoted()


def failed(found: Verification) -> set[str]:
    return {check.name for check in found.checks if check.outcome is Outcome.FAIL}


def test_an_honest_promotion_holds_in_every_check(lane: Promoted) -> None:
    found = lane.verify()
    assert found.holds, found
    names = [check.name for check in found.checks]
    assert names == ["catalog", "identity", "source", "registry", "provenance", "sbom", "pins", "runtime"]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_byte_anywhere_on_the_branch_fails(lane: Promoted, data: st.DataObject) -> None:
    paths = sorted(lane.files)
    path = data.draw(st.sampled_from(paths))
    content = lane.files[path]
    place = data.draw(st.integers(0, len(content) - 1))
    mask = data.draw(st.integers(1, 255))
    changed = content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]
    assert failed(lane.with_file(path, changed)), (path, place, mask)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_byte_more_or_less_fails(lane: Promoted, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(lane.files)))
    content = lane.files[path]
    place = data.draw(st.integers(0, len(content)))
    changed = data.draw(
        st.sampled_from([content[:place] + b" " + content[place:], content[:place], content + b"\n", b""])
    )
    if changed != content:
        assert failed(lane.with_file(path, changed)), (path, place)


def test_a_file_too_many_or_too_few_fails(lane: Promoted) -> None:
    stray = f"{LANE.runtime_path}/stray.yaml"
    assert failed(lane.with_file(stray, b"kind: Pod\n")) == {"runtime"}
    assert failed(lane.with_file(f"{LANE.runtime_path}/attestations/other.json", b"{}")) == {"runtime"}
    tools = replace(lane.tools, render=lambda c: render(c) | {f"{LANE.runtime_path}/more.yaml": b""})
    assert failed(verify_catalog(tools)) == {"runtime"}


def test_an_edited_manifest_fails_though_the_renderer_can_not_be_asked(lane: Promoted) -> None:
    path = f"{LANE.runtime_path}/agentrun-mgr-deployment.yaml"
    tagged = lane.files[path].replace(b"@sha256:", b":v1 #")
    assert tagged != lane.files[path]
    tools = replace(lane.tools, render=lambda _: None)
    before = lane.remote.branches[LANE.gitops_branch]
    lane.remote.put(LANE.gitops_branch, {path: tagged})
    found = verify_catalog(tools)
    lane.remote.branches[LANE.gitops_branch] = before
    assert "pins" in failed(found)


def test_what_can_not_be_asked_is_unknown_and_no_pass(lane: Promoted) -> None:
    found = verify_catalog(replace(lane.tools, render=lambda _: None))
    assert not found.holds
    assert [(c.name, c.outcome) for c in found.checks if c.outcome is not Outcome.PASS] == [
        ("runtime", Outcome.UNKNOWN)
    ]
    down = MemoryRegistry(fault=RegistryError("the registry is down", code="registry-unreachable"))
    found = verify_catalog(replace(lane.tools, registry=down))
    assert [(c.name, c.outcome) for c in found.checks if c.outcome is not Outcome.PASS] == [
        ("registry", Outcome.UNKNOWN)
    ]


@pytest.mark.parametrize("fault", ["gone", "incomplete", "tag moved", "tag gone"])
def test_an_image_that_is_not_the_recorded_one_fails(lane: Promoted, fault: str) -> None:
    image = wanted_of().image
    registry = MemoryRegistry()
    registry.push(image, digest(1))
    match fault:
        case "gone":
            registry = MemoryRegistry()
        case "incomplete":
            registry.incomplete.add(digest(1))
        case "tag moved":
            registry.push(image, digest(2))
        case _:
            registry.tags.clear()
    assert failed(verify_catalog(replace(lane.tools, registry=registry))) == {"registry"}


def test_a_source_commit_that_the_mirror_lacks_fails(lane: Promoted) -> None:
    before = lane.remote.branches[LANE.source_branch]
    del lane.remote.branches[LANE.source_branch]
    assert "source" in failed(lane.verify())
    lane.remote.branches[LANE.source_branch] = before


def test_a_build_that_claims_another_commit_fails(lane: Promoted) -> None:
    catalog = parse_catalog(lane.files[LANE.catalog_path], where="tip")
    older = lane.remote.line(lane.remote.branches[LANE.source_branch])[1]
    entry = catalog.services[0].model_copy(update={"source_commit": older, "boot_commit": older})
    content = catalog_bytes(catalog.with_entries({entry.service_id: entry}))
    assert "identity" in failed(lane.with_file(LANE.catalog_path, content))


def test_a_signature_is_asked_for_where_signers_are_set(lane: Promoted) -> None:
    def nobody(commit: CommitId) -> str:
        raise CheckFailed(f"{commit.short} is not signed")

    assert failed(verify_catalog(replace(lane.tools, signer=nobody))) == {"signature"}
    found = verify_catalog(replace(lane.tools, signer=lambda _: "ci@example.org (SHA256:x)"))
    assert found.holds
    assert found.checks[0].seen == "ci@example.org (SHA256:x)"


def test_without_a_catalog_there_is_nothing_to_verify() -> None:
    with pytest.raises(Blocked) as caught:
        verify_catalog(replace(Promoted().tools, gitops=MemoryGitOps(Remote())))
    assert caught.value.code == "catalog-missing"

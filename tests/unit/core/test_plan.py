"""Build or reuse: every reason is reachable, and an entry is believed only while every proof holds."""

from __future__ import annotations

from typing import Any

import pytest

from envid.core.catalog import CatalogEntry
from envid.core.deploy import ImageRef
from envid.core.plan import Decision, Judgement, Plan, Reason, changed_inputs, conclude, judge
from envid.core.values import CommitId, Digest, EnvIdentity
from tests.support.builders import LANE, commit_id, digest, entry_of, wanted_of

WANTED = wanted_of()
IMAGE = digest(1)
ENTRY = entry_of(WANTED, image=IMAGE, commit=commit_id(7))


def edited(**fields: Any) -> CatalogEntry:
    return ENTRY.model_copy(update=fields)


def edited_input(**fields: Any) -> CatalogEntry:
    first, *rest = ENTRY.toolchain_inputs.inputs
    inputs = (first.model_copy(update=fields), *rest)
    return edited(toolchain_inputs=ENTRY.toolchain_inputs.model_copy(update={"inputs": inputs}))


def other_ref(**fields: Any) -> ImageRef:
    return ENTRY.image_ref.model_copy(update=fields)


def final(entry: CatalogEntry | None, *, by_digest: Digest | None = IMAGE, by_tag: Digest | None = IMAGE) -> Judgement:
    judgement = judge(WANTED, entry, LANE)
    if judgement.decision is Decision.REUSE and entry is not None:
        judgement = conclude(judgement, entry, by_digest=by_digest, by_tag=by_tag)
    return judgement


def test_an_honest_entry_is_reused_with_its_digest() -> None:
    judgement = final(ENTRY)
    assert (judgement.decision, judgement.reason, judgement.digest) == (Decision.REUSE, Reason.PROVEN, IMAGE)
    assert judgement.boot_from == commit_id(7)
    assert not judgement.unsafe


BUILDS = [
    (None, Reason.FIRST_BUILD),
    (edited(env_identity=EnvIdentity("0" * 64)), Reason.IDENTITY_CHANGED),
    (entry_of(wanted_of(lock=b"{ }"), image=IMAGE, commit=commit_id(7)), Reason.IDENTITY_CHANGED),
    (
        edited(toolchain_inputs=ENTRY.toolchain_inputs.model_copy(update={"scheme": "envid/0"})),
        Reason.SCHEME_CHANGED,
    ),
]


@pytest.mark.parametrize(("entry", "reason"), BUILDS)
def test_an_entry_that_does_not_claim_the_identity_means_build(entry: CatalogEntry | None, reason: Reason) -> None:
    judgement = final(entry)
    assert (judgement.decision, judgement.reason) == (Decision.BUILD, reason)
    assert judgement.digest is None
    assert not judgement.unsafe


UNSAFE = [
    (edited(lane="v0.2"), Reason.LANE_DISAGREES),
    (edited(source_branch="main"), Reason.LANE_DISAGREES),
    (edited(gitops_branch="v0.2-gitops"), Reason.LANE_DISAGREES),
    (edited(service_id="other"), Reason.LANE_DISAGREES),
    (edited(image_ref=other_ref(commit_id=commit_id(9))), Reason.SOURCE_DISAGREES),
    (edited(image_ref=other_ref(repo_url="git@github.com:someone/else.git")), Reason.SOURCE_DISAGREES),
    (edited_input(blake3="0" * 64), Reason.INPUTS_DISAGREE),
    (edited_input(value="elsewhere"), Reason.INPUTS_DISAGREE),
    (edited_input(name="renamed"), Reason.INPUTS_DISAGREE),
    (edited_input(mode="100755"), Reason.INPUTS_DISAGREE),
    (edited_input(size=1), Reason.INPUTS_DISAGREE),
    (
        edited(toolchain_inputs=ENTRY.toolchain_inputs.model_copy(update={"inputs": ()})),
        Reason.INPUTS_DISAGREE,
    ),
    (edited(image="127.0.0.1:5000/other/name:" + WANTED.identity), Reason.REPOSITORY_DISAGREES),
    (edited(image=f"{WANTED.image.name}:latest"), Reason.REPOSITORY_DISAGREES),
    (edited(repository_digest=f"127.0.0.1:5000/other/name@{IMAGE}"), Reason.REPOSITORY_DISAGREES),
    (edited(repository_digest=f"{WANTED.image.name}@{digest(2)}"), Reason.DIGEST_DISAGREES),
    (edited(digest=digest(2)), Reason.DIGEST_DISAGREES),
]


@pytest.mark.parametrize(("entry", "reason"), UNSAFE)
def test_an_entry_that_claims_the_identity_and_fails_a_proof_is_unsafe(entry: CatalogEntry, reason: Reason) -> None:
    judgement = final(entry)
    assert (judgement.decision, judgement.reason, judgement.unsafe) == (Decision.BLOCKED, reason, True)
    assert judgement.digest is None
    assert judgement.detail


ANSWERS = [
    (None, IMAGE, Reason.IMAGE_ABSENT),
    (None, None, Reason.IMAGE_ABSENT),
    (IMAGE, None, Reason.IMAGE_ABSENT),
    (digest(2), IMAGE, Reason.DIGEST_DISAGREES),
    (IMAGE, digest(2), Reason.DIGEST_DISAGREES),
]


@pytest.mark.parametrize(("by_digest", "by_tag", "reason"), ANSWERS)
def test_a_registry_that_does_not_confirm_makes_it_unsafe(
    by_digest: Digest | None, by_tag: Digest | None, reason: Reason
) -> None:
    judgement = final(ENTRY, by_digest=by_digest, by_tag=by_tag)
    assert (judgement.decision, judgement.reason, judgement.unsafe) == (Decision.BLOCKED, reason, True)
    assert judgement.digest is None


def test_a_rebuild_that_was_asked_for_builds_over_any_entry() -> None:
    for entry in (ENTRY, edited(lane="v0.2")):
        judgement = judge(WANTED, entry, LANE, rebuild=True)
        assert (judgement.decision, judgement.reason) == (Decision.BUILD, Reason.REBUILD_ASKED)
    assert judge(WANTED, None, LANE, rebuild=True).reason is Reason.FIRST_BUILD


def test_every_reason_is_reachable() -> None:
    reached = {reason for _, reason in BUILDS} | {reason for _, reason in UNSAFE} | {r for *_, r in ANSWERS}
    assert reached | {Reason.PROVEN, Reason.REBUILD_ASKED} == set(Reason)


def test_a_changed_input_is_named() -> None:
    entry = entry_of(wanted_of(lock=b"{ }"), image=IMAGE, commit=commit_id(7))
    judgement = final(entry)
    assert judgement.changed == ("bun.lock",)
    assert "bun.lock" in judgement.detail


def test_an_edited_identity_over_unchanged_inputs_says_so() -> None:
    judgement = final(edited(env_identity=EnvIdentity("0" * 64)))
    assert judgement.changed == ()
    assert "not that of its inputs" in judgement.detail


def test_changed_inputs_are_those_that_one_side_lacks_or_that_differ() -> None:
    before = WANTED.inputs
    after = tuple(i._replace(mode="100755") if i.name == "package.json" else i for i in before[1:])
    assert changed_inputs(before, after) == ("package.json", "platform")
    assert changed_inputs(before, reversed(before)) == ()


def plan_of(*judgements: Judgement) -> Plan:
    return Plan(commit=CommitId("1" * 40), mirror_revision=CommitId("2" * 40), judgements=judgements)


def test_the_summary_counts_and_an_unsafe_reuse_stops_everything() -> None:
    good, new, bad = final(ENTRY), final(None), final(edited(lane="v0.2"))
    plan = plan_of(good, new, new)
    assert str(plan.summary) == "build=2 reuse=1 unsafeReuse=0"
    assert plan.may_go_on
    stopped = plan_of(good, new, bad)
    assert str(stopped.summary) == "build=1 reuse=1 unsafeReuse=1"
    assert not stopped.may_go_on

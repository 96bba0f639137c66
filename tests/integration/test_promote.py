"""Promotion over real HTTP with a real registry and BuildKit: what it touches, kills at any instant, rivals (R9)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envid.core.catalog import parse_catalog
from envid.core.deploy import parse_deploy
from envid.core.manifest import digest_of
from envid.core.publication import Publication, parse_publication, publication_bytes
from envid.core.render import render_runtime
from envid.core.values import CommitId
from tests.support.builders import LANE, SourceRepo, git
from tests.support.cli import Ran, invoke
from tests.support.lanes import Stack

pytestmark = pytest.mark.integration

# nothing to pull: what is tested here does not depend on the base image
CONTAINERFILE = """\
FROM scratch
COPY package.json bun.lock tsconfig.json /env/
COPY deploy/runtime/boot/*.sh /boot/
"""
KILLS = 20


@dataclass
class Lane:
    """A source repository with a lane on the running stack; ``mirror`` is the mirror's bare repository on disk."""

    repo: SourceRepo
    mirror: Path
    write_url: str
    environment: dict[str, str]
    published: list[Publication] = field(default_factory=list)

    def run(self, *arguments: str, expect: int = 0, **environment: str) -> Ran:
        ran = invoke(self.repo.root, *arguments, **self.environment | environment)
        assert ran.code == expect, f"{arguments}: {ran.out}{ran.err}"
        assert "Traceback" not in ran.err
        return ran

    def push_source(self) -> CommitId:
        git(self.repo.root, "push", "--quiet", self.write_url, "HEAD:refs/heads/v0.1")
        return self.repo.head

    def business_change(self) -> CommitId:
        self.repo.write("src/main.ts", f"export const at = {time.monotonic_ns()};\n")
        self.repo.commit("Business")
        return self.push_source()

    def publish(self) -> Publication:
        """Build the first image for real."""
        self.run("publish")
        found = parse_publication(self.publication_file(self.repo.head).read_bytes(), where="publication")
        self.published.append(found)
        return found

    def reuse(self, commit: CommitId) -> Publication:
        """Publish ``commit`` as a reuse of the promoted image, as ``publish`` would."""
        (entry,) = self.published[0].entries
        reused = entry.model_copy(update={"source_commit": commit, "boot_commit": commit, "status": "reused"})
        publication = self.published[0].model_copy(
            update={"commit": commit, "entries": (reused,), "mirror_revision": self.tip}
        )
        place = self.publication_file(commit)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(publication_bytes(publication))
        return publication

    def publication_file(self, commit: CommitId) -> Path:
        return Path(self.environment["ENVID_STATE"]) / "publications" / LANE.name / f"{commit}.json"

    @property
    def tip(self) -> CommitId:
        return CommitId(git(self.mirror, "rev-parse", "refs/heads/v0.1-gitops"))

    def files(self, commit: CommitId) -> dict[str, bytes]:
        names = git(self.mirror, "ls-tree", "-r", "--name-only", commit).split("\n")
        return {
            name: subprocess.run(
                ["git", "-C", str(self.mirror), "cat-file", "blob", f"{commit}:{name}"], capture_output=True, check=True
            ).stdout
            for name in names
            if name
        }

    def boot_commit(self, commit: CommitId) -> str | None:
        """The promoted boot commit, after seeing that catalog and runtime of ``commit`` agree."""
        files = self.files(commit)
        catalog = parse_catalog(files[LANE.catalog_path], where=str(commit))
        runtime = {path: content for path, content in files.items() if path.startswith(f"{LANE.runtime_path}/")}
        if not catalog.services:
            assert runtime == {}
            return None
        deploy = parse_deploy((self.repo.root / "deploy/deploy.json").read_bytes())
        attested = {
            reference.path: reference.digest
            for entry in catalog.services
            for reference in (entry.attestations.provenance, entry.attestations.sbom)
        }
        assert {path: digest_of(runtime.pop(path)) for path in attested} == attested
        assert runtime == render_runtime(deploy, catalog, LANE, mirror_read_url=LANE.mirror_read_url)
        return catalog.services[0].boot_commit


@pytest.fixture(scope="module")
def make(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Lane]:
    def made(name: str) -> Lane:
        read, write, origin = stack.new_repository(name)
        folder = tmp_path_factory.mktemp(name)
        repo = SourceRepo.create(folder / "source")
        repo.write("Containerfile", CONTAINERFILE)
        repo.write("tasks.py", "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
        repo.commit("Adopt the lane")
        repo.pin()
        environment = {
            "ENVID_STATE": str(folder / "state"),
            "ENVID_REGISTRY": stack.services.registry,
            "ENVID_MIRROR_READ_URL": read,
            "ENVID_MIRROR_WRITE_URL": write,
            "ENVID_ORIGIN_URL": origin,
            "BUILDKIT_HOST": stack.services.buildkit_host,
        }
        lane = Lane(repo, stack.state / "local/git/mirror/test" / f"{name}.git", write, environment)
        lane.push_source()
        lane.run("catalog.init")
        return lane

    return made


@pytest.fixture(scope="module")
def lane(make: Callable[[str], Lane]) -> Lane:
    """A lane whose first image is built and promoted."""
    made = make("promote")
    made.publish()
    made.run("promote")
    return made


def raw_changes(lane: Lane, commit: CommitId) -> list[str]:
    return git(lane.mirror, "diff-tree", "-r", "--no-commit-id", "--name-only", commit).split()


def test_one_commit_changes_only_the_catalog_and_the_runtime(lane: Lane) -> None:
    beside = git_commit_beside(lane, {"NOTES.md": "kept\n", "deploy/gitops/g14/runtime-v02/x.yaml": "kept: 1\n"})
    commit = lane.business_change()
    lane.reuse(commit)
    before_tree = lane.repo.snapshot()
    refs = git(lane.mirror, "for-each-ref", "--format=%(refname) %(objectname)")
    document = lane.run("promote", "--json").json
    tip = lane.tip
    assert document["commit"] == tip
    assert git(lane.mirror, "rev-list", "--parents", "-1", tip).split() == [tip, beside]
    changed = raw_changes(lane, tip)
    assert changed == document["changed"]
    assert all(path == LANE.catalog_path or path.startswith(f"{LANE.runtime_path}/") for path in changed)
    assert lane.boot_commit(tip) == commit
    # nothing else moved: no other ref, no file of the source repository
    after = git(lane.mirror, "for-each-ref", "--format=%(refname) %(objectname)")
    assert set(after.split("\n")) - set(refs.split("\n")) == {f"refs/heads/v0.1-gitops {tip}"}
    assert lane.repo.snapshot() == before_tree


def git_commit_beside(lane: Lane, files: dict[str, str]) -> CommitId:
    """Commit files to the GitOps branch as somebody else, and return the commit."""
    work = lane.repo.root.parent / f"beside-{time.monotonic_ns()}"
    git(lane.repo.root.parent, "clone", "--quiet", "--branch=v0.1-gitops", str(lane.mirror), str(work))
    other = SourceRepo(work)
    for name, content in files.items():
        other.write(name, content)
    commit = other.commit("By hand")
    git(work, "push", "--quiet", lane.write_url, "HEAD:refs/heads/v0.1-gitops")
    return commit


def test_promoting_again_changes_nothing(lane: Lane) -> None:
    before = lane.tip
    assert lane.run("promote", "--json").json["changed"] == []
    assert lane.tip == before


def test_the_read_url_takes_no_promotion(lane: Lane) -> None:
    lane.reuse(lane.business_change())
    before = lane.tip
    ran = lane.run("promote", "--json", expect=4, ENVID_MIRROR_WRITE_URL=lane.environment["ENVID_MIRROR_READ_URL"])
    assert ran.json["error"] == "push-failed"
    assert lane.tip == before
    lane.run("promote")


def test_a_hook_that_refuses_is_told_and_not_tried_again(lane: Lane) -> None:
    lane.reuse(lane.business_change())
    before = lane.tip
    hook = lane.mirror / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the branch is frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    try:
        ran = lane.run("promote", "--json", expect=3)
    finally:
        hook.unlink()
    assert ran.json["error"] == "push-refused"
    assert ran.json["next"]
    assert lane.tip == before
    lane.run("promote")


def test_a_rollback_brings_files_back_byte_for_byte(lane: Lane) -> None:
    good = lane.tip
    lane.reuse(lane.business_change())
    lane.run("promote")
    lane.run("promote", "--rollback-to", good)
    assert lane.files(lane.tip) == lane.files(good)
    assert git(lane.mirror, "rev-list", "--count", f"{good}..{lane.tip}") == "2"


def test_an_older_commit_is_refused(lane: Lane) -> None:
    older = lane.business_change()
    lane.reuse(older)
    lane.reuse(lane.business_change())
    lane.run("promote")
    before = lane.tip
    assert lane.run("promote", "--json", "--commit", older, expect=3).json["error"] == "older-than-promoted"
    assert lane.tip == before


# ---- killed at any instant


def start(lane: Lane, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT_", "INVOKE_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=lane.repo.root,
        env=kept | lane.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize("whole_group", [True, False], ids=["with its children", "alone"])
def test_a_kill_at_any_instant_leaves_the_old_state_or_the_new_one(lane: Lane, *, whole_group: bool) -> None:
    lane.reuse(lane.business_change())
    begun = time.monotonic()
    lane.run("promote")
    usual = time.monotonic() - begun
    outcomes: set[str] = set()
    for number in range(KILLS // 2):
        commit = lane.business_change()
        lane.reuse(commit)
        old = lane.tip
        process = start(lane, "promote")
        try:
            process.communicate(timeout=usual * (number + 0.5) / (KILLS // 2))
        except subprocess.TimeoutExpired:
            if whole_group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.communicate()
        seen = lane.tip
        boot = lane.boot_commit(seen)
        if seen == old:
            assert boot != commit
            outcomes.add("old")
        else:
            assert boot == commit
            assert git(lane.mirror, "rev-parse", f"{seen}^") == old
            outcomes.add("new")
        # whatever was left, the next run ends well
        lane.run("promote")
        assert lane.boot_commit(lane.tip) == commit
    assert "old" in outcomes
    git(lane.mirror, "fsck", "--strict", "--no-dangling")


# ---- rivals


def test_promotions_at_once_lose_nothing(make: Callable[[str], Lane], tmp_path: Path) -> None:
    lane = make("rivals")
    lane.publish()
    lane.run("promote")
    start_tip = lane.tip
    commits = [lane.business_change() for _ in range(4)]
    for commit in commits:
        lane.reuse(commit)
    rivals = []
    for number, commit in enumerate(commits):
        # each has a state folder of its own, as runs on different machines have
        rivals.append(
            start(
                lane, "promote", "--json", "--commit", commit, "--publication", str(lane.publication_file(commit)),
                ENVID_STATE=str(tmp_path / str(number)),
            )
        )  # fmt: skip
    notes = [git_commit_beside_with_retry(lane, number) for number in range(3)]
    acknowledged: list[str] = []
    for rival in rivals:
        out, err = rival.communicate(timeout=300)
        document: dict[str, Any] = json.loads(out)
        assert rival.returncode in {0, 3}, err.decode()
        if rival.returncode == 0:
            acknowledged.append(document["commit"])
        else:
            assert document["error"] == "older-than-promoted"
    line = git(lane.mirror, "rev-list", "--first-parent", f"{start_tip}..{lane.tip}").split()
    assert set(acknowledged) | set(notes) == set(line)
    assert lane.boot_commit(lane.tip) == commits[-1]
    assert {f"note-{number}.md" for number in range(3)} <= set(lane.files(lane.tip))


def git_commit_beside_with_retry(lane: Lane, number: int) -> CommitId:
    """Push a file of somebody else's beside the rivals, as often as it takes."""
    for _ in range(50):
        try:
            return git_commit_beside(lane, {f"note-{number}.md": "x\n"})
        except AssertionError as error:
            if "rejected" not in str(error):
                raise
    raise AssertionError("the note never got in")

"""The cluster's own mirror between a lane and GitHub's stand-in; it goes on where ``test_lane.py`` ends (R10)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.lanes import git
from tests.support.releases import Release
from tests.support.world import READ_URL, World

FIELDS = {
    "schemaVersion",
    "localV01",
    "githubV01",
    "localGitops",
    "githubGitops",
    "pendingFlush",
    "exactFetch",
    "sourceInSync",
    "refs",
}


def test_a_release_synced_the_mirror_first(world: World, second: Release) -> None:
    assert second.run["synced"] is True
    status = world.json("git-mirror.status")
    assert set(status) == FIELDS
    assert (status["localV01"], status["sourceInSync"]) == (second.commit, True)
    assert status["exactFetch"] == {"localV01": True}
    # the specification's own spelling
    spelled = json.loads(world.run("v01", "git-mirror", "status", "--json", program="agentrun").stdout)
    assert spelled | {"refs": {}} == status | {"refs": {}}


def test_a_mirror_that_is_behind_looks_behind(world: World, second: Release) -> None:
    commit = world.commit("Not on the mirror yet")
    status = world.json("git-mirror.status")
    assert (status["localV01"], status["githubV01"], status["sourceInSync"]) == (second.commit, commit, False)
    assert status["refs"]["v0.1"]["behind"] == 1
    world.run("git-mirror.sync")
    assert world.json("git-mirror.status")["sourceInSync"] is True


@pytest.mark.usefixtures("second")
def test_the_mirror_gives_exactly_a_commit_at_depth_one(world: World, tmp_path: Path) -> None:
    wanted = world.git("rev-parse", "HEAD~1")
    git(tmp_path, "init", "--quiet")
    fetched = world.mirror_git(READ_URL, "fetch", "--quiet", "--depth=1", "<url>", wanted, folder=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    assert git(tmp_path, "log", "--format=%H", "FETCH_HEAD").split() == [wanted]


@pytest.mark.usefixtures("second")
def test_flush_moves_github_forward_and_never_forces(world: World) -> None:
    tip = world.gitops("rev-parse", "FETCH_HEAD")
    world.run("git-mirror.flush", expect=2)
    world.run("git-mirror.flush", "--confirm")
    status = world.json("git-mirror.status")
    assert (status["githubGitops"], status["pendingFlush"]) == (tip, False)

    by_hand = world.git("commit-tree", f"{tip}^{{tree}}", "-p", f"{tip}~1", "-m", "By hand")
    world.rewrite_origin("v0.1-gitops", by_hand)
    refused = world.json("git-mirror.flush", "--confirm", expect=3)
    assert refused["error"] == "diverged"
    assert world.json("git-mirror.status")["githubGitops"] == by_hand
    world.rewrite_origin("v0.1-gitops", tip)


@pytest.mark.usefixtures("second")
def test_a_rewritten_source_branch_is_refused_with_what_to_do(world: World) -> None:
    before = world.git("rev-parse", "HEAD")
    rewritten = world.git("commit-tree", "HEAD^{tree}", "-p", "HEAD~1", "-m", "Rewritten")
    world.rewrite_origin("v0.1", rewritten)
    try:
        for command in ("git-mirror.sync", "trigger-current"):
            refused = world.json(command, expect=3)
            assert refused["error"] == "diverged"
            assert f"git merge {before}" in refused["next"]
        assert world.json("git-mirror.status")["localV01"] == before
    finally:
        world.rewrite_origin("v0.1", before)

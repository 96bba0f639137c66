"""The relay between GitHub and the mirror, on two real remotes: what is shown, moved and refused (R10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envid.errors import Blocked, GitError
from envid.usecases.mirror import Mirror
from tests.support.builders import LANE, commit_id, git
from tests.support.remotes import Remotes, serve_remotes
from tests.support.simulators import Clock

SOURCE, GITOPS = LANE.source_branch, LANE.gitops_branch


@pytest.fixture
def remotes(tmp_path: Path) -> Iterator[Remotes]:
    with serve_remotes(tmp_path / "served") as served:
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mirror(remotes: Remotes, tmp_path: Path, clock: Clock) -> Mirror:
    url = remotes.url("mirror")
    return Mirror(tmp_path / "state", LANE, read_url=url, write_url=url, origin_url=remotes.url("github"), clock=clock)


def test_status_shows_every_field_of_both_branches(remotes: Remotes, mirror: Mirror, clock: Clock) -> None:
    old = remotes.commit("github", SOURCE)
    mirror.sync()
    promoted = remotes.commit("mirror", GITOPS)
    mirror.flush()
    newest = [remotes.commit("github", SOURCE) for _ in range(3)][-1]
    ahead = [remotes.commit("mirror", GITOPS) for _ in range(2)][-1]
    moved_at = int(clock())
    clock.sleep(7200)
    assert mirror.status().as_json() == {
        "schemaVersion": "agentrun.git-mirror/1",
        "localV01": old,
        "githubV01": newest,
        "localGitops": ahead,
        "githubGitops": promoted,
        "pendingFlush": True,
        "exactFetch": {"localV01": True},
        "sourceInSync": False,
        "refs": {
            "v0.1": {"ahead": 0, "behind": 3, "lastSuccess": moved_at, "ageSeconds": 7200},
            "v0.1-gitops": {"ahead": 2, "behind": 0, "lastSuccess": moved_at, "ageSeconds": 7200},
        },
    }


def test_what_was_never_moved_from_here_has_no_age(remotes: Remotes, mirror: Mirror) -> None:
    remotes.commit("github", SOURCE)
    data = mirror.status().as_json()
    assert (data["localV01"], data["localGitops"], data["githubGitops"]) == (None, None, None)
    assert data["exactFetch"] == {"localV01": False}
    assert data["pendingFlush"] is False
    assert data["refs"]["v0.1"] == {"ahead": None, "behind": None, "lastSuccess": None, "ageSeconds": None}


def test_a_success_that_had_nothing_to_move_is_one_too(remotes: Remotes, mirror: Mirror, clock: Clock) -> None:
    remotes.commit("github", SOURCE)
    mirror.sync()
    clock.sleep(100)
    mirror.sync()
    clock.sleep(5)
    assert mirror.status().source.age == 5


def test_a_side_that_is_away_is_an_error_and_no_absent_branch(remotes: Remotes, tmp_path: Path, clock: Clock) -> None:
    remotes.commit("mirror", SOURCE)
    url = remotes.url("mirror")
    nowhere = Mirror(
        tmp_path / "state", LANE, read_url=url, write_url=url, origin_url="http://127.0.0.1:9/x.git", clock=clock
    )
    with pytest.raises(GitError):
        nowhere.status()


def test_sync_brings_the_source_in_and_leaves_the_promotions_alone(remotes: Remotes, mirror: Mirror) -> None:
    first = remotes.commit("github", SOURCE)
    moved = mirror.sync()[0]
    assert (moved.branch, moved.before, moved.after) == (SOURCE, None, first)
    remotes.commit("github", GITOPS)
    ahead = remotes.commit("mirror", GITOPS, parent="")
    newest = remotes.commit("github", SOURCE)
    assert [(m.before, m.after) for m in mirror.sync()] == [(first, newest)]
    assert remotes.tip("mirror", SOURCE) == newest
    assert remotes.tip("mirror", GITOPS) == ahead


def test_sync_brings_back_promotions_that_the_mirror_lost(remotes: Remotes, mirror: Mirror) -> None:
    remotes.commit("github", SOURCE)
    promoted = remotes.commit("github", GITOPS)
    assert [m.branch for m in mirror.sync()] == [SOURCE, GITOPS]
    assert remotes.tip("mirror", GITOPS) == promoted


@pytest.mark.parametrize("rewritten", ["begun anew", "gone back and on", "gone back"])
def test_sync_of_a_rewritten_source_branch_is_refused_with_a_way_out(
    remotes: Remotes, mirror: Mirror, rewritten: str
) -> None:
    first = remotes.commit("github", SOURCE)
    old = remotes.commit("github", SOURCE)
    mirror.sync()
    match rewritten:
        case "begun anew":
            new = remotes.commit("github", SOURCE, "Rewritten", parent="")
        case "gone back and on":
            new = remotes.commit("github", SOURCE, "Rewritten", parent=first)
        case _:
            git(remotes.bare("github"), "update-ref", f"refs/heads/{SOURCE}", new := first)
    with pytest.raises(Blocked) as caught:
        mirror.sync()
    assert caught.value.code == "diverged"
    assert "rewritten" in caught.value.what
    assert old.short in caught.value.what
    assert new.short in caught.value.what
    assert f"git merge {old}" in caught.value.remedy
    assert remotes.tip("mirror", SOURCE) == old
    assert mirror.status().source_in_sync is False


def test_the_way_out_of_a_rewrite_is_one(remotes: Remotes, mirror: Mirror) -> None:
    first = remotes.commit("github", SOURCE)
    old = remotes.commit("github", SOURCE)
    mirror.sync()
    new = remotes.commit("github", SOURCE, "Rewritten", parent=first)
    bare = remotes.bare("github")

    merged = git(bare, "commit-tree", f"{new}^{{tree}}", "-m", "Merge", "-p", new, "-p", old)
    git(bare, "update-ref", f"refs/heads/{SOURCE}", merged)
    assert mirror.sync()[0].after == merged


def test_a_github_without_the_source_branch_blocks(remotes: Remotes, mirror: Mirror) -> None:
    remotes.commit("mirror", SOURCE)
    with pytest.raises(Blocked) as caught:
        mirror.sync()
    assert caught.value.code == "source-missing"
    assert remotes.tip("mirror", SOURCE)


def test_flush_fast_forwards_github(remotes: Remotes, mirror: Mirror) -> None:
    first = remotes.commit("mirror", GITOPS)
    assert mirror.flush().after == first
    newest = remotes.commit("mirror", GITOPS)
    moved = mirror.flush()
    assert (moved.before, moved.after) == (first, newest)
    assert remotes.tip("github", GITOPS) == newest
    assert mirror.flush().before == newest
    assert mirror.status().pending_flush is False


def _other_commit(remotes: Remotes) -> None:
    remotes.commit("github", GITOPS, "By hand")
    remotes.commit("mirror", GITOPS)


def _ahead(remotes: Remotes) -> None:
    remotes.commit("github", GITOPS, "By hand")


def _unrelated(remotes: Remotes) -> None:
    remotes.commit("github", GITOPS, "Anew", parent="")


@pytest.mark.parametrize("deed", [_other_commit, _ahead, _unrelated])
def test_flush_refuses_a_diverged_github_and_never_forces(
    remotes: Remotes, mirror: Mirror, deed: Callable[[Remotes], None]
) -> None:
    remotes.commit("mirror", GITOPS)
    mirror.flush()
    deed(remotes)
    before = {side: remotes.tip(side, GITOPS) for side in ("mirror", "github")}
    with pytest.raises(Blocked) as caught:
        mirror.flush()
    assert caught.value.code == "diverged"
    assert "a person must decide" in caught.value.remedy
    assert before == {side: remotes.tip(side, GITOPS) for side in ("mirror", "github")}
    assert mirror.status().pending_flush is True


def test_a_mirror_without_promotions_has_nothing_to_flush(remotes: Remotes, mirror: Mirror) -> None:
    remotes.commit("github", GITOPS)
    with pytest.raises(Blocked) as caught:
        mirror.flush()
    assert caught.value.code == "catalog-missing"
    assert remotes.tip("github", GITOPS)


def test_exact_fetch_gives_any_commit_of_the_branch_and_no_other(remotes: Remotes, mirror: Mirror) -> None:
    old = remotes.commit("mirror", SOURCE)
    remotes.commit("mirror", SOURCE)
    only_on_github = remotes.commit("github", SOURCE, "Elsewhere")
    assert mirror.serves(old)
    assert not mirror.serves(only_on_github)
    assert not mirror.serves(commit_id(0xFEED))

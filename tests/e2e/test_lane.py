"""The lane where it lives: a source commit becomes a running manager, once built and once reused, and verify is true.

The tests of this file are one story, told in order: each begins where the one before ended.
"""

from __future__ import annotations

from tests.support.releases import Release, Say, health
from tests.support.world import World

LANE = "agentrun-v01"
CI = "agentrun-ci"
APPLICATION = "agentrun-g14-v01"
MANAGER = "agentrun-mgr"


def test_from_an_empty_cluster_to_a_verified_manager(world: World, first: Release, say: Say) -> None:
    assert first.run["pipelineRun"] == f"agentrun-v01-ci-{first.commit[:12]}"
    assert first.results["summary"] == "build=1 reuse=0 unsafeReuse=0"
    assert first.results["status"] == "built"
    tip = world.json("git-mirror.status")["localGitops"]
    assert tip == first.results["gitopsCommit"]
    application = world.cluster.get("Application", APPLICATION, "argocd")
    assert application is not None
    assert application["status"]["sync"] == application["status"]["sync"] | {"status": "Synced", "revision": tip}
    assert application["status"]["health"]["status"] == "Healthy"
    [pod] = world.cluster.list("Pod", LANE, {"app.kubernetes.io/name": MANAGER})
    digest = world.json("catalog.show")["services"][0]["digest"]
    assert digest == first.results["digest"]
    [status] = pod["status"]["containerStatuses"]
    assert status["ready"]
    assert status["imageID"].endswith(digest)
    report = world.json("verify")
    assert set(report["layers"].values()) == {"pass"}
    assert len(report["layers"]) == 5
    say(f"first release, built: {first.seconds:.0f} s from trigger to healthy")


def test_a_business_change_is_delivered_without_a_build(
    world: World, first: Release, second: Release, say: Say
) -> None:
    assert second.results["summary"] == "build=0 reuse=1 unsafeReuse=0"
    assert second.results["status"] == "reused"
    assert second.results["digest"] == first.results["digest"]
    assert health(world.cluster)["commit"] == second.commit != first.commit
    [run] = [
        item
        for item in world.cluster.list("TaskRun", CI, {"tekton.dev/pipelineRun": second.run["pipelineRun"]})
        if item["metadata"]["labels"]["tekton.dev/pipelineTask"] == "image-publish"
    ]
    said = {result["name"] for result in run["status"]["results"]}
    assert not said & {"IMAGE_URL", "IMAGE_DIGEST", "IMAGES"}, "a reused image is not this run's product"
    assert world.builds() == 1
    say(f"second release, reused: {second.seconds:.0f} s from trigger to healthy")


def test_one_commit_of_the_gitops_branch_is_one_release(world: World, second: Release) -> None:
    log = world.gitops("log", "--format=%H", "FETCH_HEAD").split()
    # catalog.init, and one promotion a release
    assert len(log) == 3
    assert log[0] == second.results["gitopsCommit"]

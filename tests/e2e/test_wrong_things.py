"""What goes wrong in a cluster is seen and said; it goes on where ``test_lane.py`` ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig

from envid.adapters.kubernetes import Kubernetes
from tests.support.lanes import git
from tests.support.releases import Release, release, serving
from tests.support.world import REGISTRY, WRITE_URL, World, eventually

LANE, CI = "agentrun-v01", "agentrun-ci"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def tip(world: World) -> str:
    """Return where the GitOps branch is."""
    return world.gitops("rev-parse", "FETCH_HEAD")


def layers(world: World) -> dict[str, str]:
    """Return what verify says of each layer."""
    found: dict[str, str] = world.json("verify", expect=None)["layers"]
    return found


def test_a_failing_check_stops_before_anything_is_planned(world: World, second: Release) -> None:
    before = tip(world)
    wrong = "export const wrong: number = 'not a number';\n"
    world.commit("Break a type", {"src/wrong.ts": wrong})
    try:
        ran = world.json("trigger-current", "--watch", expect=1)
    finally:
        (world.path / "src/wrong.ts").unlink()
        world.commit("Mend the type")
    outcomes = {task["task"]: task["outcome"] for task in ran["tasks"]}
    assert outcomes["check"] == "failed"
    assert "plan-artifacts" not in outcomes or outcomes["plan-artifacts"] in {"skipped", "none"}
    assert "bun-check" in ran["error"]
    assert "src/wrong.ts" in ran["error"]
    assert tip(world) == before
    assert second.commit != ran["commit"]


def test_an_image_that_left_the_registry_is_not_reused(world: World, second: Release) -> None:
    digest = second.results["digest"]
    url = f"http://{REGISTRY}/v2/agentrun/agentrun-mgr-env/manifests/"
    kept = httpx.get(url + digest, headers={"Accept": MANIFEST})
    deleted = httpx.delete(url + digest)
    if deleted.status_code == 405:
        pytest.skip("this registry deletes nothing")
    try:
        plan = world.json("plan", expect=3)
        assert [service["decision"] for service in plan["services"]] == ["blocked"]
        assert layers(world)["runtime"] == "pass", "what runs, runs"
    finally:
        for name in (digest, second.results["envIdentity"]):
            httpx.put(url + name, content=kept.content, headers={"Content-Type": MANIFEST}).raise_for_status()
    assert [service["decision"] for service in world.json("plan")["services"]] == ["reuse"]


@pytest.mark.usefixtures("second")
def test_a_hand_on_the_deployment_is_named_where_it_is(world: World) -> None:
    def level(value: str) -> None:
        container = {"name": "agentrun-mgr", "env": [{"name": "LOG_LEVEL", "value": value}]}
        world.cluster.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "agentrun-mgr", "namespace": LANE},
                "spec": {"template": {"spec": {"containers": [container]}}},
            }
        )

    level("debug")
    found = world.json("verify", expect=1)
    assert found["layers"]["runtime"] == "fail"
    assert found["layers"]["gitops"] == "pass"
    assert any("LOG_LEVEL" in item["seen"] for item in found["items"] if item["outcome"] == "fail")
    eventually("Argo CD sees it too, and leaves it", lambda: layers(world)["argocd"] == "fail")
    level("info")
    eventually("all is well again", lambda: set(layers(world).values()) == {"pass"})


def test_a_hand_on_the_gitops_branch_is_named_and_the_next_release_mends_it(
    world: World, second: Release, tmp_path: Path
) -> None:
    tip(world)
    git(tmp_path, "clone", "--quiet", "--no-checkout", str(world.path), "edit")
    edit = tmp_path / "edit"
    git(edit, "fetch", "--quiet", str(world.path), world.git("rev-parse", "FETCH_HEAD"))
    git(edit, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    path = edit / "deploy/gitops/g14/runtime-v01/agentrun-mgr-deployment.yaml"
    path.write_text(path.read_text().replace("replicas: 1", "replicas: 2"))
    git(edit, "commit", "--quiet", "--all", "--message", "By hand")
    pushed = world.mirror_git(WRITE_URL, "push", "<url>", "HEAD:refs/heads/v0.1-gitops", folder=edit)
    assert pushed.returncode == 0, pushed.stderr
    assert world.json("verify", expect=1)["layers"]["gitops"] == "fail"
    third = release(world)
    assert third.results["status"] == "reused"
    assert third.results["digest"] == second.results["digest"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"destination": {"server": "https://kubernetes.default.svc", "namespace": "default"}},
        {"source": {"repoURL": "http://elsewhere.example/x.git", "targetRevision": "main", "path": "."}},
    ],
    ids=["another namespace", "another repository"],
)
def test_argo_cd_refuses_to_deliver_elsewhere_or_from_elsewhere(
    cluster: Kubernetes, first: Release, elsewhere: dict[str, Any]
) -> None:
    own = cluster.get("Application", "agentrun-g14-v01", "argocd")
    assert own is not None
    foreign = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "foreign", "namespace": "argocd"},
        "spec": {key: own["spec"][key] for key in ("project", "source", "destination")} | elsewhere,
    }
    cluster.apply(foreign)

    def refused() -> list[str]:
        now = cluster.get("Application", "foreign", "argocd") or {}
        return [c["message"] for c in now.get("status", {}).get("conditions", []) if c["type"] == "InvalidSpecError"]

    try:
        messages = eventually("Argo CD refuses it", refused, seconds=90)
        words = ("is not permitted in project", "do not match any of the allowed destinations")
        assert any(word in message for message in messages for word in words), messages
    finally:
        cluster.delete("Application", "foreign", "argocd")
    assert first.results["status"] == "built"


@pytest.fixture
def as_runner(first: Release) -> Iterator[httpx2.Client]:
    """The API server as a pipeline's ServiceAccount sees it, were its pods given a token."""
    config = KubeConfig.from_env().get()
    assert config is not None
    assert first.results
    with Client(config, ConnectionParams(trust_env=False)) as admin:
        path = f"/api/v1/namespaces/{CI}/serviceaccounts/agentrun-v01-tekton-runner/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        made = admin.post(path, json=request)
        made.raise_for_status()
        headers = {"Authorization": f"Bearer {made.json()['status']['token']}"}
        authority = base64.b64decode(config.cluster.certificate_auth_data or "").decode()
    import ssl  # noqa: PLC0415

    context = ssl.create_default_context(cadata=authority)
    with httpx2.Client(base_url=config.cluster.server, headers=headers, verify=context, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/namespaces/agentrun-v01/secrets"),
        ("GET", "/api/v1/namespaces/argocd/secrets"),
        ("GET", "/api/v1/namespaces/agentrun-ci/secrets/agentrun-buildkitd-client-tls"),
        ("GET", "/api/v1/namespaces/devops-infra/secrets/git-mirror-sync"),
        ("GET", "/api/v1/namespaces/agentrun-ci/pods"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("POST", "/api/v1/namespaces"),
        ("DELETE", "/apis/apps/v1/namespaces/agentrun-v01/deployments/agentrun-mgr"),
        ("DELETE", "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/agentrun-g14-v01"),
        ("POST", "/apis/tekton.dev/v1/namespaces/agentrun-ci/pipelineruns"),
    ],
)
def test_the_pipelines_account_may_do_nothing_in_the_cluster(as_runner: httpx2.Client, method: str, path: str) -> None:
    body = {"metadata": {"name": "x"}} if method == "POST" else None
    assert as_runner.request(method, path, json=body).status_code == 403


def test_nobody_moves_the_source_branch_through_the_write_door(world: World, first: Release) -> None:
    before = world.json("git-mirror.status")["localV01"]
    for ref in ("refs/heads/v0.1", "refs/heads/main", "refs/tags/v1"):
        pushed = world.mirror_git(WRITE_URL, "push", "<url>", f"{first.commit}:{ref}")
        assert pushed.returncode != 0
        assert "only git-mirror.sync may move it" in pushed.stderr or "non-fast-forward" in pushed.stderr
    assert world.json("git-mirror.status")["localV01"] == before


@pytest.fixture(scope="session")
def other(world: World, second: Release) -> World:
    """A second lane of the same project, without a catalog yet."""
    assert second.results["status"] == "reused"
    return world.next_lane("v0.2")


def test_a_lane_without_a_catalog_is_blocked_with_the_remedy(other: World) -> None:
    ran = other.json("trigger-current", "--watch", expect=3)
    assert {t["task"]: t["outcome"] for t in ran["tasks"]}["plan-artifacts"] == "failed"
    assert "catalog.init" in ran["error"] or "git-mirror" in ran["error"]


def test_a_registry_that_is_down_fails_the_publish_and_promotes_nothing(other: World) -> None:
    other.run("catalog.init")
    before = tip(other)
    settings = (other.path / "invoke.yaml").read_text()
    (other.path / "invoke.yaml").write_text(settings.replace("registry: 127.0.0.1:5000", "registry: 127.0.0.1:5999"))
    other.commit("Name a registry that is down")
    other.apply()
    ran = other.json("trigger-current", "--watch", expect=4)
    assert {t["task"]: t["outcome"] for t in ran["tasks"]}["image-publish"] == "failed"
    assert "127.0.0.1:5999" in ran["error"]
    assert tip(other) == before
    (other.path / "invoke.yaml").write_text(settings)
    other.commit("Name the registry again")
    other.apply()


def test_two_lanes_and_four_runs_at_once_lose_nothing(world: World, other: World) -> None:
    wanted: list[tuple[World, str, bool]] = []
    for lane in (world, other):
        for number, newest in ((1, False), (2, True)):
            commit = lane.commit(f"Business change {number}", {"src/change.ts": f"export const change = {number};\n"})
            wanted.append((lane, commit, newest))
        lane.run("git-mirror.sync")

    def run(item: tuple[World, str, bool]) -> tuple[int, dict[str, Any]]:
        lane, commit, _ = item
        done = lane.run("trigger-current", "--watch", "--commit", commit, "--json", expect=None)
        return done.returncode, json.loads(done.stdout)

    with ThreadPoolExecutor(len(wanted)) as pool:
        ended = list(pool.map(run, wanted))
    for (lane, commit, newest), (code, ran) in zip(wanted, ended, strict=True):
        if newest:
            assert code == 0, ran
            serving(lane, commit)
        else:
            # promoted before the newer one, or refused as older than what is promoted
            assert code in {0, 3}, ran
    for lane in (world, other):
        changed = lane.gitops("log", "--format=", "--name-only", "FETCH_HEAD").split()
        own = lane.lane.replace(".", "")
        assert {path for path in changed if own not in path} == set(), "a lane touches its own paths only"
    assert world.cluster.get("Namespace", "agentrun-v02") is not None

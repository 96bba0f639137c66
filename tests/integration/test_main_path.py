"""Plan, publish and promote on real parts: built once, reused, and never reused when a proof fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.buildkit import BuildKit, BuildRequest, ContextFile
from envid.core.values import ImageReference
from envid.errors import BuildError
from envid.local.tools import bootstrapped, tool_folders
from tests.support.lanes import LaneRepository, Stack, git

pytestmark = pytest.mark.integration

CATALOG = "deploy/artifact-catalog.v01.json"
RUNTIME = "deploy/gitops/g14/runtime-v01"
SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def released(make_lane: Callable[..., LaneRepository]) -> LaneRepository:
    lane = make_lane("released")
    assert lane.json("plan")["summary"] == {"build": 1, "reuse": 0, "unsafeReuse": 0}
    assert lane.run("publish").stdout.splitlines()[-1] == "status=built"
    lane.run("promote")
    return lane


@pytest.fixture
def clone_of_released(
    released: LaneRepository, stack: Stack, tmp_path: Path, request: pytest.FixtureRequest
) -> LaneRepository:
    """A lane in the state of ``released``, which a test may break."""
    name = f"clone-{abs(hash(request.node.nodeid))}"
    read, write, origin = stack.new_repository(name)
    mirrors = stack.state / "local/git/mirror/test"
    shutil.rmtree(mirrors / f"{name}.git")
    shutil.copytree(mirrors / "released.git", mirrors / f"{name}.git")
    git(tmp_path, "clone", "--quiet", str(released.path), "source")
    environment = released.environment | {
        "ENVID_STATE": str(tmp_path / "state"),
        "ENVID_MIRROR_READ_URL": read,
        "ENVID_MIRROR_WRITE_URL": write,
        "ENVID_ORIGIN_URL": origin,
    }
    return LaneRepository(tmp_path / "source", environment, read, write, origin)


def builds(stack: Stack) -> int:
    return BuildKit(stack.services.buildkit_host, tools=tool_folders()).builds_in_history()


def head(reference: str, accept: str | None) -> tuple[str, str]:
    host, _, rest = reference.partition("/")
    name, _, selector = rest.partition("@") if "@" in rest else rest.rpartition(":")
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{selector}", method="HEAD")
    if accept:
        request.add_header("Accept", accept)
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        return answer.headers["Docker-Content-Digest"], answer.headers["Content-Type"]


def test_a_business_change_reuses_and_only_commits_differ(released: LaneRepository, stack: Stack) -> None:
    before, built = released.catalog(), builds(stack)
    tip = released.git("ls-remote", released.read_url, "v0.1-gitops").split()[0]
    commit = released.commit("Change the business source", {"src/main.ts": "console.log(2);\n", "docs/x.md": "x\n"})
    released.publish_source()

    plan = released.json("plan")
    assert plan["summary"] == {"build": 0, "reuse": 1, "unsafeReuse": 0}
    assert plan["services"][0]["filesChangedOutside"] == 2
    assert plan["mirror"]["revision"] == tip
    assert released.run("publish").stdout.splitlines()[-1] == "status=reused"
    promoted = released.json("promote")
    assert builds(stack) == built

    after = released.catalog()
    expected = json.loads(json.dumps(before))
    expected["services"][0] |= {"sourceCommit": commit, "bootCommit": commit, "status": "reused"}
    assert after == expected
    assert released.git("rev-parse", f"{promoted['commit']}^") == tip
    diff = released.git("diff", "--unified=0", tip, promoted["commit"], "--", RUNTIME)
    changed = [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert changed
    assert all(commit in line for line in changed)
    paths = released.git("diff", "--name-only", tip, promoted["commit"]).splitlines()
    assert all(path == CATALOG or path.startswith(f"{RUNTIME}/") for path in paths)


@pytest.mark.parametrize("command", ["plan", "publish"])
def test_a_reuse_loads_nothing_of_builds_attestations_and_clusters(released: LaneRepository, command: str) -> None:
    code = (
        "import sys\n"
        "from envid.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    sys.stderr.write(chr(10) + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, "--json"],
        cwd=released.path,
        env=released.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stderr.rpartition("\n")[2].split())
    assert "envid.core.catalog" in modules
    slow = {"envid.adapters.buildkit", "envid.core.attestation", "envid.core.sbom", "envid.core.render", "email.mime"}
    slow |= {"httpx", "httpx2", "httpcore", "lightkube", "cyclonedx", "detect_secrets", "jsonyx", "cryptography"}
    slow |= {"pydantic", "pydantic_core", "argparse", "dataclasses", "fractions", "uuid"}
    assert not modules & slow


def test_a_pipelines_steps_hand_over_through_files_and_may_be_tried_again(
    clone_of_released: LaneRepository, tmp_path: Path
) -> None:
    lane = clone_of_released
    commit = lane.commit("Change the business source", {"src/main.ts": "console.log(4);\n"})
    lane.publish_source()
    source, results = tmp_path / "workspace", tmp_path / "results"
    lane.run("source.fetch", "--commit", commit, "--to", str(source))
    # a fresh checkout at depth 1, with nothing of the developer's
    step = LaneRepository(
        source, lane.environment | {"ENVID_STATE": str(tmp_path / "step")}, lane.read_url, lane.write_url, ""
    )
    for _ in range(2):
        step.run("plan", "--commit", commit, "--out", "../plan.json", "--results", str(results / "plan"))
        step.run("publish", "--commit", commit, "--out", "../publication.json", "--results", str(results / "publish"))
        step.run("promote", "--publication", "../publication.json", "--results", str(results / "promote"))
    entry = lane.catalog()["services"][0]
    found = {path.relative_to(results).as_posix(): path.read_text() for path in results.rglob("*") if path.is_file()}
    assert found["plan/summary"] == "build=0 reuse=1 unsafeReuse=0"
    assert found["plan/status"] == "reuse"
    assert found["publish/status"] == "reused"
    assert "publish/IMAGE_URL" not in found
    assert {found["plan/envIdentity"], found["publish/envIdentity"]} == {entry["envIdentity"]}
    assert {found["plan/digest"], found["publish/digest"]} == {entry["digest"]}
    tip = lane.git("ls-remote", lane.read_url, "v0.1-gitops").split()[0]
    assert found["promote/gitopsCommit"] == tip
    assert entry["bootCommit"] == commit


def test_every_source_of_the_digest_agrees_and_a_plain_head_does_not(released: LaneRepository) -> None:
    entry = released.catalog()["services"][0]
    by_tag, media_type = head(entry["image"], SCHEMA2)
    assert media_type == SCHEMA2
    assert by_tag == entry["digest"] == head(entry["repositoryDigest"], SCHEMA2)[0]
    assert released.run("registry.digest", entry["image"]).stdout == f"{entry['digest']}\n"
    plain, plain_type = head(entry["image"], None)
    assert plain_type == "application/vnd.docker.distribution.manifest.v1+prettyjws"
    assert plain != entry["digest"]


def test_a_bumped_dependency_builds_and_names_the_input(clone_of_released: LaneRepository) -> None:
    lane = clone_of_released
    manifest = json.loads((lane.path / "package.json").read_text())
    manifest["dependencies"]["zod"] = "4.6.5"
    lane.commit("Bump", {"package.json": json.dumps(manifest, indent=2)})
    (service,) = lane.json("plan")["services"]
    assert (service["decision"], service["reason"]) == ("build", "identity-changed")
    assert service["changedInputs"] == ["package.json"]


def test_without_a_catalog_nothing_is_decided_whatever_the_registry_holds(
    clone_of_released: LaneRepository, stack: Stack
) -> None:
    lane = clone_of_released
    image = lane.json("plan")["services"][0]["image"]
    _delete_branch(stack, lane, "v0.1-gitops")
    assert head(image, SCHEMA2)[0].startswith("sha256:")
    shutil.rmtree(lane.environment["ENVID_STATE"])
    for command in ("plan", "publish"):
        error = lane.json(command, expect=3)
        assert error["error"] == "catalog-missing"
        assert "git-mirror.sync" in error["next"]
    assert lane.git("ls-remote", lane.read_url, "v0.1-gitops") == ""


def test_the_first_catalog_is_made_once(make_lane: Callable[..., LaneRepository]) -> None:
    lane = make_lane("once", init=False)
    lane.run("catalog.init")
    assert lane.json("catalog.init", expect=3)["error"] == "catalog-exists"
    assert lane.catalog()["services"] == []


def _edit_input_hash(entry: dict[str, Any]) -> None:
    entry["toolchainInputs"]["inputs"][-1]["blake3"] = "0" * 64


def _edit_digest(entry: dict[str, Any]) -> None:
    entry["digest"] = "sha256:" + "0" * 64


def _edit_both_digests(entry: dict[str, Any]) -> None:
    entry["digest"] = "sha256:" + "0" * 64
    entry["repositoryDigest"] = entry["repositoryDigest"].partition("@")[0] + "@" + entry["digest"]


def _edit_lane(entry: dict[str, Any]) -> None:
    entry["lane"] = "v0.2"


def _edit_repository(entry: dict[str, Any]) -> None:
    entry["repositoryDigest"] = entry["repositoryDigest"].replace("agentrun-mgr-env", "other-env")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_edit_input_hash, "inputs-disagree"),
        (_edit_digest, "digest-disagrees"),
        (_edit_both_digests, "image-absent"),
        (_edit_lane, "lane-disagrees"),
        (_edit_repository, "repository-disagrees"),
    ],
)
def test_an_edited_catalog_is_never_reused(
    clone_of_released: LaneRepository, stack: Stack, tmp_path: Path, edit: Callable[[dict[str, Any]], None], reason: str
) -> None:
    lane, built = clone_of_released, builds(stack)
    git(tmp_path, "clone", "--quiet", "--branch=v0.1-gitops", lane.read_url, "gitops")
    path = tmp_path / "gitops" / CATALOG
    catalog = json.loads(path.read_text())
    edit(catalog["services"][0])
    path.write_text(json.dumps(catalog, indent=2, sort_keys=True) + "\n")
    git(tmp_path / "gitops", "commit", "--quiet", "--all", "--message", "Edit by hand")
    git(tmp_path / "gitops", "push", "--quiet", lane.write_url, "HEAD:refs/heads/v0.1-gitops")

    plan = lane.json("plan", expect=3)
    assert plan["summary"] == {"build": 0, "reuse": 0, "unsafeReuse": 1}
    assert plan["services"][0]["reason"] == reason
    assert lane.json("publish", expect=3)["error"] == reason
    assert builds(stack) == built


def test_a_catalog_of_another_lane_is_not_believed(clone_of_released: LaneRepository, tmp_path: Path) -> None:
    lane = clone_of_released
    git(tmp_path, "clone", "--quiet", "--branch=v0.1-gitops", lane.read_url, "gitops")
    path = tmp_path / "gitops" / CATALOG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lane": "v0.2"}, indent=2))
    git(tmp_path / "gitops", "commit", "--quiet", "--all", "--message", "Another lane's")
    git(tmp_path / "gitops", "push", "--quiet", lane.write_url, "HEAD:refs/heads/v0.1-gitops")
    assert lane.json("plan", expect=3)["error"] == "catalog-foreign"


def test_the_same_identity_gives_the_same_digest_from_a_cold_cache(
    clone_of_released: LaneRepository, stack: Stack
) -> None:
    lane = clone_of_released
    promoted = lane.catalog()["services"][0]["digest"]
    prune = [bootstrapped("buildctl"), f"--addr={stack.services.buildkit_host}", "prune", "--all"]
    subprocess.run(prune, check=True, capture_output=True)
    (service,) = lane.json("publish", "--rebuild", "agentrun-mgr")["services"]
    assert (service["status"], service["digest"]) == ("built", promoted)


def test_a_file_that_is_no_input_can_not_be_read_by_the_build(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not an input")
    builder = BuildKit(stack.services.buildkit_host, tools=tool_folders())
    image = ImageReference.parse(f"{stack.services.registry}/test/closed:1")

    def request(line: str) -> BuildRequest:
        return BuildRequest(
            image=image,
            platform="linux/amd64",
            containerfile=ContextFile("Containerfile", "100644", f"FROM scratch\n{line}\n".encode()),
            context=(ContextFile("package.json", "100644", b"{}"),),
        )

    builder.build(request("COPY package.json /"), lambda _: None)
    for line in ("COPY secret.txt /", "COPY Containerfile /", f"COPY {tmp_path}/secret.txt /", "COPY ../secret.txt /"):
        with pytest.raises(BuildError, match="not found"):
            builder.build(request(line), lambda _: None)


def test_a_promotion_leaves_source_and_work_tree_alone(clone_of_released: LaneRepository) -> None:
    lane = clone_of_released
    lane.commit("Change", {"src/main.ts": "console.log(3);\n"})
    lane.publish_source()
    (lane.path / "src/main.ts").write_text("uncommitted\n")
    source = lane.git("ls-remote", lane.read_url, "v0.1")
    refs, tree = lane.git("for-each-ref"), lane.git("status", "--porcelain")
    lane.run("publish")
    lane.run("promote")
    assert lane.git("ls-remote", lane.read_url, "v0.1") == source
    assert (lane.git("for-each-ref"), lane.git("status", "--porcelain")) == (refs, tree)
    assert lane.run("promote").stdout.endswith("has all of it already\n")


def test_an_older_commit_is_refused_and_a_rollback_is_explicit(clone_of_released: LaneRepository) -> None:
    lane = clone_of_released
    first = lane.catalog()
    older = lane.git("rev-parse", "HEAD")
    lane.run("publish")
    lane.commit("Newer", {"src/main.ts": "console.log(4);\n"})
    lane.publish_source()
    lane.run("publish")
    lane.run("promote")
    assert lane.json("promote", "--commit", older, expect=3)["error"] == "older-than-promoted"
    lane.run("promote", "--rollback-to", first["services"][0]["sourceCommit"])
    assert lane.catalog() == first


def test_a_commit_that_the_mirror_lacks_is_not_promoted(clone_of_released: LaneRepository) -> None:
    lane = clone_of_released
    lane.commit("Not pushed", {"src/main.ts": "console.log(5);\n"})
    lane.run("publish")
    assert lane.json("promote", expect=3)["error"] == "source-not-on-mirror"


def test_an_image_of_another_registry_is_not_this_lanes(clone_of_released: LaneRepository) -> None:
    lane = clone_of_released
    lane.environment["ENVID_REGISTRY"] = "127.0.0.1:9"
    assert lane.json("plan", expect=3)["services"][0]["reason"] == "repository-disagrees"


def _delete_branch(stack: Stack, lane: LaneRepository, branch: str) -> None:
    name = lane.read_url.rpartition("/")[2]
    git(stack.state / "local/git/mirror/test" / name, "update-ref", "-d", f"refs/heads/{branch}")

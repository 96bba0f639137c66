"""What vouches for an image, on real parts: packages, a rebuild, a planted difference, signatures, the cache."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from envid.adapters.buildkit import BuildKit, BuildRequest, ContextFile
from envid.adapters.inner_build import InnerBuild
from envid.core.base_pin import repin_from
from envid.core.manifest import SCHEMA2_LIST, SCHEMA2_MANIFEST, digest_of
from envid.core.values import ImageReference
from envid.local.tools import bootstrapped, tool_folders
from tests.support.lanes import LaneRepository, Stack, git

pytestmark = pytest.mark.integration

RUNTIME = "deploy/gitops/g14/runtime-v01"
STATEMENT = f"{RUNTIME}/attestations/agentrun-mgr.provenance.json"
SBOM = f"{RUNTIME}/attestations/agentrun-mgr.sbom.json"
CORPUS = sorted(Path(os.environ["ENVID_CORPUS"]).glob("*.bundle")) if os.environ.get("ENVID_CORPUS") else []
WITHOUT_DEVELOPMENT = """
const own = await Bun.file("package.json").json();
delete own.devDependencies;
await Bun.write("package.json", JSON.stringify(own));
"""
# every package.json directly in a node_modules folder, as name@version
LIST_MODULES = """
const { readdirSync, readFileSync, existsSync } = require("fs");
const visit = (folder) => {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(".")) continue;
    const path = folder + "/" + name;
    if (name.startsWith("@") && !existsSync(path + "/package.json")) { visit(path); continue; }
    const { name: own, version } = JSON.parse(readFileSync(path + "/package.json", "utf8"));
    console.log(own + "@" + version);
    visit(path + "/node_modules");
  }
};
visit("node_modules");
"""


def release(lane: LaneRepository) -> Any:
    """Publish and promote, and return the catalog's entry."""
    lane.run("publish")
    lane.run("promote")
    return lane.catalog()["services"][0]


@pytest.fixture(scope="module")
def proven(make_lane: Callable[..., LaneRepository]) -> LaneRepository:
    lane = make_lane("proven")
    release(lane)
    return lane


@pytest.fixture(scope="module", params=[None, *CORPUS], ids=lambda path: path.stem if path else "own")
def project(
    request: pytest.FixtureRequest, make_lane: Callable[..., LaneRepository], tmp_path_factory: pytest.TempPathFactory
) -> LaneRepository:
    """This project's lane, and those of public Bun projects where ENVID_CORPUS has them."""
    if request.param is None:
        return request.getfixturevalue("proven")  # type: ignore[no-any-return]
    folder = tmp_path_factory.mktemp("project")
    git(folder, "clone", "--quiet", "--branch=v0.1", str(request.param), "project")
    lane = make_lane(f"sbom-{request.param.stem.lower()}", folder / "project")
    release(lane)
    return lane


def run_inside(stack: Stack, folder: Path, image: str, script: str) -> str:
    """Run a shell script inside an image, as root, and return what it printed."""
    folder.mkdir()
    (folder / "script").write_text(script)
    containerfile = (
        f"FROM {image} AS run\nUSER 0\nWORKDIR /opt/agentrun/env\n"
        "RUN --mount=type=bind,source=script,target=/mnt/script sh /mnt/script >/listing\n"
        "FROM scratch\nCOPY --from=run /listing /\n"
    )
    out = folder / "out"
    build = InnerBuild(buildctl=bootstrapped("buildctl"), host=stack.services.buildkit_host)
    build.run(containerfile, folder, f"type=local,dest={out}")
    return (out / "listing").read_text()


def test_the_sbom_lists_exactly_the_packages_that_are_in_the_image(
    project: LaneRepository, stack: Stack, tmp_path: Path
) -> None:
    entry = project.catalog()["services"][0]
    components = json.loads(project.gitops_file(SBOM))["components"]
    system = {f"{c['name']} {c['version']}" for c in components if c["purl"].startswith("pkg:deb/")}
    npm = {
        f"{c['group']}/{c['name']}@{c['version']}" if "group" in c else f"{c['name']}@{c['version']}"
        for c in components
        if c["purl"].startswith("pkg:npm/")
    }
    assert len(system) + len(npm) == len(components)

    listing = run_inside(
        stack,
        tmp_path / "inside",
        entry["repositoryDigest"],
        "dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Version}\\n' | sed -n 's/^ii *|//p'\n"
        f"echo ===\nbun -e '{LIST_MODULES}'\necho ===\n"
        # bun pm ls reads the lock and not the disk: so Bun itself takes out first what only development needs
        "mkdir /tmp/ls && cp package.json bun.lock /tmp/ls && cd /tmp/ls\n"
        f"bun -e '{WITHOUT_DEVELOPMENT}'\nbun install --lockfile-only >/dev/null 2>&1\nbun pm ls --all\n",
    )
    installed, modules, listed = (part.split("\n") for part in listing.split("===\n"))
    assert system == set(filter(None, installed))
    assert npm == set(filter(None, modules))
    assert npm == {match[1] for line in listed if (match := re.search(r"── (\S+)", line))}


def test_of_a_base_image_for_several_platforms_both_digests_are_recorded(
    make_lane: Callable[..., LaneRepository], stack: Stack, base_image: ImageReference
) -> None:
    lane = make_lane("platforms")
    manifests = f"http://{stack.services.registry}/v2/{base_image.repository}/manifests"
    headers = {"Accept": SCHEMA2_MANIFEST}
    own = httpx.get(f"{manifests}/{base_image.digest}", headers=headers).raise_for_status()
    # the same image in other bytes stands in for another platform's
    foreign = json.dumps(own.json(), indent=1).encode()
    children = []
    for content, architecture in ((foreign, "arm64"), (own.content, "amd64")):
        name = digest_of(content)
        httpx.put(f"{manifests}/{name}", content=content, headers={"Content-Type": SCHEMA2_MANIFEST}).raise_for_status()
        child = {"mediaType": SCHEMA2_MANIFEST, "size": len(content), "digest": name}
        children.append(child | {"platform": {"os": "linux", "architecture": architecture}})
    index = json.dumps({"schemaVersion": 2, "mediaType": SCHEMA2_LIST, "manifests": children}).encode()
    put = httpx.put(f"{manifests}/{digest_of(index)}", content=index, headers={"Content-Type": SCHEMA2_LIST})
    put.raise_for_status()
    base = base_image.with_digest(digest_of(index))
    text = repin_from((lane.path / "Containerfile").read_text(), base)
    lane.commit("Take a base image for several platforms", {"Containerfile": text})
    lane.run("imageref.pin")
    lane.commit("Point imageRef at the Containerfile")
    lane.publish_source()

    entry = release(lane)
    dependencies = {d["uri"]: d["digest"] for d in entry["provenance"]["resolvedDependencies"]}
    assert dependencies[f"docker://{base.name}"] == {"sha256": digest_of(index).hex}
    assert base_image.digest is not None
    assert dependencies[f"docker://{base.name}?platform=linux/amd64"] == {"sha256": base_image.digest.hex}
    lane.run("catalog.verify")


def test_the_statement_holds_the_record_that_buildkit_itself_made(proven: LaneRepository) -> None:
    entry = proven.catalog()["services"][0]
    statement = json.loads(proven.gitops_file(STATEMENT))
    assert statement["subject"][0]["digest"] == {"sha256": entry["digest"].removeprefix("sha256:")}
    names = [item["name"] for item in statement["predicate"]["runDetails"]["byproducts"]]
    assert names == ["sbom.cdx.json", "buildkit-provenance.json"]
    assert entry["provenance"]["invocation"]["id"] not in {"", "unknown"}


def test_a_promotion_holds_and_a_reuse_carries_what_vouches_over_unchanged(proven: LaneRepository) -> None:
    before = {path: proven.gitops_file(path) for path in (STATEMENT, SBOM)}
    assert proven.json("catalog.verify")["holds"] is True
    proven.commit("Change the business source", {"src/main.ts": "console.log(9);\n"})
    proven.publish_source()
    assert release(proven)["status"] == "reused"
    assert {path: proven.gitops_file(path) for path in (STATEMENT, SBOM)} == before
    found = proven.json("catalog.verify")
    assert {check["outcome"] for check in found["checks"]} == {"pass"}
    assert proven.run("render", "--no-write").stdout.count("differs") == 0


@pytest.mark.parametrize("path", [STATEMENT, SBOM, f"{RUNTIME}/agentrun-mgr-deployment.yaml"])
def test_an_edit_on_the_branch_is_found_and_an_edited_attestation_is_not_promoted_on(
    make_lane: Callable[..., LaneRepository], tmp_path: Path, path: str
) -> None:
    lane = make_lane(f"edited-{abs(hash(path))}")
    release(lane)
    git(tmp_path, "clone", "--quiet", "--branch=v0.1-gitops", lane.read_url, "gitops")
    file = tmp_path / "gitops" / path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    git(tmp_path / "gitops", "commit", "--quiet", "--all", "--message", "Edit by hand")
    git(tmp_path / "gitops", "push", "--quiet", lane.write_url, "HEAD:refs/heads/v0.1-gitops")
    found = lane.json("catalog.verify", expect=1)
    assert found["holds"] is False
    if path.endswith(".json"):
        lane.commit("Change the business source", {"src/main.ts": "console.log(7);\n"})
        lane.publish_source()
        lane.run("publish")
        assert lane.json("promote", expect=3)["error"] == "attestation-disagrees"
        lane.run("publish", "--rebuild", "agentrun-mgr")
    lane.run("promote")
    assert lane.json("catalog.verify")["holds"] is True


def test_a_rebuild_without_cache_gives_the_same_image_and_moves_nothing(proven: LaneRepository, stack: Stack) -> None:
    entry = proven.catalog()["services"][0]
    host, _, name = entry["repositoryDigest"].partition("@")[0].partition("/")

    def tags() -> Any:
        with urllib.request.urlopen(f"http://{host}/v2/{name}/tags/list") as answer:
            return json.load(answer)

    assert host == stack.services.registry
    before = tags()
    found = proven.json("rebuild", "--verify")
    assert found["equal"] is True
    assert found["services"][0]["rebuilt"] == entry["digest"]
    assert tags() == before


def test_a_step_that_writes_the_date_is_caught_with_its_layer_and_file(
    make_lane: Callable[..., LaneRepository],
) -> None:
    lane = make_lane("dated")
    containerfile = (lane.path / "Containerfile").read_text()
    planted = "RUN date +%s%N >/opt/agentrun/built-at && chmod $(shuf -e 600 640 644 -n 1) /opt/agentrun/built-at"
    lane.commit("Plant", {"Containerfile": containerfile.replace("\nUSER 65532", f"\n{planted}\nUSER 65532")})
    lane.run("imageref.pin")
    lane.commit("Pin")
    lane.publish_source()
    release(lane)
    (service,) = lane.json("rebuild", "--verify", expect=1)["services"]
    assert service["equal"] is False
    (layer,) = service["layers"]
    assert "date +%s%N" in layer["createdBy"]
    (file,) = layer["files"]
    assert file["path"] == "opt/agentrun/built-at"
    assert "content" in file["differs"]
    assert "mtime" not in file["differs"]
    told = lane.run("rebuild", "--verify", expect=1).stdout
    assert re.search(r"layer 9 of 9: RUN .*date \+%s%N", told)
    assert "opt/agentrun/built-at: content" in told


def test_a_signed_promotion_is_verified_and_any_other_commit_is_not(
    make_lane: Callable[..., LaneRepository], tmp_path: Path
) -> None:
    for name in ("ci", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    signers = tmp_path / "allowed_signers"
    signers.write_text(f'ci@example.org namespaces="git" {(tmp_path / "ci.pub").read_text()}')
    lane = make_lane("signed")
    lane.environment |= {"ENVID_SIGNING_KEY": str(tmp_path / "ci"), "ENVID_ALLOWED_SIGNERS": str(signers)}
    release(lane)
    found = lane.json("catalog.verify")
    signature = next(check for check in found["checks"] if check["check"] == "signature")
    assert signature["seen"].startswith("ci@example.org (SHA256:")
    # git itself agrees, whoever looks
    git(lane.path, "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", found["commit"])

    def refused() -> str:
        seen = lane.json("catalog.verify", expect=1)
        (bad,) = [check for check in seen["checks"] if check["outcome"] != "pass"]
        assert bad["check"] == "signature"
        return str(bad["seen"])

    lane.environment["ENVID_SIGNING_KEY"] = str(tmp_path / "stranger")
    lane.commit("One", {"src/main.ts": "console.log(1, 2);\n"})
    lane.publish_source()
    release(lane)
    assert "no signature of an allowed signer" in refused()
    del lane.environment["ENVID_SIGNING_KEY"]
    lane.commit("Two", {"src/main.ts": "console.log(1, 2, 3);\n"})
    lane.publish_source()
    release(lane)
    assert "it is not signed" in refused()
    lane.environment["ENVID_SIGNING_KEY"] = str(tmp_path / "missing")
    assert lane.json("promote", "--rollback-to", found["commit"], expect=2)["error"] == "bad-input"


def prune(stack: Stack) -> None:
    command = [bootstrapped("buildctl"), f"--addr={stack.services.buildkit_host}", "prune", "--all"]
    subprocess.run(command, check=True, capture_output=True)


def test_a_registry_cache_spares_the_steps_and_changes_no_byte(
    make_lane: Callable[..., LaneRepository], stack: Stack
) -> None:
    lane = make_lane("cached")
    plain = release(lane)
    cache = f"type=registry,ref={stack.services.registry}/test/cache:env"
    settings = (lane.path / "invoke.yaml").read_text()
    exported = f"  cacheTo: {cache},mode=max,oci-mediatypes=true,registry.insecure=true\n"
    (lane.path / "invoke.yaml").write_text(settings + exported)
    (first,) = lane.json("publish", "--rebuild", "agentrun-mgr")["services"]
    prune(stack)
    (lane.path / "invoke.yaml").write_text(settings + f"  cacheFrom: {cache},registry.insecure=true\n")
    done = lane.run("publish", "--rebuild", "agentrun-mgr", "--json")
    (second,) = json.loads(done.stdout)["services"]
    assert first["digest"] == second["digest"] == plain["digest"]
    steps = [line for line in done.stderr.splitlines() if "] RUN" in line]
    assert steps
    assert all("cached" in line for line in steps), done.stderr


def layers_of(digest: str) -> list[str]:
    host, _, rest = digest.partition("/")
    name, _, selector = rest.partition("@")
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{selector}")
    request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return [layer["digest"] for layer in json.load(answer)["layers"]]


def test_another_dependency_changes_the_dependency_layer_only(make_lane: Callable[..., LaneRepository]) -> None:
    lane = make_lane("bumped")
    before = layers_of(release(lane)["repositoryDigest"])
    manifest = json.loads((lane.path / "package.json").read_text())
    manifest["dependencies"]["zod"] = "4.1.5"
    (lane.path / "package.json").write_text(json.dumps(manifest, indent=2))
    environment = dict(os.environ) | {"NODE_EXTRA_CA_CERTS": lane.environment["ENVID_CA_BUNDLE"]}
    command = [bootstrapped("bun"), "install", "--lockfile-only"]
    subprocess.run(command, cwd=lane.path, env=environment, check=True, capture_output=True)
    lane.commit("Bump zod")
    lane.publish_source()
    after = layers_of(release(lane)["repositoryDigest"])
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_a_file_of_the_same_size_is_never_taken_from_an_earlier_build(stack: Stack, tmp_path: Path) -> None:
    """BuildKit compares what it was sent before by size and time alone, and every file here has one time."""
    builder = BuildKit(stack.services.buildkit_host, tools=tool_folders())

    def build(content: bytes, label: bytes) -> bytes:
        folder = tmp_path / content.decode()
        builder.build(
            BuildRequest(
                image=ImageReference.parse(f"{stack.services.registry}/test/stale:1"),
                platform="linux/amd64",
                containerfile=ContextFile("Containerfile", "100644", b"FROM scratch\nCOPY a /\nLABEL x=" + label),
                context=(ContextFile("a", "100644", content),),
                export=folder,
            ),
            lambda _: None,
        )
        (layer,) = [p for p in (folder / "blobs/sha256").iterdir() if p.read_bytes()[:2] == b"\x1f\x8b"]
        assert any(b'"x":"' + label + b'"' in p.read_bytes() for p in (folder / "blobs/sha256").iterdir())
        return gzip.decompress(layer.read_bytes())

    assert b"one" in build(b"one", b"1")
    assert b"two" in build(b"two", b"2")

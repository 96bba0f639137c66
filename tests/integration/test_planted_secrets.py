"""A whole release with credentials planted wherever an operator has some: none is found in what it left (R3, R5).

Searched are the image and each of its layers, the GitOps branch with its messages, what the commands print and write,
the state folder, a pipeline step's results, the report, and the logs and records of the embedded services.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.boot.containers import pull
from tests.integration.conftest import CA_BUNDLE
from tests.support.lanes import LaneRepository, Stack

pytestmark = pytest.mark.integration

# none looks like a credential of a real service, and each has a character that a URL would escape
PLANTED = {
    name: f"planted-{name}-9f1c+77"
    for name in ("mirror", "origin", "login", "proxy", "variable", "authority", "database")
}


@dataclass
class Left:
    """What the release left, by where it was found."""

    texts: dict[str, bytes] = field(default_factory=dict)


def forms(secret: str) -> Iterator[bytes]:
    """Yield the forms in which a credential travels."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    for user in ("", "me:"):
        # without its last characters, which depend on what comes behind
        yield base64.b64encode(f"{user}{secret}".encode())[:-4]


def with_login(url: str, secret: str) -> str:
    return url.replace("://", f"://me:{quote(secret, safe='')}@")


@pytest.fixture(scope="module")
def released(
    make_lane: Callable[..., LaneRepository], stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LaneRepository, Left]:
    folder = tmp_path_factory.mktemp("planted")
    lane = make_lane("planted")
    docker = folder / "docker"
    docker.mkdir()
    login = base64.b64encode(f"me:{PLANTED['login']}".encode()).decode()
    (docker / "config.json").write_text(json.dumps({"auths": {stack.services.registry: {"auth": login}}}))
    bundle = folder / "ca.pem"
    real = Path(CA_BUNDLE).read_text() if CA_BUNDLE else ""
    bundle.write_text(f"# {PLANTED['authority']}\n{real}")
    lane.environment |= {
        "ENVID_MIRROR_READ_URL": with_login(lane.read_url, PLANTED["mirror"]),
        "ENVID_MIRROR_WRITE_URL": with_login(lane.write_url, PLANTED["mirror"]),
        "ENVID_ORIGIN_URL": with_login(lane.origin_url, PLANTED["origin"]),
        "ENVID_CA_BUNDLE": str(bundle),
        "DOCKER_CONFIG": str(docker),
        "HTTPS_PROXY": f"http://me:{quote(PLANTED['proxy'], safe='')}@127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "AGENTRUN_API_TOKEN": PLANTED["variable"],
        "DATABASE_URL": f"postgres://me:{quote(PLANTED['database'], safe='')}@db/agentrun_v01",
    }
    # a layer that no earlier test has built, so that it is built with what is planted here
    boot = "deploy/runtime/boot/agentrun-boot.sh"
    lane.commit("Say hello at boot", {boot: (lane.path / boot).read_text() + "# hello\n"})
    lane.publish_source()

    left = Left()

    def run(*arguments: str, expect: int = 0) -> None:
        # not lane.run, which takes no traceback, and --debug shows one
        argv = [sys.executable, "-m", "invoke", *arguments]
        done = subprocess.run(argv, cwd=lane.path, env=lane.environment, capture_output=True, check=False)
        assert done.returncode == expect, (arguments, done.stdout, done.stderr)
        left.texts[f"output of {' '.join(arguments)}"] = done.stdout + done.stderr

    results = ("--results", str(folder / "results"))
    run("plan", "--json", "--out", str(folder / "plan.json"), *results)
    run("publish", "--debug", "--out", str(folder / "publication.json"), *results)
    run("promote", "--debug", *results)
    run("rebuild", "--verify")
    run("catalog.show", "--json")
    run("catalog.verify", "--json")
    run("git-mirror.status", "--json")
    run("git-mirror.flush", "--confirm")
    run("explain", "--base", "HEAD~1", "--json")
    run("report", "--out", str(folder / "report.html"))
    run("render", "--no-write", "--json")
    # and what fails says so without them
    there = dict(lane.environment)
    for name, where in (("READ", "mirror"), ("WRITE", "mirror")):
        lane.environment[f"ENVID_MIRROR_{name}_URL"] = with_login("http://127.0.0.1:9/x.git", PLANTED[where])
    lane.environment["ENVID_ORIGIN_URL"] = with_login("http://127.0.0.1:9/x.git", PLANTED["origin"])
    run("plan", "--debug", expect=4)
    run("git-mirror.sync", "--debug", expect=4)
    lane.environment |= there

    for place in (folder / "results", folder / "plan.json", folder / "publication.json", folder / "report.html"):
        gather(left, place, folder)
    gather(left, Path(lane.environment["ENVID_STATE"]), folder)
    for log in stack.state.rglob("*"):
        if log.is_file() and log.suffix in {".log", ".json", ".toml", ".yml"}:
            left.texts[f"the stack's {log.relative_to(stack.state)}"] = log.read_bytes()
    image(left, lane.catalog()["services"][0]["repositoryDigest"])
    branch(left, lane)
    return lane, left


def gather(left: Left, place: Path, root: Path) -> None:
    for path in [place, *place.rglob("*")]:
        if path.is_file():
            left.texts[f"file {path.relative_to(root) if path.is_relative_to(root) else path}"] = opened(
                path.read_bytes()
            )


def opened(content: bytes) -> bytes:
    """Return what a loose git object or a gzip file holds, and anything else as it is."""
    for inflate in (zlib.decompress, gzip.decompress):
        try:
            return inflate(content)
        except (OSError, zlib.error, EOFError):
            continue
    return content


def image(left: Left, reference: str) -> None:
    found = pull(reference)
    left.texts["the image's manifest"] = json.dumps(found.manifest).encode()
    left.texts["the image's config"] = json.dumps(found.config).encode()
    for number, layer in enumerate(found.layers):
        left.texts[f"layer {number}"] = layer


def branch(left: Left, lane: LaneRepository) -> None:
    lane.git("fetch", "--quiet", lane.read_url, "v0.1-gitops")
    left.texts["the branch's messages"] = lane.git("log", "--format=%an%ae%B", "FETCH_HEAD").encode()
    for name in lane.git("ls-tree", "-r", "--name-only", "FETCH_HEAD").split():
        left.texts[f"GitOps {name}"] = subprocess.run(
            ["git", "show", f"FETCH_HEAD:{name}"], cwd=lane.path, capture_output=True, check=True
        ).stdout


def test_the_release_was_one(released: tuple[LaneRepository, Left]) -> None:
    lane, left = released
    assert lane.catalog()["services"][0]["status"] == "built"
    for part in ("layer 1", "GitOps deploy/artifact-catalog.v01.json", "file report.html", "file results/digest"):
        assert any(name.startswith(part) for name in left.texts), part
    assert any("attestations" in name for name in left.texts)
    assert any(name.startswith("the stack's") for name in left.texts)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_credential_is_nowhere(released: tuple[LaneRepository, Left], name: str) -> None:
    _, left = released
    found = {where for where, content in left.texts.items() if any(form in content for form in forms(PLANTED[name]))}
    assert found == set()


def test_the_search_finds_what_is_there(released: tuple[LaneRepository, Left]) -> None:
    _, left = released
    left = Left({**left.texts, "layer 99": b"tar" + base64.b64encode(f"me:{PLANTED['login']}".encode()) + b"tar"})
    assert any(form in left.texts["layer 99"] for form in forms(PLANTED["login"]))

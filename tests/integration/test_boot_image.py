"""The real env image, booted as the manifests say: what it fetches, refuses, holds, and never does (R8, R13, R15)."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from envid.local.tools import find_bun
from tests.boot.containers import Container, Image, Namespace, pull, unpack
from tests.support.lanes import ROOT, LaneRepository, Stack

pytestmark = pytest.mark.integration

CANARY = "canary-7c1d0e5fb2a94f3e"
RUNTIME = "deploy/gitops/g14/runtime-v01"
# what could change an installed environment; bun is there too, and must only ever run the entry
INSTALLERS = ("apt", "apt-get", "apk", "dpkg", "npm", "npx", "yarn", "pnpm", "bunx", "pip", "curl", "wget")
UNWANTED = re.compile(
    r"^(?!.*node_modules/).*(^|/)src/"  # a package may have a src/ of its own
    r"|(^|/)(\.git|\.bun|\.npm|\.cache|\.npmrc|\.netrc|\.docker|\.ssh|\.env|auth\.json)(/|$)"
    r"|^(var/cache/(apt|envid[^/]*)|var/lib/apt/lists|tmp|home)/|^root/(?!\.(bashrc|profile)$)"
)
PRIVATE_KEY = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----$", re.MULTILINE)
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass
class Released:
    """A promoted lane with its image, unpacked."""

    lane: LaneRepository
    image: Image
    rootfs: Path
    entry: dict[str, Any]
    variables: dict[str, str]
    port: str


@pytest.fixture(scope="module")
def released(make_lane: Callable[..., LaneRepository]) -> Iterator[Released]:
    lane = make_lane("boot")
    source = {str(p.relative_to(ROOT)): p.read_bytes() for p in (ROOT / "src").rglob("*.ts")}
    lane.commit("Add the service", {**source, "src/canary.ts": f'export const token = "{CANARY}";\n'})
    lane.publish_source()
    lane.environment |= {"NPM_CONFIG_TOKEN": CANARY, "BUN_AUTH_TOKEN": CANARY}
    (lane.path / ".npmrc").write_text(f"//registry.example/:_authToken={CANARY}\n")
    lane.run("publish")
    lane.run("promote")
    (entry,) = lane.catalog()["services"]
    image = pull(entry["repositoryDigest"])
    with tempfile.TemporaryDirectory(prefix="boot-image-") as folder:
        rootfs = Path(folder) / "rootfs"
        rootfs.mkdir()
        unpack(image, rootfs)
        # the manifests name the cluster's mirror
        variables = manager_environment(lane) | {"AGENTRUN_MIRROR_READ_URL": lane.read_url}
        yield Released(lane, image, rootfs, entry, variables, variables["PORT"])


def manager_environment(lane: LaneRepository) -> dict[str, str]:
    """Return the plain variables that the rendered Deployment gives the manager."""
    lane.git("fetch", "--quiet", lane.read_url, "v0.1-gitops")
    for path in lane.git("ls-tree", "-r", "--name-only", "FETCH_HEAD", RUNTIME).splitlines():
        for manifest in yaml.safe_load_all(lane.gitops_file(path)):
            if manifest["kind"] == "Deployment":
                (container,) = manifest["spec"]["template"]["spec"]["containers"]
                return {item["name"]: item["value"] for item in container["env"] if "value" in item}
    raise AssertionError("no Deployment was rendered")


@pytest.fixture
def namespace(released: Released, stack: Stack) -> Iterator[Namespace]:
    with Namespace(stack.state / "local/git/mirror", released.lane.read_url) as made:
        yield made


@pytest.fixture
def container(released: Released, namespace: Namespace, tmp_path: Path) -> Iterator[Container]:
    made = Container(released.image, released.rootfs, namespace, tmp_path)
    yield made
    made.remove()


def test_it_boots_the_commit_answers_health_and_ends_on_sigterm(
    released: Released, namespace: Namespace, container: Container
) -> None:
    released.lane.commit("Later", {"src/later.ts": "export {};\n"})
    released.lane.publish_source()
    process = container.start(released.variables)
    answer = namespace.get(f"http://127.0.0.1:{released.port}/health")
    assert answer["commit"] == released.entry["bootCommit"]
    assert answer["envIdentity"] == released.entry["envIdentity"]
    status = container.execute("cat", "/proc/1/status")
    assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    with pytest.raises(AssertionError, match="Read-only file system"):
        container.execute("touch", "/opt/agentrun/x")
    assert "later.ts" not in container.execute("ls", "/var/lib/agentrun/source/src")
    assert container.execute("readlink", "/var/lib/agentrun/source/node_modules") == "/opt/agentrun/env/node_modules\n"

    container.signal("TERM")
    out, err = process.communicate(timeout=2)
    assert process.returncode == 0, out + err


@contextlib.contextmanager
def mount_points(rootfs: Path, *names: str) -> Iterator[None]:
    """Make the folders that a mount needs: a container can't make them in a read-only root."""
    for name in names:
        (rootfs / name).mkdir()
    yield
    for name in names:
        (rootfs / name).rmdir()


def test_running_it_calls_no_package_manager(
    released: Released, namespace: Namespace, container: Container, tmp_path: Path
) -> None:
    """Every installer is a tripwire that writes its name down, and so does bun before it runs."""
    wires, log = tmp_path / "wires", tmp_path / "log"
    wires.mkdir()
    log.mkdir()
    log.chmod(0o777)
    (real,) = (path for path in released.rootfs.glob("usr/**/bin/bun") if not path.is_symlink())
    for name in (*INSTALLERS, "bun"):
        goes_on = f'exec /{real.relative_to(released.rootfs)} "$@"' if name == "bun" else "exit 1"
        (wires / name).write_text(f'#!/bin/sh\necho "{name} $*" >>/log/calls\n{goes_on}\n')
        (wires / name).chmod(0o755)
    path = next(v for v in released.image.config["config"]["Env"] if v.startswith("PATH=")).removeprefix("PATH=")
    mounts = [
        {"destination": place, "type": "bind", "source": str(folder), "options": ["bind", mode]}
        for place, folder, mode in (("/wires", wires, "ro"), ("/log", log, "rw"))
    ]
    with mount_points(released.rootfs, "wires", "log"):
        process = container.start(released.variables | {"PATH": f"/wires:{path}"}, mounts)
        namespace.get(f"http://127.0.0.1:{released.port}/health")
        container.signal("TERM")
        process.communicate(timeout=30)
    assert (log / "calls").read_text() == "bun --no-install src/manager/main.ts\n"


REFUSED = {
    "a commit that the mirror lacks": ({"AGENTRUN_BOOT_COMMIT": "e" * 40}, 18, "git-mirror.sync"),
    "a short commit": ({"AGENTRUN_BOOT_COMMIT": "abc1234"}, 11, "40 lower-case hex digits"),
    "an unreachable mirror": ({"AGENTRUN_MIRROR_READ_URL": "http://127.0.0.1:1/test/boot.git"}, 17, "NetworkPolicy"),
    "a mirror outside": ({"AGENTRUN_MIRROR_READ_URL": "http://192.0.2.1/test/boot.git"}, 17, "NetworkPolicy"),
}


@pytest.mark.parametrize(("variables", "status", "word"), REFUSED.values(), ids=REFUSED)
def test_what_it_refuses_says_what_to_do(
    released: Released, container: Container, variables: dict[str, str], status: int, word: str
) -> None:
    ran = container.run(released.variables | {"AGENTRUN_FETCH_TRIES": "2"} | variables)
    assert ran.returncode == status, ran.stderr
    assert "\n  next: " in ran.stderr
    assert word in ran.stderr


def test_without_node_modules_it_says_what_to_do(released: Released, container: Container) -> None:
    empty = {"destination": "/opt/agentrun/env", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}
    ran = container.run(released.variables, [empty])
    assert ran.returncode == 14, ran.stderr
    assert "deploy the digest that the catalog names" in ran.stderr


def test_another_commits_environment_is_refused(released: Released, container: Container) -> None:
    manifest = (ROOT / "package.json").read_text().replace('"version": "0.1.0"', '"version": "0.1.1"')
    commit = released.lane.commit("Another environment", {"package.json": manifest})
    released.lane.publish_source()
    ran = container.run(released.variables | {"AGENTRUN_BOOT_COMMIT": commit})
    assert ran.returncode == 20, ran.stderr
    assert "package.json" in ran.stderr


def test_the_image_holds_the_environment_and_nothing_else(
    released: Released, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property("image_bytes", released.image.size)
    record_testsuite_property("layer_bytes", [layer["size"] for layer in released.image.manifest["layers"]])
    ours = {path.read_bytes() for path in (ROOT / "src").rglob("*.ts")}
    unwanted: list[str] = []
    found: set[bytes] = set()
    shipped: set[bytes] = set()
    for name, content in released.image.files():
        if not content:
            continue
        if content in ours or CANARY.encode() in content or PRIVATE_KEY.search(content) or UNWANTED.search(name):
            unwanted.append(name)
        # Bun's program has the well-known CAs in itself
        certificates = set() if b"\0" in content else {b"".join(one.split()) for one in PEM.findall(content)}
        if name.startswith("usr/share/ca-certificates/"):
            shipped |= certificates
        found |= certificates
    assert unwanted == []
    assert CANARY not in str(released.image.config)
    # a CA of the machine that built it must not be trusted wherever the image runs
    assert found == shipped
    assert shipped


def test_a_dependency_change_pushes_its_own_layer_only(released: Released, tmp_path: Path) -> None:
    lane = released.lane
    for name in ("package.json", "bun.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    manifest = json.loads((tmp_path / "package.json").read_bytes())
    del manifest["dependencies"]["zod"]
    (tmp_path / "package.json").write_text(json.dumps(manifest, indent=2))
    argv = [find_bun(), "install", "--lockfile-only", "--silent"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    lane.commit("Drop a dependency", {name: (tmp_path / name).read_bytes() for name in ("package.json", "bun.lock")})
    lane.publish_source()
    (service,) = lane.json("publish")["services"]
    assert service["status"] == "built"
    changed = pull(service["repositoryDigest"])
    *kept, last = changed.layer_digests
    assert kept == released.image.layer_digests[:-1]
    assert last != released.image.layer_digests[-1]

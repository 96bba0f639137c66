"""The git mirror's image as a cluster runs it: any user, nothing writable but its cache and /tmp, and its two doors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.boot.containers import Container, pull, unpack
from tests.support.lanes import ROOT, LaneRepository, git

pytestmark = pytest.mark.integration

REPOSITORY = "owner/name.git"
TOKEN = "of-this-mirror-alone"


@dataclass(frozen=True)
class Loopback:
    """A network namespace of its own, with a loopback."""

    holder: subprocess.Popen[bytes]

    @property
    def path(self) -> str:
        return f"/proc/{self.holder.pid}/ns/net"

    def run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program in it."""
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
        inside = ["nsenter", f"--net={self.path}", *argv]
        return subprocess.run(inside, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network namespace needs root and iproute2")
    up = "ip link set lo up && echo ready && exec sleep 600"
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", up], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"ready\n"
    yield Loopback(holder)
    holder.terminate()
    holder.communicate()


@pytest.fixture(scope="module")
def lane(make_lane: Callable[..., LaneRepository]) -> LaneRepository:
    """A source repository that has the mirror's image sources."""
    lane = make_lane("mirror-image", init=False)
    shutil.copytree(ROOT / "deploy/git-mirror", lane.path / "deploy/git-mirror")
    lane.commit("Take the mirror's image over")
    return lane


def test_it_is_built_once_pinned_and_then_reused(lane: LaneRepository) -> None:
    built = lane.json("image.build", "git-mirror", "--pin")
    assert built["status"] == "built"
    pins = json.loads((lane.path / "deploy/runtime/images.json").read_text())
    assert pins["images"]["gitMirror"] == built["reference"]
    assert pins["identities"]["gitMirror"] == built["envIdentity"]
    lane.commit("Pin it, and change what is no input", {"src/main.ts": "console.log(5);\n"})
    again = lane.json("image.build", "git-mirror", "--pin")
    assert (again["status"], again["reference"], again["pinnedIn"]) == ("reused", built["reference"], None)


def test_reads_and_writes_go_through_their_own_doors(lane: LaneRepository, loopback: Loopback, tmp_path: Path) -> None:
    reference = lane.json("image.build", "git-mirror", "--pin")["reference"]
    image = pull(reference)
    rootfs, cache = tmp_path / "rootfs", tmp_path / "cache"
    unpack(image, rootfs)
    cache.mkdir()
    os.chown(cache, 65532, 65532)
    (rootfs / "cache").mkdir()
    container = Container(image, rootfs, loopback, tmp_path / "containers")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "token").write_text(TOKEN)
    mounts = [
        {"destination": "/cache", "type": "bind", "source": str(cache), "options": ["rbind", "rw"]},
        {"destination": "/etc/git-mirror", "type": "bind", "source": str(secret), "options": ["rbind", "ro"]},
    ]
    process = container.start({"GIT_MIRROR_REPOSITORY": REPOSITORY}, mounts)
    read, write = (f"http://127.0.0.1:{port}/{REPOSITORY}" for port in (8080, 8081))
    try:
        _wait_for(loopback, process)
        source = tmp_path / "source"
        source.mkdir()
        git(source, "init", "--quiet", "--initial-branch=v0.1")
        (source / "a").write_text("1\n")
        git(source, "add", "a")
        git(source, "commit", "--quiet", "--message", "One")
        commit = git(source, "rev-parse", "HEAD")

        refused = loopback.run("git", "push", read, "HEAD:refs/heads/v0.1", cwd=source)
        assert refused.returncode != 0
        assert "403" in refused.stderr
        for header in ([], ["-c", "http.extraHeader=X-Git-Mirror-Token: guessed"]):
            without = loopback.run("git", *header, "push", write, "HEAD:refs/heads/v0.1", cwd=source)
            assert without.returncode != 0
            assert "only git-mirror.sync may move it" in without.stderr
        known = ["-c", f"http.extraHeader=X-Git-Mirror-Token: {TOKEN}"]
        pushed = loopback.run("git", *known, "push", write, "HEAD:refs/heads/v0.1", cwd=source)
        assert pushed.returncode == 0, pushed.stderr
        promoted = loopback.run("git", "push", write, "HEAD:refs/heads/v0.1-gitops", cwd=source)
        assert promoted.returncode == 0, promoted.stderr
        (tmp_path / "fresh").mkdir()
        git(tmp_path / "fresh", "init", "--quiet")
        fetched = loopback.run("git", "fetch", "--depth=1", read, commit, cwd=tmp_path / "fresh")
        assert fetched.returncode == 0, fetched.stderr

        git(source, "commit", "--quiet", "--amend", "--message", "Rewritten")
        for forced in (["--force", write, "HEAD:refs/heads/v0.1"], [write, ":refs/heads/v0.1"]):
            assert loopback.run("git", *known, "push", *forced, cwd=source).returncode != 0
        assert commit in loopback.run("git", "ls-remote", read, "refs/heads/v0.1").stdout
        assert loopback.run("curl", "-sS", "--path-as-is", f"{read}/../../etc/passwd").stdout.count("root:") == 0

        container.signal("TERM")
        assert process.wait(20) == 0, process.stderr.read() if process.stderr else ""
    finally:
        container.remove()


def _wait_for(loopback: Loopback, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while loopback.run("curl", "-sf", "http://127.0.0.1:8080/healthz").stdout != "ok\n":
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)

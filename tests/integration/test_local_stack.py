"""The embedded stack: what its doors let through, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from envid.adapters.stack_record import load_stack
from envid.local.service import Service
from envid.local.stack import down, status, up
from envid.local.tools import bootstrapped
from tests.support.lanes import Stack, git

pytestmark = pytest.mark.integration


def push(source: Path, url: str, refspec: str = "HEAD:refs/heads/main") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "push", url, refspec], cwd=source, capture_output=True, text=True, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    for number in range(3):
        (path / "file").write_text(f"{number}\n")
        git(path, "add", "file")
        git(path, "commit", "--quiet", "--message", f"commit {number}")
    return path


def test_the_read_door_gives_any_commit_by_its_full_id_and_takes_nothing(
    stack: Stack, source: Path, tmp_path: Path
) -> None:
    read, write, _ = stack.new_repository("doors")
    assert push(source, write).returncode == 0
    refused = push(source, read, "HEAD:refs/heads/other")
    assert refused.returncode != 0
    assert "403" in refused.stderr
    older = git(source, "rev-parse", "HEAD~1")
    git(tmp_path, "init", "--quiet", "shallow")
    git(tmp_path / "shallow", "fetch", "--quiet", "--depth=1", read, older)
    assert git(tmp_path / "shallow", "rev-list", "FETCH_HEAD") == older


def test_the_write_door_takes_a_large_push_and_refuses_a_rewritten_branch(stack: Stack, source: Path) -> None:
    _, write, _ = stack.new_repository("rewritten")
    # beyond git's post buffer of 1 MiB a push comes in chunks
    (source / "large").write_bytes(os.urandom(3 << 20))
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "large")
    assert push(source, write).returncode == 0
    git(source, "commit", "--quiet", "--amend", "--message", "rewritten")
    assert push(source, write, "+HEAD:refs/heads/main").returncode != 0


@pytest.mark.parametrize(
    "path", ["/../secret.git/HEAD", "/test/template.git/config", "/test/template.git/objects/info"]
)
def test_nothing_but_gits_own_paths_is_served(stack: Stack, path: str) -> None:
    base = stack.services.mirror_read_url.removesuffix("/test/template.git")
    answer = subprocess.run(
        ["curl", "--silent", "--path-as-is", "--output", "/dev/null", "--write-out", "%{http_code}", base + path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "404"


def test_up_again_keeps_what_runs(stack: Stack) -> None:
    before = {s.service: s.detail for s in status(stack.state)}
    assert up(stack.state, "test/template.git", progress=lambda _: None, registry_port=0) == stack.services
    assert {s.service: s.detail for s in status(stack.state)} == before


def test_down_leaves_no_process_mount_or_folder(tmp_path: Path) -> None:
    state = tmp_path / "with space and ümlaut" / ("long" * 30)
    state.mkdir(parents=True)
    services = up(state, "a/b.git", progress=lambda _: None, registry_port=0)
    (state / "context").mkdir()
    (state / "context/Containerfile").write_text("FROM scratch\nCOPY Containerfile /\n")
    subprocess.run(
        [
            bootstrapped("buildctl"),
            f"--addr={services.buildkit_host}",
            "build",
            "--frontend=dockerfile.v0",
            f"--local=context={state / 'context'}",
            f"--local=dockerfile={state / 'context'}",
            "--opt=filename=Containerfile",
            f"--output=type=image,name={services.registry}/t/t:1,push=true",
        ],
        check=True,
        capture_output=True,
    )
    (state / "context/Containerfile").unlink()
    (state / "context").rmdir()
    pids = [Service(name=name, folder=state / "local").pid for name in ("registry", "buildkitd", "git")]
    assert all(pids)
    down(state)
    down(state)
    assert not state.exists()
    assert load_stack(state) is None
    assert not [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
    assert str(state) not in Path("/proc/self/mountinfo").read_text()
    assert not Path(services.buildkit_host.removeprefix("unix://")).parent.exists()


def test_a_recycled_process_id_is_not_killed(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (tmp_path / "x.pid").write_text(json.dumps({"pid": bystander.pid, "started": 1}))
        service = Service(name="x", folder=tmp_path)
        assert service.pid is None
        service.stop()
        assert bystander.poll() is None
        bystander.kill()

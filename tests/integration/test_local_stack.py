"""The embedded stack: what its doors let through, and that nothing is left of it."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envid.adapters.stack_record import LocalStack, load_stack
from envid.errors import ServiceError
from envid.local.proc import start_time
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
    # what commands keep goes too, and what somebody else put there stays
    (state / "publications/agentrun-v01").mkdir(parents=True)
    (state / "git/cache.git").mkdir(parents=True)
    (state / "somebody's").touch()
    down(state)
    down(state)
    assert [path.name for path in state.iterdir()] == ["somebody's"]
    assert load_stack(state) is None
    assert not [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
    assert str(state) not in Path("/proc/self/mountinfo").read_text()
    assert not Path(services.buildkit_host.removeprefix("unix://")).parent.exists()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for a stack of the test's own; whatever the test did, nothing of it is left."""
    folder = tmp_path / "ståte"
    yield folder
    down(folder)


def quietly(state: Path, port: int = 0) -> LocalStack:
    return up(state, "a/b.git", progress=lambda _: None, registry_port=port)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_eight_writers_at_once_all_get_their_branch_in(stack: Stack, source: Path) -> None:
    _, write, _ = stack.new_repository("eight")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: push(source, write, f"HEAD:refs/heads/branch-{n}"), range(8)))
    assert [d.stderr for d in done if d.returncode != 0] == []
    assert len(git(source, "ls-remote", "--heads", write).splitlines()) == 8


def test_of_eight_writers_to_one_branch_one_wins_and_the_rest_are_told(stack: Stack, source: Path) -> None:
    _, write, _ = stack.new_repository("one")
    assert push(source, write).returncode == 0
    tree, parent = git(source, "rev-parse", "HEAD^{tree}"), git(source, "rev-parse", "HEAD")
    commits = [git(source, "commit-tree", tree, "-p", parent, "-m", f"rival {n}") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda commit: push(source, write, f"{commit}:refs/heads/main"), commits))
    won = [commit for commit, d in zip(commits, done, strict=True) if d.returncode == 0]
    assert len(won) == 1
    assert git(source, "ls-remote", write, "refs/heads/main").split()[0] == won[0]


def test_the_second_protocol_and_packed_requests_are_understood(stack: Stack, source: Path, tmp_path: Path) -> None:
    read, write, _ = stack.new_repository("protocol")
    assert push(source, write).returncode == 0

    def post(*options: str, body: bytes) -> bytes:
        (tmp_path / "body").write_bytes(body)
        command = ["curl", "--silent", "--fail", "--noproxy", "*", "--data-binary", f"@{tmp_path / 'body'}", *options]
        headers = ["Content-Type: application/x-git-upload-pack-request", "Git-Protocol: version=2"]
        command += [part for header in headers for part in ("--header", header)]
        return subprocess.run([*command, f"{read}/git-upload-pack"], capture_output=True, check=True).stdout

    request = b"0014command=ls-refs\n0000"
    plain = post(body=request)
    assert b"refs/heads/main" in plain
    assert post("--header", "Content-Encoding: gzip", body=gzip.compress(request)) == plain
    assert post("--header", "Transfer-Encoding: chunked", body=request) == plain


def test_a_branch_can_not_be_removed(stack: Stack, source: Path) -> None:
    _, write, _ = stack.new_repository("removed")
    assert push(source, write).returncode == 0
    assert push(source, write, ":refs/heads/main").returncode != 0


def test_a_taken_port_is_named_and_another_is_used(state: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = up(state, "a/b.git", progress=said.append, registry_port=port)
    assert stack.registry != f"127.0.0.1:{port}"
    assert any(f"port {port} is taken" in line for line in said)


def test_what_was_killed_comes_back_at_its_own_address(state: Path) -> None:
    before = quietly(state)
    services = [Service(name=name, folder=state / "local") for name in ("registry", "buildkitd", "git")]
    for service in services:
        pid = service.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda service=service: service.pid is None)  # type: ignore[misc]
    assert [s.state for s in status(state)] == ["down", "down", "down"]
    assert all("local.up" in s.detail for s in status(state))
    assert quietly(state) == before
    assert [s.state for s in status(state)] == ["up", "up", "up"]


def test_a_service_that_hangs_is_not_called_up(state: Path) -> None:
    Path(quietly(state).buildkit_host.removeprefix("unix://")).unlink()
    found = {s.service: s for s in status(state)}
    assert not found["buildkitd"].running
    assert "does not answer" in found["buildkitd"].detail
    assert found["registry"].running


def test_where_one_service_fails_none_is_left_running(state: Path) -> None:
    (state / "local").mkdir(parents=True)
    # buildkitd can't make its root folder here
    (state / "local/buildkit").write_text("")
    with pytest.raises(ServiceError, match="can't be set up"):
        quietly(state)
    assert not [s for s in status(state) if s.running]
    assert Service(name="registry", folder=(state / "local").resolve()).pid is None
    assert load_stack(state) is None
    (state / "local/buildkit").unlink()
    quietly(state)
    assert all(s.running for s in status(state))


def test_without_root_nothing_is_started_and_the_remedy_is_named(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
os.setuid(65534)
from envid.errors import EnvidError
from envid.local.stack import up
try:
    up(Path(sys.argv[1]), "a/b.git", progress=print)
except EnvidError as error:
    print(error.code, error.remedy)
"""
    environment = {k: v for k, v in os.environ.items() if k not in {"BUILDKIT_HOST", "ENVID_REGISTRY"}}
    done = subprocess.run(
        [sys.executable, "-c", "import envid.local.stack\n" + code, str(tmp_path / "state")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("not-root "), done.stderr
    assert "BUILDKIT_HOST" in done.stdout
    assert not (tmp_path / "state").exists()


def test_many_ups_and_downs_at_once_end_without_a_fault_and_without_a_rest(state: Path) -> None:
    def act(number: int) -> None:
        if number % 2:
            down(state)
        else:
            quietly(state)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    down(state)
    assert not state.exists()
    marked = [p for p in Path("/proc").glob("[0-9]*/cmdline") if os.fsencode(state) in read(p)]
    assert not marked


def test_services_of_your_own_are_used_and_left_alone(stack: Stack, state: Path) -> None:
    code = """
import sys
from pathlib import Path
from envid.local.stack import down, status, up
state = Path(sys.argv[1])
stack = up(state, "a/b.git", progress=lambda _: None)
print(stack.registry, stack.buildkit_host, *[s.detail.partition(",")[0] for s in status(state)], sep=chr(10))
down(state)
"""
    environment = dict(os.environ)
    environment |= {"ENVID_REGISTRY": stack.services.registry, "BUILDKIT_HOST": stack.services.buildkit_host}
    done = subprocess.run(
        [sys.executable, "-c", code, str(state)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    registry, buildkit, first, second, third = done.stdout.splitlines()
    assert (registry, buildkit) == (stack.services.registry, stack.services.buildkit_host)
    assert (first, second) == ("yours", "yours")
    assert third.startswith("pid ")
    assert all(s.running for s in status(stack.state))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_down_during_a_build_leaves_no_process_of_a_container(state: Path, tmp_path: Path, number: int) -> None:
    services = quietly(state)
    context = tmp_path / "context"
    context.mkdir()
    sleep = Path(shutil.which("sleep") or "")
    wanted = [sleep, *shared_libraries(sleep)]
    copies = "".join(f"COPY .{path} {path}\n" for path in wanted)
    for path in wanted:
        (context / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, context / path.relative_to("/"))
    (context / "Containerfile").write_text(f'FROM scratch\n{copies}RUN ["{sleep}", "86399"]\n')
    command = [bootstrapped("buildctl"), f"--addr={services.buildkit_host}", "build", "--frontend=dockerfile.v0"]
    command += [f"--local=context={context}", f"--local=dockerfile={context}", "--opt=filename=Containerfile"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as build:

        def sleepers() -> list[int]:
            line = b"\0".join([os.fsencode(sleep), b"86399", b""])
            return [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/cmdline") if read(p) == line]

        wait_until(lambda: bool(sleepers()))
        container = sleepers()
        if number == signal.SIGKILL:
            pid = Service(name="buildkitd", folder=state / "local").pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        down(state)
        build.kill()
    assert not [pid for pid in container if start_time(pid) is not None]
    assert not state.exists()
    assert os.fsencode(state.name) not in Path("/proc/self/mountinfo").read_bytes()


def test_a_mount_that_was_left_is_undone_whatever_the_folder_is_called(state: Path) -> None:
    quietly(state)
    left = state / "local/buildkit/left over"
    left.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(left)], check=True)
    down(state)
    assert not state.exists()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    state = tmp_path / ("long" * 30)
    services = quietly(state)
    folder = Path(services.buildkit_host.removeprefix("unix://")).parent
    down(state)
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    try:
        with pytest.raises(ServiceError, match="is not ours"):
            quietly(state)
    finally:
        folder.rmdir()
        down(state)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def shared_libraries(program: Path) -> list[Path]:
    words = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout.split()
    return [Path(word) for word in words if word.startswith("/")]

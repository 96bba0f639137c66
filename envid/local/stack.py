"""``local.up``, ``local.down``, ``local.status``: the embedded services together, all their state in one folder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.files import write_atomic
from envid.adapters.git import git
from envid.adapters.process import run
from envid.adapters.stack_record import STACK_FILE, LocalStack, load_stack, stack_bytes
from envid.errors import ServiceError
from envid.local.service import Service
from envid.local.tools import bootstrapped, tool_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ServiceStatus", "down", "status", "up"]

REGISTRY_PORT: Final = 5000
"""The port that the lane's own registry has; a Containerfile's base image names it."""
_SOCKET_LIMIT: Final = 100  # the kernel's is 108 bytes, buildkitd adds a suffix
_NAMES: Final = ("registry", "buildkitd", "git")
_MIRROR_CONFIG: Final = {
    "http.receivepack": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "gc.auto": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One service: whether it runs, where it listens, and what else is to know."""

    service: str
    running: bool
    where: str
    detail: str

    @property
    def state(self) -> str:
        """One word for people."""
        return "up" if self.running else "down"


def up(
    state: Path, repository: str, *, progress: Callable[[str], None], registry_port: int = REGISTRY_PORT
) -> LocalStack:
    """Start what does not run yet. ``repository`` is its path on the mirror; ``registry_port`` 0 takes any free port.

    A registry in ENVID_REGISTRY and a BuildKit in BUILDKIT_HOST are used in place of embedded ones.

    Raises:
        ToolMissing: a program is missing.
        ServiceError: a service can't run here, or did not come up.

    """
    local = state / "local"
    local.mkdir(parents=True, exist_ok=True)
    with _locked(state):
        known = load_stack(state)
        if known is not None and all(s.running for s in status(state)):
            return known
        registry = os.environ.get("ENVID_REGISTRY") or _start_registry(local, known, registry_port, progress)
        buildkit = os.environ.get("BUILDKIT_HOST") or _start_buildkitd(local, registry, progress)
        urls = _start_git(local, known, repository, progress)
        stack = LocalStack(
            registry=registry,
            buildkit_host=buildkit,
            mirror_read_url=urls[0],
            mirror_write_url=urls[1],
            origin_url=urls[2],
        )
        write_atomic(state / STACK_FILE, stack_bytes(stack))
    return stack


def down(state: Path) -> None:
    """Stop what ``up`` started and remove its folder; nothing happens where there is none.

    Raises:
        ServiceError: something of it can't be removed.

    """
    local = state / "local"
    if not local.is_dir():
        return
    with _locked(state):
        for name in reversed(_NAMES):
            Service(name=name, folder=local).stop()
        _unmount_below(local)
        shutil.rmtree(_socket_folder(local), ignore_errors=True)
        try:
            shutil.rmtree(local)
        except OSError as error:
            raise ServiceError(
                f"{local} can't be removed", cause=str(error), remedy=f"end what uses it, then remove {local}"
            ) from None
    # the state folder itself goes only when nothing else is in it
    with contextlib.suppress(OSError):
        state.rmdir()


def status(state: Path) -> list[ServiceStatus]:
    """Tell of each service whether it runs."""
    local, stack = state / "local", load_stack(state)
    where = {"registry": "", "buildkitd": "", "git": ""}
    if stack is not None:
        where = {"registry": stack.registry, "buildkitd": stack.buildkit_host, "git": stack.mirror_read_url}
    external = {"registry": os.environ.get("ENVID_REGISTRY"), "buildkitd": os.environ.get("BUILDKIT_HOST")}
    found: list[ServiceStatus] = []
    for name in _NAMES:
        service = Service(name=name, folder=local)
        pid = service.pid
        if stack is not None and external.get(name) == where[name]:
            found.append(ServiceStatus(service=name, running=True, where=where[name], detail="yours, not embedded"))
        else:
            detail = f"pid {pid}, log {service.log}" if pid else ""
            found.append(ServiceStatus(service=name, running=pid is not None, where=where[name], detail=detail))
    return found


def _start_registry(local: Path, known: LocalStack | None, wanted: int, progress: Callable[[str], None]) -> str:
    service = Service(name="registry", folder=local)
    if known is not None and service.pid is not None:
        return known.registry
    port = _port(wanted)
    if wanted and port != wanted:
        progress(f"port {wanted} is taken; the registry gets {port} (base.build --pin names it in the Containerfile)")
    config = local / "registry.yml"
    storage = local / "registry"
    storage.mkdir(exist_ok=True)
    # JSON is YAML too, and quotes any path
    text = (
        '{"version": 0.1, "log": {"level": "warn", "accesslog": {"disabled": true}},'
        f' "storage": {{"filesystem": {{"rootdirectory": {_json(storage)}}}, "delete": {{"enabled": true}}}},'
        f' "http": {{"addr": "127.0.0.1:{port}"}}}}\n'
    )
    write_atomic(config, text.encode())
    progress(f"registry on 127.0.0.1:{port}")
    service = Service(name="registry", folder=local, argv=[bootstrapped("docker-registry"), "serve", str(config)])
    service.start(lambda: _answers(f"http://127.0.0.1:{port}/v2/"))
    return f"127.0.0.1:{port}"


def _start_buildkitd(local: Path, registry: str, progress: Callable[[str], None]) -> str:
    if os.geteuid() != 0:
        raise ServiceError(
            "the embedded BuildKit needs root",
            cause="its worker mounts layers and starts containers",
            remedy="run this as root, or set BUILDKIT_HOST to a buildkitd that runs already",
            code="not-root",
        )
    folder = _socket_folder(local)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = f"unix://{folder / 'buildkitd.sock'}"
    root = local / "buildkit"
    temporary = root / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    config = local / "buildkitd.toml"
    write_atomic(config, f'[registry."{registry}"]\n  http = true\n'.encode())
    progress(f"buildkitd on {address}")
    path = os.pathsep.join([*map(str, tool_folders()), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    bootstrapped("runc")
    service = Service(
        name="buildkitd",
        folder=local,
        argv=[
            bootstrapped("buildkitd"),
            f"--config={config}",
            f"--root={root}",
            f"--addr={address}",
            "--oci-worker-net=host",
            "--containerd-worker=false",
        ],
        environment={"PATH": path, "TMPDIR": str(temporary)},
    )
    probe = [bootstrapped("buildctl"), f"--addr={address}", "debug", "workers"]
    service.start(lambda: run(probe, timeout=20).returncode == 0)
    return address


def _start_git(
    local: Path, known: LocalStack | None, repository: str, progress: Callable[[str], None]
) -> tuple[str, str, str]:
    service = Service(name="git", folder=local)
    if known is not None and service.pid is not None:
        return known.mirror_read_url, known.mirror_write_url, known.origin_url
    root = local / "git"
    for name in ("mirror", "origin"):
        bare = root / name / repository
        bare.mkdir(parents=True, exist_ok=True)
        git(bare, ["init", "--quiet", "--bare", "."])
        for key, value in _MIRROR_CONFIG.items():
            git(bare, ["config", key, value])
    ports = _free_ports(3)
    urls = tuple(f"http://127.0.0.1:{port}/{repository}" for port in ports)
    progress(f"git mirror on {urls[0]} (read) and {urls[1]} (write)")
    service = Service(
        name="git",
        folder=local,
        argv=[sys.executable, "-m", "envid.local.git_http", str(root), *map(str, ports)],
    )
    service.start(lambda: all(_answers(f"{url}/HEAD") for url in urls))
    return urls[0], urls[1], urls[2]


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    """Keep two runs from starting or stopping at once; the lock is on the folder itself and leaves no file."""
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _socket_folder(local: Path) -> Path:
    """Return where the socket is: in the state folder, or in a short one of ours where its path is too long."""
    if len(os.fsencode(local / "run/buildkitd.sock")) <= _SOCKET_LIMIT:
        return local / "run"
    key = hashlib.sha256(os.fsencode(local)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"envid-{os.geteuid()}-{key}"


def _port(wanted: int) -> int:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as server:
        return int(server.getsockname()[1])
    return _free_ports(1)[0]


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now; held open together, so that they differ."""
    with contextlib.ExitStack() as servers:
        return [
            int(servers.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]) for _ in range(count)
        ]


def _answers(url: str) -> bool:
    # loopback only: a proxy of the environment must not answer in its place
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status)
    except OSError:
        return False


def _unmount_below(folder: Path) -> None:
    """Unmount what a killed buildkitd left, deepest first."""
    with Path("/proc/self/mountinfo").open() as stream:
        points = [line.split()[4].encode().decode("unicode_escape") for line in stream]
    for point in sorted((p for p in points if p.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", "--", point], check=False, capture_output=True)


def _json(path: Path) -> str:
    import json  # noqa: PLC0415

    return json.dumps(str(path))

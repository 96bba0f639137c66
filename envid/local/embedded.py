"""How each embedded service is set up and started: the registry, buildkitd, and git's smart HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import random
import shutil
import socket
import stat
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.files import write_atomic
from envid.adapters.git import git
from envid.adapters.process import run
from envid.errors import ServiceError
from envid.local.proc import listens_on
from envid.local.service import Service
from envid.local.tools import bootstrapped, tool_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "answers",
    "buildkitd_service",
    "git_service",
    "git_urls",
    "registry_service",
    "remove_socket_folder",
    "socket_answers",
    "start_buildkitd",
    "start_git",
    "start_registry",
]

_SOCKET_LIMIT: Final = 100  # the kernel's is 108 bytes, buildkitd adds a suffix
_PORT_TRIES: Final = 3
_FIRST_PORT: Final = 16384
_PORT_CHOICES: Final = 32
_DOORS: Final = 3
_MIRROR_CONFIG: Final = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[http]
\treceivepack = true
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[receive]
\tdenyNonFastForwards = true
\tdenyDeletes = true
[gc]
\tauto = 0
"""
# the cache is a convenience: it may not fill a laptop's disk
_BUILDKIT_LIMITS: Final = """\
[worker.oci]
  gc = true
  reservedSpace = "2GB"
  maxUsedSpace = "20GB"
  minFreeSpace = "2GB"
"""


def registry_service(local: Path) -> Service:
    """Return the registry, as far as stopping it or asking for it needs."""
    return Service(name="registry", folder=local)


def buildkitd_service(local: Path) -> Service:
    """Return buildkitd, as far as stopping it or asking for it needs."""
    return Service(name="buildkitd", folder=local, containers=local / "buildkit")


def git_service(local: Path) -> Service:
    """Return the git mirror, as far as stopping it or asking for it needs."""
    return Service(name="git", folder=local)


def start_registry(local: Path, wanted: int, progress: Callable[[str], None]) -> str:
    """Start the registry, at the port that it had last, or at ``wanted``, or at a free one; return host and port."""
    service = registry_service(local)
    last = service.recorded_address
    if last and service.pid is not None:
        service.start(lambda: answers(f"http://{last}/v2/"))
        return last
    port = _port(*([int(last.rpartition(":")[2])] if last else []), wanted)
    for tries_left in reversed(range(_PORT_TRIES)):
        if last and f"127.0.0.1:{port}" != last:
            progress(f"{last} is taken meanwhile; the registry moves to port {port}: invoke base.build --pin again")
        elif not last and wanted and port != wanted:
            progress(f"port {wanted} is taken; the registry gets {port} (invoke base.build --pin writes it in)")
        progress(f"registry on 127.0.0.1:{port}")
        try:
            _start_registry_at(local, port)
        except ServiceError:
            # somebody took the port between our look and the start: another port, but not for ever
            if not tries_left or _is_free(port):
                raise
            port = _port(0)
        else:
            break
    return f"127.0.0.1:{port}"


def start_buildkitd(local: Path, registry: str, progress: Callable[[str], None]) -> str:
    """Start buildkitd, or restart it where ``registry`` changed; return its address as in BUILDKIT_HOST.

    Raises:
        ServiceError: it did not come up, or its socket would stand in a folder that others can write.

    """
    service = buildkitd_service(local)
    config = local / "buildkitd.toml"
    text = _BUILDKIT_LIMITS
    if _is_loopback(registry):
        text += f'[registry."{registry}"]\n  http = true\n'
    if service.pid is not None and (not config.is_file() or config.read_text() != text):
        service.stop()
    address = service.recorded_address if service.pid is not None else ""
    if not address:
        folder = _make_socket_folder(local)
        address = f"unix://{folder / 'buildkitd.sock'}"
        temporary = local / "buildkit/tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        write_atomic(config, text.encode())
        progress(f"buildkitd on {address}")
        path = [*map(str, tool_folders()), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
        service = replace(
            service,
            argv=[
                bootstrapped("buildkitd"),
                f"--config={config}",
                f"--root={local / 'buildkit'}",
                f"--addr={address}",
                "--oci-worker-net=host",
                "--containerd-worker=false",
            ],
            environment={"PATH": os.pathsep.join(path), "TMPDIR": str(temporary)},
            address=address,
        )
    probe = [bootstrapped("buildctl"), f"--addr={address}", "debug", "workers"]
    service.start(lambda: run(probe, timeout=20).returncode == 0)
    return address


def start_git(local: Path, repository: str, progress: Callable[[str], None]) -> tuple[str, str, str]:
    """Start the git mirror with ``repository``, at the ports that it had last; return read, write and origin URL."""
    service, root = git_service(local), local / "git"
    for side in ("mirror", "origin"):
        _make_bare(root / side / repository)
    if service.pid is not None and service.recorded_address:
        urls = git_urls(service, repository)
        service.start(lambda: all(answers(f"{url}/HEAD") for url in urls))
        return urls
    with contextlib.ExitStack() as open_sockets:
        # bound here and inherited, so that no other program can get between
        last = [int(port) for port in service.recorded_address.split()] or [0] * _DOORS
        doors = [open_sockets.enter_context(_bound(port)) for port in last]
        service = replace(
            service,
            # -P: a module in the current folder must not shadow the standard library's
            argv=[sys.executable, "-P", "-m", "envid.local.git_http", str(root), *(str(d.fileno()) for d in doors)],
            address=" ".join(str(door.getsockname()[1]) for door in doors),
            pass_fds=[door.fileno() for door in doors],
        )
        ports = service.address.split()
        urls = _urls(ports, repository)
        progress(f"git mirror on {urls[0]} (read) and {urls[1]} (write)")
        service.start(lambda: all(answers(f"{url}/HEAD") for url in urls))
    return urls


def git_urls(service: Service, repository: str) -> tuple[str, str, str]:
    """Return read, write and origin URL of ``repository`` at a git mirror that was started."""
    return _urls(service.recorded_address.split(), repository)


def answers(url: str) -> bool:
    """Tell whether an HTTP server on loopback answers well."""
    # a proxy of the environment must not answer in its place
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status)
    except (OSError, ValueError):
        return False


def socket_answers(address: str) -> bool:
    """Tell whether somebody listens at ``unix://PATH``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect(address.removeprefix("unix://"))
        except OSError:
            return False
    return True


def remove_socket_folder(local: Path) -> None:
    """Remove the folder of buildkitd's socket, wherever it was made."""
    address = buildkitd_service(local).recorded_address
    folders = {_socket_folder(local)} | ({Path(address.removeprefix("unix://")).parent} if address else set())
    for folder in folders:
        if folder == local / "run" or folder.name == _short_name(local):
            shutil.rmtree(folder, ignore_errors=True)


def _start_registry_at(local: Path, port: int) -> None:
    storage = local / "registry"
    storage.mkdir(exist_ok=True)
    settings = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config = local / "registry.yml"
    # JSON is YAML too, and quotes any path
    write_atomic(config, json.dumps(settings).encode() + b"\n")
    service = replace(
        registry_service(local),
        argv=[bootstrapped("docker-registry"), "serve", str(config)],
        # the registry lets REGISTRY_… of the environment override its configuration
        environment={name: None for name in os.environ if name.startswith("REGISTRY_")},
        address=f"127.0.0.1:{port}",
    )

    def is_ready() -> bool:
        pid = service.pid
        return pid is not None and listens_on(pid, port) and answers(f"http://127.0.0.1:{port}/v2/")

    service.start(is_ready)


def _make_bare(target: Path) -> None:
    """Make a bare repository with the mirror's rules, whole or not at all."""
    if (target / "HEAD").is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as folder:
        new = Path(folder) / target.name
        new.mkdir()
        git(new, ["init", "--quiet", "--bare", "--template=", "."])
        (new / "config").write_text(_MIRROR_CONFIG)
        new.rename(target)


def _urls(ports: list[str], repository: str) -> tuple[str, str, str]:
    read, write, origin = (f"http://127.0.0.1:{port}/{repository}" for port in ports)
    return read, write, origin


def _short_name(local: Path) -> str:
    key = hashlib.sha256(os.fsencode(local)).hexdigest()[:16]
    return f"envid-{os.geteuid()}-{key}"


def _socket_folder(local: Path) -> Path:
    """Return where the socket is: in the state folder, or in a short one of ours where its path is too long."""
    if len(os.fsencode(local / "run/buildkitd.sock")) <= _SOCKET_LIMIT:
        return local / "run"
    for candidate in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        folder = Path(candidate) / _short_name(local)
        if candidate and Path(candidate).is_dir() and len(os.fsencode(folder / "buildkitd.sock")) <= _SOCKET_LIMIT:
            return folder
    return Path("/tmp") / _short_name(local)  # noqa: S108 - made with 0700 and checked to be ours


def _make_socket_folder(local: Path) -> Path:
    folder = _socket_folder(local)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # who can write there can put a socket of their own in place of ours
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ServiceError(
            f"{folder} is not ours",
            cause="another user made it",
            remedy=f"remove {folder}, or set a shorter ENVID_STATE",
        )
    folder.chmod(0o700)
    return folder


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0] if registry.rpartition(":")[2].isdecimal() else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bound(port: int) -> socket.socket:
    """Return a socket at ``port`` of loopback, or at a free one; it doesn't listen yet."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for candidate in (*([port] if port else []), *_lasting_ports()):
        with contextlib.suppress(OSError):
            door.bind(("127.0.0.1", candidate))
            break
    return door


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def _port(*wanted: int) -> int:
    """Return the first of ``wanted`` that is free, or any that is."""
    for port in (*filter(None, wanted), *_lasting_ports()):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as server:
            return int(server.getsockname()[1])
    raise ServiceError("no port is free on loopback", cause="all are in use", remedy="end what holds them")


def _lasting_ports() -> Iterator[int]:
    """Yield ports to try for a service that must come back at its address.

    The kernel hands none of them to an outgoing connection, which would hold it when the service comes back; the
    last one is any that is free.
    """
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 0
    if lowest > _FIRST_PORT:
        yield from random.sample(range(_FIRST_PORT, lowest), k=min(_PORT_CHOICES, lowest - _FIRST_PORT))
    yield 0

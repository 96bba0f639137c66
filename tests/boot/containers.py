"""An env image as a cluster would run it: its layers from the registry, unpacked and booted by runc, without a network.

The container's network namespace has a loopback and nothing else; the mirror is the only thing that listens there.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from envid.local.tools import bootstrapped

__all__ = ["Container", "Image", "Namespace", "Network", "pull", "unpack"]

_USER = 65532
_TYPES = "application/vnd.docker.distribution.manifest.v2+json"
# sets the loopback up, which is down in a new namespace, and serves
_SERVE = """
import fcntl, pathlib, socket, struct, sys, waitress.server
from envid.local.git_http import GitHttp
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
folder, port = sys.argv[1:]
server = waitress.server.create_server(GitHttp({port: (pathlib.Path(folder), False)}), host="127.0.0.1", port=int(port))
print("listening", flush=True)
server.run()
"""
_NAMESPACES = ("pid", "ipc", "uts", "mount")


@dataclass(frozen=True)
class Image:
    """A pulled image: manifest, config, and each layer's bytes as a tar archive."""

    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of the layers as they are pushed and pulled."""
        return sum(layer["size"] for layer in self.manifest["layers"])

    @property
    def layer_digests(self) -> list[str]:
        """The layers in order, lowest first."""
        return [layer["digest"] for layer in self.manifest["layers"]]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield every regular file of every layer, also those that a later layer hides."""
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                for member in archive:
                    if member.isfile():
                        taken = archive.extractfile(member)
                        assert taken is not None
                        yield member.name.removeprefix("./"), taken.read()


def pull(reference: str) -> Image:
    """Pull ``host/repository@digest`` by plain HTTP."""
    host, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")

    def get(path: str) -> bytes:
        request = urllib.request.Request(f"http://{host}/v2/{repository}/{path}", headers={"Accept": _TYPES})
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            content: bytes = answer.read()
        return content

    manifest = json.loads(get(f"manifests/{digest}"))
    config = json.loads(get(f"blobs/{manifest['config']['digest']}"))
    layers = tuple(gzip.decompress(get(f"blobs/{layer['digest']}")) for layer in manifest["layers"])
    return Image(manifest, config, layers)


def unpack(image: Image, folder: Path) -> None:
    """Lay the layers over each other in ``folder``, with owners and modes."""
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            members = archive.getmembers()
            hidden = [member for member in members if Path(member.name).name.startswith(".wh.")]
            for member in hidden:
                _remove(folder / Path(member.name).parent, Path(member.name).name.removeprefix(".wh."))
            kept = [member for member in members if member not in hidden]
            archive.extractall(folder, kept, numeric_owner=True, filter="fully_trusted")  # noqa: S202


def _remove(folder: Path, name: str) -> None:
    gone = list(folder.iterdir()) if name == ".wh..opq" else [folder / name]
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class Network(Protocol):
    """A network namespace, by the path of its file."""

    @property
    def path(self) -> str:
        """The file."""
        ...


class Namespace:
    """A network namespace in which a mirror's read door listens at ``mirror_url``, and nothing else is reachable."""

    def __init__(self, repositories: Path, mirror_url: str) -> None:
        self._repositories = repositories
        self._port = urlsplit(mirror_url).port or 80

    @property
    def path(self) -> str:
        return f"/proc/{self._mirror.pid}/ns/net"

    def __enter__(self) -> Self:
        self._mirror = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-c", _SERVE, str(self._repositories), str(self._port)],
            stdout=subprocess.PIPE,
        )
        assert self._mirror.stdout is not None
        assert self._mirror.stdout.readline() == b"listening\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._mirror.terminate()
        self._mirror.communicate()

    def get(self, url: str) -> Any:
        """Return a JSON answer that someone in this namespace gets, asking until someone listens."""
        asking = (
            "import sys, time, urllib.request\n"
            "for _ in range(300):\n"
            "    try: print(urllib.request.urlopen(sys.argv[1]).read().decode()); break\n"
            "    except OSError: time.sleep(0.1)\n"
        )
        return json.loads(_call("nsenter", f"--net={self.path}", sys.executable, "-c", asking, url))


class Container:
    """One container as the manifests want it: not root, no capabilities, a read-only root file system."""

    def __init__(self, image: Image, rootfs: Path, namespace: Network, folder: Path) -> None:
        self._id = f"boot-{uuid.uuid4().hex[:8]}"
        self._image, self._rootfs, self._namespace = image, rootfs, namespace
        self._folder = folder / self._id
        self._folder.mkdir(parents=True)
        self._process: subprocess.Popen[str] | None = None

    @property
    def _runc(self) -> list[str]:
        return [bootstrapped("runc"), "--root", str(self._folder / "state")]

    def start(self, variables: dict[str, str], mounts: list[dict[str, Any]] | None = None) -> subprocess.Popen[str]:
        """Start the image's own entrypoint; the process ends when the container does, with its status."""
        (self._folder / "config.json").write_text(json.dumps(self._spec(variables, mounts or [])))
        self._process = subprocess.Popen(
            [*self._runc, "run", "--bundle", str(self._folder), self._id],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        return self._process

    def run(
        self, variables: dict[str, str], mounts: list[dict[str, Any]] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the container to its end."""
        process = self.start(variables, mounts)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def signal(self, name: str) -> None:
        """Send a signal to the container's process 1, as a kubelet does."""
        _call(*self._runc, "kill", self._id, name)

    def execute(self, *argv: str) -> str:
        """Run one more program in the container, and return what it prints."""
        return _call(*self._runc, "exec", self._id, *argv)

    def remove(self) -> None:
        """Remove what is left of it."""
        with contextlib.suppress(AssertionError):
            _call(*self._runc, "delete", "--force", self._id)
        if self._process is not None:
            self._process.communicate()

    def _spec(self, variables: dict[str, str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
        made = self._image.config["config"]
        environment = dict(pair.split("=", 1) for pair in made.get("Env") or []) | variables
        scratch = [f"uid={_USER}", f"gid={_USER}", "nosuid", "nodev"]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": _USER, "gid": _USER},
                "args": [*made["Entrypoint"], *(made.get("Cmd") or [])],
                "env": [f"{name}={value}" for name, value in environment.items()],
                "cwd": made["WorkingDir"],
                "noNewPrivileges": True,
                "capabilities": {},
            },
            "root": {"path": str(self._rootfs), "readonly": True},
            "hostname": "boot",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                _tmpfs("/tmp", [*scratch, "mode=1777"]),  # noqa: S108 - the container's own
                _tmpfs("/var/lib/agentrun", [*scratch, "mode=0770"]),
                *mounts,
            ],
            "linux": {
                "cgroupsPath": f"/{self._id}",
                "namespaces": [
                    *({"type": kind} for kind in _NAMESPACES),
                    {"type": "network", "path": self._namespace.path},
                ],
            },
        }


def _tmpfs(place: str, options: list[str]) -> dict[str, Any]:
    return {"destination": place, "type": "tmpfs", "source": "tmpfs", "options": options}


def _call(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout

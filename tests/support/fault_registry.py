"""A registry on a real socket that misbehaves on demand: a correct one by default, with one fault at a time put in.

A fault is a function that takes the `Peer` of one request and answers it wrongly, or not at all. `FaultRegistry.plan`
queues faults for the next requests; `FaultRegistry.always` puts one in front of every request.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import socket
import ssl
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Fault = Callable[["Peer"], bool]

SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA2_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
API = "Docker-Distribution-Api-Version"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image_bytes(media_type: str = SCHEMA2, *, layers: tuple[bytes, ...] = (b"layer",), config: bytes = b"{}") -> bytes:
    def descriptor(kind: str, content: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "size": len(content), "digest": sha256(content)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor("application/vnd.docker.container.image.v1+json", config),
            "layers": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer) for layer in layers],
        },
        indent=3,
    ).encode()


def index_bytes(
    *children: bytes,
    media_type: str = SCHEMA2_LIST,
    child_type: str = SCHEMA2,
    platforms: Sequence[str] = (),
) -> bytes:
    """Return an index of ``children``, each for its platform of ``platforms``, by default for linux/amd64."""
    manifests = []
    for child, platform in itertools.zip_longest(children, platforms, fillvalue="linux/amd64"):
        assert isinstance(child, bytes)
        named = dict(zip(("os", "architecture", "variant"), str(platform).split("/"), strict=False))
        manifests.append({"mediaType": child_type, "size": len(child), "digest": sha256(child), "platform": named})
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).encode()


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Stored:
    media_type: str
    body: bytes


@dataclass
class FaultRegistry:
    """The server. ``token`` is the bearer token it wants; ``basic`` the Basic credentials; ``prefix`` its path."""

    family: socket.AddressFamily = socket.AF_INET
    tls: ssl.SSLContext | None = None
    prefix: str = ""
    token: str | None = None
    basic: str | None = None
    realm: str | None = None
    token_fault: Fault | None = None
    always: Fault | None = None
    seen: list[Seen] = field(default_factory=list)
    manifests: dict[tuple[str, str], Stored] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    planned: deque[Fault | None] = field(default_factory=deque)
    issued: deque[str] = field(default_factory=deque)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        owner = self

        class Handler(_Handler):
            registry: FaultRegistry = owner

        self._server = _Server(("::1" if self.family == socket.AF_INET6 else "127.0.0.1", 0), Handler, self.family)
        if self.tls is not None:
            self._server.tls = self.tls
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"[::1]:{self.port}" if self.family == socket.AF_INET6 else f"127.0.0.1:{self.port}"

    def push(self, repository: str, tag: str, body: bytes, media_type: str = SCHEMA2) -> str:
        digest = sha256(body)
        self.manifests[repository, tag] = self.manifests[repository, digest] = Stored(media_type, body)
        return digest

    def push_image(self, repository: str = "agentrun/env", tag: str = "t", media_type: str = SCHEMA2) -> str:
        for content in (b"{}", b"layer"):
            self.blobs[sha256(content)] = content
        return self.push(repository, tag, image_bytes(media_type), media_type)

    def plan(self, *faults: Fault | None) -> None:
        self.planned.extend(faults)

    def methods(self) -> list[str]:
        return [request.method for request in self.seen]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[_Handler], family: socket.AddressFamily) -> None:
        self.address_family = family
        self._open: list[socket.socket] = []
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            self._open.append(request)
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            self._open.append(wrapped)
            super().finish_request(wrapped, client_address)

    def close_connections(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: peers that hang up in the middle are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    registry: FaultRegistry
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        split = urlsplit(self.path)
        # a header that is sent more than once, as Accept may be, means the same as one with commas
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        seen = Seen(self.command, split.path, parse_qs(split.query), headers, body)
        self.registry.seen.append(seen)
        Peer(self, seen).serve()

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - the base class's names


class Peer:
    """One request and the ways to answer it."""

    def __init__(self, handler: _Handler, seen: Seen) -> None:
        self._handler = handler
        self.registry = handler.registry
        self.seen = seen
        self.method = seen.method

    def serve(self) -> None:
        registry = self.registry
        if self.seen.path == "/token":
            if registry.token_fault is None or not registry.token_fault(self):
                self._token()
            return
        planned = registry.planned.popleft() if registry.planned else None
        fault = planned or registry.always
        if fault is None or not fault(self):
            self.behave()

    def behave(self) -> None:
        """Answer as a correct registry does."""
        registry = self.registry
        allowed = {None if registry.token is None else f"Bearer {registry.token}"}
        allowed |= {None} if registry.basic is None else {f"Basic {registry.basic}"}
        if (registry.token or registry.basic) and self.seen.headers.get("authorization") not in allowed - {None}:
            self.challenge()
            return
        path = self.seen.path.removeprefix(registry.prefix)
        if not self.seen.path.startswith(registry.prefix) or not path.startswith("/v2/"):
            self.send(404, b"<html>no such page</html>", {"Content-Type": "text/html"})
            return
        for kind in ("/manifests/", "/blobs/"):
            repository, found, selector = path.removeprefix("/v2/").partition(kind)
            if found:
                self._manifest(repository, selector) if kind == "/manifests/" else self._blob(selector)
                return
        self.send(200, b"{}", {API: "registry/2.0"})

    def challenge(self) -> None:
        registry = self.registry
        if registry.token is not None:
            realm = registry.realm or f"http://{registry.host}/token"
            value = f'Bearer realm="{realm}",service="test",scope="repository:other/repository:pull,push"'
        else:
            value = 'Basic realm="test"'
        self.fail(401, "UNAUTHORIZED", {"WWW-Authenticate": value})

    def _manifest(self, repository: str, selector: str) -> None:
        stored = self.registry.manifests.get((repository, selector))
        accepted = [item.partition(";")[0].strip() for item in self.seen.headers.get("accept", "").split(",")]
        if stored is None or stored.media_type not in accepted:
            self.fail(404, "MANIFEST_UNKNOWN")
            return
        self.send(200, stored.body, {"Content-Type": stored.media_type, "Docker-Content-Digest": sha256(stored.body)})

    def _blob(self, digest: str) -> None:
        content = self.registry.blobs.get(digest)
        if content is None:
            self.fail(404, "BLOB_UNKNOWN")
        else:
            self.send(200, content, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest})

    def _token(self) -> None:
        registry = self.registry
        if registry.issued:
            registry.token = registry.issued.popleft()
        self.send(200, json.dumps({"token": registry.token, "expires_in": 300}).encode(), {})

    def fail(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self.send(status, body, {"Content-Type": "application/json", API: "registry/2.0", **(headers or {})})

    def send(self, status: int, body: bytes, headers: dict[str, str], *, length: int | None = None) -> None:
        self.raw(self.encode(status, body, headers, length=length))

    def encode(self, status: int, body: bytes, headers: dict[str, str], *, length: int | None = None) -> bytes:
        lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body) if length is None else length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return head if self.method == "HEAD" else head + body

    def raw(self, content: bytes) -> None:
        self._handler.wfile.write(content)

    def hang_up(self) -> None:
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.connection.close()
        self.hang_up()

    def wait(self, seconds: float) -> bool:
        """Wait without outliving the server; True when it stops."""
        return self.registry.stopping.wait(seconds)


# Faults -------------------------------------------------------------------------------------------------------------


def answers(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer with a status, a body, and headers (``_`` stands for ``-``)."""

    def fault(peer: Peer) -> bool:
        peer.send(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def fails(status: int, code: str, **headers: str) -> Fault:
    """Answer with a status and a registry error body."""

    def fault(peer: Peer) -> bool:
        peer.fail(status, code, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def resets(peer: Peer) -> bool:
    peer.reset()
    return True


def hangs(peer: Peer) -> bool:
    peer.wait(60)
    peer.hang_up()
    return True


def drips_headers(peer: Peer) -> bool:
    """Send a correct answer, one byte at a time; it would take far longer than any test's deadline, and succeed."""
    body = image_bytes()
    content = peer.encode(200, body, {"Content-Type": SCHEMA2, "Docker-Content-Digest": sha256(body)})
    for index in range(len(content)):
        peer.raw(content[index : index + 1])
        if peer.wait(0.05):
            break
    peer.hang_up()
    return True


def drips_body(peer: Peer) -> bool:
    body = image_bytes()
    content = peer.encode(200, body, {"Content-Type": SCHEMA2, "Docker-Content-Digest": sha256(body)})
    peer.raw(content[: -len(body)])
    for index in range(len(body)):
        peer.raw(body[index : index + 1])
        if peer.wait(0.05):
            break
    peer.hang_up()
    return True


def truncates(peer: Peer) -> bool:
    body = image_bytes()
    peer.send(200, body[:20], {"Content-Type": SCHEMA2}, length=len(body))
    peer.hang_up()
    return True


def speaks_no_http(peer: Peer) -> bool:
    peer.raw(b"220 mail.example ESMTP ready\r\n")
    peer.hang_up()
    return True


def never_ends(peer: Peer) -> bool:
    """Stream a body without length and without end."""
    peer.raw(b"HTTP/1.1 200 OK\r\nContent-Type: " + SCHEMA2.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(OSError):
        while not peer.registry.stopping.is_set():
            peer.raw(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    peer.hang_up()
    return True


def on(method: str, fault: Fault) -> Fault:
    """Apply ``fault`` to one method alone."""
    return lambda peer: peer.method == method and fault(peer)


def with_digest_header(value: str | None) -> Fault:
    """Answer correctly, but with another digest header, or none."""

    def fault(peer: Peer) -> bool:
        selector = peer.seen.path.rpartition("/")[2]
        stored = next((s for (_, name), s in peer.registry.manifests.items() if name == selector), None)
        if stored is None:
            return False
        headers = {"Content-Type": stored.media_type}
        peer.send(200, stored.body, headers if value is None else {**headers, "Docker-Content-Digest": value})
        return True

    return fault

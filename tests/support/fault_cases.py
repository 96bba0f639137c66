"""Every fault of a registry that ``registry.digest`` must live with, and what a command line does about each.

A case arranges a world (a faulty registry, another host that listens, and logins for the registry alone) and gives the
reference to ask for. The same worlds are asked by this project's command line (tests) and by its peers (bench).
"""

from __future__ import annotations

import base64
import itertools
import json
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Self

from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry, Peer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.fault_registry import Fault

__all__ = ["CASES", "FaultCase", "FaultWorld"]

NAME = "agentrun/env"
USER, PASSWORD = "robot", "planted-password"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
LIE = "sha256:" + "1" * 64
TLS_HOST = "0.0.0.0"  # noqa: S104 - leads to loopback, and no client takes it for loopback: so it wants TLS


class FaultWorld:
    """The servers of one case. ``folder`` is where a client runs, with its Docker config and its ``invoke.yaml``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = FaultRegistry()
        self.listener = FaultRegistry()
        self.environment: dict[str, str] = {}
        self.settings: dict[str, Any] = {}
        self.right = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        self._stack.enter_context(self.listener)
        self.right = self.server.push_image()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tasks.py").write_text("from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def arrange(self, case: FaultCase) -> str:
        """Put the case's fault in, write what the client is configured with, and return the reference to ask for."""
        reference = case.arrange(self)
        # the login is the registry's own, in every case: wherever else it arrives, it leaked
        login = {reference.partition("/")[0]: {"auth": BASIC}}
        docker = self.folder / "docker"
        docker.mkdir(exist_ok=True)
        (docker / "config.json").write_text(json.dumps({"auths": login}))
        (self.folder / "invoke.yaml").write_text(json.dumps({"envid": {"project": "agentrun", **self.settings}}))
        self.environment["DOCKER_CONFIG"] = str(docker)
        return reference

    def replace_server(self, server: FaultRegistry) -> None:
        """Use another registry in the first one's place, with the same image."""
        self.server = self._stack.enter_context(server)
        self.server.push_image()

    def silent_port(self) -> int:
        """Return a port that takes connections and never says a word."""
        listening = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        return int(listening.getsockname()[1])

    def tls(self, names: str) -> Path:
        """Serve TLS with a new certificate for ``names``; return it."""
        certificate = self.folder / "pair.pem"
        request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry.test"
        files = ["-addext", f"subjectAltName={names}", "-keyout", f"{certificate}.key", "-out", str(certificate)]
        subprocess.run(["openssl", *request.split(), *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, f"{certificate}.key")
        self.replace_server(FaultRegistry(tls=context))
        return certificate

    @property
    def other_host(self) -> str:
        """The listener, under a name that is not the registry's."""
        return f"localhost:{self.listener.port}"

    @property
    def leaked(self) -> bool:
        """Tell whether the registry's login arrived at the listener, wherever in a request."""
        arrived = "\n".join(f"{s.path} {s.query} {s.headers} {s.body!r}" for s in self.listener.seen)
        return PASSWORD in arrived or BASIC in arrived


@dataclass(frozen=True)
class FaultCase:
    """One fault. ``code`` is the error that a user must get; empty where the right digest can be had."""

    name: str
    arrange: Callable[[FaultWorld], str]
    code: str = ""
    hangs: bool = field(default=False)


def _on_manifests(fault: Fault) -> Fault:
    return lambda peer: "/manifests/" in peer.seen.path and fault(peer)


def _first(count: int, fault: Fault) -> Fault:
    left = itertools.count()
    return _on_manifests(lambda peer: next(left) < count and fault(peer))


def _always(fault: Fault) -> Callable[[FaultWorld], str]:
    def arrange(world: FaultWorld) -> str:
        world.server.always = fault
        return f"{world.server.host}/{NAME}:t"

    return arrange


def _manifests(fault: Fault) -> Callable[[FaultWorld], str]:
    return _always(_on_manifests(fault))


def _gets(fault: Fault) -> Callable[[FaultWorld], str]:
    return _manifests(faults.on("GET", fault))


def _passing(make: Callable[[], Fault], count: int = 2) -> Callable[[FaultWorld], str]:
    def arrange(world: FaultWorld) -> str:
        # made anew for each world: it counts
        return _always(_first(count, make()))(world)

    return arrange


def _retry_at(peer: Peer) -> bool:
    now = time.time()
    date, until = formatdate(now, usegmt=True), formatdate(now + 2, usegmt=True)
    peer.fail(429, "TOOMANYREQUESTS", {"Retry-After": until, "Date": date})
    return True


def _lying_by_head(world: FaultWorld) -> str:
    world.server.always = faults.on("HEAD", faults.with_digest_header(LIE))
    return f"{world.server.host}/{NAME}:t"


def _lying_everywhere(world: FaultWorld) -> str:
    world.server.manifests[NAME, LIE] = world.server.manifests[NAME, "t"]
    return _manifests(faults.with_digest_header(LIE))(world)


def _schema1_only(world: FaultWorld) -> str:
    body = json.dumps({"schemaVersion": 1, "name": NAME, "tag": "t", "fsLayers": [], "history": []}).encode()
    fault = faults.answers(200, body, Content_Type=faults.SCHEMA1, Docker_Content_Digest=faults.sha256(body))
    return _manifests(fault)(world)


def _schema1_by_head(world: FaultWorld) -> str:
    lie = faults.answers(200, b"", Content_Type=faults.SCHEMA1, Docker_Content_Digest=LIE)
    return _manifests(faults.on("HEAD", lie))(world)


def _realm_elsewhere(world: FaultWorld, *, public: bool) -> str:
    # the registry issues what the listener hands out, to whoever asks without a login
    world.server.token = world.listener.token = "anonymous-token"
    world.server.realm = f"http://{world.other_host}/token"
    if not public:
        world.listener.token_fault = faults.fails(401, "UNAUTHORIZED")
    return f"{world.server.host}/{NAME}:t"


def _redirected(world: FaultWorld, *, wants_login: bool) -> str:
    world.server.basic = BASIC
    world.listener.push_image()
    if wants_login:
        world.listener.basic = BASIC

    def redirects(peer: Peer) -> bool:
        if peer.seen.headers.get("authorization") != f"Basic {BASIC}":
            return False
        peer.send(307, b"", {"Location": f"http://{world.other_host}{peer.seen.path}"})
        return True

    return _manifests(redirects)(world)


def _expiring(world: FaultWorld) -> str:
    world.server.token = "not-issued-yet"
    world.server.issued.extend(["first-token", "second-token"])
    asked = itertools.count()

    def expires(peer: Peer) -> bool:
        # the first token serves one question, whose answer is lost, and is worth nothing afterwards
        if peer.seen.headers.get("authorization") == "Bearer first-token" and next(asked) == 0:
            world.server.token = "not-issued-yet"
            peer.fail(503, "UNAVAILABLE")
            return True
        return False

    return _manifests(expires)(world)


def _slow_realm(world: FaultWorld) -> str:
    world.server.token = "token"
    world.server.token_fault = faults.hangs
    return f"{world.server.host}/{NAME}:t"


def _tls(world: FaultWorld, names: str, *, trusted: bool) -> str:
    certificate = world.tls(names)
    if trusted:
        world.environment["SSL_CERT_FILE"] = str(certificate)
    return f"{TLS_HOST}:{world.server.port}/{NAME}:t"


def _ipv6(world: FaultWorld) -> str:
    world.replace_server(FaultRegistry(family=socket.AF_INET6))
    return f"{world.server.host}/{NAME}:t"


def _prefix(world: FaultWorld, *, configured: bool) -> str:
    world.server.prefix = "/registry"
    if configured:
        world.settings["registryPathPrefixes"] = {world.server.host: "/registry"}
    return f"{world.server.host}/{NAME}:t"


def _nobody(_world: FaultWorld) -> str:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"127.0.0.1:{gone.getsockname()[1]}/{NAME}:t"


_PAGE = b"<!doctype html><title>Log in</title>"
_BIG = b" " * (5 * 1024 * 1024)

CASES = (
    FaultCase("a registry that works", lambda world: f"{world.server.host}/{NAME}:t"),
    FaultCase("500 twice, then well", _passing(lambda: faults.answers(500))),
    FaultCase(
        "502 with a web page twice, then well", _passing(lambda: faults.answers(502, _PAGE, Content_Type="text/html"))
    ),
    FaultCase("503 twice, then well", _passing(lambda: faults.fails(503, "UNAVAILABLE"))),
    FaultCase("503 to the end", _always(faults.fails(503, "UNAVAILABLE")), "registry-broken"),
    FaultCase(
        "429, Retry-After in seconds", _passing(lambda: faults.fails(429, "TOOMANYREQUESTS", Retry_After="1"), 1)
    ),
    FaultCase("429, Retry-After as a date", _passing(lambda: _retry_at, 1)),
    FaultCase(
        "429, Retry-After an hour",
        _always(faults.fails(429, "TOOMANYREQUESTS", Retry_After="3600")),
        "registry-rate-limited",
    ),
    FaultCase("connection reset twice, then well", _passing(lambda: faults.resets)),
    FaultCase("connection reset to the end", _always(faults.resets), "registry-unreachable"),
    FaultCase("nobody listens", _nobody, "registry-unreachable"),
    FaultCase("body truncated once, then well", _passing(lambda: faults.on("GET", faults.truncates), 1)),
    FaultCase("body truncated to the end", _gets(faults.truncates), "registry-protocol"),
    FaultCase("no HTTP at all", _always(faults.speaks_no_http), "registry-protocol"),
    FaultCase("hangs before the answer", _always(faults.hangs), "registry-timeout", hangs=True),
    FaultCase(
        "hangs in the TLS handshake",
        lambda world: f"{TLS_HOST}:{world.silent_port()}/{NAME}:t",
        "registry-timeout",
        hangs=True,
    ),
    FaultCase("headers drip, a byte every 50 ms", _always(faults.drips_headers), "registry-timeout", hangs=True),
    FaultCase("body drips, a byte every 50 ms", _gets(faults.drips_body), "registry-timeout", hangs=True),
    FaultCase("the token service hangs", _slow_realm, "registry-timeout", hangs=True),
    FaultCase("digest header missing", _manifests(faults.with_digest_header(None))),
    FaultCase("digest header malformed", _manifests(faults.with_digest_header("sha256:abc"))),
    FaultCase("digest header lies everywhere", _lying_everywhere, "registry-digest-mismatch"),
    FaultCase("digest header lies on HEAD alone", _lying_by_head),
    FaultCase(
        "a web page with 200", _always(faults.answers(200, _PAGE, Content_Type="text/html")), "registry-not-a-registry"
    ),
    FaultCase(
        "a web page in a manifest's clothes",
        _always(faults.answers(200, _PAGE, Content_Type=faults.SCHEMA2, Docker_Content_Digest=faults.sha256(_PAGE))),
        "registry-not-a-registry",
    ),
    FaultCase(
        "a web page with 404", _always(faults.answers(404, _PAGE, Content_Type="text/html")), "registry-not-a-registry"
    ),
    FaultCase(
        "a manifest of 5 MiB", _gets(faults.answers(200, _BIG, Content_Type=faults.SCHEMA2)), "registry-oversized"
    ),
    FaultCase("a manifest without end", _gets(faults.never_ends), "registry-oversized"),
    FaultCase("HEAD answers 405", _manifests(faults.on("HEAD", faults.answers(405)))),
    FaultCase("schema1 and nothing else", _schema1_only, "registry-schema1"),
    FaultCase("schema1's digest on HEAD, schema2 on GET", _schema1_by_head),
    FaultCase("404 for what is absent", lambda world: f"{world.server.host}/{NAME}:absent", "registry-absent"),
    FaultCase("403 for what is absent", _manifests(faults.fails(403, "DENIED")), "registry-denied"),
    FaultCase("token realm on another host, public", lambda world: _realm_elsewhere(world, public=True)),
    FaultCase(
        "token realm on another host, private",
        lambda world: _realm_elsewhere(world, public=False),
        "registry-untrusted-realm",
    ),
    FaultCase("redirect to another host", lambda world: _redirected(world, wants_login=False)),
    FaultCase(
        "redirect to another host that wants a login",
        lambda world: _redirected(world, wants_login=True),
        "registry-denied",
    ),
    FaultCase("a token that expires in the middle", _expiring),
    FaultCase(
        "a certificate nobody vouches for", lambda world: _tls(world, "IP:0.0.0.0", trusted=False), "registry-tls"
    ),
    FaultCase(
        "a certificate for another name", lambda world: _tls(world, "DNS:registry.test", trusted=True), "registry-tls"
    ),
    FaultCase("a certificate that verifies", lambda world: _tls(world, "IP:0.0.0.0", trusted=True)),
    FaultCase("IPv6", _ipv6),
    FaultCase("a path prefix, configured", lambda world: _prefix(world, configured=True)),
    FaultCase(
        "a path prefix, not configured", lambda world: _prefix(world, configured=False), "registry-not-a-registry"
    ),
)

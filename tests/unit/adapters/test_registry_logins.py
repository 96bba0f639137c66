from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.process import Completed
from envid.adapters.registry import (
    BoundedTransport,
    Credential,
    DockerConfig,
    Registry,
    RegistryBroken,
    RegistryDenied,
    RegistryTimeout,
)
from envid.core.values import ImageReference
from envid.errors import InputError, RegistryError, ToolMissing
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry

Client = Callable[..., Registry]
NAME = "agentrun/env"
PASSWORD = "planted-password"
IDENTITY = "planted-identity-token"
BEARER = "planted-bearer-token"
BASIC = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


def ref(server: FaultRegistry, selector: str = "t") -> ImageReference:
    return ImageReference.parse(f"{server.host}/{NAME}:{selector}")


def login(*servers: FaultRegistry) -> DockerConfig:
    return DockerConfig({server.host: Credential("robot", PASSWORD) for server in servers})


def leaks(server: FaultRegistry) -> list[str]:
    """Return the planted secrets that arrived at ``server``, wherever in a request."""
    arrived = "\n".join(f"{s.path} {s.query} {s.headers} {s.body!r}" for s in server.seen)
    return [secret for secret in (PASSWORD, BASIC, IDENTITY, BEARER) if secret in arrived]


@pytest.fixture
def listener() -> Iterator[FaultRegistry]:
    """Another host: what a login must never reach."""
    with FaultRegistry() as running:
        yield running


def redirects_to(origin: str) -> faults.Fault:
    def fault(peer: faults.Peer) -> bool:
        peer.send(307, b"", {"Location": f"{origin}{peer.seen.path}"})
        return True

    return fault


# Basic --------------------------------------------------------------------------------------------------------------


def test_basic(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.basic = BASIC
    assert client(docker_config=login(server)).digest(ref(server)) == digest


def test_no_login_goes_to_a_registry_that_does_not_ask(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    client(docker_config=login(server)).digest(ref(server))
    assert leaks(server) == []


def test_without_a_login_the_error_says_so(server: FaultRegistry, client: Client) -> None:
    server.basic = BASIC
    with pytest.raises(RegistryDenied) as caught:
        client().digest(ref(server))
    assert f"docker login {server.host}" in caught.value.remedy
    assert "Docker config file has none" in caught.value.cause


def test_a_wrong_login_is_denied_and_not_shown(server: FaultRegistry, client: Client) -> None:
    server.basic = "other"
    with pytest.raises(RegistryDenied) as caught:
        client(docker_config=login(server)).digest(ref(server))
    assert PASSWORD not in str(caught.value)
    assert BASIC not in str(caught.value)


def test_a_login_for_another_port_of_the_host_is_not_used(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    server.basic = BASIC
    with pytest.raises(RegistryDenied):
        client(docker_config=login(listener)).digest(ref(server))
    assert leaks(server) == []


# Bearer -------------------------------------------------------------------------------------------------------------


def test_an_anonymous_token(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.token = BEARER
    assert client().digest(ref(server)) == digest
    token_requests = [s for s in server.seen if s.path == "/token"]
    assert [s.query for s in token_requests] == [{"scope": [f"repository:{NAME}:pull"], "service": ["test"]}]


def test_a_token_for_a_login(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.token = BEARER
    assert client(docker_config=login(server)).digest(ref(server)) == digest
    assert [s.headers["authorization"] for s in server.seen if s.path == "/token"] == [f"Basic {BASIC}"]


def test_an_identity_token_is_exchanged_in_the_body(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.token = BEARER
    config = DockerConfig({server.host: Credential("", identity_token=IDENTITY)})
    assert client(docker_config=config).digest(ref(server)) == digest
    (exchange,) = [s for s in server.seen if s.path == "/token"]
    assert exchange.method == "POST"
    assert IDENTITY in exchange.body.decode()
    assert IDENTITY not in str(exchange.query)


def test_a_token_that_expires_in_the_middle_is_fetched_again(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.token = "unused"
    server.issued.extend(["first-token", "second-token"])

    def expires(_peer: faults.Peer) -> bool:
        server.token = "nothing-yet"
        return False

    server.plan(None, None, expires)  # the 401, the HEAD with the token, then the GET that finds it expired
    assert client().digest(ref(server)) == digest
    assert [s.path for s in server.seen].count("/token") == 2


def test_a_registry_that_refuses_every_token_is_denied_after_one_renewal(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.token = "right"
    server.token_fault = faults.answers(200, b'{"token": "wrong"}')
    with pytest.raises(RegistryDenied):
        client(docker_config=login(server)).digest(ref(server))
    assert len(server.seen) < 10


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (faults.answers(401), RegistryDenied, "registry-denied"),
        (faults.answers(403), RegistryDenied, "registry-denied"),
        (faults.answers(500), RegistryBroken, "registry-broken"),
        (faults.answers(200, b"<html>"), RegistryBroken, "registry-realm"),
        (faults.answers(200, b"[]"), RegistryBroken, "registry-realm"),
        (faults.answers(200, b'{"token": "a b"}'), RegistryBroken, "registry-realm"),
        (faults.answers(200, b'{"token": "a\\r\\nX-Injected: 1"}'), RegistryBroken, "registry-realm"),
        (faults.answers(200, b" " * 300_000), RegistryBroken, "registry-oversized"),
        (faults.hangs, RegistryTimeout, "registry-timeout"),
    ],
)
def test_a_token_service_that_fails(
    server: FaultRegistry, client: Client, fault: faults.Fault, error: type[RegistryError], code: str
) -> None:
    server.push_image()
    server.token = BEARER
    server.token_fault = fault
    with pytest.raises(error) as caught:
        client(docker_config=login(server), deadline=1.0).digest(ref(server))
    assert caught.value.code == code
    assert PASSWORD not in str(caught.value)


# Other hosts --------------------------------------------------------------------------------------------------------


def test_no_login_goes_to_a_token_realm_on_another_host(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    server.push_image()
    server.token = BEARER
    server.realm = f"http://{listener.host}/token"
    listener.token_fault = faults.answers(401)
    with pytest.raises(RegistryDenied) as caught:
        client(docker_config=login(server)).digest(ref(server))
    assert caught.value.code == "registry-untrusted-realm"
    assert listener.host in caught.value.remedy
    assert len(listener.seen) == 1
    assert leaks(listener) == []


def test_no_identity_token_goes_to_a_token_realm_on_another_host(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    server.token = BEARER
    server.realm = f"http://{listener.host}/token"
    config = DockerConfig({server.host: Credential("", identity_token=IDENTITY)})
    with pytest.raises(RegistryError):
        client(docker_config=config).digest(ref(server))
    assert leaks(listener) == []


def test_a_public_image_is_read_with_another_hosts_anonymous_token(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    digest = server.push_image()
    server.token = "anonymous-token"
    server.realm = f"http://{listener.host}/token"
    listener.token = "anonymous-token"
    assert client(docker_config=login(server)).digest(ref(server)) == digest
    assert leaks(listener) == []


def test_a_realm_that_is_named_for_the_registry_gets_its_login(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    digest = server.push_image()
    server.token = listener.token = BEARER
    server.realm = f"http://{listener.host}/token"
    trusted = {server.host: frozenset({listener.host})}
    assert client(docker_config=login(server), trusted_realms=trusted).digest(ref(server)) == digest
    assert leaks(listener) == [BASIC]


def test_a_realm_that_is_named_for_another_registry_gets_nothing(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    server.token = BEARER
    server.realm = f"http://{listener.host}/token"
    trusted = {"registry.test": frozenset({listener.host})}
    with pytest.raises(RegistryError):
        client(docker_config=login(server), trusted_realms=trusted).digest(ref(server))
    assert leaks(listener) == []


@pytest.mark.parametrize(
    "realm", ["http://elsewhere.test/token", "ftp://127.0.0.1/t", "/token", "http://a:b@127.0.0.1/t", "http://[", ""]
)
def test_a_realm_that_can_not_be_used(server: FaultRegistry, client: Client, realm: str) -> None:
    def challenges(peer: faults.Peer) -> bool:
        peer.fail(401, "UNAUTHORIZED", {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})
        return True

    server.always = challenges
    with pytest.raises(RegistryError):
        client(docker_config=login(server)).digest(ref(server))
    assert leaks(server) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_login_follows_a_redirect_to_another_host(
    server: FaultRegistry, listener: FaultRegistry, client: Client, status: int
) -> None:
    digest = listener.push_image()
    server.basic = BASIC

    def redirects(peer: faults.Peer) -> bool:
        if "authorization" not in peer.seen.headers:
            return False
        peer.send(status, b"", {"Location": f"http://{listener.host}{peer.seen.path}"})
        return True

    server.always = redirects
    assert client(docker_config=login(server)).digest(ref(server)) == digest
    assert leaks(server) == [BASIC]
    assert leaks(listener) == []


def test_a_redirects_target_that_wants_a_login_does_not_get_one(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    listener.push_image()
    listener.basic = BASIC
    server.always = redirects_to(f"http://{listener.host}")
    with pytest.raises(RegistryDenied):
        client(docker_config=login(server, listener)).digest(ref(server))
    assert leaks(listener) == []


def test_a_redirect_on_the_same_host_keeps_the_login(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.push_image(tag="moved")
    server.basic = BASIC

    def redirects(peer: faults.Peer) -> bool:
        if not peer.seen.path.endswith("/t"):
            return False
        peer.send(307, b"", {"Location": peer.seen.path.removesuffix("t") + "moved"})
        return True

    server.always = redirects
    assert client(docker_config=login(server)).digest(ref(server)) == digest


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://elsewhere.test/v2/",
        "ftp://127.0.0.1/",
        "http://a:b@127.0.0.1/",
        "http://[",
        "http://127.0.0.1:99999/",
    ],
)
def test_a_redirect_that_is_not_followed(server: FaultRegistry, client: Client, location: str) -> None:
    server.always = faults.answers(307, Location=location)
    with pytest.raises(RegistryBroken) as caught:
        client().digest(ref(server))
    assert caught.value.code == "registry-redirect"


def test_a_redirect_loop_ends(server: FaultRegistry, client: Client) -> None:
    server.always = redirects_to("")
    with pytest.raises(RegistryBroken) as caught:
        client().digest(ref(server))
    assert caught.value.code == "registry-redirect"


def test_cookies_are_not_carried_along(server: FaultRegistry, listener: FaultRegistry, client: Client) -> None:
    server.push_image()
    listener.push_image()
    server.plan(faults.answers(503, Set_Cookie="session=planted; Path=/"))
    registry = client()
    registry.digest(ref(server))
    registry.digest(ref(listener))
    assert not any("cookie" in s.headers for s in [*server.seen, *listener.seen])


def test_a_proxy_gets_what_is_not_local_and_not_excepted(
    server: FaultRegistry, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = server.push_image()
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    monkeypatch.setenv("no_proxy", ".direct.test,10.0.0.0/8")

    hosts = frozenset({"registry.test", "a.direct.test", "10.1.2.3"})

    def resolve(host: str, _port: int) -> list[str]:
        raise OSError(f"{host} was asked directly")

    registry = client(transport=BoundedTransport(resolve=resolve), insecure_hosts=hosts, deadline=0.5)
    assert registry.digest(ImageReference.parse(f"registry.test/{NAME}:t")) == digest
    assert server.seen[0].headers["host"] == "registry.test"
    with pytest.raises(RegistryError, match="asked directly"):
        registry.digest(ImageReference.parse(f"a.direct.test/{NAME}:t"))
    assert registry.digest(ref(server)) == digest


# The config file ----------------------------------------------------------------------------------------------------


def config(**members: Any) -> DockerConfig:
    return DockerConfig.parse(json.dumps(members).encode(), where="config.json")


def test_the_forms_of_stored_logins() -> None:
    found = config(
        auths={
            "one.test:5000": {"auth": BASIC},
            "https://two.test/v1/": {"username": "robot", "password": PASSWORD},
            "Three.test": {"auth": BASIC, "identitytoken": IDENTITY},
            "four.test": {},
        }
    )
    assert found.credential("one.test:5000", 1) == Credential("robot", PASSWORD)
    assert found.credential("two.test", 1) == Credential("robot", PASSWORD)
    assert found.credential("three.test", 1) == Credential("", identity_token=IDENTITY)
    assert found.credential("four.test", 1) is None
    assert found.credential("one.test", 1) is None


def test_a_login_never_shows_its_secret() -> None:
    shown = repr(config(auths={"one.test": {"auth": BASIC, "identitytoken": IDENTITY}, "two.test": {"auth": BASIC}}))
    assert PASSWORD not in shown
    assert IDENTITY not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"auths": [1]}',
        b'{"auths": {"a": 1}}',
        b'{"auths": {"a": {"auth": "planted-password"}}}',
        b'{"auths": {"a": {"auth": "cGxhbnRlZC1wYXNzd29yZA=="}}}',
        b'{"credsStore": "../../bin/sh"}',
        b'{"credsStore": "-x"}',
        b'{"credHelpers": {"a": "x;y"}}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_a_config_that_can_not_be_used_is_bad_input_without_its_text(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        DockerConfig.parse(content, where="config.json")
    assert "planted-password" not in str(caught.value)
    assert "cGxhb" not in str(caught.value)


def test_where_the_config_file_is_found(tmp_path: Path) -> None:
    content = json.dumps({"auths": {"one.test": {"auth": BASIC}}})
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(content)
    assert DockerConfig.load({"HOME": str(tmp_path)}).credential("one.test", 1)
    assert DockerConfig.load({"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker")}).credential("one.test", 1)
    assert DockerConfig.load({"HOME": str(tmp_path / "none")}).credential("one.test", 1) is None
    assert DockerConfig.load({}).credential("one.test", 1) is None


# Helpers ------------------------------------------------------------------------------------------------------------


class Helper:
    """Answers as docker-credential-NAME does, and remembers what it was asked."""

    def __init__(self, stdout: bytes, returncode: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self._stdout = stdout
        self._returncode = returncode

    def __call__(self, name: str, host: str, timeout: float) -> Completed:
        assert timeout > 0
        self.asked.append((name, host))
        return Completed((name, "get"), self._returncode, self._stdout, b"")


def test_a_hosts_own_helper_comes_before_the_default_one() -> None:
    helper = Helper(json.dumps({"ServerURL": "x", "Username": "robot", "Secret": PASSWORD}).encode())
    found = DockerConfig({}, {"one.test": "special"}, "default", helper)
    assert found.credential("one.test", 1) == Credential("robot", PASSWORD)
    assert found.credential("two.test", 1) == Credential("robot", PASSWORD)
    assert helper.asked == [("special", "one.test"), ("default", "two.test")]


def test_a_helper_may_give_an_identity_token() -> None:
    helper = Helper(json.dumps({"Username": "<token>", "Secret": IDENTITY}).encode())
    assert DockerConfig({}, {}, "d", helper).credential("a.test", 1) == Credential("", identity_token=IDENTITY)


def test_a_helper_without_a_login_leaves_the_stored_one() -> None:
    helper = Helper(b"credentials not found in native keychain\n", 1)
    stored = {"a.test": Credential("robot", PASSWORD)}
    assert DockerConfig(stored, {}, "d", helper).credential("a.test", 1) == stored["a.test"]
    assert DockerConfig({}, {}, "d", helper).credential("a.test", 1) is None


@pytest.mark.parametrize(
    "helper", [Helper(b"boom", 2), Helper(b"not json"), Helper(b"[]"), Helper(b'{"Username": 1, "Secret": 2}')]
)
def test_a_helper_that_fails(helper: Helper) -> None:
    with pytest.raises(RegistryDenied) as caught:
        DockerConfig({}, {}, "d", helper).credential("a.test", 1)
    assert caught.value.code == "registry-credential-helper"
    assert "docker-credential-d" in caught.value.what


def test_a_helper_that_is_not_installed() -> None:
    def missing(name: str, _host: str, _timeout: float) -> Completed:
        raise ToolMissing(f"docker-credential-{name} is not installed")

    with pytest.raises(RegistryDenied, match="not installed"):
        DockerConfig({}, {}, "d", missing).credential("a.test", 1)


def test_a_real_helper_is_run_without_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-planted"
    program.write_text('#!/bin/sh\nread -r host\nprintf \'{"Username": "%s", "Secret": "%s"}\' "$1" "$host"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert config(credsStore="planted").credential("a.test:5000", 5) == Credential("get", "a.test:5000")

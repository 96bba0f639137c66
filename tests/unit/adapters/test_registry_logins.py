from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest

from envid.adapters.registry import Registry, RegistryBroken, RegistryDenied, RegistryTimeout
from envid.adapters.registry.docker_config import Credential, DockerConfig
from envid.errors import RegistryError
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry
from tests.support.registry_asking import NAME, ref

Client = Callable[..., Registry]
PASSWORD = "planted-password"
IDENTITY = "planted-identity-token"
BEARER = "planted-bearer-token"
BASIC = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


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
        (faults.answers(302, Location="/elsewhere"), RegistryBroken, "registry-broken"),
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


def test_a_redirects_target_gets_no_login_by_a_challenge_of_its_own(
    server: FaultRegistry, listener: FaultRegistry, client: Client
) -> None:
    listener.push_image()
    listener.token = BEARER
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

from __future__ import annotations

import socket
from collections.abc import Callable
from email.utils import formatdate

import pytest

from envid.adapters.registry import (
    BoundedTransport,
    Registry,
    RegistryAbsent,
    RegistryBroken,
    RegistryDenied,
    RegistryTimeout,
)
from envid.adapters.registry.docker_config import DockerConfig
from envid.core.values import ImageReference
from envid.errors import RegistryError
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry
from tests.support.registry_asking import NAME, ref, refusal

Client = Callable[..., Registry]


# What may pass ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        faults.answers(500),
        faults.answers(502, b"<html>bad gateway</html>", Content_Type="text/html"),
        faults.answers(503),
        faults.answers(504),
        faults.answers(429, Retry_After="1"),
        faults.resets,
    ],
)
def test_a_fault_that_passes_is_asked_again(server: FaultRegistry, client: Client, fault: faults.Fault) -> None:
    digest = server.push_image()
    server.plan(fault, fault)
    assert client().digest(ref(server)) == digest


def test_a_body_cut_short_is_asked_again(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.plan(None, faults.truncates)
    assert client().digest(ref(server)) == digest


def test_an_idle_connection_that_the_server_closed_is_opened_again(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    registry = client()
    registry.digest(ref(server))
    server._server.close_connections()
    assert registry.digest(ref(server)) == digest


def test_retries_end(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.fails(503, "UNAVAILABLE")
    error = refusal(client(attempts=3), ref(server))
    assert isinstance(error, RegistryBroken)
    assert error.code == "registry-broken"
    assert "503" in error.what
    assert len(server.seen) == 3


def test_retry_after_is_honoured_in_seconds(server: FaultRegistry) -> None:
    pauses: list[float] = []
    digest = server.push_image()
    server.plan(faults.answers(429, Retry_After="7"))
    with Registry(docker_config=DockerConfig(), sleep=pauses.append, rng=lambda: 0.5, deadline=60) as registry:
        assert registry.digest(ref(server)) == digest
    assert [int(pause) for pause in pauses] == [7]


def test_retry_after_is_honoured_as_a_date_by_the_servers_own_clock(server: FaultRegistry) -> None:
    pauses: list[float] = []
    digest = server.push_image()
    date, until = (formatdate(moment, usegmt=True) for moment in (1_000_000, 1_000_009))
    server.plan(faults.answers(503, Retry_After=until, Date=date))
    with Registry(docker_config=DockerConfig(), sleep=pauses.append, rng=lambda: 0.5, deadline=60) as registry:
        assert registry.digest(ref(server)) == digest
    assert [int(pause) for pause in pauses] == [9]


@pytest.mark.parametrize("value", ["3600", formatdate(4_000_000_000, usegmt=True)])
def test_a_retry_after_beyond_the_deadline_ends_at_once_and_is_told(
    server: FaultRegistry, client: Client, value: str
) -> None:
    server.always = faults.fails(429, "TOOMANYREQUESTS", Retry_After=value)
    error = refusal(client(), ref(server))
    assert error.code == "registry-rate-limited"
    assert value in error.remedy
    assert "429" in error.what
    assert len(server.seen) == 1


# What hangs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [faults.hangs, faults.drips_headers])
def test_a_peer_that_hangs_or_drips_is_cut_at_the_deadline(
    server: FaultRegistry, client: Client, fault: faults.Fault
) -> None:
    server.push_image()
    server.always = fault
    error = refusal(client(deadline=0.5), ref(server))
    assert isinstance(error, RegistryTimeout)
    assert "within 0.5 s" in error.what


def test_a_body_that_drips_is_cut_at_the_deadline(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.on("GET", faults.drips_body)
    assert isinstance(refusal(client(deadline=0.5), ref(server)), RegistryTimeout)


def test_a_name_server_that_hangs_is_cut_at_the_deadline(server: FaultRegistry, client: Client) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        server.stopping.wait(60)
        return []

    registry = client(
        deadline=0.3, transport=BoundedTransport(resolve=resolve), insecure_hosts=frozenset({"registry.test:5000"})
    )
    error = refusal(registry, ImageReference.parse("registry.test:5000/x:t"))
    assert isinstance(error, RegistryTimeout)


def test_a_tls_handshake_that_hangs_is_cut_at_the_deadline(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = BoundedTransport(resolve=lambda _host, _port: ["127.0.0.1"])
        registry = client(deadline=0.3, transport=transport)
        error = refusal(registry, ImageReference.parse(f"registry.test:{silent.getsockname()[1]}/x:t"))
    assert isinstance(error, RegistryTimeout)


# What lies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "", "sha256:abc", "sha512:" + "0" * 128, "SHA256:" + "0" * 64, "garbage"])
def test_without_a_usable_digest_header_the_body_is_hashed(
    server: FaultRegistry, client: Client, value: str | None
) -> None:
    digest = server.push_image()
    server.always = faults.with_digest_header(value)
    assert client().digest(ref(server)) == digest
    assert client().probe(ref(server)) == digest
    assert client().probe(ref(server, digest)) == digest


def test_a_header_that_lies_the_same_everywhere_is_found_out(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    lie = "sha256:" + "1" * 64
    server.manifests[NAME, lie] = server.manifests[NAME, "t"]
    server.always = faults.with_digest_header(lie)
    assert refusal(client(), ref(server)).code == "registry-digest-mismatch"
    with pytest.raises(RegistryBroken):
        client().manifest(ref(server, lie))
    with pytest.raises(RegistryBroken):
        client().verify_complete(ref(server, lie))


def test_a_get_whose_header_and_bytes_disagree_is_not_believed(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    lies = faults.with_digest_header("sha256:" + "1" * 64)
    server.always = lambda peer: (faults.answers(405) if peer.method == "HEAD" else lies)(peer)
    assert refusal(client(), ref(server)).code == "registry-digest-mismatch"


def test_a_head_that_lies_beside_an_honest_get_is_found_out(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.on("HEAD", faults.with_digest_header("sha256:" + "1" * 64))
    assert refusal(client(), ref(server)).code == "registry-digest-mismatch"


def test_a_tag_that_moves_between_two_questions_gives_what_it_is_now(server: FaultRegistry, client: Client) -> None:
    server.push_image()

    def moves(_peer: faults.Peer) -> bool:
        server.push(NAME, "t", faults.image_bytes(config=b"newer"))
        return False

    server.plan(None, moves)
    assert client().digest(ref(server)) == faults.sha256(faults.image_bytes(config=b"newer"))


def test_a_digest_that_the_registry_only_has_by_tag_is_not_printed(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    del server.manifests[NAME, digest]
    assert refusal(client(), ref(server)).code == "registry-digest-mismatch"


def test_other_bytes_for_a_digest_are_found_out(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.manifests[NAME, digest] = faults.Stored(faults.SCHEMA2, faults.image_bytes(config=b"other"))
    with pytest.raises(RegistryBroken):
        client().digest(ref(server))
    with pytest.raises(RegistryBroken):
        client().probe(ref(server, digest))


# What is no registry's answer ---------------------------------------------------------------------------------------


def test_a_web_page_with_200_is_not_a_manifest(server: FaultRegistry, client: Client) -> None:
    server.always = faults.answers(200, b"<!doctype html><title>Log in</title>", Content_Type="text/html")
    error = refusal(client(), ref(server))
    assert isinstance(error, RegistryBroken)
    assert error.code == "registry-not-a-registry"


def test_a_web_page_in_a_manifests_clothes_is_not_a_manifest(server: FaultRegistry, client: Client) -> None:
    page = b"<!doctype html><title>Log in</title>"
    server.always = faults.answers(200, page, Content_Type=faults.SCHEMA2, Docker_Content_Digest=faults.sha256(page))
    assert refusal(client(), ref(server)).code == "registry-not-a-registry"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"<html>Not here</html>", "text/html"), (b"", ""), (b'{"message": "no"}', "application/json"), (b"\xff", "x")],
)
def test_a_404_of_something_else_does_not_mean_absent(
    server: FaultRegistry, client: Client, body: bytes, content_type: str
) -> None:
    server.always = faults.answers(404, body, Content_Type=content_type)
    with pytest.raises(RegistryBroken) as caught:
        client().probe(ref(server))
    assert caught.value.code == "registry-not-a-registry"


def test_a_404_page_from_a_proxy_that_adds_the_version_header_does_not_mean_absent(
    server: FaultRegistry, client: Client
) -> None:
    server.always = faults.answers(
        404, b"<html>", Content_Type="text/html", Docker_Distribution_Api_Version="registry/2.0"
    )
    with pytest.raises(RegistryBroken):
        client().probe(ref(server))


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"])
def test_a_registrys_404_means_absent(server: FaultRegistry, client: Client, code: str) -> None:
    server.always = faults.fails(404, code)
    assert client().probe(ref(server)) is None
    with pytest.raises(RegistryAbsent) as caught:
        client().digest(ref(server))
    assert f"GET http://{server.host}/v2/{NAME}/manifests/t answered 404" in caught.value.what
    assert code in caught.value.what


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 406, 410, 416, 451])
def test_no_other_status_means_absent(server: FaultRegistry, client: Client, status: int) -> None:
    server.always = faults.fails(status, "MANIFEST_UNKNOWN")
    with pytest.raises(RegistryError) as caught:
        client().probe(ref(server))
    assert not isinstance(caught.value, RegistryAbsent)


def test_403_for_what_is_absent_is_denied_with_the_registrys_own_code(server: FaultRegistry, client: Client) -> None:
    server.always = faults.fails(403, "DENIED")
    error = refusal(client(), ref(server))
    assert isinstance(error, RegistryDenied)
    assert "GET http://" in error.what
    assert "403" in error.what
    assert "DENIED" in error.what
    assert f"docker login {server.host}" in error.remedy


def test_a_404_that_says_denied_is_denied(server: FaultRegistry, client: Client) -> None:
    server.always = faults.fails(404, "DENIED")
    assert isinstance(refusal(client(), ref(server)), RegistryDenied)


def test_what_speaks_no_http_is_broken(server: FaultRegistry, client: Client) -> None:
    server.always = faults.speaks_no_http
    error = refusal(client(), ref(server))
    assert error.code == "registry-protocol"


@pytest.mark.parametrize(
    "fault",
    [faults.never_ends, faults.answers(200, b" " * (4 * 1024 * 1024 + 1), Content_Type=faults.SCHEMA2)],
)
def test_an_oversized_manifest_is_not_read_to_its_end(
    server: FaultRegistry, client: Client, fault: faults.Fault
) -> None:
    server.push_image()
    server.always = faults.on("GET", fault)
    assert refusal(client(), ref(server)).code == "registry-oversized"


def test_a_body_that_stays_cut_short_is_broken(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.on("GET", faults.truncates)
    assert refusal(client(), ref(server)).code == "registry-protocol"


def test_a_compressed_manifest_is_refused(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.on("GET", faults.answers(200, b"x", Content_Type=faults.SCHEMA2, Content_Encoding="gzip"))
    assert refusal(client(), ref(server)).code == "registry-malformed"


@pytest.mark.parametrize("status", [405, 501])
def test_where_head_is_not_allowed_the_body_is_hashed(server: FaultRegistry, client: Client, status: int) -> None:
    digest = server.push_image()
    server.always = faults.on("HEAD", faults.answers(status))
    assert client().digest(ref(server)) == digest
    assert client().probe(ref(server, digest)) == digest

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from envid.adapters.registry import (
    BoundedTransport,
    DockerConfig,
    Registry,
    RegistryAbsent,
    RegistryBroken,
    RegistryDenied,
    RegistryTimeout,
    RegistryUnreachable,
)
from envid.core.values import ImageReference
from envid.errors import EnvidError, InputError, RegistryError
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry

Client = Callable[..., Registry]
NAME = "agentrun/env"


def ref(server: FaultRegistry, selector: str = "t") -> ImageReference:
    separator = "@" if selector.startswith("sha256:") else ":"
    return ImageReference.parse(f"{server.host}/{NAME}{separator}{selector}")


def refusal(registry: Registry, reference: ImageReference) -> EnvidError:
    with pytest.raises(EnvidError) as caught:
        registry.digest(reference)
    assert caught.value.exit_code == 4
    assert caught.value.remedy
    assert caught.value.cause
    return caught.value


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


def test_a_head_that_lies_beside_an_honest_get_is_found_out(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.on("HEAD", faults.with_digest_header("sha256:" + "1" * 64))
    assert refusal(client(), ref(server)).code == "registry-digest-mismatch"


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
    with pytest.raises(RegistryAbsent):
        client().digest(ref(server))


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


# Forms --------------------------------------------------------------------------------------------------------------

_SCHEMA1_BODY = b'{"schemaVersion": 1, "name": "x", "fsLayers": [], "signatures": []}'


@pytest.mark.parametrize("content_type", [faults.SCHEMA1, faults.SCHEMA2, "application/json"])
def test_schema1_is_never_returned(server: FaultRegistry, client: Client, content_type: str) -> None:
    digest = faults.sha256(_SCHEMA1_BODY)
    server.always = faults.answers(200, _SCHEMA1_BODY, Content_Type=content_type, Docker_Content_Digest=digest)
    assert refusal(client(), ref(server)).code == "registry-schema1"


def test_a_schema1_head_beside_a_schema2_get_gives_the_schema2_digest(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    plain = faults.answers(200, Content_Type=faults.SCHEMA1, Docker_Content_Digest="sha256:" + "2" * 64)
    server.plan(plain)
    assert client().digest(ref(server)) == digest


def test_an_oci_image_is_not_absent(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image(media_type=faults.OCI)
    assert client().probe(ref(server)) == digest
    assert client().digest(ref(server)) == digest
    first, *_ = server.seen
    assert first.headers["accept"] == faults.SCHEMA2


def test_an_index_gives_its_own_digest_though_the_registry_answers_with_a_child(
    server: FaultRegistry, client: Client
) -> None:
    child = faults.image_bytes()
    server.push(NAME, "child", child)
    index = server.push(NAME, "t", faults.index_bytes(child), faults.SCHEMA2_LIST)

    def answers_a_child(peer: faults.Peer) -> bool:
        if not peer.seen.path.endswith("/t") or "list" in peer.seen.headers["accept"]:
            return False
        headers = {"Content-Type": faults.SCHEMA2, "Docker-Content-Digest": faults.sha256(child)}
        peer.send(200, child, headers)
        return True

    server.always = answers_a_child
    assert client().digest(ref(server)) == index


def test_a_present_schema2_image_is_probed_with_one_head(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    assert client().probe(ref(server)) == digest
    assert server.methods() == ["HEAD"]
    assert server.seen[0].headers["accept"] == faults.SCHEMA2
    assert client().digest(ref(server, digest)) == digest
    assert server.methods() == ["HEAD", "HEAD"]


# Completeness -------------------------------------------------------------------------------------------------------


def test_a_complete_image_is_confirmed_blob_by_blob(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    client().verify_complete(ref(server, digest))
    manifest = client().manifest(ref(server, digest))
    assert (manifest.digest, manifest.media_type, manifest.size) == (digest, faults.SCHEMA2, len(manifest.body))


def test_an_image_without_one_of_its_blobs_is_refused(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    del server.blobs[faults.sha256(b"layer")]
    with pytest.raises(RegistryBroken) as caught:
        client().verify_complete(ref(server, digest))
    assert caught.value.code == "registry-incomplete"
    assert faults.sha256(b"layer") in caught.value.what


def test_a_blob_of_another_size_is_refused(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    server.blobs[faults.sha256(b"layer")] = b"lay"
    with pytest.raises(RegistryBroken) as caught:
        client().verify_complete(ref(server, digest))
    assert caught.value.code == "registry-incomplete"


def test_every_child_of_an_index_must_be_complete(server: FaultRegistry, client: Client) -> None:
    child = faults.image_bytes()
    index = server.push(NAME, "i", faults.index_bytes(child), faults.SCHEMA2_LIST)
    with pytest.raises(RegistryError):
        client().verify_complete(ref(server, index))
    server.push_image()
    client().verify_complete(ref(server, index))


def test_a_manifest_is_only_fetched_by_digest(server: FaultRegistry, client: Client) -> None:
    with pytest.raises(InputError):
        client().manifest(ref(server))
    assert server.seen == []


# Places -------------------------------------------------------------------------------------------------------------


def test_ipv6(client: Client) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback address")
    with FaultRegistry(family=socket.AF_INET6) as server:
        digest = server.push_image()
        assert server.host.startswith("[::1]:")
        assert client().digest(ref(server)) == digest


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_registry_behind_a_path_prefix_is_reached_where_it_is_configured(client: Client) -> None:
    with FaultRegistry(prefix="/registry") as server:
        digest = server.push_image()
        assert client(path_prefixes={server.host: "/registry"}).digest(ref(server)) == digest
        assert refusal(client(), ref(server)).code == "registry-not-a-registry"


def test_no_one_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refusal(client(), ImageReference.parse(f"127.0.0.1:{port}/x:t"))
    assert isinstance(error, RegistryUnreachable)
    assert "invoke local.up" in error.remedy


def test_a_name_that_does_not_resolve(client: Client) -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = refusal(client(transport=BoundedTransport(resolve=resolve)), ImageReference.parse("registry.test/x:t"))
    assert isinstance(error, RegistryUnreachable)
    assert "registry.test does not resolve" in error.what


def test_a_second_address_is_tried(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    transport = BoundedTransport(resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    host = f"registry.test:{server.port}"
    registry = client(transport=transport, insecure_hosts=frozenset({host}))
    assert registry.digest(ImageReference.parse(f"{host}/{NAME}:t")) == digest


def test_an_impossible_port_is_bad_input(client: Client) -> None:
    with pytest.raises(InputError):
        client().digest(ImageReference.parse("127.0.0.1:99999/x:t"))


def test_plain_http_is_spoken_only_where_it_is_allowed(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    transport = BoundedTransport(resolve=lambda _host, _port: ["127.0.0.1"])
    error = refusal(client(transport=transport), ImageReference.parse(f"registry.test:{server.port}/{NAME}:t"))
    assert error.code == "registry-tls"
    assert server.seen == []


# TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the test's certificate")
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry.test"
    names = ["-addext", "subjectAltName=DNS:registry.test"]
    files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(["openssl", *request.split(), *names, *files], check=True, capture_output=True)
    return path


def _tls_server(certificate: Path) -> FaultRegistry:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return FaultRegistry(tls=context)


def test_a_certificate_that_does_not_verify(certificate: Path, client: Client) -> None:
    with _tls_server(certificate) as server:
        server.push_image()
        transport = BoundedTransport(resolve=lambda _host, _port: ["127.0.0.1"])
        error = refusal(client(transport=transport), ImageReference.parse(f"registry.test:{server.port}/{NAME}:t"))
    assert isinstance(error, RegistryUnreachable)
    assert error.code == "registry-tls"
    assert "SSL_CERT_FILE" in error.remedy
    assert server.seen == []


def test_a_certificate_for_another_name(certificate: Path, client: Client) -> None:
    with _tls_server(certificate) as server:
        transport = BoundedTransport(ca_bundle=certificate, resolve=lambda _host, _port: ["127.0.0.1"])
        error = refusal(client(transport=transport), ImageReference.parse(f"other.test:{server.port}/{NAME}:t"))
    assert error.code == "registry-tls"
    assert server.seen == []


def test_tls_that_verifies(certificate: Path, client: Client) -> None:
    with _tls_server(certificate) as server:
        digest = server.push_image()
        transport = BoundedTransport(ca_bundle=certificate, resolve=lambda _host, _port: ["127.0.0.1"])
        registry = client(transport=transport)
        assert registry.digest(ImageReference.parse(f"registry.test:{server.port}/{NAME}:t")) == digest

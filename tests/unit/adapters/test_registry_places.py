from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from envid.adapters.registry import (
    BoundedTransport,
    Registry,
    RegistryUnreachable,
)
from envid.adapters.registry.transport import proxy_for
from envid.adapters.registry.url import Url
from envid.core.values import ImageReference
from envid.errors import InputError
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry
from tests.support.registry_asking import NAME, ref, refusal

Client = Callable[..., Registry]


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


def test_from_tls_nothing_leads_back_to_plain_http(certificate: Path, server: FaultRegistry, client: Client) -> None:
    with _tls_server(certificate) as encrypted:
        reference = ImageReference.parse(f"registry.test:{encrypted.port}/{NAME}:t")

        def trusting() -> Registry:
            transport = BoundedTransport(ca_bundle=certificate, resolve=lambda _host, _port: ["127.0.0.1"])
            return client(transport=transport)

        encrypted.always = faults.answers(307, Location=f"http://{server.host}/v2/")
        assert refusal(trusting(), reference).code == "registry-redirect"
        encrypted.always = None
        encrypted.token, encrypted.realm = "token", f"http://{server.host}/token"
        assert refusal(trusting(), reference).code == "registry-realm"
    assert server.seen == []


# Proxies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://registry.test/", "http://proxy.test:10808"),
        ("https://registry.test/", "http://secure.test:1"),
        ("http://a.direct.test/", None),
        ("http://10.1.2.3:5000/", None),
        ("http://11.1.2.3:5000/", "http://proxy.test:10808"),
        ("http://127.0.0.1:5000/", None),
        ("http://127.9.9.9/", None),
        ("http://localhost:5000/", None),
        ("http://[::1]:5000/", None),
        ("http://localhost.evil.test/", "http://proxy.test:10808"),
    ],
)
@pytest.mark.usefixtures("no_proxy")
def test_which_proxy_the_environment_names(url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "proxy.test:10808")
    monkeypatch.setenv("https_proxy", "http://secure.test:1")
    monkeypatch.setenv("no_proxy", ".direct.test, 10.0.0.0/8,not/a/network")
    assert proxy_for(Url.parse(url)) == expected


def test_a_proxy_is_asked_in_the_registrys_place(
    server: FaultRegistry, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = server.push_image()
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    registry = client(insecure_hosts=frozenset({"registry.test"}))
    assert registry.digest(ImageReference.parse(f"registry.test/{NAME}:t")) == digest
    assert {request.headers["host"] for request in server.seen} == {"registry.test"}


@pytest.mark.parametrize("proxy", ["socks5://proxy.test:1", "http://proxy.test:port", "ftp://proxy.test"])
def test_a_proxy_that_can_not_be_used(client: Client, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    error = refusal(client(), ImageReference.parse(f"registry.test/{NAME}:t"))
    assert isinstance(error, RegistryUnreachable)
    assert "proxy" in error.what

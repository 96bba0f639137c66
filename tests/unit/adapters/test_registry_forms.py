from __future__ import annotations

from collections.abc import Callable

import pytest

from envid.adapters.registry import (
    Registry,
    RegistryAbsent,
    RegistryBroken,
)
from envid.errors import InputError, RegistryError
from tests.support import fault_registry as faults
from tests.support.fault_registry import FaultRegistry
from tests.support.registry_asking import NAME, ref, refusal

Client = Callable[..., Registry]


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


@pytest.mark.parametrize("media_type", [faults.SCHEMA2_LIST, faults.OCI_INDEX])
def test_an_index_stands_for_the_image_of_a_platform(server: FaultRegistry, client: Client, media_type: str) -> None:
    other, child = faults.image_bytes(), faults.image_bytes(layers=(b"of this platform",))
    content = faults.index_bytes(other, child, media_type=media_type, platforms=("linux/arm64/v8", "linux/amd64"))
    index = server.push(NAME, "i", content, media_type)
    assert client().platform_digest(ref(server, index), "linux/amd64") == faults.sha256(child)
    # one that names no variant takes any
    assert client().platform_digest(ref(server, index), "linux/arm64") == faults.sha256(other)
    with pytest.raises(InputError) as caught:
        client().platform_digest(ref(server, index), "linux/arm")
    assert caught.value.code == "platform-missing"
    assert "linux/amd64, linux/arm64/v8" in caught.value.cause


def test_an_image_stands_for_itself(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    assert client().platform_digest(ref(server, digest), "linux/amd64") == digest


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


# One request ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [faults.SCHEMA2, faults.OCI])
def test_resolving_a_tag_is_one_request_whose_bytes_are_the_proof(
    server: FaultRegistry, client: Client, media_type: str
) -> None:
    digest = server.push_image(media_type=media_type)
    assert client().resolve(ref(server)) == digest
    assert server.methods() == ["GET"]


def test_resolving_an_index_gives_its_own_digest(server: FaultRegistry, client: Client) -> None:
    index = faults.index_bytes(faults.image_bytes())
    digest = server.push(NAME, "t", index, faults.SCHEMA2_LIST)
    assert client().resolve(ref(server)) == digest
    assert server.methods() == ["GET"]


def test_resolving_a_digest_is_one_request(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()
    assert client().resolve(ref(server, digest)) == digest
    assert server.methods() == ["HEAD"]


def test_resolving_believes_no_header_over_the_bytes(server: FaultRegistry, client: Client) -> None:
    server.push_image()
    server.always = faults.with_digest_header("sha256:" + "1" * 64)
    with pytest.raises(RegistryError) as caught:
        client().resolve(ref(server))
    assert caught.value.code == "registry-digest-mismatch"


def test_resolving_what_is_absent(server: FaultRegistry, client: Client) -> None:
    with pytest.raises(RegistryAbsent):
        client().resolve(ref(server))
    assert server.methods() == ["GET"]


def test_many_digests_are_one_request_each_on_one_connection(server: FaultRegistry, client: Client) -> None:
    pushed = {f"t{number}": server.push_image(tag=f"t{number}") for number in range(50)}
    registry = client()
    assert {tag: registry.resolve(ref(server, tag)) for tag in pushed} == pushed
    assert server.methods() == ["GET"] * 50
    assert len(server._server._open) == 1


def test_an_interim_answer_is_not_taken_for_the_next_requests(server: FaultRegistry, client: Client) -> None:
    digest = server.push_image()

    def hints(peer: faults.Peer) -> bool:
        peer.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        return False

    server.plan(hints)
    assert client().digest(ref(server)) == digest

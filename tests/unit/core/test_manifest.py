from __future__ import annotations

import json
from typing import Any

import pytest

from envid.core.manifest import (
    ACCEPTED_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA2_LIST,
    SCHEMA2_MANIFEST,
    ManifestProblem,
    UnusableManifest,
    digest_of,
    parse_digest_header,
    parse_manifest,
    parse_media_type,
)

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "a" * 64, "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "b" * 64, "size": 5}
FOREIGN = {**LAYER, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}


def image(**changes: Any) -> bytes:
    document = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], **changes}
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


def index(**changes: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [LAYER], **changes}).encode()


def test_the_digest_is_the_hash_of_the_exact_bytes() -> None:
    assert digest_of(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_image_gives_config_then_layers() -> None:
    content = parse_manifest(image(mediaType=SCHEMA2_MANIFEST), SCHEMA2_MANIFEST)
    assert content.media_type == SCHEMA2_MANIFEST
    assert [blob.digest for blob in content.blobs] == [CONFIG["digest"], LAYER["digest"]]
    assert content.children == ()


def test_an_index_gives_children() -> None:
    content = parse_manifest(index(mediaType=OCI_INDEX), OCI_INDEX)
    assert content.blobs == ()
    assert [child.size for child in content.children] == [5]


@pytest.mark.parametrize("vague", ["", "application/json", "application/octet-stream", "text/plain"])
def test_a_type_that_the_header_leaves_open_is_taken_from_the_body(vague: str) -> None:
    assert parse_manifest(image(mediaType=SCHEMA2_MANIFEST), vague).media_type == SCHEMA2_MANIFEST
    assert parse_manifest(image(), vague).media_type == OCI_MANIFEST
    assert parse_manifest(index(), vague).media_type == OCI_INDEX


def test_foreign_layers_are_known_as_such() -> None:
    content = parse_manifest(image(layers=[LAYER, FOREIGN]), OCI_MANIFEST)
    assert [blob.is_foreign for blob in content.blobs] == [False, False, True]


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (image(), "text/html", ManifestProblem.HTML),
        (b"\n <!DOCTYPE html>", SCHEMA2_MANIFEST, ManifestProblem.HTML),
        (image(), "application/vnd.docker.distribution.manifest.v1+json", ManifestProblem.SCHEMA1),
        (image(), "application/vnd.docker.distribution.manifest.v1+prettyjws", ManifestProblem.SCHEMA1),
        (image(schemaVersion=1), SCHEMA2_MANIFEST, ManifestProblem.SCHEMA1),
        (image(fsLayers=[]), SCHEMA2_MANIFEST, ManifestProblem.SCHEMA1),
        (image(), "application/vnd.example+json", ManifestProblem.OTHER_TYPE),
        (b"", SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (b"[]", SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (b'{"schemaVersion": 2, "schemaVersion": 2}', SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(schemaVersion=True), SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(schemaVersion=...), SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(mediaType=OCI_MANIFEST), SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(mediaType=SCHEMA2_LIST), "", ManifestProblem.MALFORMED),
        (image(mediaType=7), SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(mediaType=[]), SCHEMA2_MANIFEST, ManifestProblem.MALFORMED),
        (image(manifests=[]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (index(layers=[]), OCI_INDEX, ManifestProblem.MALFORMED),
        (image(config=...), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=...), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "size": -1}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "size": True}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "size": 1 << 60}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "digest": "sha512:" + "b" * 128}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "digest": 1}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=[{**LAYER, "mediaType": None}]), OCI_MANIFEST, ManifestProblem.MALFORMED),
        (image(layers=["x"]), OCI_MANIFEST, ManifestProblem.MALFORMED),
    ],
)
def test_what_is_not_a_manifest(body: bytes, content_type: str, problem: ManifestProblem) -> None:
    with pytest.raises(UnusableManifest) as caught:
        parse_manifest(body, content_type)
    assert caught.value.problem is problem


@pytest.mark.parametrize(
    ("value", "usable"),
    [
        ("sha256:" + "0" * 64, True),
        (" sha256:" + "0" * 64 + "\t", True),
        (None, False),
        ("", False),
        ("sha256:" + "0" * 63, False),
        ("sha256:" + "A" * 64, False),
        ("sha256:" + "0" * 64 + ", sha256:" + "1" * 64, False),
        ("sha512:" + "0" * 128, False),
    ],
)
def test_digest_headers(value: str | None, usable: bool) -> None:  # noqa: FBT001 - a table's column
    assert (parse_digest_header(value) is not None) is usable


def test_media_types_lose_their_parameters_and_case() -> None:
    assert parse_media_type("Application/JSON ; charset=utf-8") == "application/json"
    assert parse_media_type(None) == ""


def test_schema2_is_asked_for_first() -> None:
    assert ACCEPTED_TYPES[0] == SCHEMA2_MANIFEST

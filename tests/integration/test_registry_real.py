"""The registry client against Debian's docker-registry 2.8, started here on a port of its own."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from envid.adapters.registry import Registry, RegistryAbsent, RegistryBroken, RegistryDenied
from envid.adapters.registry.docker_config import Credential, DockerConfig
from envid.core.manifest import OCI_INDEX, OCI_MANIFEST, SCHEMA2_LIST, SCHEMA2_MANIFEST
from envid.core.values import Digest, ImageReference
from envid.local.tools import bootstrapped

pytestmark = pytest.mark.integration

NAME = "agentrun/agentrun-mgr-env"
PASSWORD = "planted-password"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Running:
    """The registry, and the plain HTTP by which the tests push to it, without the code under test."""

    host: str
    root: Path
    http: httpx.Client

    def ref(self, selector: str) -> ImageReference:
        separator = "@" if selector.startswith("sha256:") else ":"
        return ImageReference.parse(f"{self.host}/{NAME}{separator}{selector}")

    def push_blob(self, content: bytes) -> str:
        digest = sha256(content)
        location = self.http.post(f"/v2/{NAME}/blobs/uploads/").headers["location"]
        self.http.put(httpx.URL(location).copy_merge_params({"digest": digest}), content=content).raise_for_status()
        return digest

    def push_manifest(self, tag: str, document: dict[str, object]) -> str:
        content = json.dumps(document, indent=3).encode()
        headers = {"content-type": str(document["mediaType"])}
        self.http.put(f"/v2/{NAME}/manifests/{tag}", content=content, headers=headers).raise_for_status()
        return sha256(content)

    def push_image(self, tag: str, media_type: str = SCHEMA2_MANIFEST) -> str:
        docker = media_type == SCHEMA2_MANIFEST
        layer, config = _layer(tag)
        descriptors = [
            {"mediaType": kind, "size": len(content), "digest": self.push_blob(content)}
            for kind, content in (
                ("application/vnd.docker.container.image.v1+json", config)
                if docker
                else ("application/vnd.oci.image.config.v1+json", config),
                ("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)
                if docker
                else ("application/vnd.oci.image.layer.v1.tar+gzip", layer),
            )
        ]
        document = {"schemaVersion": 2, "mediaType": media_type, "config": descriptors[0], "layers": descriptors[1:]}
        return self.push_manifest(tag, document)

    def push_index(self, tag: str, child: str, media_type: str, child_type: str) -> str:
        size = len(self.http.get(f"/v2/{NAME}/manifests/{child}", headers={"accept": child_type}).content)
        platform = {"architecture": "amd64", "os": "linux"}
        manifests = [{"mediaType": child_type, "size": size, "digest": child, "platform": platform}]
        return self.push_manifest(tag, {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests})


def _layer(text: str) -> tuple[bytes, bytes]:
    """Return a layer with one file, and the config that describes it (the registry reads it to make schema1)."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "created": "2026-01-01T00:00:00Z",
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "test"}],
        "rootfs": {"type": "layers", "diff_ids": [sha256(archive.getvalue())]},
    }
    return gzip.compress(archive.getvalue(), mtime=0), json.dumps(config).encode()


@contextlib.contextmanager
def _running(folder: Path, *, htpasswd: Path | None = None) -> Iterator[str]:
    """Start a registry and yield its host; it says on standard error when it listens."""
    program = bootstrapped("docker-registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
    config: dict[str, object] = {"version": 0.1, "storage": storage, "http": {"addr": host}}
    if htpasswd is not None:
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(htpasswd)}}
    path = folder / "config.yml"
    path.write_text(json.dumps(config))  # JSON is YAML
    with subprocess.Popen([program, "serve", str(path)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        try:
            if not any(b"listening on" in line for line in process.stderr):
                pytest.fail(f"docker-registry ended with status {process.wait()}")
            drain = threading.Thread(target=process.stderr.read, daemon=True)
            drain.start()
            yield host
        finally:
            process.terminate()
            process.wait(10)
            drain.join()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("registry")
    with _running(folder) as host, httpx.Client(base_url=f"http://{host}", trust_env=False) as http:
        yield Running(host, folder, http)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(docker_config=DockerConfig()) as client:
        yield client


def plain_head(running: Running, tag: str, **headers: str) -> httpx.Response:
    # httpx would add Accept: */*, which a plain HEAD, as curl -I or a naive client sends it, has as well.
    return running.http.head(f"/v2/{NAME}/manifests/{tag}", headers=headers)


def test_a_plain_head_gets_a_schema1_digest_and_ours_is_the_hash_of_the_manifest(
    running: Running, registry: Registry
) -> None:
    pushed = running.push_image("plain")
    plain = plain_head(running, "plain")
    assert plain.headers["content-type"].startswith("application/vnd.docker.distribution.manifest.v1+")
    assert plain.headers["docker-content-digest"] != pushed
    by_tag = plain_head(running, "plain", accept=SCHEMA2_MANIFEST)
    by_digest = plain_head(running, pushed, accept=SCHEMA2_MANIFEST)
    assert by_tag.headers["docker-content-digest"] == by_digest.headers["docker-content-digest"] == pushed
    assert registry.digest(running.ref("plain")) == registry.resolve(running.ref("plain")) == pushed
    assert registry.probe(running.ref("plain")) == pushed
    assert registry.digest(running.ref(pushed)) == pushed


def test_the_manifest_and_its_blobs_are_confirmed(running: Running, registry: Registry) -> None:
    pushed = running.push_image("complete")
    registry.verify_complete(running.ref(pushed))
    manifest = registry.manifest(running.ref(pushed))
    assert sha256(manifest.body) == manifest.digest == pushed
    assert manifest.media_type == SCHEMA2_MANIFEST


def test_an_oci_image_is_found_though_schema2_alone_is_answered_404(running: Running, registry: Registry) -> None:
    pushed = running.push_image("oci", OCI_MANIFEST)
    assert plain_head(running, "oci", accept=SCHEMA2_MANIFEST).status_code == 404
    assert registry.probe(running.ref("oci")) == pushed
    assert registry.digest(running.ref("oci")) == registry.resolve(running.ref("oci")) == pushed
    assert registry.manifest(running.ref(pushed)).media_type == OCI_MANIFEST
    registry.verify_complete(running.ref(pushed))


def test_a_lists_tag_gives_the_lists_digest_though_schema2_alone_is_answered_with_a_child(
    running: Running, registry: Registry
) -> None:
    child = running.push_image("child")
    pushed = running.push_index("list", child, SCHEMA2_LIST, SCHEMA2_MANIFEST)
    assert plain_head(running, "list", accept=SCHEMA2_MANIFEST).headers["docker-content-digest"] == child
    assert registry.digest(running.ref("list")) == registry.resolve(running.ref("list")) == pushed
    registry.verify_complete(running.ref(pushed))


def test_an_oci_index_gives_its_own_digest(running: Running, registry: Registry) -> None:
    child = running.push_image("oci-child", OCI_MANIFEST)
    pushed = running.push_index("index", child, OCI_INDEX, OCI_MANIFEST)
    assert registry.digest(running.ref("index")) == registry.resolve(running.ref("index")) == pushed
    registry.verify_complete(running.ref(pushed))


def test_an_unknown_tag_digest_and_repository_are_absent(running: Running, registry: Registry) -> None:
    running.push_image("some")
    elsewhere = ImageReference.parse(f"{running.host}/no/such:t")
    for reference in (running.ref("none"), running.ref("sha256:" + "0" * 64), elsewhere):
        assert registry.probe(reference) is None
        with pytest.raises(RegistryAbsent):
            registry.digest(reference)


def test_an_image_whose_layer_was_deleted_is_incomplete(running: Running, registry: Registry) -> None:
    pushed = running.push_image("holes")
    layer = json.loads(registry.manifest(running.ref(pushed)).body)["layers"][0]["digest"]
    running.http.delete(f"/v2/{NAME}/blobs/{layer}").raise_for_status()
    with pytest.raises(RegistryBroken) as caught:
        registry.verify_complete(running.ref(pushed))
    assert caught.value.code == "registry-incomplete"
    assert layer in caught.value.what


def test_stored_bytes_that_were_changed_are_found_out(running: Running, registry: Registry) -> None:
    pushed = running.push_image("changed")
    blob = running.root / "data/docker/registry/v2/blobs/sha256" / pushed[7:9] / pushed[7:] / "data"
    blob.write_bytes(blob.read_bytes().replace(b'"schemaVersion": 2', b'"schemaVersion":  2'))
    with pytest.raises(RegistryBroken) as caught:
        registry.manifest(running.ref(pushed))
    assert caught.value.code in {"registry-digest-mismatch", "registry-broken"}


def test_one_client_serves_many_threads(running: Running, registry: Registry) -> None:
    pushed = {f"many-{number}": running.push_image(f"many-{number}") for number in range(12)}

    def ask(tag: str) -> Digest:
        return registry.digest(running.ref(tag))

    with ThreadPoolExecutor(6) as pool:
        assert dict(zip(pushed, pool.map(ask, pushed), strict=True)) == pushed


def test_a_login(tmp_path: Path) -> None:
    htpasswd = tmp_path / "htpasswd"
    # bcrypt of the planted password, cost 5
    htpasswd.write_text("robot:$2b$05$NlomamL/JXGO9OH0MPKvvOJD36GaUZWqSd4T/S31KZTXzcMrB7spi\n")
    with _running(tmp_path, htpasswd=htpasswd) as host:
        reference = ImageReference.parse(f"{host}/{NAME}:t")
        with Registry(docker_config=DockerConfig({host: Credential("robot", PASSWORD)})) as registry:
            assert registry.probe(reference) is None
        with (
            Registry(docker_config=DockerConfig({host: Credential("robot", "wrong")})) as registry,
            pytest.raises(RegistryDenied) as caught,
        ):
            registry.probe(reference)
    assert "UNAUTHORIZED" in caught.value.what
    assert base64.b64encode(b"robot:wrong").decode() not in str(caught.value)

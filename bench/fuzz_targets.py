"""What reads bytes of others, each as a function that takes any bytes; only this project's own errors may come out."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from envid.adapters.registry import Registry
from envid.adapters.registry.docker_config import DockerConfig
from envid.adapters.registry.transport import Headers, Response
from envid.core.aipod import parse_aipod
from envid.core.bunlock import graph_of, read_lock
from envid.core.catalog import catalog_bytes, empty_catalog, parse_catalog
from envid.core.containerfile import read_containerfile
from envid.core.deploy import parse_deploy
from envid.core.deploy.lanecheck import lane_faults
from envid.core.explain import diff_locks
from envid.core.lane import parse_lane
from envid.core.packages import diff_locks as diff_package_locks
from envid.core.packages import format_lock, parse_lock, parse_wanted
from envid.core.sbom import installed_npm
from envid.core.values import ImageReference
from envid.errors import EnvidError

__all__ = ["TARGETS", "seeds_of"]

ROOT: Final = Path(__file__).resolve().parents[1]
LANE: Final = parse_lane(project="agentrun", version="v0.1", site="g14", repository="pikasTech/agentrun.git")
IMAGE: Final = ImageReference.parse("registry.example/agentrun/env:t")
OWN_LOCK: Final = (ROOT / "bun.lock").read_bytes()
PACKAGE_LOCK: Final = (ROOT / "deploy/runtime/packages.lock").read_bytes()
STATUSES: Final = (200, 200, 200, 401, 404, 404, 429, 500, 301, 403)


def bun_lock(data: bytes) -> None:
    """Read a bun.lock: the lock, its graph, what it installs, and its difference to another."""
    lock = read_lock(data)
    graph_of(lock)
    installed_npm(lock, ("linux", "x64"))
    diff_locks(OWN_LOCK, data)


def catalog(data: bytes) -> None:
    """Read an artifact catalog, whose canonical bytes must read back as the same."""
    read = parse_catalog(data, where="catalog")
    assert parse_catalog(catalog_bytes(read), where="catalog") == read  # noqa: S101
    for entry in read.services:
        entry.toolchain_inputs.recompute()


def deploy(data: bytes) -> None:
    """Read a deploy.json, and see whether it fits a lane."""
    lane_faults(parse_deploy(data), LANE)


def aipod(data: bytes) -> None:
    """Read an AipodSpec."""
    parse_aipod(data, where="aipod.json")


def registry(data: bytes) -> None:
    """Take what a registry answers, status, headers and bodies, through the whole client."""
    client = Registry(
        transport=_Answers(data),  # type: ignore[arg-type]  # it has what the client asks for
        docker_config=DockerConfig(),
        sleep=lambda _: None,
        clock=lambda: 0.0,
        wall=lambda: 0.0,
        rng=lambda: 0.5,
        attempts=2,
    )
    asked: list[Callable[[], Any]] = [
        lambda: client.probe(IMAGE),
        lambda: client.digest(IMAGE),
        lambda: client.resolve(IMAGE),
        lambda: client.platform_digest(IMAGE.with_digest(client.resolve(IMAGE)), "linux/amd64"),
        lambda: client.verify_complete(IMAGE.with_digest(client.resolve(IMAGE))),
    ]
    asked[len(data) % len(asked)]()


def containerfile(data: bytes) -> None:
    """Read a Containerfile."""
    read_containerfile(data, build_args={"A": "b"})


def package_lock(data: bytes) -> None:
    """Read packages.lock and packages.txt; the canonical text must read back as the same."""
    if data.startswith(b"#"):
        parse_wanted(data, where="packages.txt")
    lock = parse_lock(data, where="packages.lock")
    assert parse_lock(format_lock(lock), where="packages.lock") == lock  # noqa: S101
    diff_package_locks(parse_lock(PACKAGE_LOCK, where="own"), lock)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "bun-lock": bun_lock,
    "catalog": catalog,
    "deploy-json": deploy,
    "aipod": aipod,
    "registry": registry,
    "containerfile": containerfile,
    "package-lock": package_lock,
}


class _Answers:
    """A transport that takes its answers from fuzzed bytes: a status, header lines, an empty line, a body."""

    def __init__(self, data: bytes) -> None:
        self._answers = data.split(b"\x00\x00") or [b""]
        self._next = 0

    def send(self, method: str, *_: Any, limit: Callable[[int], int], **__: Any) -> Response:
        raw = self._answers[min(self._next, len(self._answers) - 1)]
        self._next += 1
        status = STATUSES[raw[0] % len(STATUSES)] if raw else 200
        head, _, body = raw[1:].partition(b"\n\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\n"))
        headers = Headers((name, value.strip()) for name, colon, value in lines if colon)
        return Response(status, headers, b"" if method == "HEAD" else body[: limit(status) + 1])

    def close(self) -> None:
        """Nothing is open."""


def seeds_of(target: str, corpus: Path | None) -> Iterator[bytes]:
    """Yield real inputs to begin with."""
    golden = ROOT / "tests/golden"
    match target:
        case "bun-lock":
            yield OWN_LOCK
            yield from (path.read_bytes() for path in (golden / "bunlock").glob("*.lock"))
            for bundle in sorted(corpus.glob("*.bundle")) if corpus else ():
                yield _newest_lock(bundle)
        case "catalog":
            yield catalog_bytes(empty_catalog(LANE))
            yield _catalog_of_golden()
        case "deploy-json":
            yield (ROOT / "deploy/deploy.json").read_bytes()
            yield from (path.read_bytes() for path in (golden / "manifests").rglob("deploy.json"))
        case "aipod":
            ref = {"kind": "env-image-dockerfile", "repoUrl": "git@x:y.git", "commitId": "a" * 40}
            document = {"kind": "AipodSpec", "spec": {"imageRef": ref | {"dockerfilePath": "Containerfile"}}}
            yield json.dumps(document).encode()
        case "registry":
            yield from _answer_seeds()
        case "containerfile":
            yield from (path.read_bytes() for path in ROOT.glob("deploy/*/Containerfile"))
            yield (ROOT / "Containerfile").read_bytes()
            yield b"# syntax=x\nFROM a AS b\nCOPY --from=b <<E /x\nE\nRUN --mount=type=bind,source=x,target=y ls\n"
        case _:
            yield from (path.read_bytes() for path in ROOT.glob("deploy/*/packages.*"))


def _newest_lock(bundle: Path) -> bytes:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", "--bare", str(bundle), folder], check=True)
        return subprocess.run(["git", "show", "v0.1:bun.lock"], cwd=folder, check=True, capture_output=True).stdout


def _catalog_of_golden() -> bytes:
    """Return the catalog that the golden manifests hand to the manager."""
    import yaml  # noqa: PLC0415

    for path in sorted((ROOT / "tests/golden/manifests").rglob("artifact-catalog-configmap.yaml")):
        for text in yaml.safe_load(path.read_bytes())["data"].values():
            return str(text).encode()
    raise AssertionError("there is no golden catalog")


def _answer_seeds() -> Iterator[bytes]:
    from tests.support.fault_registry import OCI_INDEX, SCHEMA2, image_bytes, index_bytes, sha256  # noqa: PLC0415

    image = image_bytes()
    index = index_bytes(image, media_type=OCI_INDEX)
    for kind, body in ((SCHEMA2, image), (OCI_INDEX, index), ("text/html", b"<html>hello</html>")):
        digest = sha256(body).encode()
        yield b"\x00Content-Type: " + kind.encode() + b"\nDocker-Content-Digest: " + digest + b"\n\n" + body
    errors = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"x","detail":{"Tag":"t"}}]}'
    yield b"\x04Content-Type: application/json\nDocker-Distribution-Api-Version: registry/2.0\n\n" + errors
    challenge = b'Bearer realm="https://registry.example/token",service="s",scope="repository:x:pull"'
    token = b'{"token":"t","expires_in":60,"issued_at":"2026-01-01T00:00:00Z"}'
    answers = (b"\x03WWW-Authenticate: " + challenge + b"\n\n" + errors, b"\x00\n\n" + token, b"\x00\n\n" + image)
    yield b"\x00\x00".join(answers)
    yield b"\x06Retry-After: Wed, 25 Nov 2026 19:00:00 GMT\nDate: Wed, 25 Nov 2026 18:00:00 GMT\n\n"


def check(target: str, data: bytes) -> None:
    """Run a target on one input: an error of this project's own is an answer, anything else a defect."""
    try:
        TARGETS[target](data)
    except EnvidError as error:
        # what is told must be tellable
        json.dumps(error.as_json())
        str(error)

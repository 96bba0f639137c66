"""The boot script with the pinned Bun and this repository's own manager: what probes and a kubelet meet (R15)."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
from urllib.parse import urlencode

import pytest
import yaml

from envid.core.catalog import empty_catalog
from envid.core.deploy import parse_deploy
from envid.core.identity import InputKind, env_identity, value_input
from envid.core.render import render_runtime
from envid.core.strictjson import canonical_json
from envid.errors import ToolMissing
from envid.local.tools import find_bun
from tests.boot.conftest import FILES, Boot, Mirror
from tests.support.builders import (
    LANE,
    REGISTRY,
    SOURCE_REPO,
    commit_id,
    deploy_json,
    digest,
    entry_of,
    wanted_of,
)
from tests.support.lanes import ROOT

IDENTITY = "b" * 64
DEPENDENCIES = ("@noble/hashes", "zod")


@pytest.fixture
def manager(boot: Boot, mirror: Mirror) -> Boot:
    """A boot of this repository's manager in an env folder that has its production dependencies."""
    try:
        bun = find_bun()
    except ToolMissing as error:
        pytest.skip(str(error))
    if not all((ROOT / "node_modules" / name).is_dir() for name in DEPENDENCIES):
        pytest.skip("no node_modules here: bun install --frozen-lockfile")
    shutil.copy(bun, boot.folder / "bin/bun")  # where it is, the other user may not enter
    for name in DEPENDENCIES:
        shutil.copytree(ROOT / "node_modules" / name, boot.env_dir / "node_modules" / name)
    own = {name: (ROOT / name).read_text() for name in FILES}
    for name, text in own.items():
        (boot.env_dir / name).write_text(text)
    boot.commit = mirror.commit(own | {str(p.relative_to(ROOT)): p.read_text() for p in (ROOT / "src").rglob("*.ts")})
    boot.variables |= {"AGENTRUN_ENV_IDENTITY": IDENTITY, "AGENTRUN_LANE": "v0.1", "PORT": str(_free_port())}
    return boot


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_the_manager_names_its_commit_and_ends_on_sigterm_though_a_client_stays(manager: Boot) -> None:
    process = manager.start()
    assert process.stdout is not None
    listening = json.loads(process.stdout.readline())
    assert listening["commit"] == manager.commit
    client = http.client.HTTPConnection("127.0.0.1", int(manager.variables["PORT"]), timeout=10)
    client.request("GET", "/health")
    answer = json.load(client.getresponse())
    assert answer.pop("uptimeSeconds") >= 0
    assert answer == {
        "status": "ok",
        "commit": manager.commit,
        "envIdentity": IDENTITY,
        "lane": "v0.1",
        "service": "agentrun-mgr",
    }
    # the connection is kept alive, as a probe's or a proxy's is
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    client.close()
    assert process.returncode == 0, out + err


def test_the_manager_resolves_by_the_catalog_that_is_rendered_for_it(manager: Boot) -> None:
    """The ConfigMap is written by one language and read by the other."""
    fields = [("repoUrl", SOURCE_REPO), ("commitId", commit_id(0xC0)), ("dockerfilePath", "Containerfile")]
    values = [value_input(InputKind.IMAGE_REF, f"imageRef.{name}", value) for name, value in fields]
    known = {item.name for item in values}
    base = wanted_of()
    inputs = (*(item for item in base.inputs if item.name not in known), *values)
    identity = env_identity(inputs)
    image = LANE.env_image(REGISTRY, base.service_id, identity)
    wanted = base._replace(identity=identity, inputs=inputs, image=image)
    entry = entry_of(wanted, image=digest(0xD1), commit=commit_id(0xB0))
    catalog = empty_catalog(LANE).with_entries({entry.service_id: entry})
    files = render_runtime(parse_deploy(canonical_json(deploy_json())), catalog, LANE, mirror_read_url="http://m/x.git")
    config_map = yaml.safe_load(files[f"{LANE.runtime_path}/artifact-catalog-configmap.yaml"])
    for name, text in config_map["data"].items():
        (manager.env_dir / name).write_text(text)
    manager.variables["AGENTRUN_CATALOG_FILE"] = str(manager.env_dir / "catalog.json")
    process = manager.start()
    try:
        assert process.stdout is not None
        process.stdout.readline()
        client = http.client.HTTPConnection("127.0.0.1", int(manager.variables["PORT"]), timeout=10)
        query = urlencode({"kind": "env-image-dockerfile", **dict(fields)})
        client.request("GET", f"/v1/aipod/resolve?{query}")
        answer = json.load(client.getresponse())
        client.close()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert (answer["status"], answer["image"]) == ("reused", f"{image.name}@{digest(0xD1)}")


def test_a_manager_that_is_told_wrongly_says_so_without_the_password(manager: Boot) -> None:
    manager.variables["DATABASE_URL"] = "postgres://robot:hunter%zz2@host/agentrun_v01"
    ran = manager.run()
    assert ran.returncode == 2, ran.stderr
    assert "DATABASE_URL" in ran.stderr
    assert "hunter" not in ran.stdout + ran.stderr

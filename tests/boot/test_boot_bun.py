"""The boot script with the pinned Bun and this repository's own manager: what probes and a kubelet meet (R15)."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket

import pytest

from envid.errors import ToolMissing
from envid.local.tools import find_bun
from tests.boot.conftest import FILES, Boot, Mirror
from tests.support.lanes import ROOT

IDENTITY = "b" * 64


@pytest.fixture
def manager(boot: Boot, mirror: Mirror) -> Boot:
    """A boot of this repository's manager in an env folder that has its production dependency."""
    try:
        bun = find_bun()
    except ToolMissing as error:
        pytest.skip(str(error))
    if not (ROOT / "node_modules/zod").is_dir():
        pytest.skip("no node_modules here: bun install --frozen-lockfile")
    shutil.copy(bun, boot.folder / "bin/bun")  # where it is, the other user may not enter
    shutil.copytree(ROOT / "node_modules/zod", boot.env_dir / "node_modules/zod")
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


def test_a_manager_that_is_told_wrongly_says_so_without_the_password(manager: Boot) -> None:
    manager.variables["DATABASE_URL"] = "postgres://robot:hunter%zz2@host/agentrun_v01"
    ran = manager.run()
    assert ran.returncode == 2, ran.stderr
    assert "DATABASE_URL" in ran.stderr
    assert "hunter" not in ran.stdout + ran.stderr

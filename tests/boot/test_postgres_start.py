"""The start script of the lane's Postgres with a real server: the Secret's password counts at every start (R8)."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from envid.core.database import DatabaseAccess, database_url
from envid.errors import ToolMissing
from envid.local.tools import find_bun
from tests.support.lanes import ROOT

SOCKETS = Path("/var/run/postgresql")
ODD = "p:w/ü'\"?#%41\\x $(id)"
ASK = f"""
import {{ openDatabase }} from "{ROOT}/src/manager/database.ts";
process.exit((await openDatabase(process.env.DATABASE_URL).answers()) ? 0 : 1);
"""


@pytest.fixture
def server() -> Iterator[Server]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if os.geteuid() != 0 or not programs or not SOCKETS.is_dir():
        pytest.skip("needs root, to become the user postgres, and Postgres: apt-get install postgresql")
    try:
        bun = find_bun()
    except ToolMissing as error:
        pytest.skip(str(error))
    if not (ROOT / "node_modules/zod").is_dir():
        pytest.skip("no node_modules here: bun install --frozen-lockfile")
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/var/tmp"))  # where the other user may enter
    made = Server(folder, programs[-1].parent, bun)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


class Server:
    """Postgres as the script starts it, as an unprivileged user."""

    def __init__(self, folder: Path, programs: Path, bun: str) -> None:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        shutil.copy(ROOT / "deploy/postgres/postgres.sh", folder / "postgres.sh")
        self.folder, self.programs, self.bun, self.user = folder, programs, bun, user
        self.process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        self.access = DatabaseAccess(
            secret="x",
            url_key="DATABASE_URL",
            password_key="POSTGRES_PASSWORD",
            user="agentrun",
            host="127.0.0.1",
            port=port,
            database="agentrun_v01",
            database_pods="",
            service_pods=(),
        )

    def start(self, password: str) -> None:
        """Start it, and return when it answers."""
        environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "PGDATA": str(self.folder / "pgdata"),
            "PGPORT": str(self.access.port),
            "POSTGRES_USER": self.access.user,
            "POSTGRES_DB": self.access.database,
            "POSTGRES_PASSWORD": password,
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["sh", str(self.folder / "postgres.sh")],
                env=environment,
                user=self.user.pw_uid,
                group=self.user.pw_gid,
                extra_groups=[],
                stdout=log,
                stderr=log,
            )
        ask = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.access.port)]
        while subprocess.run(ask, check=False).returncode:
            assert self.process.poll() is None, self.log

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=60)
        self.process = None

    def lets_in(self, password: str) -> bool:
        """Ask it as the manager does, by the URL that the Secret would have."""
        url = database_url(self.access, password)
        run = subprocess.run([self.bun, "-e", ASK], env={**os.environ, "DATABASE_URL": url}, check=False, timeout=60)
        return run.returncode == 0

    @property
    def log(self) -> str:
        """All that it said."""
        return (self.folder / "log").read_text()


def test_a_rotated_password_counts_from_the_next_start_on(server: Server) -> None:
    server.start("first")
    assert server.lets_in("first")
    # a crash leaves its lock file and asks for recovery
    server.stop(signal.SIGKILL)
    server.start(ODD)
    assert server.lets_in(ODD)
    assert not server.lets_in("first")
    assert ODD not in server.log
    assert "ALTER ROLE" not in server.log

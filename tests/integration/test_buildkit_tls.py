"""A remote BuildKit over mutual TLS: the right certificates get in, and no others do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envid.adapters.buildkit import BuildKit
from envid.adapters.buildkit_address import BuildKitTls
from envid.adapters.inner_build import InnerBuild, local_output
from envid.errors import BuildError, InputError
from envid.local.tools import bootstrapped, tool_folders

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Remote:
    """A running buildkitd behind TLS, and two clients' certificates."""

    host: str
    known: BuildKitTls
    stranger: BuildKitTls


def authority(folder: Path, *names: str) -> dict[str, BuildKitTls]:
    """Make an authority of its own, and a certificate with key for each name."""
    folder.mkdir()
    ca, key = folder / "ca.pem", folder / "ca.key"
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*new, "-x509", "-days", "2", "-subj", "/CN=ca", "-keyout", key, "-out", ca], check=True, capture_output=True
    )
    made = {}
    for name in names:
        files = BuildKitTls(ca=ca, cert=folder / f"{name}.pem", key=folder / f"{name}.key")
        arguments = ["-x509", "-days", "2", "-subj", f"/CN={name}", "-CA", str(ca), "-CAkey", str(key)]
        arguments += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        subprocess.run([*new, *arguments, "-keyout", files.key, "-out", files.cert], check=True, capture_output=True)
        made[name] = files
    return made


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    if os.geteuid() != 0:
        pytest.skip("buildkitd needs root here")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the test's certificates")
    folder = tmp_path_factory.mktemp("tls")
    ours = authority(folder / "ours", "server", "client")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    host = f"tcp://127.0.0.1:{port}"
    server = ours["server"]
    process = subprocess.Popen(
        [
            bootstrapped("buildkitd"),
            f"--root={folder / 'root'}",
            f"--addr={host}",
            "--tlscacert", server.ca, "--tlscert", server.cert, "--tlskey", server.key,
            "--oci-worker-net=host",
            "--containerd-worker=false",
        ],
        env=os.environ | {"PATH": os.pathsep.join([*map(str, tool_folders()), os.environ["PATH"], "/usr/sbin"])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    known = ours["client"]
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                BuildKit(host, tls=known, tools=tool_folders()).builds_in_history()
                break
            except BuildError:
                assert process.poll() is None, "buildkitd ended"
                time.sleep(0.1)
        stranger = authority(folder / "other", "client")["client"]
        yield Remote(host, known, stranger._replace(ca=known.ca))
    finally:
        process.terminate()
        process.wait(30)


def test_the_lanes_certificates_get_in(remote: Remote, tmp_path: Path) -> None:
    assert BuildKit(remote.host, tls=remote.known, tools=tool_folders()).builds_in_history() == 0
    build = InnerBuild(buildctl=bootstrapped("buildctl"), host=remote.host, tls=remote.known)
    (tmp_path / "context").mkdir()
    (tmp_path / "context/a").write_text("x")
    build.run("FROM scratch\nCOPY a /a\n", tmp_path / "context", local_output(tmp_path / "out"))
    assert (tmp_path / "out/a").read_text() == "x"


def test_nobody_else_does(remote: Remote) -> None:
    for tls in (None, remote.stranger):
        with pytest.raises(BuildError):
            BuildKit(remote.host, tls=tls, tools=tool_folders()).builds_in_history()


def test_a_missing_file_is_named_before_anything_is_sent(remote: Remote, tmp_path: Path) -> None:
    tls = remote.known._replace(key=tmp_path / "gone.key")
    with pytest.raises(InputError) as caught:
        BuildKit(remote.host, tls=tls, tools=tool_folders()).builds_in_history()
    assert [fault.where for fault in caught.value.faults] == [str(tmp_path / "gone.key")]

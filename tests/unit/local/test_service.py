from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from envid.errors import ServiceError, ToolMissing
from envid.local.proc import listens_on, start_time
from envid.local.service import Service
from envid.local.tools import bootstrapped

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# its child leads a session of its own, so that no signal to the service's group reaches it
FAMILY_CODE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("child", "w").write(str(child.pid))
open("ready", "w").close()
time.sleep(600)
"""
FAMILY = [sys.executable, "-c", FAMILY_CODE]


def test_a_service_outlives_its_starter_and_is_found_again(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=SLEEPER, address="here")
    service.start(lambda: True)
    again = Service(name="x", folder=tmp_path)
    assert again.pid == service.pid
    assert again.recorded_address == "here"
    again.stop()
    assert again.pid is None
    assert not again.was_started


def test_starting_twice_keeps_the_first(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=SLEEPER)
    service.start(lambda: True)
    first = service.pid
    service.start(lambda: True)
    assert service.pid == first
    service.stop()


def test_stop_ends_what_the_service_started_in_other_sessions(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=FAMILY)
    service.start((tmp_path / "ready").exists)
    child = int((tmp_path / "child").read_text())
    assert start_time(child) is not None
    service.stop()
    assert start_time(child) is None


def test_a_start_that_was_killed_before_its_pid_file_leaves_nothing(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=FAMILY)
    service.start((tmp_path / "ready").exists)
    pid = service.pid
    assert pid is not None
    (tmp_path / "x.pid").unlink()
    service.stop()
    assert start_time(pid) is None


def test_a_recycled_process_id_is_neither_taken_for_the_service_nor_killed(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER) as bystander:
        started = start_time(bystander.pid)
        for record in (
            {"pid": bystander.pid, "started": 1},
            {"pid": bystander.pid, "started": started, "boot": "another boot"},
        ):
            (tmp_path / "x.pid").write_text(json.dumps(record))
            service = Service(name="x", folder=tmp_path)
            assert service.pid is None
            service.stop()
            assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("record", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": null, "started": 1}'])
def test_a_damaged_pid_file_means_that_nothing_is_known(tmp_path: Path, record: str) -> None:
    (tmp_path / "x.pid").write_text(record)
    service = Service(name="x", folder=tmp_path)
    assert service.pid is None
    assert not service.recorded_address
    service.stop()


def test_an_early_end_shows_the_log(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import sys; sys.exit('the disk is made of cheese')"]
    service = Service(name="x", folder=tmp_path, argv=argv)
    with pytest.raises(ServiceError, match="x ended at once") as caught:
        service.start(lambda: False)
    assert "the disk is made of cheese" in caught.value.cause
    assert str(service.log) in caught.value.remedy


def test_one_that_is_never_ready_is_given_up_and_ended(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=SLEEPER)
    with pytest.raises(ServiceError, match="was not ready"):
        service.start(lambda: False, timeout=0.2)
    assert service.pid is None


def test_a_program_that_can_not_run_is_a_plain_error(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x00\x01")
    program.chmod(0o755)
    with pytest.raises(ServiceError, match="can't be started") as caught:
        Service(name="x", folder=tmp_path, argv=[str(program)]).start(lambda: True)
    assert caught.value.remedy == "script/bootstrap"


def test_one_that_dies_of_a_signal_is_down(tmp_path: Path) -> None:
    service = Service(name="x", folder=tmp_path, argv=SLEEPER, address="there")
    service.start(lambda: True)
    pid = service.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert service.pid is None
    assert service.recorded_address == "there"


def test_a_port_is_held_by_the_process_that_listens_and_by_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, subprocess.Popen(SLEEPER) as other:
        port = server.getsockname()[1]
        assert listens_on(os.getpid(), port)
        assert not listens_on(other.pid, port)
        other.kill()


def test_a_missing_program_names_the_bootstrap() -> None:
    with pytest.raises(ToolMissing) as caught:
        bootstrapped("no-such-program")
    assert caught.value.remedy.startswith("script/bootstrap, in a clone of this project")

"""``script/bootstrap`` on a machine where something is missing: it says what, and what to do. No network is used."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = (
    *("bash", "cat", "cp", "cut", "dirname", "flock", "git", "id", "ln", "mkdir", "mktemp", "mv", "readlink", "rm"),
    *("sha256sum", "touch"),
)
GO = 'while [ "$1" != -o ]; do shift; done; cp /bin/true "$2/buildctl"; cp /bin/true "$2/buildkitd"'


@dataclass
class Machine:
    """A checkout whose .venv is up to date, and a PATH with only the programs that it is given."""

    checkout: Path
    programs: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)

    def put(self, program: str, script: str) -> None:
        target = self.programs / program
        target.unlink(missing_ok=True)
        target.write_text(f"#!/bin/sh\n{script}\n")
        target.chmod(0o755)

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/bash", str(self.checkout / "script/bootstrap")],
            env={"PATH": str(self.programs), "XDG_CACHE_HOME": str(self.cache), **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout, programs = tmp_path / "check out", tmp_path / "bin"
    programs.mkdir()
    for program in TOOLS:
        found = shutil.which(program)
        assert found, program
        (programs / program).symlink_to(found)
    for name in ("script/bootstrap", "requirements/dev.txt", "pyproject.toml", "tools/go.mod", "tools/go.sum"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    shutil.copy(ROOT / "tools/bun.json", checkout / "tools/bun.json")
    key = sha256((checkout / "requirements/dev.txt").read_bytes() + (checkout / "pyproject.toml").read_bytes())
    virtual = checkout / ".venv/bin"
    virtual.mkdir(parents=True)
    (checkout / ".venv/.key").write_text(key.hexdigest()[:16])
    for program in ("python", "invoke"):
        (virtual / program).write_text('#!/bin/sh\ncp /bin/true "$3"\n')
        (virtual / program).chmod(0o755)
    made = Machine(checkout, programs, tmp_path / "cache")
    made.put("go", GO)
    made.put("python3", f'exec "{sys.executable}" "$@"')
    for program in ("npm", "docker-registry", "runc", "mmdebstrap"):
        made.put(program, "exit 0")
    return made


def test_on_a_prepared_machine_it_succeeds_and_says_nothing_the_second_time(machine: Machine) -> None:
    first = machine.bootstrap()
    assert first.returncode == 0, first.stderr
    machine.put("go", "exit 1")  # a second build would fail
    second = machine.bootstrap()
    assert (second.returncode, second.stdout) == (0, "")
    assert "building" not in second.stderr
    tools = machine.cache / "envid/tools"
    assert tools.is_symlink()
    assert {path.name for path in tools.iterdir()} == {"bin", "complete"}


@pytest.mark.parametrize(
    ("missing", "problem", "remedy"),
    [
        ("git", "git is missing", "apt-get install git"),
        ("python3", "python3 is missing", "install Python 3.11"),
        ("go", "go is missing", "install Go"),
        ("npm", "npm is missing", "install Node.js"),
        # nowhere on this PATH is an apt-get
        ("docker-registry", "docker-registry is missing, and this is no Debian", "so that it is on PATH"),
    ],
)
def test_a_missing_program_is_named_with_what_to_do(machine: Machine, missing: str, problem: str, remedy: str) -> None:
    (machine.programs / missing).unlink()
    done = machine.bootstrap()
    assert done.returncode == 4
    assert f"bootstrap: {problem}" in done.stderr
    assert f"next: {remedy}" in done.stderr or remedy in done.stderr.partition("next: ")[2]


def test_a_python_that_is_too_old_is_refused(machine: Machine) -> None:
    machine.put("python3", "exit 1")
    done = machine.bootstrap()
    assert done.returncode == 4
    assert "older than 3.11" in done.stderr


def test_without_a_network_the_failed_build_names_it_and_is_tried_again(machine: Machine) -> None:
    machine.put("go", "echo 'dial tcp: network is unreachable' >&2; exit 1")
    done = machine.bootstrap()
    assert done.returncode == 4
    assert "network is unreachable" in done.stderr
    assert "next: check the network" in done.stderr
    left = list((machine.cache / "envid").glob("tools-*/*"))
    assert [path.name for path in left] == ["bin"]
    machine.put("go", GO)
    assert machine.bootstrap().returncode == 0


def test_a_failed_download_of_a_debian_package_names_the_network(machine: Machine) -> None:
    (machine.programs / "docker-registry").unlink()
    machine.put("apt-get", "echo 'E: Failed to fetch' >&2; exit 100")
    machine.put("dpkg-deb", "exit 0")
    done = machine.bootstrap()
    assert done.returncode == 4
    assert "docker-registry could not be fetched\n  next: check the network" in done.stderr


def test_without_root_it_says_what_to_set(machine: Machine) -> None:
    machine.put("id", "echo 1000")
    done = machine.bootstrap()
    assert done.returncode == 0
    assert "set BUILDKIT_HOST" in done.stderr
    machine.environment["BUILDKIT_HOST"] = "tcp://127.0.0.1:1"
    assert "BUILDKIT_HOST" not in machine.bootstrap().stderr


def test_a_cache_that_can_not_be_made_is_named(machine: Machine) -> None:
    machine.cache.write_text("")
    done = machine.bootstrap()
    assert done.returncode == 4
    assert "set XDG_CACHE_HOME" in done.stderr

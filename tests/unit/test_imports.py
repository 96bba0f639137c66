"""Fast commands stay fast: what is imported is counted, not timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo
from tests.support.fault_registry import FaultRegistry

ROOT = Path(__file__).parents[2]
INVOKE = "import sys; from invoke.main import program; sys.argv = ['invoke', *sys.argv[1:]]; program.run(exit=False)"
ENVID = "from envid.__main__ import main; main(sys.argv[1:])"

TASKS = "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n"


def loaded(code: str, *arguments: str, folder: Path = ROOT) -> set[str]:
    """Run ``code`` in a fresh interpreter and return the top-level modules that it had loaded at its end."""
    script = f"""
import atexit, sys
atexit.register(lambda: sys.stderr.write("\\n" + " ".join({{name.partition(".")[0] for name in sys.modules}})))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("\n")[2].split())


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A Bun repository without deploy.json."""
    repo = SourceRepo.create(tmp_path / "source")
    (repo.root / "deploy/deploy.json").unlink()
    repo.commit()
    return repo.root


CLUSTER = {"httpcore", "httpcore2", "httpx", "httpx2", "h2", "anyio", "lightkube", "lightkube_models", "cryptography"}
ASSURANCE = {"cyclonedx", "packageurl", "detect_secrets", "zstandard", "jsonyx"}
# Invoke itself loads PyYAML where it is installed
HEAVY = {"blake3", "pydantic", "pydantic_core", "waitress"} | CLUSTER | ASSURANCE


def test_listing_the_tasks_loads_none_of_what_they_use() -> None:
    modules = loaded(INVOKE, "--list")
    assert "invoke" in modules
    assert not (too_much := modules & HEAVY), too_much


def test_help_and_version_load_next_to_nothing() -> None:
    for argument in ("--help", "--version"):
        assert not loaded(ENVID, argument) & (HEAVY | {"yaml", "invoke"})


# of the standard library, and slow: each is needed for something, but not by the fast commands
SLOW = {"argparse", "dataclasses", "decimal", "fractions", "inspect", "lzma", "shutil", "tempfile"}


def test_an_identity_needs_no_network_library(plain: Path) -> None:
    modules = loaded(ENVID, "identity", folder=plain)
    assert "blake3" in modules
    assert not (too_much := modules & (HEAVY - {"blake3"} | SLOW | {"yaml", "invoke", "ssl", "hashlib"})), too_much


def test_an_identity_with_a_deploy_json_needs_pydantics_core_alone_and_no_network_library(tmp_path: Path) -> None:
    modules = loaded(ENVID, "identity", folder=SourceRepo.create(tmp_path / "source").root)
    assert "pydantic_core" in modules
    assert not (too_much := modules & (CLUSTER | ASSURANCE | SLOW | {"pydantic", "waitress", "invoke", "ssl"})), (
        too_much
    )


def test_a_task_that_reads_git_alone_loads_no_network_library(plain: Path) -> None:
    (plain / "tasks.py").write_text(TASKS)
    modules = loaded(INVOKE, "identity", folder=plain)
    assert not (too_much := modules & (HEAVY - {"blake3", "jsonyx"})), too_much


@pytest.mark.parametrize("task", ["explain", "report"])
def test_an_explanation_loads_no_network_library(plain: Path, task: str) -> None:
    (plain / "tasks.py").write_text(TASKS)
    (plain / "package.json").write_text('{"name": "other"}')
    modules = loaded(INVOKE, task, "--repo", ".", folder=plain)
    assert not modules & (CLUSTER | {"cyclonedx", "zstandard", "waitress"})


def test_a_digest_needs_neither_pydantic_nor_a_http_library(tmp_path: Path) -> None:
    repo = SourceRepo.create(tmp_path / "source")
    (repo.root / "tasks.py").write_text(TASKS)
    with FaultRegistry() as server:
        digest = server.push_image()
        modules = loaded(INVOKE, "registry.digest", f"{server.host}/agentrun/env:t", folder=repo.root)
        assert digest.startswith("sha256:")
        assert server.methods() == ["GET"]
    assert not (too_much := modules & HEAVY), too_much


def test_the_package_itself_imports_nothing() -> None:
    before = loaded("pass")
    assert loaded("import envid") - before == {"envid"}

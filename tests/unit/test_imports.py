"""Fast commands stay fast: what is imported is counted, not timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builders import SourceRepo

ROOT = Path(__file__).parents[2]
INVOKE = "import sys; from invoke.main import program; sys.argv = ['invoke', *sys.argv[1:]]; program.run(exit=False)"
ENVID = "from envid.__main__ import main; main(sys.argv[1:])"


def loaded(code: str, *arguments: str, folder: Path = ROOT) -> set[str]:
    """Run ``code`` in a fresh interpreter and return the top-level modules that it had loaded at its end."""
    script = f"""
import sys
try:
    {code}
except SystemExit as ended:
    assert not ended.code, ended.code
sys.stderr.write("\\n" + " ".join({{name.partition(".")[0] for name in sys.modules}}))
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


HEAVY = {"blake3", "httpcore", "httpx", "jsonyx", "pydantic", "pydantic_core", "waitress"}


def test_listing_the_tasks_loads_none_of_what_they_use() -> None:
    modules = loaded(INVOKE, "--list")
    assert "invoke" in modules
    assert not modules & HEAVY


def test_help_and_version_load_next_to_nothing() -> None:
    for argument in ("--help", "--version"):
        assert not loaded(ENVID, argument) & (HEAVY | {"yaml", "invoke"})


def test_an_identity_needs_no_network_library(plain: Path) -> None:
    modules = loaded(ENVID, "identity", folder=plain)
    assert "blake3" in modules
    assert not modules & (HEAVY - {"blake3"} | {"yaml", "invoke", "ssl"})


def test_an_identity_with_a_deploy_json_needs_pydantic_and_no_network_library(tmp_path: Path) -> None:
    modules = loaded(ENVID, "identity", folder=SourceRepo.create(tmp_path / "source").root)
    assert "pydantic" in modules
    assert not modules & {"httpx", "httpcore", "waitress", "invoke", "ssl"}


def test_the_package_itself_imports_nothing() -> None:
    before = loaded("pass")
    assert loaded("import envid") - before == {"envid"}

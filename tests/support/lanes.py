"""The running stack and the lanes on it, as the integration tests use them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envid.adapters.stack_record import LocalStack

__all__ = ["ROOT", "LaneRepository", "Stack", "git"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stack:
    """The running services, and the folder that they live in."""

    state: Path
    services: LocalStack

    def new_repository(self, name: str) -> tuple[str, str, str]:
        """Make a mirror and an origin of their own; return read, write and origin URL."""
        for side in ("mirror", "origin"):
            target = self.state / "local/git" / side / "test" / f"{name}.git"
            template = self.state / "local/git" / side / "test/template.git"
            shutil.copytree(template, target)
        urls = (self.services.mirror_read_url, self.services.mirror_write_url, self.services.origin_url)
        read, write, origin = (url.replace("/test/template.git", f"/test/{name}.git") for url in urls)
        return read, write, origin


@dataclass
class LaneRepository:
    """A source repository that has adopted a lane, with a mirror of its own."""

    path: Path
    environment: dict[str, str]
    read_url: str
    write_url: str
    origin_url: str

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the project here, and compare its exit code."""
        done = subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, f"invoke {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with ``--json`` and return the document."""
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def git(self, *arguments: str) -> str:
        """Run git here."""
        return git(self.path, *arguments)

    def commit(self, message: str, files: dict[str, str | bytes] | None = None) -> str:
        """Write ``files``, commit everything, and return the commit."""
        for name, content in (files or {}).items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def publish_source(self) -> None:
        """Push the source branch to the origin, and bring it into the mirror."""
        self.git("push", "--quiet", self.origin_url, "HEAD:refs/heads/v0.1")
        self.run("git-mirror.sync")

    def gitops_file(self, path: str, revision: str = "FETCH_HEAD") -> bytes:
        """Return a file of the GitOps branch."""
        self.git("fetch", "--quiet", self.read_url, "v0.1-gitops")
        return subprocess.run(
            ["git", "show", f"{revision}:{path}"], cwd=self.path, capture_output=True, check=True
        ).stdout

    def catalog(self) -> Any:
        """Return the promoted catalog."""
        return json.loads(self.gitops_file("deploy/artifact-catalog.v01.json"))


def git(folder: Path, *arguments: str) -> str:
    """Run git as a developer would, with a fixed identity."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()

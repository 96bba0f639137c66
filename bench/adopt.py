"""Source repositories for the benches: this project's environment, or that of another Bun project's newest lock."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.buildkit import BuildRequest
from envid.adapters.git import GitObjects
from envid.core.base_pin import repin_from
from envid.core.deploy import Service, parse_deploy
from envid.usecases.environment import Environment, InputReader
from envid.usecases.imageref import pin_imagerefs
from envid.usecases.publish import BuildOptions, build_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envid.core.values import ImageReference

__all__ = ["ROOT", "adopt", "commit_all", "environment_of", "git", "request_of"]

ROOT: Final = Path(__file__).resolve().parents[1]
_PATTERNS: Final = ("deploy/deploy.json", "deploy/runtime/*.*", "deploy/runtime/boot/*")


def adopt(target: Path, base: ImageReference, *, bundle: Path | None = None) -> Path:
    """Make a repository at ``target`` with our Containerfile, and the newest manifests of ``bundle``, or ours."""
    manifests = ROOT
    if bundle is not None:
        manifests = target.with_name(f"{target.name}-project")
        git(target.parent, "clone", "--quiet", "--branch=v0.1", str(bundle), str(manifests))
    target.mkdir()
    git(target, "init", "--quiet", "--initial-branch=v0.1")
    for pattern in _PATTERNS:
        for source in ROOT.glob(pattern):
            _copy(source, target / source.relative_to(ROOT))
    for name in ("package.json", "bun.lock"):
        _copy(manifests / name, target / name)
    tsconfig = manifests / "tsconfig.json"
    (target / "tsconfig.json").write_bytes(tsconfig.read_bytes() if tsconfig.is_file() else b"{}\n")
    (target / "Containerfile").write_text(repin_from((ROOT / "Containerfile").read_text(), base))
    commit_all(target, "Adopt the lane")
    pin_imagerefs(target)
    commit_all(target, "Point imageRef at the Containerfile")
    return target


@contextmanager
def environment_of(repository: Path) -> Iterator[tuple[InputReader, Service, Environment]]:
    """Read the environment of the first service at HEAD."""
    with GitObjects(repository) as objects:
        reader = InputReader(objects)
        record = objects.commit(objects.resolve("HEAD"))
        service = parse_deploy((repository / "deploy/deploy.json").read_bytes()).services[0]
        yield reader, service, reader.service_environment(record, service)


def request_of(repository: Path, image: ImageReference, options: BuildOptions) -> tuple[str, BuildRequest]:
    """Return the envIdentity and the build that publish would ask BuildKit for."""
    with environment_of(repository) as (reader, service, environment):
        return environment.identity, build_request(reader, service, environment, image, options)


def commit_all(repository: Path, message: str) -> None:
    """Commit the work tree."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", message)


def git(folder: Path, *arguments: str) -> str:
    """Run git with a fixed identity."""
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)

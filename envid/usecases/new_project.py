"""``lane.new --project``: the first files of a lane in a Bun repository that has none; nothing is overwritten (R14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from envid.adapters.files import read_bounded, write_atomic
from envid.adapters.git import git
from envid.core import newproject
from envid.core.jsonc import parse_jsonc
from envid.core.lane import parse_lane
from envid.errors import Blocked, Fault, GitError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from envid.core.lane import Lane

__all__ = ["Begun", "begin_project"]

_LANES_OWN: Final = ("invoke.yaml", "deploy/deploy.json", "tasks.py")
_SITE: Final = "main"
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A lane that was begun: the files ``written``, those ``kept`` as they were, and what to look at."""

    lane: Lane
    written: tuple[str, ...]
    kept: tuple[str, ...]
    look_at: tuple[str, ...]


def begin_project(root: Path, starter: Mapping[str, bytes], *, project: str, version: str, registry: str) -> Begun:
    """Write what a lane of ``project`` needs into the Bun repository at ``root``.

    Raises:
        Blocked: it has a lane, or another tool's tasks.py, already.
        InputError: it is no Bun repository, or has no commit or no remote that others can fetch from.

    """
    if present := [path for path in _LANES_OWN if (root / path).exists()]:
        raise Blocked(
            "this repository has a lane, or another tool's tasks, already",
            cause=", ".join(present),
            remedy=f"invoke lane.new {version}, for the next lane of this project",
            code="not-new",
        )
    repository = _look(root)
    source_repo = _source_repo(root)
    lane = parse_lane(project=project, version=version, site=_SITE, repository=_path_of(source_repo))
    further = newproject.further_inputs(repository)
    entry = newproject.entry_point(repository)
    first = {
        "tasks.py": '"""The lane\'s commands."""\n\nfrom envid.tasks import namespace as ns\n\n__all__ = ["ns"]\n',
        "invoke.yaml": newproject.settings_text(lane, source_repo=source_repo, registry=registry),
        "deploy/deploy.json": newproject.deploy_text(
            lane,
            source_repo=source_repo,
            commit=_containerfile_commit(root),
            dockerfile="Containerfile",
            inputs=further,
        ),
        "tsconfig.json": "{}\n",
    }
    texts = {path: content.decode() for path, content in starter.items()} | first
    texts["Containerfile"] = newproject.containerfile(texts["Containerfile"], registry, project, further)
    boot = newproject.BOOT_SCRIPT
    texts[boot] = newproject.boot_script(texts[boot], entry or "src/index.ts")
    kept = tuple(path for path in texts if (root / path).exists())
    written = tuple(path for path in texts if path not in kept)
    for path in written:
        write_atomic(root / path, texts[path].encode())
        if path.endswith(".sh"):
            (root / path).chmod(0o755)
    written += _ignore(root)
    guessed = f"{boot}: it starts {entry}" if entry else f"{boot}: name the file that the project starts with (entry=)"
    look_at = (guessed, "deploy/deploy.json: port, healthPath and resources")
    return Begun(lane=lane, written=written, kept=kept, look_at=look_at)


def _look(root: Path) -> newproject.BunRepository:
    if missing := [name for name in ("package.json", "bun.lock") if not (root / name).is_file()]:
        faults = [Fault(name, "it is missing at the root") for name in missing]
        raise InputError(
            "this is no Bun repository", faults=faults, remedy="bun install, which writes bun.lock; commit"
        )
    package = parse_jsonc(read_bounded(root / "package.json", limit=_LARGEST, hint="bun init"), where="package.json")
    tracked = git(root, ["ls-files", "-z"]).stdout.decode("utf-8", "surrogateescape").split("\0")
    return newproject.BunRepository(tracked=frozenset(tracked), package=package if isinstance(package, dict) else {})


def _source_repo(root: Path) -> str:
    from envid.core.deploy import is_fetchable  # noqa: PLC0415 - pydantic, only once all else is well

    try:
        url = git(root, ["remote", "get-url", "origin"]).stdout.decode().strip()
    except GitError:
        raise InputError("the repository has no remote `origin`", remedy="git remote add origin URL") from None
    if not is_fetchable(url):
        raise InputError(
            f"the remote `origin` is {url}, which a cluster can't fetch from",
            cause="a source repository is https://, ssh:// or user@host:path",
            remedy="git remote set-url origin URL",
        )
    return url


def _path_of(url: str) -> str:
    path = url.split("/", 3)[-1] if "://" in url else url.partition(":")[2]
    return f"{path.strip('/').removesuffix('.git')}.git"


def _containerfile_commit(root: Path) -> str:
    for question in (["log", "-1", "--format=%H", "--", "Containerfile"], ["rev-parse", "--verify", "--quiet", "HEAD"]):
        if found := git(root, question, check=False).stdout.decode().strip():
            return found
    raise InputError("the repository has no commit yet", remedy="git commit: an identity is read from commits")


def _ignore(root: Path) -> tuple[str, ...]:
    path = root / ".gitignore"
    before = path.read_text("utf-8") if path.is_file() else ""
    after = newproject.ignore_text(before)
    if after == before:
        return ()
    write_atomic(path, after.encode())
    return (".gitignore",)

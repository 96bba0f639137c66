"""``local.up``, ``local.down``, ``local.status``: the embedded services together, all their state in one folder."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.files import write_atomic
from envid.adapters.process import find_tool
from envid.adapters.stack_record import STACK_FILE, LocalStack, load_stack, stack_bytes
from envid.core.values import RepoPath
from envid.errors import ServiceError, ToolMissing
from envid.local.embedded import (
    answers,
    buildkitd_service,
    git_service,
    registry_service,
    remove_socket_folder,
    socket_answers,
    start_buildkitd,
    start_git,
    start_registry,
)
from envid.local.proc import unmount_below
from envid.local.tools import bootstrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envid.local.service import Service

__all__ = ["LocalStack", "ServiceStatus", "down", "load_stack", "status", "up"]

REGISTRY_PORT: Final = 5000
"""The port that the lane's own registry has; a Containerfile's base image names it."""
_REMOVE_TRIES: Final = 3
_DERIVED: Final = ("git", "publications", "rendered")
"""What commands keep in the state folder beside the stack; all of it can be made again, and is of no use without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One service: whether it runs and answers, where it listens, and what else is to know."""

    service: str
    running: bool
    where: str
    detail: str

    @property
    def state(self) -> str:
        """One word for people."""
        return "up" if self.running else "down"


def up(
    state: Path,
    repository: str,
    *,
    progress: Callable[[str], None],
    registry_port: int = REGISTRY_PORT,
    elsewhere: tuple[str, str] | None = None,
) -> LocalStack:
    """Start what does not run yet. ``repository`` is its path on the mirror; ``registry_port`` 0 takes any free port.

    A registry in ENVID_REGISTRY and a BuildKit in BUILDKIT_HOST are used in place of embedded ones. ``elsewhere`` names
    a registry and a BuildKit, which may be empty, where only the mirror is wanted: that needs no root. Where one
    service can't be started, those that this call started are stopped again; their logs stay until ``down``.

    Raises:
        InputError: ``repository`` is not a path.
        ToolMissing: a program is missing.
        ServiceError: a service can't run here, or did not come up.

    """
    repository = RepoPath(repository)
    registry_there, buildkit_there = elsewhere or ("", "")
    own_registry = os.environ.get("ENVID_REGISTRY") or registry_there
    own_buildkit = os.environ.get("BUILDKIT_HOST") or buildkit_there
    embeds_buildkit = not own_buildkit and elsewhere is None
    # all that can be known beforehand, before anything runs
    _check_machine(needs_registry=not own_registry, needs_buildkit=embeds_buildkit)
    with _locked(state, progress) as locked, _all_or_none(locked / "local"):
        local = locked / "local"
        local.mkdir(exist_ok=True)
        for service in _services(local):
            if service.pid is not None and not service.recorded_address:
                service.stop()  # started by an older version, which kept no address
        if own_registry:
            registry_service(local).stop()
        if not embeds_buildkit:
            buildkitd_service(local).stop()
        registry = own_registry or start_registry(local, registry_port, progress)
        buildkit = start_buildkitd(local, registry, progress) if embeds_buildkit else own_buildkit
        read, write, origin = start_git(local, repository, progress)
        stack = LocalStack(
            registry=registry,
            buildkit_host=buildkit,
            mirror_read_url=read,
            mirror_write_url=write,
            origin_url=origin,
        )
        write_atomic(locked / STACK_FILE, stack_bytes(stack))
    return stack


def down(state: Path) -> None:
    """Stop what ``up`` started, and remove all that this project keeps there; nothing happens where there is no stack.

    Raises:
        ServiceError: something of it can't be stopped or removed.

    """
    if not (state / "local").is_dir():
        return
    with _locked(state, lambda _: None) as locked:
        local = locked / "local"
        if local.is_dir():
            for service in reversed(_services(local)):
                # the pid files go last, with the folder: a down that was killed can be run again
                service.end()
            remove_socket_folder(local)
            _remove(local)
            for name in _DERIVED:
                _remove(locked / name)
        # the state folder itself goes only when nothing of somebody else's is in it
        with contextlib.suppress(OSError):
            locked.rmdir()


def status(state: Path) -> list[ServiceStatus]:
    """Tell of each service whether it runs and answers; of one that isn't embedded only where it is."""
    local, stack = state.resolve() / "local", load_stack(state)
    registry, buildkitd, git = _services(local)
    if stack is None:
        return [_status(service, "", lambda: False, recorded=False) for service in (registry, buildkitd, git)]
    return [
        _status(registry, stack.registry, lambda: answers(f"http://{stack.registry}/v2/")),
        _status(buildkitd, stack.buildkit_host, lambda: socket_answers(stack.buildkit_host)),
        _status(git, stack.mirror_read_url, lambda: answers(f"{stack.mirror_read_url}/HEAD")),
    ]


def _status(service: Service, where: str, is_well: Callable[[], bool], *, recorded: bool = True) -> ServiceStatus:
    if recorded and not service.was_started:
        detail = "yours, not embedded: not looked at" if where else "none: all but a build works"
        return ServiceStatus(service=service.name, running=True, where=where or "-", detail=detail)
    pid = service.pid
    if pid is None:
        detail = f"it ended; see {service.log}, then invoke local.up" if service.was_started else ""
        return ServiceStatus(service=service.name, running=False, where=where, detail=detail)
    well = is_well()
    detail = f"pid {pid}, log {service.log}" if well else f"pid {pid} does not answer; see {service.log}"
    return ServiceStatus(service=service.name, running=well, where=where, detail=detail)


def _services(local: Path) -> tuple[Service, Service, Service]:
    return registry_service(local), buildkitd_service(local), git_service(local)


def _check_machine(*, needs_registry: bool, needs_buildkit: bool) -> None:
    if needs_buildkit and os.geteuid() != 0:
        raise ServiceError(
            "the embedded BuildKit needs root",
            cause="its worker mounts layers and starts containers",
            remedy="run this as root, or set BUILDKIT_HOST to a buildkitd that runs already, which may be rootless; "
            "where nothing is built, --mirror-only is enough",
            code="not-root",
        )
    find_tool("git")
    if needs_registry:
        bootstrapped("docker-registry")
    if needs_buildkit:
        for program in ("buildkitd", "buildctl", "runc"):
            bootstrapped(program)
    if importlib.util.find_spec("waitress") is None:
        raise ToolMissing(
            "the Python package waitress is missing",
            cause="it serves the git mirror",
            remedy="pip install envid[local]",
        )


@contextlib.contextmanager
def _all_or_none(local: Path) -> Iterator[None]:
    """Stop what was started inside the block where the block fails; what ran before goes on."""
    ran_before = {service.name for service in _services(local) if service.pid is not None}
    try:
        yield
    except BaseException as error:
        for service in reversed(_services(local)):
            if service.name not in ran_before:
                service.end()
        if isinstance(error, OSError):
            raise ServiceError(
                "the embedded stack can't be set up",
                cause=str(error),
                remedy="make room and check the rights there, or set ENVID_STATE to another folder",
                code="local-failed",
            ) from None
        raise


@contextlib.contextmanager
def _locked(state: Path, progress: Callable[[str], None]) -> Iterator[Path]:
    """Keep two runs from starting or stopping at once, and give the folder's real path.

    The lock is on the folder itself and leaves no file. A run that waited here while the folder was removed starts
    anew with a folder of its own.
    """
    while True:
        try:
            state.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # removed between the two calls
        except OSError as error:
            raise ServiceError(
                f"{state} can't be made", cause=error.strerror or "", remedy="choose another folder with ENVID_STATE"
            ) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another local.up or local.down")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(state, descriptor):
                yield state.resolve()
                return
        finally:
            os.close(descriptor)


def _is_still(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove(local: Path) -> None:
    failure = ""
    for _ in range(_REMOVE_TRIES):
        if not local.exists():
            return
        if mounted := unmount_below(local):
            # never remove through a mount: the files behind it may not be ours
            failure = f"{mounted[0]} is mounted and can't be unmounted"
            continue
        try:
            shutil.rmtree(local)
        except OSError as error:
            # a file that went away meanwhile counts too: what is left is looked at again
            failure = str(error)
    if not local.exists():
        return
    raise ServiceError(f"{local} can't be removed", cause=failure, remedy=f"end what uses it, then remove {local}")

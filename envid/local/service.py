"""One background program of the embedded stack: started in its own session, known by pid, stopped whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envid.adapters.files import write_atomic
from envid.errors import ServiceError
from envid.local.proc import boot_id, environment_has, processes, send, start_time, uses_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Service"]

_POLL: Final = 0.05
_STOP_WAIT: Final = 15.0
_KILL_WAIT: Final = 5.0
_TAIL_LINES: Final = 12
_MARK: Final = "ENVID_LOCAL_SERVICE"
"""Set in the environment of all that a service starts, so that it is found even where no pid file was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that keeps running. ``folder`` gets its log and pid file; ``address`` is where it serves.

    ``environment`` None as a value unsets a variable. Containers whose files are below ``containers`` belong to it.
    """

    name: str
    folder: Path
    argv: Sequence[str] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    address: str = ""
    pass_fds: Sequence[int] = ()
    containers: Path | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs; a recycled id of another program is not taken for it."""
        record = self._record()
        try:
            pid, started, boot = int(record["pid"]), int(record["started"]), record.get("boot", boot_id())
        except (ValueError, KeyError, TypeError):
            return None
        return pid if boot == boot_id() and start_time(pid) == started else None

    @property
    def recorded_address(self) -> str:
        """Where it served when it was started last, whether it runs or not; empty where it never was."""
        return str(self._record().get("address", ""))

    @property
    def was_started(self) -> bool:
        """Whether it was ever started here and not stopped since, even if it doesn't run now."""
        return self._pid_file.exists()

    def start(self, is_ready: Callable[[], bool], *, timeout: float = 60.0) -> None:
        """Start it and wait until ``is_ready``; ``timeout`` is in seconds. Nothing happens where it runs already.

        Raises:
            ServiceError: it can't be started, ended, or was not ready in time; its log's last lines are the cause.

        """
        if self.pid is None:
            self._stop_processes()  # of a start that was killed before it could write the pid file
            self._launch()
        deadline = time.monotonic() + timeout
        while not (is_ready() and self.pid is not None):
            if self.pid is None or time.monotonic() > deadline:
                state = "ended at once" if self.pid is None else f"was not ready within {timeout:.0f} s"
                cause = self._tail() or "its log is empty"
                self._stop_processes()
                raise ServiceError(f"{self.name} {state}", cause=cause, remedy=f"see {self.log}", code="local-failed")
            time.sleep(_POLL)

    def end(self) -> None:
        """End it and all that it started; nothing happens where it does not run. It keeps its address.

        Raises:
            ServiceError: a process outlives being killed.

        """
        self._stop_processes()

    def stop(self) -> None:
        """End it and forget it: a later start may take another address.

        Raises:
            ServiceError: a process outlives being killed.

        """
        self._stop_processes()
        self._pid_file.unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    @property
    def _mark(self) -> str:
        return str(self.folder / self.name)

    def _launch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ) | {_MARK: self._mark}
        for name, value in self.environment.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        with self.log.open("wb") as log:
            try:
                process = subprocess.Popen(
                    list(self.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self.folder,
                    pass_fds=tuple(self.pass_fds),
                    start_new_session=True,
                )
            except OSError as error:
                raise ServiceError(
                    f"{self.name} can't be started",
                    cause=f"{self.argv[0]}: {error.strerror}",
                    remedy="script/bootstrap",
                    code="local-failed",
                ) from None
        record = {
            "pid": process.pid,
            "started": start_time(process.pid),
            "boot": boot_id(),
            "address": self.address,
        }
        write_atomic(self._pid_file, json.dumps(record).encode() + b"\n")
        # it outlives this process on purpose: Popen must not complain that nobody waited for it
        process.returncode = 0

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads(self._pid_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _owns(self, pid: int) -> bool:
        return environment_has(pid, _MARK, self._mark) or self._contains(pid)

    def _contains(self, pid: int) -> bool:
        return self.containers is not None and uses_root(pid, self.containers)

    def _stop_processes(self) -> None:
        asked = time.monotonic()
        number = signal.SIGTERM
        first = True
        while owned := self._processes():
            waited = time.monotonic() - asked
            if waited > _STOP_WAIT + _KILL_WAIT:
                raise ServiceError(
                    f"{self.name} does not end",
                    cause=f"process {', '.join(map(str, owned))} outlives SIGKILL",
                    remedy="run invoke local.down again; if that does not help, restart the machine",
                    code="local-failed",
                )
            if waited > _STOP_WAIT:
                number = signal.SIGKILL
            for pid in owned:
                # what runs inside a container has no say: it may ignore a request, and its service then waits for it
                if self._contains(pid):
                    send(pid, signal.SIGKILL, still=self._contains)
                elif first or number == signal.SIGKILL:
                    send(pid, number, still=self._is_ours)
            first = False
            time.sleep(_POLL)
        with contextlib.suppress(OSError, TypeError, KeyError):
            # where this very process started it, its zombie is ours to bury
            os.waitpid(self._record()["pid"], os.WNOHANG)

    def _processes(self) -> list[int]:
        leader = self.pid
        return [pid for pid in processes() if pid == leader or self._owns(pid)]

    def _is_ours(self, pid: int) -> bool:
        return self._owns(pid) or pid == self.pid

    def _tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_TAIL_LINES:])

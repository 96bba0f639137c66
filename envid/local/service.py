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
from typing import TYPE_CHECKING, Final

from envid.adapters.files import write_atomic
from envid.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Service"]

_POLL: Final = 0.05
_STOP_WAIT: Final = 15.0
_TAIL_LINES: Final = 12
_START_TIME_FIELD: Final = 19  # of /proc/PID/stat, counted after the program's name: clock ticks since boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that keeps running. ``folder`` gets its log and pid file."""

    name: str
    folder: Path
    argv: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs; a recycled id of another program is not taken for it."""
        try:
            record = json.loads(self._pid_file.read_bytes())
            pid, started = int(record["pid"]), int(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if _start_time(pid) == started else None

    def start(self, is_ready: Callable[[], bool], *, timeout: float = 60.0) -> None:
        """Start it and wait until ``is_ready``; ``timeout`` is in seconds. Nothing happens where it runs already.

        Raises:
            ServiceError: it ended, or was not ready in time; its log's last lines are the cause.

        """
        if self.pid is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.log.open("wb") as log:
                process = subprocess.Popen(
                    list(self.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(os.environ) | dict(self.environment),
                    start_new_session=True,
                )
            record = {"pid": process.pid, "started": _start_time(process.pid)}
            write_atomic(self._pid_file, json.dumps(record).encode() + b"\n")
            # it outlives this process on purpose: Popen must not complain that nobody waited for it
            process.returncode = 0
        deadline = time.monotonic() + timeout
        while not is_ready():
            if self.pid is None or time.monotonic() > deadline:
                state = "ended at once" if self.pid is None else f"was not ready within {timeout:.0f} s"
                cause = self._tail()
                self.stop()
                raise ServiceError(f"{self.name} {state}", cause=cause, remedy=f"see {self.log}", code="local-failed")
            time.sleep(_POLL)

    def stop(self) -> None:
        """End it and all that it started; nothing happens where it does not run."""
        pid = self.pid
        if pid is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                _signal_session(pid, number)
                if self._is_gone_within(_STOP_WAIT):
                    break
        self._pid_file.unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def _is_gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_TAIL_LINES:])


def _signal_session(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _start_time(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None where there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[_START_TIME_FIELD])

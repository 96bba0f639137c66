"""What Linux's ``/proc`` tells of processes, listening ports and mounts, and a kill that can't hit a stranger."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["boot_id", "environment_has", "listens_on", "processes", "send", "start_time", "unmount_below", "uses_root"]

_START_TIME_FIELD: Final = 19  # of /proc/PID/stat, counted after the program's name: clock ticks since boot
_LISTENING: Final = "0A"
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


def processes() -> Iterator[int]:
    """Yield the id of every process that can be seen from here, this one excepted."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            yield int(entry.name)


def boot_id() -> str:
    """Return the id of this boot: a process id of another boot means nothing."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def start_time(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None where there is none, or only its zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return None if not fields or fields[0] in {b"Z", b"X"} else int(fields[_START_TIME_FIELD])


def environment_has(pid: int, name: str, value: str) -> bool:
    """Tell whether a process was started with the variable ``name`` set to ``value``."""
    return os.fsencode(f"{name}={value}") in _read(f"/proc/{pid}/environ").split(b"\0")


def listens_on(pid: int, port: int) -> bool:
    """Tell whether process ``pid`` itself, and not another, listens on TCP port ``port``."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in _read(f"/proc/{pid}/net/{table}").decode("ascii", "replace").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in inodes:
                    return True
    return False


def uses_root(pid: int, folder: Path) -> bool:
    """Tell whether the root file system of a process is made of files below ``folder``: it is in a container there."""
    for line in _mounts(f"/proc/{pid}/mountinfo"):
        if line.split(b" ")[4] == b"/":
            return os.fsencode(folder) + b"/" in _unescaped(line)
    return False


def send(pid: int, number: signal.Signals, *, still: Callable[[int], bool]) -> None:
    """Send a signal to ``pid`` if ``still`` holds for it; a process that takes over the id meanwhile isn't hit."""
    with contextlib.suppress(ProcessLookupError):
        # the descriptor stands for the process, not for its number: what is checked after is what is signalled
        descriptor = os.pidfd_open(pid)
        try:
            if still(pid):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def unmount_below(folder: Path) -> list[Path]:
    """Unmount what is mounted below ``folder``, deepest first; return what still is."""
    for point in sorted(_mount_points(folder), key=lambda p: len(p.parts), reverse=True):
        subprocess.run(["umount", "--lazy", "--", str(point)], check=False, capture_output=True)
    return _mount_points(folder)


def _mount_points(folder: Path) -> list[Path]:
    points = [Path(os.fsdecode(_unescaped(line.split(b" ")[4]))) for line in _mounts("/proc/self/mountinfo")]
    return [point for point in points if point.is_relative_to(folder)]


def _mounts(table: str) -> list[bytes]:
    return _read(table).splitlines()


def _unescaped(field: bytes) -> bytes:
    """Undo the kernel's octal escapes of space, tab, newline and backslash."""
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field)


def _read(path: str) -> bytes:
    """Return a file of /proc, or nothing where the process is gone or is not ours to look at."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""

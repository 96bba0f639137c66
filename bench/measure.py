"""Interleaved runs of commands, and what their ratios tell."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["HIDDEN", "Command", "Comparison", "Samples", "interleaved"]

HIDDEN: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPROFILEIMPORTTIME")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One side of a comparison. ``times`` runs it so often for one sample; ``before`` is not measured."""

    argv: Sequence[str]
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    before: Callable[[], object] | None = None


@dataclass(frozen=True)
class Samples:
    """Milliseconds of each run: on the clock, and of processor time with all children."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median on the clock."""
        return statistics.median(self.wall)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``ours`` against ``theirs``: the ratio of the medians on the clock, and where half of the paired ratios lie."""

    name: str
    ours: str
    theirs: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    low: float
    high: float
    cpu_ratio: float
    bound: float
    runs: int

    @classmethod
    def of(cls, name: str, samples: Mapping[str, Samples], ours: str, theirs: str, bound: float) -> Comparison:
        """Compare two of ``samples``; at most ``bound`` is wanted."""
        one, other = samples[ours], samples[theirs]
        ratios = sorted(a / b for a, b in zip(one.wall, other.wall, strict=True))
        quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
        return cls(
            name=name,
            ours=ours,
            theirs=theirs,
            ours_ms=round(one.median, 1),
            theirs_ms=round(other.median, 1),
            ratio=round(one.median / other.median, 3),
            low=round(quarters[0], 3),
            high=round(quarters[2], 3),
            cpu_ratio=round(statistics.median(one.cpu) / statistics.median(other.cpu), 3),
            bound=bound,
            runs=len(ratios),
        )

    @property
    def verdict(self) -> str:
        """``holds`` or ``broken``; where half of the pairs lie on both sides of the bound, too noisy to tell."""
        if self.low <= self.bound < self.high:
            return "too noisy to tell"
        return "holds" if self.ratio <= self.bound else "broken"

    def as_json(self) -> dict[str, Any]:
        """Return all of it, with the verdict."""
        return {**asdict(self), "verdict": self.verdict}


def interleaved(commands: Mapping[str, Command], runs: int) -> dict[str, Samples]:
    """Run the commands in turn, ``runs`` times each after one that does not count; each round begins with another."""
    samples = {name: Samples() for name in commands}
    names = list(commands)
    for number in range(runs + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            command = commands[name]
            if command.before is not None:
                command.before()
            wall, cpu = _run(name, command)
            if number:
                samples[name].wall.append(wall)
                samples[name].cpu.append(cpu)
    return samples


def _run(name: str, command: Command) -> tuple[float, float]:
    # without byte code every run would compile what was edited since the last
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN} | dict(command.environment)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        env=environment,
        stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if process.stdin is not None:
        process.stdin.write(command.stdin)
        process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name}: {' '.join(command.argv)} ended with {process.returncode}")
    return wall * 1000, (used.ru_utime + used.ru_stime) * 1000

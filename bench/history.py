"""Measures history and identity against what git itself needs, and says whether the bounds hold (R16).

    python bench/history.py time REPOSITORY     history against git log plus one invoke --version, in paired runs
    python bench/history.py memory              peak memory over 1,000 and over 100,000 generated commits
    python bench/history.py tree                identity of a tree of 100 and of 100,000 files

Each prints its figures, and exits 1 when a bound is broken. Times are medians of paired runs, so that a busy machine
slows both sides alike.
"""

# ruff: noqa: INP001, T201, S101, PLC0415 - a script that prints what it measured
from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

RUNS: Final = 15
PATHS: Final = ("package.json", "bun.lock", "tsconfig.json", "Containerfile", "Dockerfile", "deploy/runtime/boot")
ROOT: Final = Path(__file__).resolve().parents[1]
INVOKE: Final = str(Path(sys.executable).with_name("invoke"))


def main() -> int:
    """Run what the command line names."""
    match sys.argv[1:]:
        case ["time", repository]:
            return compare_time(Path(repository).resolve())
        case ["memory"]:
            return compare_memory()
        case ["tree"]:
            return compare_trees()
        case ["peak", repository]:  # in a process of its own, so that its peak is its own
            return show_peak(repository)
    sys.stderr.write(__doc__ or "")
    return 2


def compare_time(repository: Path) -> int:
    """Compare ``history --json`` with 1.5 times git log and invoke's own start."""
    history = [INVOKE, "-r", str(ROOT), "history", "--repo", str(repository), "--json"]
    log = ["git", "-C", str(repository), "log", "--first-parent", "--raw", "HEAD", "--", *PATHS]
    version = [INVOKE, "--version"]
    ours, git, invoke = paired(history, log, version)
    bound = 1.5 * (git + invoke)
    print(f"git log {ms(git)}, invoke --version {ms(invoke)}, history {ms(ours)}")
    print(f"ratio to their sum {ours / (git + invoke):.2f} (bound 1.5)")
    return 0 if ours <= bound else 1


def compare_memory() -> int:
    """Compare the peak memory of a history of 1,000 commits with one of 100,000."""
    peaks = []
    for count in (1_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            fast_import(Path(folder), commits(count))
            done = subprocess.run(
                [sys.executable, __file__, "peak", folder], capture_output=True, text=True, check=True
            )
        peak = int(done.stdout)
        peaks.append(peak)
        print(f"{count:>7} commits: {peak / 1024:.1f} MiB, {done.stderr.strip()}")
    print(f"ratio {peaks[1] / peaks[0]:.3f} (bound 1.2)")
    return 0 if peaks[1] <= 1.2 * peaks[0] else 1


def show_peak(repository: str) -> int:
    """Read the whole history in this process, and print its peak memory in KiB."""
    from envid.commands.inspect import history

    begin, count = time.perf_counter(), 0
    for _ in history(repo=repository).stream or ():
        count += 1
    sys.stderr.write(f"{count} lines in {time.perf_counter() - begin:.1f} s")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return 0


def compare_trees() -> int:
    """Compare the identity of a small tree with that of a large one."""
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        fast_import(Path(small), tree(100))
        fast_import(Path(large), tree(100_000))
        one, other = paired(*([INVOKE, "-r", str(ROOT), "identity", "--repo", folder] for folder in (small, large)))
    print(f"100 files {ms(one)}, 100,000 files {ms(other)}, ratio {other / one:.2f} (bound 1.2)")
    return 0 if other <= 1.2 * one else 1


def paired(*commands: Sequence[str]) -> list[float]:
    """Run the commands in turn, and return the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in commands]
    for _ in range(RUNS):
        for command, taken in zip(commands, seconds, strict=True):
            begin = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in seconds]


def fast_import(folder: Path, stream: Iterable[bytes]) -> None:
    """Make a repository in ``folder`` from a fast-import stream."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    process = subprocess.Popen(["git", "-C", str(folder), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    for part in stream:
        process.stdin.write(part)
    process.stdin.close()
    if process.wait():
        raise SystemExit("git fast-import failed")


def commits(count: int) -> Iterator[bytes]:
    """Yield commits of which every second changes package.json, and the others only the source."""
    for number in range(count):
        yield commit_head(number)
        if number == 0:
            yield file("bun.lock", b'{"lockfileVersion":1,"workspaces":{"":{"name":"a"}},"packages":{}}')
        if number % 2 == 0:
            yield file("package.json", b'{"name":"a","version":"0.0.%d"}' % number)
        yield file(f"src/{number % 50}.ts", b"export const n = %d\n" % number)


def tree(count: int) -> Iterator[bytes]:
    """Yield one commit of ``count`` files: a third at the root, a third in one folder, a third spread."""
    yield commit_head(0)
    yield file("package.json", b'{"name":"a"}')
    yield file("bun.lock", b'{"lockfileVersion":1,"workspaces":{"":{"name":"a"}},"packages":{}}')
    for number in range(count):
        name = (f"file{number}.ts", f"src/{number}.ts", f"lib/{number % 97}/{number % 89}/{number}.ts")[number % 3]
        yield file(name, b"export {}\n")


def commit_head(number: int) -> bytes:
    """Return the beginning of a commit."""
    return b"commit refs/heads/main\ncommitter a <a@example> %d +0000\ndata 1\n.\n" % (1_500_000_000 + number)


def file(path: str, content: bytes) -> bytes:
    """Return a file of a commit."""
    return b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(content), content)


def ms(seconds: float) -> str:
    """Return seconds as milliseconds."""
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())

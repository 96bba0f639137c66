"""Fuzzes every parser of foreign bytes, guided by coverage (atheris), beginning with real inputs.

    python bench/fuzz.py [--minutes 10] [--corpus FOLDER] [TARGET …]

``--minutes`` is processor time for each target. Needs atheris, which ``script/fuzz`` brings. What ends a target is an
exception that is not of `envid.errors`, an input that takes over 10 seconds, or memory over 2 GiB; its input is kept in
the printed file. Exits 1 then.
"""

# ruff: noqa: INP001, T201 - a script that prints what it measured
from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT)]
_EXECUTIONS: Final = re.compile(rb"stat::number_of_executed_units:\s+(\d+)")
_ODD: Final = (None, True, -1, 1e308, 10**400, "", "\x1b[31m", "../x", "a" * 300, "\ud800", [], {}, f"sha256:{0:064}")


def main() -> int:
    """Fuzz each target in processes of its own, until its time is used up."""
    parser = argparse.ArgumentParser(prog="python bench/fuzz.py")
    parser.add_argument("targets", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--corpus", type=Path, default=os.environ.get("ENVID_CORPUS"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--flags", nargs="*", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return one(given.one, given.flags)
    from fuzz_targets import TARGETS  # noqa: PLC0415 - its import is instrumented in the child

    failed = False
    for target in given.targets or TARGETS:
        failed |= not fuzz(target, given.minutes * 60, given.corpus)
    return int(failed)


def fuzz(target: str, seconds: float, corpus: Path | None) -> bool:
    """Fuzz one target for ``seconds`` of processor time, and print a line; tell whether nothing was found."""
    from fuzz_targets import seeds_of  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="envid-fuzz-") as name:
        inputs = Path(name)
        for number, seed in enumerate(seeds_of(target, corpus)):
            (inputs / f"seed-{number}").write_bytes(seed)
        used, executions = 0.0, 0
        while used < seconds:
            left = max(5, int(seconds - used))
            flags = [str(inputs), f"-max_total_time={left}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=20000"]
            flags += ["-print_final_stats=1", f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{target}-"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            # the flags begin with a dash, which argparse would take for its own
            argv = [sys.executable, __file__, "--one", target, "--flags", *(f"={flag}" for flag in flags)]
            done = subprocess.run(argv, capture_output=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            executions += sum(map(int, _EXECUTIONS.findall(done.stderr)))
            if done.returncode:
                # the traceback is on standard output, the file with the input on standard error
                told = (done.stdout[-3000:] + done.stderr[-600:]).decode(errors="replace")
                print(f"{target:<14} FAILED after {executions} executions\n{told}", flush=True)
                return False
        kept = len(list(inputs.iterdir()))
    figures = f"{used:6.0f} s of processor  {executions:>9} executions  {kept:>5} inputs kept"
    print(f"{target:<14} {figures}  nothing found", flush=True)
    return True


def one(target: str, flags: list[str]) -> int:
    """Be the process that fuzzes."""
    import atheris  # type: ignore[import-not-found]  # noqa: PLC0415 - brought by script/fuzz

    with atheris.instrument_imports(include=["envid", "fuzz_targets"]):
        from fuzz_targets import check  # noqa: PLC0415

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)  # noqa: S311 - a fuzzer's dice
        changed: bytes | None = mutated_json(data, rng) if rng.random() < 0.5 else None  # noqa: PLR2004
        return changed[:max_size] if changed else bytes(atheris.Mutate(data, max_size))

    argv = [sys.argv[0], *(flag.removeprefix("=") for flag in flags)]
    atheris.Setup(argv, lambda data: check(target, data), custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def mutated_json(data: bytes, rng: random.Random) -> bytes | None:
    """Change one place of a JSON document, so that it stays one; None where ``data`` is none."""
    begin = max(data.find(b"{"), 0)
    try:
        # bun.lock allows what JSON does not: a comma before a bracket
        document = json.loads(re.sub(rb",(\s*[}\]])", rb"\1", data[begin:]))
    except (ValueError, RecursionError):
        return None
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        at = waiting.pop()
        keys = at.keys() if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        places += [(at, key) for key in keys]
        waiting += [at[key] for key in keys]
    if not places:
        return None
    holder, key = rng.choice(places)
    match rng.randrange(5):
        case 0:
            del holder[key]
        case 1:
            other, other_key = rng.choice(places)
            holder[key] = other.get(other_key) if isinstance(other, dict) else rng.choice(other or [None])
        case 2 if isinstance(holder, dict):
            holder[f"{key}{rng.choice(['', 'x', '/', '@'])}"] = holder.pop(key)
        case _:
            holder[key] = rng.choice(_ODD)
    try:
        text = json.dumps(document, ensure_ascii=rng.random() < 0.5)  # noqa: PLR2004 - heads or tails
        return data[:begin] + text.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return None


if __name__ == "__main__":
    sys.exit(main())

"""Measures the project beside what people would run instead, in one go.

    python -m bench [--runs N] [--corpus BUNDLE] [--only NAME …] [--out FOLDER] [--skip-build]

Installs turbo, nx and moon (npm) and crane (Go) once into the user's cache, makes a lane on an embedded stack of its
own, and runs every pair interleaved. Prints each ratio of medians with its spread, says where the machine was too noisy
to tell, and writes ``results.json``, ``results.md`` and ``results.svg`` to FOLDER (default: docs/bench). ``--corpus``
is the tree to plan (a bundle or URL of a Bun project; default: this repository). Needs script/bootstrap, and root for
the builds.
Exits 1 when a bound is broken.
"""

# ruff: noqa: INP001, T201 - a script that prints what it measured
from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from adopt import ROOT
from chart import chart
from lanes import INVOKE, Lane, make_lane, peer_tree, scaled_tree
from measure import Command, Comparison, interleaved
from peers import CRANE_VERSION, VERSIONS, crane, npm_peers

from envid.core.values import ImageReference
from envid.local.stack import down, up

QUIET: Final = {
    "TURBO_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "NX_DAEMON": "false",
    "MOON_TELEMETRY": "false",
}
ENVID: Final = (sys.executable, "-m", "envid")
SCALES: Final = (8, 100, 1000)
TAGS: Final = 50


def main() -> int:
    """Measure what was asked for, write it down, and say whether every bound holds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios beside what people would run instead.")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--corpus", default=os.environ.get("ENVID_BENCH_CORPUS", ""))
    parser.add_argument(
        "--only", nargs="*", default=[], choices=["list", "plan", "identity", "digest", "history", "build"]
    )
    parser.add_argument("--skip-build", action="store_true", help="leave out the builds, which take minutes")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/bench")
    given = parser.parse_args()
    wanted = set(given.only) or {"list", "plan", "identity", "digest", "history", "build"}
    if given.skip_build:
        wanted.discard("build")
    # a user's installed package has its byte code
    compileall.compile_dir(str(ROOT / "envid"), quiet=2)
    found: list[Comparison] = []
    with tempfile.TemporaryDirectory(prefix="envid-bench-") as name:
        for comparison in measure(Path(name), wanted, given.corpus, given.runs):
            found.append(comparison)
            print(line_of(comparison), flush=True)
    scripts = [run_script(*argv) for argv in other_scripts(wanted, given.corpus)]
    write(given.out, found, scripts, given.corpus)
    return 0 if all(c.verdict != "broken" for c in found) and all(code == 0 for _, code, _ in scripts) else 1


def measure(folder: Path, wanted: set[str], corpus: str, runs: int) -> Iterator[Comparison]:
    """Yield one comparison after the other."""
    version = Command(argv=[INVOKE, "--version"], cwd=ROOT)
    if "list" in wanted:
        samples = interleaved(
            {"invoke --list": Command(argv=[INVOKE, "--list"], cwd=ROOT), "invoke --version": version}, runs
        )
        yield Comparison.of("9e list", samples, "invoke --list", "invoke --version", 1.15)
    if "identity" in wanted:
        yield from measure_identity(folder, npm_peers(), corpus, runs)
    if wanted & {"plan", "digest"}:
        state = folder / "state"
        state.mkdir()
        services = up(state, "bench/lane.git", progress=lambda _: None, registry_port=0)
        try:
            lane = make_lane(folder, state, services, corpus)
            if "plan" in wanted:
                yield from measure_plan(folder, lane, corpus, runs)
            if "digest" in wanted:
                yield measure_digests(lane, runs)
        finally:
            down(state)


def measure_plan(folder: Path, lane: Lane, corpus: str, runs: int) -> Iterator[Comparison]:
    """Plan a reuse, by Invoke and without it, beside Invoke's own start and turbo's dry run."""
    tree = folder / "peers"
    if not tree.exists():
        tree = peer_tree(folder, corpus, npm_peers())
    samples = interleaved(
        {
            "invoke plan": Command(argv=[INVOKE, "plan", "--json"], cwd=lane.source, environment=lane.environment),
            "envid plan": Command(argv=[*ENVID, "plan", "--json"], cwd=lane.source, environment=lane.environment),
            "invoke publish": Command(argv=[INVOKE, "publish"], cwd=lane.source, environment=lane.environment),
            "envid publish": Command(argv=[*ENVID, "publish"], cwd=lane.source, environment=lane.environment),
            "invoke --version": Command(argv=[INVOKE, "--version"], cwd=lane.source, environment=lane.environment),
            "turbo dry run": turbo(tree),
        },
        runs,
    )
    yield Comparison.of("9a plan / version", samples, "invoke plan", "invoke --version", 1.8)
    yield Comparison.of("9a plan / turbo", samples, "invoke plan", "turbo dry run", 2.0)
    yield Comparison.of("plan without Invoke / version", samples, "envid plan", "invoke --version", 1.8)
    yield Comparison.of("plan without Invoke / turbo", samples, "envid plan", "turbo dry run", 2.0)
    yield Comparison.of("reuse / version", samples, "invoke publish", "invoke --version", 2.0)
    yield Comparison.of("reuse without Invoke / version", samples, "envid publish", "invoke --version", 2.0)


def measure_identity(folder: Path, modules: Path, corpus: str, runs: int) -> Iterator[Comparison]:
    """Ask for an identity beside what turbo, nx and moon answer about the same inputs."""
    trees = {"corpus": (peer_tree(folder, corpus, modules), [])}
    trees |= {f"{n} inputs": (scaled_tree(folder, n, modules), ["--input", "patches/**"]) for n in SCALES}
    for name, (tree, more) in trees.items():
        samples = interleaved(
            {
                "envid identity": Command(argv=[*ENVID, "identity", "--json", *more], cwd=tree),
                "turbo dry run": turbo(tree),
                "nx show project": peer(tree, "nx", "show", "project", "app", "--json"),
                "moon query tasks": peer(tree, "moon", "query", "tasks"),
            },
            runs,
        )
        yield Comparison.of(f"9b identity, {name} / turbo", samples, "envid identity", "turbo dry run", 0.6)
        yield Comparison.of(f"9b identity, {name} / nx", samples, "envid identity", "nx show project", 0.1)
        yield Comparison.of(f"identity, {name} / moon", samples, "envid identity", "moon query tasks", 1.0)


def measure_digests(lane: Lane, runs: int) -> Comparison:
    """Ask for the digests of many tags in one call, and with one crane each."""
    published = json.loads(lane.invoke("publish", "--json"))["services"][0]["image"]
    name = ImageReference.parse(published).name
    tool = crane()
    for number in range(TAGS):
        subprocess.run([tool, "tag", "--insecure", published, f"t{number}"], check=True, capture_output=True)
    references = [f"{name}:t{number}" for number in range(TAGS)]
    one_by_one = "for r in " + " ".join(references) + f"; do {tool} digest --insecure $r || exit 1; done"
    samples = interleaved(
        {
            f"{TAGS} digests in one call": Command(
                argv=[INVOKE, "registry.digest", "-"],
                cwd=lane.source,
                environment=lane.environment,
                stdin="\n".join(references),
            ),
            f"{TAGS} crane runs": Command(argv=["sh", "-c", one_by_one]),
        },
        runs,
    )
    return Comparison.of("9c digests / crane", samples, f"{TAGS} digests in one call", f"{TAGS} crane runs", 0.5)


def turbo(tree: Path) -> Command:
    """Return turbo's dry run in ``tree``."""
    return peer(tree, "turbo", "run", "env", "--dry=json")


def peer(tree: Path, program: str, *arguments: str) -> Command:
    """Return a call of a peer that npm installed."""
    return Command(argv=[str(tree / "node_modules/.bin" / program), *arguments], cwd=tree, environment=QUIET)


def other_scripts(wanted: set[str], corpus: str) -> list[tuple[str, ...]]:
    """Return the neighbours to run: they say themselves what holds."""
    scripts: list[tuple[str, ...]] = []
    if "history" in wanted:
        scripts += [("history.py", "time", corpus or str(ROOT)), ("history.py", "memory"), ("history.py", "tree")]
    if "build" in wanted:
        scripts.append(("build.py", "5"))
    return scripts


def run_script(name: str, *arguments: str) -> tuple[str, int, str]:
    """Run a neighbour, and return its call, exit status and output."""
    if name == "history.py" and arguments[0] == "time" and Path(arguments[1]).is_file():
        with tempfile.TemporaryDirectory() as folder:  # a bundle is no repository yet
            subprocess.run(["git", "clone", "--quiet", "--branch=v0.1", arguments[1], f"{folder}/clone"], check=True)
            return run_script(name, "time", f"{folder}/clone")
    argv = [sys.executable, str(ROOT / "bench" / name), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    print(
        f"bench/{name} {' '.join(arguments)}\n{done.stdout}{done.stderr[-2000:] if done.returncode else ''}", flush=True
    )
    return f"bench/{name} {' '.join(arguments[:1])}", done.returncode, done.stdout


def line_of(c: Comparison) -> str:
    """Return a comparison as a line of text."""
    return (
        f"{c.name}: {c.ratio:.2f} ({c.low:.2f} to {c.high:.2f}, processor {c.cpu_ratio:.2f}, bound {c.bound:g}, "
        f"{c.runs} runs)  {c.ours} {c.ours_ms:.0f} ms, {c.theirs} {c.theirs_ms:.0f} ms  {c.verdict}"
    )


def write(folder: Path, found: list[Comparison], scripts: list[tuple[str, int, str]], corpus: str) -> None:
    """Write what was measured as JSON, as a page, and as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "tree": Path(corpus).stem or "this repository",
        "peers": {**VERSIONS, "crane": CRANE_VERSION},
    }
    data = {
        "schemaVersion": "agentrun.bench/1",
        "machine": machine,
        "comparisons": [c.as_json() for c in found],
        "scripts": [{"script": call, "holds": code == 0, "output": text.splitlines()} for call, code, text in scripts],
    }
    (folder / "results.json").write_text(json.dumps(data, indent=2) + "\n")
    (folder / "results.svg").write_text(chart(found))
    rows = [
        f"| {c.name} | {c.ours_ms:.0f} | {c.theirs_ms:.0f} | {c.ratio:.2f} | {c.low:.2f} to {c.high:.2f} "
        f"| {c.cpu_ratio:.2f} | {c.bound:g} | {c.verdict} |"
        for c in found
    ]
    page = [
        "# Measured",
        "",
        "Written by `python -m bench`; see [performance](../performance.md).",
        (
            f"{machine['processors']} processors, load {machine['load']} at the end, Python {machine['python']}, "
            f"tree: {machine['tree']}."
        ),
        "",
        "![Each ratio beside its bound](results.svg)",
        "",
        "| what | ours, ms | theirs, ms | ratio of medians | half of the pairs | processor | bound | verdict |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: | --- |",
        *rows,
        *(line for call, _, text in scripts for line in ("", f"`{call}`", "", "```", *text.splitlines(), "```")),
    ]
    (folder / "results.md").write_text("\n".join(page) + "\n")


if __name__ == "__main__":
    sys.exit(main())

"""Asks a faulty registry for a digest: this project's command line, crane, and skopeo and regctl where they are.

    python bench/faults.py [--out FILE.md] [--only WORD]

Every case of ``tests/support/fault_cases.py`` is one server with one fault, made anew for each tool. Beside the
registry another host listens: a registry's login that arrives there has leaked. A tool that has not ended after 60 s is
stopped. Writes the table (default: docs/bench/faults.md), and exits 1 where this project printed a wrong digest,
leaked a login, gave another error than the case names, or took more than 15 s (and what its start takes).

crane is built from its Go module (bench/peers.py); skopeo and regctl are used from PATH. Needs script/bootstrap.
"""

# ruff: noqa: INP001, T201 - a script that prints what it found
from __future__ import annotations

import argparse
import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import CRANE_VERSION, crane

from tests.support.fault_cases import CASES, TLS_HOST, FaultCase, FaultWorld

ROOT: Final = Path(__file__).resolve().parents[1]
CAP: Final = 60.0
DEADLINE: Final = 15.0
AT_ONCE: Final = 6
OURS: Final = "envid"
_CELL: Final = 70
"""Characters of a message in the table: its end, which names what happened."""


@dataclass(frozen=True)
class Tool:
    """One program: how it is asked for a reference's digest, and how it calls itself."""

    name: str
    version: str
    argv: Callable[[str], list[str]]


@dataclass(frozen=True)
class Outcome:
    """What one tool made of one case."""

    code: int | None
    out: str
    err: str
    seconds: float
    right: str
    leaked: bool

    @property
    def digests(self) -> list[str]:
        """What a script would take for a digest: an error may name others, to say that they differ."""
        return re.findall(r"sha256:[0-9a-f]{64}", self.out) if self.code == 0 else []

    @property
    def wrong(self) -> bool:
        """Tell whether a digest was printed that is not the image's."""
        return any(digest != self.right for digest in self.digests)

    @property
    def says(self) -> str:
        """One cell of the table."""
        if self.code is None:
            text = f"no end after {CAP:.0f} s"
        elif self.wrong:
            text = "**a wrong digest**"
        elif self.code == 0:
            text = "the right digest" if self.digests else "**nothing, and success**"
        else:
            text = _error(self)
        end = "" if self.code is None else f", exit {self.code}, {self.seconds:.1f} s"
        return f"{text}{end}{'; **the login leaked**' if self.leaked else ''}"


def _error(outcome: Outcome) -> str:
    try:
        return f"`{json.loads(outcome.out)['error']}`"
    except (ValueError, KeyError, TypeError):
        last = (outcome.err.strip().splitlines() or ["nothing"])[-1]
        plain = re.sub(r"(127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\]):\d+", "HOST", last)
        plain = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", plain).replace("|", "\\|").replace("<", "&lt;")
        return f"“…{plain[-_CELL:]}”" if len(plain) > _CELL else f"“{plain}”"


def tools() -> list[Tool]:
    """Return this project and the peers that are there."""
    invoke, crane_program = str(Path(sys.executable).with_name("invoke")), crane()
    found = [
        Tool(OURS, "this commit", lambda ref: [invoke, "registry.digest", ref, "--json"]),
        Tool("crane", CRANE_VERSION, lambda ref: [crane_program, "digest", ref]),
    ]
    if skopeo := shutil.which("skopeo"):
        found.append(Tool("skopeo", _version([skopeo, "--version"]), lambda ref: _skopeo(skopeo, ref)))
    if regctl := shutil.which("regctl"):
        version = _version([regctl, "version", "--format", "{{.VCSTag}}"])
        found.append(Tool("regctl", version, lambda ref: _regctl(regctl, ref)))
    return found


def _skopeo(program: str, ref: str) -> list[str]:
    # it has no rule for loopback; the switch would also let any certificate pass, so it stays off for TLS
    plain = [] if ref.startswith(TLS_HOST) else ["--tls-verify=false"]
    return [program, "inspect", *plain, "--no-tags", "--format", "{{.Digest}}", f"docker://{ref}"]


def _regctl(program: str, ref: str) -> list[str]:
    host = ref.partition("/")[0]
    plain = [] if ref.startswith(TLS_HOST) else [f"--host=reg={host},tls=disabled"]
    return [program, *plain, "image", "digest", ref]


def _version(argv: list[str]) -> str:
    words = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    return words[-1] if words else "?"


def ask(tool: Tool, case: FaultCase, folder: Path) -> Outcome:
    """Arrange the case anew, and let the tool ask."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("ENVID_")}
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REGCTL_CONFIG"):
        kept.pop(name, None)
    with FaultWorld(folder) as world:
        reference = world.arrange(case)
        environment = (
            kept | world.environment | {"HOME": str(folder), "REGISTRY_AUTH_FILE": f"{folder}/docker/config.json"}
        )
        begun = time.monotonic()
        process = subprocess.Popen(
            tool.argv(reference),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        code: int | None
        try:
            out, err = process.communicate(timeout=CAP)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            code = None
        return Outcome(code, out, err, time.monotonic() - begun, world.right, world.leaked)


def judge(case: FaultCase, outcome: Outcome, start: float) -> str:
    """Return what is wrong with this project's own answer, or nothing. ``start`` is what the working case takes."""
    if outcome.wrong or outcome.leaked:
        return outcome.says
    if outcome.seconds > DEADLINE + start + 1:
        return f"{outcome.seconds:.1f} s"
    if case.code:
        return "" if (outcome.code, f"`{case.code}`") == (4, _error(outcome)) else outcome.says
    return "" if outcome.code == 0 and outcome.digests else outcome.says


def write(out: Path, found: dict[str, dict[str, Outcome]], used: list[Tool]) -> None:
    """Write the table."""
    names = [tool.name for tool in used]
    versions = ", ".join(f"{tool.name} {tool.version}" for tool in used)
    lines = [
        "# Faults of a registry, and what each tool makes of them",
        "",
        f"Written by `python bench/faults.py` ({versions}).",
        "Every tool asks the same faulty server; a login is stored for that server alone. Each cell: what was printed,",
        "the exit code and the seconds. “The login leaked”: it arrived at another host, where a listener took it down.",
        "",
        f"| the registry | {' | '.join(names)} |",
        f"| --- |{' --- |' * len(names)}",
    ]
    lines += [f"| {case} | {' | '.join(row[name].says for name in names)} |" for case, row in found.items()]
    lines += ["", "| in all | " + " | ".join(names) + " |", f"| --- |{' --- |' * len(names)}"]
    counts: dict[str, Callable[[Outcome], bool]] = {
        "the right digest": lambda o: o.code == 0 and bool(o.digests) and not o.wrong,
        "a wrong digest": lambda o: o.wrong,
        "the login leaked": lambda o: o.leaked,
        f"more than {DEADLINE + 1:.0f} s": lambda o: o.seconds > DEADLINE + 1,
    }
    for text, counted in counts.items():
        numbers = " | ".join(str(sum(counted(row[name]) for row in found.values())) for name in names)
        lines.append(f"| {text} | {numbers} |")
    codes = ({str(row[name].code) for row in found.values() if row[name].code is not None} for name in names)
    lines.append(f"| exit codes | {' | '.join(', '.join(sorted(each)) for each in codes)} |")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n")


def main() -> int:
    """Ask every tool about every case, write the table, and say whether this project's answers are right."""
    parser = argparse.ArgumentParser(description="A faulty registry, and what each tool makes of it.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/bench/faults.md")
    parser.add_argument("--only", default="", help="only cases whose name has this in it")
    given = parser.parse_args()
    compileall.compile_dir(str(ROOT / "envid"), quiet=2)
    used = tools()
    cases = [case for case in CASES if given.only in case.name]
    jobs = sorted(((case, tool) for case in cases for tool in used), key=lambda job: not job[0].hangs)
    with tempfile.TemporaryDirectory(prefix="envid-faults-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        asked = pool.map(lambda job: ask(job[1][1], job[1][0], Path(name) / str(job[0])), enumerate(jobs))
        outcomes = dict(zip([(case.name, tool.name) for case, tool in jobs], asked, strict=True))
    found = {case.name: {tool.name: outcomes[case.name, tool.name] for tool in used} for case in cases}
    start = max(o[OURS].seconds for c, o in found.items() if c in {CASES[0].name, cases[0].name})
    write(given.out, found, used)
    problems = [f"{case.name}: {text}" for case in cases if (text := judge(case, found[case.name][OURS], start))]
    print(*(f"{case}: {' | '.join(o.says for o in row.values())}" for case, row in found.items()), sep="\n")
    print(*problems, f"{len(cases)} cases, {len(problems)} problems", sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

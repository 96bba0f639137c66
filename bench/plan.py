"""Measures ``plan`` on real parts: a tree of 100 files against one of 100,000, and both against ``invoke --version``.

    python bench/plan.py

Starts an embedded stack of its own, publishes a small image for each tree, changes one source file, plans the reuse.
Prints medians of paired, interleaved runs, and exits 1 when the large tree costs more than 1.2 times the small one.
"""

# ruff: noqa: INP001, T201 - a script that prints what it measured
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from history import INVOKE, file, ms, paired  # the neighbour's paired runs and generated trees

from envid.local.stack import down, up

SIZES = (100, 100_000)
BOUND = 1.2
REPOSITORY = "bench/{}.git"
CONTAINERFILE = b"FROM scratch\nCOPY package.json bun.lock tsconfig.json /env/\nCOPY deploy/runtime/boot/*.sh /boot/\n"


def main() -> int:
    """Measure, print, and compare."""
    with tempfile.TemporaryDirectory(prefix="envid-bench-") as name:
        folder = Path(name)
        commands: list[list[str]] = []
        states = [folder / f"state-{size}" for size in SIZES]
        try:
            for size, state in zip(SIZES, states, strict=True):
                commands.append(prepare(folder, state, size))
            small, large, version = paired(*commands, [INVOKE, "--version"])
        finally:
            for state in states:
                down(state)
    print(f"invoke --version {ms(version)}")
    for size, taken in zip(SIZES, (small, large), strict=True):
        print(f"plan of {size:>7,} files {ms(taken)}, {taken / version:.2f} of invoke --version")
    print(f"ratio {large / small:.3f} (bound {BOUND})")
    return 0 if large <= BOUND * small else 1


def prepare(folder: Path, state: Path, size: int) -> list[str]:
    """Make a promoted lane of ``size`` source files and a business change; return the command that plans it."""
    state.mkdir()
    source = folder / f"source-{size}"
    services = up(state, REPOSITORY.format(size), progress=lambda _: None, registry_port=0)
    run("git", "init", "-q", "-b", "v0.1", str(source))
    process = subprocess.Popen(["git", "-C", str(source), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    process.communicate(b"".join(tree(size)))
    run("git", "-C", str(source), "reset", "-q", "--hard")
    environment = {"ENVID_STATE": str(state), "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "PYTHONSAFEPATH": "1"}

    def commit(message: str) -> None:
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        run("git", "-C", str(source), *identity, "commit", "-q", "--all", "-m", message)

    def invoke(*arguments: str) -> None:
        subprocess.run([INVOKE, *arguments], cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)

    invoke("imageref.pin")
    commit("Pin")
    run("git", "-C", str(source), "push", "-q", services.origin_url, "v0.1")
    invoke("git-mirror.sync")
    for command in ("catalog.init", "publish", "promote"):
        invoke(command)
    (source / "src/0.ts").write_text("export const changed = true\n")
    commit("Change the source")
    # a shell of its own only to be in the folder: the state is found by the variable
    words = " ".join(f"{key}={value!r}" for key, value in environment.items())
    return ["sh", "-c", f"cd {str(source)!r} && exec env {words} {INVOKE!r} plan --json"]


def tree(size: int) -> Iterator[bytes]:
    """Yield one commit: the inputs, and ``size`` source files, a thousand a folder."""
    yield b"commit refs/heads/v0.1\ncommitter a <a@example> 1500000000 +0000\ndata 1\n.\n"
    service = {
        "id": "agentrun-mgr",
        "kind": "manager",
        "imageRef": {
            "kind": "env-image-dockerfile",
            "repoUrl": "git@github.com:pikasTech/agentrun.git",
            "commitId": "0" * 40,
            "dockerfilePath": "Containerfile",
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
    }
    deploy = {"schemaVersion": "agentrun.deploy/1", "services": [service]}
    yield file("deploy/deploy.json", json.dumps(deploy, indent=2).encode())
    yield file("deploy/runtime/boot/agentrun-boot.sh", b"#!/bin/sh\n")
    yield file("package.json", b'{"name":"a"}')
    yield file("bun.lock", b'{"lockfileVersion":1,"workspaces":{"":{"name":"a"}},"packages":{}}')
    yield file("tsconfig.json", b"{}")
    yield file("Containerfile", CONTAINERFILE)
    yield file("tasks.py", b"from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
    for number in range(size):
        path = f"src/{number}.ts" if number < 100 else f"src/{number // 1000}/{number}.ts"  # noqa: PLR2004
        yield file(path, b"export {}\n")


def run(*argv: str) -> None:
    """Run a command that must work."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())

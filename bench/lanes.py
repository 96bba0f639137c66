"""Source trees for the benches: a promoted lane on real parts, and the same tree as turbo, nx and moon want it."""

# ruff: noqa: INP001 - scripts, not a package
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adopt import ROOT, commit_all, git

from envid.adapters.stack_record import LocalStack

__all__ = ["INPUTS", "INVOKE", "Lane", "make_lane", "peer_tree", "scaled_tree"]

INVOKE: Final = str(Path(sys.executable).with_name("invoke"))
INPUTS: Final = ("package.json", "bun.lock", "tsconfig.json", "Containerfile", "deploy/runtime/boot/agentrun-boot.sh")
REPO_URL: Final = "git@github.com:pikasTech/agentrun.git"
CONTAINERFILE: Final = (
    "FROM scratch\nCOPY package.json bun.lock tsconfig.json /env/\nCOPY deploy/runtime/boot/*.sh /boot/\n"
)


@dataclass(frozen=True)
class Lane:
    """A lane that was promoted once and then got a business change: its plan is a reuse."""

    source: Path
    environment: dict[str, str]

    def invoke(self, *arguments: str) -> str:
        """Run a command of the project in the source repository."""
        environment = dict(os.environ) | self.environment
        done = subprocess.run(
            [INVOKE, *arguments], cwd=self.source, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"invoke {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout


def make_lane(folder: Path, state: Path, services: LocalStack, corpus: str) -> Lane:
    """Make a lane of ``corpus`` (a bundle or URL; empty: this repository) on the running stack, and promote it."""
    source = folder / "source"
    _clone(corpus, source)
    _write(source / "Containerfile", CONTAINERFILE)
    _write(source / "deploy/runtime/boot/agentrun-boot.sh", "#!/bin/sh\n")
    _write(source / "deploy/deploy.json", json.dumps(_deploy(), indent=2) + "\n")
    _write(source / "tasks.py", "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
    _write(source / "invoke.yaml", "envid:\n  project: agentrun\n  lane: v0.1\n")
    commit_all(source, "Adopt the lane")
    # the folder of the bench must not be searched for modules, and no other lane's variables may count
    lane = Lane(source, {"ENVID_STATE": str(state), "PYTHONSAFEPATH": "1"})
    lane.invoke("imageref.pin")
    commit_all(source, "Pin")
    git(source, "push", "--quiet", services.origin_url, "HEAD:refs/heads/v0.1")
    lane.invoke("git-mirror.sync")
    for command in ("catalog.init", "publish", "promote"):
        lane.invoke(command)
    _write(source / "README.md", "A business change.\n")
    commit_all(source, "Change the business source")
    return lane


def peer_tree(folder: Path, corpus: str, modules: Path) -> Path:
    """Make the same tree with the same inputs for turbo, nx and moon; ``modules`` has their programs."""
    tree = folder / "peers"
    _clone(corpus, tree)
    _write(tree / "Containerfile", CONTAINERFILE)
    _write(tree / "deploy/runtime/boot/agentrun-boot.sh", "#!/bin/sh\n")
    prepare_for_peers(tree, INPUTS, modules)
    return tree


def scaled_tree(folder: Path, count: int, modules: Path) -> Path:
    """Make a repository of ``count`` inputs: the usual ones, and patches."""
    tree = folder / f"inputs-{count}"
    tree.mkdir()
    git(tree, "init", "--quiet", "--initial-branch=v0.1")
    _write(tree / "package.json", '{"name":"a"}\n')
    _write(tree / "bun.lock", '{"lockfileVersion":1,"workspaces":{"":{"name":"a"}},"packages":{}}\n')
    _write(tree / "tsconfig.json", "{}\n")
    for number in range(count - 3):
        _write(tree / f"patches/{number}.patch", f"{number}\n")
    prepare_for_peers(tree, ("package.json", "bun.lock", "tsconfig.json", "patches/**"), modules)
    return tree


def prepare_for_peers(tree: Path, inputs: tuple[str, ...], modules: Path) -> None:
    """Write what turbo, nx and moon are configured with, commit it, and put their programs beside it."""
    manifest: dict[str, Any] = json.loads((tree / "package.json").read_text())
    manifest |= {"name": "app", "packageManager": "bun@1.3.0"}
    manifest.setdefault("scripts", {})["env"] = "true"
    _write(tree / "package.json", json.dumps(manifest, indent=2) + "\n")
    _write(tree / "turbo.json", json.dumps({"tasks": {"env": {"inputs": list(inputs)}}}))
    _write(tree / "nx.json", json.dumps({"defaultBase": "v0.1"}))
    targets = {"env": {"executor": "nx:noop", "inputs": [f"{{projectRoot}}/{name}" for name in inputs]}}
    _write(tree / "project.json", json.dumps({"name": "app", "targets": targets}))
    _write(tree / ".moon/workspace.yml", 'projects: {app: "."}\n')
    _write(tree / "moon.yml", f"tasks:\n  env:\n    command: 'true'\n    inputs: {json.dumps(list(inputs))}\n")
    _write(tree / ".gitignore", "node_modules\n.turbo\n.nx\n.moon/cache\n")
    commit_all(tree, "For the peers")
    (tree / "node_modules").symlink_to(modules)


def _clone(corpus: str, target: Path) -> None:
    git(target.parent, "clone", "--quiet", "--no-local", corpus or str(ROOT), str(target))
    own = "origin/v0.1" if git(target, "branch", "--remotes", "--list", "origin/v0.1") else "HEAD"
    git(target, "checkout", "--quiet", "-B", "v0.1", own)


def _deploy() -> dict[str, Any]:
    image_ref = {
        "kind": "env-image-dockerfile",
        "repoUrl": REPO_URL,
        "commitId": "0" * 40,
        "dockerfilePath": "Containerfile",
    }
    amounts = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
    service = {"id": "agentrun-mgr", "kind": "manager", "imageRef": image_ref, "resources": amounts}
    return {"schemaVersion": "agentrun.deploy/1", "services": [service]}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

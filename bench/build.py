"""Measures builds and reuses against the same BuildKit by hand, and says whether the bounds hold (R7).

    python bench/build.py [PAIRS]       default: 3 pairs of cold builds, and 3 times as many of reuses
    python bench/build.py PAIRS reuse   the third alone

1. A cold `invoke publish` takes at most 1.10 times the same `buildctl build` by hand.
2. A change of one dependency pushes at most the dependency layer.
3. An `invoke publish` that reuses is at least 10 times faster than a fully cached `buildctl` build and push.

Runs are paired, and their order alternates, so that a busy machine slows both sides alike; ratios are medians of the
pairs. Needs root and script/bootstrap. Exits 1 when a bound is broken.
"""

# ruff: noqa: INP001, T201 - a script that prints what it measured
from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adopt import ROOT, adopt, commit_all, environment_of, git
from measure import HIDDEN

from envid.adapters.blob_cache import default_cache_dir
from envid.adapters.stack_record import LocalStack
from envid.core.identity import SOURCE_DATE_EPOCH
from envid.local.stack import down, up
from envid.local.tools import bootstrapped
from envid.usecases.base_image import build_base

COLD_BOUND: Final = 1.10
REUSE_BOUND: Final = 10.0
CA: Final = os.environ.get("ENVID_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE", "")


@dataclass(frozen=True)
class Lane:
    """A lane on the running stack, and its build by hand in ``folder``."""

    services: LocalStack
    source: Path
    state: Path
    folder: Path

    def invoke(self, *arguments: str) -> Any:
        """Run a command of the project in the source repository."""
        foreign = ("ENVID_", "GIT_", "BUILDKIT", *HIDDEN)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        environment |= {
            "ENVID_STATE": str(self.state),
            "ENVID_REGISTRY": self.services.registry,
            "BUILDKIT_HOST": self.services.buildkit_host,
            "ENVID_MIRROR_READ_URL": self.services.mirror_read_url,
            "ENVID_MIRROR_WRITE_URL": self.services.mirror_write_url,
            "ENVID_ORIGIN_URL": self.services.origin_url,
            "ENVID_CA_BUNDLE": CA,
        }
        argv = [sys.executable, "-m", "invoke", *arguments]
        done = subprocess.run(argv, cwd=self.source, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"invoke {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def publish_source(self) -> None:
        """Bring the source branch to the mirror."""
        git(self.source, "push", "--quiet", self.services.origin_url, "HEAD:refs/heads/v0.1")
        self.invoke("git-mirror.sync")

    def lay_out(self) -> None:
        """Write the build's context for the build by hand: the same files with the same modes as publish gives."""
        with environment_of(self.source) as (reader, _, environment):
            assert environment.containerfile is not None  # noqa: S101
            for side, files in (("dockerfile", [environment.containerfile]), ("context", environment.files)):
                for file in files:
                    target = self.folder / side / file.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(reader.content(file))
                    target.chmod(0o755 if file.mode == "100755" else 0o644)

    def by_hand(self) -> None:
        """Build and push with buildctl, as publish does."""
        output = f"type=image,name={self.services.registry}/bench/by-hand:1,push=true,oci-mediatypes=false"
        argv = [
            bootstrapped("buildctl"),
            f"--addr={self.services.buildkit_host}",
            "build",
            "--progress=rawjson",
            "--frontend=dockerfile.v0",
            f"--local=context={self.folder / 'context'}",
            f"--local=dockerfile={self.folder / 'dockerfile'}",
            "--opt=filename=Containerfile",
            "--opt=platform=linux/amd64",
            f"--opt=build-arg:SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}",
            *([f"--secret=id=ca,src={CA}"] if CA else []),
            f"--output={output},rewrite-timestamp=true,registry.insecure=true",
        ]
        subprocess.run(argv, check=True, capture_output=True)

    def prune(self) -> None:
        """Make BuildKit forget all that it has cached."""
        argv = [bootstrapped("buildctl"), f"--addr={self.services.buildkit_host}", "prune", "--all"]
        subprocess.run(argv, check=True, capture_output=True)

    def layers(self) -> dict[str, int]:
        """Return the layers of the promoted image: digest to size."""
        git(self.source, "fetch", "--quiet", self.services.mirror_read_url, "v0.1-gitops")
        catalog = json.loads(git(self.source, "show", "FETCH_HEAD:deploy/artifact-catalog.v01.json"))
        host, _, name = catalog["services"][0]["repositoryDigest"].partition("/")
        name, _, digest = name.partition("@")
        accept = "Accept: application/vnd.docker.distribution.manifest.v2+json"
        argv = ["curl", "-sf", "--noproxy", "*", "-H", accept, f"http://{host}/v2/{name}/manifests/{digest}"]
        manifest = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
        return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def main() -> int:
    """Prepare a lane, measure, compare with the bounds."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory(prefix="envid-bench-") as name:
        folder = Path(name)
        state = folder / "stack"
        state.mkdir()
        services = up(state, "bench/lane.git", progress=lambda _: None, registry_port=0)
        try:
            return measure(make_lane(folder, services), pairs)
        finally:
            down(state)


def make_lane(folder: Path, services: LocalStack) -> Lane:
    """Adopt this project's environment on the running stack."""
    base = build_base(
        repo=ROOT,
        registry=services.registry,
        buildkit_host=services.buildkit_host,
        buildctl=bootstrapped("buildctl"),
        cache_dir=default_cache_dir(),
        progress=lambda _: None,
    )
    source = adopt(folder / "source", base)
    (source / "invoke.yaml").write_text("envid:\n  project: agentrun\n  lane: v0.1\n")
    (source / "tasks.py").write_text("from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
    commit_all(source, "Use envid")
    lane = Lane(services, source, folder / "state", folder / "by-hand")
    lane.publish_source()
    lane.invoke("catalog.init")
    lane.lay_out()
    lane.invoke("publish")
    lane.invoke("promote")
    return lane


def measure(lane: Lane, pairs: int) -> int:
    """Measure all three, or reuses alone, and return the exit status."""
    if sys.argv[2:] == ["reuse"]:
        return 0 if holds_for_reuses(lane, pairs) else 1
    cold = paired(
        "cold build",
        pairs,
        ours=lambda: lane.invoke("publish", "--rebuild", "agentrun-mgr"),
        theirs=lane.by_hand,
        before=lane.prune,
    )
    holds = [
        tell("cold publish / buildctl by hand", cold, f"at most {COLD_BOUND}", statistics.median(cold) <= COLD_BOUND),
        holds_for_reuses(lane, pairs * 3),
        pushed_by_a_bump(lane),
    ]
    return 0 if all(holds) else 1


def holds_for_reuses(lane: Lane, pairs: int) -> bool:
    """Tell whether a publish that reuses is as much faster than a fully cached build and push as it must be."""
    lane.by_hand()
    reuse = paired("reuse", pairs, ours=lambda: lane.invoke("publish"), theirs=lane.by_hand)
    return tell(
        "cached buildctl / reusing publish",
        [1 / ratio for ratio in reuse],
        f"at least {REUSE_BOUND:g}",
        1 / statistics.median(reuse) >= REUSE_BOUND,
    )


def paired(
    name: str,
    pairs: int,
    *,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> list[float]:
    """Return ours / theirs for each pair; the side that begins alternates."""
    ratios = []
    for number in range(pairs):
        seconds: dict[str, float] = {}
        sides = {"ours": ours, "theirs": theirs}
        for side in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            before()
            begun = time.perf_counter()
            sides[side]()
            seconds[side] = time.perf_counter() - begun
        ratios.append(seconds["ours"] / seconds["theirs"])
        print(f"{name} {number + 1}: ours {seconds['ours']:.2f} s, by hand {seconds['theirs']:.2f} s", flush=True)
    return ratios


def pushed_by_a_bump(lane: Lane) -> bool:
    """Change one dependency, and count the layers that the registry did not have."""
    before = lane.layers()
    manifest = json.loads((lane.source / "package.json").read_text())
    manifest["dependencies"]["zod"] = "4.1.5"
    (lane.source / "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    environment = dict(os.environ) | ({"NODE_EXTRA_CA_CERTS": CA} if CA else {})
    command = [bootstrapped("bun"), "install", "--lockfile-only"]
    subprocess.run(command, cwd=lane.source, env=environment, check=True, capture_output=True)
    commit_all(lane.source, "Bump zod")
    lane.publish_source()
    lane.invoke("publish")
    lane.invoke("promote")
    after = lane.layers()
    new = {digest: size for digest, size in after.items() if digest not in before}
    holds = list(new) == [list(after)[-1]]
    print(
        f"one dependency bumped: {len(new)} of {len(after)} layers pushed, {sum(new.values()):,} of "
        f"{sum(after.values()):,} bytes (bound: the dependency layer) {'ok' if holds else 'BROKEN'}"
    )
    return holds


def tell(name: str, ratios: list[float], bound: str, holds: bool) -> bool:  # noqa: FBT001
    """Print the median with its spread, and return whether the bound holds."""
    print(
        f"{name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} pairs; "
        f"bound: {bound}) {'ok' if holds else 'BROKEN'}"
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())

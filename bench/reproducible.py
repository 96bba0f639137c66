"""Builds three identities on two machines that differ in all that must not count, and compares the digests (R7).

    python bench/reproducible.py [FOLDER WITH *.bundle OF BUN PROJECTS]        (default: ENVID_CORPUS)

Each machine is a buildkitd with an empty state of its own, in its own host name, time zone and umask; the second builds
more than a minute after the first. Needs root (BuildKit, host names) and script/bootstrap. Exits 1 unless all agree.
"""

# ruff: noqa: INP001, T201 - a script that prints what it measured
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from adopt import ROOT, adopt, request_of

from envid.adapters.blob_cache import default_cache_dir
from envid.adapters.buildkit import BuildKit
from envid.core.values import ImageReference
from envid.local.stack import down, up
from envid.local.tools import bootstrapped, tool_folders
from envid.usecases.base_image import build_base
from envid.usecases.publish import BuildOptions

APART: Final = 61.0
MACHINES: Final = (("builder-one", "UTC", "022"), ("another-host", "Pacific/Kiritimati", "077"))


def main() -> int:
    """Prepare, run both machines, compare."""
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ENVID_CORPUS", "."))
    bundles = sorted(corpus.glob("*.bundle"))
    with tempfile.TemporaryDirectory(prefix="envid-bench-") as name:
        folder = Path(name)
        state = folder / "registry"
        state.mkdir()
        services = up(state, "bench/x.git", progress=lambda _: None, registry_port=0)
        try:
            base = build_base(
                repo=ROOT,
                registry=services.registry,
                buildkit_host=services.buildkit_host,
                buildctl=bootstrapped("buildctl"),
                cache_dir=default_cache_dir(),
                progress=lambda _: None,
            )
            projects = [adopt(folder / "own", base)]
            projects += [adopt(folder / bundle.stem, base, bundle=bundle) for bundle in bundles]
            ended: dict[str, float] = {}
            results = [run_machine(folder, services.registry, machine, projects, ended) for machine in MACHINES]
        finally:
            down(state)
    return compare(results)


def run_machine(
    folder: Path, registry: str, machine: tuple[str, str, str], projects: list[Path], ended: dict[str, float]
) -> dict[str, Any]:
    """Build every project in a process of its own host name, time zone and umask; wait until it is late enough."""
    host, zone, umask = machine
    state = folder / host
    state.mkdir()
    wait = max([ended[p.name] + APART - time.time() for p in projects if p.name in ended], default=0.0)
    if wait > 0:
        print(f"waiting {wait:.0f} s, so that more than a minute lies between the builds", flush=True)
        time.sleep(wait)
    script = f'hostname {host} && umask {umask} && exec "$@"'
    argv = ["unshare", "--uts", "sh", "-c", script, "sh", sys.executable, __file__]
    argv += ["--machine", str(state), *map(str, projects)]
    environment = dict(os.environ) | {"TZ": zone, "ENVID_REGISTRY": registry, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("BUILDKIT_HOST", None)
    done = subprocess.run(argv, env=environment, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout)
    ended |= {name: found["ended"] for name, found in result.items()}
    for name, found in result.items():
        print(f"{host:<13} {zone:<18} {umask}  {name:<9} {found['seconds']:6.1f} s  {found['digest']}", flush=True)
    return result


def build_all(state: Path, projects: list[Path]) -> dict[str, Any]:
    """Build every project on a new buildkitd, and return identity, digest and times by project."""
    services = up(state, "bench/x.git", progress=lambda _: None)
    ca = os.environ.get("ENVID_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    options = BuildOptions(secrets={"ca": Path(ca)} if ca else {})
    builder = BuildKit(services.buildkit_host, tools=tool_folders())
    found: dict[str, Any] = {}
    try:
        for project in projects:
            image = ImageReference.parse(f"{services.registry}/bench/{project.name.lower()}:{state.name}")
            begun = time.time()
            identity, request = request_of(project, image, options)
            built = builder.build(request, lambda _: None)
            ended = time.time()
            found[project.name] = {
                "identity": identity,
                "digest": built.digest,
                "ended": ended,
                "seconds": ended - begun,
            }
    finally:
        down(state)
    return found


def compare(results: list[dict[str, Any]]) -> int:
    """Say how many identities gave one digest."""
    one, other = results
    same = [name for name in one if one[name]["digest"] == other[name]["digest"]]
    assert all(one[name]["identity"] == other[name]["identity"] for name in one)  # noqa: S101
    print(f"{len(same)} of {len(one)} identities gave the same digest on both machines")
    return 0 if len(same) == len(one) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--machine"]:
        print(json.dumps(build_all(Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])))
        sys.exit(0)
    sys.exit(main())

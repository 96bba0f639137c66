"""Many writers promote onto one GitOps branch at once, over HTTP: every acknowledged promotion must be in the branch.

    python bench/promotions.py [--writers 8] [--each 50]

Each writer is a process with a state folder of its own. It takes the next source commit, promotes it, and where a newer
one was promoted first (which it must then not overwrite) takes another, until it has its number of acknowledged
promotions. Prints pushes for each, and checks the branch: all of them are in it, in one line, none older over newer,
and catalog and manifests agree in every commit. Exits 1 otherwise, or above 2 pushes each.
"""

# ruff: noqa: INP001, T201, E402 - a script that prints what it measured, and whose imports need the checkout on the path
from __future__ import annotations

import argparse
import fcntl
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from envid.adapters.gitops import GitOpsBranch
from envid.adapters.remote_cache import PushResult
from envid.core.catalog import parse_catalog
from envid.core.deploy import parse_deploy
from envid.core.publication import Publication
from envid.core.render import render_runtime
from envid.core.strictjson import canonical_json
from envid.core.values import CommitId
from envid.errors import Blocked
from envid.usecases.promote import PromotionTools, init_catalog, promote
from tests.support.builders import LANE, attestations_of, deploy_json, digest, entry_of, git, wanted_of
from tests.support.doors import serving_git
from tests.support.simulators import MemoryRegistry

MIRROR: Final = "http://mirror.example/x.git"
MOST_PUSHES: Final = 2.0


class Counting(GitOpsBranch):
    """The real branch, which counts what is pushed."""

    pushes = 0

    def push(self, commit: CommitId) -> PushResult:
        """Push, and count it."""
        self.pushes += 1
        return super().push(commit)


@dataclass(frozen=True)
class Job:
    """What a writer needs to know."""

    url: str
    folder: Path
    commits: list[CommitId]
    each: int


def main() -> int:
    """Let the writers write, and look at what the branch became."""
    parser = argparse.ArgumentParser(prog="python bench/promotions.py")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--each", type=int, default=50)
    given = parser.parse_args()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it tells of every request that waits
    with tempfile.TemporaryDirectory(prefix="envid-bench-") as name:
        folder = Path(name)
        bare = folder / "served/x.git"
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare")
        for key in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowReachableSHA1InWant"):
            git(bare, "config", key, "true")
        commits = source_line(bare, given.writers * given.each * 10)
        # the doors must outlive the writers, and their threads must not be forked
        with serving_git(folder / "served") as door:
            job = Job(f"{door}/x.git", folder, commits, given.each)
            init_catalog(tools_of(branch_of(job, "begin")))
            begun = time.monotonic()
            with multiprocessing.get_context("spawn").Pool(given.writers) as pool:
                told = pool.starmap(write, [(job, str(number)) for number in range(given.writers)])
            seconds = time.monotonic() - begun
        return judge(bare, commits, told, seconds)


def source_line(bare: Path, count: int) -> list[CommitId]:
    """Make the source branch: a line of ``count`` commits."""
    stream = ["blob", "mark :1", "data 0", ""]
    for number in range(count):
        stream += [f"commit refs/heads/{LANE.source_branch}", f"mark :{number + 2}"]
        stream += [f"committer a <a@example.org> {1_770_000_000 + number} +0000", "data 1", "x"]
        stream += ["M 100644 :1 a"] if number == 0 else []
    subprocess.run(["git", "fast-import", "--quiet"], cwd=bare, input="\n".join([*stream, ""]).encode(), check=True)
    return [CommitId(line) for line in git(bare, "rev-list", "--reverse", LANE.source_branch).split()]


def branch_of(job: Job, name: str) -> Counting:
    """Return the GitOps branch as one writer sees it."""
    return Counting(job.folder / name, branch=LANE.gitops_branch, read_url=job.url, write_url=job.url)


def tools_of(gitops: GitOpsBranch) -> PromotionTools:
    """Return what a promotion works with, with real waits."""
    return PromotionTools(lane=LANE, gitops=gitops, clock=time.time, sleep=time.sleep)


def next_number(folder: Path) -> int:
    """Take the next source commit's number; no two writers get the same."""
    with (folder / "next").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0)
        file.seek(0)
        file.truncate()
        file.write(str(number + 1))
        return number


def write(job: Job, name: str) -> dict[str, Any]:
    """Be one writer, and return what was acknowledged to it."""
    gitops, registry = branch_of(job, name), MemoryRegistry()
    deploy = parse_deploy(canonical_json(deploy_json()))
    wanted = wanted_of()
    registry.push(wanted.image, digest(1))
    acknowledged: list[tuple[str, str]] = []
    refused = 0
    while len(acknowledged) < job.each:
        commit = job.commits[next_number(job.folder)]
        entry = entry_of(wanted, image=digest(1), commit=commit)
        tip = gitops.tip()
        assert tip is not None  # noqa: S101
        publication = Publication(
            schema_version="agentrun.publication/1",
            commit=commit,
            mirror_revision=tip,
            entries=(entry,),
            attestations=attestations_of(entry),
        )
        try:
            done = promote(tools_of(gitops), publication, deploy, registry=registry, runtime_mirror_url=MIRROR)
        except Blocked as error:
            if error.code != "older-than-promoted":
                raise
            refused += 1
            continue
        acknowledged.append((done.commit, commit))
    return {"pid": os.getpid(), "acknowledged": acknowledged, "pushes": gitops.pushes, "refused": refused}


def judge(bare: Path, commits: list[CommitId], told: list[dict[str, Any]], seconds: float) -> int:
    """Print the figures, and say whether all of it holds."""
    acknowledged = dict(pair for writer in told for pair in writer["acknowledged"])
    line = git(bare, "rev-list", "--reverse", LANE.gitops_branch).split()
    merges = git(bare, "rev-list", "--min-parents=2", LANE.gitops_branch).split()
    place = {commit: number for number, commit in enumerate(commits)}
    deploy = parse_deploy(canonical_json(deploy_json()))
    order: list[int] = []
    agree = True
    for commit in line[1:]:
        names = git(bare, "ls-tree", "-r", "--name-only", commit).split()
        files = {name: git_blob(bare, commit, name) for name in names}
        catalog = parse_catalog(files[LANE.catalog_path], where=commit)
        rendered = render_runtime(deploy, catalog, LANE, mirror_read_url=MIRROR)
        agree &= all(files.get(path) == content for path, content in rendered.items())
        agree &= catalog.services[0].source_commit == acknowledged.get(commit)
        order.append(place[catalog.services[0].source_commit])
    count, pushes = len(acknowledged), sum(writer["pushes"] for writer in told)
    holds = {
        f"{count} acknowledged, {len(line) - 1} in the branch": set(acknowledged) == set(line[1:]),
        "one line, no merge": not merges,
        "none older over newer": order == sorted(order),
        "catalog and manifests agree in every commit": agree,
        f"{pushes / count:.2f} pushes each (at most {MOST_PUSHES})": pushes <= MOST_PUSHES * count,
    }
    for what, held in holds.items():
        print(f"{'holds ' if held else 'BROKEN'}  {what}")
    refused = sum(writer["refused"] for writer in told)
    print(f"{len(told)} writers, {seconds:.0f} s; {refused} refused as older than what was promoted meanwhile")
    return 0 if all(holds.values()) else 1


def git_blob(bare: Path, commit: str, name: str) -> bytes:
    """Return a file's bytes."""
    argv = ["git", "-C", str(bare), "cat-file", "blob", f"{commit}:{name}"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


if __name__ == "__main__":
    sys.exit(main())

"""Kills commands at random instants on a real registry, BuildKit and git mirror, and runs each again.

    python bench/kills.py [--kills 1000] [--workers 1] [--seed N] [--state FOLDER] [--out FILE.json]

A lap makes one commit and takes it the whole way: git-mirror.sync, plan, publish, promote, git-mirror.flush. Each is
begun, killed by SIGKILL at a random instant (every second time the parent alone, so that its git or buildctl lives on),
looked at, and then run to its end. Every second commit changes a dependency, so that publish really builds.

Looked at after every kill and every normal run: each branch is where it was or where it should go, never elsewhere;
the tip's catalog and manifests are those that belong together; every file a command wrote is whole. The normal run must
end well, and in time: what it can't get past would be a lock. At the end each source commit was promoted exactly once,
the branch is linear, and git finds nothing wrong in the mirror and the origin.

Prints what it found; exits 1 over any finding. SIGTERM ends it early, with all that is checked at the end. ``--state``
uses a stack that is up. Needs script/bootstrap, and root.
"""

# ruff: noqa: INP001, T201 - a script that prints what it found
from __future__ import annotations

import argparse
import collections
import compileall
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adopt import ROOT, commit_all, git
from lanes import CONTAINERFILE, INVOKE, REPO_URL

from envid.adapters.git import GitObjects
from envid.adapters.stack_record import LocalStack, load_stack
from envid.core.catalog import Catalog, parse_catalog
from envid.core.deploy import parse_deploy
from envid.core.jsontext import parse_json
from envid.core.lane import parse_lane
from envid.core.manifest import digest_of
from envid.core.publication import parse_publication
from envid.core.render import render_runtime
from envid.core.values import CommitId
from envid.local.stack import down, up

LANE: Final = parse_lane(project="agentrun", version="v0.1", site="g14", repository="pikasTech/agentrun.git")
COMMANDS: Final = {
    "git-mirror.sync": ("git-mirror.sync",),
    "plan": ("plan", "--out"),
    "publish": ("publish",),
    "promote": ("promote",),
    "git-mirror.flush": ("git-mirror.flush", "--confirm"),
}
SOURCE: Final = "refs/heads/v0.1"
GITOPS: Final = "refs/heads/v0.1-gitops"
NORMAL_RUN_LIMIT: Final = 300.0
"""Seconds. Far above what a run takes on a busy machine, and so a lock that blocks."""


@dataclass
class Tally:
    """What all workers found, and how many kills are still to be made."""

    wanted: int
    seed: int
    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    alone: int = 0
    missed: int = 0
    runs: int = 0
    effects: collections.Counter[str] = field(default_factory=collections.Counter)
    findings: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def made(self) -> int:
        """How many kills were made."""
        return sum(self.kills.values())

    def find(self, text: str) -> None:
        """Record that something does not hold."""
        with self.lock:
            self.findings.append(text)
            print(f"FINDING {text}", flush=True)


@dataclass
class KilledLane:
    """A lane of one worker: its source repository, its state folder, and the bare mirror and origin on disk."""

    folder: Path
    mirror: Path
    origin: Path
    environment: dict[str, str]
    tally: Tally
    chance: random.Random
    usual: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    proven: dict[CommitId, str | None] = field(default_factory=dict)
    laps: int = 0

    @property
    def source(self) -> Path:
        """The source repository."""
        return self.folder / "source"

    def argv(self, name: str) -> list[str]:
        """Return the command line of one command."""
        written = [str(self.folder / "plan.json")] if name == "plan" else []
        return [INVOKE, *COMMANDS[name], *written]

    def run(self, *arguments: str) -> None:
        """Run a command of the project to its end; anything but 0 ends the bench."""
        done = self._complete([INVOKE, *arguments])
        if done.returncode:
            raise SystemExit(f"{arguments}: {done.stdout}{done.stderr}")

    def _complete(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nice", "-n", "10", *argv],
            cwd=self.source,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=NORMAL_RUN_LIMIT,
        )

    # ---- one lap

    def lap(self) -> None:
        """Take one commit the whole way; each command is killed once and then run."""
        self.laps += 1
        if self.laps % 2:
            (self.source / "main.ts").write_text(f"export const lap = {self.laps};\n")
        else:
            manifest = {"name": "x", "version": f"1.0.{self.laps}", "dependencies": {}}
            (self.source / "package.json").write_text(json.dumps(manifest) + "\n")
        commit_all(self.source, f"Lap {self.laps}")
        git(self.source, "push", "--quiet", str(self.origin), f"HEAD:{SOURCE}")
        commit = self.tip(self.source, "HEAD")
        assert commit is not None  # noqa: S101 - it was just made
        for name in COMMANDS:
            self.step(name, commit)

    def step(self, name: str, commit: CommitId) -> None:
        """Kill one command at a random instant, look, run it to its end, and look again."""
        before = self.moving(name)
        where = f"{self.folder.name} lap {self.laps} {name}"
        killed = self.kill(name)
        after = self.moving(name)
        self.look(name, before, after, commit, f"{where}, killed")
        with self.tally.lock:
            self.tally.effects[f"{name} {'moved' if after != before else 'had not moved'}"] += killed
        begun = time.monotonic()
        try:
            done = self._complete(self.argv(name))
        except subprocess.TimeoutExpired:
            self.tally.find(f"{where}: the normal run did not end within {NORMAL_RUN_LIMIT:.0f} s")
            raise
        self.usual[name].append(time.monotonic() - begun)
        self.tally.runs += 1
        if done.returncode:
            self.tally.find(f"{where}: the normal run ended with {done.returncode}: {done.stdout}{done.stderr}")
            return
        self.look(name, before, self.moving(name), commit, f"{where}, run again", done=True)

    def kill(self, name: str) -> bool:
        """Begin a command and kill it; tell whether it was still running."""
        usual = self.usual[name][-9:]
        instant = self.chance.uniform(0, 1.05 * statistics.median(usual) if usual else 0.2)
        alone = self.chance.random() < 0.5  # noqa: PLR2004 - every second time
        # nicer than its killer, who would otherwise come late on a busy machine
        process = subprocess.Popen(
            ["nice", "-n", "10", *self.argv(name)],
            cwd=self.source,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(instant)
        if process.poll() is not None:
            self.tally.missed += 1
            return False
        if alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
        with self.tally.lock:
            self.tally.kills[name] += killed
            self.tally.alone += alone and killed
            self.tally.missed += not killed
            made = self.tally.made
        if killed and made % 25 == 0:
            print(f"{made} kills, {len(self.tally.findings)} findings", flush=True)
        return killed

    # ---- what must hold

    def moving(self, name: str) -> CommitId | None:
        """Return the tip of what ``name`` moves."""
        match name:
            case "git-mirror.sync":
                return self.tip(self.mirror, SOURCE)
            case "git-mirror.flush":
                return self.tip(self.origin, GITOPS)
            case _:
                return self.tip(self.mirror, GITOPS)

    def look(
        self,
        name: str,
        before: CommitId | None,
        after: CommitId | None,
        commit: CommitId,
        where: str,
        *,
        done: bool = False,
    ) -> None:
        """Compare what is there with the old state and the new one; with ``done`` only the new one is right."""
        find = self.tally.find
        if name == "git-mirror.sync":
            if after != commit and (done or after != before):
                find(f"{where}: the mirror's source branch is at {after}, not at {commit}")
        elif name == "git-mirror.flush":
            wanted = self.tip(self.mirror, GITOPS)
            if after != wanted and (done or after != before):
                find(f"{where}: the origin's GitOps branch is at {after}, the mirror's at {wanted}")
        elif name == "promote":
            if after == before and done:
                find(f"{where}: the branch did not move")
            elif after != before and self.parents(after) != [before]:
                find(f"{where}: {after} does not stand on {before} alone")
        elif after != before:
            find(f"{where}: the GitOps branch moved to {after}")
        for bare in (self.mirror, self.origin):
            tip = self.tip(bare, GITOPS)
            if tip is not None:
                boot = self.agree(tip, where)
                if name == "promote" and bare == self.mirror and after != before and boot != commit:
                    find(f"{where}: it boots {boot}, not {commit}")
        self.whole_files(where, commit, done=done and name == "publish", plan=done and name == "plan")

    def agree(self, tip: CommitId, where: str) -> str | None:
        """Return what the promotion ``tip`` boots, after comparing its catalog with its manifests and attestations."""
        if tip in self.proven:
            return self.proven[tip]
        try:
            self.proven[tip] = self._agree(tip)
        except Exception as error:  # noqa: BLE001 - whatever can't be read is a finding
            self.tally.find(f"{where}: catalog and manifests of {tip} do not agree: {error!r}")
            self.proven[tip] = None
        return self.proven[tip]

    def _agree(self, tip: CommitId) -> str | None:
        with GitObjects(self.mirror) as objects:
            files = dict(_files(objects, objects.commit(tip).tree, ""))
        catalog: Catalog = parse_catalog(files.pop(LANE.catalog_path), where=str(tip))
        if not catalog.services:
            if files:
                raise ValueError(f"an empty catalog beside {sorted(files)}")
            return None
        for entry in catalog.services:
            for file in entry.attestations.files:
                if digest_of(files.pop(file.path)) != file.digest:
                    raise ValueError(f"{file.path} is another")
        deploy = parse_deploy((self.source / "deploy/deploy.json").read_bytes())
        if files != render_runtime(deploy, catalog, LANE, mirror_read_url=LANE.mirror_read_url):
            raise ValueError("other manifests than the catalog renders to")
        return catalog.services[0].boot_commit

    def whole_files(self, where: str, commit: CommitId, *, done: bool, plan: bool) -> None:
        """Parse whatever a command has written by now."""
        written = [*self.folder.glob("plan.json"), *self.folder.glob("state/git/*.json")]
        publication = self.folder / "state/publications" / LANE.name / f"{commit}.json"
        try:
            documents = {path: parse_json(path.read_bytes(), where=str(path)) for path in written}
            if publication.exists():
                parse_publication(publication.read_bytes(), where=str(publication))
            elif done:
                self.tally.find(f"{where}: no publication was written")
            if plan and documents[self.folder / "plan.json"]["commit"] != commit:
                self.tally.find(f"{where}: the plan is another commit's")
        except Exception as error:  # noqa: BLE001 - whatever can't be read is a finding
            self.tally.find(f"{where}: a torn file: {error!r}")

    def close(self) -> None:
        """Look at the whole branch: each lap promoted once, in one line, and both repositories in order."""
        log = git(
            self.mirror, "log", "--format=%H%x09%P%x09%(trailers:key=Source-Commit,valueonly,separator=%x2C)", GITOPS
        )
        rows = [line.split("\t") for line in log.splitlines()]
        if any(" " in parents for _, parents, _ in rows):
            self.tally.find(f"{self.folder.name}: the GitOps branch is not linear")
        promoted = collections.Counter(trailer for _, _, trailer in rows if trailer)
        if twice := [commit for commit, count in promoted.items() if count > 1]:
            self.tally.find(f"{self.folder.name}: promoted more than once: {twice}")
        if len(promoted) != self.laps + 1:
            self.tally.find(f"{self.folder.name}: {len(promoted)} promotions of {self.laps + 1} commits")
        for bare in (self.mirror, self.origin):
            try:
                git(bare, "fsck", "--strict", "--no-dangling")
            except subprocess.CalledProcessError as error:
                self.tally.find(f"{bare}: {error.stderr}")

    def left(self) -> dict[str, int]:
        """Count what lies about in the end: temporary files and folders, locks that git would trip over, bytes."""
        state, temporary = self.folder / "state", self.folder / "tmp"
        hidden = [path for path in state.rglob(".*") if path.is_file()] + list(self.folder.glob(".plan.json.*"))
        locks = [p for p in state.rglob("*.lock") if p.is_file() and not p.with_suffix(".git").is_dir()]
        folders = list(temporary.iterdir())
        every = [
            *hidden,
            *(path for folder in folders for path in (folder.rglob("*") if folder.is_dir() else [folder])),
        ]
        return {
            "temporary files beside results": len(hidden),
            "entries of the temporary folder": len(folders),
            "git lock files": len(locks),
            "bytes": sum(path.lstat().st_size for path in every if path.is_file()),
        }

    @staticmethod
    def tip(bare: Path, ref: str) -> CommitId | None:
        """Return where a ref of a repository on disk is."""
        done = subprocess.run(
            ["git", "-C", str(bare), "rev-parse", "--verify", "--quiet", ref],
            capture_output=True,
            text=True,
            check=False,
        )
        return CommitId(done.stdout.strip()) if done.returncode == 0 else None

    def parents(self, commit: CommitId | None) -> list[str]:
        """Return a commit's parents."""
        return git(self.mirror, "rev-list", "--parents", "-1", str(commit)).split()[1:]


def _files(objects: GitObjects, tree: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in objects.tree(tree):
        if entry.is_folder:
            yield from _files(objects, entry.oid, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", objects.blob(entry.oid, limit=1 << 25)[1]


def make(folder: Path, stack_state: Path, services: LocalStack, tally: Tally) -> KilledLane:
    """Make a lane of a few files on the running stack, and promote it once."""
    number = folder.name
    sides = {side: stack_state / "local/git" / side / "kills" / f"{number}.git" for side in ("mirror", "origin")}
    for bare in sides.values():
        bare.parent.mkdir(parents=True, exist_ok=True)
        template = next(bare.parents[1].glob("*/*.git"))
        subprocess.run(["cp", "-r", str(template), str(bare)], check=True)
        for ref in git(bare, "for-each-ref", "--format=%(refname)").split():
            git(bare, "update-ref", "-d", ref)
    source = folder / "source"
    deploy = {
        "schemaVersion": "agentrun.deploy/1",
        "services": [
            {
                "id": "agentrun-mgr",
                "kind": "manager",
                "imageRef": {
                    "kind": "env-image-dockerfile",
                    "repoUrl": REPO_URL,
                    "commitId": "0" * 40,
                    "dockerfilePath": "Containerfile",
                },
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"cpu": "1", "memory": "256Mi"},
                },
            }
        ],
    }
    for name, text in {
        "Containerfile": CONTAINERFILE,
        "package.json": '{"name": "x", "dependencies": {}}\n',
        "bun.lock": '{"lockfileVersion": 1}\n',
        "tsconfig.json": "{}\n",
        "main.ts": "export {};\n",
        "deploy/runtime/boot/agentrun-boot.sh": "#!/bin/sh\n",
        "deploy/deploy.json": json.dumps(deploy, indent=2) + "\n",
        "tasks.py": "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n",
        "invoke.yaml": "envid:\n  project: agentrun\n  lane: v0.1\n",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    git(source, "init", "--quiet", "--initial-branch=v0.1")
    commit_all(source, "Adopt the lane")
    (folder / "tmp").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT_", "INVOKE_"))}

    def url(text: str) -> str:
        return text.rsplit("/", 2)[0] + f"/kills/{number}.git"

    environment = kept | {
        "ENVID_STATE": str(folder / "state"),
        "ENVID_REGISTRY": services.registry,
        "ENVID_MIRROR_READ_URL": url(services.mirror_read_url),
        "ENVID_MIRROR_WRITE_URL": url(services.mirror_write_url),
        "ENVID_ORIGIN_URL": url(services.origin_url),
        "BUILDKIT_HOST": services.buildkit_host,
        "TMPDIR": str(folder / "tmp"),
        "PYTHONSAFEPATH": "1",
    }
    chance = random.Random(f"{tally.seed}{number}")  # noqa: S311 - when to kill, to be drawn again by its seed
    lane = KilledLane(folder, sides["mirror"], sides["origin"], environment, tally, chance)
    lane.run("imageref.pin")
    commit_all(source, "Pin")
    git(source, "push", "--quiet", str(lane.origin), f"HEAD:{SOURCE}")
    for command in ("git-mirror.sync", "catalog.init", "publish", "promote"):
        lane.run(command)
    return lane


def work(lane: KilledLane) -> KilledLane:
    """Run laps until all kills are made."""
    tally = lane.tally
    while tally.made < tally.wanted:
        lane.lap()
    lane.close()
    return lane


def write(out: Path | None, tally: Tally, lanes: list[KilledLane], seconds: float) -> dict[str, Any]:
    """Write what was found as JSON, and return it."""
    left: collections.Counter[str] = collections.Counter()
    for lane in lanes:
        left.update(lane.left())
    result = {
        "kills": dict(tally.kills),
        "killed in all": tally.made,
        "of which the parent alone": tally.alone,
        "ended before the kill": tally.missed,
        "normal runs": tally.runs,
        "laps": sum(lane.laps for lane in lanes),
        "state after a kill": dict(sorted(tally.effects.items())),
        "left behind": dict(left),
        "findings": tally.findings,
        "seed": tally.seed,
        "minutes": round(seconds / 60, 1),
    }
    if out is not None:
        out.write_text(json.dumps(result, indent=2) + "\n")
    return result


@contextlib.contextmanager
def stack(state: Path | None, folder: Path) -> Iterator[tuple[Path, LocalStack]]:
    """Give the running stack of ``state``, or one that is started for this bench."""
    if state is not None:
        services = load_stack(state)
        if services is None:
            raise SystemExit(f"no stack is up in {state}")
        yield state, services
        return
    own = folder / "stack"
    own.mkdir()
    services = up(own, "kills/template.git", progress=lambda _: None, registry_port=0)
    try:
        yield own, services
    finally:
        down(own)


def main() -> int:
    """Make the lanes, kill and look, and print what was found."""
    parser = argparse.ArgumentParser(description="Kills commands at random instants, and runs each again.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    # a user's installed package has its byte code
    compileall.compile_dir(str(ROOT / "envid"), quiet=2)
    tally = Tally(given.kills, given.seed)
    # asked to end early, it finishes the laps that are begun, and closes as usual
    signal.signal(signal.SIGTERM, lambda *_: setattr(tally, "wanted", 0))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="envid-kills-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with stack(given.state, folder) as (state, services), ThreadPoolExecutor(given.workers) as pool:
            made = [make(folder / f"lane{number}", state, services, tally) for number in range(given.workers)]
            lanes = list(pool.map(work, made))
            result = write(given.out, tally, lanes, time.monotonic() - begun)
    print(json.dumps(result, indent=2))
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())

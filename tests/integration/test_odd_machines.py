"""The whole way of a commit on machines that are not as expected: its path, locale, home, clock, and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from envid.core.catalog import parse_catalog
from envid.core.values import CommitId
from envid.local.tools import bootstrapped
from tests.support.builders import LANE, SourceRepo, git
from tests.support.cli import Ran, invoke
from tests.support.lanes import Stack

pytestmark = pytest.mark.integration

# nothing to pull: what is tested here does not depend on the base image
CONTAINERFILE = """\
FROM scratch
COPY package.json bun.lock tsconfig.json /env/
COPY deploy/runtime/boot/*.sh /boot/
"""
STEPS = (
    "git-mirror.sync",
    "plan",
    "publish",
    "promote",
    "git-mirror.flush --confirm",
    "git-mirror.status",
    "catalog.show",
)
UNSHARE = ("unshare", "--mount")


@dataclass
class Lane:
    """A lane on the running stack, in a folder with a space, accents and Chinese; ``folder`` holds source and state."""

    folder: Path
    repo: SourceRepo
    mirror: Path
    origin: Path
    environment: dict[str, str]

    def run(self, *arguments: str, expect: int = 0, **environment: str) -> Ran:
        """Run a command of the project to its end."""
        return checked(invoke(self.repo.root, *arguments, **self.environment | environment), arguments, expect)

    def wrapped(self, wrapper: list[str], *arguments: str, expect: int = 0, **environment: str) -> Ran:
        """Run a command of the project below another program."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT_", "INVOKE_"))}
        argv = [*wrapper, str(Path(sys.executable).with_name("invoke")), *arguments]
        done = subprocess.run(
            argv, cwd=self.repo.root, env=kept | self.environment | environment, capture_output=True, check=False
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"))
        return checked(ran, arguments, expect)

    def change(self, **manifest: str) -> CommitId:
        """Commit a change of the source, or of a dependency where ``manifest`` has any, and push it."""
        self.repo.write("src/main.ts", f"export const at = '{self.repo.head}';\n")
        if manifest:
            body = ", ".join(f'"{name}": "{value}"' for name, value in manifest.items())
            self.repo.write("package.json", f'{{"name": "x", {body}}}\n')
        commit = self.repo.commit("Change")
        git(self.repo.root, "push", "--quiet", str(self.origin), "HEAD:refs/heads/v0.1")
        return commit

    def promoted(self, bare: Path) -> list[str]:
        """Return the source commits that the GitOps branch of ``bare`` promoted, newest first."""
        log = git(bare, "log", "--format=%(trailers:key=Source-Commit,valueonly,separator=%x2C)", "v0.1-gitops")
        return [line for line in log.splitlines() if line]


def checked(ran: Ran, arguments: tuple[str, ...], expect: int) -> Ran:
    assert ran.code == expect, f"{arguments}: {ran.out}{ran.err}"
    assert "Traceback" not in ran.err
    return ran


@pytest.fixture(scope="module")
def lane(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Lane:
    read, write, origin = stack.new_repository("odd")
    folder = tmp_path_factory.mktemp("odd") / "a path, dépôt 源码"
    repo = SourceRepo.create(folder / "source")
    repo.write("Containerfile", CONTAINERFILE)
    repo.write("tasks.py", "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
    repo.commit("Adopt the lane")
    repo.pin()
    environment = {
        "ENVID_STATE": str(folder / "state"),
        "ENVID_REGISTRY": stack.services.registry,
        "ENVID_MIRROR_READ_URL": read,
        "ENVID_MIRROR_WRITE_URL": write,
        "ENVID_ORIGIN_URL": origin,
        "BUILDKIT_HOST": stack.services.buildkit_host,
    }
    mirror, origin_repository = (stack.state / "local/git" / side / "test/odd.git" for side in ("mirror", "origin"))
    made = Lane(folder, repo, mirror, origin_repository, environment)
    git(repo.root, "push", "--quiet", str(made.origin), "HEAD:refs/heads/v0.1")
    for command in ("git-mirror.sync", "catalog.init"):
        made.run(command)
    return made


def whole_way(lane: Lane, commit: CommitId, *wrapper: str, **environment: str) -> None:
    """Take ``commit`` from the source branch to GitHub's GitOps branch."""
    for step in STEPS:
        lane.wrapped(list(wrapper), *step.split(), expect=0, **environment)
    for bare in (lane.mirror, lane.origin):
        assert lane.promoted(bare)[0] == commit


def test_a_path_with_spaces_and_other_letters_in_locale_c(lane: Lane) -> None:
    whole_way(lane, lane.change(version="1.0.0"), LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")


@pytest.mark.parametrize("home", ["", "/nonexistent", None], ids=["empty", "missing", "not set"])
def test_no_home_folder(lane: Lane, home: str | None) -> None:
    # the bootstrapped programs are below the home folder; such a machine has them on PATH
    path = f"PATH={Path(bootstrapped('buildctl')).parent}:{os.environ['PATH']}"
    drop = ["env", "-u", "HOME", "-u", "XDG_CACHE_HOME", path, *([] if home is None else [f"HOME={home}"])]
    commit = lane.change(version=f"2.{home}")
    whole_way(lane, commit, *drop)


def test_a_clock_that_went_back(lane: Lane) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed: apt-get install faketime")
    whole_way(lane, lane.change(version="3.0.0"))
    # what was recorded lies in the future now
    commit = lane.change(version="3.0.1")
    whole_way(lane, commit, faketime, "-f", "-400d")
    assert lane.run("git-mirror.status", "--json").json["sourceInSync"] is True


def test_two_runs_at_once_in_one_state_folder(lane: Lane) -> None:
    commit = lane.change(version="4.0.0")
    for step in STEPS:
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(invoke, lane.repo.root, *step.split(), **lane.environment) for _ in range(2)]
        for ran in both:
            checked(ran.result(), (step,), 0)
    for bare in (lane.mirror, lane.origin):
        assert lane.promoted(bare).count(commit) == 1
    tip = git(lane.mirror, "rev-parse", "v0.1-gitops")
    catalog = parse_catalog(git(lane.mirror, "show", f"{tip}:{LANE.catalog_path}").encode() + b"\n", where=tip)
    assert catalog.services[0].source_commit == commit


def read_only(*folders: Path) -> list[str]:
    """Return what runs a command with ``folders`` mounted read-only; it must be root, whom no mode bits stop."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare --mount is not allowed here, which mounts a folder read-only")
    mounts = " && ".join(f"mount --bind '{each}' '{each}' && mount -o remount,ro,bind '{each}'" for each in folders)
    return [*UNSHARE, "sh", "-c", f'{mounts} && cd . && exec "$@"', "sh"]


def test_a_read_only_source_folder(lane: Lane) -> None:
    whole_way(lane, lane.change(version="5.0.0"), *read_only(lane.repo.root))


def test_a_read_only_state_folder_is_named_with_what_to_do(lane: Lane) -> None:
    lane.change(version="6.0.0")
    lane.run("git-mirror.sync")
    wrapper = read_only(lane.folder / "state")
    lane.wrapped(wrapper, "identity")  # needs no state
    before = lane.promoted(lane.mirror)
    for writing in ("git-mirror.status", "plan", "publish"):
        ran = lane.wrapped(wrapper, writing, expect=4)
        assert str(lane.folder / "state") in ran.err
        assert "ENVID_STATE" in ran.err
    assert lane.promoted(lane.mirror) == before

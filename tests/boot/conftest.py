"""A source repository, its mirror over HTTP, an env folder, and the boot script as a user that is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.doors import serving_git
from tests.support.lanes import ROOT, git

SCRIPT = ROOT / "deploy/runtime/boot/agentrun-boot.sh"
USER = 65532
FILES = {"package.json": '{"name": "x"}\n', "bun.lock": "{}\n", "tsconfig.json": "{}\n"}
# stands in for the program that the script becomes: says what it was given, and ends cleanly on SIGTERM
BUN = """#!/bin/sh
trap 'echo ended by SIGTERM; exit 0' TERM
echo "ran: $*"
echo "in: $(pwd)"
echo "home: $HOME"
echo "git variables: $(env | grep -c ^GIT_)"
cat "$2"
[ ! -e "$PWD/wait" ] || while :; do read -r _ || :; done
"""


@dataclass
class Boot:
    """What one boot is given, and how to run it."""

    folder: Path
    mirror: str
    commit: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def env_dir(self) -> Path:
        return self.folder / "env"

    def start(self, *, root: bool = False) -> subprocess.Popen[str]:
        """Start the script, and leave it running."""
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]
        environment = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "AGENTRUN_BOOT_COMMIT": self.commit,
            "AGENTRUN_MIRROR_READ_URL": self.mirror,
            "AGENTRUN_WORK_DIR": str(self.work),
            "AGENTRUN_ENV_DIR": str(self.env_dir),
            "AGENTRUN_FETCH_TRIES": "1",
        }
        return subprocess.Popen(
            [*([] if root or os.getuid() else drop), str(self.folder / SCRIPT.name)],
            env=environment | self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *, root: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the script to its end."""
        process = self.start(root=root)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@dataclass
class Mirror:
    """The mirror's bare repository and its URL."""

    path: Path
    url: str

    def commit(self, files: dict[str, str], *, links: dict[str, str] | None = None) -> str:
        """Bring one more commit into the mirror, with exactly these files, and return its id."""
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            git(work, "init", "--quiet", "--initial-branch=v0.1")
            for name, text in files.items():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_text(text)
            for name, target in (links or {}).items():
                (work / name).symlink_to(target)
            git(work, "add", "--all", "--force")
            git(work, "commit", "--quiet", "--message", "x")
            git(work, "push", "--quiet", "--force", str(self.path), "HEAD:refs/heads/v0.1")
            return git(work, "rev-parse", "HEAD")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the other user may enter; pytest's own are closed to it."""
    made = Path(tempfile.mkdtemp(prefix="boot-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def read_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of all mirrors' repositories, and the URL of the door that reads them."""
    repositories = tmp_path_factory.mktemp("mirrors")
    with serving_git(repositories, takes_pushes=False) as url:
        yield repositories, url


@pytest.fixture
def mirror(read_door: tuple[Path, str], folder: Path) -> Mirror:
    """A mirror of its own, which gives commits by id."""
    repositories, url = read_door
    bare = repositories / folder.name / "lane.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare")
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    return Mirror(bare, f"{url}/{folder.name}/lane.git")


@pytest.fixture
def boot(folder: Path, mirror: Mirror) -> Boot:
    """A boot in which everything is right."""
    shutil.copy(SCRIPT, folder)
    for place in ("env/node_modules", "bin", "work"):
        (folder / place).mkdir(parents=True)
    (folder / "env/node_modules/marker").write_text("the env image's\n")
    for name, text in FILES.items():
        (folder / "env" / name).write_text(text)
    (folder / "bin/bun").write_text(BUN)
    (folder / "bin/bun").chmod(0o755)
    if not os.getuid():
        os.chown(folder / "work", USER, USER)
    return Boot(folder, mirror.url, mirror.commit(FILES | {"src/manager/main.ts": "the manager's source\n"}))

"""``history`` held against git's own log: same identity as the parent exactly where git says that no input changed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envid.core.globs import matches
from envid.usecases.environment import DEFAULT_INPUTS
from tests.support.builders import SourceRepo, git
from tests.support.cli import Ran, invoke

ROOT = Path(__file__).parents[2]
BOOT = "deploy/runtime/boot"


def input_of(path: str) -> str:
    """Return the input that ``path`` is, or whose place it takes as a folder; empty for none."""
    if any(matches(pattern, path) for pattern in DEFAULT_INPUTS):
        return path
    return next((name for name in DEFAULT_INPUTS if path.startswith(f"{name}/")), "")


def git_says(repo: Path) -> dict[str, list[str]]:
    """Return, for every first-parent commit, the inputs that git's log says it changed."""
    text = git(
        repo, "log", "--first-parent", "--diff-merges=first-parent", "--raw", "--no-renames", "--no-abbrev",
        "--format=%x01%H", "HEAD",
    )  # fmt: skip
    told: dict[str, list[str]] = {}
    for block in text.split("\x01")[1:]:
        commit, *lines = block.strip().split("\n")
        paths = [line.partition("\t")[2] for line in lines if line.startswith(":")]
        told[commit] = sorted(set(filter(None, map(input_of, paths))))
    return told


def state_of(repo: Path, commit: str) -> str:
    """Return the inputs of a commit as git lists them: mode, blob and path."""
    listing = git(repo, "ls-tree", "-r", "--full-tree", commit)
    return "\n".join(line for line in listing.split("\n") if input_of(line.partition("\t")[2]))


def history(repo: Path, *arguments: str) -> list[dict[str, Any]]:
    ran = invoke(ROOT, "history", "--json", "--repo", str(repo), *arguments)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def assert_agrees(repo: Path, lines: list[dict[str, Any]]) -> None:
    told = git_says(repo)
    assert [line["commit"] for line in lines] == list(told), "every first-parent commit, newest first"
    for line, older in zip(lines, [*lines[1:], None], strict=True):
        commit = line["commit"]
        assert line["changed"] == told[commit], commit
        assert line["parent"] == (older["commit"] if older else None)
        if older and "envIdentity" in line and "envIdentity" in older:
            same = line["envIdentity"] == older["envIdentity"]
            assert same == (not told[commit]), f"{commit}: git says {told[commit]}"


# ---- generated histories


class Author:
    """Makes commits of all sorts, chosen by a seed."""

    def __init__(self, repo: SourceRepo, seed: int) -> None:
        self.repo = repo
        self.random = random.Random(seed)  # noqa: S311 - a choice of test data
        self.number = 0

    def text(self) -> str:
        return f"{self.random.randrange(4)}\n"

    def script(self) -> str:
        return f"{BOOT}/{self.random.choice('abc')}.sh"

    def step(self) -> None:
        self.number += 1
        self._clear("Dockerfile")  # so that a folder there, which has no identity, lasts one commit
        acts: list[Callable[[], None]] = [
            self.source, self.source, self.manifest, self.toggle_mode, self.rename, self.remove, self.beside,
            self.folder_in_place_of_a_file,
        ]  # fmt: skip
        if self.random.random() < 0.25:
            self.merge(acts)
        else:
            self.random.choice(acts)()
            self.repo.commit(f"Step {self.number}")

    def source(self) -> None:
        self.repo.write(f"src/{self.number}.ts", "export {};\n")

    def manifest(self) -> None:
        name = self.random.choice(["package.json", "bun.lock", "tsconfig.json", "Dockerfile", self.script()])
        self._clear(name)
        self.repo.write(name, self.text())

    def toggle_mode(self) -> None:
        path = self.repo.root / self.random.choice(["package.json", self.script()])
        if path.is_file():
            path.chmod(0o644 if path.stat().st_mode & 0o100 else 0o755)

    def rename(self) -> None:
        old, new = self.repo.root / self.script(), self.repo.root / self.script()
        if old.is_file():
            old.rename(new)

    def remove(self) -> None:
        name = self.random.choice(["tsconfig.json", "Dockerfile", self.script()])
        self._clear(name)
        (self.repo.root / name).unlink(missing_ok=True)

    def beside(self) -> None:
        self.repo.write(self.random.choice([f"{BOOT}/notes.md", f"{BOOT}/deep/x.sh", "src/package.json"]), self.text())

    def folder_in_place_of_a_file(self) -> None:
        self._clear("Dockerfile")
        self.repo.write("Dockerfile/readme", self.text())

    def merge(self, acts: list[Callable[[], None]]) -> None:
        root = self.repo.root
        git(root, "switch", "--quiet", "--create", f"side-{self.number}")
        for _ in range(self.random.randrange(1, 3)):
            self.random.choice(acts)()
            self.repo.commit(f"Side {self.number}")
        git(root, "switch", "--quiet", "v0.1")
        if self.random.random() < 0.5:
            self.source()
            self.repo.commit("Meanwhile")
        # "ours" makes merges whose side changed inputs and whose result did not
        strategy = self.random.choice(["--strategy=ort", "--strategy=ours"])
        git(root, "merge", "--quiet", "--no-ff", strategy, "-m", "Merge", f"side-{self.number}")

    def _clear(self, name: str) -> None:
        folder = self.repo.root / name
        if folder.is_dir():
            for path in sorted(folder.rglob("*"), reverse=True):
                path.unlink()
            folder.rmdir()


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    root = tmp_path / "source"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=v0.1")
    made = SourceRepo(root)
    made.write("package.json", "{}\n")
    made.write("bun.lock", "{}\n")
    made.write(f"{BOOT}/a.sh", "#!/bin/sh\n", mode=0o755)
    made.commit("The root commit has inputs")
    return made


@pytest.mark.parametrize("seed", range(4))
def test_a_generated_history_agrees_with_git(repo: SourceRepo, seed: int) -> None:
    author = Author(repo, seed)
    for _ in range(25):
        author.step()
    lines = history(repo.root)
    assert_agrees(repo.root, lines)
    identities: dict[str, str] = {}
    for line in lines:
        if "envIdentity" in line:
            state = state_of(repo.root, line["commit"])
            assert identities.setdefault(state, line["envIdentity"]) == line["envIdentity"]
    assert len(set(identities.values())) == len(identities), "two states of the inputs have one identity"
    assert len(identities) > 1


def test_the_identity_of_a_line_is_that_of_the_commit(repo: SourceRepo) -> None:
    author = Author(repo, 99)
    for _ in range(10):
        author.step()
    for line in history(repo.root):
        ran = invoke(ROOT, "identity", "--json", "--repo", str(repo.root), "--commit", line["commit"])
        assert ran.json["envIdentity"] == line["envIdentity"] if "envIdentity" in line else ran.code == 2


def test_a_history_that_begins_without_any_input(tmp_path: Path) -> None:
    root = tmp_path / "source"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=v0.1")
    repo = SourceRepo(root)
    repo.write("README.md", "x\n")
    repo.commit()
    repo.write("package.json", "{}\n")
    repo.commit()
    newest, first = history(root)
    assert newest["changed"] == ["package.json"]
    assert newest["envIdentity"]
    assert "envIdentity" not in first
    assert first["error"]
    assert first["changed"] == []


def test_an_input_that_can_not_be_hashed_is_an_error_and_the_run_goes_on(repo: SourceRepo) -> None:
    (repo.root / "package.json").unlink()
    (repo.root / "package.json").symlink_to("bun.lock")
    bad = repo.commit()
    (repo.root / "package.json").unlink()
    repo.write("package.json", "{}\n")
    repo.commit()
    lines = history(repo.root)
    assert_agrees(repo.root, lines)
    assert [("error" in line) for line in lines] == [False, True, False]
    assert lines[1]["commit"] == bad
    assert "symlink" in lines[1]["error"]
    assert lines[0]["envIdentity"] == lines[2]["envIdentity"]


def test_a_shallow_clone_ends_at_its_edge(repo: SourceRepo, tmp_path: Path) -> None:
    author = Author(repo, 5)
    for _ in range(6):
        author.step()
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=3", f"file://{repo.root}", str(clone))
    whole, part = history(repo.root), history(clone)
    assert_agrees(clone, part)
    assert [line["commit"] for line in part] == [line["commit"] for line in whole[: len(part)]]
    assert part[-1]["parent"] is None
    assert [line.get("envIdentity") for line in part] == [line.get("envIdentity") for line in whole[: len(part)]]


def test_a_limited_history_is_the_beginning_of_the_whole(repo: SourceRepo) -> None:
    author = Author(repo, 6)
    for _ in range(5):
        author.step()
    whole = history(repo.root)
    assert history(repo.root, "--max-count", "2") == whole[:2]
    assert history(repo.root, "--rev", "HEAD~2") == whole[2:]


def test_what_a_users_configuration_says_about_logs_does_not_count(repo: SourceRepo) -> None:
    author = Author(repo, 7)
    for _ in range(8):
        author.step()
    before = history(repo.root)
    for key, value in {
        "log.showRoot": "false", "diff.renames": "copies", "log.follow": "true", "core.quotePath": "true",
        "diff.noprefix": "true", "color.ui": "always", "diff.ignoreSubmodules": "all", "log.showSignature": "true",
        "format.pretty": "fuller", "log.diffMerges": "combined", "diff.relative": "true",
    }.items():  # fmt: skip
        git(repo.root, "config", key, value)
    assert history(repo.root) == before


def test_names_that_are_no_text_are_told_and_do_not_stop_the_run(repo: SourceRepo) -> None:
    odd = os.fsencode(repo.root) + b"/deploy/runtime/boot/\xff\n\x1b[31m.sh"
    Path(os.fsdecode(odd)).write_text("x\n")
    repo.commit()
    newest, _ = history(repo.root)
    assert newest["error"]
    ran = invoke(ROOT, "history", "--repo", str(repo.root))
    assert_plain(ran)
    assert "\x1b" not in ran.out
    ran = invoke(ROOT, "history", "--repo", str(repo.root), PYTHONIOENCODING="ascii")
    assert_plain(ran)


def assert_plain(ran: Ran) -> None:
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.err


def test_a_reader_that_has_seen_enough_ends_the_run_quietly(repo: SourceRepo) -> None:
    author = Author(repo, 8)
    for _ in range(3):
        author.step()
    before = repo.snapshot()
    ran = invoke(ROOT, "history", "--repo", str(repo.root), "--rev", "nowhere")
    assert ran.code == 2
    assert "nowhere" in ran.err
    assert repo.snapshot() == before


# ---- real histories


def bundles() -> Iterator[Any]:
    folder = os.environ.get("ENVID_CORPUS")
    found = sorted(Path(folder).glob("*.bundle")) if folder else []
    if not found:
        why = "ENVID_CORPUS names no folder with *.bundle files"
        yield pytest.param(Path(), marks=pytest.mark.skip(reason=why), id="none")
    yield from (pytest.param(path, id=path.stem) for path in found)


@pytest.mark.parametrize("bundle", list(bundles()))
def test_a_real_history_agrees_with_git(bundle: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-checkout", str(bundle), str(clone))
    branch = git(clone, "for-each-ref", "--format=%(objectname)", "--count=1", "refs/remotes")
    git(clone, "update-ref", "--no-deref", "HEAD", branch)
    lines = history(clone)
    assert_agrees(clone, lines)
    assert len(lines) > 100
    changed = [line for line in lines if line["changed"]]
    assert 0 < len(changed) < len(lines)

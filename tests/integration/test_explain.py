"""``explain`` on real repositories: every kind of side, who made what, and what reaches a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envid.adapters.git import GitObjects
from envid.core.catalog import CatalogEntry, record_inputs
from envid.core.identity import SCHEME
from envid.usecases.environment import InputReader
from envid.usecases.explain import Explained, explain_sides, side_of_commit, side_of_entry
from envid.usecases.explainview import explained_data, explained_lines, explained_schema
from envid.usecases.identity import environment_at
from tests.support.builders import SourceRepo, commit_id, digest, entry_of, git, wanted_of
from tests.support.cli import Ran, invoke

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "schemas" / "explain.schema.json"


def lock(packages: Mapping[str, str], *, dev: Mapping[str, str] | None = None) -> str:
    """Return a bun.lock whose root names every package directly, ``name: version``."""
    rows = {name: [f"{name}@{version}", "", {}, f"sha512-{name}{version}"] for name, version in packages.items()}
    rows |= {name: [f"{name}@{v}", "", {}, f"sha512-{name}{v}"] for name, v in (dev or {}).items()}
    root = {"name": "x", "dependencies": dict(packages), "devDependencies": dict(dev or {})}
    return json.dumps({"lockfileVersion": 1, "workspaces": {"": root}, "packages": rows}, indent=2) + "\n"


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    """A repository without a lane: a package.json, a lock, a source file."""
    root = tmp_path / "plain"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    made = SourceRepo(root)
    made.write("package.json", '{"name": "x", "version": "1.0.0"}\n')
    made.write("bun.lock", lock({"a": "1.0.0"}, dev={"d": "1.0.0"}))
    made.write("src/main.ts", "export {};\n")
    made.commit("Begin")
    return made


def explain(repo: SourceRepo, *arguments: str) -> Any:
    """Run ``explain --json``, and hold what it prints against the published schema."""
    ran = invoke(ROOT, "explain", "--json", "--repo", str(repo.root), *arguments)
    assert ran.code == 0, ran.err
    jsonschema.validate(ran.json, json.loads(SCHEMA.read_text("utf-8")))
    return ran.json


def untouched(repo: SourceRepo) -> dict[str, object]:
    """Return all that ``--dirty`` must leave alone; git may note that it used an object that is there already."""
    objects = repo.root / ".git" / "objects"
    seen = {path: facts for path, facts in repo.snapshot().items() if not path.startswith(".git/objects/")}
    return seen | {str(path): path.read_bytes() for path in objects.rglob("*") if path.is_file()}


def shown(repo: SourceRepo, *arguments: str) -> Ran:
    ran = invoke(ROOT, "explain", "--repo", str(repo.root), *arguments)
    assert ran.code == 0, ran.err
    return ran


def test_the_published_schema_is_that_of_the_code() -> None:
    schema = explained_schema()
    assert json.loads(SCHEMA.read_text("utf-8")) == schema
    jsonschema.Draft202012Validator.check_schema(schema)


def test_by_default_a_repository_without_a_lane_is_compared_with_the_parent(repo: SourceRepo) -> None:
    repo.write("package.json", '{"name": "x", "version": "1.0.1"}\n')
    head = repo.commit("Release 1.0.1")
    data = explain(repo)
    (change,) = data["explanation"]["changes"]
    assert data["decision"] == "build"
    assert [(v["path"], v["old"], v["new"]) for v in change["values"]] == [("$.version", "1.0.0", "1.0.1")]
    assert [(c["commit"], c["subject"], c["author"]) for c in change["commits"]] == [
        (head, "Release 1.0.1", "A Tester")
    ]
    assert change["commits"][0]["date"].startswith("2026-01-02T03:04:05")
    assert data["explanation"]["productionChanged"] is False


def test_when_nothing_counts_it_says_so_and_names_what_did_not_count(repo: SourceRepo) -> None:
    for number in range(7):
        repo.write(f"src/{number}.ts", "export {};\n")
    repo.commit("Only source")
    data = explain(repo)
    assert data["decision"] == "reuse"
    assert data["explanation"]["changes"] == []
    assert data["filesChangedOutside"]["count"] == 7
    assert data["filesChangedOutside"]["names"][0] == "src/0.ts"
    text = shown(repo).out
    assert "nothing that counts changed" in text
    assert "7 changed files outside the identity" in text


def test_each_package_names_the_commit_that_made_it_as_it_is(repo: SourceRepo) -> None:
    repo.write("bun.lock", lock({"a": "1.1.0"}, dev={"d": "1.0.0"}))
    repo.commit("First try of a")
    repo.write("bun.lock", lock({"a": "1.1.0"}, dev={"d": "2.0.0"}))
    dev = repo.commit("Take d 2")
    repo.write("bun.lock", lock({"a": "1.2.0"}, dev={"d": "2.0.0"}))
    final = repo.commit("Take a 1.2")
    data = explain(repo, "--base", "HEAD~3")
    (change,) = data["explanation"]["changes"]
    assert {p["name"]: (p["commit"]["commit"], p["production"]) for p in change["packages"]} == {
        "a": (final, True),
        "d": (dev, False),
    }
    assert len(change["commits"]) == 3
    assert data["explanation"]["productionChanged"] is True


def test_a_merge_is_not_blamed_for_what_its_branch_made(repo: SourceRepo) -> None:
    git(repo.root, "switch", "--quiet", "--create", "side")
    repo.write("bun.lock", lock({"a": "2.0.0"}, dev={"d": "1.0.0"}))
    made = repo.commit("Take a 2")
    git(repo.root, "switch", "--quiet", "main")
    repo.write("src/main.ts", "export const a = 1;\n")
    base = repo.commit("Meanwhile")
    git(repo.root, "merge", "--quiet", "--no-ff", "-m", "Merge", "side")
    data = explain(repo)
    assert data["base"]["commit"] == base
    (change,) = data["explanation"]["changes"]
    assert [c["commit"] for c in change["commits"]] == [made]
    assert change["packages"][0]["commit"]["commit"] == made


def test_what_only_the_base_has_is_told_from_what_the_head_brought(repo: SourceRepo) -> None:
    repo.write("package.json", '{"name": "x", "version": "9.0.0"}\n')
    newer = repo.commit("Release 9")
    data = explain(repo, "--base", "HEAD", "--head", "HEAD~1")
    (change,) = data["explanation"]["changes"]
    assert [(c["commit"], c["side"]) for c in change["commits"]] == [(newer, "base")]
    assert f"without {newer.short}" in shown(repo, "--base", "HEAD", "--head", "HEAD~1").out


def test_dirty_explains_the_work_tree_and_leaves_it_alone(repo: SourceRepo) -> None:
    repo.write("bun.lock", lock({"a": "3.0.0"}, dev={"d": "1.0.0"}))
    repo.write("src/new.ts", "export {};\n")
    before = untouched(repo)
    data = explain(repo, "--dirty")
    assert untouched(repo) == before
    assert data["head"]["commit"] is None
    (change,) = data["explanation"]["changes"]
    assert change["packages"][0]["new"]["version"] == "3.0.0"
    assert [(c["commit"], c["subject"]) for c in change["commits"]] == [(None, "uncommitted work")]
    assert data["filesChangedOutside"] == {"count": 1, "names": ["src/new.ts"]}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("{ nonsense", "bun.lock is not JSON"),
        ('{"lockfileVersion": 99, "workspaces": {"": {}}}\n', "unknown lockfileVersion"),
    ],
)
def test_a_broken_lock_gives_its_reason_and_a_diff_by_line(repo: SourceRepo, broken: str, reason: str) -> None:
    repo.write("bun.lock", broken)
    repo.commit("Break it")
    data = explain(repo)
    (change,) = data["explanation"]["changes"]
    assert any(reason in note for note in change["notes"])
    assert change["lines"]["added"] >= 1
    assert data["explanation"]["productionChanged"] is None
    assert reason in shown(repo).out


def test_a_commit_without_an_identity_is_still_compared(repo: SourceRepo) -> None:
    (repo.root / "package.json").unlink()
    (repo.root / "package.json").symlink_to("bun.lock")
    repo.commit("A symlink")
    data = explain(repo)
    assert data["decision"] == "blocked"
    assert "symlink" in data["head"]["error"]
    assert [change["name"] for change in data["explanation"]["changes"]] == ["package.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--base", "nowhere"], 2, "names no commit"),
        (["--dirty", "--head", "HEAD"], 2, "exclude each other"),
        ([], 2, "is the first commit"),
    ],
)
def test_what_can_not_be_compared_is_said(repo: SourceRepo, arguments: list[str], code: int, says: str) -> None:
    ran = invoke(ROOT, "explain", "--repo", str(repo.root), *arguments)
    assert (ran.code, says in ran.err, "Traceback" in ran.err) == (code, True, False), ran.err


# ---- the lane's own sides


def test_a_lane_is_compared_with_its_catalog_and_without_one_says_what_to_do(tmp_path: Path) -> None:
    lane = SourceRepo.create(tmp_path / "lane")
    ran = invoke(ROOT, "explain", "--repo", str(lane.root))
    assert ran.code in {3, 4}
    assert "--base HEAD~1" in ran.err


def test_values_of_a_lane_are_blamed_on_the_commits_that_set_them(tmp_path: Path) -> None:
    lane = SourceRepo.create(tmp_path / "lane")
    base = lane.head
    lane.write("Containerfile", (lane.root / "Containerfile").read_text().replace("b" * 64, "e" * 64))
    moved = lane.commit("Move the base image")
    pinned = lane.pin()
    again = lane.pin(replicas=2)
    changes = {c["name"]: c for c in explain(lane, "--base", base)["explanation"]["changes"]}
    assert changes.keys() == {"Containerfile", "baseImage[0]", "imageRef.commitId"}
    assert [v["path"] for v in changes["baseImage[0]"]["values"]] == ["digest"]
    made = {name: [c["commit"] for c in change["commits"]] for name, change in changes.items()}
    assert made == {"Containerfile": [moved], "baseImage[0]": [moved], "imageRef.commitId": [again, pinned]}


def against_entry(repo: SourceRepo, edit: Callable[[CatalogEntry], CatalogEntry]) -> Explained:
    """Explain HEAD against a catalog's entry that was honestly made from the root commit, then edited."""
    with GitObjects(repo.root) as objects:
        reader = InputReader(objects)
        root = objects.commit(objects.resolve("HEAD~1"))
        environment = environment_at(reader, root)
        wanted = wanted_of()._replace(identity=environment.identity, inputs=environment.inputs)
        entry = entry_of(wanted, image=digest(1), commit=root.id)
        entry = entry.model_copy(update={"toolchain_inputs": record_inputs(SCHEME, environment.inputs)})
        base = side_of_entry(reader, edit(entry), label="the catalog", revision=commit_id(7))
        head = side_of_commit(reader, objects.commit(objects.resolve("HEAD")), label="HEAD")
        return explain_sides(reader, base, head)


def test_a_catalog_whose_commit_is_here_is_explained_to_the_package(repo: SourceRepo) -> None:
    repo.write("bun.lock", lock({"a": "1.0.1"}, dev={"d": "1.0.0"}))
    head = repo.commit("Take a 1.0.1")
    told = against_entry(repo, lambda entry: entry)
    (change,) = told.explanation.changes
    assert [p.name for p in change.packages] == ["a"]
    assert told.attribution.packages["bun.lock", "a"].commit == head
    assert told.notes == ()


def test_a_catalog_whose_commit_is_gone_says_which_inputs_differ_and_what_it_can_not_know(repo: SourceRepo) -> None:
    repo.write("bun.lock", lock({"a": "1.0.1"}, dev={"d": "1.0.0"}))
    repo.commit("Take a 1.0.1")
    told = against_entry(repo, lambda entry: entry.model_copy(update={"source_commit": commit_id(0xDEAD)}))
    (change,) = told.explanation.changes
    assert change.name == "bun.lock"
    assert change.packages == ()
    assert "not known" in change.summary
    assert told.explanation.production_changed is None
    assert told.outside is None
    assert any("not in this repository" in note for note in told.notes)
    data = explained_data(told)
    jsonschema.validate(data, explained_schema())
    assert data["filesChangedOutside"] is None
    assert any("not in this repository" in str(line) for line in explained_lines(told))


# ---- what reaches a terminal


def hostile(repo: SourceRepo) -> None:
    repo.write("package.json", json.dumps({"name": "\x1b[31mred\x07", "版本": "很" * 200, "long": "x" * 500}))
    repo.write("bun.lock", lock({f"package-{'y' * 90}-{number}": "1.0.0" for number in range(60)}))
    repo.write("deploy/runtime/boot/a.sh", "#!/bin/sh\n" + "echo \x1b]0;title\x07 " + "z" * 300 + "\n", mode=0o755)
    repo.commit("\x1b[2J subject " + "w" * 300)


def test_a_table_fits_a_hundred_columns_and_moves_no_cursor(repo: SourceRepo) -> None:
    hostile(repo)
    text = shown(repo).out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert [line for line in text.splitlines() if width(line) > 100] == []
    assert max(map(width, text.splitlines())) > 95, "what is cut short leaves no room unused"
    assert re.search(r"and [0-9]+ more; --json has all of them", text)


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1 for c in line)


def on_a_terminal(repo: SourceRepo, **environment: str) -> str:
    """Run ``explain`` with a real terminal as its standard output, and return what that got."""
    leader, follower = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "TERM"}}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("invoke")), "explain", "--repo", str(repo.root)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env=kept | {"TERM": "xterm"} | environment,
    )
    os.close(follower)
    got = b""
    try:
        while part := os.read(leader, 65536):
            got += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return got.decode()


def test_colours_only_on_a_terminal_that_wants_them(repo: SourceRepo) -> None:
    hostile(repo)
    coloured = on_a_terminal(repo)
    assert "\x1b[32m" in coloured
    left = re.sub(r"\x1b\[[0-9]{1,2}m", "", coloured)
    assert "\x1b" not in left, "an escape that is no colour"
    assert "\x1b" not in on_a_terminal(repo, NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(repo, TERM="dumb")
    assert "\x1b" not in shown(repo).out

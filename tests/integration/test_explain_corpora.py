"""``history --causes`` on real histories: every change has a cause, and the counts agree with another reader."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import git
from tests.support.cli import invoke

ROOT = Path(__file__).parents[2]
ROW = re.compile(r'^    ("(?:[^"\\]|\\.)+"): (\[.*\]),?$')


def bundles() -> Iterator[Any]:
    folder = os.environ.get("ENVID_CORPUS")
    found = sorted(Path(folder).glob("*.bundle")) if folder else []
    if not found:
        why = "ENVID_CORPUS names no folder with *.bundle files"
        yield pytest.param(Path(), marks=pytest.mark.skip(reason=why), id="none")
    yield from (pytest.param(path, id=path.stem) for path in found)


@pytest.fixture(scope="module", params=list(bundles()))
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = tmp_path_factory.mktemp("corpus") / "clone"
    git(clone.parent, "clone", "--quiet", "--no-checkout", str(request.param), str(clone))
    branch = git(clone, "for-each-ref", "--format=%(objectname)", "--count=1", "refs/remotes")
    git(clone, "update-ref", "--no-deref", "HEAD", branch)
    return clone


@pytest.fixture(scope="module")
def lines(corpus: Path) -> list[dict[str, Any]]:
    ran = invoke(ROOT, "history", "--causes", "--json", "--repo", str(corpus))
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_every_change_has_a_cause_and_no_unchanged_commit_has_any(lines: list[dict[str, Any]]) -> None:
    by_commit = {line["commit"]: line for line in lines}
    changed = 0
    for line in lines:
        parent = by_commit.get(line["parent"], {})
        if line.get("envIdentity") == parent.get("envIdentity"):
            assert line["decision"] in {"reuse", "blocked"}
            assert line["causes"] == []
            assert line["packages"] == []
            continue
        changed += 1
        assert line["decision"] == "build"
        assert line["causes"], line["commit"]
        assert len(line["causes"]) == len(line["changed"])
        # a cause says more than that a file changed
        assert all(re.search(r": .{3,}", cause) and not cause.endswith(": changed") for cause in line["causes"])
    assert changed > 100


def test_package_counts_agree_with_a_reader_by_line(corpus: Path, lines: list[dict[str, Any]]) -> None:
    compared = 0
    for line in lines:
        if "bun.lock" not in line["changed"] or line["parent"] is None:
            continue
        old, new = rows(corpus, line["parent"]), rows(corpus, line["commit"])
        if old is None or new is None:
            continue
        expected = {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}
        told = {p["place"] for p in line["packages"] if p["change"] != "reach"}
        assert told == expected, line["commit"]
        compared += 1
    assert compared > 20


def test_a_lock_that_changed_only_dev_packages_left_the_closure_alone(lines: list[dict[str, Any]]) -> None:
    seen = set()
    for line in lines:
        weighty = [p for p in line["packages"] if p["change"] != "details"]
        if any(p["reach"] == "production" for p in weighty):
            assert line["productionChanged"] is True, line["commit"]
            seen.add("production")
        elif weighty:
            assert line["productionChanged"] is False, line["commit"]
            seen.add("dev-only")
    assert seen == {"production", "dev-only"}


def test_explain_gives_every_package_of_a_span_its_commit(corpus: Path, lines: list[dict[str, Any]]) -> None:
    with_lock = [line["commit"] for line in lines if "bun.lock" in line["changed"]][:8]
    base = with_lock[-1]
    ran = invoke(ROOT, "explain", "--json", "--repo", str(corpus), "--base", base)
    assert ran.code == 0, ran.err
    (lock,) = (c for c in ran.json["explanation"]["changes"] if c["name"] == "bun.lock")
    span = git(corpus, "rev-list", f"{base}..HEAD").split()
    old, new = rows(corpus, base), rows(corpus, "HEAD")
    assert old is not None
    assert new is not None
    for package in lock["packages"]:
        if package["change"] == "reach":
            continue
        commit = package["commit"]["commit"]
        assert commit in span
        here = rows(corpus, commit) or {}
        before = rows(corpus, f"{commit}^") or {}
        assert here.get(package["place"]) == new.get(package["place"]) != before.get(package["place"])


def rows(repository: Path, commit: str) -> dict[str, str] | None:
    """Read the rows of a lock as text, line by line: nothing of the project's own reader has a part in this."""
    done = subprocess.run(
        ["git", "-C", str(repository), "show", f"{commit}:bun.lock"], capture_output=True, check=False
    )
    if done.returncode:
        return None
    _, _, packages = done.stdout.decode().partition('\n  "packages": {\n')
    found = (ROW.match(line) for line in packages.splitlines())
    return {json.loads(match[1]): match[2] for match in found if match}

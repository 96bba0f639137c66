"""``explain`` and ``report`` of a lane: against the promoted catalog and older ones, over a real mirror."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.core.catalog import catalog_bytes, empty_catalog, record_inputs
from envid.core.identity import SCHEME
from envid.core.values import CommitId, ImageReference
from envid.usecases.environment import InputReader
from envid.usecases.identity import environment_at
from tests.support.builders import LANE, REGISTRY, SourceRepo, digest, entry_of, git, wanted_of
from tests.support.cli import Ran, invoke
from tests.support.lanes import Stack

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


class Promotions:
    """A GitOps branch to which catalogs are promoted without building anything."""

    def __init__(self, stack: Stack, source: SourceRepo, folder: Path) -> None:
        self.read_url, _, _ = stack.new_repository(folder.name)
        self._mirror = stack.state / "local/git/mirror/test" / f"{folder.name}.git"
        self._source = source
        self._work = folder / "gitops"
        self._work.mkdir()
        git(self._work, "init", "--quiet", f"--initial-branch={LANE.gitops_branch}")

    def promote(self, image: int) -> CommitId:
        """Record the source's HEAD as built, and return the GitOps commit."""
        with GitObjects(self._source.root) as objects:
            commit = objects.commit(objects.resolve("HEAD"))
            environment = environment_at(InputReader(objects), commit)
        wanted = wanted_of()._replace(
            identity=environment.identity,
            inputs=environment.inputs,
            image=ImageReference.parse(f"{REGISTRY}/agentrun/agentrun-mgr-env:{environment.identity}"),
        )
        entry = entry_of(wanted, image=digest(image), commit=commit.id)
        entry = entry.model_copy(update={"toolchain_inputs": record_inputs(SCHEME, environment.inputs)})
        target = self._work / LANE.catalog_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(catalog_bytes(empty_catalog(LANE).with_entries({entry.service_id: entry})))
        git(self._work, "add", "--all")
        git(self._work, "commit", "--quiet", "--allow-empty", "-m", f"Promote {image}")
        git(self._work, "push", "--quiet", str(self._mirror), f"HEAD:refs/heads/{LANE.gitops_branch}")
        return CommitId(git(self._work, "rev-parse", "HEAD"))

    def run(self, *arguments: str) -> Ran:
        """Run a command on the source repository, with this branch as its mirror."""
        ran = invoke(
            ROOT,
            *arguments,
            "--repo",
            str(self._source.root),
            ENVID_MIRROR_READ_URL=self.read_url,
            ENVID_STATE=str(self._work.parent / "state"),
        )
        assert ran.code == 0, ran.err
        return ran


@pytest.fixture
def source(tmp_path: Path) -> SourceRepo:
    return SourceRepo.create(tmp_path / "source")


@pytest.fixture
def promotions(stack: Stack, source: SourceRepo, tmp_path: Path) -> Promotions:
    return Promotions(stack, source, tmp_path)


def names(data: Any) -> list[str]:
    return [change["name"] for change in data["explanation"]["changes"]]


def test_the_promoted_catalog_is_the_default_base(promotions: Promotions, source: SourceRepo) -> None:
    revision = promotions.promote(1)
    built_from = source.head
    source.write("src/main.ts", "export const a = 1;\n")
    source.commit("Business only")
    data = promotions.run("explain", "--json").json
    assert (data["decision"], names(data)) == ("reuse", [])
    assert (data["base"]["catalogRevision"], data["base"]["commit"]) == (revision, built_from)
    assert data["filesChangedOutside"] == {"count": 1, "names": ["src/main.ts"]}
    source.write("package.json", '{"name": "x", "version": "2"}\n')
    made = source.commit("Version 2")
    data = promotions.run("explain", "--json").json
    assert (data["decision"], names(data)) == ("build", ["package.json"])
    assert [c["commit"] for c in data["explanation"]["changes"][0]["commits"]] == [made]
    source.write("tsconfig.json", '{"a": 1}\n')
    data = promotions.run("explain", "--dirty", "--json").json
    assert names(data) == ["package.json", "tsconfig.json"]


def test_two_catalogs_are_compared(promotions: Promotions, source: SourceRepo) -> None:
    first = promotions.promote(1)
    source.write("bun.lock", '{"lockfileVersion": 1, "x": 1}\n')
    source.commit("Another lock")
    second = promotions.promote(2)
    data = promotions.run("explain", "--json", "--base", f"catalog:{first}", "--head", f"catalog:{second}").json
    assert names(data) == ["bun.lock"]
    data = promotions.run("explain", "--json", "--base", "catalog", "--head", f"catalog:{second}").json
    assert data["decision"] == "reuse"


def test_the_report_shows_the_builds_of_the_catalogs_history(
    promotions: Promotions, source: SourceRepo, tmp_path: Path
) -> None:
    promotions.promote(1)
    source.write("package.json", '{"name": "x", "version": "2"}\n')
    source.commit("Version 2")
    promotions.promote(2)
    page = tmp_path / "report.html"
    ran = promotions.run("report", "--json", "--out", str(page))
    assert json.loads(ran.out)["knownBuilds"] == 2
    text = page.read_text("utf-8")
    assert 'data-figure="known-builds" data-value="2"' in text
    assert text.count('<td class="num">9 s</td>') == 2
    assert "unknown" in text, "the registry is away, so sizes are not known"

"""``check`` on real commits: what holds, what doesn't, and that one finding hides no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import SourceRepo
from tests.support.cli import invoke


@pytest.fixture
def source(tmp_path: Path) -> SourceRepo:
    repo = SourceRepo.create(tmp_path / "source")
    repo.write("tasks.py", "from envid.tasks import namespace as ns\n\n__all__ = ['ns']\n")
    repo.write(".gitignore", ".worktree/\n.envid/\nnode_modules/\n")
    repo.commit()
    return repo


def checked(repo: SourceRepo, *arguments: str, expect: int = 0) -> dict[str, list[str]]:
    ran = invoke(repo.root, "check", "--no-bun", "--json", *arguments)
    assert ran.code == expect, ran.err + ran.out
    document: Any = ran.json
    assert document["holds"] == (expect == 0)
    return {item["name"]: [f["where"] for f in item["findings"]] for item in document["checks"]}


def test_a_sound_source_holds(source: SourceRepo) -> None:
    assert set(checked(source)) == {
        "generated-state", "retired-names", "worktree-ignored", "own-runner", "deploy-json", "image-ref", "render",
    }  # fmt: skip


def test_everything_that_is_wrong_is_named_at_once(source: SourceRepo) -> None:
    source.write("deploy/artifact-catalog.v01.json", "{}\n")
    source.write("AGENTS.md", "# Where\n\nWe deploy to agentrun_prod.\n")
    source.write("deploy/tekton/loop.yaml", "kind: CronJob\n")
    source.write(".gitignore", ".envid/\n")
    source.write("Containerfile", (source.root / "Containerfile").read_text() + "# a remark\n")
    source.commit()
    found = checked(source, expect=1)
    assert found["generated-state"] == ["deploy/artifact-catalog.v01.json"]
    assert found["retired-names"] == ["AGENTS.md:3"]
    assert found["own-runner"] == ["deploy/tekton/loop.yaml:1"]
    assert found["worktree-ignored"] == [".gitignore"]
    assert found["image-ref"] == ["deploy/deploy.json: $.services[0].imageRef.commitId"]
    assert found["render"] == []


def test_a_forbidden_field_of_deploy_json_is_a_finding_with_its_path(source: SourceRepo) -> None:
    path = source.root / "deploy/deploy.json"
    document = json.loads(path.read_bytes())
    document["services"][0]["image"] = "x:latest"
    path.write_text(json.dumps(document))
    source.commit()
    found = checked(source, expect=1)
    assert any("$.services[0].image" in where for where in found["deploy-json"])


def test_the_uncommitted_work_tree_can_be_checked(source: SourceRepo) -> None:
    source.write("deploy/artifact-catalog.v01.json", "{}\n")
    assert checked(source)["generated-state"] == []
    assert checked(source, "--dirty", expect=1)["generated-state"] == ["deploy/artifact-catalog.v01.json"]


def test_another_commit_than_the_work_trees_needs_no_bun(source: SourceRepo) -> None:
    older = source.head
    source.write("README.md", "more\n")
    source.commit()
    ran = invoke(source.root, "check", "--commit", older)
    assert ran.code == 2
    assert "--no-bun" in ran.err

"""The source branch's guards, against what people really write."""

from __future__ import annotations

import pytest

from envid.core.guards import (
    generated_paths,
    generated_values,
    is_document,
    is_pipeline_source,
    own_controllers,
    retired_names,
    worktrees_ignored,
)
from tests.support.builders import LANE, digest

REGISTRY = "127.0.0.1:5000"
IMAGE = "127.0.0.1:5000/agentrun/agentrun-mgr-env"


@pytest.mark.parametrize(
    "path",
    [
        "deploy/artifact-catalog.v01.json",
        "deploy/artifact-catalog.v02.json",
        "deploy/gitops/g14/runtime-v01/agentrun-mgr-deployment.yaml",
        "deploy/gitops/g14/runtime-v02/attestations/x.json",
        "CI.json",
        "tools/CI.json",
    ],
)
def test_what_a_release_generates_is_found_by_its_place(path: str) -> None:
    assert [finding.where for finding in generated_paths(iter([path, "src/main.ts"]), LANE)] == [path]


def test_sources_of_a_lane_are_left_alone() -> None:
    paths = ["deploy/deploy.json", "deploy/deploy.schema.json", "deploy/gitops/README.md", "deploy/runtime/images.json"]
    assert not list(generated_paths(iter(paths), LANE))


@pytest.mark.parametrize(
    "text",
    [
        f'"image": "{IMAGE}@{digest(1)}"',
        f"image: {IMAGE}:{'a' * 64}",
        f"image: registry.example/agentrun/agentrun-mgr-env@{digest(1)}",
        '{"schemaVersion": "agentrun.artifact-catalog/1"}',
        '{"schemaVersion":"agentrun.publish/1"}',
        "lastRun: PipelineRun agentrun-v01-ci-0123456789ab",
    ],
)
def test_publish_state_is_found_by_its_content_with_the_line(text: str) -> None:
    found = list(generated_values("deploy/x.yaml", f"first\n{text}\n", LANE, REGISTRY))
    assert [finding.where for finding in found] == ["deploy/x.yaml:2"]


@pytest.mark.parametrize(
    "text",
    [
        f"FROM 127.0.0.1:5000/agentrun/bun-base@{digest(1)}",
        f'"postgres": "127.0.0.1:5000/agentrun/postgres@{digest(1)}"',
        '"schemaVersion": "agentrun.deploy/1"',
        "image: the catalog's",
    ],
)
def test_a_pinned_input_is_no_publish_state(text: str) -> None:
    assert not list(generated_values("deploy/x.yaml", text, LANE, REGISTRY))


@pytest.mark.parametrize(
    "text",
    [
        "Deploy to the agentrun_dev namespace.",
        "# Targets\nArgo destination: `agentrun_prod`",
        "## History\nold\n## Today\nwe use agentrun_dev",
        "当前 namespace 是 agentrun_prod。",
    ],
)
def test_a_live_use_of_a_retired_name_is_found(text: str) -> None:
    assert len(list(retired_names("AGENTS.md", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "agentrun_dev and agentrun_prod are deprecated.",
        "# History\n\nBefore v0.1 there was agentrun_dev.\n\n## Dates\n\nagentrun_prod ended in May.",
        "`agentrun_dev` 和 `agentrun_prod` 不得作为 `v0.1` namespace。",
        "## 废弃说明\nagentrun_dev",
        "agentrun_developers is another word",
    ],
)
def test_history_and_deprecation_may_name_it(text: str) -> None:
    assert not list(retired_names("AGENTS.md", text))


@pytest.mark.parametrize("line", [".worktree/", "/.worktree/", ".worktree", ".worktree/**", "  .worktree/  "])
def test_an_ignored_worktree_folder(line: str) -> None:
    assert not list(worktrees_ignored(f"dist/\n{line}\n"))


@pytest.mark.parametrize(
    "text", ["", "dist/\n", "# .worktree/\n", "!.worktree/\n", "src/.worktree/\n", ".worktrees/\n"]
)
def test_a_worktree_folder_that_is_not_ignored(text: str) -> None:
    assert [finding.where for finding in worktrees_ignored(text)] == [".gitignore"]


@pytest.mark.parametrize(
    "text",
    ["kind: CronJob", "  kind: Deployment", "name: release-poller", "uses CI.json", "a custom runner", "reconciler"],
)
def test_what_runs_beside_tekton_and_argo_cd_is_found(text: str) -> None:
    assert [finding.where for finding in own_controllers("deploy/tekton/x.yaml", f"a: 1\n{text}")] == [
        "deploy/tekton/x.yaml:2"
    ]


def test_pipelines_and_applications_are_what_belongs_there() -> None:
    text = "kind: Pipeline\n---\nkind: Task\n---\nkind: Application\nserviceAccountName: agentrun-v01-tekton-runner\n"
    assert not list(own_controllers("deploy/tekton/x.yaml", text))


def test_which_files_are_looked_at() -> None:
    assert is_document("AGENTS.md")
    assert is_document("docs/reference/lanes.md")
    assert not is_document("docs/history.md")
    assert not is_document("sub/AGENTS.md")
    assert is_pipeline_source("deploy/tekton/pipeline.yaml")
    assert not is_pipeline_source("src/deploy/tekton.yaml")

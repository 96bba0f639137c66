"""The first files of a new project: what they take from the repository, and that they are what this lane itself has."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from envid.adapters.settings import load_settings
from envid.adapters.starter import STARTER_FILES, read_starter
from envid.core import newproject
from envid.core.deploy import parse_deploy
from envid.core.lane import parse_lane
from envid.core.newproject import BunRepository
from envid.errors import InputError

ROOT = Path(__file__).parents[3]
LANE = parse_lane(project="mine", version="v0.1", site="main", repository="me/mine.git")
SOURCE = "git@github.com:me/mine.git"


def repository(*tracked: str, **package: Any) -> BunRepository:
    return BunRepository(tracked=frozenset({"package.json", "bun.lock", *tracked}), package=package)


@pytest.mark.parametrize(
    ("found", "entry"),
    [
        (repository("src/a.tsx", module="src/a.tsx", main="other.js"), "src/a.tsx"),
        (repository("a.ts", module="./a.ts"), "a.ts"),
        # what is built is not what git has
        (repository("src/index.ts", main="dist/index.js"), "src/index.ts"),
        (repository("app/run.ts", scripts={"start": "NODE_ENV=production bun run --smol ./app/run.ts"}), "app/run.ts"),
        (repository("b.ts", scripts={"dev": "bun --watch b.ts"}), "b.ts"),
        (repository("server.ts"), "server.ts"),
        (repository(module=7, scripts=["x"]), None),
    ],
)
def test_the_entry_point_is_a_file_that_git_has(found: BunRepository, entry: str | None) -> None:
    assert newproject.entry_point(found) == entry


def test_what_buns_install_reads_besides_are_inputs() -> None:
    found = repository(
        "bunfig.toml", ".npmrc", "patches/a@1.0.0.patch", "packages/x/package.json", "packages/x/y/package.json",
        "apps/web/package.json", "examples/z/package.json",
        workspaces=["packages/*", "./apps/web/"],
        patchedDependencies={"a@1.0.0": "patches/a@1.0.0.patch", "b@1": "patches/not-tracked.patch"},
    )  # fmt: skip
    assert newproject.further_inputs(found) == (
        ".npmrc", "apps/web/package.json", "bunfig.toml", "packages/x/package.json", "patches/a@1.0.0.patch",
    )  # fmt: skip
    nested = repository("a/package.json", workspaces={"packages": ["a"]})
    assert newproject.further_inputs(nested) == ("a/package.json",)
    assert newproject.further_inputs(repository(workspaces=1, patchedDependencies=[])) == ()


def test_the_containerfile_is_this_lanes_own_but_for_the_name_and_what_is_installed_by() -> None:
    own = (ROOT / "Containerfile").read_text("utf-8")
    made = newproject.containerfile(own, "reg.example", "mine", ["packages/x/package.json", "bunfig.toml"])
    assert newproject.containerfile(own, "127.0.0.1:5000", "agentrun", []) == own
    digest = re.search(r"@(sha256:[0-9a-f]{64})", own)
    assert digest
    added = set(made.splitlines()) - set(own.splitlines())
    assert added == {
        f"FROM reg.example/mine/bun-base@{digest[1]}",
        "    --mount=type=bind,source=packages/x/package.json,target=/mnt/packages/x/package.json \\",
        "    --mount=type=bind,source=bunfig.toml,target=/mnt/bunfig.toml \\",
        "    && mkdir -p packages/x && cp /mnt/packages/x/package.json packages/x/package.json \\",
        "    && cp /mnt/bunfig.toml bunfig.toml \\",
    }
    with pytest.raises(InputError, match="can't be named in a Containerfile"):
        newproject.containerfile(own, "reg.example", "mine", ["a b/package.json"])


def test_the_boot_script_is_this_lanes_own_but_for_the_entry() -> None:
    own = (ROOT / newproject.BOOT_SCRIPT).read_text("utf-8")
    made = newproject.boot_script(own, "src/index.tsx")
    (line,) = set(made.splitlines()) - set(own.splitlines())
    assert line.startswith("entry=src/index.tsx ")
    assert "entry='it'\\''s here.ts' #" in newproject.boot_script(own, "it's here.ts")
    with pytest.raises(ValueError, match="entry="):
        newproject.boot_script("#!/bin/sh\n", "x.ts")


def test_gitignore_keeps_its_lines_and_gains_what_is_missing() -> None:
    assert newproject.ignore_text("") == "/.envid/\n/.worktree/\n"
    assert newproject.ignore_text("dist\n/.worktree/") == "dist\n/.worktree/\n/.envid/\n"
    whole = "/.envid/\n/.worktree/\n"
    assert newproject.ignore_text(whole) == whole


def test_the_first_deploy_json_is_valid_and_names_its_inputs() -> None:
    text = newproject.deploy_text(
        LANE, source_repo=SOURCE, commit="a" * 40, dockerfile="Containerfile", inputs=["bunfig.toml"]
    )
    (service,) = parse_deploy(text.encode()).services
    assert (service.id, service.image_ref.repo_url) == ("mine-mgr", SOURCE)
    assert "bunfig.toml" in service.inputs
    assert {"deploy/runtime/packages.lock", "deploy/runtime/packages.txt"} <= set(service.inputs)
    assert json.loads(text)["namespace"] == "mine-v01"


def fields() -> dict[str, str]:
    """Every field of invoke.yaml with its default as JSON, from the reference that is written from the code."""
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8").partition("## Exit codes")[0]
    return dict(re.findall(r"(?m)^\| `(\w+)` \|[^|]*\| `?(.*?)`? \|$", page))


def test_the_first_settings_show_every_field_with_a_comment(tmp_path: Path) -> None:
    text = newproject.settings_text(LANE, source_repo=SOURCE, registry="127.0.0.1:5000")
    (tmp_path / "invoke.yaml").write_text(text)
    settings = load_settings(tmp_path)
    assert (settings.project, settings.repository, settings.source_repo) == ("mine", "me/mine.git", SOURCE)
    assert settings.cluster.proxy is None
    # with every field switched on it is still valid: no example is wrong, and none is forgotten
    whole = re.sub(r"(?m)^( +)# ( *)(\w+:.*)$", r"\1\2\3", text)
    (tmp_path / "invoke.yaml").write_text(whole)
    load_settings(tmp_path)
    assert set(re.findall(r"(?m)^ +(\w+):", whole)) == set(fields())
    shown = yaml.safe_load(whole)["envid"]["cluster"]
    for field in ("serviceCidr", "argocdNamespace", "rootlessBuildkit", "workspaceStorage", "mirrorStorage"):
        assert shown[field] == json.loads(fields()[field]), field


def test_the_wheel_gets_the_starters_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for path in STARTER_FILES:
        source = next(name for name in included if path == name or path.startswith(f"{name}/"))
        assert included[source] == f"envid/starter/{source}"
    assert read_starter()["Containerfile"] == (ROOT / "Containerfile").read_bytes()

"""``lane.show``, ``lane.apply --out`` and ``lane.new``, as a shell runs them: no cluster is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.builders import deploy_json, digest, git
from tests.support.cli import invoke

SETTINGS = "# a comment stays\nenvid:\n  project: agentrun\n  lane: v0.1  # the version line\n"


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


def pin(folder: Path) -> None:
    names = {"toolbox": "toolbox", "gitMirror": "git-mirror", "buildkit": "buildkit"}
    images = {key: f"127.0.0.1:5000/agentrun/{name}@{digest(1)}" for key, name in names.items()}
    (folder / "deploy/runtime").mkdir()
    document = {"schemaVersion": "agentrun.images/1", "images": images}
    (folder / "deploy/runtime/images.json").write_text(json.dumps(document))
    commit(folder)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A source checkout of lane v0.1."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "v0.1")
    (tmp_path / "tasks.py").write_text("from envid.tasks import namespace as ns\n")
    (tmp_path / "invoke.yaml").write_text(SETTINGS)
    (tmp_path / "deploy").mkdir()
    secrets = {"DATABASE_URL": {"name": "agentrun-v01-postgres", "key": "DATABASE_URL"}}
    (tmp_path / "deploy/deploy.json").write_text(json.dumps(deploy_json(secretEnv=secrets), indent=2))
    commit(tmp_path)
    return tmp_path


def test_lane_new_changes_the_lanes_names_and_no_other_byte(checkout: Path) -> None:
    before = (checkout / "deploy/deploy.json").read_text()
    ran = invoke(checkout, "lane.new", "v0.2", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["written"] == ["invoke.yaml", "deploy/deploy.json"]
    assert (checkout / "invoke.yaml").read_text() == SETTINGS.replace("lane: v0.1", "lane: v0.2")
    after = (checkout / "deploy/deploy.json").read_text()
    assert after == before.replace("agentrun-v01", "agentrun-v02")
    names = invoke(checkout, "lane.show", "--json").json["names"]
    assert names["runtime namespace"] == "agentrun-v02"
    assert not [name for name in names.values() if "v01" in name or "v0.1" in name]


def test_lane_new_refuses_what_would_mix_or_overwrite(checkout: Path) -> None:
    assert invoke(checkout, "lane.new", "v0.1").code == 2
    assert invoke(checkout, "lane.new", "0.2").code == 2
    assert invoke(checkout, "lane.new", "v0.1", "--project", "mine").code == 3
    (checkout / "invoke.yaml").write_text(SETTINGS + "  site: other\n")
    ran = invoke(checkout, "lane.new", "v0.2")
    assert ran.code == 3
    assert "not committed" in ran.err
    assert (checkout / "invoke.yaml").read_text() == SETTINGS + "  site: other\n"


def test_lane_apply_writes_what_it_would_apply_and_names_the_images_that_are_missing(checkout: Path) -> None:
    ran = invoke(checkout, "lane.apply", "--out", "objects")
    assert ran.code == 2
    assert "toolbox" in ran.err
    assert "image.build" in ran.err
    pin(checkout)
    ran = invoke(checkout, "lane.apply", "--out", "objects", "--json")
    assert ran.code == 0, ran.err
    written = [yaml.safe_load(path.read_bytes()) for path in sorted((checkout / "objects").iterdir())]
    assert len(written) == len(ran.json["objects"])
    assert written[0]["kind"] == "Namespace"
    assert "Secret" not in {manifest["kind"] for manifest in written}


def test_lane_apply_takes_no_private_key_for_certificates(checkout: Path) -> None:
    (checkout / "bundle.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN " + "PRIVATE KEY-----\n")
    pin(checkout)
    ran = invoke(checkout, "lane.apply", "--out", "objects", "--ca-bundle", "bundle.pem")
    assert ran.code == 2
    assert "no private key" in ran.err
    assert not (checkout / "objects").exists()

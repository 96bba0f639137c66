"""Settings: the defaults are AgentRun's, every fault is named, and what is stronger wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envid.adapters.buildkit_address import address_flags
from envid.adapters.settings import load_settings, open_workspace
from envid.errors import InputError

VARIABLES = ("ENVID_STATE", "ENVID_REGISTRY", "ENVID_MIRROR_READ_URL", "ENVID_MIRROR_WRITE_URL", "ENVID_ORIGIN_URL",
             "ENVID_CA_BUNDLE", "BUILDKIT_HOST", "ENVID_BUILDKIT_CA", "ENVID_BUILDKIT_CERT",
             "ENVID_BUILDKIT_KEY")  # fmt: skip


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_a_file_everything_has_agentruns_value(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    assert workspace.lane.name == "agentrun-v01"
    assert workspace.endpoints.registry == "127.0.0.1:5000"
    assert workspace.endpoints.mirror_read_url == workspace.lane.mirror_read_url
    assert workspace.endpoints.mirror_write_url == workspace.lane.mirror_write_url
    assert workspace.endpoints.origin_url == "git@github.com:pikasTech/agentrun.git"
    assert workspace.endpoints.buildkit_host is None
    assert workspace.state == tmp_path / ".envid"


def test_the_file_then_the_embedded_stack_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "invoke.yaml").write_text("envid:\n  registry: file.example\n")
    assert open_workspace(tmp_path).endpoints.registry == "file.example"
    record = {
        "registry": "127.0.0.1:1", "buildkit_host": "unix:///x", "mirror_read_url": "http://127.0.0.1:2/r.git",
        "mirror_write_url": "http://127.0.0.1:3/r.git", "origin_url": "http://127.0.0.1:4/r.git",
    }  # fmt: skip
    (tmp_path / ".envid/local").mkdir(parents=True)
    (tmp_path / ".envid/local/stack.json").write_text(json.dumps(record))
    assert open_workspace(tmp_path).endpoints.registry == "127.0.0.1:1"
    assert open_workspace(tmp_path).endpoints.mirror_write_url == "http://127.0.0.1:3/r.git"
    monkeypatch.setenv("ENVID_REGISTRY", "127.0.0.1:9")
    assert open_workspace(tmp_path).endpoints.registry == "127.0.0.1:9"
    assert open_workspace(tmp_path).endpoints.buildkit_host == "unix:///x"


@pytest.mark.parametrize("content", ["{", "[]", '{"registry": "x"}', '{"other": 1}'])
def test_a_stack_record_of_another_version_is_no_stack(tmp_path: Path, content: str) -> None:
    (tmp_path / ".envid/local").mkdir(parents=True)
    (tmp_path / ".envid/local/stack.json").write_text(content)
    assert open_workspace(tmp_path).endpoints.registry == "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("envid:\n  colour: red\n", "invoke.yaml: envid.colour"),
        ("envid:\n  project: 1\n", "invoke.yaml: envid.project"),
        ("envid:\n  registry: https://x.example/\n", "invoke.yaml: envid.registry"),
        ("envid:\n  mirrorReadUrl: file:///x\n", "invoke.yaml: envid.mirrorReadUrl"),
        ("envid:\n  mirrorWriteUrl: https://user:token@x.example/r.git\n", "invoke.yaml: envid.mirrorWriteUrl"),
        ("envid: []\n", "invoke.yaml: envid"),
        ("envid: {\n", "invoke.yaml"),
        ("envid: \x07\n", "invoke.yaml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "invoke.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_settings(tmp_path)
    assert caught.value.faults[0].where == where


def test_other_sections_of_invoke_yaml_are_invokes_own(tmp_path: Path) -> None:
    (tmp_path / "invoke.yaml").write_text("tasks:\n  auto_dash_names: true\n")
    assert load_settings(tmp_path).project == "agentrun"
    (tmp_path / "invoke.yaml").write_text("")
    assert load_settings(tmp_path).project == "agentrun"


def test_an_adopter_changes_names_in_one_place(tmp_path: Path) -> None:
    section = {"project": "other", "lane": "v0.3", "site": "k1", "repository": "me/other.git", "registry": "r.example"}
    workspace = open_workspace(tmp_path, section)
    assert workspace.lane.runtime_path == "deploy/gitops/k1/runtime-v03"
    assert "me/other.git" in workspace.endpoints.mirror_read_url


def test_buildkits_certificates_come_from_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_workspace(tmp_path).endpoints.buildkit_tls is None
    (tmp_path / "invoke.yaml").write_text("envid:\n  buildkitTls: {ca: ca.pem, cert: cert.pem, key: key.pem}\n")
    tls = open_workspace(tmp_path).endpoints.buildkit_tls
    assert tls is not None
    assert (tls.ca, tls.key) == (tmp_path / "ca.pem", tmp_path / "key.pem")
    monkeypatch.setenv("ENVID_BUILDKIT_KEY", "/tls/key.pem")
    tls = open_workspace(tmp_path).endpoints.buildkit_tls
    assert tls is not None
    assert address_flags("tcp://b:1234", None) == ["--addr", "tcp://b:1234"]
    # a socket of this machine needs none, whatever is set for the remote one
    assert address_flags("unix:///x", tls) == ["--addr", "unix:///x"]
    assert tls.key == Path("/tls/key.pem")


def test_buildkits_certificates_in_part_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVID_BUILDKIT_CA", "/tls/ca.pem")
    with pytest.raises(InputError) as caught:
        open_workspace(tmp_path)
    assert [fault.where for fault in caught.value.faults] == ["ENVID_BUILDKIT_CERT", "ENVID_BUILDKIT_KEY"]

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.process import Completed
from envid.adapters.registry import RegistryDenied
from envid.adapters.registry.docker_config import Credential, DockerConfig
from envid.errors import InputError, ToolMissing

PASSWORD = "planted-password"
IDENTITY = "planted-identity-token"
BASIC = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()


def config(**members: Any) -> DockerConfig:
    return DockerConfig.parse(json.dumps(members).encode(), where="config.json")


def test_the_forms_of_stored_logins() -> None:
    found = config(
        auths={
            "one.test:5000": {"auth": BASIC},
            "https://two.test/v1/": {"username": "robot", "password": PASSWORD},
            "Three.test": {"auth": BASIC, "identitytoken": IDENTITY},
            "four.test": {},
        }
    )
    assert found.credential("one.test:5000", 1) == Credential("robot", PASSWORD)
    assert found.credential("two.test", 1) == Credential("robot", PASSWORD)
    assert found.credential("three.test", 1) == Credential("", identity_token=IDENTITY)
    assert found.credential("four.test", 1) is None
    assert found.credential("one.test", 1) is None


def test_a_login_never_shows_its_secret() -> None:
    shown = repr(config(auths={"one.test": {"auth": BASIC, "identitytoken": IDENTITY}, "two.test": {"auth": BASIC}}))
    assert PASSWORD not in shown
    assert IDENTITY not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"auths": [1]}',
        b'{"auths": {"a": 1}}',
        b'{"auths": {"a": {"auth": "planted-password"}}}',
        b'{"auths": {"a": {"auth": "cGxhbnRlZC1wYXNzd29yZA=="}}}',
        b'{"credsStore": "../../bin/sh"}',
        b'{"credsStore": "-x"}',
        b'{"credHelpers": {"a": "x;y"}}',
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_a_config_that_can_not_be_used_is_bad_input_without_its_text(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        DockerConfig.parse(content, where="config.json")
    assert "planted-password" not in str(caught.value)
    assert "cGxhb" not in str(caught.value)


def test_where_the_config_file_is_found(tmp_path: Path) -> None:
    content = json.dumps({"auths": {"one.test": {"auth": BASIC}}})
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(content)
    assert DockerConfig.load({"HOME": str(tmp_path)}).credential("one.test", 1)
    assert DockerConfig.load({"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker")}).credential("one.test", 1)
    assert DockerConfig.load({"HOME": str(tmp_path / "none")}).credential("one.test", 1) is None
    assert DockerConfig.load({}).credential("one.test", 1) is None


# Helpers ------------------------------------------------------------------------------------------------------------


class Helper:
    """Answers as docker-credential-NAME does, and remembers what it was asked."""

    def __init__(self, stdout: bytes, returncode: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        self._stdout = stdout
        self._returncode = returncode

    def __call__(self, name: str, host: str, timeout: float) -> Completed:
        assert timeout > 0
        self.asked.append((name, host))
        return Completed((name, "get"), self._returncode, self._stdout, b"")


def test_a_hosts_own_helper_comes_before_the_default_one() -> None:
    helper = Helper(json.dumps({"ServerURL": "x", "Username": "robot", "Secret": PASSWORD}).encode())
    found = DockerConfig({}, {"one.test": "special"}, "default", helper)
    assert found.credential("one.test", 1) == Credential("robot", PASSWORD)
    assert found.credential("two.test", 1) == Credential("robot", PASSWORD)
    assert helper.asked == [("special", "one.test"), ("default", "two.test")]


def test_a_helper_may_give_an_identity_token() -> None:
    helper = Helper(json.dumps({"Username": "<token>", "Secret": IDENTITY}).encode())
    assert DockerConfig({}, {}, "d", helper).credential("a.test", 1) == Credential("", identity_token=IDENTITY)


def test_a_helper_without_a_login_leaves_the_stored_one() -> None:
    helper = Helper(b"credentials not found in native keychain\n", 1)
    stored = {"a.test": Credential("robot", PASSWORD)}
    assert DockerConfig(stored, {}, "d", helper).credential("a.test", 1) == stored["a.test"]
    assert DockerConfig({}, {}, "d", helper).credential("a.test", 1) is None


@pytest.mark.parametrize(
    "helper", [Helper(b"boom", 2), Helper(b"not json"), Helper(b"[]"), Helper(b'{"Username": 1, "Secret": 2}')]
)
def test_a_helper_that_fails(helper: Helper) -> None:
    with pytest.raises(RegistryDenied) as caught:
        DockerConfig({}, {}, "d", helper).credential("a.test", 1)
    assert caught.value.code == "registry-credential-helper"
    assert "docker-credential-d" in caught.value.what


def test_a_helper_that_is_not_installed() -> None:
    def missing(name: str, _host: str, _timeout: float) -> Completed:
        raise ToolMissing(f"docker-credential-{name} is not installed")

    with pytest.raises(RegistryDenied, match="not installed"):
        DockerConfig({}, {}, "d", missing).credential("a.test", 1)


def test_a_real_helper_is_run_without_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-planted"
    program.write_text('#!/bin/sh\nread -r host\nprintf \'{"Username": "%s", "Secret": "%s"}\' "$1" "$host"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert config(credsStore="planted").credential("a.test:5000", 5) == Credential("get", "a.test:5000")

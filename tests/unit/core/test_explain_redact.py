from __future__ import annotations

import pytest

from envid.core.explain.redact import one_line, redact, redact_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("//npm.example/:_authToken=abc", "//npm.example/:_authToken=***"),
        ("_auth = YWJj", "_auth = ***"),
        ('token: "abc"', 'token: "***"'),
        ("export GH_TOKEN='abc' X=1", "export GH_TOKEN='***' X=1"),
        ("TOKEN=$GH_TOKEN", "TOKEN=$GH_TOKEN"),
        ("https://me:abc@git.example/x", "https://me:***@git.example/x"),
        ("git+ssh://git@git.example/x", "git+ssh://git@git.example/x"),
        ('"csrf-token": ["csrf-token@1.0.0", "", {}]', '"csrf-token": ["csrf-token@1.0.0", "", {}]'),
        ("tokenizer: on", "tokenizer: on"),
    ],
)
def test_credentials_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "version", ["^1.0.0", "~2", ">=1.2", "1.2.3-rc.1", "1.x", "*", "latest", "workspace:*", "catalog:"]
)
def test_a_package_called_token_keeps_its_version(version: str) -> None:
    assert redact_values({"csrf-token": version}) == {"csrf-token": version}


def test_a_secret_among_values_is_hidden_at_any_depth() -> None:
    value = {"a": [{"clientSecret": "npm_abc", "url": "https://u:p@x.example/"}], "token": "$TOKEN", "n": 1}
    assert redact_values(value) == {
        "a": [{"clientSecret": "***", "url": "https://u:***@x.example/"}],
        "token": "$TOKEN",
        "n": 1,
    }


def test_one_line_stays_one_line() -> None:
    assert one_line("a\nb\x1b[1m") == "a\\nb\\x1b[1m"
    assert one_line("x" * 100, 10) == "x" * 9 + "…"

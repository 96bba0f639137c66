from __future__ import annotations

import json
from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from envid.adapters.registry.docker_config import DockerConfig
from envid.adapters.registry.headers import parse_challenges, parse_faults, parse_retry_after
from envid.core.manifest import (
    ACCEPTED_TYPES,
    UnusableManifest,
    parse_digest_header,
    parse_manifest,
    parse_media_type,
)
from envid.errors import InputError

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-._~!#$%&'*+^`|", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
MEMBERS = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "digest",
    "size",
    "errors",
    "code",
    "message",
    "auths",
    "auth",
    "credHelpers",
    "credsStore",
    "identitytoken",
    "username",
    "password",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(MEMBERS) | st.text(max_size=8),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(
    st.lists(
        st.tuples(TOKENS, st.dictionaries(TOKENS.map(str.lower), VALUES, min_size=1, max_size=4)),
        min_size=1,
        max_size=3,
    )
)
def test_written_challenges_are_read_back(challenges: list[tuple[str, dict[str, str]]]) -> None:
    value = ", ".join(
        f"{scheme} " + ",".join(f"{name}={quoted(text)}" for name, text in parameters.items())
        for scheme, parameters in challenges
    )
    read = [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges([value])]
    assert read == [(scheme.lower(), parameters) for scheme, parameters in challenges]


@given(st.lists(st.text(), max_size=3))
def test_any_challenge_header_is_read_without_a_fault(values: list[str]) -> None:
    for challenge in parse_challenges(values):
        assert challenge.scheme == challenge.scheme.lower()
        assert all(name == name.lower() for name in challenge.parameters)


@given(st.text(alphabet='Bearer ="\\,\t realm', max_size=200))
def test_challenge_headers_near_the_grammar_are_read_without_a_fault(value: str) -> None:
    parse_challenges([value])


@given(st.integers(0, 10**9 - 1))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert parse_retry_after(str(seconds), server_date=None, now=0.0) == seconds


@given(st.integers(0, 4 * 10**9), st.integers(-(10**6), 10**6), st.floats(0, 4e9))
def test_retry_after_as_a_date_does_not_depend_on_our_clock(sent: int, wait: int, now: float) -> None:
    until = max(0, sent + wait)
    found = parse_retry_after(formatdate(until, usegmt=True), server_date=formatdate(sent, usegmt=True), now=now)
    assert found == max(0, until - sent)


@given(st.text(), st.none() | st.text())
def test_any_retry_after_is_nothing_or_a_wait(value: str, date: str | None) -> None:
    found = parse_retry_after(value, server_date=date, now=1e9)
    assert found is None or found >= 0


@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_error_body_gives_printable_faults(body: bytes) -> None:
    for fault in parse_faults(body):
        assert str(fault).isprintable() or "\N{REPLACEMENT CHARACTER}" in str(fault) or not str(fault).isascii()
        assert len(str(fault)) < 300
        assert "\x1b" not in str(fault)


@given(st.text())
def test_a_digest_header_is_a_digest_or_nothing(value: str) -> None:
    found = parse_digest_header(value)
    assert found is None or found == value.strip(" \t")


@given(
    st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([*ACCEPTED_TYPES, "", "application/json"]) | st.text(max_size=20).map(parse_media_type),
)
def test_any_body_is_a_manifest_of_an_accepted_type_or_refused(body: bytes, content_type: str) -> None:
    try:
        content = parse_manifest(body, content_type)
    except UnusableManifest:
        return
    assert content.media_type in ACCEPTED_TYPES
    assert content_type in {content.media_type, "", "application/json", "text/plain", "application/octet-stream"}


@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_docker_config_is_read_or_refused(content: bytes) -> None:
    try:
        DockerConfig.parse(content, where="config.json")
    except InputError as error:
        assert error.exit_code == 2  # noqa: PT017 - both outcomes are allowed; no other exception is

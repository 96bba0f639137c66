"""The JSON door never ends in anything but a value or an error of ours, and canonical bytes have one spelling."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envid.core.deploy import Deploy
from envid.core.strictjson import canonical_json, parse_json, parse_model
from envid.errors import InputError
from tests.support.builders import deploy_json

texts = st.text(st.characters(codec="utf-8"), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
PIECES = [
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"a", b"1", b"e9", b"-", b"\\ud800", b"\xff", b" ",
    b"null", b"NaN", b"\n", b'"a":1',
]  # fmt: skip
fragments = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


@given(values)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse_json(canonical_json(value), where="x") == value


@given(values)
def test_reading_agrees_with_the_standard_library(value: Any) -> None:
    for indent in (None, 1):
        assert parse_json(json.dumps(value, indent=indent).encode(), where="x") == value


@given(st.dictionaries(texts, values, max_size=5), st.randoms())
def test_canonical_bytes_do_not_follow_the_order_of_members(value: dict[str, Any], random: Any) -> None:
    members = list(value.items())
    random.shuffle(members)
    assert canonical_json(dict(members)) == canonical_json(value)


@given(st.binary(max_size=40) | fragments)
def test_any_bytes_are_a_value_or_an_error_of_ours(content: bytes) -> None:
    with contextlib.suppress(InputError):
        parse_json(content, where="x")


@given(values)
def test_any_json_is_a_deploy_json_or_an_error_of_ours(value: Any) -> None:
    for document in (value, {"schemaVersion": "agentrun.deploy/1", "services": value}, deploy_json(env=value)):
        with contextlib.suppress(InputError):
            parse_model(Deploy, canonical_json(document), where="x")

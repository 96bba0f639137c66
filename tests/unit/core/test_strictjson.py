"""The JSON door: what parsers disagree on is refused, and every fault has its place."""

from __future__ import annotations

import json

import pytest
from pydantic import Field

from envid.core.model.whole import StrictModel
from envid.core.strictjson import MAX_JSON_BYTES, canonical_json, parse_json, parse_model
from envid.errors import InputError


class Inner(StrictModel):
    some_number: int


class Outer(StrictModel):
    name: str
    inner: tuple[Inner, ...] = Field(strict=False)
    by_key: dict[str, Inner] = Field(default_factory=dict)


def faults_of(content: bytes) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_json(content, where="f.json")
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"x": {"a": 1, "\\u0061": 1}}', "'a' stands twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "byte order mark"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b"[" * 65 + b"]" * 65, "nested 65 deep"),
        (b"[" * 100_000, "nested 100000 deep"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\uDFFF": 1}', "surrogate"),
        (b"[1,]", "f.json:1"),
        (b"{\n\n'a': 1}", "f.json:3"),
        (b"", "f.json:1"),
        (b"1" * 5000, "f.json"),
        (b'{"a": 1} x', "f.json:1"),
    ],
)
def test_what_is_refused(content: bytes, words: str) -> None:
    assert words in "\n".join(faults_of(content))


def test_a_document_over_the_limit_is_refused_unread() -> None:
    assert str(MAX_JSON_BYTES) in faults_of(b" " * (MAX_JSON_BYTES + 1))[0]


def test_brackets_in_strings_are_no_nesting() -> None:
    assert parse_json(json.dumps(["[" * 500, '\\"[' * 500]).encode(), where="x") == ["[" * 500, '\\"[' * 500]


def test_a_whole_surrogate_pair_is_a_character_and_an_escaped_backslash_is_none() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]', where="x") == ["\U0001f600", "\\ud800"]


def test_hostile_text_is_refused_in_linear_time() -> None:
    """Half a megabyte that took a quadratic reader an hour."""
    assert faults_of(b'"' + b'\\"' * 250_000)
    assert faults_of(b"{" + b",".join(b'"%d": 1' % (n // 2) for n in range(100_000)) + b"}")


def test_every_fault_of_a_model_is_named_by_its_path() -> None:
    content = (
        b'{"inner": [{"someNumber": "1"}, {"someNumber": 1, "x": 2}], "byKey": {"a b": {}, "c": {"someNumber": 1.0}}}'
    )
    with pytest.raises(InputError) as caught:
        parse_model(Outer, content, where="f.json")
    assert [fault.where for fault in caught.value.faults] == [
        "f.json: $.byKey.c.someNumber",
        'f.json: $.byKey["a b"].someNumber',
        "f.json: $.inner[0].someNumber",
        "f.json: $.inner[1].x",
        "f.json: $.name",
    ]


@pytest.mark.parametrize("content", [b"null", b"[]", b'"x"', b"1", b'{"name": "\\ud800", "inner": []}'])
def test_another_shape_is_a_fault_and_no_traceback(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_model(Outer, content, where="f.json")
    assert caught.value.faults


def test_the_canonical_spelling() -> None:
    assert (
        canonical_json({"b": [1, True, None], "a": "ü"})
        == b'{\n  "a": "\xc3\xbc",\n  "b": [\n    1,\n    true,\n    null\n  ]\n}\n'
    )
    with pytest.raises(ValueError, match="nan"):
        canonical_json(float("nan"))

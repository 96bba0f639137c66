"""Text for people: tables line up, and nothing from a repository steers the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envid.text import clean, table


def test_columns_line_up_and_the_last_is_not_padded() -> None:
    assert table(("a", "long", "z"), [("wide", "b", "c"), ("x", "y", "")]) == [
        "a     long  z",
        "----  ----  -",
        "wide  b     c",
        "x     y",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("one", "two"), []) == ["one  two", "---  ---"]


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "a\rb", "\x07", "\x9b1m", "\u202egnp", "\u2066x", "\x7f", "\udcff", "\x00"]
)
def test_what_a_terminal_would_obey_is_replaced(text: str) -> None:
    assert "\N{REPLACEMENT CHARACTER}" in clean(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fetch http://me:pass@host/x.git failed", "fetch http://***@host/x.git failed"),
        ("https://token@host/x", "https://***@host/x"),
        ("HTTPS://me:p%40ss@host:1/x, ssh://me:pass@host/x", "HTTPS://***@host:1/x, ssh://me:***@host/x"),
        ("ssh://git@host/x.git", "ssh://git@host/x.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("docker://127.0.0.1:5000/a/b@sha256:00", "docker://127.0.0.1:5000/a/b@sha256:00"),
        ("http://host/a@b", "http://host/a@b"),
    ],
)
def test_a_urls_login_is_not_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_ordinary_text_stays() -> None:
    text = "deploy/ünï ✓ → 漢字\n\ttab"
    assert clean(text) == text


@given(st.text(st.characters()))
def test_whatever_comes_can_be_printed(text: str) -> None:
    shown = clean(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(c) == "Cc" for c in shown if c not in "\n\t")
    assert len(shown) == len(text)

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


def test_ordinary_text_stays() -> None:
    text = "deploy/ünï ✓ → 漢字\n\ttab"
    assert clean(text) == text


@given(st.text(st.characters()))
def test_whatever_comes_can_be_printed(text: str) -> None:
    shown = clean(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(c) == "Cc" for c in shown if c not in "\n\t")
    assert len(shown) == len(text)

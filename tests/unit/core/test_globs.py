"""Patterns for declared inputs: a table of what matches."""

import pytest

from envid.core.globs import is_pattern, matches, static_prefix


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a.json", "a.json", True),
        ("a.json", "aXjson", False),
        ("a.json", "b/a.json", False),
        ("boot/*.sh", "boot/a.sh", True),
        ("boot/*.sh", "boot/.sh", True),
        ("boot/*.sh", "boot/deep/a.sh", False),
        ("boot/*.sh", "boot/a.sh.bak", False),
        ("boot/?.sh", "boot/a.sh", True),
        ("boot/?.sh", "boot/ab.sh", False),
        ("boot/a?b", "boot/a/b", False),
        ("p/**", "p/a", True),
        ("p/**", "p/a/b/c", True),
        ("p/**", "p", False),
        ("p/**", "pp/a", False),
        ("p/**/x", "p/x", True),
        ("p/**/x", "p/a/b/x", True),
        ("p/**/x", "p/ax", False),
        ("p/**x", "p/a/bx", True),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a+b(c)", "a+b(c)", True),
        ("boot/*", "boot/new\nline", True),
        ("boot/*.sh", "boot/a.sh\n", False),
    ],
)
def test_what_matches(pattern: str, path: str, *, expected: bool) -> None:
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("a/b/*.sh", "a/b"), ("a/b*/c", "a"), ("**/x", ""), ("*.json", ""), ("a/b/c", "a/b"), ("a", "")],
)
def test_every_match_lies_below_the_static_prefix(pattern: str, prefix: str) -> None:
    assert static_prefix(pattern) == prefix


@pytest.mark.parametrize(("text", "expected"), [("a", False), ("a*", True), ("a?", True), ("[a]", False), ("", False)])
def test_what_is_a_pattern(text: str, *, expected: bool) -> None:
    assert is_pattern(text) is expected

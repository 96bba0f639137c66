"""Patterns against a slow, obvious matcher of our own."""

from hypothesis import given
from hypothesis import strategies as st

from envid.core.globs import is_pattern, matches, static_prefix

paths = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)
patterns = st.lists(st.sampled_from(["a", "b", ".", "/", "*", "**", "**/", "?"]), min_size=1, max_size=6).map("".join)


def obvious(pattern: str, path: str) -> bool:
    """Try every way, one piece at a time."""
    if not pattern:
        return not path
    if pattern.startswith("**/"):
        folders = [
            path[end + 1 :] for end, c in enumerate(path) if c == "/" and path[0] != "/" and "//" not in path[:end]
        ]
        return any(obvious(pattern[3:], rest) for rest in [path, *folders])
    if pattern.startswith("**"):
        return any(obvious(pattern[2:], path[n:]) for n in range(len(path) + 1))
    if pattern[0] == "*":
        free = len(path) if "/" not in path else path.index("/")
        return any(obvious(pattern[1:], path[n:]) for n in range(free + 1))
    if pattern[0] == "?":
        return bool(path) and path[0] != "/" and obvious(pattern[1:], path[1:])
    return path[:1] == pattern[0] and obvious(pattern[1:], path[1:])


@given(patterns, paths)
def test_matching_agrees_with_the_obvious_matcher(pattern: str, path: str) -> None:
    assert matches(pattern, path) == obvious(pattern, path)


@given(patterns, paths)
def test_a_match_lies_below_the_static_prefix(pattern: str, path: str) -> None:
    if matches(pattern, path):
        prefix = static_prefix(pattern)
        assert not prefix or path.startswith(f"{prefix}/") or prefix.startswith("/")


@given(paths)
def test_a_path_matches_itself_and_only_itself(path: str) -> None:
    assert not is_pattern(path)
    assert matches(path, path)
    assert not matches(path, f"{path}x")
    assert matches("**", path)

import contextlib
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from envid.core.packages import LockedPackage, PackageLock, diff_locks, format_lock, parse_lock, parse_wanted
from envid.errors import InputError

names = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,12}", fullmatch=True)
versions = st.from_regex(r"([0-9]{1,2}:)?[A-Za-z0-9.+~-]{1,12}", fullmatch=True)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


def packages(hash_strategy: st.SearchStrategy[str | None]) -> st.SearchStrategy[tuple[LockedPackage, ...]]:
    one = st.builds(LockedPackage, names, versions, st.sampled_from(["amd64", "all"]), hash_strategy)
    return st.lists(one, max_size=6, unique_by=lambda p: p.name).map(lambda found: tuple(sorted(found, key=str)))


def ordered(lock: PackageLock) -> PackageLock:
    return replace(lock, base=tuple(sorted(lock.base)), install=tuple(sorted(lock.install)))


locks = st.builds(
    PackageLock,
    architecture=st.just("amd64"),
    base=packages(st.none()),
    install=packages(hashes),
)


@given(locks)
def test_what_is_written_is_read_back(lock: PackageLock) -> None:
    assert parse_lock(format_lock(lock), where="lock") == ordered(lock)


@given(locks, locks)
def test_two_locks_with_the_same_text_are_the_same(one: PackageLock, other: PackageLock) -> None:
    assert (format_lock(one) == format_lock(other)) == (ordered(one) == ordered(other))


@given(locks, locks)
def test_a_difference_is_empty_exactly_between_equal_images_and_turns_around(
    one: PackageLock, other: PackageLock
) -> None:
    forward, backward = diff_locks(one, other), diff_locks(other, one)
    assert [(c.name, c.old, c.new) for c in forward] == [(c.name, c.new, c.old) for c in backward]
    assert diff_locks(one, one) == ()
    if {(p.name, p.version) for p in one.packages} != {(p.name, p.version) for p in other.packages}:
        assert forward


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read_and_never_crash_the_reader(content: bytes) -> None:
    with contextlib.suppress(InputError):
        lock = parse_lock(content, where="file")
        assert parse_lock(format_lock(lock), where="file") == lock
    with contextlib.suppress(InputError):
        assert all(re.fullmatch(r"[a-z0-9+.-]+", name) for name in parse_wanted(content, where="file"))


@given(locks, st.data())
def test_a_changed_line_never_gives_the_same_lock(lock: PackageLock, data: st.DataObject) -> None:
    text = format_lock(lock)
    position = data.draw(st.integers(text.index(b"\n") + 1, len(text) - 1))
    changed = text[:position] + data.draw(st.binary(min_size=1, max_size=1)) + text[position + 1 :]
    if changed == text:
        return
    try:
        parsed = parse_lock(changed, where="lock")
    except InputError:
        return
    # only a line that became a comment, or a line end, may leave a lock; then it is another one
    assert parsed != ordered(lock) or changed.replace(b"\n\n", b"\n") == text

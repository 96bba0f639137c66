"""Locks and JSON from nowhere good: nothing but `InputError` comes out, and a diff has two mirrored sides."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envid.core.bunlock import graph_of, read_lock
from envid.core.explain import Change, PackageChangeKind, diff_json_values, diff_lines, diff_locks
from envid.core.jsonc import parse_jsonc
from envid.errors import InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)
NAMES = st.sampled_from(["a", "b", "c", "@s/d", "e"])
RANGES = st.dictionaries(NAMES, st.sampled_from(["1", "^2", "catalog:"]), max_size=3)
INFO = st.fixed_dictionaries(
    {},
    optional={
        "dependencies": RANGES,
        "optionalDependencies": RANGES,
        "peerDependencies": RANGES,
        "devDependencies": RANGES,
        "optionalPeers": st.lists(NAMES, max_size=2),
        "bundled": st.just(True),  # noqa: FBT003 - a value, not a flag
    },
)
INTEGRITY = st.sampled_from(["sha512-x", "sha512-y", ""])


@st.composite
def rows(draw: st.DrawFn, name: str) -> list[Any]:
    info = draw(INFO)
    kind = draw(st.sampled_from(["npm", "npm", "file", "git", "tarball"]))
    version = draw(st.sampled_from(["1.0.0", "2.0.0"]))
    match kind:
        case "npm":
            return [f"{name}@{version}", "", info, draw(INTEGRITY)]
        case "file":
            return [f"{name}@file:{version}", info]
        case "git":
            return [f"{name}@git+https://git.example/{name}#{version}", info, version]
        case _:
            return [f"{name}@https://files.example/{version}.tgz", info, draw(INTEGRITY)]


@st.composite
def locks(draw: st.DrawFn) -> bytes:
    packages = {}
    for parts in draw(st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=8)):
        packages["/".join(parts)] = draw(rows(parts[-1]))
    manifest = {"name": "root", **draw(INFO)}
    document = {
        "lockfileVersion": draw(st.sampled_from([0, 1, 2, 3])),
        "workspaces": {"": manifest, "packages/w": {"name": "w", **draw(INFO)}},
        "trustedDependencies": draw(st.lists(NAMES, max_size=2)),
        "packages": packages,
    }
    return json.dumps(document).encode()


@given(st.binary() | st.text().map(str.encode))
def test_bytes_from_anywhere_give_a_value_or_an_input_error(content: bytes) -> None:
    for read in (lambda: parse_jsonc(content, where="f"), lambda: read_lock(content)):
        try:
            read()
        except InputError as error:
            assert error.faults or error.cause  # noqa: PT017 - nothing else may come out, and it says why


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "lockfileVersion": st.sampled_from([0, 1, 9]) | JSON,
            "configVersion": JSON,
            "workspaces": st.dictionaries(st.sampled_from(["", "w"]), INFO | JSON) | JSON,
            "packages": st.dictionaries(st.text(max_size=6), st.lists(JSON | INFO, max_size=4) | JSON, max_size=4),
            "overrides": JSON,
            "catalog": JSON,
            "trustedDependencies": JSON,
        },
    )
)
def test_json_of_the_wrong_shape_gives_a_lock_or_every_fault(document: dict[str, Any]) -> None:
    try:
        lock = read_lock(json.dumps(document).encode())
    except InputError as error:
        assert error.faults  # noqa: PT017 - as above
    else:
        graph_of(lock)


@given(JSON)
def test_jsonc_reads_what_json_says(value: Any) -> None:
    assert parse_jsonc(json.dumps(value).encode(), where="f") == value


@given(locks())
def test_the_graph_of_any_lock_holds_together(content: bytes) -> None:
    lock = read_lock(content)
    graph = graph_of(lock)
    assert graph.production <= graph.reached <= set(lock.packages)
    assert graph.direct <= graph.reached
    for place in graph.reached:
        way = graph.path_to(place)
        assert way
        assert place == way[-1] or place.endswith(f"/{way[-1]}")
    assert all(graph.path_to(place) == () for place in set(lock.packages) - graph.reached)


@given(locks(), locks())
def test_a_lock_diff_has_two_mirrored_sides(old: bytes, new: bytes) -> None:
    there, back = diff_locks(old, new), diff_locks(new, old)
    swapped = {PackageChangeKind.ADDED: PackageChangeKind.REMOVED, PackageChangeKind.REMOVED: PackageChangeKind.ADDED}
    assert [(c.place, c.change, c.elsewhere, c.old, c.new) for c in there.packages] == [
        (c.place, swapped.get(c.change, c.change), c.elsewhere, c.new, c.old)
        for c in sorted(back.packages, key=lambda c: [x.place for x in there.packages].index(c.place))
    ]
    assert there.production_changed == back.production_changed
    assert there.formatting_only == back.formatting_only
    assert diff_locks(old, old).packages == ()


@given(locks(), locks())
def test_every_place_that_differs_is_told_and_no_other(old: bytes, new: bytes) -> None:
    before, after = json.loads(old)["packages"], json.loads(new)["packages"]
    told = {change.place for change in diff_locks(old, new).packages if change.change is not PackageChangeKind.REACH}
    differ = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
    assert told <= differ
    reach = {c.place for c in diff_locks(old, new).packages if c.change is PackageChangeKind.REACH}
    assert {p for p in differ if not _only_empty_integrity(before.get(p), after.get(p))} <= told | reach


def _only_empty_integrity(old: list[Any] | None, new: list[Any] | None) -> bool:
    """A tarball row may say that it has no integrity, or leave it out."""
    return bool(old and new) and [x for x in old or [] if x != ""] == [x for x in new or [] if x != ""]


@given(JSON, JSON)
def test_a_json_diff_has_two_mirrored_sides(old: Any, new: Any) -> None:
    there, back = diff_json_values(old, new), diff_json_values(new, old)
    swapped = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED, Change.CHANGED: Change.CHANGED}

    def plain(path: str, change: Change, one: Any, other: Any) -> str:
        return json.dumps([path, change, one, other], sort_keys=True)

    assert sorted(plain(c.path, c.change, c.old, c.new) for c in there) == sorted(
        plain(c.path, swapped[c.change], c.new, c.old) for c in back
    )
    assert diff_json_values(old, old) == ()
    if not there:
        assert old == new


TEXT = st.lists(st.sampled_from(["a", "b", "c", "", "d\r"]), max_size=12).map(lambda lines: "\n".join(lines).encode())


@given(TEXT, TEXT)
def test_a_line_diff_has_two_mirrored_sides_and_holds_every_change(old: bytes, new: bytes) -> None:
    there, back = diff_lines(old, new), diff_lines(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    lines = [line for hunk in there.hunks for line in hunk.lines]
    mirrored = [line for hunk in back.hunks for line in hunk.lines]
    assert {(x.op, x.old, x.new, x.text) for x in lines if x.op != "+"} == {
        ({"+": "-", " ": " "}[x.op], x.new, x.old, x.text) for x in mirrored if x.op != "-"
    }
    assert sum(x.op == "+" for x in lines) == there.added
    for hunk in there.hunks:
        first, last = hunk.lines[0], hunk.lines[-1]
        assert len([x for x in hunk.lines if x.op == " "]) < len(hunk.lines)
        assert (first.old or first.new) is not None
        assert (last.old or last.new) is not None
    if old != new:
        assert lines or there.notes

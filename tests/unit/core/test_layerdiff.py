"""Which file differs between two layers, and in what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envid.core.layerdiff import Aspect, ImageDifference, Layer, Member, diff_members, pair_up
from tests.support.builders import digest

FILE = Member(path="etc/stamp", kind="file", mode=0o644, owner="0:0", mtime=315532800.0, size=5, content="a" * 64)
LINK = Member(path="bin", kind="symlink", mode=0o777, owner="0:0", mtime=315532800.0, target="usr/bin")


@pytest.mark.parametrize(
    ("changed", "aspect", "told"),
    [
        (replace(FILE, content="b" * 64), Aspect.CONTENT, "etc/stamp: content"),
        (replace(FILE, content="b" * 64, size=6), Aspect.CONTENT, "etc/stamp: content (5 → 6 bytes)"),
        (replace(FILE, mode=0o755), Aspect.MODE, "etc/stamp: mode 0644 → 0755"),
        (replace(FILE, owner="1:0"), Aspect.OWNER, "etc/stamp: owner 0:0 → 1:0"),
        (
            replace(FILE, mtime=315532801.0),
            Aspect.MTIME,
            "etc/stamp: mtime 1980-01-01T00:00:00Z → 1980-01-01T00:00:01Z",
        ),
        (replace(FILE, attributes=(("SCHILY.xattr.user.x", "1"),)), Aspect.ATTRIBUTES, "etc/stamp: attributes"),
        (replace(FILE, kind="folder", content="", size=0), Aspect.KIND, "etc/stamp: file → folder"),
    ],
)
def test_each_property_of_a_file_is_compared_and_told(changed: Member, aspect: Aspect, told: str) -> None:
    (found,) = diff_members([FILE, LINK], [changed, LINK])
    assert found.aspects == (aspect,)
    assert str(found) == told


def test_where_a_link_points_is_compared() -> None:
    (found,) = diff_members([LINK], [replace(LINK, target="usr/sbin")])
    assert str(found) == "bin: link usr/bin → usr/sbin"


def test_added_and_removed_files_are_named() -> None:
    found = diff_members([FILE], [LINK])
    assert [str(one) for one in found] == ["bin: added", "etc/stamp: removed"]


def test_a_path_that_stands_twice_is_compared_one_by_one() -> None:
    second = replace(FILE, content="b" * 64)
    assert diff_members([FILE, second], [FILE, second]) == ()
    assert [str(one) for one in diff_members([FILE, second], [FILE])] == ["etc/stamp: removed"]


def test_the_order_of_a_tar_is_no_difference_of_a_file() -> None:
    assert diff_members([FILE, LINK], [LINK, FILE]) == ()


def test_a_time_that_no_calendar_has_is_told_as_a_number() -> None:
    (found,) = diff_members([FILE], [replace(FILE, mtime=1e30)])
    assert str(found).endswith("→ 1e+30")


def test_only_layers_that_differ_are_paired_and_a_missing_one_is_said() -> None:
    same = Layer(digest(1), "ADD rootfs")
    old = (same, Layer(digest(2), "RUN date"), Layer(digest(3), "COPY x"))
    new = (same, Layer(digest(4), "RUN date"))
    changed, lacking = pair_up(old, new)
    assert (changed.number, changed.created_by, changed.old, changed.new) == (2, "RUN date", digest(2), digest(4))
    assert (lacking.number, lacking.new, lacking.note) == (3, None, "only the promoted image has this layer")
    assert pair_up(old, old) == ()


def test_equal_digests_are_no_difference() -> None:
    assert not ImageDifference(old=digest(1), new=digest(1))
    assert ImageDifference(old=digest(1), new=digest(2))

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envid.core.explain import LockDiff, PackageChangeKind, diff_locks
from envid.core.explain.summary import lock_summary, package_text

GOLDEN = Path(__file__).parents[2] / "golden" / "bunlock"
ROOT = {"dependencies": {"elysia": "^1"}, "devDependencies": {"eslint": "^9"}}


def npm(name: str, version: str, integrity: str = "sha512-x", registry: str = "", **info: object) -> list[object]:
    return [f"{name}@{version}", registry, info, integrity]


def lock(packages: Mapping[str, object], root: Mapping[str, object] = ROOT, **more: object) -> bytes:
    return json.dumps(
        {"lockfileVersion": 1, "workspaces": {"": {"name": "x", **root}}, "packages": packages, **more}
    ).encode()


BASE: dict[str, Any] = {
    "elysia": npm("elysia", "1.4.21", dependencies={"cookie": "1"}),
    "cookie": npm("cookie", "1.0.0"),
    "eslint": npm("eslint", "9.0.0", dependencies={"ajv": "6"}),
    "ajv": npm("ajv", "6.0.0"),
}


def told(diff: LockDiff) -> list[str]:
    return [package_text(change) for change in diff.packages]


def test_equal_locks_give_no_change() -> None:
    diff = diff_locks(lock(BASE), lock(BASE))
    assert (diff.packages, diff.manifest, diff.production_changed, diff.formatting_only) == ((), (), False, False)


def test_versions_are_told_with_labels_the_weightiest_first() -> None:
    new = BASE | {
        "elysia": npm("elysia", "1.4.22", dependencies={"cookie": "1"}),
        "cookie": npm("cookie", "1.1.0"),
        "eslint": npm("eslint", "9.1.0", dependencies={"ajv": "6"}),
        "ajv": npm("ajv", "6.1.0"),
    }
    diff = diff_locks(lock(BASE), lock(new))
    assert told(diff) == [
        "elysia 1.4.21 → 1.4.22 (direct, production)",
        "eslint 9.0.0 → 9.1.0 (direct, dev-only)",
        "cookie 1.0.0 → 1.1.0 (via elysia, production)",
        "ajv 6.0.0 → 6.1.0 (via eslint, dev-only)",
    ]
    assert lock_summary(diff) == "elysia 1.4.21 → 1.4.22 (direct, production) and 3 more"
    assert diff.production_changed is True


def test_a_dev_change_leaves_production_unchanged() -> None:
    diff = diff_locks(lock(BASE), lock(BASE | {"ajv": npm("ajv", "6.1.0")}))
    assert diff.production_changed is False
    assert [change.production for change in diff.packages] == [False]


def test_a_package_counts_as_production_if_it_was_on_either_side() -> None:
    new = {key: row for key, row in BASE.items() if key != "cookie"} | {"elysia": npm("elysia", "1.4.21")}
    diff = diff_locks(lock(BASE), lock(new))
    assert told(diff) == [
        "cookie 1.0.0 removed (via elysia, production)",
        "elysia 1.4.21 has other details (direct, production)",
    ]
    assert diff.production_changed is True


def test_other_bytes_at_the_same_version_are_told() -> None:
    diff = diff_locks(lock(BASE), lock(BASE | {"cookie": npm("cookie", "1.0.0", "sha512-other")}))
    assert [change.change for change in diff.packages] == [PackageChangeKind.INTEGRITY]
    assert told(diff) == ["cookie 1.0.0 has other bytes (integrity) (via elysia, production)"]
    assert diff.production_changed is True


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            ["cookie@git+https://git.example/cookie#abc", {}, "abc"],
            "cookie npm:1.0.0 → git+https://git.example/cookie#abc (via elysia, production)",
        ),
        (npm("biscuit", "1.0.0"), "cookie cookie@1.0.0 → biscuit@1.0.0 (via elysia, production)"),
        (
            npm("cookie", "1.0.0", registry="https://npm.example/"),
            "cookie 1.0.0 from the default registry → 1.0.0 from https://npm.example/ (via elysia, production)",
        ),
    ],
)
def test_another_origin_is_told(row: list[object], text: str) -> None:
    diff = diff_locks(lock(BASE), lock(BASE | {"cookie": row}))
    assert [change.change for change in diff.packages] == [PackageChangeKind.RESOLUTION]
    assert told(diff) == [text]


def test_another_commit_of_one_repository_is_a_version() -> None:
    rows: list[dict[str, object]] = [
        {"elysia": [f"elysia@git+https://git.example/e#{c}", {}, c]} for c in ("aaa", "bbb")
    ]
    assert [c.change for c in diff_locks(lock(rows[0]), lock(rows[1])).packages] == [PackageChangeKind.VERSION]


def test_a_row_that_enters_production_unchanged_is_told() -> None:
    root = {"dependencies": {"elysia": "^1", "ajv": "^6"}, "devDependencies": {"eslint": "^9"}}
    diff = diff_locks(lock(BASE), lock(BASE, root))
    assert told(diff) == ["ajv 6.0.0 is now production (direct, production)"]
    assert [change.path for change in diff.manifest] == ['$.workspaces[""].dependencies.ajv']
    assert diff.production_changed is True


def test_a_copy_elsewhere_is_told_as_such() -> None:
    diff = diff_locks(lock(BASE), lock(BASE | {"elysia/cookie": npm("cookie", "1.0.0"), "cookie": npm("cookie", "2")}))
    assert told(diff) == [
        "cookie 1.0.0 → 2 (via elysia, production)",
        "cookie 1.0.0 added (via elysia, production, another copy)",
    ]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"patchedDependencies": {"cookie@1.0.0": "patches/cookie.patch"}}, "$.patchedDependencies"),
        ({"trustedDependencies": ["cookie"]}, "$.trustedDependencies"),
    ],
)
def test_a_patch_or_trust_of_a_production_package_changes_production(more: dict[str, Any], path: str) -> None:
    diff = diff_locks(lock(BASE), lock(BASE, **more))
    assert diff.packages == ()
    assert diff.production_changed is True
    assert [change.path for change in diff.manifest] == [path]
    assert lock_summary(diff).startswith(f"no package changed; {path} added: ")


def test_a_range_alone_changes_no_package() -> None:
    root = {"dependencies": {"elysia": "^1.4"}, "devDependencies": {"eslint": "^9"}}
    diff = diff_locks(lock(BASE), lock(BASE, root))
    assert lock_summary(diff) == 'no package changed; $.workspaces[""].dependencies.elysia "^1" → "^1.4"'
    assert diff.production_changed is False


def test_white_space_alone_is_formatting() -> None:
    diff = diff_locks(lock(BASE), lock(BASE).replace(b", ", b",\n"))
    assert diff.formatting_only
    assert lock_summary(diff) == "formatting only; bytes count, meaning did not change"


def test_the_lock_versions_of_one_project_differ_only_where_the_format_does() -> None:
    old, new = ((GOLDEN / f"workspaces-v{v}.lock").read_bytes() for v in (1, 2))
    diff = diff_locks(old, new)
    assert diff.packages == ()
    assert [(c.path, c.old, c.new) for c in diff.manifest] == [("$.lockfileVersion", 1, 2)]


def test_a_lock_that_bun_would_refuse_is_noted() -> None:
    diff = diff_locks(lock(BASE), lock({key: row for key, row in BASE.items() if key != "cookie"}))
    assert diff.notes == (
        "the new lock has no package for cookie (of elysia); bun install --frozen-lockfile refuses it",
    )


def test_a_newer_config_version_is_noted() -> None:
    diff = diff_locks(lock(BASE), lock(BASE, configVersion=9))
    assert diff.notes == ("the new lock has configVersion 9, which is newer than this reader knows",)


@pytest.mark.parametrize(
    "broken", [b"{", b'{"lockfileVersion": 99}', b"\xff", b"#!/usr/bin/env bun\nbun-lockfile-format-v0\n"]
)
def test_an_unreadable_lock_is_compared_by_line_with_the_reason(broken: bytes) -> None:
    there, back = diff_locks(lock(BASE), broken), diff_locks(broken, lock(BASE))
    assert there.errors[0].startswith("the new one can't be read: bun.lock ")
    assert back.errors[0].startswith("the old one can't be read: bun.lock ")
    assert there.lines is not None
    assert there.lines.added + there.lines.removed > 0
    assert there.packages == ()
    assert there.production_changed is None


def test_passwords_in_locations_are_hidden() -> None:
    row = ["cookie@git+https://me:hunter2@git.example/cookie#abc", {}, "abc"]
    diff = diff_locks(lock(BASE), lock(BASE | {"cookie": row}))
    assert "hunter2" not in repr(diff)
    assert "git.example" in repr(diff)

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from envid.core.bunlock import BunLock, Source, graph_of, is_binary_lock, read_lock
from envid.core.jsonc import MAX_DEPTH, MAX_JSONC_BYTES, parse_jsonc
from envid.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden" / "bunlock"


def golden(name: str) -> BunLock:
    return read_lock((GOLDEN / name).read_bytes(), where=name)


def lock_text(packages: Mapping[str, object], root: Mapping[str, object] | None = None, **more: object) -> bytes:
    document = {"lockfileVersion": 1, "workspaces": {"": root or {"name": "x"}}, "packages": packages, **more}
    return json.dumps(document).encode()


def npm(name: str, version: str, **info: object) -> list[object]:
    return [f"{name}@{version}", "", info, f"sha512-{name}{version}"]


def faults_of(content: bytes) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_lock(content)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_each_version_that_bun_wrote_for_one_project_reads_alike(version: int) -> None:
    lock = golden(f"workspaces-v{version}.lock")
    assert lock.version == version
    assert {path: workspace.name for path, workspace in lock.workspaces.items() if path} == {
        "packages/a": "@shop/a",
        "packages/b": "@shop/b",
    }
    assert lock.packages["@shop/a"].source is Source.WORKSPACE
    assert lock.packages["@shop/a/ms"].version == "2.0.0"
    assert lock.packages["local-folder"].source is Source.FOLDER
    assert lock.packages["local-folder"].needs.dev == {"left-pad": "1.3.0"}
    assert lock.packages["pack"].source is Source.TARBALL
    assert (lock.packages["pack"].integrity is None) == (version == 0)
    assert lock.trusted == {"left-pad"}
    assert lock.manifest["overrides"] == {"supports-color": "7.2.0"}
    assert set(lock.packages) - graph_of(lock).production == {"is-number", "is-odd", "is-odd/is-number"}
    assert graph_of(lock).unresolved == ()


def test_catalogs_are_read() -> None:
    lock = golden("workspaces-v1.lock")
    assert lock.workspaces["packages/a"].needs.production["ms"] == "catalog:old"
    assert lock.manifest["catalogs"] == {"old": {"ms": "2.0.0"}}


def test_git_remote_tarball_and_patch_are_read() -> None:
    lock = golden("git-tarball-patch-v1.lock")
    git = lock.packages["gitdep"]
    assert (git.source, git.name, git.resolved) == (Source.GIT, "gitdep", "93959d2d9d16c1b2b798c63322338b3f230e996c")
    assert git.version == f"git+http://git.example/gitdep.git#{git.resolved}"
    tarball = lock.packages["pack"]
    assert (tarball.source, tarball.version) == (Source.TARBALL, "http://git.example/pack-1.0.0.tgz")
    assert tarball.integrity is not None
    assert lock.patched == {"is-odd@3.0.1": "patches/is-odd@3.0.1.patch"}


def test_aliases_and_bundled_packages_are_read() -> None:
    lock = golden("bundled-alias-v1.lock")
    assert (lock.packages["semver-x"].name, lock.packages["semver-x"].version) == ("semver", "7.6.0")
    assert lock.packages["@tailwindcss/oxide-wasm32-wasi/tslib"].bundled
    assert not lock.packages["lru-cache"].bundled
    assert graph_of(lock).path_to("@tailwindcss/oxide-wasm32-wasi/@emnapi/core") == (
        "@tailwindcss/oxide-wasm32-wasi",
        "@emnapi/core",
    )


def test_a_package_that_links_to_the_root_is_read() -> None:
    lock = golden("root-link-v1.lock")
    assert lock.packages["self"].source is Source.ROOT
    nameless = lock_text({"self": ["@root:", {}]})
    assert read_lock(nameless).packages["self"].name == ""


def test_scoped_overrides_of_version_3_are_read() -> None:
    assert golden("scoped-overrides-v3.lock").manifest["overrides"] == {"is-odd": {"is-number": "6.0.0"}}


def test_github_rows_are_read_with_and_without_integrity() -> None:
    row = ["a@github:o/r#abc1234", {}, "o-r-abc1234"]
    lock = read_lock(lock_text({"a": row, "b": ["b@github:o/b#1", {}, "o-b-1", "sha512-x"], "c": ["c@link:c", {}]}))
    assert (lock.packages["a"].source, lock.packages["a"].resolved) == (Source.GITHUB, "o-r-abc1234")
    assert lock.packages["b"].integrity == "sha512-x"
    assert lock.packages["c"].source is Source.LINK


def test_comments_and_trailing_commas_are_read() -> None:
    text = b'// top\n{"lockfileVersion": 1, /* x */ "workspaces": {"": {},},\n"packages": {},}\n'
    assert read_lock(text).packages == {}


def test_a_binary_lock_is_told_with_the_way_out() -> None:
    binary = b"#!/usr/bin/env bun\nbun-lockfile-format-v0\n\x03\x00"
    assert is_binary_lock(binary)
    with pytest.raises(InputError) as caught:
        read_lock(binary, where="bun.lockb")
    assert caught.value.code == "binary-lock"
    assert "--save-text-lockfile" in caught.value.remedy


@pytest.mark.parametrize("version", ["4", "99", "-1", "1.0", "true", '"1"', "null", "[]"])
def test_an_unknown_lock_version_is_told(version: str) -> None:
    with pytest.raises(InputError) as caught:
        read_lock(f'{{"lockfileVersion": {version}, "workspaces": {{"": {{}}}}}}'.encode())
    assert caught.value.code == "unknown-lock-version"
    assert version[:40] in str(caught.value.faults[0])


def test_a_missing_lock_version_is_told() -> None:
    assert faults_of(b"{}") == ["bun.lock: $.lockfileVersion: it is missing; 0, 1, 2, 3 are known"]


def test_a_newer_config_version_is_read_and_kept() -> None:
    assert read_lock(lock_text({}, configVersion=7)).config_version == 7
    assert faults_of(lock_text({}, configVersion="1")) == ["bun.lock: $.configVersion: it must be a whole number"]


def test_every_fault_is_told_at_once() -> None:
    packages = {
        "a": "text",
        "b": ["b"],
        "c": ["c@what:is/this", {}],
        "d": ["d@1.0.0", "", {}],
        "e//f": npm("f", "1.0.0"),
        "g": ["g@workspace:packages/none"],
        "h": npm("h", "1.0.0", dependencies={"x": 1}),
        "i": npm("i", "1.0.0", optionalPeers="x"),
    }
    told = faults_of(lock_text(packages, trustedDependencies={}))
    assert [fault.partition("]: ")[0].partition('"')[2].partition('"')[0] for fault in told[:6]] == [
        "a",
        "b",
        "c",
        "d",
        "e//f",
        "g",
    ]
    assert told[6] == 'bun.lock: $.packages["h"].dependencies: it must be an object of strings'
    assert told[7] == 'bun.lock: $.packages["i"].optionalPeers: it must be an array of strings'
    assert told[8] == "bun.lock: $.trustedDependencies: it must be an array of strings"


def test_a_flood_of_faults_is_bounded() -> None:
    with pytest.raises(InputError) as caught:
        read_lock(lock_text({str(n): [] for n in range(50)}))
    assert len(caught.value.faults) == 20
    assert caught.value.cause == "and 30 more"


@pytest.mark.parametrize(
    ("workspaces", "problem"),
    [
        ([], 'it must be an object with the root at ""'),
        ({"a": {"name": "a"}}, 'it must be an object with the root at ""'),
        ({"": 1}, "it must be an object"),
        ({"": {}, "a": {}}, "it must be a string"),
        ({"": {}, "a": {"name": "n"}, "b": {"name": "n"}}, "the workspace name 'n' stands twice"),
    ],
)
def test_broken_workspaces_are_told(workspaces: object, problem: str) -> None:
    text = json.dumps({"lockfileVersion": 1, "workspaces": workspaces, "packages": {}}).encode()
    assert [fault.rpartition(": ")[2] for fault in faults_of(text)] == [problem]


def test_a_merge_conflict_is_told_by_line() -> None:
    told = faults_of(b'{\n  "lockfileVersion": 1,\n<<<<<<< HEAD\n')
    assert told[0].startswith("bun.lock:3: ")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b'{"a": 1,\n "a": 2}', "f"),
        (b'{"a": [1, 2', "f:1"),
        (b"", "f:1"),
        (b"[1,,2]", "f:1"),
        (b"[NaN]", "f:1"),
        (b"[1e999]", "f"),
        (b"[" + b"1" * 5000 + b"]", "f"),
        (b"\xff\xfe{}", "f"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "f"),
        (b"[" * 200_000, "f"),
        (b" " * (MAX_JSONC_BYTES + 1), "f"),
    ],
    ids=["twice", "cut", "empty", "commas", "nan", "inf", "huge", "utf-16", "deep", "very deep", "large"],
)
def test_what_is_not_jsonc_is_told_with_its_place(text: bytes, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_jsonc(text, where="f")
    assert [fault.where for fault in caught.value.faults] == [where]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_jsonc(b'\xef\xbb\xbf{"a": 1}', where="f") == {"a": 1}


def test_the_deepest_nesting_is_read() -> None:
    assert parse_jsonc(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, where="f")


def test_duplicate_keys_that_agree_are_read_as_bun_reads_them() -> None:
    text = b'{"lockfileVersion": 1, "workspaces": {"": {"peerDependencies": {"a": "1", "b": "2", "a": "1"}}}}'
    assert read_lock(text).workspaces[""].needs.peer == {"a": "1", "b": "2"}
    for other in (b"1", b"true", b'"2"', b"1.0", b"[1]"):
        with pytest.raises(InputError):
            parse_jsonc(b'{"a": %s, "a": "1"}' % other, where="f")


def test_a_duplicate_key_is_named() -> None:
    with pytest.raises(InputError, match="the key 'b;' stands twice in one object"):
        parse_jsonc(b'{"a": 1, "b;": [], "c": {}, "b;": 2}', where="f")

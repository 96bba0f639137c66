from __future__ import annotations

import json
from pathlib import Path

import pytest
from blake3 import blake3
from jsonschema import Draft202012Validator

from envid.core.explain import (
    Change,
    Explanation,
    InputView,
    Reach,
    diff_image_references,
    diff_json,
    diff_lines,
    diff_system_packages,
    explain_inputs,
    explain_schema,
    to_json,
)
from envid.core.explain.lines import MAX_SHOWN_LINES
from envid.core.explain.summary import system_summary

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "explanation.schema.json"
GOLDEN = Path(__file__).parents[2] / "golden" / "bunlock"
FORMATTING = "formatting only; bytes count, meaning did not change"
SHA = "0" * 64


def file(name: str, content: bytes | str, mode: str = "100644", kind: str = "file") -> InputView:
    data = content.encode() if isinstance(content, str) else content
    return InputView(kind=kind, name=name, mode=mode, blake3=blake3(data).hexdigest(), content=data)


def value(kind: str, name: str, text: str) -> InputView:
    return InputView(kind=kind, name=name, mode="", blake3=blake3(text.encode()).hexdigest(), value=text)


def explain(old: InputView | None, new: InputView | None) -> Explanation:
    return explain_inputs({"x": old} if old else {}, {"x": new} if new else {})


def cause(old: InputView | None, new: InputView | None) -> str:
    (line,) = explain(old, new).causes
    return line


def test_equal_inputs_have_no_cause_and_are_named() -> None:
    view = file("package.json", "{}")
    found = explain_inputs({"a": view}, {"a": view})
    assert (found.changes, found.unchanged, found.production_changed, found.dev_only) == (
        (),
        ("package.json",),
        False,
        False,
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            file("bun.lock", (GOLDEN / "workspaces-v1.lock").read_bytes()),
            file("bun.lock", (GOLDEN / "workspaces-v1.lock").read_bytes().replace(b"debug@4.3.4", b"debug@4.3.5")),
            "bun.lock: debug 4.3.4 → 4.3.5 (direct, production)",
        ),
        (
            file("package.json", '{"dependencies": {"elysia": "1.4.21", "a": "1"}}'),
            file("package.json", '{"dependencies": {"elysia": "1.4.22", "a": "2"}}'),
            'package.json: $.dependencies.a "1" → "2" and 1 more',
        ),
        (
            file("tsconfig.json", '{"a": 1, "b": 2}'),
            file("tsconfig.json", '{\n  // why\n  "b": 2,\n  "a": 1,\n}'),
            f"tsconfig.json: {FORMATTING}",
        ),
        (
            file("tsconfig.json", "{}"),
            file("tsconfig.json", "{"),
            "tsconfig.json: 1 line added, 1 line removed, first at line 1; "  # noqa: ISC004 - one text
            "the new one can't be read: tsconfig.json is not JSON (tsconfig.json:1: unterminated object)",
        ),
        (
            file("deploy/runtime/boot/a.sh", "a\nb\nc\n"),
            file("deploy/runtime/boot/a.sh", "a\nb\nx\ny\n"),
            "deploy/runtime/boot/a.sh: 2 lines added, 1 line removed, first at line 3",
        ),
        (
            file("boot.sh", "a"),
            file("boot.sh", "a", "100755"),
            "boot.sh: mode 100644 → 100755",
        ),
        (
            file("boot.sh", "a\n"),
            file("boot.sh", "b\n", "100755"),
            "boot.sh: mode 100644 → 100755; 1 line added, 1 line removed, first at line 1",
        ),
        (
            value("base-image", "bun", f"registry.example/bun:1@sha256:{SHA}"),
            value("base-image", "bun", f"registry.example/bun:1@sha256:{'1' * 64}"),
            f'base-image bun: digest "sha256:{SHA[:31]}… → "sha256:{"1" * 31}…',
        ),
        (
            value("image-ref", "commitId", "a" * 8),
            value("image-ref", "commitId", "b" * 8),
            'image-ref commitId: "aaaaaaaa" → "bbbbbbbb"',
        ),
        (
            value("image-ref", "imageRef", '{"commitId": "a", "repoUrl": "u"}'),
            value("image-ref", "imageRef", '{"commitId": "b", "repoUrl": "u"}'),
            'image-ref imageRef: commitId "a" → "b"',
        ),
        (
            file("deploy/runtime/packages.lock", f"# x\ncurl 7.1 amd64 {SHA}\n"),
            file("deploy/runtime/packages.lock", f"curl 7.2 amd64 {SHA}\ngit 2.1 amd64 {SHA}\n"),
            "deploy/runtime/packages.lock: curl 7.1 → 7.2 and 1 more",
        ),
        (
            file("Dockerfile", "FROM a\n", kind="containerfile"),
            file("Containerfile", "FROM a\n", kind="containerfile"),
            "Containerfile: was Dockerfile",
        ),
        (None, file("patches/a.patch", "12345"), "patches/a.patch: added (5 bytes)"),
        (file("patches/a.patch", "12345"), None, "patches/a.patch: removed (5 bytes)"),
        (None, value("build-arg", "A", "1"), "build-arg A: added: 1"),
    ],
)
def test_each_kind_of_input_has_its_cause(old: InputView | None, new: InputView | None, text: str) -> None:
    assert cause(old, new) == text


def test_what_is_only_recorded_is_said_to_be_unknown() -> None:
    old = InputView(kind="file", name="bun.lock", mode="100644", blake3="1" * 64, size=10)
    found = explain(old, file("bun.lock", (GOLDEN / "root-link-v1.lock").read_bytes()))
    assert found.changes[0].notes == ("the old content is not known, so it can't be said what changed in it",)
    assert found.causes[0].startswith("bun.lock: changed, 10 → ")
    assert found.production_changed is None
    assert not found.dev_only


def test_both_sides_recorded_without_sizes_show_their_hashes() -> None:
    sides = [InputView(kind="file", name="a.sh", mode="100644", blake3=c * 64) for c in "12"]
    assert cause(*sides) == (
        f"a.sh: changed, {'1' * 12} → {'2' * 12}; the old and the new content is not known, "
        "so it can't be said what changed in it"
    )


def dev_lock(version: str) -> str:
    root = {"name": "x", "devDependencies": {"eslint": version}}
    packages = {"eslint": [f"eslint@{version}", "", {}, "sha512-x"]}
    return json.dumps({"lockfileVersion": 1, "workspaces": {"": root}, "packages": packages})


def test_a_rebuild_that_no_production_package_asked_for_is_dev_only() -> None:
    old = {
        "lock": file("bun.lock", dev_lock("9.0.0")),
        "package": file("package.json", '{"devDependencies": {"eslint": "9.0.0"}}'),
        "tsconfig": file("tsconfig.json", "{}"),
    }
    new = {
        "lock": file("bun.lock", dev_lock("9.1.0")),
        "package": file("package.json", '{"devDependencies": {"eslint": "9.1.0"}}'),
        "tsconfig": file("tsconfig.json", "{ }"),
    }
    found = explain_inputs(old, new)
    assert (found.dev_only, found.production_changed) == (True, False)
    assert [change.reach for change in found.changes] == [Reach.DEV_ONLY, Reach.DEV_ONLY, None]
    new["script"] = file("a.sh", "")
    assert not explain_inputs(old, new).dev_only


def test_an_executable_bit_is_never_dev_only() -> None:
    assert not explain(file("tsconfig.json", "{}"), file("tsconfig.json", "{ }", "100755")).dev_only


def test_a_lock_that_appears_leaves_production_unknown() -> None:
    assert explain(None, file("bun.lock", dev_lock("1"))).production_changed is None


def test_a_name_with_control_characters_can_not_move_the_cursor() -> None:
    line = cause(None, file("a\x1b[2J\n.sh", "x"))
    assert line == "a\\x1b[2J\\n.sh: added (1 byte)"


def test_tokens_are_hidden() -> None:
    found = explain(
        file(".npmrc", "//npm.example/:_authToken=oldsecret\n"), file(".npmrc", "//npm.example/:_authToken=newsecret\n")
    )
    assert "secret" not in json.dumps(to_json(found))
    assert "_authToken=***" in json.dumps(to_json(found))
    other = explain(file("package.json", '{"token": "oldsecret"}'), file("package.json", '{"token": "newsecret"}'))
    assert "secret" not in json.dumps(to_json(other))
    assert "$.token" in other.causes[0]


def test_the_json_follows_the_published_schema() -> None:
    old = {
        "lock": file("bun.lock", (GOLDEN / "workspaces-v0.lock").read_bytes()),
        "script": file("a.sh", "a\n"),
        "list": file("packages.txt", "curl\n"),
        "json": file("package.json", '{"a": [1, {"b": null}]}'),
        "gone": value("platform", "platform", "linux/amd64"),
        "same": file("same", "same"),
        "recorded": InputView(kind="file", name="b.sh", mode="100644", blake3="1" * 64),
    }
    new = {
        "lock": file("bun.lock", (GOLDEN / "git-tarball-patch-v1.lock").read_bytes()),
        "script": file("a.sh", "b\n"),
        "list": file("packages.txt", "curl=7.1\n"),
        "json": file("package.json", '{"a": [1, {"b": 1}, 2]}'),
        "same": file("same", "same"),
        "recorded": file("b.sh", "b"),
    }
    schema = explain_schema()
    Draft202012Validator.check_schema(schema)
    found = explain_inputs(old, new)
    assert len(found.changes) == 6
    errors = list(Draft202012Validator(schema).iter_errors(json.loads(json.dumps(to_json(found)))))
    assert errors == []
    assert list(Draft202012Validator(schema).iter_errors(to_json(found) | {"more": 1})) != []
    assert to_json(explain_inputs(old, new)) == to_json(found)


def test_the_published_schema_is_the_one_in_use() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == explain_schema()


def paths(old: object, new: object) -> list[tuple[str, Change]]:
    found = diff_json(json.dumps(old).encode(), json.dumps(new).encode())
    return [(change.path, change.change) for change in found.values]


def test_an_array_is_aligned() -> None:
    assert paths(["a", "b", "c"], ["x", "a", "b", "c"]) == [("$[0]", Change.ADDED)]
    assert paths(["a", "b", "c"], ["a", "c"]) == [("$[1]", Change.REMOVED)]
    assert paths([{"a": 1}, "b"], [{"a": 2}, "b"]) == [("$[0].a", Change.CHANGED)]
    assert paths(["a", "b"], ["b", "a"]) == [("$", Change.CHANGED)]
    assert paths(list(range(12)), [*range(2), *range(3, 12), 99]) == [("$[2]", Change.REMOVED), ("$[11]", Change.ADDED)]


def test_values_of_other_types_differ() -> None:
    assert paths({"a": 1}, {"a": True}) == [("$.a", Change.CHANGED)]
    assert paths({"a": None}, {}) == [("$.a", Change.REMOVED)]
    assert paths({"a": {}}, {"a": []}) == [("$.a", Change.CHANGED)]
    assert paths({"a b": 1, "": 2}, {}) == [('$[""]', Change.REMOVED), ('$["a b"]', Change.REMOVED)]


def test_another_spelling_of_a_number_is_formatting() -> None:
    found = diff_json(b'{"a": 1.0, "b": "\\u0061"}', b'{"a": 1, "b": "a"}')
    assert (found.values, found.formatting_only) == ((), True)


def test_lines_have_numbers_and_context() -> None:
    old = "".join(f"{n}\n" for n in range(1, 21))
    new = old.replace("10\n", "ten\nand a half\n").replace("20\n", "")
    found = diff_lines(old.encode(), new.encode())
    first, second = found.hunks
    assert [(line.op, line.old, line.new, line.text) for line in first.lines] == [
        (" ", 7, 7, "7"),
        (" ", 8, 8, "8"),
        (" ", 9, 9, "9"),
        ("-", 10, None, "10"),
        ("+", None, 10, "ten"),
        ("+", None, 11, "and a half"),
        (" ", 11, 12, "11"),
        (" ", 12, 13, "12"),
        (" ", 13, 14, "13"),
    ]
    assert [line.op for line in second.lines] == [" ", " ", " ", "-"]
    assert (found.added, found.removed) == (2, 2)


@pytest.mark.parametrize(
    ("old", "new", "notes"),
    [
        (b"a\n", b"a", ("the final newline was removed",)),
        (b"a", b"a\n", ("the final newline was added",)),
        (b"a\r\n", b"a\n", ("line ends changed from CRLF to LF",)),
        (b"\xff", b"\\xff", ("bytes differ in a way that lines don't show",)),
        (b"a\0", b"b", ("it is binary; lines would say nothing",)),
    ],
)
def test_what_lines_do_not_show_is_noted(old: bytes, new: bytes, notes: tuple[str, ...]) -> None:
    assert diff_lines(old, new).notes == notes


def test_a_very_long_diff_is_cut_and_says_so() -> None:
    new = "".join(f"{n}\n" for n in range(MAX_SHOWN_LINES * 2))
    found = diff_lines(b"", new.encode())
    assert (found.added, found.omitted) == (MAX_SHOWN_LINES * 2, MAX_SHOWN_LINES)
    assert sum(len(hunk.lines) for hunk in found.hunks) == MAX_SHOWN_LINES


def test_two_large_repetitive_texts_are_compared() -> None:
    found = diff_lines(b"x\n" * 1900, b"x\ny\n" * 950)
    assert found.added == found.removed
    assert found.added >= 950


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (f"a 1 amd64 {SHA}", f"a 1 amd64 {'1' * 64}", "a 1 has other bytes (SHA-256)"),
        (f"a 1 amd64 {SHA}", "# none", "a 1 removed"),
        ("", f"a 1 amd64 {SHA} # new", "a 1 added"),
        ("curl", "curl=7", "curl any → 7"),
        ("curl\ngit", "git\n\n# why\ncurl", FORMATTING),
    ],
)
def test_system_packages_are_compared_by_version(old: str, new: str, text: str) -> None:
    assert system_summary(diff_system_packages(old.encode(), new.encode()).packages) == text


@pytest.mark.parametrize("broken", [b"a b\n", b"a 1 amd64 nohash", b"a\na\n", b"\xff"])
def test_a_broken_package_list_is_compared_by_line_with_the_reason(broken: bytes) -> None:
    found = diff_system_packages(b"curl\n", broken)
    assert found.errors[0].startswith("the new one can't be read: ")
    assert found.lines is not None


def test_one_package_of_two_architectures_is_two() -> None:
    old = f"a 1 amd64 {SHA}\na 1 arm64 {SHA}\n"
    found = diff_system_packages(old.encode(), old.replace("1 arm64", "2 arm64").encode())
    assert [(p.name, p.architecture, p.old_version, p.new_version) for p in found.packages] == [
        ("a", "arm64", "1", "2")
    ]


def test_image_references_are_compared_by_part() -> None:
    old, new = f"registry.example/bun:1@sha256:{SHA}", f"registry.example/other@sha256:{SHA}"
    assert [(c.path, c.change, c.old, c.new) for c in diff_image_references(old, new)] == [
        ("repository", Change.CHANGED, "registry.example/bun", "registry.example/other"),
        ("tag", Change.REMOVED, "1", None),
    ]
    assert [(c.path, c.old, c.new) for c in diff_image_references("scratch", old)] == [("reference", "scratch", old)]

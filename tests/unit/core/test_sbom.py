"""The SBOM: exactly what the locks install, the same bytes every time, and valid by CycloneDX's own schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.schema._res import BOM_JSON_STRICT

from envid.core.attestation import AttestedImage
from envid.core.bunlock import BunLock, read_lock
from envid.core.sbom import Locks, installed_npm, make_sbom, sbom_problems
from envid.core.strictjson import canonical_json
from tests.support.builders import LOCKS, commit_id, digest, entry_of, wanted_of

IMAGE = AttestedImage.of(entry_of(wanted_of(), image=digest(1), commit=commit_id(7)))
LINUX = ("linux", "x64")


def lock(packages: dict[str, list[Any]], **needs: dict[str, str]) -> BunLock:
    document = {"lockfileVersion": 1, "workspaces": {"": needs}, "packages": packages}
    return read_lock(json.dumps(document).encode())


def npm(spec: str, integrity: str = "", **details: Any) -> list[Any]:
    return [spec, "", details, integrity]


def purls(content: bytes) -> list[str]:
    return [component["purl"] for component in json.loads(content)["components"]]


def test_it_lists_the_packages_of_both_locks_and_no_others() -> None:
    assert purls(make_sbom(IMAGE, LOCKS)) == [
        "pkg:deb/debian/git@1:2.39.5-0?arch=amd64",
        "pkg:deb/debian/libc6@2.36-9?arch=amd64",
        "pkg:npm/zod@4.6.6",
    ]


def test_it_is_the_same_bytes_every_time_and_another_identity_another_document() -> None:
    assert make_sbom(IMAGE, LOCKS) == make_sbom(IMAGE, LOCKS)
    other = AttestedImage.of(entry_of(wanted_of(lock=b"[]\n"), image=digest(1), commit=commit_id(7)))
    serials = {json.loads(make_sbom(image, LOCKS))["serialNumber"] for image in (IMAGE, other)}
    assert len(serials) == 2


def test_it_validates_by_cyclonedx_own_strict_schema() -> None:
    path = BOM_JSON_STRICT[SchemaVersion.V1_6]
    assert path is not None
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - the library gives a string
        schema = json.load(stream)
    parts = {"spdx.schema.json", "jsf-0.82.schema.json"}
    # what it refers to (licences, signatures) is not used here, and is not to be fetched
    text = json.dumps(schema)
    for part in parts:
        text = text.replace(f'"$ref": "{part}', '"$comment": "').replace(f'"$ref": "{part}#', '"$comment": "')
    jsonschema.Draft7Validator(json.loads(text)).validate(json.loads(make_sbom(IMAGE, LOCKS)))


def test_what_is_only_developed_with_is_not_in_the_image() -> None:
    found = lock(
        {"a": npm("a@1.0.0", dependencies={"b": "1"}), "b": npm("b@1.0.0"), "d": npm("d@1.0.0")},
        dependencies={"a": "1"},
        devDependencies={"d": "1"},
    )
    assert [p.place for p in installed_npm(found, LINUX)] == ["a", "b"]


@pytest.mark.parametrize(
    ("rule", "installed"),
    [
        ({"os": "linux"}, True),
        ({"os": "darwin"}, False),
        ({"os": ["darwin", "linux"], "cpu": ["x64"]}, True),
        ({"os": "linux", "cpu": "arm64"}, False),
        ({"os": "!win32"}, True),
        ({"os": "!linux"}, False),
        ({"os": "none"}, False),
        ({}, True),
        # neither a word nor a list: no rule (found by script/fuzz)
        ({"cpu": 1e308}, True),
        ({"os": {"linux": False}}, True),
        ({"os": [None, "linux"]}, True),
    ],
)
def test_a_package_for_another_platform_is_not_in_the_image_nor_what_only_it_needs(
    rule: dict[str, Any], *, installed: bool
) -> None:
    found = lock(
        {
            "a": npm("a@1.0.0", optionalDependencies={"native": "1"}),
            "native": npm("native@1.0.0", **rule, dependencies={"helper": "1"}),
            "helper": npm("helper@1.0.0"),
        },
        dependencies={"a": "1"},
    )
    assert [p.place for p in installed_npm(found, LINUX)] == (["a", "helper", "native"] if installed else ["a"])


def test_a_package_at_two_places_is_one_component_and_two_versions_are_two() -> None:
    found = lock(
        {
            "a": npm("a@1.0.0", dependencies={"c": "1"}),
            "b": npm("b@1.0.0", dependencies={"c": "2"}),
            "c": npm("c@1.0.0"),
            "b/c": npm("c@2.0.0"),
            "e": npm("e@1.0.0", dependencies={"c": "2"}),
            "e/c": npm("c@2.0.0"),
        },
        dependencies={"a": "1", "b": "1", "e": "1"},
    )
    assert purls(make_sbom(IMAGE, Locks(system=None, npm=found))) == [
        "pkg:npm/a@1.0.0", "pkg:npm/b@1.0.0", "pkg:npm/c@1.0.0", "pkg:npm/c@2.0.0", "pkg:npm/e@1.0.0",
    ]  # fmt: skip


def test_scopes_sources_and_hashes_are_told_and_no_password() -> None:
    integrity = "sha512-" + "A" * 86 + "== sha1-nothex"
    found = lock(
        {
            "@s/a": npm("@s/a@1.0.0", integrity),
            "g": ["g@git+https://user:hunter2@example.org/g.git#abc", {}, "tag"],
            "t": ["t@https://example.org/t.tgz", {}],
        },
        dependencies={"@s/a": "1", "g": "x", "t": "y"},
    )
    content = make_sbom(IMAGE, Locks(system=None, npm=found))
    assert b"hunter2" not in content
    by_name = {component["name"]: component for component in json.loads(content)["components"]}
    assert by_name["a"]["group"] == "@s"
    assert by_name["a"]["purl"] == "pkg:npm/%40s/a@1.0.0"
    assert by_name["a"]["hashes"] == [{"alg": "SHA-512", "content": "00" * 64}]
    assert by_name["g"]["version"] == "abc"
    assert "vcs_url=" in by_name["g"]["purl"]
    assert by_name["t"]["purl"] == "pkg:npm/t?download_url=https://example.org/t.tgz"


def test_a_gap_is_told_and_is_a_problem() -> None:
    content = make_sbom(IMAGE, replace(LOCKS, npm=None, gaps=("bun.lock has an unknown lockfileVersion",)))
    (problem,) = sbom_problems(content, IMAGE, where="s.json")
    assert "incomplete: bun.lock has an unknown lockfileVersion" in problem


def test_an_honest_one_has_no_problem_and_each_lie_is_named() -> None:
    content = make_sbom(IMAGE, LOCKS)
    assert sbom_problems(content, IMAGE, where="s.json") == ()

    def edited(change: Any) -> tuple[str, ...]:
        document = json.loads(content)
        change(document)
        return sbom_problems(canonical_json(document), IMAGE, where="s.json")

    lies = {
        "serialNumber": lambda d: d.update(serialNumber="urn:uuid:00000000-0000-0000-0000-000000000000"),
        "metadata.timestamp": lambda d: d["metadata"].update(timestamp="2020-01-01T00:00:00+00:00"),
        "metadata.component.purl": lambda d: d["metadata"]["component"].update(purl="pkg:oci/x"),
        "no CycloneDX document": lambda d: d.pop("bomFormat"),
        "another bun.lock": lambda d: [p.update(value="0" * 64) for p in d["metadata"]["properties"]],
    }
    for told, change in lies.items():
        assert any(told in problem for problem in edited(change)), told
    assert sbom_problems(b"{", IMAGE, where="s.json")
    assert sbom_problems(b"[]", IMAGE, where="s.json")

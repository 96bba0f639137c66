"""Rendered manifests: golden files, pinned images, and YAML that every reader takes for the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envid.core.catalog import Catalog, empty_catalog
from envid.core.deploy import Deploy, parse_deploy
from envid.core.render import manifest_bytes, render_runtime
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import LANE, commit_id, deploy_json, digest, entry_of, wanted_of

GOLDEN = Path(__file__).parents[2] / "golden/manifests"
MIRROR = "http://git-mirror-http.devops-infra.svc.cluster.local/pikasTech/agentrun.git"


def catalog_with(commit: int = 0xB0) -> Catalog:
    entry = entry_of(wanted_of(), image=digest(0xD1), commit=commit_id(commit))
    return empty_catalog(LANE).with_entries({entry.service_id: entry})


def rendered(deploy: Deploy | None = None, catalog: Catalog | None = None) -> dict[str, bytes]:
    chosen = deploy or parse_deploy((GOLDEN / "deploy.json").read_bytes())
    return render_runtime(chosen, catalog or catalog_with(), LANE, mirror_read_url=MIRROR)


def documents(files: dict[str, bytes]) -> dict[str, Any]:
    loaded = [yaml.safe_load(content) for content in files.values()]
    return {document["kind"]: document for document in loaded}


def test_the_manifests_are_the_golden_ones() -> None:
    """REGENERATE_GOLDEN=1 writes them anew, for a person to review; a CI run only ever compares."""
    files = {Path(path).name: content for path, content in rendered().items()}
    if os.environ.get("REGENERATE_GOLDEN") == "1":
        assert not os.environ.get("CI"), "CI compares and never regenerates"
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        for name, content in files.items():
            (GOLDEN / name).write_bytes(content)
    assert {path.name: path.read_bytes() for path in GOLDEN.glob("*.yaml")} == files


def test_every_path_is_below_the_runtime_path() -> None:
    assert all(path.startswith(f"{LANE.runtime_path}/") for path in rendered())


def containers(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        own = [*document.get("containers", []), *document.get("initContainers", [])]
        return own + [c for value in document.values() for c in containers(value)]
    if isinstance(document, list):
        return [c for value in document for c in containers(value)]
    return []


def test_every_image_is_pinned_by_the_catalogs_digest() -> None:
    images = [c["image"] for document in documents(rendered()).values() for c in containers(document)]
    assert images
    for image in images:
        assert image.endswith(f"@{digest(0xD1)}")
        assert ":" not in image.partition("@")[0].rpartition("/")[2]


def test_the_boot_commit_and_the_mirror_are_the_lanes_own() -> None:
    (container,) = containers(documents(rendered())["Deployment"])
    environment = {item["name"]: item["value"] for item in container["env"]}
    assert environment["AGENTRUN_BOOT_COMMIT"] == commit_id(0xB0)
    assert environment["AGENTRUN_ENV_IDENTITY"] == wanted_of().identity
    assert environment["AGENTRUN_MIRROR_READ_URL"] == MIRROR
    assert list(environment) == sorted(environment)


def test_odd_values_come_back_as_the_same_text() -> None:
    (container,) = containers(documents(rendered())["Deployment"])
    given_values = parse_deploy((GOLDEN / "deploy.json").read_bytes()).services[0].env
    environment = {item["name"]: item["value"] for item in container["env"]}
    assert {n: environment[n] for n in given_values if n.startswith("ODD")} == {
        n: v for n, v in given_values.items() if n.startswith("ODD")
    }


def test_the_workload_is_restricted() -> None:
    deployment = documents(rendered())["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(pod):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_everything_stands_in_the_lanes_own_namespace() -> None:
    for document in documents(rendered()).values():
        assert document["metadata"]["namespace"] == LANE.name


def test_the_selector_never_moves_with_a_commit() -> None:
    """A Deployment's selector can't be changed; a commit in it would stop the second promotion."""
    one, other = (documents(rendered(catalog=catalog_with(seed)))["Deployment"]["spec"] for seed in (1, 2))
    assert one["selector"] == other["selector"]
    assert one["selector"]["matchLabels"].items() <= one["template"]["metadata"]["labels"].items()


def test_another_commit_changes_only_lines_that_name_commits() -> None:
    one, other = rendered(catalog=catalog_with(1)), rendered(catalog=catalog_with(2))
    assert one.keys() == other.keys()
    for path in one:
        for before, after in zip(one[path].splitlines(), other[path].splitlines(), strict=True):
            if before != after:
                assert before.replace(commit_id(1).encode(), b"") == after.replace(commit_id(2).encode(), b"")


def test_a_service_without_an_entry_is_named() -> None:
    with pytest.raises(InputError) as caught:
        rendered(catalog=empty_catalog(LANE))
    assert [fault.where for fault in caught.value.faults] == ["services.agentrun-mgr"]
    assert "publish" in caught.value.remedy


def test_an_entry_that_is_not_pinned_to_its_digest_is_refused() -> None:
    (entry,) = catalog_with().services
    forged = entry.model_copy(update={"digest": digest(2)})
    with pytest.raises(InputError, match="can't be rendered"):
        rendered(catalog=empty_catalog(LANE).with_entries({entry.service_id: forged}))


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_survives_yaml_as_text(text: str) -> None:
    assert yaml.safe_load(manifest_bytes({"a": text, "b": [text]})) == {"a": text, "b": [text]}


ODD = [
    "0644", "1_000", "0x1f", "0o17", "12:30:45", "1e3", "1E3", ".5", "y", "No", "on", "NULL", "~", "2026-01-02", "-",
    "?", "=", "<<", "", " x", "x ", "#", "a: b", ".inf", "+1", "1.2.3", "[", "{", "\x85", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("word", ODD)
def test_what_a_yaml_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    """YAML 1.2 reads 1e3 and 0o17 as numbers, YAML 1.1 reads 0644 and 12:30:45 as numbers: quotes end the matter."""
    line = manifest_bytes({"a": word}).decode().split("\n", 1)[1]
    assert line.startswith('a: "')
    assert line.isascii()
    assert yaml.safe_load(line) == {"a": word}


def test_rendering_twice_gives_the_same_bytes_whatever_the_order_of_deploy_json() -> None:
    document = deploy_json(env={"B": "2", "A": "1"})
    turned = deploy_json(env={"A": "1", "B": "2"})
    one, other = (parse_deploy(canonical_json(d)) for d in (document, turned))
    assert rendered(one) == rendered(other)

"""Whatever is edited in a catalog entry, it is reused only while all that the proofs rest on is as it was written."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from envid.core.catalog import CatalogEntry, parse_catalog
from envid.core.plan import Decision, conclude, judge
from envid.core.strictjson import canonical_json
from envid.core.values import Digest, ImageReference
from envid.errors import InputError
from tests.support.builders import LANE, commit_id, digest, entry_of, wanted_of
from tests.support.simulators import MemoryRegistry

Path = tuple[str | int, ...]

WANTED = wanted_of()
IMAGE, OTHER = digest(1), digest(2)
ENTRY = entry_of(WANTED, image=IMAGE, commit=commit_id(7))
DOCUMENT: dict[str, Any] = ENTRY.model_dump(mode="json", exclude_none=True)
# nothing here decides whether the image has the wanted environment
BESIDE_THE_POINT = {"attestations", "sourceCommit", "bootCommit", "status", "provenance"}


def paths_of(value: Any, at: Path = ()) -> list[Path]:
    if isinstance(value, dict):
        return [at, *(p for key, item in value.items() for p in paths_of(item, (*at, key)))]
    if isinstance(value, list):
        return [at, *(p for index, item in enumerate(value) for p in paths_of(item, (*at, index)))]
    return [at]


# what vouches for the image is catalog.verify's question
PATHS = [path for path in paths_of(DOCUMENT) if path and path[0] != "attestations"]


def parent_of(document: Any, path: Path) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def leaf(path: Path) -> Any:
    return parent_of(DOCUMENT, path)[path[-1]]


texts = st.sampled_from([str(leaf(p)) for p in PATHS if isinstance(leaf(p), str)])
likely = st.one_of(
    texts,
    st.sampled_from(["v0.2", "linux/arm64", OTHER, f"{WANTED.image.name}@{OTHER}", "0" * 64, "0" * 40, "", 0, 1]),
    st.text(max_size=8),
    st.integers(0, 1 << 40),
)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[Path, str, Any]]:
    chosen = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True))
    return [(path, draw(st.sampled_from(["set", "remove", "flip"])), draw(likely)) for path in chosen]


def apply(document: Any, changes: list[tuple[Path, str, Any]]) -> None:
    for path, action, value in changes:
        try:
            parent = parent_of(document, path)
            old = parent[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
        if type(parent) not in {dict, list}:
            continue
        if action == "remove":
            del parent[path[-1]]
        elif action == "flip" and isinstance(old, str) and old:
            parent[path[-1]] = old[:-1] + ("0" if old[-1] != "0" else "1")
        else:
            parent[path[-1]] = value


def relevant(document: dict[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy({key: value for key, value in document.items() if key not in BESIDE_THE_POINT})
    for item in kept["toolchainInputs"]["inputs"]:
        # the text of a value is for people; its hash, which is an input, must fit where it is given
        item.pop("value", None)
    kept["toolchainInputs"]["inputs"].sort(key=lambda item: (item["kind"], item["name"]))
    return kept


def parsed(document: dict[str, Any]) -> CatalogEntry | None:
    catalog = {
        "schemaVersion": "agentrun.artifact-catalog/1",
        "project": "agentrun",
        "lane": "v0.1",
        "sourceBranch": "v0.1",
        "gitopsBranch": "v0.1-gitops",
        "services": [document],
    }
    try:
        return parse_catalog(canonical_json(catalog), where="catalog").services[0]
    except InputError:
        return None


def registry() -> MemoryRegistry:
    held = MemoryRegistry()
    held.push(ImageReference(WANTED.image.host, WANTED.image.repository), OTHER)
    held.push(WANTED.image, IMAGE)
    return held


def decide(entry: CatalogEntry) -> tuple[Decision, Digest | None]:
    judgement = judge(WANTED, entry, LANE)
    if judgement.decision is Decision.REUSE:
        held = registry()
        by_digest = held.probe(WANTED.image.with_digest(entry.digest))
        judgement = conclude(judgement, entry, by_digest=by_digest, by_tag=held.probe(WANTED.image))
    return judgement.decision, judgement.digest


@given(edits())
@example([(("digest",), "set", OTHER), (("repositoryDigest",), "set", f"{WANTED.image.name}@{OTHER}")])
@example([(("lane",), "set", "v0.2")])
@example([(("toolchainInputs", "inputs", 0, "blake3"), "flip", "")])
def test_no_edit_of_what_is_proven_is_ever_reused(changes: list[tuple[Path, str, Any]]) -> None:
    document = copy.deepcopy(DOCUMENT)
    apply(document, changes)
    entry = parsed(document)
    if entry is None:
        return  # a catalog that does not parse blocks everything
    decision, image = decide(entry)
    unchanged = relevant(document) == relevant(DOCUMENT)
    if decision is Decision.REUSE:
        assert unchanged
        assert image == IMAGE
    if unchanged and entry.toolchain_inputs == ENTRY.toolchain_inputs:
        assert decision is Decision.REUSE


@given(st.sampled_from([p for p in PATHS if p[0] not in BESIDE_THE_POINT]), likely)
def test_one_proven_field_set_to_anything_else_is_no_reuse(path: Path, value: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    apply(document, [(path, "set", value)])
    entry = parsed(document)
    if entry is not None and relevant(document) != relevant(DOCUMENT):
        assert decide(entry)[0] is not Decision.REUSE

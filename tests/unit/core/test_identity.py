"""The envIdentity: golden vectors, and what may and may not be an input."""

import json
from pathlib import Path

import pytest
from blake3 import blake3

from envid.core.identity import (
    MAX_INPUT_BYTES,
    EnvInput,
    InputKind,
    env_identity,
    file_input,
    file_problem,
    preimage,
    value_input,
)
from envid.errors import InputError

VECTORS = json.loads((Path(__file__).parents[2] / "golden/identity/envid-1.json").read_bytes())


@pytest.mark.parametrize("vector", VECTORS, ids=[v["title"] for v in VECTORS])
def test_golden_vectors_of_another_implementation(vector: dict[str, object]) -> None:
    inputs = []
    for record in vector["records"]:  # type: ignore[attr-defined]
        content = bytes.fromhex(record["contentHex"])
        inputs.append(
            EnvInput(
                kind=InputKind(record["kind"]),
                name=record["name"],
                mode=record["mode"],
                size=len(content),
                blake3=blake3(content).hexdigest(),
            )
        )
    assert preimage(inputs).hex() == vector["preimageHex"]
    assert env_identity(inputs) == vector["envIdentity"]


def test_the_same_name_of_two_kinds_is_two_inputs() -> None:
    one = value_input(InputKind.PLATFORM, "x", "1")
    other = value_input(InputKind.BUILD_ARG, "x", "1")
    assert env_identity([one]) != env_identity([other])


def test_no_input_has_no_identity() -> None:
    with pytest.raises(InputError, match="have no identity"):
        env_identity([])


def test_an_input_twice_is_refused_by_name() -> None:
    twice = file_input(InputKind.FILE, "package.json", "100644", b"{}")
    with pytest.raises(InputError) as caught:
        env_identity([twice, twice])
    assert [fault.where for fault in caught.value.faults] == ["package.json"]


def test_a_recorded_value_must_have_its_recorded_hash() -> None:
    honest = value_input(InputKind.PLATFORM, "platform", "linux/amd64")
    forged = EnvInput(
        kind=honest.kind, name=honest.name, mode="", size=honest.size, blake3=honest.blake3, value="linux/arm64"
    )
    with pytest.raises(InputError, match="no identity"):
        env_identity([forged])


@pytest.mark.parametrize(
    ("mode", "size", "head", "word"),
    [
        ("120000", 3, b"", "symlink"),
        ("160000", 0, b"", "submodule"),
        ("040000", 0, b"", "folder"),
        ("100600", 0, b"", "unknown file mode"),
        ("100644", MAX_INPUT_BYTES + 1, b"", "at most"),
        ("100644", 130, b"version https://git-lfs.github.com/spec/v1\noid", "LFS"),
    ],
)
def test_what_can_be_no_input_says_why(mode: str, size: int, head: bytes, word: str) -> None:
    assert word in file_problem(mode, size, head)


def test_a_file_of_the_largest_size_is_an_input() -> None:
    assert file_problem("100644", MAX_INPUT_BYTES) == ""

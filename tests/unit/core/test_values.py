"""Values with one spelling: what is one, what is not, and why."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from envid.core.values import CommitId, Digest, EnvIdentity, ImageReference, RepoPath, parse_platform
from envid.errors import InputError

HEX64, HEX40 = "a1" * 32, "b2" * 20


@pytest.mark.parametrize("text", ["", HEX64, f"sha256:{HEX64.upper()}", f"sha256:{HEX64[:-1]}", f"sha512:{HEX64}",
                                  f"sha256:{HEX64}\n", f" sha256:{HEX64}"])  # fmt: skip
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(InputError, match="not a digest"):
        Digest(text)


def test_a_digest_and_an_identity_never_stand_for_each_other() -> None:
    assert Digest(f"sha256:{HEX64}").hex == HEX64
    with pytest.raises(InputError):
        EnvIdentity(f"sha256:{HEX64}")
    with pytest.raises(InputError):
        Digest(EnvIdentity(HEX64))


@pytest.mark.parametrize(
    ("text", "cause"),
    [("abc1234", "abbreviated"), (HEX40[:-1], "abbreviated"), ("HEAD", "40 lower-case"), ("", "40 lower-case"),
     (HEX40.upper(), "40 lower-case"), (f"{HEX40}\n", "40 lower-case"), (f"{HEX40}0", "40 lower-case")],
)  # fmt: skip
def test_what_is_no_full_commit_id(text: str, cause: str) -> None:
    with pytest.raises(InputError) as caught:
        CommitId(text)
    assert cause in caught.value.cause
    assert caught.value.remedy.startswith("git rev-parse")


def test_the_short_form_is_12_digits() -> None:
    assert CommitId(HEX40).short == HEX40[:12]


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "empty"), ("/a", "absolute"), ("a/../b", ".."), ("..", ".."), ("a//b", "empty part"), ("a/", "empty part"),
     ("./a", "single dot"), ("a\\b", "backslash"), ("a\nb", "control"), ("a\x7f", "control"), (".git/config", ".git"),
     ("a/.GIT/x", ".git")],
)  # fmt: skip
def test_what_is_no_path_inside_a_repository(text: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        RepoPath(text)
    assert word in caught.value.cause


@pytest.mark.parametrize("text", ["a", "a/b.c", ".gitignore", "a..b", "...", "ünï/x y", "a/.gitkeep"])
def test_what_is_a_path(text: str) -> None:
    assert RepoPath(text) == text


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "has_digest"),
    [
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000", "a/b", "c", False),
        (f"registry.example/a@sha256:{HEX64}", "registry.example", "a", None, True),
        (f"localhost/a_b/c-d.e:V1@sha256:{HEX64}", "localhost", "a_b/c-d.e", "V1", True),
        ("[::1]:5000/a", "[::1]:5000", "a", None, False),
    ],
)
def test_references(text: str, host: str, repository: str, tag: str | None, *, has_digest: bool) -> None:
    reference = ImageReference.parse(text)
    assert (reference.host, reference.repository, reference.tag) == (host, repository, tag)
    assert (reference.digest is not None) == has_digest
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    ["", "bun", "oven/bun:1", "registry.example/", "registry.example/A", "registry.example/a:", "registry.example/a@",
     "registry.example/a@sha256:abc", "registry.example/a:-x", f"registry.example/a:{'x' * 129}", "https://r.example/a",
     "r.example/a//b", "r.example/a b", "user@r.example/a", "-r.example/a", "r.example/a:b:c", "r.example/a\n",
     f"r.example/{'a' * 256}", "r.example:123456/a"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(InputError):
        ImageReference.parse(text)


def test_only_a_digest_pins() -> None:
    reference = ImageReference.parse("r.example/a:tag")
    with pytest.raises(InputError, match="not pinned"):
        _ = reference.pinned
    digest = Digest(f"sha256:{HEX64}")
    assert reference.with_digest(digest).pinned == f"r.example/a@{digest}"


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm64", "linux/arm/v7"])
def test_platforms(text: str) -> None:
    assert parse_platform(text) == text


@pytest.mark.parametrize(
    "text", ["", "amd64", "windows/amd64", "linux/amd64/v2", "linux/amd64,linux/arm64", "LINUX/amd64"]
)
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(InputError, match="not a platform"):
        parse_platform(text)


def test_as_a_models_field_a_value_is_strict_and_says_why() -> None:
    adapter = TypeAdapter(CommitId)
    assert isinstance(adapter.validate_python(HEX40), CommitId)
    for bad in (7, b"x", None, ["x"]):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)
    with pytest.raises(ValidationError, match="abbreviated"):
        adapter.validate_python("abc1234")

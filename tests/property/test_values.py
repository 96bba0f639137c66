"""Whatever text comes, it is a value with one spelling or an error of ours."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from envid.core.values import CommitId, Digest, EnvIdentity, ImageReference, RepoPath, parse_platform
from envid.errors import InputError

hosts = st.sampled_from(["127.0.0.1:5000", "localhost", "registry.example", "[::1]:5000", "r.example:80"])
parts = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", fullmatch=True)
repositories = st.lists(parts, min_size=1, max_size=3).map("/".join).filter(lambda text: len(text) <= 255)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
digests = st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True).map(Digest)
near = st.text("sha256:/@.-_aA0 \n", max_size=80)


@given(hosts, repositories, tags, digests)
def test_a_reference_is_read_back_as_it_was_written(host: str, repository: str, tag: str, digest: Digest) -> None:
    reference = ImageReference(host, repository, tag, digest)
    assert ImageReference.parse(str(reference)) == reference


@given(st.text(max_size=40) | near)
def test_any_text_is_a_value_that_keeps_its_spelling_or_an_error_of_ours(text: str) -> None:
    for door in (CommitId, Digest, EnvIdentity, RepoPath, parse_platform):
        with contextlib.suppress(InputError):
            assert str(door(text)) == text
    with contextlib.suppress(InputError):
        assert str(ImageReference.parse(text)) == text


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_an_accepted_path_stays_inside_the_repository(text: str) -> None:
    try:
        path = RepoPath(text)
    except InputError:
        return
    folders: list[str] = []
    for part in path.split("/"):
        assert part not in {"", ".", ".."}
        folders.append(part)
    assert "/".join(folders) == text
    assert "\0" not in text

"""The Containerfile reader: what it lets through, and what it must refuse."""

import pytest

from envid.core.closure import closure_faults
from envid.core.containerfile import ContextSource, read_containerfile
from envid.errors import InputError

PIN = "registry.example/bun@sha256:" + "a" * 64
OTHER = "registry.example/tool@sha256:" + "b" * 64


def read(*lines: str) -> tuple[tuple[str, ...], list[str]]:
    facts = read_containerfile("\n".join(lines).encode())
    return facts.base_images, [source.path for source in facts.sources]


def problems(*lines: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_containerfile("\n".join(lines).encode())
    return [str(fault) for fault in caught.value.faults]


def test_sources_and_images_of_a_usual_file() -> None:
    images, sources = read(
        f"FROM {PIN} AS build",
        "COPY package.json bun.lock ./",
        'COPY ["a b.txt", "/x/"]',
        "COPY --chmod=0755 deploy/runtime/boot/*.sh /boot/",
        f"FROM {OTHER}",
        "COPY --from=build /x /x",
        "COPY --from=0 /y /y",
    )
    assert images == (PIN, OTHER)
    assert sources == ["package.json", "bun.lock", "a b.txt", "deploy/runtime/boot/*.sh"]


@pytest.mark.parametrize(
    "image", ["oven/bun:1", "oven/bun", "oven/bun@sha256:abc", "oven/bun:1@md5:" + "a" * 64, "@sha256:" + "a" * 64]
)
def test_a_base_image_without_a_digest_names_its_line(image: str) -> None:
    assert problems("# a comment", f"FROM {image}")[0].startswith("Containerfile:2: the image")


def test_the_frontend_counts_and_must_be_pinned() -> None:
    assert read_containerfile(f"# syntax={PIN}\nFROM scratch".encode()).frontend == PIN
    assert "frontend" in problems("# syntax=docker/dockerfile:1", "FROM scratch")[0]
    assert "frontend" in problems("#!/usr/bin/env x", "# syntax=docker/dockerfile:1", "FROM scratch")[0]


def test_a_directive_after_the_top_is_a_comment() -> None:
    assert read_containerfile(b"FROM scratch\n# syntax=docker/dockerfile:1\n").frontend is None


def test_global_arguments_are_followed_and_build_arguments_win() -> None:
    content = b"ARG BASE=oven/bun:1\nFROM ${BASE}\n"
    assert read_containerfile(content, build_args={"BASE": PIN}).base_images == (PIN,)
    with pytest.raises(InputError):
        read_containerfile(content)


@pytest.mark.parametrize(
    "line",
    [
        "COPY $WHAT /x",
        "COPY a[bc] /x",
        "COPY ../outside /x",
        "ADD https://example.org/a.tgz /x",
        "ADD http://example.org/a.tgz /x",
        "ADD git@github.com:a/b.git /x",
        "COPY --from=oven/bun:1 /x /x",
        "RUN --mount=type=bind,from=oven/bun:1,target=/x true",
        "ONBUILD COPY src /src",
        "COPIE a b",
        "COPY onlyone",
    ],
)
def test_what_could_let_something_in_is_refused(line: str) -> None:
    assert problems("FROM scratch", line)[0].startswith("Containerfile:2:")


def test_every_fault_is_named_at_once() -> None:
    assert len(problems("FROM oven/bun:1", "COPY $A /", "ONBUILD RUN x")) == 3


def test_a_download_with_a_checksum_is_closed() -> None:
    read("FROM scratch", f"ADD --checksum=sha256:{'c' * 64} https://example.org/a.tgz /a.tgz")


def test_bind_mounts_read_the_context() -> None:
    _, sources = read(
        "FROM scratch",
        "RUN --mount=type=bind,source=src,target=/src --mount=type=cache,target=/c --mount=type=secret,id=ca true",
        "RUN --mount=target=/all true",
    )
    assert sources == ["src", ""]


def test_here_documents_are_skipped_and_a_quoted_one_is_none() -> None:
    _, sources = read(
        "FROM scratch",
        "RUN <<EOF",
        "COPY secret /",
        "EOF",
        "COPY <<-'A' <<B /x/",
        "COPY in-a /",
        "\tA",
        "B",
        'RUN echo "<<EOF"',
        "COPY seen /",
    )
    assert sources == ["seen"]


def test_an_open_here_document_is_a_fault() -> None:
    assert "has no end" in problems("FROM scratch", "RUN <<EOF", "COPY src /")[0]


def test_continued_lines_with_comments_between() -> None:
    _, sources = read("FROM scratch", "COPY \\", "# not a source", "", "  a \\", "  b /x/")
    assert sources == ["a", "b"]


def test_only_a_newline_ends_a_line() -> None:
    assert problems("# comment\u2028FROM scratch\nFROM oven/bun:1")[0].startswith("Containerfile:2:")


def test_no_stage_and_no_text() -> None:
    assert "no FROM" in problems("# nothing")[0]
    with pytest.raises(InputError, match="UTF-8"):
        read_containerfile(b"\xff")


TREE = ["package.json", "src/main.ts", "src/deep/x.ts", "deploy/runtime/boot/a.sh", "deploy/runtime/boot/notes.md"]


def below(folder: str) -> list[str]:
    return [path for path in TREE if not folder or path.startswith(f"{folder}/")]


@pytest.mark.parametrize(
    ("source", "inputs", "word"),
    [
        ("src", ["package.json"], "src/deep/x.ts"),
        ("", ["package.json"], "whole context"),
        ("deploy/runtime/boot", ["deploy/runtime/boot/a.sh"], "notes.md"),
        ("sr*", ["package.json"], "src/main.ts"),
        ("nowhere", ["package.json"], "not in the build context"),
    ],
)
def test_a_source_that_reads_what_was_not_hashed(source: str, inputs: list[str], word: str) -> None:
    faults = list(closure_faults([ContextSource(7, source)], inputs, below, where="Containerfile"))
    assert len(faults) == 1
    assert faults[0].where == "Containerfile:7"
    assert word in faults[0].problem


@pytest.mark.parametrize("source", ["package.json", "deploy/runtime/boot/*.sh", "deploy/runtime/boot/a.sh"])
def test_a_source_that_reads_inputs_only(source: str) -> None:
    inputs = ["package.json", "deploy/runtime/boot/a.sh"]
    assert not list(closure_faults([ContextSource(1, source)], inputs, below, where="Containerfile"))

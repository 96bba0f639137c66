"""The Containerfile reader: any text is facts or an error of ours, and layout does not change what is read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envid.core.containerfile import ContainerfileFacts, read_containerfile
from envid.core.package_calls import stray_installs
from envid.core.values import Digest
from envid.errors import Fault, InputError

PIN, OTHER = (f"registry.example/{name}@sha256:{letter * 64}" for name, letter in (("bun", "a"), ("tool", "b")))
WORDS = [
    "FROM", "COPY", "ADD", "RUN", "ARG", "ENV", "ONBUILD", "AS", "base", PIN, "oven/bun:1", "scratch", "--from=base",
    "--from=0", "--mount=type=bind,source=src", "package.json", "src/", "../x", "$X", "${X}", "X=1", "<<EOF", "EOF",
    "\\", "#", '["a", "b"]', '"', "'", ".", "/", "apt-get install curl", "# syntax=docker/dockerfile:1", "# escape=`",
]  # fmt: skip
lines = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
documents = st.lists(lines, max_size=8).map("\n".join)
good = st.sampled_from(
    [
        ("COPY package.json bun.lock ./", ["package.json", "bun.lock"]),
        ("COPY --chmod=0755 boot/*.sh /boot/", ["boot/*.sh"]),
        ("RUN --mount=type=bind,source=patches,target=/p true", ["patches"]),
        ('COPY ["a b", "/x/"]', ["a b"]),
        ("RUN echo COPY secret /", []),
        ("ENV X=1", []),
    ]
)


def sources(text: str) -> list[str]:
    return [source.path for source in read_containerfile(text.encode()).sources]


def read(content: bytes) -> ContainerfileFacts | list[Fault]:
    try:
        return read_containerfile(content)
    except InputError as error:
        return list(error.faults)


@given(documents | st.text(max_size=60))
def test_any_text_is_closed_facts_or_an_error_with_lines(text: str) -> None:
    facts = read(text.encode())
    if isinstance(facts, list):
        assert facts
        assert all(fault.where.startswith("Containerfile") and fault.problem for fault in facts)
        return
    for image in facts.base_images:
        Digest(image.partition("@")[2])
    for source in facts.sources:
        assert ".." not in source.path.split("/")
        assert "$" not in source.path
        assert not source.path.startswith("/")
        assert 1 <= source.line <= text.count("\n") + 1


@given(st.binary(max_size=60))
def test_any_bytes_are_facts_or_an_error_of_ours(content: bytes) -> None:
    assert read(content)


@given(st.lists(good, max_size=6), st.data())
def test_comments_blank_lines_case_and_line_ends_do_not_change_what_is_read(
    chosen: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    expected = [path for _, paths in chosen for path in paths]
    text = [f"FROM {PIN}"]
    for line, _ in chosen:
        text += data.draw(st.lists(st.sampled_from(["", "# COPY secret /", "   ", "\t# x"]), max_size=2))
        keyword, _, rest = line.partition(" ")
        text.append(f"{data.draw(st.sampled_from(['', '  ', chr(9)]))}{data.draw(case(keyword))} {rest}")
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    assert sources(end.join(text)) == expected


def case(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word.lower(), word.title()])


@given(st.lists(good, min_size=1, max_size=4), st.data())
def test_a_line_continued_at_any_blank_is_the_same_line(
    chosen: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    expected = [path for _, paths in chosen for path in paths]
    text = [f"FROM {PIN}"]
    for line, _ in chosen:
        if '"' in line:
            text.append(line)
            continue
        words = line.split(" ")
        text.append(
            words[0] + "".join(data.draw(st.sampled_from([" ", " \\\n ", " \\\n# c\n"])) + w for w in words[1:])
        )
    assert sources("\n".join(text)) == expected


@given(st.lists(st.sampled_from([PIN, OTHER, "scratch"]), min_size=1, max_size=5))
def test_each_external_image_is_named_once_in_order(images: list[str]) -> None:
    facts = read_containerfile("\n".join(f"FROM {image}" for image in images).encode())
    assert facts.base_images == tuple(dict.fromkeys(image for image in images if image != "scratch"))


@given(documents | st.text(max_size=60))
def test_looking_for_package_calls_never_fails_and_names_a_line_of_the_file(text: str) -> None:
    for fault in stray_installs(text):
        assert 1 <= int(fault.where.partition(":")[2]) <= text.count("\n") + 1

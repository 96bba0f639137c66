"""Reads a Containerfile for what may enter the image: base images, the frontend, and what it takes from the context.

It is a reader, not a builder: BuildKit judges the rest. What this can't follow for certain (a variable in a source,
another escape character) is refused, because a guess would leave a hole in the identity (R3).
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from envid.core.values import Digest
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ContainerfileFacts", "ContextSource", "read_containerfile"]

_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(.*?)\s*")
_HEREDOC: Final = re.compile(r"\d*<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_ARG: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?", re.DOTALL)
_REMOTE: Final = re.compile(r"(?:https?|git|ssh)://|git@", re.IGNORECASE)
_TAKES_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})
_STAGE_NAME: Final = re.compile(r"[a-z][a-z0-9-_.]*")
_WITHOUT_CONTEXT: Final = frozenset({
    "ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL", "USER",
    "VOLUME", "WORKDIR",
})  # fmt: skip


class ContextSource(NamedTuple):
    """A path or pattern that an instruction reads from the build context, and the line it stands on."""

    line: int
    path: str


class ContainerfileFacts(NamedTuple):
    """What a Containerfile lets into an image.

    ``base_images`` are external images by digest, each once, in the order in which they are first named; ``frontend``
    is the ``# syntax=`` image or None; ``sources`` is everything that is read from the context.
    """

    base_images: tuple[str, ...]
    frontend: str | None
    sources: tuple[ContextSource, ...]


class _Instruction(NamedTuple):
    line: int
    keyword: str
    flags: list[tuple[str, str]]
    text: str
    has_heredoc: bool = False


class _Reading:
    def __init__(self, where: str, arguments: dict[str, str]) -> None:
        self.where = where
        self.arguments = arguments
        self.stages: list[str] = []
        self.images: list[str] = []
        self.sources: list[ContextSource] = []
        self.faults: list[Fault] = []

    def fault(self, line: int, problem: str) -> None:
        self.faults.append(Fault(f"{self.where}:{line}", problem))


def read_containerfile(
    content: bytes, *, where: str = "Containerfile", build_args: Mapping[str, str] | None = None
) -> ContainerfileFacts:
    """Read the facts of the Containerfile ``content``; ``where`` names it in messages.

    Raises:
        InputError: with every line that is not closed: an image without a digest, a source that can't be followed, a
            download without a checksum.

    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not UTF-8", faults=[Fault(where, f"byte {error.start} is not UTF-8")]) from None
    reading = _Reading(where, dict(build_args or {}))
    given = frozenset(reading.arguments)
    # not splitlines(): BuildKit ends a line at a newline only, and a line that one of us sees alone is a hole
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    frontend = _directives(lines, reading)
    for item in _instructions(lines, reading):
        match item.keyword:
            case "FROM":
                _read_from(item, reading)
            case "ARG" if not reading.stages:
                _read_global_arg(item, reading, given)
            case "COPY" | "ADD":
                _read_copy(item, reading)
            case "RUN":
                _read_mounts(item, reading)
            case "ONBUILD":
                reading.fault(item.line, "ONBUILD runs in another build, where its inputs can't be known; remove it")
            case keyword if keyword not in _WITHOUT_CONTEXT:
                reading.fault(item.line, f"{keyword!r} is not an instruction")
            case _:
                pass
    if not reading.stages and not reading.faults:
        reading.fault(max(len(lines), 1), "there is no FROM")
    if reading.faults:
        raise InputError(
            f"{where} is not closed: something could enter the image that the envIdentity does not cover",
            faults=reading.faults,
            remedy="pin images by digest (invoke registry.digest REF) and declare what is copied as an input",
        )
    return ContainerfileFacts(
        base_images=tuple(dict.fromkeys(reading.images)), frontend=frontend, sources=tuple(reading.sources)
    )


def _directives(lines: list[str], reading: _Reading) -> str | None:
    """Read the parser directives, which stand only at the very top."""
    frontend = None
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith("#!"):
            continue
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match:
            break
        name, value = match[1].lower(), match[2]
        if name == "syntax":
            frontend = value
            if not _is_pinned(value):
                reading.fault(number, f"the frontend {value!r} is not pinned by digest")
        elif name == "escape" and value != "\\":
            reading.fault(number, "an escape character other than \\ is not supported")
    return frontend


def _instructions(lines: list[str], reading: _Reading) -> Iterator[_Instruction]:
    """Join continued lines, drop comments, and take the bodies of here-documents off."""
    position = 0
    while position < len(lines):
        logical, first, position = _logical_line(lines, position)
        if not logical:
            continue
        keyword, rest = (*logical.split(maxsplit=1), "")[:2]
        keyword = keyword.upper()
        documents = _heredocs(rest) if keyword in _TAKES_HEREDOC else []
        for document in documents:
            position, closed = _skip_heredoc(lines, position, document[3], strip_tabs=bool(document[1]))
            if not closed:
                reading.fault(first, f"the here-document {document[3]} has no end")
        flags, rest = _flags(rest)
        yield _Instruction(first, keyword, flags, rest, bool(documents))


def _logical_line(lines: list[str], position: int) -> tuple[str, int, int]:
    """Return the next instruction's text, the number of its first line, and where to go on."""
    parts: list[str] = []
    first = position + 1
    while position < len(lines):
        line = lines[position].replace("\t", " ")
        position += 1
        stripped = line.strip()
        if stripped.startswith("#") or (parts and not stripped):
            continue
        first = first if parts else position
        if stripped.endswith("\\") and not stripped.endswith("\\\\"):
            parts.append(stripped[:-1])
            continue
        parts.append(stripped)
        break
    return " ".join(parts).strip(), first, position


def _heredocs(text: str) -> list[re.Match[str]]:
    """Find the words that open a here-document; a quoted ``<<`` does not."""
    lexer = shlex.shlex(text, posix=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        words = text.split()
    return [match for word in words if (match := _HEREDOC.fullmatch(word))]


def _skip_heredoc(lines: list[str], position: int, end: str, *, strip_tabs: bool) -> tuple[int, bool]:
    while position < len(lines):
        line = lines[position]
        position += 1
        if (line.lstrip("\t") if strip_tabs else line) == end:
            return position, True
    return position, False


def _flags(text: str) -> tuple[list[tuple[str, str]], str]:
    flags: list[tuple[str, str]] = []
    while match := re.match(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)", text):
        flags.append((match[1], match[2] or ""))
        text = text[match.end() :]
    return flags, text


def _read_global_arg(item: _Instruction, reading: _Reading, given: frozenset[str]) -> None:
    for word in _words(item, reading):
        match = _ARG.fullmatch(word)
        if match and match[2] is not None and match[1] not in given:
            reading.arguments[match[1]] = match[2]


def _read_from(item: _Instruction, reading: _Reading) -> None:
    words = _words(item, reading)
    named = len(words) == 3 and words[1].upper() == "AS"  # noqa: PLR2004 - IMAGE AS NAME
    if len(words) != 1 and not named:
        reading.fault(item.line, "FROM takes IMAGE or IMAGE AS NAME")
        reading.stages.append("")
        return
    _read_image(_expand(words[0], item.line, reading), item.line, reading)
    name = words[2].lower() if named else ""
    if name and not _STAGE_NAME.fullmatch(name):
        reading.fault(item.line, f"{name!r} is not a stage name")
    reading.stages.append(name)


def _read_image(image: str, line: int, reading: _Reading) -> None:
    """Take an image of FROM, ``--from`` or ``from=``: an earlier stage, ``scratch``, or an image by digest."""
    is_stage = image.lower() in reading.stages or (image.isdecimal() and int(image) < len(reading.stages))
    if image == "scratch" or (image and is_stage):
        return
    if not _is_pinned(image):
        reading.fault(line, f"the image {image!r} is not pinned by digest; a tag can change under the same envIdentity")
        return
    reading.images.append(image)


def _is_pinned(image: str) -> bool:
    name, at, digest = image.partition("@")
    if not (name and at):
        return False
    try:
        Digest(digest)
    except InputError:
        return False
    return True


def _read_copy(item: _Instruction, reading: _Reading) -> None:
    origin = next((value for name, value in item.flags if name == "from"), None)
    if origin is not None:
        _read_image(_expand(origin, item.line, reading), item.line, reading)
        return
    words = _words(item, reading)
    if len(words) < 2:  # noqa: PLR2004 - a source and a destination
        reading.fault(item.line, f"{item.keyword} takes a source and a destination")
        return
    has_checksum = any(name == "checksum" for name, _ in item.flags)
    for source in words[:-1]:
        if item.has_heredoc and _HEREDOC.fullmatch(source):
            continue
        if item.keyword == "ADD" and _REMOTE.match(source):
            if not (has_checksum and source.lower().startswith("https://")):
                reading.fault(item.line, f"ADD downloads {source!r} without --checksum; its bytes could change")
            continue
        _read_source(source, item.line, reading)


def _read_mounts(item: _Instruction, reading: _Reading) -> None:
    for name, value in item.flags:
        if name != "mount":
            continue
        options = dict(part.partition("=")[::2] for part in value.split(","))
        origin = options.get("from")
        if origin is not None:
            _read_image(_expand(origin, item.line, reading), item.line, reading)
        elif options.get("type", "bind") == "bind":
            _read_source(options.get("source", options.get("src", ".")), item.line, reading)


def _read_source(source: str, line: int, reading: _Reading) -> None:
    if "$" in source:
        reading.fault(line, f"the source {source!r} has a variable, so what it reads can't be known; write it out")
        return
    if "[" in source or "\\" in source:
        reading.fault(line, f"the source {source!r} has a character class or an escape; only * and ? are followed")
        return
    # BuildKit takes /a, ./a and ../a as a: the context has no outside
    parts = [part for part in source.split("/") if part not in {"", "."}]
    if ".." in parts:
        reading.fault(line, f"the source {source!r} has ..")
        return
    reading.sources.append(ContextSource(line, "/".join(parts)))


def _words(item: _Instruction, reading: _Reading) -> list[str]:
    if item.text.startswith("[") and item.keyword != "ARG":
        try:
            loaded = json.loads(item.text)
        except (ValueError, RecursionError):
            loaded = None
        if isinstance(loaded, list) and all(isinstance(word, str) for word in loaded):
            return list(loaded)
    try:
        return shlex.split(item.text)
    except ValueError as error:
        reading.fault(item.line, f"{item.keyword} can't be read: {error}".lower())
        return []


def _expand(text: str, line: int, reading: _Reading) -> str:
    """Put the values of global ARGs in; whatever is left of a ``$`` can't be followed."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in reading.arguments:
            return reading.arguments[name]
        reading.fault(line, f"{name} has no value; give it a default before the first FROM, or as a build argument")
        return ""

    expanded = _VARIABLE.sub(value_of, text)
    if "$" in expanded:
        reading.fault(line, f"{text!r} can't be followed; use a plain $NAME or ${{NAME}}")
    return expanded

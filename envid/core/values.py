"""Values with one spelling: digest, commit, identity, repository path, image reference.

A string from outside becomes one of these at the door, or an `InputError`; inside, a value of these types is
well-formed by construction. The grammars follow the OCI image and distribution specifications and git.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from envid.errors import InputError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["CommitId", "Digest", "EnvIdentity", "ImageReference", "RepoPath", "parse_platform"]

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_IDENTITY: Final = re.compile(r"[0-9a-f]{64}")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_PLATFORM: Final = re.compile(r"linux/(?:amd64|arm64|arm/v[67]|386|ppc64le|s390x|riscv64)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # the C0 controls and DEL
_MAX_REPOSITORY: Final = 255
_SHORTEST_ABBREVIATION: Final = 4


class _Text(str):
    """A string that its constructor has checked; pydantic models may use it as a field type."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415 - values must not cost an import of pydantic

        return core_schema.no_info_after_validator_function(cls.checked, core_schema.str_schema(strict=True))

    @classmethod
    def checked(cls, text: str) -> Self:
        """Return the value of ``text``; pydantic's way of calling the constructor.

        Raises:
            ValueError: it is none.

        """
        try:
            return cls(text)
        except InputError as error:
            raise ValueError(f"{error.what}: {error.cause}") from None


class Digest(_Text):
    """Identity of bytes: ``sha256:`` and 64 lower-case hex digits. Never an envIdentity."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 - the class says it
        if not _DIGEST.fullmatch(text):
            raise InputError(f"{text!r} is not a digest", cause="a digest is sha256: and 64 lower-case hex digits")
        return super().__new__(cls, text)

    @property
    def hex(self) -> str:
        """The 64 hex digits after the colon."""
        return self[7:]


class EnvIdentity(_Text):
    """Identity of inputs (R2): a BLAKE3 hash as 64 lower-case hex digits. Never a digest."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 - the class says it
        if not _IDENTITY.fullmatch(text):
            raise InputError(f"{text!r} is not an envIdentity", cause="an envIdentity is 64 lower-case hex digits")
        return super().__new__(cls, text)


class CommitId(_Text):
    """A full git commit id: 40 lower-case hex digits. An abbreviation is refused: it can become ambiguous."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 - the class says it
        if not _COMMIT.fullmatch(text):
            short = re.fullmatch(r"[0-9a-fA-F]+", text) and _SHORTEST_ABBREVIATION <= len(text) < 40  # noqa: PLR2004
            raise InputError(
                f"{text!r} is not a full commit id",
                cause="it is abbreviated" if short else "a commit id is 40 lower-case hex digits",
                remedy=f"git rev-parse {text}" if short else "git rev-parse HEAD",
            )
        return super().__new__(cls, text)

    @property
    def short(self) -> str:
        """The first 12 digits, as run names and tables show them."""
        return self[:12]


class RepoPath(_Text):
    """A path inside a repository: relative, ``/``-separated, no ``.``, ``..``, empty part or control character."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 - the class says it
        if problem := cls.problem_of(text):
            raise InputError(f"{text!r} is not a path inside the repository", cause=problem)
        return super().__new__(cls, text)

    @staticmethod
    def problem_of(text: str) -> str:
        """Say what is wrong with ``text`` as a repository path, or return an empty string."""
        if not text:
            return "it is empty"
        if text.startswith("/"):
            return "it is absolute; write it relative to the repository's root"
        if _CONTROL.search(text):
            return "it has a control character"
        if "\\" in text:
            return "it has a backslash; separate with /"
        parts = text.split("/")
        if ".." in parts:
            return "it leaves the repository with .."
        if "" in parts or "." in parts:
            return "it has an empty part or a single dot"
        if ".git" in (part.lower() for part in parts):
            return "it points into .git"
        return ""


class ImageReference(NamedTuple):
    """``host/repository[:tag][@digest]`` as the OCI distribution specification spells it.

    The host is always written out: a reference without one means different registries to different clients.
    """

    host: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Parse ``text``.

        Raises:
            InputError: ``text`` isn't a reference, or names no registry host.

        """

        def refuse(cause: str) -> InputError:
            return InputError(f"{text!r} is not an image reference", cause=cause)

        rest, at, digest_text = text.partition("@")
        digest = None
        if at:
            if not _DIGEST.fullmatch(digest_text):
                raise refuse("what follows @ must be sha256: and 64 lower-case hex digits")
            digest = Digest(digest_text)
        host, slash, path = rest.partition("/")
        if not slash or not (host == "localhost" or "." in host or ":" in host):
            raise refuse("it must begin with a registry host, as registry.example/name or 127.0.0.1:5000/name")
        if not _HOST.fullmatch(host):
            raise refuse(f"{host!r} is not a registry host")
        repository, colon, tag = path.partition(":")
        if not _REPOSITORY.fullmatch(repository) or len(repository) > _MAX_REPOSITORY:
            raise refuse(f"{repository!r} is not a repository name (lower case, digits, and . _ - / between them)")
        if colon and not _TAG.fullmatch(tag):
            raise refuse(f"{tag!r} is not a tag")
        return cls(host, repository, tag if colon else None, digest)

    @property
    def name(self) -> str:
        """Host and repository, without tag and digest."""
        return f"{self.host}/{self.repository}"

    @property
    def pinned(self) -> str:
        """``host/repository@digest``: the only form that a manifest may carry (R8).

        Raises:
            InputError: this reference has no digest.

        """
        if self.digest is None:
            raise InputError(f"{self} is not pinned by digest")
        return f"{self.name}@{self.digest}"

    def with_digest(self, digest: Digest) -> ImageReference:
        """Return the same repository, pinned to ``digest`` and without a tag."""
        return ImageReference(self.host, self.repository, None, digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.name}{tag}{digest}"


def parse_platform(text: str) -> str:
    """Return ``text`` if it is a platform that BuildKit builds for, as ``linux/amd64``.

    Raises:
        InputError: it is not.

    """
    if not _PLATFORM.fullmatch(text):
        raise InputError(f"{text!r} is not a platform", cause="write it as linux/amd64 or linux/arm64")
    return text

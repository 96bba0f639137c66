"""Reads a registry's answers: the manifest in one, and what one that is none means (R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envid.adapters.registry.errors import RegistryBroken, error_for
from envid.adapters.registry.exchange import shell_url
from envid.core.manifest import ManifestProblem, UnusableManifest, parse_manifest, parse_media_type

if TYPE_CHECKING:
    from envid.adapters.registry.exchange import Answer
    from envid.core.manifest import ManifestContent
    from envid.core.values import ImageReference

__all__ = ["content_of", "lie", "require_absence"]

_ABSENT_CODES: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"})


def require_absence(answer: Answer, reference: ImageReference) -> None:
    """Believe a 404 only from a registry that says what is missing; raise for all others."""
    codes = {fault.code for fault in answer.faults}
    if codes and codes <= _ABSENT_CODES:
        return
    if codes:
        raise error_for(answer, reference.host)
    speaks_registry = answer.headers.get("docker-distribution-api-version", "").startswith("registry/2")
    if speaks_registry and parse_media_type(answer.headers.get("content-type")) != "text/html":
        return
    raise _no_registry(answer)


def content_of(answer: Answer) -> ManifestContent:
    """Return the manifest of a 200.

    Raises:
        RegistryBroken: it is none, or of a form that is not used; each with its own code.

    """
    if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _malformed(answer, "the answer is compressed, which was not asked for")
    try:
        return parse_manifest(answer.body, parse_media_type(answer.headers.get("content-type")))
    except UnusableManifest as error:
        match error.problem:
            case ManifestProblem.HTML:
                raise _no_registry(answer) from None
            case ManifestProblem.SCHEMA1:
                raise RegistryBroken(
                    f"{answer}: {error}",
                    cause="the image was pushed in a form whose digest no current runtime can pull by",
                    remedy="push it again with a current builder, in schema2 or OCI form",
                    code="registry-schema1",
                ) from None
            case ManifestProblem.OTHER_TYPE:
                raise RegistryBroken(
                    f"{answer}: {error}",
                    cause="the reference names something that is not an image",
                    remedy=f"curl -i {shell_url(answer.url)}",
                    code="registry-media-type",
                ) from None
            case ManifestProblem.MALFORMED:
                raise _malformed(answer, str(error)) from None


def _malformed(answer: Answer, problem: str) -> RegistryBroken:
    return RegistryBroken(
        f"{answer}: {problem}",
        cause="the registry or something in front of it sends something else than was pushed",
        remedy=f"curl -i {shell_url(answer.url)}",
        code="registry-malformed",
    )


def _no_registry(answer: Answer) -> RegistryBroken:
    return RegistryBroken(
        f"{answer}, but not as a registry does",
        cause="something else answers there: a captive portal, a proxy's page, or a registry below a path prefix",
        remedy=f"curl -i {answer.origin}/v2/",
        code="registry-not-a-registry",
    )


def lie(what: str) -> RegistryBroken:
    """Return the error for a registry that contradicts itself."""
    return RegistryBroken(
        what,
        cause="the registry or a proxy in front of it names a wrong digest, or the tag moved between two questions",
        remedy="run it again; when it stays so, use another registry and tell this one's operator",
        code="registry-digest-mismatch",
    )

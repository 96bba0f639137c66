"""Finds credential values in JSON documents by the forms that their issuers give them (R8).

The detectors are those of detect-secrets. They load slowly (they bring an HTTP client), so this module
is imported only where manifests are rendered or checked; ``core.deploy`` refuses what names alone give away.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from envid.core.strictjson import json_path
from envid.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detect_secrets.plugins.base import BasePlugin

__all__ = ["credential_faults", "credential_kind"]

# issuers that the library does not know, the lane's own providers first
_MORE_FORMS: Final = {
    "Model Provider Key": re.compile(r"(?<![\w-])sk-(?=(?:[A-Za-z_-]*[0-9]){3})[\w-]{20,}", re.ASCII),
    "Google API Key": re.compile(r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "GitHub Fine-grained Token": re.compile(r"(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{30,}"),
    "Kubeconfig Credential": re.compile(r"client-(?:key|certificate)-data\s*:"),
}
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_INTEGRITY: Final = re.compile(r"sha(?:256|384|512)-[A-Za-z0-9+/]+={0,2}")
# of random letters and digits, bits per character; words joined by punctuation stay well below
_RANDOM_BITS: Final = 4.4
_MIN_BASE64: Final = 20


def credential_faults(document: Any, *, where: str) -> list[Fault]:
    """Return every value of ``document`` that looks like a credential, by JSON path; never the value itself."""
    faults = [
        Fault(f"{where}: {json_path(at)}", f"it looks like a credential ({kind}); name a Secret and its key instead")
        for at, text in _texts(document, ())
        if (kind := credential_kind(text))
    ]
    return sorted(set(faults), key=lambda fault: fault.where)


def credential_kind(text: str) -> str:
    """Say what credential ``text`` looks like or contains; an empty string where none."""
    if kind := _known_form(text):
        return kind
    if _INTEGRITY.fullmatch(text) or not _TOKEN.fullmatch(text) or _HEX.fullmatch(text):
        return "" if (inner := _decoded(text)) is None else _known_form(inner)
    inner = _decoded(text)
    if inner is not None:
        return _known_form(inner)
    is_mixed = re.search(r"[a-z]", text) and re.search(r"[A-Z]", text) and re.search(r"[0-9]", text)
    return "Random Token" if is_mixed and _entropy(text) >= _RANDOM_BITS else ""


def _known_form(text: str) -> str:
    for kind, form in _MORE_FORMS.items():
        if form.search(text):
            return kind
    for detector in _detectors():
        if any(found for line in text.splitlines() for found in detector.analyze_string(line)):
            kind = detector.secret_type
            return str(kind)
    return ""


def _decoded(text: str) -> str | None:
    """Return the text that ``text`` is the base64 of, or None."""
    if len(text) < _MIN_BASE64:
        return None
    try:
        inner = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return inner if all(character.isprintable() or character in "\n\r\t\0" for character in inner) else None


def _entropy(text: str) -> float:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    return float(Base64HighEntropyString().calculate_shannon_entropy(text))


def _texts(value: Any, at: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            # the path of a key that is a credential would show it
            yield at, name
            yield from _texts(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))
    elif isinstance(value, str):
        yield at, value


@cache
def _detectors() -> tuple[BasePlugin, ...]:
    # ruff: noqa: PLC0415 - 0.2 s, and only once a document is really looked through
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.basic_auth import BasicAuthDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.jwt import JwtTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.npm import NpmDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.private_key import PrivateKeyDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

    return (
        AWSKeyDetector(),
        AzureStorageKeyDetector(),
        BasicAuthDetector(),
        DiscordBotTokenDetector(),
        GitHubTokenDetector(),
        GitLabTokenDetector(),
        JwtTokenDetector(),
        MailchimpDetector(),
        NpmDetector(),
        OpenAIDetector(),
        PrivateKeyDetector(),
        PypiTokenDetector(),
        SendGridDetector(),
        SlackDetector(),
        SquareOAuthDetector(),
        StripeDetector(),
        TelegramBotTokenDetector(),
        TwilioKeyDetector(),
    )

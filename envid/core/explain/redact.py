"""Keep credentials out of what is shown: tokens in ``.npmrc`` and the like, and passwords in URLs."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["one_line", "redact", "redact_values"]

_URL_LOGIN: Final = re.compile(r"(://[^/\s:@\"']*:)[^/\s@\"']+(?=@)")
_SETTING: Final = re.compile(r"(?i)((?:_auth|token|password|secret)[\"']?\s*[=:]\s*[\"']?)(?![$\[{])[^\s\"',}]+")
"""A value that is only a variable's name, as ``$TOKEN``, is no credential."""
_SECRET_KEY: Final = re.compile(r"(?i).*(?:_auth|token|password|secret)")
_RANGE: Final = re.compile(
    r"[\^~<>= ]*v?\d+(?:\.(?:\d+|x|\*)){0,2}(?:-[a-z]+[.\d]*)?|\*|latest|(?:workspace|catalog|npm|file|link):.*"
)
"""What a dependency's version looks like: there are packages called ``token``."""
_HIDDEN: Final = "***"


def redact(text: str) -> str:
    """Return ``text`` with every credential that can be recognised replaced by ``***``."""
    return _SETTING.sub(rf"\g<1>{_HIDDEN}", _URL_LOGIN.sub(rf"\g<1>{_HIDDEN}", text))


def redact_values(value: Any) -> Any:
    """Return a JSON value with every credential in its texts replaced."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_values(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _HIDDEN if isinstance(item, str) and _is_secret(key, item) else redact_values(item)
            for key, item in value.items()
        }
    return value


def _is_secret(key: str, value: str) -> bool:
    return bool(_SECRET_KEY.fullmatch(key)) and not _RANGE.fullmatch(value) and not value.startswith("$")


def one_line(text: str, limit: int = 80) -> str:
    """Return ``text`` for one line of a terminal: control characters escaped, at most ``limit`` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit * 2])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"

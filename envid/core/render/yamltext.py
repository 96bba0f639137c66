"""Manifests as YAML text: one spelling, and no value that YAML 1.1 and 1.2 read apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["manifest_bytes"]

_HEADER: Final = (
    "# Rendered by envid from deploy/deploy.json and the artifact catalog; the next promotion replaces it.\n"
)
# a word that starts with a letter is no number, date or special value in YAML 1.1 or 1.2, but for these
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{12,}")
_FIRST: Final = ("apiVersion", "kind", "metadata")
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def manifest_bytes(manifest: Mapping[str, Any], *, header: str = _HEADER) -> bytes:
    """Return one manifest as YAML below ``header``, a comment; what it is stands first."""
    ordered = {key: manifest[key] for key in _FIRST if key in manifest} | dict(manifest)
    text: str = yaml.dump(
        ordered, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=4096
    )
    return (header + text).encode()


class _Dumper(yaml.SafeDumper):
    """Quotes every string value that a YAML 1.1 or 1.2 reader could take for something else, and never uses aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _is_document(text: str) -> bool:
    """Tell whether ``text`` is lines that may stand as they are, so that two of such documents can be compared."""
    *lines, rest = text.split("\n")
    if rest or not lines or lines[0][:1] in {"", " "}:
        return False
    return all(line.isascii() and line.isprintable() and not line.endswith(" ") for line in lines)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # an id is quoted whether it begins with a letter or a digit: a diff then shows nothing but the id
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS and not _HEX.fullmatch(value)
    quoted = "|" if _is_document(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else quoted)


# str itself has a representer of PyYAML's own, which leaves plain what YAML 1.2 reads as a number, as 12e3
_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)

"""Finds a build in what buildkitd tells of its history."""

from __future__ import annotations

import json
from typing import Any, Final

from envid.core.values import Digest
from envid.errors import InputError

__all__ = ["MAX_RECORD_BYTES", "find_record"]

MAX_RECORD_BYTES: Final = 1024 * 1024
"""Largest record that is kept with the GitOps metadata, in bytes; one of an env image has some 30 thousand."""
_PREDICATE: Final = "https://slsa.dev/provenance/v1"


def find_record(histories: bytes, reference: str) -> Digest | None:
    """Return the digest of the SLSA v1 provenance of build ``reference``; ``histories`` has one JSON event a line."""
    for line in histories.splitlines():
        if reference.encode() not in line:
            continue
        try:
            record = json.loads(line)["record"]
            if record["Ref"] == reference:
                return _provenance_of(record)
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _provenance_of(record: Any) -> Digest | None:
    try:
        for item in record["Result"]["Attestations"]:
            if item["annotations"]["in-toto.io/predicate-type"] == _PREDICATE:
                return Digest(item["digest"])
    except (KeyError, TypeError, InputError):
        return None
    return None

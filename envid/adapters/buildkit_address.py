"""Where BuildKit is, and the certificates by which it and this client know each other (mutual TLS, R7)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BuildKitTls", "address_flags"]


class BuildKitTls(NamedTuple):
    """PEM files: the authority that BuildKit's certificate must be of, and this client's certificate and key."""

    ca: Path
    cert: Path
    key: Path


def address_flags(host: str | None, tls: BuildKitTls | None) -> list[str]:
    """Return buildctl's flags for BuildKit at ``host`` (None: buildctl's own default); ``tls`` counts for ``tcp://``.

    Raises:
        InputError: a file of ``tls`` can't be read; buildctl would only say that the connection failed.

    """
    flags = ["--addr", host] if host else []
    if tls is None or not (host or "").startswith("tcp://"):
        return flags
    files = {"--tlscacert": tls.ca, "--tlscert": tls.cert, "--tlskey": tls.key}
    faults = [Fault(str(path), "it can't be read") for path in files.values() if not os.access(path, os.R_OK)]
    if faults:
        raise InputError(
            f"the certificates for BuildKit at {host} are not all there",
            faults=faults,
            remedy="set buildkitTls in invoke.yaml, or ENVID_BUILDKIT_CA, ENVID_BUILDKIT_CERT and ENVID_BUILDKIT_KEY",
        )
    return [*flags, *(word for flag, path in files.items() for word in (flag, str(path)))]

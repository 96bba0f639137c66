"""The registry's errors, told apart by what is known after each (R4); every one ends a command with exit 4.

::

    RegistryError
    ├── RegistryAbsent        the registry itself says: there is no such manifest
    ├── RegistryDenied        it wants a login, or refuses this one
    ├── RegistryBroken        it answered, and the answer can't be used or believed
    ├── RegistryUnreachable   no connection, or none that can be trusted
    └── RegistryTimeout       no complete answer within the deadline
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from envid.errors import RegistryError

if TYPE_CHECKING:
    from envid.adapters.registry.exchange import Answer

__all__ = [
    "RegistryAbsent",
    "RegistryBroken",
    "RegistryDenied",
    "RegistryError",
    "RegistryTimeout",
    "RegistryUnreachable",
    "error_for",
]


class RegistryAbsent(RegistryError):  # noqa: N818 - see CheckFailed in envid.errors
    """The registry says that it has no such manifest. Nothing else is ever called absent."""

    default_code = "registry-absent"


class RegistryDenied(RegistryError):  # noqa: N818
    """The registry, or its token service, refuses: no login, a wrong one, or no permission."""

    default_code = "registry-denied"


class RegistryBroken(RegistryError):  # noqa: N818
    """The registry failed (5xx), keeps refusing (429), or what it says is not to be believed."""

    default_code = "registry-broken"


class RegistryUnreachable(RegistryError):  # noqa: N818
    """No connection could be made or kept, or its certificate does not verify."""

    default_code = "registry-unreachable"


class RegistryTimeout(RegistryError):  # noqa: N818
    """The peer did not give a whole answer within the call's deadline."""

    default_code = "registry-timeout"


def error_for(answer: Answer, host: str) -> RegistryError:
    """Return the error that a status other than success means; ``host`` is the registry that was asked."""
    what = str(answer)
    status = answer.status
    codes = {fault.code for fault in answer.faults}
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or codes & {"UNAUTHORIZED", "DENIED"}:
        return RegistryDenied(
            what,
            cause="the login is missing, wrong or too weak; some registries also answer so for what does not exist",
            remedy=f"docker login {host}, then check that the repository exists and may be read",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RegistryBroken(
            what,
            cause="the registry limits the rate of requests, and the deadline ended before it would answer again",
            remedy=f"wait ({answer.retry_after or 'it does not say how long'}), or docker login {host}",
            code="registry-rate-limited",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RegistryBroken(
            what,
            cause="the registry failed, and failed again when it was asked again",
            remedy="read the registry's log",
        )
    return RegistryBroken(
        what,
        cause=(
            "the registry refuses the question"
            if codes
            else "a registry does not answer so to this question; perhaps something else listens there"
        ),
        remedy=f"curl -i {answer.origin}/v2/",
    )

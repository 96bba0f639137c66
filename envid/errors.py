"""Every error that a user can meet, as one tree.

::

    EnvidError                what failed, the likely cause, the next command
    ├── CheckFailed           exit 1: a check did not hold
    ├── InputError            exit 2: bad input or usage; every fault at once
    ├── Blocked               exit 3: the lane is not in a state in which this may run; says the remedy
    └── ServiceError          exit 4: something this needs failed
        ├── GitError          git, or the remote it spoke to
        ├── RegistryError     the registry; split by what is known (see ``adapters/registry.py``)
        ├── BuildError        BuildKit
        └── ToolMissing       a program this needs is not installed

An error outside this tree is a defect of this project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Blocked",
    "BuildError",
    "CheckFailed",
    "EnvidError",
    "Fault",
    "GitError",
    "InputError",
    "RegistryError",
    "ServiceError",
    "ToolMissing",
]


class Fault(NamedTuple):
    """One thing wrong with one input.

    ``where`` names the file, and after a colon the line or JSON path, as ``deploy/deploy.json: $.services[0].id``.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class EnvidError(Exception):
    """What failed (``what``), why it probably did (``cause``), and what to run or do next (``remedy``).

    ``code`` is a stable kebab-case word for machines; ``exit_code`` is the process's exit status.
    """

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "failed"

    def __init__(self, what: str, *, cause: str = "", remedy: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.remedy = remedy
        self.code = code or self.default_code

    def __str__(self) -> str:
        lines = [self.what]
        if self.cause:
            lines.append(f"  cause: {self.cause}")
        if self.remedy:
            lines.append(f"  next:  {self.remedy}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the machine form that ``--json`` prints on failure."""
        return {
            "error": self.code,
            "what": self.what,
            "cause": self.cause,
            "next": self.remedy,
            "exitCode": self.exit_code,
        }


class CheckFailed(EnvidError):  # noqa: N818 - the name says what it is; the tree is not an API of suffixes
    """A check ran and did not hold (exit 1)."""

    exit_code = 1
    default_code = "check-failed"


class InputError(EnvidError):
    """Input or usage is wrong (exit 2). Carries every fault that was found, not only the first."""

    exit_code = 2
    default_code = "bad-input"

    def __init__(
        self,
        what: str,
        *,
        faults: Iterable[Fault] = (),
        cause: str = "",
        remedy: str = "",
        code: str = "",
    ) -> None:
        super().__init__(what, cause=cause, remedy=remedy, code=code)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        head, *rest = super().__str__().split("\n")
        return "\n".join([head, *(f"  - {fault}" for fault in self.faults), *rest])

    def as_json(self) -> dict[str, object]:
        """Return the machine form, with one object per fault."""
        faults = [{"where": f.where, "problem": f.problem} for f in self.faults]
        return {**super().as_json(), "faults": faults}


class Blocked(EnvidError):  # noqa: N818 - see CheckFailed
    """The lane is in a state in which this must not go on (exit 3). ``remedy`` is never empty."""

    exit_code = 3
    default_code = "blocked"


class ServiceError(EnvidError):
    """A service or program that this needs failed (exit 4)."""

    exit_code = 4
    default_code = "service-failed"


class GitError(ServiceError):
    """Git, or a git remote, failed."""

    default_code = "git-failed"


class RegistryError(ServiceError):
    """The registry failed to answer, or answered something that can't be trusted (R4)."""

    default_code = "registry-failed"


class BuildError(ServiceError):
    """BuildKit failed, or what it says it built is not what the registry holds (R7)."""

    default_code = "build-failed"


class ToolMissing(ServiceError):  # noqa: N818 - see CheckFailed
    """A program that this needs is not on this machine."""

    default_code = "tool-missing"

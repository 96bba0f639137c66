"""The console script ``agentrun``: this project's Invoke collection as a program of its own.

It needs no tasks.py, takes ``agentrun v01 git-mirror status`` for ``git-mirror.status`` of lane v0.1, and ends a wrong
usage with 2, as every command here does (``invoke`` itself ends it with 1).
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from envid import __version__
from envid.errors import EnvidError, InputError
from envid.tasks import namespace
from envid.tasks.run import section_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envid.cli import Output

__all__ = ["AgentRun", "main", "spell_out"]

_LANE: Final = re.compile(r"v[0-9]+(?:\.[0-9]+)?")
_USAGE: Final = 2


def main() -> None:
    """Run what the process's arguments say, and exit."""
    lane, arguments = spell_out(sys.argv[1:])
    try:
        AgentRun(lane).run([sys.argv[0], *arguments])
    except BrokenPipeError:
        # the reader of a list, as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def spell_out(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the lane that ``arguments`` begin with, or an empty string, and the rest in Invoke's own spelling.

    ``v01 git-mirror status --json`` is ``git-mirror.status --json`` of the lane ``v01``.
    """
    rest = list(arguments)
    lane = rest.pop(0) if rest and _LANE.fullmatch(rest[0]) else ""
    if len(rest) > 1 and rest[0] in namespace.collections and rest[1] in namespace.collections[rest[0]].tasks:
        rest[:2] = [f"{rest[0]}.{rest[1]}"]
    return lane, rest


class AgentRun(Program):
    """Invoke's program with the collection built in; ``lane`` is the lane that the caller named, or empty."""

    def __init__(self, lane: str = "") -> None:
        super().__init__(
            version=__version__, namespace=namespace, name="agentrun", binary="agentrun", binary_names=["agentrun"]
        )
        self.lane = lane

    def parse_core(self, argv: list[str] | None) -> None:
        """Read Invoke's own flags."""
        with _usage():
            super().parse_core(argv)

    def parse_collection(self) -> None:
        """Take the built-in collection, and the settings of the repository around the current folder."""
        super().parse_collection()
        from invoke.vendor.yaml import YAMLError  # noqa: PLC0415 - Invoke has loaded it by now

        self.config.set_project_location(str(_root()))
        try:
            self.config.load_project()
        except YAMLError:
            # the command reads the file itself then, and says what is wrong with it
            self.config.set_project_location(None)

    def parse_tasks(self) -> None:
        """Read the tasks and their flags."""
        with _usage():
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer ``--help``, ``--list`` and the like."""
        with _usage():
            super().parse_cleanup()

    def execute(self) -> None:
        """Run the tasks, if the lane that the caller named is this checkout's."""
        if self.lane:
            try:
                self._check_lane()
            except EnvidError as error:
                self._refuse(error)
        super().execute()

    def _check_lane(self) -> None:
        from envid.adapters.settings import open_workspace  # noqa: PLC0415 - only where a lane is named

        root = _root()
        lane = open_workspace(root, section_of(self.config)).lane
        if self.lane not in {lane.key, lane.version}:
            raise InputError(
                f"{self.lane} is not the lane of this checkout",
                cause=f"{root} is on lane {lane.version}",
                remedy=f"run this in a checkout of {self.lane}, or name {lane.key}",
                code="other-lane",
            )

    def _refuse(self, error: EnvidError) -> NoReturn:
        from envid.cli import execute  # noqa: PLC0415 - as every task does

        execute(partial(_raise, error), as_json="--json" in self.argv, debug="--debug" in self.argv)


def _root() -> Path:
    from envid.adapters.git import find_root  # noqa: PLC0415 - not for --version

    try:
        return find_root(Path.cwd())
    except InputError:
        return Path.cwd()


def _raise(error: EnvidError) -> Output:
    raise error


@contextmanager
def _usage() -> Iterator[Any]:
    """End with 2 what Invoke ends with 1: arguments that can't be read."""
    try:
        yield
    except ParseError as error:
        raise Exit(f"error: {error}\n  next:  agentrun --list", code=_USAGE) from None
    except Exit as ended:
        raise Exit(ended.message, code=_USAGE if ended.code else 0) from None

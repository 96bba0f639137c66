"""``python -m envid`` and the console script: ``identity``, ``plan`` and ``publish`` without Invoke's start-up time."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envid.cli import Output

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse ``arguments`` (default: the process's own, which ends with the command), run the command and exit."""
    from envid import __version__  # noqa: PLC0415 - argparse alone serves --help
    from envid.cli import end_process, execute  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="envid", description="Content-addressed environment identities.")
    parser.add_argument("--version", action="version", version=__version__)
    commands_parser = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for machines")
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common.add_argument("--commit", default="", metavar="SHA", help="full commit id (default: HEAD)")

    show = commands_parser.add_parser("identity", parents=[common], help="the envIdentity and its input table")
    show.add_argument("--repo", default="", metavar="DIR", help="another repository's folder")
    show.add_argument("--service", default="", metavar="ID", help="a service of deploy.json (default: the first)")
    show.add_argument("--input", action="append", default=[], metavar="GLOB", help="a further input (repeatable)")

    decide = commands_parser.add_parser("plan", parents=[common], help="build or reuse, and why")
    decide.add_argument("--dirty", action="store_true", help="plan the uncommitted work tree")
    decide.add_argument("--out", default="", metavar="FILE", help="also write the JSON to this file")
    decide.add_argument("--rebuild", action="append", default=[], metavar="ID", help="build this service in any case")

    act = commands_parser.add_parser("publish", parents=[common], help="build or reuse each service, as planned")
    act.add_argument("--out", default="", metavar="FILE", help="also write the result to this file")
    act.add_argument("--rebuild", action="append", default=[], metavar="ID", help="build this service in any case")
    act.add_argument("--run-id", default="", metavar="ID", help="the run that builds, for the provenance")

    given = parser.parse_args(arguments)
    command: partial[Output]
    if given.command == "identity":
        from envid.commands.inspect import identity  # noqa: PLC0415

        command = partial(identity, repo=given.repo, commit=given.commit, service=given.service, inputs=given.input)
    elif given.command == "publish":
        from envid.commands.delivery import publish  # noqa: PLC0415

        command = partial(publish, commit=given.commit, out=given.out, rebuild=given.rebuild, run_id=given.run_id)
    else:
        from envid.commands.delivery import plan  # noqa: PLC0415

        command = partial(plan, commit=given.commit, dirty=given.dirty, out=given.out, rebuild=given.rebuild)
    leave: Callable[[int], NoReturn] = sys.exit
    if arguments is None:
        leave = end_process
    execute(command, as_json=given.json, debug=given.debug, leave=leave)


if __name__ == "__main__":
    main()

"""``python -m envid`` and the console script: ``identity``, ``plan`` and ``publish`` without Invoke's start-up time."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from envid.cli import Output

__all__ = ["FLAGS", "Flag", "build_parser", "main", "read_plainly"]


class Flag(NamedTuple):
    """One flag: its help, what its value is called (nothing: it has none), and whether it may come again."""

    help: str
    metavar: str = ""
    repeatable: bool = False


_COMMON: Final = {
    "json": Flag("print JSON for machines"),
    "debug": Flag("show the traceback of an error"),
    "commit": Flag("full commit id (default: HEAD)", "SHA"),
}
_REBUILD: Final = Flag("build this service in any case", "ID", repeatable=True)
FLAGS: Final = {
    "identity": {
        **_COMMON,
        "repo": Flag("another repository's folder", "DIR"),
        "service": Flag("a service of deploy.json (default: the first)", "ID"),
        "input": Flag("a further input (repeatable)", "GLOB", repeatable=True),
    },
    "plan": {
        **_COMMON,
        "dirty": Flag("plan the uncommitted work tree"),
        "out": Flag("also write the JSON to this file", "FILE"),
        "rebuild": _REBUILD,
    },
    "publish": {
        **_COMMON,
        "out": Flag("also write the result to this file", "FILE"),
        "rebuild": _REBUILD,
        "run-id": Flag("the run that builds, for the provenance", "ID"),
    },
}
"""Every command with its flags."""
_SUMMARIES: Final = {
    "identity": "the envIdentity and its input table",
    "plan": "build or reuse, and why",
    "publish": "build or reuse each service, as planned",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse ``arguments`` (default: the process's own, which ends with the command), run the command and exit."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name, given = read_plainly(words) or _read_with_argparse(words)
    from envid.cli import end_process, execute  # noqa: PLC0415 - argparse alone serves --help

    leave: Callable[[int], NoReturn] = sys.exit
    if arguments is None:
        leave = end_process
    as_json, debug = given.pop("json"), given.pop("debug")
    execute(_command(name, given), as_json=as_json, debug=debug, leave=leave)


def read_plainly(words: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """Read ``COMMAND --flag value …``; None where a word is not just that, so that argparse reads it, and explains.

    Importing argparse and building its parser takes as long as reading and hashing an environment.
    """
    if not words or words[0] not in FLAGS:
        return None
    flags = FLAGS[words[0]]
    given: dict[str, Any] = {_variable(name): _default(flag) for name, flag in flags.items()}
    rest = iter(words[1:])
    for word in rest:
        flag = flags.get(word[2:]) if word.startswith("--") else None
        if flag is None:
            return None
        variable = _variable(word[2:])
        if not flag.metavar:
            given[variable] = True
            continue
        value = next(rest, "-")
        if value.startswith("-"):
            return None
        given[variable] = [*given[variable], value] if flag.repeatable else value
    return words[0], given


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command line, with its help and its messages."""
    import argparse  # noqa: PLC0415 - see read_plainly

    from envid import __version__  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="envid", description="Content-addressed environment identities.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, flags in FLAGS.items():
        command = commands.add_parser(name, help=_SUMMARIES[name])
        for flag_name, flag in flags.items():
            if flag.metavar:
                action = "append" if flag.repeatable else "store"
                command.add_argument(
                    f"--{flag_name}", action=action, default=_default(flag), metavar=flag.metavar, help=flag.help
                )
            else:
                command.add_argument(f"--{flag_name}", action="store_true", help=flag.help)
    return parser


def _read_with_argparse(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    given = vars(build_parser().parse_args(words))
    return given.pop("command"), given


def _default(flag: Flag) -> Any:
    return [] if flag.repeatable else "" if flag.metavar else False


def _variable(flag: str) -> str:
    return flag.replace("-", "_")


def _command(name: str, given: dict[str, Any]) -> partial[Output]:
    if name == "identity":
        from envid.commands.inspect import identity  # noqa: PLC0415

        return partial(identity, inputs=given.pop("input"), **given)
    from envid.commands import delivery  # noqa: PLC0415

    return partial(delivery.plan if name == "plan" else delivery.publish, **given)


if __name__ == "__main__":
    main()

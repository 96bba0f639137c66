"""The outermost shell of a command: runs it, prints for people or machines, and ends with the right exit code.

Used by the Invoke tasks and by ``python -m envid``; neither prints anything itself.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from envid.errors import EnvidError
from envid.text import Painted, clean, hide_logins, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Output", "end_process", "execute", "progress"]

_INTERRUPTED: Final = 130
_LONG: Final = 100
_LONGEST_LINE: Final = 2000
_COLLECT_AFTER: Final = 50_000
"""Objects between two collections. Python's 700 fit a long-lived program; here most that is made is loaded code."""


class Output(NamedTuple):
    """What a command has to say: ``data`` for ``--json``, ``lines`` for people, and the exit code.

    ``stream`` replaces both where a command answers line by line: one JSON object, and one line of text, each.
    """

    data: Any = None
    lines: Iterable[str | Painted] = ()
    exit_code: int = 0
    stream: Iterator[tuple[Any, str]] | None = None


def execute(
    command: Callable[[], Output], *, as_json: bool, debug: bool, leave: Callable[[int], NoReturn] = sys.exit
) -> NoReturn:
    """Run ``command``, print what it says, and ``leave``.

    Errors of this project's tree are messages; others are defects.
    """
    leave(_run(command, as_json=as_json, debug=debug))


def end_process(code: int) -> NoReturn:
    """End this process at once, without taking the interpreter apart first.

    That would free, one by one, a hundred thousand objects whose memory goes back with the process anyway: a tenth of
    a plan's time. What is registered for the end still runs.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - no public name does it
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(command: Callable[[], Output], *, as_json: bool, debug: bool) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that can't show a character shows its number, and never ends the command
        sys.stdout.reconfigure(errors="backslashreplace")
    # what is loaded by now lives to the end: a collection that looks at it again only costs time
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    # pydantic reads the metadata of every installed package for plugins, and one could loosen what is checked
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        output = command()
        _print(output, as_json=as_json)
        sys.stdout.flush()
    except EnvidError as error:
        if debug:
            import traceback  # noqa: PLC0415 - three milliseconds, for whom it helps

            sys.stderr.write(clean(traceback.format_exc()))
        if as_json:
            _write_json(error.as_json(), indent=2)
        text = "\n".join(_clipped(line) for line in clean(str(error)).split("\n"))
        sys.stderr.write(f"{_paint('error:', '31')} {text}\n")
        return error.exit_code
    except BrokenPipeError:
        # the reader, as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return _INTERRUPTED
    return output.exit_code


def _clipped(line: str) -> str:
    """Cut a line that no person reads to its end; ``--json`` has all of it."""
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}… ({len(line)} characters)"


def progress(line: str) -> None:
    """Tell a person what goes on, on standard error."""
    sys.stderr.write(f"{_paint('·', '2')} {clean(line)}\n")
    sys.stderr.flush()


def _print(output: Output, *, as_json: bool) -> None:
    if output.stream is not None:
        for data, line in output.stream:
            if as_json:
                _write_json(data, indent=None)
            else:
                sys.stdout.write(clean(line) + "\n")
    elif as_json:
        _write_json(output.data, indent=2)
    else:
        for shown in output.lines:
            sys.stdout.write(paint(shown) + "\n")


def _write_json(data: Any, *, indent: int | None) -> None:
    # ASCII only: whatever the terminal's encoding, and no control character reaches it raw
    if indent and isinstance(data, dict) and any(_is_long(value) for value in data.values()):
        members = (f"{' ' * indent}{json.dumps(name)}: {_member(value, indent)}" for name, value in data.items())
        sys.stdout.write("{\n" + ",\n".join(members) + "\n}\n")
    else:
        sys.stdout.write(hide_logins(json.dumps(data, indent=indent)) + "\n")


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and len(value) > _LONG


def _member(value: Any, indent: int) -> str:
    """Spell a member of an object; of a long list, an item a line: Python indents slower than all that is hashed."""
    pad = " " * indent
    if not _is_long(value):
        return json.dumps(value, indent=indent).replace("\n", f"\n{pad}")
    return f"[\n{pad * 2}" + f",\n{pad * 2}".join(map(json.dumps, value)) + f"\n{pad}]"


def _paint(text: str, code: str) -> str:
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        return f"\x1b[{code}m{text}\x1b[0m"
    return text

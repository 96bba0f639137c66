"""What every task does with its flags: find its command, pass invoke.yaml's section on, print, and exit."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from invoke.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.config import Config
    from invoke.context import Context

    from envid.cli import Output

__all__ = ["COMMIT", "DEBUG", "JSON", "RESULTS", "group", "run", "section_of"]

JSON: Final = "print JSON for machines"
DEBUG: Final = "show the traceback of an error"
COMMIT: Final = "full commit id (default: HEAD)"
RESULTS: Final = "also write the results that Tekton takes to this folder, a file each"


def group(name: str, *tasks: Any) -> Collection:
    """Return a collection of ``tasks``, to be called as ``name.task``."""
    collection = Collection(name)
    for item in tasks:
        collection.add_task(item)
    return collection


def run(context: Context, command: str, *, as_json: bool, debug: bool, with_section: bool = True, **flags: Any) -> None:
    """Call ``module.function`` of ``envid.commands``; it is imported only now, to keep ``invoke --list`` quick."""
    from envid.cli import end_process, execute  # noqa: PLC0415

    module, _, name = command.partition(".")
    function: Callable[..., Output] = getattr(import_module(f"envid.commands.{module}"), name)
    if with_section:
        flags["section"] = section_of(context.config)
    # the task is the whole of its process: Invoke does nothing after it
    execute(partial(function, **flags), as_json=as_json, debug=debug, leave=end_process)


def section_of(config: Config) -> Any:
    """Return invoke.yaml's ``envid`` section, which Invoke has read; None where it has none."""
    section = config.get("envid")
    return None if section is None else _plain(section)


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    return value

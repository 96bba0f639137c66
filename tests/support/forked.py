"""Runs many command lines of ``agentrun``, each in a process of its own that was forked after the imports.

Run as ``python -m tests.support.forked`` it reads JSON objects, one a line, with ``arguments``, ``folder`` and
``environment``, and answers each with ``code``, ``out`` and ``err``. Arguments, git and files are as real as from a
shell, and a hundred command lines cost what ten would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cli import Ran

__all__ = ["Call", "run_all"]


@dataclass(frozen=True)
class Call:
    """One command line, where it is run, and what its environment has besides."""

    arguments: list[str]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)


def run_all(calls: Iterable[Call]) -> list[Ran]:
    """Run every call, and return what each left."""
    asked = "".join(
        json.dumps({"arguments": c.arguments, "folder": str(c.folder), "environment": c.environment}) + "\n"
        for c in calls
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT_", "INVOKE_"))}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        cwd=Path(__file__).parents[2],
        env=kept,
        input=asked.encode(),
        capture_output=True,
        check=True,
        timeout=600,
    )
    return [Ran(**json.loads(line)) for line in done.stdout.splitlines()]


def _serve() -> None:
    import envid.tasks.program  # noqa: F401, PLC0415 - each fork finds it loaded

    for line in sys.stdin:
        call = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                _be(call, out.fileno(), err.fileno())
            _, status = os.waitpid(child, 0)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode("utf-8", "replace"))
        answer = {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _be(call: dict[str, object], out: int, err: int) -> None:
    from envid.tasks.program import main  # noqa: PLC0415

    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        os.chdir(str(call["folder"]))
        os.environ.update(call["environment"])  # type: ignore[call-overload]
        sys.argv = ["agentrun", *call["arguments"]]  # type: ignore[misc]
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - a traceback is what the caller looks for
        import traceback  # noqa: PLC0415

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()

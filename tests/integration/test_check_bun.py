"""`check` with the real Bun: its scripts find it, and a failure is shown to its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envid.errors import ToolMissing
from envid.local.tools import find_bun
from envid.usecases.check import Check, bun_checks


def checked(folder: Path, script: str | None) -> list[Check]:
    try:
        bun = find_bun()
    except ToolMissing as error:
        pytest.skip(str(error))
    scripts = {} if script is None else {"check": script}
    (folder / "package.json").write_text(json.dumps({"name": "x", "scripts": scripts}))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return list(bun_checks(folder, tools=[Path(bun).parent], environment=environment, say=lambda _: None))


def test_a_script_may_call_bun_though_it_is_not_on_path(tmp_path: Path) -> None:
    assert [(check.name, check.holds) for check in checked(tmp_path, "bun -e 0")] == [
        ("frozen-install", True),
        ("bun-check", True),
    ]


def test_a_failing_script_shows_the_end_of_what_it_said(tmp_path: Path) -> None:
    last = checked(tmp_path, "seq 1 500; echo the type is wrong >&2; exit 7")[-1]
    assert (last.name, last.holds) == ("bun-check", False)
    assert "the type is wrong" in last.output
    assert "\n1\n" not in last.output
    assert "ended with 7" in last.findings[0].problem


def test_a_project_without_the_script_is_named(tmp_path: Path) -> None:
    last = checked(tmp_path, None)[-1]
    assert last.findings[0].where == "package.json: $.scripts"

"""What the documentation says of commands is what the task collection takes; no fenced block is left unlooked at."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from invoke.exceptions import ParseError
from invoke.parser import Parser

from envid.adapters.settings import load_settings
from envid.tasks import namespace
from tests.support.blocks import blocks, invoke_commands

# what can't be run here, by how it begins, and why; everything else is parsed, or run by tests/integration
NOT_RUN = {
    "script/demo": "minutes, and root: tests/integration and CI run its steps",
    "kubectl --namespace agentrun-ci": "needs a cluster",
    "agentrun v01 source fetch": "steps of a pod; test_program.py has the spelling",
    "buildctl build": "a part of a command line, with a hole in it",
    "python -m bench": "minutes, and a corpus",
    "frame(b)": "the byte layout; tests/golden/identity has it as vectors",
    "0000000000000007": "a worked example with a hole in it",
    "format packages-lock/1": "a part of a file, with a hole in it",
    "deploy/gitops/g14/runtime-v01/attestations": "a list of files",
    "ci@example.org namespaces": "a part of a key",
    "agentrun-mgr: the same image again": "output with holes, of minutes of rebuilding",
    "agentrun-mgr: another image": "output with holes, of minutes of rebuilding",
}
SHELL = ("invoke ", "$ invoke ", "git switch", "pip install")

ROOT = Path(__file__).parents[2]
# what bench writes is what it measured: nothing of it can be run and compared
MEASURED = ROOT / "docs/bench"
PAGES = sorted(p for p in [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")] if MEASURED not in p.parents)
BLOCKS = [block for page in PAGES for block in blocks(page)]


def parse(words: list[str]) -> None:
    Parser(contexts=namespace.to_contexts()).parse_argv(words)


def test_every_command_of_a_block_is_one_that_invoke_takes() -> None:
    commands = [(block, words) for block in BLOCKS for words in invoke_commands(block.text)]
    assert len(commands) > 30
    wrong = [f"{b.path.name}:{b.line}: {shlex.join(words)}: {e}" for b, words in commands if (e := refusal(words))]
    assert not wrong


def refusal(words: list[str]) -> str:
    try:
        parse(words)
    except ParseError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("words", [["plan", "--no-such-flag"], ["no-such-task"], ["lane.new"]])
def test_a_command_that_invoke_does_not_take_is_seen(words: list[str]) -> None:
    if words == ["lane.new"]:
        assert "did not receive required positional" in refusal(words)
    else:
        assert refusal(words)


def test_every_task_that_the_text_names_exists() -> None:
    named = {
        (page.name, task)
        for page in PAGES
        for task in re.findall(r"`invoke ([a-z][a-z0-9.-]*)", page.read_text("utf-8"))
    }
    assert len(named) > 40
    assert not {(page, task) for page, task in named if task not in namespace.task_names}


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", "CONTRIBUTING.md"])
def test_every_link_outside_the_site_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert links or page == "CONTRIBUTING.md"
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_two_readmes_show_the_same() -> None:
    """The same plan, explanation and adoption, the same commands, tools and pictures."""
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md"))
    shown = [
        {b.text for b in blocks(ROOT / name) if "script/demo" not in b.text} for name in ("README.md", "README.zh.md")
    ]
    assert shown[0] == shown[1]
    for found in (
        r"`(invoke [a-z.-]+)",
        r"^\| (turbo|Nx|werf|skaffold|ko|BinderHub|Kargo) \|",
        r"\((docs/pictures/\S+)\)",
    ):
        assert set(re.findall(found, english, re.MULTILINE)) == set(re.findall(found, chinese, re.MULTILINE)), found


def test_no_block_is_left_unlooked_at() -> None:
    used = set()
    unknown = []
    for block in BLOCKS:
        reason = next((begin for begin in NOT_RUN if block.text.startswith(begin)), "")
        if reason:
            used.add(reason)
        elif block.language in {"yaml", "json"}:
            document = yaml.safe_load(block.text)
            if "envid" in document:
                load_settings(ROOT, document["envid"])
        elif not block.text.startswith(SHELL):
            unknown.append(f"{block.path.name}:{block.line}")
    assert not unknown
    assert used == set(NOT_RUN), "a reason for a block that is not there"

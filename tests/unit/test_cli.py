"""Exit codes and error documents of the real command line, and the shell around a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envid.__main__ import build_parser, read_plainly
from envid.cli import Output, execute
from envid.errors import Blocked, CheckFailed, InputError, RegistryError
from tests.support.builders import SourceRepo
from tests.support.cli import Ran, envid, invoke

ROOT = Path(__file__).parents[2]


def end_of(command: Callable[[], Output], *, as_json: bool = False, debug: bool = False) -> int:
    with pytest.raises(SystemExit) as caught:
        execute(command, as_json=as_json, debug=debug)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def failing(error: BaseException) -> Callable[[], Output]:
    def command() -> Output:
        raise error

    return command


# ---- the shell around a command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CheckFailed("x"), 1),
        (InputError("x"), 2),
        (Blocked("x", remedy="y"), 3),
        (RegistryError("x"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(failing(error)) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_error_is_json_on_standard_output_and_text_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(failing(InputError("bad \x1b[31m", cause="why", remedy="do")), as_json=True) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "error": "bad-input", "what": "bad \x1b[31m", "cause": "why", "next": "do", "exitCode": 2, "faults": [],
    }  # fmt: skip
    assert "\x1b" not in captured.out + captured.err
    assert captured.err.startswith("error: bad")


def test_debug_shows_where_a_foreseen_error_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(failing(CheckFailed("x")), debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        execute(failing(ZeroDivisionError()), as_json=False, debug=False)


def test_output_for_people_and_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(data={"a": "ü\x1b"}, lines=["one", "t\x1bwo"], exit_code=3)
    assert end_of(lambda: output) == 3
    assert capsys.readouterr().out == "one\nt\N{REPLACEMENT CHARACTER}wo\n"
    assert end_of(lambda: output, as_json=True) == 3
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"a": "ü\x1b"}


def test_a_long_list_is_the_same_json_with_an_item_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"a": "ü\n", "items": [{"name": "x, y\n", "n": n} for n in range(200)], "few": [1, {"b": []}], "none": {}}
    assert end_of(lambda: Output(data=data), as_json=True) == 0
    out = capsys.readouterr().out
    assert json.loads(out) == data
    assert sum(line.startswith('    {"name"') for line in out.splitlines()) == 200
    assert out.isascii()


@pytest.mark.parametrize(
    "words",
    [
        ["identity"],
        ["identity", "--json", "--repo", "a b", "--input", "x/*", "--input", "y", "--service", ""],
        ["plan", "--dirty", "--out", "f", "--commit", "a" * 40, "--rebuild", "one", "--rebuild", "two", "--debug"],
        ["publish", "--run-id", "7", "--commit", "a", "--commit", "b"],
    ],
)
def test_a_plain_command_line_is_read_as_argparse_reads_it(words: list[str]) -> None:
    plain = read_plainly(words)
    given = vars(build_parser().parse_args(words))
    assert plain == (given.pop("command"), given)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["unknown"],
        ["--json", "plan"],
        ["plan", "--help"],
        ["plan", "-h"],
        ["plan", "word"],
        ["plan", "--json=1"],
        ["plan", "--out=f"],
        ["plan", "--comm", "a"],
        ["plan", "--commit"],
        ["plan", "--commit", "--json"],
        ["plan", "--", "--json"],
        ["plan", "--run-id", "7"],
    ],
)
def test_whatever_is_not_plain_is_left_to_argparse(words: list[str]) -> None:
    assert read_plainly(words) is None


def test_a_stream_is_a_line_each_and_a_late_error_still_counts(capsys: pytest.CaptureFixture[str]) -> None:
    def stream() -> Iterator[tuple[Any, str]]:
        yield {"n": 1}, "first"
        raise RegistryError("broke")

    assert end_of(lambda: Output(stream=stream()), as_json=True) == 4
    assert capsys.readouterr().out.splitlines()[0] == '{"n": 1}'


# ---- the real thing


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> SourceRepo:
    made = SourceRepo.create(tmp_path_factory.mktemp("cli") / "source")
    made.write("tasks.py", (ROOT / "tasks.py").read_bytes())
    made.commit()
    return made


def quiet(ran: Ran) -> Ran:
    assert "Traceback" not in ran.out + ran.err
    return ran


Runner = Callable[..., Ran]


@pytest.mark.parametrize("run", [envid, invoke])
def test_0_an_answer(repo: SourceRepo, run: Runner) -> None:
    ran = quiet(run(repo.root, "identity", "--json"))
    assert ran.code == 0, ran.err
    assert ran.json["schemaVersion"] == "agentrun.identity/1"
    people = quiet(run(repo.root, "identity"))
    assert ran.json["envIdentity"] in people.out


@pytest.mark.parametrize("run", [envid, invoke])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["identity", "--commit", "abc1234"], "abbreviated"),
        (["identity", "--commit", "f" * 40], "not in"),
        (["identity", "--service", "nobody"], "nobody"),
        (["identity", "--repo", "/nonexistent/folder"], "not in a git repository"),
        (["plan", "--commit", "HEAD"], "full commit id"),
    ],
)
def test_2_bad_input(repo: SourceRepo, run: Runner, arguments: list[str], word: str) -> None:
    ran = quiet(run(repo.root, *arguments, "--json"))
    assert ran.code == 2, ran.err
    document = ran.json
    assert {"error", "what", "cause", "next", "exitCode", "faults"} == set(document)
    assert word in json.dumps(document)
    assert word in ran.err


@pytest.mark.parametrize("run", [envid, invoke])
def test_4_a_mirror_that_is_not_there(repo: SourceRepo, run: Runner) -> None:
    ran = quiet(run(repo.root, "plan", "--json"))
    assert ran.code == 4, ran.err
    assert ran.json["error"] == "mirror-unreachable"
    assert ran.json["next"]


def test_4_a_registry_that_is_not_there(repo: SourceRepo) -> None:
    ran = quiet(invoke(repo.root, "registry.digest", "127.0.0.1:9/a/b:c", "--json"))
    assert ran.code == 4, ran.err
    assert ran.json["exitCode"] == 4


@pytest.mark.parametrize(
    "arguments", [["registry.digest", "no-host/x"], ["history", "--rev", "-x"], ["git-mirror.flush"]]
)
def test_2_usage_that_only_the_command_can_judge(repo: SourceRepo, arguments: list[str]) -> None:
    assert quiet(invoke(repo.root, *arguments)).code == 2


SETTINGS = {
    "an unknown field": ("envid:\n  registri: x\n", "envid.registri"),
    "a wrong type": ("envid:\n  project: 7\n", "envid.project"),
    "a lane that is none": ("envid:\n  lane: main\n", "'main' is not a lane"),
    "a section that is a list": ("envid: [1]\n", "envid"),
    "a path that leaves": ("envid:\n  repository: ../x.git\n", "../x.git"),
}


@pytest.mark.parametrize(("text", "word"), SETTINGS.values(), ids=SETTINGS)
def test_2_settings_that_are_wrong(repo: SourceRepo, text: str, word: str) -> None:
    before = (repo.root / "invoke.yaml").read_bytes()
    repo.write("invoke.yaml", text)
    try:
        ran = quiet(envid(repo.root, "plan", "--json"))
    finally:
        (repo.root / "invoke.yaml").write_bytes(before)
    assert ran.code == 2, ran.err
    assert word in json.dumps(ran.json)


def test_2_a_deploy_json_that_is_no_text(repo: SourceRepo) -> None:
    path = repo.root / "deploy/deploy.json"
    before = path.read_bytes()
    path.write_bytes(b'{"a": "\xff"}')
    try:
        ran = quiet(invoke(repo.root, "imageref.pin", "--json"))
    finally:
        path.write_bytes(before)
    assert ran.code == 2, ran.err
    assert "UTF-8" in json.dumps(ran.json)


def test_usage_of_the_fast_commands_is_2_too(repo: SourceRepo) -> None:
    for arguments in ([], ["nonsense"], ["plan", "--nonsense"]):
        assert quiet(envid(repo.root, *arguments)).code == 2


def test_every_task_takes_json_and_debug_and_has_help() -> None:
    ran = quiet(invoke(ROOT, "--list", "--list-format=json"))
    names: list[str] = []

    def collect(node: dict[str, Any], prefix: str) -> None:
        names.extend(f"{prefix}{task['name']}" for task in node["tasks"])
        for child in node["collections"]:
            collect(child, f"{prefix}{child['name']}.")

    collect(ran.json, "")
    assert {"plan", "publish", "promote", "catalog.init", "registry.digest", "local.up"} <= set(names)
    for name in names:
        text = quiet(invoke(ROOT, "--help", name)).out
        assert "--json" in text, name
        assert "--debug" in text, name
        assert "Docstring:\n  none" not in text, name

"""The error tree: exit codes, the machine form, and that each error says what to do."""

import pytest

from envid import errors
from envid.errors import Blocked, CheckFailed, EnvidError, Fault, InputError, RegistryError, ServiceError


def tree() -> list[type[EnvidError]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, EnvidError)]


def test_the_exit_codes_are_those_that_the_command_line_promises() -> None:
    branches: dict[type[EnvidError], int] = {CheckFailed: 1, InputError: 2, Blocked: 3, ServiceError: 4}
    assert {kind: kind.exit_code for kind in branches} == branches
    for kind in tree():
        parents = [branch for branch in branches if issubclass(kind, branch)]
        assert kind is EnvidError or [kind.exit_code] == [branches[p] for p in parents]


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [kind.default_code for kind in tree()]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and " " not in code for code in codes)


def test_every_error_is_listed() -> None:
    assert {kind.__name__ for kind in tree()} | {"Fault"} == set(errors.__all__)


def test_the_text_has_what_cause_and_next_on_lines_of_their_own() -> None:
    text = str(RegistryError("it failed", cause="a reason", remedy="do this"))
    assert text.splitlines() == ["it failed", "  cause: a reason", "  next:  do this"]
    assert str(RegistryError("it failed")) == "it failed"


def test_every_fault_stands_between_what_and_next() -> None:
    faults = [Fault("a.json: $.x", "is wrong"), Fault("b", "is missing")]
    text = str(InputError("two things", faults=faults, remedy="mend them"))
    assert text.splitlines() == ["two things", "  - a.json: $.x: is wrong", "  - b: is missing", "  next:  mend them"]


@pytest.mark.parametrize("kind", tree())
def test_the_machine_form_has_every_field(kind: type[EnvidError]) -> None:
    document = kind("what", cause="cause", remedy="next", code="a-code").as_json()
    assert document | {"exitCode": kind.exit_code} == document
    assert {"error", "what", "cause", "next", "exitCode"} <= set(document)
    assert document["error"] == "a-code"


def test_the_machine_form_of_bad_input_lists_faults() -> None:
    document = InputError("what", faults=[Fault("where", "problem")]).as_json()
    assert document["faults"] == [{"where": "where", "problem": "problem"}]

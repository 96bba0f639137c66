"""``invoke registry.digest`` against every fault of a registry: the right digest, or one clear error (R4).

All are asked at once, those that hang first: each takes the 15 s that a call may take, and no processor.
"""

from __future__ import annotations

import json
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cli import Ran, invoke
from tests.support.fault_cases import CASES, FaultCase, FaultWorld

BESIDE = 4


@dataclass(frozen=True)
class Seen:
    ran: Ran
    right: str
    leaked: bool
    reference: str


def _ask(case: FaultCase, folder: Path) -> Seen:
    with FaultWorld(folder) as world:
        reference = world.arrange(case)
        proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
        ran = invoke(world.folder, "registry.digest", reference, "--json", **proxies | world.environment)
        return Seen(ran, world.right, world.leaked, reference)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    folder = tmp_path_factory.mktemp("cases")
    order = sorted(enumerate(CASES), key=lambda item: not item[1].hangs)
    hanging = sum(case.hangs for case in CASES)
    with ThreadPoolExecutor(hanging + BESIDE) as pool:
        seen = pool.map(lambda item: (item[1].name, _ask(item[1], folder / str(item[0]))), order)
    return dict(seen)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_gives_the_right_digest_or_its_own_error(case: FaultCase, asked: dict[str, Seen]) -> None:
    if case.name == "IPv6" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    seen = asked[case.name]
    told = json.loads(seen.ran.out)
    assert not seen.leaked
    assert "Traceback" not in seen.ran.err
    if not case.code:
        assert seen.ran.code == 0, seen.ran.err
        assert told == [{"reference": seen.reference, "digest": seen.right}]
        return
    assert (seen.ran.code, told["error"]) == (4, case.code), seen.ran.err
    assert told["next"]
    # no digest at all where none is sure: what a script would take for one
    assert not re.search(r'"digest"', seen.ran.out)

"""The plan that the README shows is the plan that a lane gives: hashes alone may differ, each with as many digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.support.blocks import blocks
from tests.support.lanes import ROOT, LaneRepository


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{12,64}\b", lambda found: "#" * len(found[0]), text).rstrip()


def test_the_plan_of_the_readme_is_a_plan(make_lane: Callable[..., LaneRepository]) -> None:
    (shown,) = (b.text for b in blocks(ROOT / "README.md") if b.text.startswith("$ invoke plan\n"))
    lane = make_lane("shown")
    lane.run("publish")
    lane.run("promote")
    lane.commit("Change the business source only", {"src/main.ts": "console.log(2);\n"})
    lane.publish_source()
    assert without_hashes(lane.run("plan").stdout) == without_hashes(shown.partition("\n")[2])

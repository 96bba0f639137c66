"""What one promotion changes: the least that turns one state of the lane's files into the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envid.core.promotion import edit_for, outside_lane
from envid.errors import InputError
from tests.support.builders import LANE

PATHS = [LANE.catalog_path, *(f"{LANE.runtime_path}/{name}" for name in ("a.yaml", "b.yaml", "deep/c.yaml"))]
states = st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=2))


@given(states, states)
def test_an_edit_turns_one_state_into_the_other_and_touches_nothing_that_is_right(
    current: dict[str, bytes], wanted: dict[str, bytes]
) -> None:
    edit = edit_for(LANE, current, wanted)
    after = {path: content for path, content in current.items() if path not in edit.remove} | dict(edit.write)
    assert after == wanted
    assert not set(edit.write) & set(edit.remove)
    assert all(current.get(path) != content for path, content in edit.write.items())
    assert bool(edit) == (current != wanted)
    assert list(edit.paths) == sorted({*edit.write, *edit.remove})


@pytest.mark.parametrize(
    "path",
    ["README.md", "src/main.ts", f"{LANE.catalog_path}.bak", f"{LANE.runtime_path}-v02/x.yaml", LANE.runtime_path,
     "deploy/artifact-catalog.v02.json", "deploy/gitops/g14/runtime-v02/x.yaml", "deploy/deploy.json"],
)  # fmt: skip
def test_a_path_outside_the_lane_is_refused_by_name(path: str) -> None:
    assert outside_lane(LANE, (path, LANE.catalog_path)) == (path,)
    with pytest.raises(InputError) as caught:
        edit_for(LANE, {}, {path: b""})
    assert [fault.where for fault in caught.value.faults] == [path]

"""A step's result files: what Tekton and Chains read of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envid.commands.results import image_results, one_or_all, write_results
from envid.errors import ServiceError

BUILT = {"status": "built", "image": "r/a-env:tag", "digest": "sha256:1", "repositoryDigest": "r/a-env@sha256:1"}
REUSED = {**BUILT, "status": "reused"}


def found(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_each_result_is_a_file_of_its_own_without_a_newline(tmp_path: Path) -> None:
    write_results(str(tmp_path), {"summary": "build=0 reuse=1 unsafeReuse=0", "digest": "", "IMAGE_URL": None})
    assert found(tmp_path) == {"summary": "build=0 reuse=1 unsafeReuse=0", "digest": ""}


def test_a_second_try_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    write_results(str(tmp_path), {"status": "built", **image_results([BUILT])})
    assert found(tmp_path)["IMAGE_DIGEST"] == "sha256:1"
    write_results(str(tmp_path), {"status": "reused", **image_results([REUSED])})
    assert found(tmp_path) == {"status": "reused"}


def test_only_what_was_built_is_named_as_the_runs_product() -> None:
    assert set(image_results([REUSED]).values()) == {None}
    one = image_results([BUILT, REUSED])
    assert (one["IMAGE_URL"], one["IMAGE_DIGEST"], one["IMAGES"]) == ("r/a-env:tag", "sha256:1", None)
    two = image_results([BUILT, {**BUILT, "repositoryDigest": "r/b-env@sha256:2"}])
    assert two == {"IMAGE_URL": None, "IMAGE_DIGEST": None, "IMAGES": "r/a-env@sha256:1\nr/b-env@sha256:2"}


def test_one_service_is_told_plainly_and_several_by_name() -> None:
    assert one_or_all({"a": "reuse"}) == "reuse"
    assert one_or_all({"a": None}) == ""
    assert json.loads(one_or_all({"b": "build", "a": "reuse"})) == {"a": "reuse", "b": "build"}


def test_results_that_tekton_would_cut_off_are_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="4096"):
        write_results(str(tmp_path), {"status": "built", "digest": "x" * 4096})
    assert found(tmp_path) == {}

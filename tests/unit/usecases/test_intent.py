"""What a runtime is rendered from, read at a commit: deploy.json, free of credentials, and the pinned images."""

from __future__ import annotations

from pathlib import Path

import pytest

from envid.adapters.git import GitObjects
from envid.core.images import NO_IMAGES
from envid.core.strictjson import canonical_json
from envid.core.values import CommitId
from envid.errors import InputError
from envid.usecases.environment import InputReader
from envid.usecases.intent import RuntimeIntent, read_intent
from tests.support.builders import LANE, SOURCE_REPO, SourceRepo, digest

IMAGE = f"registry.example/postgres@{digest(1)}"


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    return SourceRepo.create(tmp_path / "source")


def intent(repo: SourceRepo, commit: CommitId | None = None) -> RuntimeIntent:
    with GitObjects(repo.root) as objects:
        record = objects.commit(commit or repo.head)
        return read_intent(InputReader(objects), record, lane=LANE, source_repo=SOURCE_REPO)


def test_without_images_json_no_image_is_pinned(repo: SourceRepo) -> None:
    assert intent(repo).images == NO_IMAGES


def test_the_images_are_those_of_the_commit_and_not_of_the_work_tree(repo: SourceRepo) -> None:
    document = {"schemaVersion": "agentrun.images/1", "images": {"postgres": IMAGE}}
    repo.write("deploy/runtime/images.json", canonical_json(document))
    pinned = repo.commit("Pin Postgres")
    repo.write("deploy/runtime/images.json", "{}")
    assert intent(repo, pinned).images.postgres == IMAGE


def test_a_bad_images_json_is_named_by_path(repo: SourceRepo) -> None:
    repo.write("deploy/runtime/images.json", '{"schemaVersion": "agentrun.images/1", "images": {"redis": "x"}}')
    repo.commit()
    with pytest.raises(InputError) as caught:
        intent(repo)
    assert [fault.where for fault in caught.value.faults] == ["deploy/runtime/images.json: $.images.redis"]


def test_a_value_of_a_credentials_form_is_refused_and_not_shown(repo: SourceRepo) -> None:
    token = "gh" + "p_" + "aB3" * 12
    repo.pin(env={"GREETING": f"hello {token}"})
    with pytest.raises(InputError) as caught:
        intent(repo)
    assert caught.value.code == "credential-found"
    assert [fault.where for fault in caught.value.faults] == ["deploy/deploy.json: $.services[0].env.GREETING"]
    assert token not in str(caught.value)
    assert "revoke" in caught.value.remedy


def test_another_lanes_namespace_is_refused(repo: SourceRepo) -> None:
    text = (repo.root / "deploy/deploy.json").read_text()
    repo.write("deploy/deploy.json", text.replace("{", '{"namespace": "agentrun-v02",', 1))
    repo.commit()
    with pytest.raises(InputError) as caught:
        intent(repo)
    assert [fault.where for fault in caught.value.faults] == ["deploy/deploy.json: $.namespace"]

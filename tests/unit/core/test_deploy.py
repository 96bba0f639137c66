"""deploy.json as far as the environment depends on it: what may be fetched, declared and passed to a build."""

from __future__ import annotations

from typing import Any

import pytest

from envid.core.deploy import Deploy, parse_deploy
from envid.core.deploy.intent import amount
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import SourceRepo, deploy_json


def parsed(**service: Any) -> Deploy:
    return parse_deploy(canonical_json(deploy_json(**service)))


def faults_of(**service: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        parsed(**service)
    return [fault.where for fault in caught.value.faults]


@pytest.mark.parametrize(
    "url",
    ["git@github.com:pikasTech/agentrun.git", "https://github.com/a/b.git", "https://h.example:8443/a/b",
     "ssh://git@h.example:22/a/b.git", "ssh://h.example/a"],
)  # fmt: skip
def test_repositories_that_may_be_fetched(url: str) -> None:
    assert parsed(imageRef=SourceRepo.image_ref(repoUrl=url)).services[0].image_ref.repo_url == url


@pytest.mark.parametrize(
    "url",
    ["", "ext::sh -c touch% x", "file:///etc", "/srv/x.git", "../x", "-oProxyCommand=x", "--upload-pack=x:y",
     "http://h.example/a", "git://h.example/a", "https://user:token@h.example/a", "https://h.example/a?b",
     "https://h/a b", "ssh://-oProxyCommand=x/a", "git@h.example:-x", "git@h.example:a\n"],
)  # fmt: skip
def test_repositories_that_may_not(url: str) -> None:
    assert faults_of(imageRef=SourceRepo.image_ref(repoUrl=url)) == [
        "deploy/deploy.json: $.services[0].imageRef.repoUrl"
    ]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"platform": "windows/amd64"}, "platform"),
        ({"inputs": ["/x"]}, "inputs"),
        ({"inputs": ["a", "a"]}, "inputs"),
        ({"inputs": ["*.json"]}, "inputs"),
        ({"buildArgs": {"BUILDKIT_SYNTAX": "x"}}, "buildArgs"),
        ({"buildArgs": {"SOURCE_DATE_EPOCH": "1"}}, "buildArgs"),
        ({"buildArgs": {"a b": "1"}}, "buildArgs"),
        ({"buildArgs": {"A": 1}}, "buildArgs.A"),
        ({"image": "x:latest"}, "image"),
        ({"digest": "sha256:" + "a" * 64}, "digest"),
        ({"replicas": "1"}, "replicas"),
        ({"replicas": True}, "replicas"),
        ({"port": 0}, "port"),
        ({"id": "Agent_Run"}, "id"),
        ({"imageRef": SourceRepo.image_ref(kind="tag")}, "imageRef.kind"),
        ({"imageRef": SourceRepo.image_ref(dockerfilePath="/x")}, "imageRef.dockerfilePath"),
        ({"imageRef": SourceRepo.image_ref(commitId="abc1234")}, "imageRef.commitId"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(fields: dict[str, Any], where: str) -> None:
    assert f"deploy/deploy.json: $.services[0].{where}" in faults_of(**fields)


def test_every_fault_is_named_at_once() -> None:
    assert len(faults_of(platform="x", inputs=["/x"], port=0)) == 3


def test_two_services_of_one_id_are_refused() -> None:
    document = deploy_json()
    document["services"] *= 2
    with pytest.raises(InputError) as caught:
        parse_deploy(canonical_json(document))
    assert "deploy/deploy.json: $.services[1].id" in [fault.where for fault in caught.value.faults]


def test_the_mandatory_inputs_are_always_there() -> None:
    patterns = parsed(inputs=["patches/**", "package.json"]).services[0].input_patterns
    assert patterns == tuple(
        sorted({"bun.lock", "deploy/runtime/boot/*.sh", "package.json", "tsconfig.json", "patches/**"})
    )


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("0.0000000001", "0.0000000002"),
        ("499m", "0.5"),
        ("999.9999999m", "1"),
        ("1k", "1Ki"),
        ("999M", "1G"),
        ("1023Mi", "1Gi"),
        ("1.4Gi", "1.5Gi"),
        ("999999Gi", "1000Ti"),
    ],
)
def test_amounts_are_compared_exactly_and_across_units(smaller: str, larger: str) -> None:
    assert amount(smaller) < amount(larger)


@pytest.mark.parametrize(("one", "other"), [("0.5", "500m"), ("1.5Ki", "1536"), ("1024Mi", "1Gi"), ("1M", "1000k")])
def test_one_amount_may_be_spelled_in_several_ways(one: str, other: str) -> None:
    assert amount(one) == amount(other)

"""Every fixed name of the lane's table follows from four words."""

import contextlib

import pytest

from envid.core.lane import parse_lane
from envid.core.values import CommitId, EnvIdentity
from envid.errors import InputError
from tests.support.builders import LANE

IDENTITY = EnvIdentity("ab" * 32)


def test_the_names_of_v01_are_those_of_the_specification() -> None:
    names = {
        "source branch": LANE.source_branch,
        "GitOps branch": LANE.gitops_branch,
        "catalog": LANE.catalog_path,
        "runtime path": LANE.runtime_path,
        "mirror read": LANE.mirror_read_url,
        "mirror write": LANE.mirror_write_url,
        "namespace": LANE.name,
        "ci namespace": LANE.ci_namespace,
        "pipeline": LANE.pipeline,
        "account": LANE.runner_account,
        "application": LANE.application,
        "run": LANE.pipeline_run(CommitId("0123456789abcdef" + "0" * 24)),
        "image": str(LANE.env_image("127.0.0.1:5000", "agentrun-mgr", IDENTITY)),
    }
    assert names == {
        "source branch": "v0.1",
        "GitOps branch": "v0.1-gitops",
        "catalog": "deploy/artifact-catalog.v01.json",
        "runtime path": "deploy/gitops/g14/runtime-v01",
        "mirror read": "http://git-mirror-http.devops-infra.svc.cluster.local/pikasTech/agentrun.git",
        "mirror write": "http://git-mirror-write.devops-infra.svc.cluster.local/pikasTech/agentrun.git",
        "namespace": "agentrun-v01",
        "ci namespace": "agentrun-ci",
        "pipeline": "agentrun-v01-ci-image-publish",
        "account": "agentrun-v01-tekton-runner",
        "application": "agentrun-g14-v01",
        "run": "agentrun-v01-ci-0123456789ab",
        "image": f"127.0.0.1:5000/agentrun/agentrun-mgr-env:{IDENTITY}",
    }


def test_two_lanes_of_one_project_share_no_state() -> None:
    other = parse_lane(project="agentrun", version="v0.2", site="g14", repository="pikasTech/agentrun.git")
    for name in ("source_branch", "gitops_branch", "catalog_path", "runtime_path", "name", "pipeline", "application"):
        assert getattr(LANE, name) != getattr(other, name)
    assert not other.runtime_path.startswith(f"{LANE.runtime_path}/")


@pytest.mark.parametrize(
    "words",
    [
        {"version": "0.1"}, {"version": "v1"}, {"version": "v01.1"}, {"version": "v0.1-gitops"}, {"version": "main"},
        {"version": "v0.1\n"}, {"project": "Agent"}, {"project": ""}, {"project": "a/b"}, {"project": "-a"},
        {"project": "a" * 40}, {"site": "../x"}, {"site": ""}, {"repository": "/x.git"}, {"repository": "../x.git"},
    ],
)  # fmt: skip
def test_words_that_would_make_bad_names_are_refused(words: dict[str, str]) -> None:
    good = {"project": "agentrun", "version": "v0.1", "site": "g14", "repository": "a/b.git"}
    with pytest.raises(InputError):
        parse_lane(**(good | words))


def test_two_versions_never_have_one_key() -> None:
    """v1.11 and v11.1 would both be v111."""
    keys: dict[str, str] = {}
    for version in (f"v{major}.{minor}" for major in range(120) for minor in range(120)):
        with contextlib.suppress(InputError):
            lane = parse_lane(project="p", version=version, site="s", repository="r")
            assert keys.setdefault(lane.key, version) == version
    assert len(keys) == 10 * 120

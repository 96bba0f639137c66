"""What a lane puts into its cluster, before a real API server: Tekton's admission, and every right of a step's account.

It works under a project name of its own, so that it may run beside a lane.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig

from envid.adapters.kubernetes import ClusterError, Kubernetes
from envid.core.cluster import ClusterSetup, lane_objects, pipeline_run
from envid.core.cluster.whole import ca_config_map, namespaces
from envid.core.lane import parse_lane
from envid.core.objects import KubeObject
from tests.support.builders import commit_id, digest


@pytest.fixture(scope="module")
def setup(cluster: Kubernetes) -> Iterator[ClusterSetup]:
    """A lane of a project that nobody has, with its namespaces and the account of its steps."""
    project = f"envid-{secrets.token_hex(3)}"
    lane = parse_lane(project=project, version="v0.1", site="g14", repository="nobody/nothing.git")
    made = ClusterSetup(
        lane=lane,
        registry="127.0.0.1:5000",
        mirror_read_url=lane.mirror_read_url,
        mirror_write_url=lane.mirror_write_url,
        toolbox=f"127.0.0.1:5000/{project}/toolbox@{digest(1)}",
        git_mirror=f"127.0.0.1:5000/{project}/git-mirror@{digest(2)}",
        buildkit=f"127.0.0.1:5000/{project}/buildkit@{digest(3)}",
        proxy="http://127.0.0.1:10808",
    )
    spaces = list(namespaces(made, with_mirror=False))
    try:
        for namespace in spaces:
            cluster.apply(namespace)
        cluster.apply(next(o for o in lane_objects(made, with_mirror=False) if o["kind"] == "ServiceAccount"))
        yield made
    finally:
        for namespace in spaces:
            cluster.delete("Namespace", namespace["metadata"]["name"])


def objects(setup: ClusterSetup) -> list[KubeObject]:
    return [ca_config_map(setup, "PEM\n"), *lane_objects(setup, with_mirror=False)]


@pytest.mark.parametrize(
    "choices",
    [
        {"with_ca": True},
        {"rootless": True, "proxy": None},
        {"buildkit_host": "tcp://builder.example:1234", "buildkit_secret": "builder-client"},
    ],
    ids=["privileged, with certificates", "rootless", "a BuildKit elsewhere"],
)
def test_every_object_is_admitted(cluster: Kubernetes, setup: ClusterSetup, choices: dict[str, Any]) -> None:
    chosen = replace(setup, **choices)
    for manifest in objects(chosen):
        cluster.apply(manifest, dry_run=True)
    cluster.create(pipeline_run(chosen, commit_id(1)), dry_run=True)


def test_it_is_tektons_own_admission_that_was_passed(cluster: Kubernetes, setup: ClusterSetup) -> None:
    pipeline = next(o for o in objects(setup) if o["kind"] == "Pipeline")
    pipeline["spec"]["tasks"][0]["runAfter"] = ["no-such-task"]
    with pytest.raises(ClusterError) as caught:
        cluster.apply(pipeline, dry_run=True)
    assert "validation.webhook.pipeline.tekton.dev" in caught.value.cause


def test_a_steps_account_has_no_right_but_everybodys(setup: ClusterSetup) -> None:
    lane = setup.lane
    config = KubeConfig.from_env().get()
    assert config is not None
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    with Client(config, ConnectionParams(trust_env=False)) as admin:

        def rules(account: str, namespace: str) -> Any:
            headers = {"Impersonate-User": f"system:serviceaccount:{lane.ci_namespace}:{account}"}
            answer = admin.post(path, json={"spec": {"namespace": namespace}}, headers=headers)
            answer.raise_for_status()
            return answer.json()["status"]["resourceRules"]

        for namespace in (lane.ci_namespace, lane.name, "argocd", "kube-system", "default"):
            # what the API server grants to every account that exists: to ask about itself
            assert rules(lane.runner_account, namespace) == rules("an-account-without-any-right", namespace)
            allowed = {resource for rule in rules(lane.runner_account, namespace) for resource in rule["resources"]}
            assert allowed <= {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}

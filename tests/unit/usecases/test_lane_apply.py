"""``lane.apply`` on a simulated API server: in order, once, and without taking over what is not the lane's."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from envid.adapters.kubernetes import ServiceReply
from envid.core.cluster import ClusterSetup
from envid.errors import Blocked, ServiceError
from envid.usecases.lane_apply import apply_lane
from tests.support.builders import LANE, digest
from tests.support.cluster import MemoryCluster
from tests.support.simulators import Clock

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CI = LANE.ci_namespace
SETUP = ClusterSetup(
    lane=LANE,
    registry="127.0.0.1:5000",
    mirror_read_url=LANE.mirror_read_url,
    mirror_write_url=LANE.mirror_write_url,
    toolbox=f"127.0.0.1:5000/agentrun/toolbox@{digest(1)}",
    git_mirror=f"127.0.0.1:5000/agentrun/git-mirror@{digest(2)}",
    buildkit=f"127.0.0.1:5000/buildkit@{digest(3)}",
)
PEM = "-----BEGIN CERTIFICATE-----\n"
SERVER, CLIENT = LANE.buildkit_server_secret, LANE.buildkit_client_secret


@dataclass
class RunningCluster(MemoryCluster):
    """A cluster whose Deployments are ready as soon as they are applied, but for those in ``broken``.

    A Service answers with the next of ``statuses``, and with its last one for good.
    """

    broken: tuple[str, ...] = ()
    statuses: list[int] = field(default_factory=lambda: [404])

    def apply(self, manifest: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        made = super().apply(manifest, dry_run=dry_run)
        if made["kind"] == "Deployment" and made["metadata"]["name"] not in self.broken:
            ready = {"availableReplicas": 1, "updatedReplicas": 1}
            made["status"] = ready | {"observedGeneration": made["metadata"]["generation"]}
        return made

    def service_get(self, namespace: str, service: str, port: int, path: str) -> ServiceReply:
        del namespace, service, port, path
        return ServiceReply(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0], b"")


@pytest.fixture
def cluster() -> RunningCluster:
    return RunningCluster()


def apply(
    cluster: MemoryCluster,
    setup: ClusterSetup = SETUP,
    *,
    ca_bundle: str | None = None,
    now: datetime = NOW,
    dry_run: bool = False,
    clock: Clock | None = None,
) -> dict[str, str]:
    clock = clock or Clock()
    done = apply_lane(
        cluster,
        setup,
        ca_bundle=ca_bundle,
        now=now,
        progress=lambda _: None,
        dry_run=dry_run,
        clock=clock,
        pause=clock.sleep,
    )
    return {item.name: item.outcome for item in done}


def certificate(cluster: MemoryCluster, secret: str = SERVER) -> bytes:
    return base64.b64decode(cluster.objects["Secret", CI, secret]["data"]["cert.pem"])


def read_at_start(cluster: MemoryCluster) -> str:
    template = cluster.objects["Deployment", CI, LANE.buildkit]["spec"]["template"]
    said: str = template["metadata"]["annotations"]["agentrun.dev/read-at-start"]
    return said


def test_an_empty_cluster_gets_everything_and_a_second_time_nothing_changes(cluster: RunningCluster) -> None:
    first = apply(cluster, ca_bundle=PEM)
    assert set(first.values()) == {"created"}
    assert [name.split(" ")[0] for name in first][:3] == ["Namespace"] * 3
    assert list(first).index(f"Secret {CI}/{SERVER}") < list(first).index(f"Deployment {CI}/{LANE.buildkit}")
    again = apply(cluster, ca_bundle=PEM)
    assert set(again.values()) == {"unchanged"}
    assert again.keys() == {name for name in first if not name.startswith("Secret")}


def test_only_what_differs_is_changed(cluster: RunningCluster) -> None:
    apply(cluster)
    outcomes = apply(cluster, replace(SETUP, toolbox=f"127.0.0.1:5000/agentrun/toolbox@{digest(9)}"))
    changed = {name for name, outcome in outcomes.items() if outcome != "unchanged"}
    assert changed
    assert all(name.startswith("Task ") for name in changed)


def test_a_bundle_of_certificates_stays_until_another_one_is_given(cluster: RunningCluster) -> None:
    apply(cluster, ca_bundle=PEM)
    apply(cluster)
    task = cluster.objects["Task", CI, LANE.task("check")]
    assert task["spec"]["volumes"][0]["configMap"]["name"] == LANE.ca_bundle


def test_a_mirror_of_somebody_else_is_used_and_not_touched(cluster: RunningCluster) -> None:
    theirs = {"kind": "Service", "metadata": {"name": "git-mirror-http", "namespace": "devops-infra"}, "spec": {}}
    cluster.put(theirs)
    outcomes = apply(cluster)
    assert not [name for name in outcomes if "devops-infra" in name]
    assert cluster.objects["Service", "devops-infra", "git-mirror-http"] is theirs


def test_a_shared_namespace_keeps_its_own_pod_security(cluster: RunningCluster) -> None:
    cluster.put({"kind": "Namespace", "metadata": {"name": "devops-infra"}})
    apply(cluster)
    assert "labels" not in cluster.objects["Namespace", "", "devops-infra"]["metadata"]
    assert ("Deployment", "devops-infra", "git-mirror") in cluster.objects


def test_certificates_near_their_end_are_made_anew_and_buildkit_takes_them(cluster: RunningCluster) -> None:
    apply(cluster)
    before, pod = certificate(cluster), read_at_start(cluster)
    apply(cluster, now=NOW + timedelta(days=200))
    assert (certificate(cluster), read_at_start(cluster)) == (before, pod)
    outcomes = apply(cluster, now=NOW + timedelta(days=300))
    assert outcomes[f"Secret {CI}/{SERVER}"] == outcomes[f"Secret {CI}/{CLIENT}"] == "changed"
    assert certificate(cluster) != before
    assert read_at_start(cluster) != pod, "a running BuildKit would go on with the old authority"


def test_half_a_pair_of_certificates_is_made_anew_whole(cluster: RunningCluster) -> None:
    apply(cluster)
    before = certificate(cluster)
    cluster.delete("Secret", CLIENT, CI)
    apply(cluster)
    assert certificate(cluster) != before
    assert certificate(cluster, CLIENT)


def test_another_registry_starts_buildkit_anew(cluster: RunningCluster) -> None:
    apply(cluster)
    pod = read_at_start(cluster)
    apply(cluster, replace(SETUP, registry="registry.example:5000"))
    assert read_at_start(cluster) != pod


def test_a_remote_buildkit_gets_no_certificate_and_no_pod(cluster: RunningCluster) -> None:
    outcomes = apply(cluster, replace(SETUP, buildkit_host="tcp://builder.example:1234"))
    assert not [name for name in outcomes if "buildkit" in name]


def test_a_dry_run_writes_nothing(cluster: RunningCluster) -> None:
    assert set(apply(cluster, dry_run=True).values()) == {"created"}
    assert cluster.objects == {}
    apply(cluster)
    before = dict(cluster.objects)
    cluster.wrote.clear()
    assert set(apply(cluster, dry_run=True).values()) == {"unchanged"}
    assert (cluster.objects, cluster.wrote) == (before, [])


def test_a_pod_that_does_not_roll_out_is_named_with_what_it_says(cluster: RunningCluster) -> None:
    cluster.broken = (LANE.buildkit,)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such digest"}}
    labels = {"app.kubernetes.io/name": LANE.buildkit}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "b-1", "namespace": CI, "labels": labels},
        "status": {"containerStatuses": [{"name": "buildkitd", "state": waiting}]},
    }
    cluster.put(pod)

    def fail() -> None:
        condition = {"type": "Progressing", "status": "False", "message": "deadline exceeded"}
        status = {"observedGeneration": 1, "conditions": [condition]}
        cluster.objects["Deployment", CI, LANE.buildkit]["status"] = status

    cluster.script = [fail]
    with pytest.raises(ServiceError) as caught:
        apply(cluster)
    assert "ImagePullBackOff no such digest" in caught.value.cause
    assert f"{CI} describe deployment {LANE.buildkit}" in caught.value.remedy


def test_a_pod_that_broke_after_its_rollout_is_not_waited_for_forever(cluster: RunningCluster) -> None:
    cluster.broken = (LANE.buildkit,)
    clock = Clock()

    def pass_time() -> None:
        clock.now += 301

    cluster.script = [pass_time]
    with pytest.raises(ServiceError, match="does not become ready"):
        apply(cluster, clock=clock)


def test_the_mirror_is_ready_once_its_services_lead_to_it(cluster: RunningCluster) -> None:
    cluster.statuses = [502, 503, 404]
    clock = Clock()
    apply(cluster, clock=clock)
    assert len(clock.slept) == 2


def test_a_service_that_leads_nowhere_is_named(cluster: RunningCluster) -> None:
    cluster.statuses = [503]
    with pytest.raises(ServiceError, match="devops-infra/git-mirror-http does not answer") as caught:
        apply(cluster)
    assert "503" in caught.value.cause


def test_a_missing_right_ends_it_as_blocked(cluster: RunningCluster) -> None:
    cluster.refused["apply AppProject"] = Blocked("Argo CD is another team's", remedy="ask them")
    with pytest.raises(Blocked):
        apply(cluster)

"""The database's Secret: made once, kept, rotated when asked, and shown to nobody."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.kubernetes import ClusterError
from envid.core.database import DatabaseAccess, database_access, database_url
from envid.core.deploy import parse_deploy
from envid.core.strictjson import canonical_json
from envid.errors import Blocked, InputError, ServiceError
from envid.usecases.database_secret import put_database_url
from tests.support.builders import LANE, deploy_json
from tests.support.cluster import MemoryCluster

FULL = json.loads((Path(__file__).parents[2] / "golden/manifests/full/deploy.json").read_bytes())
REF = {"DATABASE_URL": {"name": "agentrun-v01-postgres", "key": "DATABASE_URL"}}
OWN = database_access(parse_deploy(canonical_json(FULL)), LANE)
ELSEWHERE = database_access(parse_deploy(canonical_json(deploy_json(secretEnv=REF))), LANE, host="db.example")
WORD = "p:w/ü'?#"


@pytest.fixture
def cluster() -> MemoryCluster:
    made = MemoryCluster()
    made.put({"kind": "Namespace", "metadata": {"name": LANE.name}})
    for name, pod in (("agentrun-mgr", "mgr-1"), ("agentrun-v01-postgres", "postgres-0"), ("agentrun-runner", "run-1")):
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": LANE.name}
        made.put({"kind": "Pod", "metadata": {"name": pod, "namespace": LANE.name, "labels": labels}})
    return made


def values(cluster: MemoryCluster, access: DatabaseAccess = OWN) -> dict[str, str]:
    data = cluster.objects["Secret", LANE.name, access.secret]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def pods(cluster: MemoryCluster) -> list[str]:
    return sorted(name for kind, _, name in cluster.objects if kind == "Pod")


def test_the_first_time_a_password_is_made_and_what_runs_takes_it(cluster: MemoryCluster) -> None:
    done = put_database_url(cluster, OWN, LANE)
    found = values(cluster)
    assert len(found["POSTGRES_PASSWORD"]) >= 32
    assert found["DATABASE_URL"] == database_url(OWN, found["POSTGRES_PASSWORD"])
    assert (done.outcome, done.keys) == ("created", ("DATABASE_URL", "POSTGRES_PASSWORD"))
    assert done.restarted == ("postgres-0", "mgr-1")
    assert pods(cluster) == ["run-1"]


def test_done_again_it_keeps_the_password_and_restarts_nothing(cluster: MemoryCluster) -> None:
    put_database_url(cluster, OWN, LANE, password=WORD)
    cluster.wrote.clear()
    for again in (None, WORD):
        assert put_database_url(cluster, OWN, LANE, password=again).outcome == "unchanged"
    assert cluster.wrote == []


def test_another_password_is_a_rotation_and_must_be_asked_for(cluster: MemoryCluster) -> None:
    put_database_url(cluster, OWN, LANE, password="first")
    with pytest.raises(Blocked) as caught:
        put_database_url(cluster, OWN, LANE, password=WORD)
    assert "--rotate" in caught.value.remedy
    assert values(cluster)["POSTGRES_PASSWORD"] == "first"
    assert put_database_url(cluster, OWN, LANE, password=WORD, rotate=True).outcome == "rotated"
    assert values(cluster)["POSTGRES_PASSWORD"] == WORD
    assert put_database_url(cluster, OWN, LANE, rotate=True).outcome == "rotated"
    assert values(cluster)["POSTGRES_PASSWORD"] not in {"first", WORD}


def test_a_url_that_is_wrong_is_made_anew_from_the_password_that_is_there(cluster: MemoryCluster) -> None:
    put_database_url(cluster, OWN, LANE, password=WORD)
    data = cluster.objects["Secret", LANE.name, OWN.secret]["data"]
    data["DATABASE_URL"] = base64.b64encode(b"postgres://old").decode()
    done = put_database_url(cluster, OWN, LANE)
    assert (done.outcome, values(cluster)["DATABASE_URL"]) == ("changed", database_url(OWN, WORD))
    # Postgres has the password already
    assert "postgres-0" not in done.restarted


def test_a_url_that_somebody_else_put_there_is_not_lost(cluster: MemoryCluster) -> None:
    data = {"DATABASE_URL": base64.b64encode(b"postgres://a:b@elsewhere/x").decode()}
    cluster.put({"kind": "Secret", "metadata": {"name": OWN.secret, "namespace": LANE.name}, "data": data})
    with pytest.raises(Blocked) as caught:
        put_database_url(cluster, OWN, LANE)
    assert "--rotate" in caught.value.remedy
    assert values(cluster)["DATABASE_URL"] == "postgres://a:b@elsewhere/x"
    assert put_database_url(cluster, OWN, LANE, rotate=True).outcome == "changed"


def test_nobody_can_make_up_the_password_of_a_postgres_elsewhere(cluster: MemoryCluster) -> None:
    for rotate in (False, True):
        with pytest.raises(InputError) as caught:
            put_database_url(cluster, ELSEWHERE, LANE, rotate=rotate)
        assert "--password-stdin" in caught.value.remedy
    put_database_url(cluster, ELSEWHERE, LANE, password=WORD)
    assert values(cluster, ELSEWHERE) == {"DATABASE_URL": database_url(ELSEWHERE, WORD)}
    assert put_database_url(cluster, ELSEWHERE, LANE).outcome == "unchanged"


def test_without_its_namespace_there_is_no_secret() -> None:
    with pytest.raises(Blocked) as caught:
        put_database_url(MemoryCluster(), OWN, LANE)
    assert caught.value.remedy == "invoke lane.apply"


class Telltale(MemoryCluster):
    """Refuses an object and repeats it, as an admission webhook may."""

    def apply(self, manifest: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Refuse."""
        del dry_run
        decoded = {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}
        raise ClusterError("it can't be applied", cause=f"no: {manifest} {decoded}")


def test_an_answer_that_repeats_the_password_is_not_passed_on(cluster: MemoryCluster) -> None:
    with pytest.raises(ServiceError) as caught:
        put_database_url(Telltale(objects=cluster.objects), OWN, LANE, password=WORD)
    url = database_url(OWN, WORD)
    told = str(caught.value) + json.dumps(caught.value.as_json())
    for form in (WORD, url, base64.b64encode(WORD.encode()).decode(), base64.b64encode(url.encode()).decode()):
        assert form not in told
    assert caught.value.__cause__ is None

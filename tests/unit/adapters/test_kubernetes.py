"""The API server's answers, one by one: what is absent, refused, forbidden, gone or not there at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx2 as httpx
import pytest

from envid.adapters.kubernetes import ClusterError, Kubernetes, open_cluster
from envid.errors import Blocked, EnvidError, InputError

SERVER = "https://api.example:6443"
RUN: dict[str, Any] = {
    "apiVersion": "tekton.dev/v1",
    "kind": "PipelineRun",
    "metadata": {"name": "run-1", "namespace": "ci", "resourceVersion": "7"},
}
Answer: TypeAlias = Callable[[httpx.Request], httpx.Response]


def status(code: int, message: str = "", reason: str = "", **details: str) -> httpx.Response:
    """Return an API server's refusal."""
    body = {"kind": "Status", "code": code, "message": message, "reason": reason, "details": details}
    return httpx.Response(code, json=body)


class ApiServer:
    """Answers in order, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers: Iterator[httpx.Response | Exception] = iter(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def cluster(self) -> Kubernetes:
        return Kubernetes(httpx.Client(base_url=SERVER, transport=httpx.MockTransport(self)), SERVER)


def events(*sent: tuple[str, dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, text="".join(json.dumps({"type": t, "object": o}) + "\n" for t, o in sent))


def test_apply_is_server_side_under_the_lanes_own_name() -> None:
    server = ApiServer(httpx.Response(200, json=RUN), httpx.Response(200, json=RUN))
    assert server.cluster.apply(RUN) == RUN
    server.cluster.apply(RUN, dry_run=True)
    first, second = server.asked
    assert (first.method, first.url.path) == ("PATCH", "/apis/tekton.dev/v1/namespaces/ci/pipelineruns/run-1")
    assert first.headers["content-type"] == "application/apply-patch+yaml"
    assert dict(first.url.params) == {"fieldManager": "agentrun-lane", "force": "true"}
    assert second.url.params["dryRun"] == "All"


def test_a_kind_that_a_lane_has_not_is_never_sent() -> None:
    server = ApiServer()
    with pytest.raises(InputError):
        server.cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "x"}})
    assert server.asked == []


def test_absent_is_only_what_the_api_server_calls_absent() -> None:
    assert (
        ApiServer(status(404, "not found", "NotFound", name="run-1")).cluster.get("PipelineRun", "run-1", "ci") is None
    )
    with pytest.raises(ClusterError) as caught:
        ApiServer(httpx.Response(404, text="404 page not found")).cluster.get("PipelineRun", "run-1", "ci")
    assert caught.value.code == "kind-missing"
    assert "Tekton" in caught.value.remedy


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (status(401, "Unauthorized"), Blocked, "cluster-login"),
        (status(403, 'User "x" cannot get resource "pipelineruns"'), Blocked, "cluster-forbidden"),
        (status(403, 'violates PodSecurity "restricted:latest"'), ClusterError, "cluster-refused"),
        (status(500, "etcd is away"), ClusterError, "cluster-refused"),
        (httpx.Response(502, text="<html>a proxy</html>"), ClusterError, "cluster-refused"),
        (httpx.ConnectError("refused"), ClusterError, "cluster-unreachable"),
        (httpx.ReadTimeout("slow"), ClusterError, "cluster-unreachable"),
    ],
)
def test_each_failure_is_told_apart(answer: httpx.Response | Exception, error: type[EnvidError], code: str) -> None:
    with pytest.raises(error) as caught:
        ApiServer(answer).cluster.get("PipelineRun", "run-1", "ci")
    assert caught.value.code == code
    assert caught.value.cause


def test_a_taken_name_is_told_from_another_refusal() -> None:
    with pytest.raises(ClusterError) as caught:
        ApiServer(status(409, "exists", "AlreadyExists")).cluster.create(RUN)
    assert caught.value.code == "already-exists"


def test_a_list_is_read_to_its_last_page_and_each_item_says_its_kind() -> None:
    server = ApiServer(
        httpx.Response(200, json={"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        httpx.Response(200, json={"metadata": {}, "items": [{"metadata": {"name": "b"}}]}),
    )
    found = server.cluster.list("PipelineRun", "ci", {"b": "2", "a": "1"})
    assert [(o["kind"], o["metadata"]["name"]) for o in found] == [("PipelineRun", "a"), ("PipelineRun", "b")]
    assert server.asked[0].url.params["labelSelector"] == "a=1,b=2"
    assert server.asked[1].url.params["continue"] == "more"


def test_delete_says_whether_there_was_one() -> None:
    server = ApiServer(httpx.Response(200, json={"status": "Success"}), status(404, "", "NotFound", name="run-1"))
    assert server.cluster.delete("PipelineRun", "run-1", "ci") is True
    assert server.cluster.delete("PipelineRun", "run-1", "ci") is False


def test_a_watch_goes_on_where_it_was_cut_and_ends_with_the_object() -> None:
    later = RUN | {"status": {"conditions": []}}
    server = ApiServer(
        httpx.Response(200, json=RUN),
        httpx.ReadError("cut"),
        httpx.Response(200, json=later),
        status(410, "too old", "Expired"),
        httpx.Response(200, json=RUN),
        events(("BOOKMARK", {}), ("MODIFIED", later), ("DELETED", later)),
        status(404, "", "NotFound", name="run-1"),
    )
    assert list(server.cluster.watch("PipelineRun", "run-1", "ci")) == [RUN, later, RUN, later]
    assert server.asked[1].url.params["resourceVersion"] == "7"
    assert server.asked[1].url.params["fieldSelector"] == "metadata.name=run-1"


def test_a_watch_without_the_right_ends_and_does_not_ask_for_ever() -> None:
    server = ApiServer(httpx.Response(200, json=RUN), status(403, 'User "x" cannot watch resource "pipelineruns"'))
    with pytest.raises(Blocked, match="can't be watched"):
        list(server.cluster.watch("PipelineRun", "run-1", "ci"))


def test_a_log_that_is_not_there_yet_is_empty() -> None:
    server = ApiServer(httpx.Response(200, text="a\nb\n"), status(400, "waiting to start"), status(404, "gone"))
    logs = [server.cluster.pod_log("ci", "pod", "step-check", tail=2) for _ in range(3)]
    assert logs == ["a\nb\n", "", ""]
    assert dict(server.asked[0].url.params) == {"container": "step-check", "tailLines": "2"}


def test_a_services_own_answer_is_passed_on_whatever_it_is() -> None:
    server = ApiServer(httpx.Response(503, content=b"starting"))
    reply = server.cluster.service_get("agentrun-v01", "agentrun-mgr", 8080, "/health")
    assert (reply.status, reply.body) == (503, b"starting")
    assert server.asked[0].url.path == "/api/v1/namespaces/agentrun-v01/services/agentrun-mgr:8080/proxy/health"


def test_without_a_kubeconfig_it_says_which_one_it_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(InputError) as caught, open_cluster():
        pass
    assert caught.value.code == "no-cluster"
    assert str(tmp_path / "none") in str(caught.value.cause)

"""Bad deploy.json and AipodSpec files, through the commands: a clear error by path, exit 2, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from envid.cli import execute
from envid.commands.aipod import aipod_resolve
from envid.commands.delivery import plan
from tests.support.builders import SourceRepo, deploy_json

Change = Callable[[dict[str, Any]], object]
RESOURCES = deploy_json()["services"][0]["resources"]
PEM = "-----BEGIN " + "PRIVATE KEY-----"
RUNNER: dict[str, Any] = {"id": "r", "kind": "runner", "imageFrom": "agentrun-mgr", "resources": RESOURCES}
POSTGRES: dict[str, Any] = {
    "name": "agentrun-v01-postgres",
    "database": "agentrun_v01",
    "user": "agentrun",
    "storage": "1Gi",
    "resources": RESOURCES,
    "secret": {"name": "agentrun-v01-postgres"},
}


def put(*path: str | int, to: Any) -> Change:
    """Return a change that sets the value at ``path``."""

    def change(document: dict[str, Any]) -> None:
        at: Any = document
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = deepcopy(to)

    return change


def service(field: str, to: Any) -> Change:
    return put("services", 0, field, to=to)


def image_ref(field: str, to: Any) -> Change:
    return put("services", 0, "imageRef", field, to=to)


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


# what is changed, the JSON path that must be named, and a word of the reason
DEPLOY: dict[str, tuple[Change, str, str]] = {
    "schemaVersion is a number": (put("schemaVersion", to=1), "$.schemaVersion", ""),
    "another schemaVersion": (put("schemaVersion", to="agentrun.deploy/2"), "$.schemaVersion", "agentrun.deploy/1"),
    "services is an object": (put("services", to={}), "$.services", ""),
    "no services": (put("services", to=[]), "$.services", ""),
    "a service is a string": (put("services", to=["x"]), "$.services[0]", ""),
    "an unknown field": (put("comment", to="x"), "$.comment", "unknown"),
    "an unknown field of a service": (service("replica", 1), "$.services[0].replica", "unknown"),
    "an unknown field of imageRef": (image_ref("branch", "main"), "$.services[0].imageRef.branch", "unknown"),
    "imageRef is missing": (lambda d: d["services"][0].pop("imageRef"), "$.services[0].imageRef", "missing"),
    "replicas is a string": (service("replicas", "1"), "$.services[0].replicas", "integer"),
    "replicas is true": (service("replicas", to=True), "$.services[0].replicas", "integer"),
    "replicas is negative": (service("replicas", -1), "$.services[0].replicas", ""),
    "replicas is 1e400": (service("replicas", float("inf")), "", ""),
    "replicas is huge": (service("replicas", 10**30), "$.services[0].replicas", ""),
    "port is 0": (service("port", 0), "$.services[0].port", ""),
    "port is 65536": (service("port", 65536), "$.services[0].port", ""),
    "an odd quantity": (service("resources", RESOURCES | {"limits": {"cpu": "1 core", "memory": "1Gi"}}),
                        "$.services[0].resources.limits.cpu", ""),
    "a request above its limit": (service("resources", RESOURCES | {"requests": {"cpu": "2", "memory": "1Gi"}}),
                                  "$.services[0].resources.requests.cpu", "more than the limit"),
    "an id with capitals": (service("id", "Manager"), "$.services[0].id", ""),
    "two services of one id": (lambda d: d["services"].append(d["services"][0]), "$.services[1].id", "another service"),
    "an unknown kind": (service("kind", "cron"), "$.services[0].kind", ""),
    "a health path that is a URL": (service("healthPath", "http://x/y"), "$.services[0].healthPath", ""),
    "an unknown platform": (service("platform", "windows/amd64"), "$.services[0].platform", "platform"),
    "a short commit": (image_ref("commitId", "abc1234"), "$.services[0].imageRef.commitId", "abbreviated"),
    "a branch for a commit": (image_ref("commitId", "v0.1"), "$.services[0].imageRef.commitId", ""),
    "a commit in capitals": (image_ref("commitId", "A" * 40), "$.services[0].imageRef.commitId", ""),
    "a Dockerfile above the root": (image_ref("dockerfilePath", "../Containerfile"),
                                    "$.services[0].imageRef.dockerfilePath", ".."),
    "an absolute Dockerfile": (image_ref("dockerfilePath", "/Containerfile"),
                               "$.services[0].imageRef.dockerfilePath", "absolute"),
    "a local repository": (image_ref("repoUrl", "file:///srv/x.git"), "$.services[0].imageRef.repoUrl", ""),
    "another repository": (image_ref("repoUrl", "https://git.example/a/b.git"), "$.services[0].imageRef.repoUrl",
                           "source repository"),
    "an input above the root": (service("inputs", ["../x"]), "$.services[0].inputs", ".."),
    "an image tag": (service("imageTag", "v1"), "$.services[0].imageTag", "image tag"),
    "an image": (service("image", "x:latest"), "$.services[0].image", "image tag"),
    "a mutable tag in a value": (service("env", {"RUNNER": "127.0.0.1:5000/agentrun/x:dev"}),
                                 "$.services[0].env.RUNNER", "image tag"),
    "a digest": (service("digest", "sha256:" + "a" * 64), "$.services[0].digest", "digest"),
    "a digest in a value": (service("buildArgs", {"BASE": "r.example/x@sha256:" + "a" * 64}),
                            "$.services[0].buildArgs.BASE", "digest"),
    "publish state": (put("publishStatus", to="done"), "$.publishStatus", "state"),
    "reuse state": (service("reuseEvidence", {"x": 1}), "$.services[0].reuseEvidence", "state"),
    "an envIdentity": (service("envIdentity", "a" * 64), "$.services[0].envIdentity", "state"),
    "a PipelineRun": (put("pipelineRun", to="x"), "$.pipelineRun", "PipelineRun"),
    "a TaskRun": (service("taskRunId", "x"), "$.services[0].taskRunId", "TaskRun"),
    "a run's name in a value": (service("env", {"RUN": "agentrun-v01-ci-0123456789ab"}),
                                "$.services[0].env.RUN", "PipelineRun"),
    "a GitOps revision": (put("gitopsRevision", to="a" * 40), "$.gitopsRevision", "revision"),
    "a revision of Argo CD": (put("syncRevision", to="a" * 40), "$.syncRevision", "revision"),
    "a manifest": (put("extra", to={"apiVersion": "v1", "kind": "Pod"}), "$.extra", "manifest"),
    "a manifest as text": (put("configMaps", to={"x": {"y": "apiVersion: v1\nkind: Pod\n"}}), "$.configMaps.x.y",
                           "manifest"),
    "a password": (put("postgres", to=POSTGRES | {"password": "hunter2"}), "$.postgres.password", "credential"),
    "a token in env": (service("env", {"API_TOKEN": "abc"}), "$.services[0].env.API_TOKEN", "secretEnv"),
    "a token as build argument": (service("buildArgs", {"NPM_TOKEN": "abc"}), "$.services[0].buildArgs.NPM_TOKEN",
                                  "credential"),
    "a URL with a password": (service("env", {"DB": "postgres://a:b@c/d"}), "$.services[0].env.DB", "credential"),
    "a private key": (put("configMaps", to={"x": {"key": PEM}}), "$.configMaps.x.key", "credential"),
    "a kubeconfig": (put("kubeconfig", to="x"), "$.kubeconfig", "credential"),
    "the catalog by hand": (service("env", {"AGENTRUN_CATALOG_FILE": "/etc/mine.json"}),
                            "$.services[0].env.AGENTRUN_CATALOG_FILE", "the lane sets it"),
    "the boot commit by hand": (service("env", {"AGENTRUN_BOOT_COMMIT": "a" * 40}),
                                "$.services[0].env.AGENTRUN_BOOT_COMMIT", "the lane sets it"),
    "a variable in lower case": (service("env", {"path": "x"}), "$.services[0].env.path", ""),
    "a variable with an escape": (service("env", {"X": "\x1b[31m"}), "$.services[0].env.X", ""),
    "half a character": (service("env", {"X": "\ud800"}), "", "surrogate"),
    "a variable twice": (lambda d: d["services"][0].update(env={"X": "1"}, secretEnv={"X": {"name": "a", "key": "b"}}),
                         "$.services[0].env.X", "more than one"),
    "a setting that is nowhere": (service("configEnv", {"X": {"name": "a", "key": "b"}}),
                                  "$.services[0].configEnv.X", "configMaps"),
    "another lane's namespace": (put("namespace", to="agentrun-v02"), "$.namespace", "agentrun-v01"),
    "another lane's database": (put("postgres", to=POSTGRES | {"database": "agentrun_dev"}), "$.postgres.database",
                                "agentrun_v01"),
    "another lane's provider Secret": (put("providers", to=[{"profile": "codex", "secretName": "codex"}]),
                                       "$.providers[0].secretName", "agentrun-v01-provider-codex"),
    "a database without Postgres": (service("database", to=True), "$.services[0].database", "postgres"),
    "a runner with a port": (lambda d: d["services"].append(RUNNER | {"port": 80}), "$.services[1]", "port"),
    "a runner in nobody's image": (lambda d: d["services"].append(RUNNER | {"imageFrom": "x"}),
                                   "$.services[1].imageFrom", "imageRef"),
    "an unknown provider": (lambda d: d["services"].append(RUNNER | {"providers": ["x"]}),
                            "$.services[1].providers[0]", "providers"),
    "a way out to a name": (service("network", {"egress": [{"reason": "x", "cidr": "api.example", "ports": [443]}]}),
                            "$.services[0].network.egress[0].cidr", "network"),
    "a public entrance": (put("ingress", to={"public": True}), "$.ingress.public", ""),
    "deep nesting": (put("x", to=deep(100)), "", "nested"),
}  # fmt: skip

BYTES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ""),
    "no JSON": (b"{,}", ":1"),
    "a list": (b"[]", "$"),
    "null": (b"null", "$"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "byte order mark"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8"),
    "a key twice": (b'{"a": 1, "a": 2}', "'a'"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "a number of 5000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "limit"),
    "deeper than any stack": (b"[" * 200_000, "nested"),
    "a comment": (b'{"a": 1} // x', ":1"),
}

AIPOD: dict[str, tuple[Change, str, str]] = {
    "no imageRef": (lambda d: d["spec"].pop("imageRef"), "$.spec.imageRef", "missing"),
    "imageRef is a tag": (put("spec", "imageRef", to="r.example/a:latest"), "$.spec.imageRef", "tag"),
    "another kind": (put("spec", "imageRef", "kind", to="image"), "$.spec.imageRef.kind", ""),
    "a short commit": (put("spec", "imageRef", "commitId", to="abc1234"), "$.spec.imageRef.commitId", "abbreviated"),
    "a Dockerfile above the root": (put("spec", "imageRef", "dockerfilePath", to="a/../../b"),
                                    "$.spec.imageRef.dockerfilePath", ".."),
    "an unknown field of imageRef": (put("spec", "imageRef", "tag", to="x"), "$.spec.imageRef.tag", "tag"),
    "an unknown field": (put("comment", to={"a": 1}), "$.comment", "unknown"),
    "an image by digest": (put("spec", "image", to="r.example/a@sha256:" + "a" * 64), "$.spec.image", "imageRef"),
    "a kind that is no Aipod": (put("kind", to="Pod"), "$.kind", ""),
    "a tag in the payload": (put("spec", "payload", to={"steps": [{"image": "oven/bun:1"}]}),
                             "$.spec.payload.steps[0].image", "tag"),
    "a tag in the prompt": (put("spec", "prompt", to="use 127.0.0.1:5000/agentrun/env:dev please"),
                            "$.spec.prompt", "tag"),
    "latest in the prompt": (put("spec", "prompt", to="run in ubuntu:latest"), "$.spec.prompt", "tag"),
    "a tag as a key": (put("spec", "x", to={"ghcr.io/a/b:1": 1}), '$.spec.x["ghcr.io/a/b:1"]', "tag"),
    "a credential": (put("spec", "env", to={"K": "gh" + "p_" + "aB3" * 12}), "$.spec.env.K", "credential"),
    "labels are a list": (put("metadata", to={"labels": []}), "$.metadata.labels", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> SourceRepo:
    return SourceRepo.create(tmp_path_factory.mktemp("bad") / "source")


def aipod() -> dict[str, Any]:
    return {"kind": "AipodSpec", "metadata": {"name": "a"}, "spec": {"imageRef": SourceRepo.image_ref()}}


def refused(capsys: pytest.CaptureFixture[str], command: Callable[..., Any]) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        execute(command, as_json=True, debug=False)
    said = capsys.readouterr()
    assert ended.value.code == 2, said
    assert "Traceback" not in said.err
    document = json.loads(said.out)
    assert document["exitCode"] == 2
    assert document["faults"]
    return [f"{fault['where']}: {fault['problem']}" for fault in document["faults"]]


def refused_plan(repo: SourceRepo, content: bytes, capsys: pytest.CaptureFixture[str]) -> list[str]:
    repo.write("deploy/deploy.json", content)
    repo.commit("A bad deploy.json")
    before = repo.snapshot()
    faults = refused(capsys, partial(plan, section={}))
    assert repo.snapshot() == before
    return faults


@pytest.mark.parametrize(("change", "path", "word"), DEPLOY.values(), ids=DEPLOY)
def test_a_bad_deploy_json_is_named_by_path(
    repo: SourceRepo,
    change: Change,
    path: str,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo.root)
    document = deploy_json()
    change(document)
    faults = refused_plan(repo, json.dumps(document).encode(), capsys)
    at = f"deploy/deploy.json: {path}" if path else "deploy/deploy.json"
    assert any(fault.startswith(at) and word in fault for fault in faults), faults


@pytest.mark.parametrize(("content", "word"), BYTES.values(), ids=BYTES)
def test_a_deploy_json_that_is_no_document_is_refused(
    repo: SourceRepo,
    content: bytes,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo.root)
    faults = refused_plan(repo, content, capsys)
    assert any(fault.startswith("deploy/deploy.json") and word in fault for fault in faults), faults


@pytest.mark.parametrize(("change", "path", "word"), AIPOD.values(), ids=AIPOD)
def test_a_bad_aipod_is_named_by_path(
    repo: SourceRepo,
    tmp_path: Path,
    change: Change,
    path: str,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo.root)
    document = aipod()
    change(document)
    file = tmp_path / "aipod.json"
    file.write_bytes(json.dumps(document).encode())
    before = repo.snapshot()
    faults = refused(capsys, partial(aipod_resolve, str(file), section={}))
    assert any(fault.startswith(f"{file}: {path}") and word in fault for fault in faults), faults
    assert repo.snapshot() == before


@pytest.mark.parametrize(("content", "word"), BYTES.values(), ids=BYTES)
def test_an_aipod_that_is_no_document_is_refused(
    repo: SourceRepo,
    tmp_path: Path,
    content: bytes,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(repo.root)
    file = tmp_path / "aipod.json"
    file.write_bytes(content)
    faults = refused(capsys, partial(aipod_resolve, str(file), section={}))
    assert any(fault.startswith(str(file)) and word in fault for fault in faults), faults


def test_every_forbidden_thing_is_named_at_once(
    repo: SourceRepo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.root)
    document = deploy_json()
    chosen = ["an image tag", "a digest", "publish state", "a PipelineRun", "a GitOps revision", "a manifest",
              "a token in env", "port is 0", "an unknown field"]  # fmt: skip
    for name in chosen:
        DEPLOY[name][0](document)
    faults = refused_plan(repo, json.dumps(document).encode(), capsys)
    for name in chosen:
        assert any(fault.startswith(f"deploy/deploy.json: {DEPLOY[name][1]}:") for fault in faults), name


def test_there_are_enough_of_them() -> None:
    assert len(DEPLOY) + len(AIPOD) + 2 * len(BYTES) >= 60

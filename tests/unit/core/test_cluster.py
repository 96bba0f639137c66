"""What a lane puts into its cluster: golden files, Kubernetes' own schemas, and what nobody may get out of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from envid.core.cluster import ClusterSetup, lane_objects, pipeline_run
from envid.core.cluster.tekton import STEPS
from envid.core.cluster.whole import ca_config_map, namespaces
from envid.core.lane import parse_lane
from envid.core.objects import KubeObject, kind_of
from envid.core.render.yamltext import manifest_bytes
from tests.support.builders import LANE, commit_id, digest

GOLDEN = Path(__file__).parents[2] / "golden/cluster"
SETUP = ClusterSetup(
    lane=LANE,
    registry="127.0.0.1:5000",
    mirror_read_url=LANE.mirror_read_url,
    mirror_write_url=LANE.mirror_write_url,
    toolbox=f"127.0.0.1:5000/agentrun/toolbox@{digest(1)}",
    git_mirror=f"127.0.0.1:5000/agentrun/git-mirror@{digest(2)}",
    buildkit=f"127.0.0.1:5000/buildkit@{digest(3)}",
    proxy="http://127.0.0.1:10808",
    no_proxy=("hyueapi.com", ".hyueapi.com"),
    with_ca=True,
)


def objects(setup: ClusterSetup = SETUP) -> list[KubeObject]:
    return [*namespaces(setup), ca_config_map(setup, "PEM\n"), *lane_objects(setup)]


def one(kind: str, name: str, setup: ClusterSetup = SETUP) -> Any:
    return next(o for o in objects(setup) if o["kind"] == kind and o["metadata"]["name"] == name)


def steps(setup: ClusterSetup = SETUP) -> dict[str, Any]:
    return {s.name: one("Task", LANE.task(s.name), setup)["spec"]["steps"][0] for s in STEPS}


def environment(step: str, setup: ClusterSetup = SETUP) -> dict[str, str]:
    return {item["name"]: item["value"] for item in steps(setup)[step]["env"]}


def test_the_objects_are_the_golden_ones() -> None:
    """REGENERATE_GOLDEN=1 writes them anew, for a person to review; a CI run only ever compares."""
    files = {
        f"{o['metadata']['name']}-{o['kind'].lower()}.yaml": manifest_bytes(o, header="")
        for o in [*objects(), pipeline_run(SETUP, commit_id(0xB0))]
    }
    if os.environ.get("REGENERATE_GOLDEN") == "1":
        assert not os.environ.get("CI"), "CI compares and never regenerates"
        GOLDEN.mkdir(exist_ok=True)
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        for name, content in files.items():
            (GOLDEN / name).write_bytes(content)
    assert {path.name: path.read_bytes() for path in GOLDEN.glob("*.yaml")} == files


@pytest.mark.parametrize("version", ["1.35", "1.36", "1.37"])
@pytest.mark.parametrize("rootless", [False, True])
def test_kubernetes_own_kinds_are_valid(version: str, rootless: bool) -> None:  # noqa: FBT001 - a parameter of the test
    own = [
        o
        for o in objects(replace(SETUP, rootless=rootless))
        if "dev" not in o["apiVersion"] and "argo" not in o["apiVersion"]
    ]
    assert len(own) > 10
    for manifest in own:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_every_object_is_of_a_kind_that_the_api_client_knows() -> None:
    for manifest in objects():
        kind = kind_of(manifest)
        assert kind.namespaced == ("namespace" in manifest["metadata"])


def test_the_names_are_the_specifications_own() -> None:
    names = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects()}
    assert {
        ("Namespace", None, "agentrun-v01"),
        ("ServiceAccount", "agentrun-ci", "agentrun-v01-tekton-runner"),
        ("Pipeline", "agentrun-ci", "agentrun-v01-ci-image-publish"),
        ("AppProject", "argocd", "agentrun-v01"),
        ("Application", "argocd", "agentrun-g14-v01"),
        ("Service", "devops-infra", "git-mirror-http"),
        ("Service", "devops-infra", "git-mirror-write"),
    } <= names
    assert pipeline_run(SETUP, commit_id(0xB0))["metadata"]["name"] == f"agentrun-v01-ci-{commit_id(0xB0).short}"


def test_argo_cd_can_deliver_nowhere_but_into_the_runtime_namespace_and_only_namespaced_kinds() -> None:
    project = one("AppProject", "agentrun-v01")["spec"]
    assert [d["namespace"] for d in project["destinations"]] == ["agentrun-v01"]
    assert project["sourceRepos"] == [LANE.mirror_read_url]
    assert project["clusterResourceWhitelist"] == []
    allowed = {kind["kind"] for kind in project["namespaceResourceWhitelist"]}
    assert not allowed & {"Secret", "Namespace", "ClusterRole", "Pod", "Job"}


def test_what_the_lane_renders_is_what_argo_cd_may_deliver() -> None:
    import yaml  # noqa: PLC0415

    allowed = {kind["kind"] for kind in one("AppProject", "agentrun-v01")["spec"]["namespaceResourceWhitelist"]}
    rendered = {yaml.safe_load(path.read_bytes())["kind"] for path in (GOLDEN.parent / "manifests").rglob("*.yaml")}
    assert rendered <= allowed


def test_a_step_gets_no_token_and_no_right() -> None:
    assert not [o for o in objects() if o["kind"] in {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}]
    assert one("ServiceAccount", LANE.runner_account)["automountServiceAccountToken"] is False
    template = pipeline_run(SETUP, commit_id(1))["spec"]["taskRunTemplate"]
    assert template["podTemplate"]["automountServiceAccountToken"] is False
    assert template["podTemplate"]["hostNetwork"] is True
    assert template["podTemplate"]["dnsPolicy"] == "ClusterFirstWithHostNet"


def test_only_the_publishing_step_can_reach_buildkit() -> None:
    for name, step in steps().items():
        mounted = {mount["name"] for mount in step.get("volumeMounts", [])}
        assert ("buildkit-tls" in mounted) == (name == "image-publish")
        assert ("BUILDKIT_HOST" in environment(name)) == (name == "image-publish")


def test_a_remote_buildkit_is_used_and_none_is_set_up() -> None:
    setup = replace(SETUP, buildkit_host="tcp://builder.example:1234")
    assert not [o for o in objects(setup) if "buildkit" in o["metadata"]["name"]]
    assert environment("image-publish", setup)["BUILDKIT_HOST"] == "tcp://builder.example:1234"
    assert "ENVID_BUILDKIT_KEY" not in environment("image-publish", setup)


def test_a_remote_buildkit_that_asks_for_certificates_gets_those_of_the_named_secret() -> None:
    setup = replace(SETUP, buildkit_host="tcp://builder.example:1234", buildkit_secret="builder-client")
    volumes = one("Task", LANE.task("image-publish"), setup)["spec"]["volumes"]
    assert {"name": "buildkit-tls", "secret": {"secretName": "builder-client", "defaultMode": 288}} in volumes
    assert environment("image-publish", setup)["ENVID_BUILDKIT_KEY"].endswith("/key.pem")


def test_the_way_out_and_what_is_reached_directly() -> None:
    said = environment("check")
    assert said["HTTPS_PROXY"] == said["https_proxy"] == "http://127.0.0.1:10808"
    direct = said["NO_PROXY"].split(",")
    assert {"hyueapi.com", ".hyueapi.com", "10.43.0.0/16", ".svc", ".cluster.local", "127.0.0.1"} <= set(direct)
    assert "HTTPS_PROXY" not in environment("check", replace(SETUP, proxy=None))


def test_certificates_reach_a_step_only_where_there_are_some() -> None:
    assert environment("check")["ENVID_CA_BUNDLE"] == environment("check")["NODE_EXTRA_CA_CERTS"]
    without = replace(SETUP, with_ca=False)
    assert "ENVID_CA_BUNDLE" not in environment("check", without)
    assert "volumes" not in one("Task", LANE.task("check"), without)["spec"]


def test_every_step_is_one_invoke_task_of_the_pinned_toolbox_as_a_plain_user() -> None:
    from envid.tasks import namespace  # noqa: PLC0415

    known = namespace.task_names
    for step in steps().values():
        assert step["command"] == ["agentrun"]
        assert step["args"][0] in known
        assert step["image"] == SETUP.toolbox
        assert step["securityContext"]["allowPrivilegeEscalation"] is False
    assert pipeline_run(SETUP, commit_id(1))["spec"]["taskRunTemplate"]["podTemplate"]["securityContext"][
        "runAsNonRoot"
    ]


def test_a_second_lane_shares_buildkit_and_the_mirror_and_nothing_else() -> None:
    other = parse_lane(project="agentrun", version="v0.2", site=LANE.site, repository=LANE.repository)
    second = replace(SETUP, lane=other, mirror_read_url=other.mirror_read_url, mirror_write_url=other.mirror_write_url)

    def named(setup: ClusterSetup) -> dict[tuple[str, str], KubeObject]:
        return {(o["kind"], o["metadata"]["name"]): o for o in objects(setup)}

    ours, theirs = named(SETUP), named(second)
    shared = ours.keys() & theirs.keys()
    assert all(ours[key] == theirs[key] for key in shared)
    assert {name for _, name in shared} == {
        "agentrun-ci", "devops-infra", "git-mirror", "git-mirror-cache", "git-mirror-agentrun", "git-mirror-http",
        "git-mirror-write", "agentrun-buildkitd", "agentrun-buildkitd-cache",
    }  # fmt: skip

"""The whole runtime, with everything that deploy.json can ask for: golden files, schemas, rights, and ways out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from envid.core.catalog import empty_catalog
from envid.core.deploy import Deploy, parse_deploy
from envid.core.images import NO_IMAGES, Images, parse_images
from envid.core.render import RUNTIME_USER, render_runtime
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import LANE, commit_id, digest, entry_of, wanted_of

GOLDEN = Path(__file__).parents[2] / "golden/manifests/full"
IMAGES = Images(postgres=f"registry.example/library/postgres@{digest(0xDB)}")
NEWEST = ("1.35", "1.36", "1.37")
MIRROR_PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "devops-infra"}}}
DOCUMENT: dict[str, Any] = json.loads((GOLDEN / "deploy.json").read_bytes())


def rendered(
    *, commit: int = 0xB0, deploy: Deploy | None = None, images: Images = IMAGES, mirror: str = LANE.mirror_read_url
) -> dict[str, bytes]:
    entry = entry_of(wanted_of(), image=digest(0xD1), commit=commit_id(commit))
    catalog = empty_catalog(LANE).with_entries({entry.service_id: entry})
    chosen = deploy or parse_deploy(canonical_json(DOCUMENT))
    return {
        Path(path).name: content
        for path, content in render_runtime(chosen, catalog, LANE, mirror_read_url=mirror, images=images).items()
    }


def manifest(name: str, **changes: Any) -> Any:
    return yaml.safe_load(rendered(**changes)[f"{name}.yaml"])


def templates() -> dict[str, Any]:
    return {name: json.loads(text) for name, text in manifest("agentrun-runner-jobs")["data"].items()}


def pods() -> dict[str, Any]:
    found = {name: job["spec"]["template"] for name, job in templates().items()}
    found["manager"] = manifest("agentrun-mgr-deployment")["spec"]["template"]
    found["postgres"] = manifest("agentrun-v01-postgres-statefulset")["spec"]["template"]
    return found


def test_the_manifests_are_the_golden_ones() -> None:
    """REGENERATE_GOLDEN=1 writes them anew, for a person to review; a CI run only ever compares."""
    files = rendered()
    if os.environ.get("REGENERATE_GOLDEN") == "1":
        assert not os.environ.get("CI"), "CI compares and never regenerates"
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        for name, content in files.items():
            (GOLDEN / name).write_bytes(content)
    assert {path.name: path.read_bytes() for path in GOLDEN.glob("*.yaml")} == files


@pytest.mark.parametrize("version", NEWEST)
@pytest.mark.parametrize("folder", [GOLDEN, GOLDEN.parent], ids=["full", "small"])
def test_the_golden_manifests_are_valid_for_the_newest_versions(folder: Path, version: str) -> None:
    paths = sorted(folder.glob("*.yaml"))
    assert paths
    for path in paths:
        kubernetes_validate.validate(yaml.safe_load(path.read_bytes()), version, strict=True)


@pytest.mark.parametrize("version", NEWEST)
def test_every_job_template_is_a_valid_job(version: str) -> None:
    found = templates()
    assert sorted(found) == ["codex.json", "deepseek.json", "minimax-m3.json"]
    for job in found.values():
        kubernetes_validate.validate(job, version, strict=True)


def test_three_minor_versions_are_the_newest_that_the_validator_knows() -> None:
    known = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    minors = sorted({tuple(map(int, p.name[1:].split("-")[0].split(".")[:2])) for p in known.iterdir()})
    assert [f"{major}.{minor}" for major, minor in minors[-3:]] == list(NEWEST)


def test_every_object_names_its_lane_and_its_place() -> None:
    for name, content in rendered().items():
        metadata = yaml.safe_load(content)["metadata"]
        assert metadata["namespace"] == LANE.name, name
        labels = metadata["labels"]
        assert labels["agentrun.dev/lane"] == LANE.version
        assert labels["agentrun.dev/source-commit"] == commit_id(0xB0)
        for word in ("name", "instance", "component", "part-of", "managed-by"):
            assert labels[f"app.kubernetes.io/{word}"]
        assert all(len(value) <= 63 for value in labels.values())


@pytest.mark.parametrize("name", ["manager", "postgres", "codex.json", "deepseek.json"])
def test_every_pod_is_restricted_and_bounded(name: str) -> None:
    pod = pods()[name]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    allowed = {"emptyDir", "configMap", "projected", "persistentVolumeClaim", "secret"}
    assert all(len(volume.keys() & allowed) == 1 for volume in pod["volumes"])
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert security["runAsUser"] == RUNTIME_USER
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "@sha256:" in container["image"]
    for side in ("requests", "limits"):
        assert set(container["resources"][side]) == {"cpu", "memory", "ephemeral-storage"}


def test_a_runner_sees_its_own_providers_files_alone_and_read_only() -> None:
    for name, job in templates().items():
        pod = job["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
        (source,) = volumes["provider"]["projected"]["sources"]
        profile = name.removesuffix(".json")
        assert source["secret"]["name"] == f"agentrun-v01-provider-{profile}"
        assert [item["path"] for item in source["secret"]["items"]] == ["auth.json", "config.toml"]
        assert mounts["provider"]["readOnly"] is True
        environment = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
        assert environment["CODEX_HOME"] == mounts["codex-home"]["mountPath"]
        assert volumes["codex-home"]["emptyDir"]["medium"] == "Memory"
        assert environment["AGENTRUN_BOOT_COMMIT"] == commit_id(0xB0)
        assert environment["AGENTRUN_ROLE"] == "runner"


def test_no_manifest_has_a_secrets_value_and_no_secret_is_rendered() -> None:
    kinds = {yaml.safe_load(content)["kind"] for content in rendered().values()}
    assert "Secret" not in kinds
    environment = {item["name"]: item for item in pods()["manager"]["spec"]["containers"][0]["env"]}
    reference = {"key": "DATABASE_URL", "name": "agentrun-v01-postgres"}
    assert environment["DATABASE_URL"] == {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": reference}}


def test_rights_are_those_of_running_jobs_in_one_namespace() -> None:
    rules = manifest("agentrun-mgr-role")["rules"]
    assert [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules] == [
        (["batch"], ["jobs"], ["create", "delete", "get", "list", "watch"]),
        ([""], ["pods"], ["get", "list", "watch"]),
        ([""], ["pods/log"], ["get"]),
    ]
    binding = manifest("agentrun-mgr-rolebinding")
    assert binding["roleRef"]["kind"] == "Role"
    (subject,) = binding["subjects"]
    assert subject["name"] == pods()["manager"]["spec"]["serviceAccountName"] == "agentrun-manager"
    tokens = {name: pod["spec"]["automountServiceAccountToken"] for name, pod in pods().items()}
    assert [name for name, has in tokens.items() if has] == ["manager"]


def test_a_service_that_asks_for_nothing_gets_no_rights() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    del document["services"][0]["permissions"]
    files = rendered(deploy=parse_deploy(canonical_json(document)))
    assert not [name for name in files if "role" in name]
    pod = yaml.safe_load(files["agentrun-mgr-deployment.yaml"])["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert "agentrun-runner-jobs" not in [volume["name"] for volume in pod["volumes"]]


def egress_of(name: str, **changes: Any) -> list[Any]:
    rules: list[Any] = manifest(f"{name}-networkpolicy", **changes)["spec"].get("egress", [])
    return rules


def test_everything_is_denied_first() -> None:
    spec = manifest("default-deny-networkpolicy")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_those_who_use_the_database_reach_it_and_it_reaches_nobody() -> None:
    spec = manifest("agentrun-v01-postgres-networkpolicy")["spec"]
    (rule,) = spec["ingress"]
    (caller,) = rule["from"]
    assert caller["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "agentrun-mgr"
    assert "egress" not in spec
    to = [peer for rule in egress_of("agentrun-runner") for peer in rule["to"]]
    assert not any("postgres" in json.dumps(peer) for peer in to)


def test_nobody_reaches_a_runner() -> None:
    spec = manifest("agentrun-runner-networkpolicy")["spec"]
    assert "Ingress" in spec["policyTypes"]
    assert "ingress" not in spec


@pytest.mark.parametrize(
    ("mirror", "to", "ports"),
    [
        (LANE.mirror_read_url, MIRROR_PEER, None),
        ("http://10.1.2.3:8181/a.git", {"ipBlock": {"cidr": "10.1.2.3/32"}}, [8181]),
        ("http://[fd00::1]/a.git", {"ipBlock": {"cidr": "fd00::1/128"}}, [80]),
        ("https://mirror.example/a.git", {"ipBlock": {"cidr": "0.0.0.0/0"}}, [443]),
    ],
)  # fmt: skip
def test_the_mirror_is_always_within_reach(mirror: str, to: Any, ports: list[int] | None) -> None:
    for name in ("agentrun-mgr", "agentrun-runner"):
        rules = [rule for rule in egress_of(name, mirror=mirror) if to in rule["to"]]
        reachable = [[port["port"] for port in rule["ports"]] if "ports" in rule else None for rule in rules]
        assert ports in reachable


def test_a_service_out_of_the_runtime_is_not_rendered() -> None:
    assert not [name for name in rendered() if name.startswith("agentrun-web")]


def test_another_commit_changes_only_lines_that_name_it() -> None:
    one, other = rendered(commit=1), rendered(commit=2)
    assert one.keys() == other.keys()
    for name in one:
        for before, after in zip(one[name].splitlines(), other[name].splitlines(), strict=True):
            assert before.replace(commit_id(1).encode(), b"") == after.replace(commit_id(2).encode(), b"")


def test_another_commit_restarts_the_manager_and_not_the_database() -> None:
    one, other = (manifest("agentrun-v01-postgres-statefulset", commit=seed)["spec"] for seed in (1, 2))
    assert one == other
    assert (
        manifest("agentrun-mgr-deployment", commit=1)["spec"] != manifest("agentrun-mgr-deployment", commit=2)["spec"]
    )


def test_a_changed_setting_restarts_who_reads_it() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["configMaps"]["agentrun-settings"]["queue"] = "other"
    before, after = rendered(), rendered(deploy=parse_deploy(canonical_json(document)))
    assert {name for name in before if before[name] != after[name]} == {
        "agentrun-mgr-deployment.yaml",
        "agentrun-settings-configmap.yaml",
    }


def test_postgres_without_a_pinned_image_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        rendered(images=NO_IMAGES)
    assert [fault.where for fault in caught.value.faults] == ["deploy/runtime/images.json: $.images.postgres"]


@pytest.mark.parametrize("image", ["registry.example/postgres:17", "postgres@sha256:" + "a" * 64, "", "x"])
def test_an_image_is_pinned_by_digest_or_refused(image: str) -> None:
    content = canonical_json({"schemaVersion": "agentrun.images/1", "images": {"postgres": image}})
    with pytest.raises(InputError) as caught:
        parse_images(content)
    assert [fault.where for fault in caught.value.faults] == ["deploy/runtime/images.json: $.images.postgres"]


def test_a_pinned_image_loses_its_tag() -> None:
    text = f"registry.example/postgres:17@{digest(1)}"
    content = canonical_json({"schemaVersion": "agentrun.images/1", "images": {"postgres": text}})
    assert parse_images(content).postgres == f"registry.example/postgres@{digest(1)}"


def known(**changes: Any) -> Any:
    return json.loads(manifest("artifact-catalog-configmap", **changes)["data"]["catalog.json"])


def test_the_manager_is_told_the_promoted_images_and_no_more() -> None:
    (entry,) = known()["services"]
    assert entry["repositoryDigest"].endswith(f"@{digest(0xD1)}")
    assert entry["bootCommit"] == commit_id(0xB0)
    assert {"provenance", "attestations", "status"}.isdisjoint(entry)
    pod = pods()["manager"]["spec"]
    environment = {item["name"]: item.get("value") for item in pod["containers"][0]["env"]}
    (volume,) = [v for v in pod["volumes"] if v.get("configMap") == {"name": "artifact-catalog"}]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == volume["name"]]
    assert environment["AGENTRUN_CATALOG_FILE"] == f"{mount['mountPath']}/catalog.json"
    # the kubelet never brings a single file up to date
    assert mount["readOnly"] is True
    assert "subPath" not in mount


def test_more_images_than_a_config_map_takes_are_refused() -> None:
    entry = entry_of(wanted_of(), image=digest(0xD1), commit=commit_id(1))
    (one, *_) = entry.toolchain_inputs.inputs
    inputs = tuple(one.model_copy(update={"name": f"{number:05d}", "value": "x" * 4000}) for number in range(300))
    large = entry.model_copy(update={"toolchain_inputs": entry.toolchain_inputs.model_copy(update={"inputs": inputs})})
    catalog = empty_catalog(LANE).with_entries({large.service_id: large})
    with pytest.raises(InputError) as caught:
        render_runtime(
            parse_deploy(canonical_json(DOCUMENT)), catalog, LANE, mirror_read_url="http://m/x", images=IMAGES
        )
    assert caught.value.code == "catalog-too-large"
    assert "1048576" in caught.value.faults[0].problem

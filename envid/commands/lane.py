"""Commands of a lane as a whole: ``lane.show``, ``lane.apply`` and ``lane.new``.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output, progress
from envid.commands.wiring import commit_record, find_workspace, open_objects, runtime_mirror
from envid.text import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envid.adapters.settings import Workspace
    from envid.core.cluster import ClusterSetup
    from envid.core.images import Images
    from envid.usecases.lane_apply import Applied
    from envid.usecases.ports import ClusterApi

    Section = Mapping[str, Any] | None

__all__ = ["cluster_setup", "lane_apply", "lane_new", "lane_show", "pinned_images"]

_DEPLOY = "deploy/deploy.json"
_SETTINGS = "invoke.yaml"


def lane_show(*, section: Section = None) -> Output:
    """Show every name of the lane."""
    workspace = find_workspace(section)
    names = _names(workspace)
    data = {"schemaVersion": "agentrun.lane/1", "lane": workspace.lane.version, "names": names}
    return Output(data=data, lines=table(("object", "name"), list(names.items())))


def lane_apply(
    *, commit: str = "", ca_bundle: str = "", dry_run: bool = False, out: str = "", section: Section = None
) -> Output:
    """Put what the lane needs into its cluster; or, with ``out``, into a folder as YAML."""
    from datetime import UTC, datetime

    from envid.errors import InputError

    workspace = find_workspace(section)
    setup = cluster_setup(workspace, pinned_images(workspace, commit))
    bundle = _bundle(Path(ca_bundle)) if ca_bundle else None
    if out:
        if dry_run:
            raise InputError("--out and --dry-run exclude each other", remedy="leave one out")
        written = _write(setup, Path(out), bundle)
        data: dict[str, Any] = {
            "schemaVersion": "agentrun.lane-apply/1",
            "objects": [{"name": n, "outcome": "written"} for n in written],
        }
        return Output(data=data, lines=[*(f"  {name}" for name in written), f"written to {out}"])
    from envid.adapters.kubernetes import open_cluster
    from envid.usecases.lane_apply import apply_lane

    with open_cluster() as cluster:
        done = apply_lane(cluster, setup, ca_bundle=bundle, now=datetime.now(UTC), progress=progress, dry_run=dry_run)
        if not dry_run:
            done += _with_database(cluster, workspace, commit)
    data = {
        "schemaVersion": "agentrun.lane-apply/1",
        "dryRun": dry_run,
        "objects": [{"name": item.name, "outcome": item.outcome} for item in done],
    }
    changed = sum(item.outcome != "unchanged" for item in done)
    words = "would change" if dry_run else "changed"
    lines = [*table(("object", "outcome"), [(i.name, i.outcome) for i in done]), f"{changed} of {len(done)} {words}"]
    return Output(data=data, lines=lines)


def lane_new(*, version: str, project: str = "", section: Section = None) -> Output:
    """Write the names of a new lane into this checkout; or, with ``project``, a new project's first files."""
    from envid.core.lane import parse_lane

    workspace = find_workspace(section)
    if project:
        return _new_project(workspace, version, project)
    old = workspace.lane
    new = parse_lane(project=old.project, version=version, site=old.site, repository=old.repository)
    written = _next_lane(workspace, new)
    data = {"schemaVersion": "agentrun.lane-new/1", "lane": new.version, "written": written, "kept": []}
    lines = [
        *(f"  {path}" for path in written),
        "next:",
        f"  git switch --create {new.version}",
        f"  git add . && git commit --message 'Begin lane {new.version}'",
        f"  git push --set-upstream origin {new.version}",
        "  invoke lane.apply && invoke git-mirror.sync && invoke catalog.init && invoke trigger-current --watch",
    ]
    return Output(data=data, lines=lines)


def pinned_images(workspace: Workspace, commit: str = "") -> Images:
    """Return the images that a commit pins beside the catalog's."""
    from envid.core.images import IMAGES_PATH, NO_IMAGES, parse_images

    with open_objects(str(workspace.root)) as (_, reader):
        content = reader.read(commit_record(reader.objects, commit), IMAGES_PATH)
    return NO_IMAGES if content is None else parse_images(content)


def cluster_setup(workspace: Workspace, images: Images | None = None) -> ClusterSetup:
    """Return how the lane stands in its cluster; without ``images`` for what needs none.

    Raises:
        InputError: an image that the lane needs in the cluster is not pinned.

    """
    from envid.core.cluster import ClusterSetup
    from envid.core.images import IMAGES_PATH, NO_IMAGES
    from envid.errors import Fault, InputError

    settings, lane = workspace.settings, workspace.lane
    needs_images, images = images is not None, images or NO_IMAGES
    wanted = {"toolbox": images.toolbox, "gitMirror": images.git_mirror}
    if settings.buildkit_host is None:
        wanted["buildkit"] = images.buildkit
    if needs_images and (missing := [name for name, image in wanted.items() if image is None]):
        raise InputError(
            "the lane's own images are not pinned",
            faults=[Fault(f"{IMAGES_PATH}: $.images.{name}", "it is missing") for name in missing],
            remedy="invoke image.build NAME --pin, and commit",
            code="images-not-pinned",
        )
    cluster = settings.cluster
    return ClusterSetup(
        lane=lane,
        registry=settings.registry,
        mirror_read_url=runtime_mirror(workspace),
        mirror_write_url=settings.mirror_write_url or lane.mirror_write_url,
        toolbox=images.toolbox or "",
        git_mirror=images.git_mirror or "",
        buildkit=images.buildkit or "",
        buildkit_host=settings.buildkit_host,
        buildkit_secret=cluster.buildkit_secret,
        rootless=cluster.rootless_buildkit,
        argocd_namespace=cluster.argocd_namespace,
        proxy=cluster.proxy,
        no_proxy=cluster.no_proxy,
        service_cidr=cluster.service_cidr,
        workspace_storage=cluster.workspace_storage,
        buildkit_storage=cluster.buildkit_storage,
        mirror_storage=cluster.mirror_storage,
    )


def _with_database(cluster: ClusterApi, workspace: Workspace, commit: str) -> list[Applied]:
    """Make the Secret of the lane's own Postgres, as `secrets.database-url` does: without it no pod could start."""
    from envid.core.database import database_access
    from envid.core.deploy import DEPLOY_PATH
    from envid.usecases.database_secret import put_database_url
    from envid.usecases.lane_apply import Applied
    from envid.usecases.plan import read_deploy

    lane = workspace.lane
    with open_objects(str(workspace.root)) as (_, reader):
        record = commit_record(reader.objects, commit)
        if reader.read(record, DEPLOY_PATH) is None:
            return []
        deploy = read_deploy(reader, record, lane=lane, source_repo=workspace.settings.source_repo)
    if deploy.postgres is None:
        return []
    made = put_database_url(cluster, database_access(deploy, lane), lane)
    return [Applied(name=f"Secret {lane.name}/{made.secret}", outcome=made.outcome)]


def _names(workspace: Workspace) -> dict[str, str]:
    lane, settings = workspace.lane, workspace.settings
    service = f"{lane.project}-mgr"
    return {
        "source repository": settings.source_repo,
        "source branch": lane.source_branch,
        "GitOps branch": lane.gitops_branch,
        "artifact catalog": str(lane.catalog_path),
        "runtime path": str(lane.runtime_path),
        "mirror read URL": runtime_mirror(workspace),
        "mirror write URL": settings.mirror_write_url or lane.mirror_write_url,
        "mirror cache": lane.mirror_cache,
        "runtime namespace": lane.name,
        "Tekton namespace": lane.ci_namespace,
        "Tekton Pipeline": lane.pipeline,
        "Tekton ServiceAccount": lane.runner_account,
        "PipelineRun": f"{lane.name}-ci-<first 12 of the commit>",
        "BuildKit": f"{lane.ci_namespace}/{lane.buildkit}",
        "env image": f"{lane.env_repository(settings.registry, service)}:<envIdentity>",
        "Argo CD AppProject": f"{settings.cluster.argocd_namespace}/{lane.name}",
        "Argo CD Application": f"{settings.cluster.argocd_namespace}/{lane.application}",
        "database": lane.database,
        "provider Secrets": lane.provider_secret("<profile>"),
    }


def _bundle(path: Path) -> str:
    from envid.adapters.files import read_bounded
    from envid.errors import Fault, InputError

    content = read_bounded(path, limit=900 * 1024, hint="--ca-bundle FILE")
    if b"-----BEGIN CERTIFICATE-----" not in content or b"PRIVATE KEY" in content:
        fault = Fault(str(path), "it must hold certificates as PEM text, and no private key")
        raise InputError("the bundle of certificates can't be used", faults=[fault])
    return content.decode("ascii", "replace")


def _write(setup: ClusterSetup, folder: Path, bundle: str | None) -> list[str]:
    """Write what `lane.apply` would apply, but for the Secrets, which are made when they are applied."""
    from dataclasses import replace

    from envid.adapters.files import write_atomic
    from envid.core.cluster import lane_objects
    from envid.core.cluster.whole import ca_config_map, namespaces
    from envid.core.objects import object_name
    from envid.core.render.yamltext import manifest_bytes

    setup = replace(setup, with_ca=bundle is not None)
    objects = [*namespaces(setup), *([ca_config_map(setup, bundle)] if bundle else []), *lane_objects(setup)]
    header = "# Rendered by envid: invoke lane.apply --out; the Secrets are made when it is applied.\n"
    for number, manifest in enumerate(objects):
        name = f"{number:02d}-{manifest['metadata']['name']}-{manifest['kind'].lower()}.yaml"
        write_atomic(folder / name, manifest_bytes(manifest, header=header))
    return [object_name(manifest) for manifest in objects]


def _next_lane(workspace: Workspace, new: Any) -> list[str]:
    from envid.adapters.files import read_bounded, write_atomic
    from envid.adapters.git import git
    from envid.core.jsontext import MAX_JSON_BYTES
    from envid.core.newlane import deploy_for, settings_for
    from envid.errors import Blocked, InputError

    old, root = workspace.lane, workspace.root
    if new.version == old.version:
        raise InputError(f"this checkout is {old.version} already", remedy="name the next lane")
    if git(root, ["status", "--porcelain", "--", _SETTINGS, _DEPLOY]).stdout:
        raise Blocked(
            f"{_SETTINGS} or {_DEPLOY} has changes that are not committed",
            remedy="commit them first: they would be mixed with the new lane's names",
            code="not-clean",
        )
    texts = {
        path: read_bounded(root / path, limit=MAX_JSON_BYTES, hint="invoke lane.new VERSION --project NAME").decode()
        for path in (_SETTINGS, _DEPLOY)
    }
    # both are made before the first is written: a refusal leaves everything as it was
    edited = {
        _SETTINGS: settings_for(texts[_SETTINGS], old, new),
        _DEPLOY: deploy_for(texts[_DEPLOY], old, new),
    }
    for path, text in edited.items():
        write_atomic(root / path, text.encode())
    return list(edited)


def _new_project(workspace: Workspace, version: str, project: str) -> Output:
    from envid.adapters.starter import read_starter
    from envid.usecases.new_project import begin_project

    registry = workspace.settings.registry
    begun = begin_project(workspace.root, read_starter(), project=project, version=version, registry=registry)
    branch = begun.lane.source_branch
    data = {
        "schemaVersion": "agentrun.lane-new/1",
        "lane": begun.lane.version,
        "written": list(begun.written),
        "kept": list(begun.kept),
    }
    lines = [
        *(f"  {path}" for path in begun.written),
        *(f"  {path}  kept as it is" for path in begun.kept),
        "look at:",
        *(f"  {text}" for text in begun.look_at),
        "next:",
        f"  git switch --create {branch}  # if it is not yet",
        f"  git add --all && git commit --message 'Begin lane {branch}'",
        "  invoke imageref.pin && git commit --all --message 'Pin the Containerfile'",
        "  invoke local.up --mirror-only && invoke catalog.init && invoke plan",
    ]
    return Output(data=data, lines=lines)

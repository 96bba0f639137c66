"""``plan``: reads the commit, the promoted catalog and the registry, and lets the core decide (R6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envid.core.catalog import Catalog, parse_catalog
from envid.core.deploy import DEPLOY_PATH, Deploy, Service, lane_faults, parse_deploy
from envid.core.plan import Decision, Judgement, Plan, Wanted, conclude, judge
from envid.errors import Blocked, Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from envid.adapters.git import CommitRecord
    from envid.core.lane import Lane
    from envid.core.values import CommitId
    from envid.usecases.environment import Environment, InputReader
    from envid.usecases.ports import GitOps, ImageRegistry

__all__ = ["PlannedCommit", "catalog_at", "make_plan", "promoted_catalog", "read_deploy"]


class PlannedCommit(NamedTuple):
    """A plan with what it was made from, for the steps that act on it."""

    plan: Plan
    deploy: Deploy
    catalog: Catalog
    environments: dict[str, Environment]


def make_plan(
    reader: InputReader,
    commit: CommitRecord,
    *,
    lane: Lane,
    source_repo: str,
    registry_host: str,
    gitops: GitOps,
    registry: ImageRegistry,
    rebuild: Collection[str] = (),
) -> PlannedCommit:
    """Decide for every service of ``commit``. ``rebuild`` names services to build whatever the catalog says.

    Raises:
        InputError: the commit's deploy.json or an input is invalid.
        Blocked: there is no catalog to believe.
        RegistryError, GitError: a service that was needed to decide did not answer.

    """
    deploy = read_deploy(reader, commit, lane=lane, source_repo=source_repo)
    if unknown := sorted(set(rebuild) - {service.id for service in deploy.services}):
        raise InputError(f"deploy.json has no service {', '.join(unknown)}", remedy="invoke plan")
    environments = {s.id: reader.service_environment(commit, s) for s in deploy.services}
    revision, catalog = promoted_catalog(gitops, lane)
    judgements: list[Judgement] = []
    for service in deploy.services:
        environment = environments[service.id]
        wanted = Wanted(
            service_id=service.id,
            identity=environment.identity,
            inputs=environment.inputs,
            image_ref=service.image_ref,
            image=lane.env_image(registry_host, service.id, environment.identity),
        )
        entry = catalog.entry(service.id)
        judgement = judge(wanted, entry, lane, rebuild=service.id in rebuild)
        if judgement.decision is Decision.REUSE and entry is not None:
            by_digest = registry.probe(wanted.image.with_digest(entry.digest))
            by_tag = registry.probe(wanted.image) if by_digest else None
            judgement = conclude(judgement, entry, by_digest=by_digest, by_tag=by_tag)
        judgements.append(judgement)
    plan = Plan(commit=commit.id, mirror_revision=revision, judgements=tuple(judgements))
    return PlannedCommit(plan=plan, deploy=deploy, catalog=catalog, environments=environments)


def read_deploy(reader: InputReader, commit: CommitRecord, *, lane: Lane, source_repo: str) -> Deploy:
    """Read deploy.json of ``commit``: it must be ``lane``'s, and every imageRef of the lane's own source repository.

    Raises:
        InputError: it is missing or invalid.

    """
    content = reader.read(commit, DEPLOY_PATH)
    if content is None:
        raise InputError(
            f"{DEPLOY_PATH} is not in {commit.id.short}",
            cause="the repository has not adopted a lane yet",
            remedy="invoke identity --repo DIR works without it",
        )
    deploy = parse_deploy(content)
    faults = lane_faults(deploy, lane)
    faults += [
        Fault(
            f"{DEPLOY_PATH}: $.services[{index}].imageRef.repoUrl",
            f"{service.image_ref.repo_url} is not the lane's source repository {source_repo}",
        )
        for index, service in enumerate(deploy.workloads)
        if isinstance(service, Service) and service.image_ref.repo_url != source_repo
    ]
    if faults:
        raise InputError(f"{DEPLOY_PATH} is not valid", faults=faults)
    return deploy


def promoted_catalog(gitops: GitOps, lane: Lane) -> tuple[CommitId, Catalog]:
    """Return the GitOps branch's newest commit and its catalog.

    Raises:
        Blocked: see ``catalog_at``.

    """
    return catalog_at(gitops, lane, gitops.tip())


def catalog_at(gitops: GitOps, lane: Lane, tip: CommitId | None) -> tuple[CommitId, Catalog]:
    """Return the catalog of one commit of the GitOps branch: never another branch's, never the registry's word.

    Raises:
        Blocked: there is none, it can't be read, or it belongs to another lane.

    """
    where = f"{lane.gitops_branch}:{lane.catalog_path}"
    content = gitops.files(tip, [lane.catalog_path]).get(lane.catalog_path) if tip else None
    if tip is None or content is None:
        raise Blocked(
            f"there is no catalog at {where}",
            cause=f"the mirror {gitops.read_url} has no {'such branch' if tip is None else 'such file'}: the lane is "
            "new, or the mirror is behind. An image in the registry is no substitute",
            remedy="invoke git-mirror.sync; for a new lane, once: invoke catalog.init",
            code="catalog-missing",
        )
    try:
        catalog = parse_catalog(content, where=where)
    except InputError as error:
        raise Blocked(
            f"the catalog at {where} can't be believed",
            cause="; ".join(map(str, error.faults)) or error.what,
            remedy="invoke promote --rollback-to the last good GitOps commit",
            code="catalog-invalid",
        ) from None
    if not catalog.belongs_to(lane):
        raise Blocked(
            f"the catalog at {where} belongs to another lane",
            cause=f"it says {catalog.project} {catalog.lane} {catalog.source_branch} {catalog.gitops_branch}",
            remedy="invoke promote --rollback-to the last good GitOps commit",
            code="catalog-foreign",
        )
    return tip, catalog

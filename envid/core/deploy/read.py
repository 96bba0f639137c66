"""Reads deploy.json: strict JSON, then what may not stand in it, then the model, then what must agree (R8)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from envid.core.deploy.forbidden import forbidden_faults
from envid.core.deploy.intent import amount
from envid.core.deploy.service import CATALOG_CONFIG_MAP, RESERVED_ENV, Borrower, Deploy
from envid.core.strictjson import parse_json, validate_model
from envid.core.values import RepoPath
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envid.core.deploy.intent import Resources
    from envid.core.deploy.service import Service

__all__ = ["DEPLOY_PATH", "parse_deploy"]

DEPLOY_PATH: Final = RepoPath("deploy/deploy.json")


def parse_deploy(content: bytes, *, where: str = DEPLOY_PATH) -> Deploy:
    """Parse deploy.json.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    value = parse_json(content, where=where)
    faults = [Fault(f"{where}: {path}", problem) for path, problem in forbidden_faults(value)]
    try:
        deploy = validate_model(Deploy, value, where=where)
    except InputError as error:
        # the reason why something is forbidden says more than that it is unknown
        named = {fault.where for fault in faults}
        faults += [fault for fault in error.faults if fault.where not in named]
    else:
        faults += [Fault(f"{where}: {path}", problem) for path, problem in _disagreements(deploy)]
    if faults:
        raise InputError(f"{where} is not valid", faults=sorted(set(faults), key=lambda f: (f.where, f.problem)))
    return deploy


def _disagreements(deploy: Deploy) -> Iterator[tuple[str, str]]:
    """Yield what is well-formed by itself and does not fit together, by JSON path."""
    yield from _twice("$.services[{}].id", (w.id for w in deploy.workloads), "another service has this id")
    yield from _twice("$.services[{}].serviceAccount", (w.account for w in deploy.workloads), "another service has it")
    yield from _twice("$.providers[{}].profile", (p.profile for p in deploy.providers), "it stands here twice")
    builders = {service.id for service in deploy.services}
    if not builders:
        yield "$.services", "no service has an imageRef: there is nothing to run"
    for index, workload in enumerate(deploy.workloads):
        if isinstance(workload, Borrower) and workload.image_from not in builders:
            yield f"$.services[{index}].imageFrom", f"no service {workload.image_from!r} has an imageRef"
        yield from _workload_faults(deploy, workload, f"$.services[{index}]")
    if deploy.postgres is not None:
        yield from _too_large(deploy.postgres.resources, "$.postgres.resources")
        if deploy.postgres.name in {workload.id for workload in deploy.workloads}:
            yield "$.postgres.name", "a service has this name"
    for name in deploy.config_maps:
        if name in {f"{workload.id}-jobs" for workload in deploy.workloads if workload.kind == "runner"}:
            yield f"$.configMaps.{name}", "the runner's Job templates have this name"
        if name == CATALOG_CONFIG_MAP:
            yield f"$.configMaps.{name}", "the promoted catalog has this name"


def _workload_faults(deploy: Deploy, workload: Service | Borrower, at: str) -> Iterator[tuple[str, str]]:
    if workload.database and deploy.postgres is None:
        yield f"{at}.database", "there is no postgres section"
    yield from _environment_faults(deploy, workload, at)
    yield from _too_large(workload.resources, f"{at}.resources")
    yield from _twice(f"{at}.volumes[{{}}].name", (v.name for v in workload.volumes), "it stands here twice")
    yield from _twice(f"{at}.volumes[{{}}].mountPath", (v.mount_path for v in workload.volumes), "it is taken")
    known = {provider.profile for provider in deploy.providers}
    for number, profile in enumerate(workload.providers):
        if profile not in known:
            yield f"{at}.providers[{number}]", f"{profile!r} is not among the providers below"
    ports = [workload.port, *workload.extra_ports.values()]
    for name, port in workload.extra_ports.items():
        if name == "http" or ports.count(port) > 1:
            yield f"{at}.extraPorts.{name}", "its name or number is taken"


def _environment_faults(deploy: Deploy, workload: Service | Borrower, at: str) -> Iterator[tuple[str, str]]:
    taken = Counter([*workload.env, *workload.config_env, *workload.secret_env])
    for field, names in (("env", workload.env), ("configEnv", workload.config_env), ("secretEnv", workload.secret_env)):
        for name in names:
            if taken[name] > 1:
                yield f"{at}.{field}.{name}", "it stands in more than one of env, configEnv and secretEnv"
            if name in RESERVED_ENV:
                yield f"{at}.{field}.{name}", "the lane sets it; by hand it could boot another commit"
            if name == "DATABASE_URL" and workload.database:
                yield f"{at}.{field}.{name}", "database: true sets it"
    for name, ref in workload.config_env.items():
        if ref.key not in deploy.config_maps.get(ref.name, {}):
            yield f"{at}.configEnv.{name}", f"configMaps has no {ref.name}.{ref.key}"


def _too_large(resources: Resources, at: str) -> Iterator[tuple[str, str]]:
    for field, alias in (("cpu", "cpu"), ("memory", "memory"), ("ephemeral_storage", "ephemeralStorage")):
        request, limit = getattr(resources.requests, field), getattr(resources.limits, field)
        if request and limit and amount(request) > amount(limit):
            yield f"{at}.requests.{alias}", f"{request} is more than the limit {limit}"


def _twice(path: str, names: Iterable[str], problem: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield path.format(index), f"{name!r}: {problem}"
        seen.add(name)

"""The services of deploy.json: what they are built from, and what they need at run time (R8)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from envid.core.deploy.intent import (
    ConfigKey,
    EnvKey,
    Ingress,
    KeyRef,
    Model,
    Name,
    Network,
    ObjectName,
    Port,
    PortName,
    Postgres,
    Provider,
    Resources,
    Text,
    UrlPath,
    Volume,
)
from envid.core.globs import is_pattern
from envid.core.model.words import Discriminator, Field, Tag, field_validator, model_validator
from envid.core.strictjson import branch_tag
from envid.core.values import CommitId, RepoPath, parse_platform
from envid.errors import InputError

__all__ = [
    "CATALOG_CONFIG_MAP",
    "RESERVED_ENV",
    "Borrower",
    "Deploy",
    "ImageRef",
    "Service",
    "Workload",
    "is_fetchable",
]

_REPO_URL: Final = re.compile(
    r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/[\w.~/-]+|ssh://(?:[\w.-]+@)?[A-Za-z0-9.-]+(?::[0-9]+)?/[\w.~/-]+"
    r"|[\w.-]+@[A-Za-z0-9.-]+:[\w.~][\w.~/-]*",
    re.ASCII,
)
_MANDATORY: Final = ("bun.lock", "deploy/runtime/boot/*.sh", "package.json", "tsconfig.json")
_OWN, _BORROWED = branch_tag("imageRef"), branch_tag("imageFrom")

RESERVED_ENV: Final = frozenset(
    {
        "AGENTRUN_BOOT_COMMIT",
        "AGENTRUN_CATALOG_FILE",
        "AGENTRUN_ENV_DIR",
        "AGENTRUN_ENV_IDENTITY",
        "AGENTRUN_JOB_TEMPLATES",
        "AGENTRUN_LANE",
        "AGENTRUN_MIRROR_READ_URL",
        "AGENTRUN_PROVIDER",
        "AGENTRUN_PROVIDER_DIR",
        "AGENTRUN_ROLE",
        "AGENTRUN_RUN_ID",
        "AGENTRUN_SERVICE",
        "AGENTRUN_TASK",
        "AGENTRUN_WORK_DIR",
        "CODEX_HOME",
        "PORT",
    }
)
"""Variables that the lane, or the manager for a run, sets itself; a value by hand could boot another commit."""

CATALOG_CONFIG_MAP: Final = "artifact-catalog"
"""The ConfigMap by which managers know the promoted images; no other may have its name."""


def is_fetchable(url: str) -> bool:
    """Tell whether ``url`` is a repository's as imageRef.repoUrl may have it."""
    return _REPO_URL.fullmatch(url) is not None


class ImageRef(Model):
    """Where an env image comes from: a Containerfile in a repository at one commit (R2, R13)."""

    kind: Literal["env-image-dockerfile"]
    repo_url: str
    # the patterns are for editors; the types check more
    commit_id: Annotated[CommitId, Field(json_schema_extra={"pattern": "^[0-9a-f]{40}$"})]
    dockerfile_path: Annotated[RepoPath, Field(json_schema_extra={"pattern": "^[^/]"})]

    @field_validator("repo_url")
    @classmethod
    def _fetchable(cls, value: str) -> str:
        # an allow-list: ext:: runs commands, file:// reads this machine, and a leading dash is an option
        if not is_fetchable(value):
            raise ValueError("it is not an https://, ssh:// or user@host:path repository URL")
        return value


class Workload(Model):
    """What a service needs at run time; nothing here changes an envIdentity.

    A ``manager`` runs all the time, behind ``port``; a ``runner`` is a template of Jobs, one for each of ``providers``
    (left out: all). ``runtime`` false keeps a service out of the runtime. ``database`` gives it ``DATABASE_URL`` and
    the way to Postgres. ``permissions`` are in its own namespace only. Times are in seconds.
    """

    id: Name
    kind: Literal["manager", "runner"]
    runtime: bool = True
    resources: Resources
    env: dict[EnvKey, Text] = Field(default_factory=dict)
    config_env: dict[EnvKey, KeyRef] = Field(default_factory=dict)
    secret_env: dict[EnvKey, KeyRef] = Field(default_factory=dict)
    service_account: ObjectName | None = None
    database: bool = False
    network: Network = Field(default_factory=Network)

    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    port: Port = 8080
    extra_ports: dict[PortName, Port] = Field(default_factory=dict)
    health_path: UrlPath = "/health"
    readiness_path: UrlPath | None = None
    permissions: Annotated[tuple[Literal["run-jobs"], ...], Field(max_length=1)] = ()
    volumes: Annotated[tuple[Volume, ...], Field(max_length=8)] = ()

    providers: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    timeout: Annotated[int, Field(ge=1, le=604_800)] = 3600
    keep_finished: Annotated[int, Field(ge=0, le=604_800)] = 3600

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        only = _ONLY_OF["runner" if self.kind == "manager" else "manager"]
        if foreign := sorted(self.model_fields_set & only.keys()):
            raise ValueError(f"a {self.kind} has no {', '.join(only[name] for name in foreign)}")
        return self

    @property
    def account(self) -> str:
        """The ServiceAccount that its pods run as."""
        return self.service_account or self.id


_ONLY_OF: Final = {
    "manager": {
        "replicas": "replicas",
        "port": "port",
        "extra_ports": "extraPorts",
        "health_path": "healthPath",
        "readiness_path": "readinessPath",
        "permissions": "permissions",
        "volumes": "volumes",
    },
    "runner": {"providers": "providers", "timeout": "timeout", "keep_finished": "keepFinished"},
}
"""The fields that one kind alone has, with their names in JSON."""


class Service(Workload):
    """A service with an env image of its own.

    ``inputs`` are paths and patterns of declared inputs beyond the mandatory ones; ``build_args`` go to the build and
    are inputs too.
    """

    image_ref: ImageRef
    platform: str = "linux/amd64"
    inputs: tuple[str, ...] = ()
    build_args: dict[str, str] = Field(default_factory=dict)

    @field_validator("inputs")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if problem := RepoPath.problem_of(pattern):
                raise ValueError(f"{pattern!r}: {problem}")
            if is_pattern(pattern.split("/", maxsplit=1)[0]):
                raise ValueError(f"{pattern!r}: a pattern may not begin at the root; it would cover the source")
        if len(set(value)) != len(value):
            raise ValueError("a pattern stands here twice")
        return value

    @field_validator("platform")
    @classmethod
    def _platform(cls, value: str) -> str:
        try:
            return parse_platform(value)
        except InputError as error:
            raise ValueError(f"{error.what}: {error.cause}") from None

    @field_validator("build_args")
    @classmethod
    def _build_args(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
                raise ValueError(f"{name!r} is not the name of a build argument")
            if name.startswith("BUILDKIT_") or name == "SOURCE_DATE_EPOCH":
                raise ValueError(f"{name} steers BuildKit itself and is set by the build, not by hand")
        return value

    @property
    def input_patterns(self) -> tuple[str, ...]:
        """Every path and pattern of this service's file inputs, sorted."""
        return tuple(sorted({*_MANDATORY, *self.inputs}))


class Borrower(Workload):
    """A service that runs in another one's env image, as a runner does in the manager's."""

    image_from: Name


def _image_of(value: Any) -> str:
    borrows = isinstance(value, Borrower) or (isinstance(value, dict) and ("imageFrom" in value))
    return _BORROWED if borrows else _OWN


AnyService = Annotated[Annotated[Service, Tag(_OWN)] | Annotated[Borrower, Tag(_BORROWED)], Discriminator(_image_of)]


class Deploy(Model):
    """The whole of ``deploy/deploy.json``.

    ``workloads`` are all services; ``services`` are those with an env image of their own: the ones that are planned,
    built and recorded. ``config_maps`` are plain settings, by ConfigMap and key.
    """

    # $schema is for editors
    json_schema: str | None = Field(default=None, alias="$schema")
    schema_version: Literal["agentrun.deploy/1"]
    namespace: ObjectName | None = None
    workloads: Annotated[tuple[AnyService, ...], Field(alias="services", min_length=1, max_length=32)]
    config_maps: dict[ObjectName, dict[ConfigKey, Text]] = Field(default_factory=dict)
    postgres: Postgres | None = None
    providers: Annotated[tuple[Provider, ...], Field(max_length=16)] = ()
    ingress: Ingress | None = None

    @property
    def services(self) -> tuple[Service, ...]:
        """The services with an env image of their own."""
        return tuple(workload for workload in self.workloads if isinstance(workload, Service))

    @property
    def running(self) -> tuple[Service | Borrower, ...]:
        """The services that take part in the runtime."""
        return tuple(workload for workload in self.workloads if workload.runtime)

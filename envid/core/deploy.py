"""``deploy/deploy.json``: the only hand-written truth of delivery, as a strict model (R8)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from envid.core.globs import is_pattern
from envid.core.strictjson import StrictModel, parse_model
from envid.core.values import CommitId, RepoPath, parse_platform
from envid.errors import InputError

__all__ = ["DEPLOY_PATH", "Amounts", "Deploy", "ImageRef", "Resources", "Service", "parse_deploy"]

DEPLOY_PATH: Final = RepoPath("deploy/deploy.json")

_NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
_REPO_URL: Final = re.compile(
    r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/[\w.~/-]+|ssh://(?:[\w.-]+@)?[A-Za-z0-9.-]+(?::[0-9]+)?/[\w.~/-]+"
    r"|[\w.-]+@[A-Za-z0-9.-]+:[\w.~][\w.~/-]*",
    re.ASCII,
)
_MANDATORY: Final = ("bun.lock", "deploy/runtime/boot/*.sh", "package.json", "tsconfig.json")

Name = Annotated[str, Field(pattern=_NAME_PATTERN)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
EnvKey = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,127}$")]
UrlPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]{0,255}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class ImageRef(StrictModel):
    """Where an env image comes from: a Containerfile in a repository at one commit (R2, R13)."""

    kind: Literal["env-image-dockerfile"]
    repo_url: str
    commit_id: CommitId
    dockerfile_path: RepoPath

    @field_validator("repo_url")
    @classmethod
    def _fetchable(cls, value: str) -> str:
        # an allow-list: ext:: runs commands, file:// reads this machine, and a leading dash is an option
        if not _REPO_URL.fullmatch(value):
            raise ValueError("it is not an https://, ssh:// or user@host:path repository URL")
        return value


class Amounts(StrictModel):
    """CPU and memory in Kubernetes' quantities, as ``100m`` and ``256Mi``."""

    cpu: Quantity
    memory: Quantity


class Resources(StrictModel):
    """What a container asks for, and what it may take at most."""

    requests: Amounts
    limits: Amounts


class Service(StrictModel):
    """One service of the lane.

    ``inputs`` are paths and patterns of declared inputs beyond the mandatory ones; ``build_args`` go to the build and
    are inputs too; the rest is runtime intent and never changes the envIdentity.
    """

    id: Name
    kind: Literal["manager"]
    image_ref: ImageRef
    platform: str = "linux/amd64"
    inputs: tuple[str, ...] = ()
    build_args: dict[str, str] = Field(default_factory=dict)
    replicas: Annotated[int, Field(ge=0, le=100)] = 1
    port: Port = 8080
    health_path: UrlPath = "/health"
    resources: Resources
    env: dict[EnvKey, Annotated[str, Field(max_length=4096)]] = Field(default_factory=dict)

    @field_validator("inputs", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

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


class Deploy(StrictModel):
    """The whole of ``deploy/deploy.json``."""

    # $schema is for editors
    json_schema: str | None = Field(default=None, alias="$schema")
    schema_version: Literal["agentrun.deploy/1"]
    services: Annotated[tuple[Service, ...], Field(min_length=1, max_length=32)]

    @field_validator("services", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [service.id for service in self.services]
        if len(set(names)) != len(names):
            raise ValueError("two services have the same id")
        return self


def parse_deploy(content: bytes, *, where: str = DEPLOY_PATH) -> Deploy:
    """Parse deploy.json.

    Raises:
        InputError: with every fault, each by JSON path.

    """
    return parse_model(Deploy, content, where=where)

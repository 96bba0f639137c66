"""Settings: the ``envid`` section of ``invoke.yaml``, checked once, and the services that are really used.

What is used, strongest first: ``ENVID_*`` environment variables, the embedded stack while it is up
(``invoke local.up``), ``invoke.yaml``, and the names that follow from the lane.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from envid.adapters.buildkit_address import BuildKitTls
from envid.adapters.cluster_settings import ClusterSettings
from envid.adapters.stack_record import load_stack
from envid.core.lane import Lane, parse_lane
from envid.core.model.core import ValidationError
from envid.core.model.words import Field, Strict, StrictModel
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SETTINGS_FILE",
    "BuildKitCertificates",
    "Endpoints",
    "Settings",
    "Signing",
    "Workspace",
    "load_settings",
    "open_workspace",
]

SETTINGS_FILE: Final = "invoke.yaml"

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=1024)]


class Signing(StrictModel):
    """Signed promotions, with SSH keys as git uses them; both are files, relative to the repository's root.

    ``key`` is the private key, or the public key of one that an SSH agent holds. ``allowed_signers`` is in the format
    of ssh-keygen's ALLOWED SIGNERS: where it is set, ``catalog.verify`` asks for a signature of one of them.
    """

    key: str | None = None
    allowed_signers: str | None = None


class BuildKitCertificates(StrictModel):
    """PEM files for a ``tcp://`` BuildKit, relative to the repository's root."""

    ca: str
    cert: str
    key: str


class Settings(StrictModel):
    """The ``envid`` section of ``invoke.yaml``; every field has AgentRun's own value by default.

    ``repository`` is the source repository's path on its host; ``ca_bundle`` is a file of certificates that builds get
    as a secret; ``cache_from`` and ``cache_to`` are BuildKit cache specifications. ``insecure_registries`` are spoken
    to in plain HTTP, as loopback hosts always are; ``trusted_realms`` names, per registry, the hosts of token realms
    that may get its login; ``registry_path_prefixes`` the path below which a registry serves its API.
    """

    project: str = "agentrun"
    lane: str = "v0.1"
    site: str = "g14"
    repository: str = "pikasTech/agentrun.git"
    source_repo: str = "git@github.com:pikasTech/agentrun.git"
    registry: Host = "127.0.0.1:5000"
    mirror_read_url: HttpUrl | None = None
    mirror_write_url: HttpUrl | None = None
    buildkit_host: str | None = None
    buildkit_tls: BuildKitCertificates | None = None
    ca_bundle: str | None = None
    cache_from: str | None = None
    cache_to: str | None = None
    insecure_registries: Annotated[tuple[Host, ...], Strict(strict=False)] = ()
    trusted_realms: dict[Host, Annotated[tuple[Host, ...], Strict(strict=False)]] = Field(default_factory=dict)
    registry_path_prefixes: dict[Host, Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]] = Field(
        default_factory=dict
    )
    signing: Signing = Field(default_factory=Signing)
    cluster: ClusterSettings = Field(default_factory=ClusterSettings)


class Endpoints(NamedTuple):
    """The services that this run talks to.

    ``registry`` is a host with port; ``origin_url`` is the upstream repository that the mirror relays.
    """

    registry: str
    mirror_read_url: str
    mirror_write_url: str
    origin_url: str
    buildkit_host: str | None
    ca_bundle: Path | None
    buildkit_tls: BuildKitTls | None = None
    signing_key: Path | None = None
    allowed_signers: Path | None = None


class Workspace(NamedTuple):
    """Where a command works: the repository, its lane and settings, the services, and the state folder."""

    root: Path
    settings: Settings
    lane: Lane
    endpoints: Endpoints
    state: Path


def load_settings(root: Path, section: Mapping[str, Any] | None = None) -> Settings:
    """Return the checked settings of the repository at ``root``; ``section`` is the section where it is read already.

    Raises:
        InputError: ``invoke.yaml`` can't be read, or a setting is unknown or wrong; with every fault.

    """
    if section is None:
        section = _read_section(root / SETTINGS_FILE)
    try:
        return Settings.model_validate(section)
    except ValidationError as error:
        faults = [
            Fault(f"{SETTINGS_FILE}: envid.{'.'.join(map(str, e['loc']))}", e["msg"])
            for e in error.errors(include_url=False)
        ]
        raise InputError(f"{SETTINGS_FILE} is not valid", faults=faults) from None


def open_workspace(root: Path, section: Mapping[str, Any] | None = None) -> Workspace:
    """Find out what a command in the repository at ``root`` works with.

    Raises:
        InputError: the settings are wrong.

    """
    settings = load_settings(root, section)
    lane = parse_lane(
        project=settings.project, version=settings.lane, site=settings.site, repository=settings.repository
    )
    state = Path(os.environ.get("ENVID_STATE") or root / ".envid").absolute()
    endpoints = _endpoints(root, settings, lane, state)
    return Workspace(root=root, settings=settings, lane=lane, endpoints=endpoints, state=state)


def _file(root: Path, name: str | None) -> Path | None:
    return root / Path(name).expanduser() if name else None


def _endpoints(root: Path, settings: Settings, lane: Lane, state: Path) -> Endpoints:
    stack = load_stack(state)
    environ = os.environ
    ca_bundle = environ.get("ENVID_CA_BUNDLE") or settings.ca_bundle
    return Endpoints(
        registry=environ.get("ENVID_REGISTRY") or (stack.registry if stack else settings.registry),
        mirror_read_url=environ.get("ENVID_MIRROR_READ_URL")
        or (stack.mirror_read_url if stack else settings.mirror_read_url or lane.mirror_read_url),
        mirror_write_url=environ.get("ENVID_MIRROR_WRITE_URL")
        or (stack.mirror_write_url if stack else settings.mirror_write_url or lane.mirror_write_url),
        origin_url=environ.get("ENVID_ORIGIN_URL") or (stack.origin_url if stack else settings.source_repo),
        buildkit_host=environ.get("BUILDKIT_HOST") or (stack and stack.buildkit_host) or settings.buildkit_host,
        ca_bundle=Path(ca_bundle) if ca_bundle else None,
        buildkit_tls=_buildkit_tls(root, settings.buildkit_tls),
        signing_key=_file(root, environ.get("ENVID_SIGNING_KEY") or settings.signing.key),
        allowed_signers=_file(root, environ.get("ENVID_ALLOWED_SIGNERS") or settings.signing.allowed_signers),
    )


def _buildkit_tls(root: Path, settings: BuildKitCertificates | None) -> BuildKitTls | None:
    files = {
        name: _file(root, os.environ.get(f"ENVID_BUILDKIT_{name.upper()}") or (getattr(settings, name, None)))
        for name in ("ca", "cert", "key")
    }
    ca, cert, key = files.values()
    if ca and cert and key:
        return BuildKitTls(ca=ca, cert=cert, key=key)
    if missing := [
        f"ENVID_BUILDKIT_{name.upper()}" for name, path in files.items() if path is None and any(files.values())
    ]:
        raise InputError(
            "BuildKit's certificates are given in part",
            faults=[Fault(name, "it is not set") for name in missing],
            remedy="set all three, or none",
        )
    return None


def _read_section(path: Path) -> Mapping[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(
            f"{path.name} can't be read", faults=[Fault(path.name, error.strerror or str(error))]
        ) from None
    import yaml  # noqa: PLC0415 - only where Invoke has not read the file already

    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is not YAML", faults=[Fault(path.name, str(error))]) from None
    section = document.get("envid", {}) if isinstance(document, dict) else {}
    if not isinstance(section, dict):
        raise InputError(f"{path.name} is not valid", faults=[Fault(f"{path.name}: envid", "it is not a mapping")])
    return section

"""The way that git takes to a remote: straight, or through the Kubernetes API server.

An in-cluster name (``NAME.NAMESPACE.svc.cluster.local``) does not resolve on an operator's machine. Git then asks the
API server to relay to the Service, with the kubeconfig's own credentials, and no port-forward runs beside it. The
credentials reach git in its environment and in memory files, never on a command line or a disk.
"""

from __future__ import annotations

import atexit
import base64
import os
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from envid.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightkube.config.kubeconfig import SingleConfig

__all__ = ["GitRoute", "is_in_cluster", "route_through", "route_to", "with_header"]

_IN_CLUSTER: Final = ".svc.cluster.local"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_PORTS: Final = {"http": 80, "https": 443}
_REMEDY: Final = "set KUBECONFIG to reach the cluster, or ENVID_MIRROR_READ_URL and ENVID_MIRROR_WRITE_URL"


class GitRoute(NamedTuple):
    """What git is called with: the URL, and its own configuration as environment variables; ``files`` are kept open."""

    url: str
    environment: Mapping[str, str] = _NOTHING
    files: tuple[_SecretFile, ...] = ()


class _SecretFile:
    """A file that no other user can read, and that ends with this process, also when it is killed."""

    def __init__(self, content: bytes) -> None:
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("envid", os.MFD_CLOEXEC)
            self.path = f"/proc/{os.getpid()}/fd/{self._descriptor}"
        else:
            self._descriptor, self.path = tempfile.mkstemp(prefix="envid-")
            atexit.register(Path(self.path).unlink, missing_ok=True)
        os.write(self._descriptor, content)

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
            if not self.path.startswith("/proc/"):
                Path(self.path).unlink(missing_ok=True)


@cache
def route_to(url: str) -> GitRoute:
    """Return the way to ``url``.

    Raises:
        GitError: it is an in-cluster name that does not resolve here, and no kubeconfig leads to the cluster.

    """
    host = urlsplit(url).hostname or ""
    if not host.endswith(_IN_CLUSTER) or _resolves(host):
        return GitRoute(url)
    return route_through(_kubeconfig(host), url)


def is_in_cluster(url: str) -> bool:
    """Tell whether ``url`` names a Service of a cluster."""
    return (urlsplit(url).hostname or "").endswith(_IN_CLUSTER)


def with_header(route: GitRoute, header: str) -> GitRoute:
    """Return ``route`` with one more HTTP header, for the host of its URL only."""
    count = int(route.environment.get("GIT_CONFIG_COUNT", "0"))
    parts = urlsplit(route.url)
    added = {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
        f"GIT_CONFIG_VALUE_{count}": header,
    }
    return route._replace(environment={**route.environment, **added})


def route_through(config: SingleConfig, url: str) -> GitRoute:
    """Return the way to the in-cluster ``url`` through the API server of ``config``."""
    parts = urlsplit(url)
    name, namespace = (parts.hostname or "").removesuffix(_IN_CLUSTER).split(".")[:2]
    scheme = "https:" if parts.scheme == "https" else ""
    service = f"{scheme}{name}:{parts.port or _PORTS.get(parts.scheme, 80)}"
    server = config.cluster.server.rstrip("/")
    relayed = f"{server}/api/v1/namespaces/{namespace}/services/{service}/proxy{parts.path}"
    settings, files = _credentials(config)
    # a redirect would take the credentials elsewhere, and a cluster is reached without the environment's proxies
    settings |= {"followRedirects": "false", "proxy": ""}
    environment = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": f"http.{server}/.{key}", f"GIT_CONFIG_VALUE_{number}": value}
    if authorities := settings.get("sslCAInfo"):
        environment["GIT_SSL_CAINFO"] = authorities  # the caller's own would win over the configuration
    return GitRoute(relayed, environment, tuple(files))


def _credentials(config: SingleConfig) -> tuple[dict[str, str], list[_SecretFile]]:
    settings: dict[str, str] = {}
    files: list[_SecretFile] = []

    def place(key: str, data: str | None, path: str | None) -> None:
        if data:
            files.append(_SecretFile(base64.b64decode(data)))
            settings[key] = files[-1].path
        elif path:
            settings[key] = str(config.abs_file(path))

    cluster, user = config.cluster, config.user
    place("sslCAInfo", cluster.certificate_auth_data, cluster.certificate_auth)
    if cluster.insecure:
        settings["sslVerify"] = "false"
    if user is not None:
        place("sslCert", user.client_cert_data, user.client_cert)
        place("sslKey", user.client_key_data, user.client_key)
    if authorization := _authorization(config):
        settings["extraHeader"] = f"Authorization: {authorization}"
    return settings, files


def _authorization(config: SingleConfig) -> str | None:
    """Return the header that lightkube itself would send: of a token, a token's file, a password or a plugin."""
    import httpx2  # noqa: PLC0415 - only where the cluster is really asked
    from lightkube.config.client_adapter import user_auth  # noqa: PLC0415
    from lightkube.core.exceptions import ConfigError  # noqa: PLC0415

    try:
        flow = user_auth(config.user)
        if flow is None:
            return None
        request = httpx2.Request("GET", config.cluster.server)
        return next(flow.sync_auth_flow(request)).headers.get("Authorization")
    except (ConfigError, OSError, ValueError, KeyError) as error:
        raise GitError(
            "the kubeconfig's credentials can't be used", cause=str(error), remedy="kubectl auth whoami"
        ) from None


def _kubeconfig(host: str) -> SingleConfig:
    from lightkube.config.kubeconfig import KubeConfig  # noqa: PLC0415 - only where the cluster is really asked
    from lightkube.core.exceptions import ConfigError  # noqa: PLC0415

    try:
        found = KubeConfig.from_env().get()
    except (ConfigError, OSError, KeyError, ValueError, TypeError) as error:
        raise GitError(
            f"{host} does not resolve here, and no kubeconfig leads to its cluster",
            cause=str(error),
            remedy=_REMEDY,
            code="mirror-unreachable",
        ) from None
    if found is None:
        raise GitError(f"{host} does not resolve here", cause="the kubeconfig has no current context", remedy=_REMEDY)
    return found


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True

"""The first files of a project that has no lane yet, from what its Bun repository says and a starter's texts (R14).

The starter is this lane's own Containerfile, boot script and packages: what a new project begins with is what is built
and booted here every day. Only the names, the entry point and what else Bun's install reads differ.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from envid.core.base_pin import pinned_base, repin_from
from envid.core.globs import matches
from envid.core.values import ImageReference
from envid.errors import Fault, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envid.core.lane import Lane

__all__ = [
    "BOOT_SCRIPT",
    "BunRepository",
    "boot_script",
    "containerfile",
    "deploy_text",
    "entry_point",
    "further_inputs",
    "ignore_text",
    "settings_text",
]

BOOT_SCRIPT: Final = "deploy/runtime/boot/agentrun-boot.sh"
_ENTRY_LINE: Final = "entry=src/$role/main.ts\n"
_MOUNT_LINE: Final = "    --mount=type=bind,source=bun.lock,target=/mnt/bun.lock \\\n"
_COPY_LINE: Final = "    && cp /mnt/package.json /mnt/bun.lock . \\\n"
_PACKAGES: Final = (
    "deploy/runtime/install-packages.sh",
    "deploy/runtime/packages.lock",
    "deploy/runtime/packages.txt",
)
_READ_BY_BUN: Final = (".npmrc", "bunfig.toml")
_SOURCE: Final = re.compile(r"\.(?:[cm]?[jt]s|[jt]sx)$")
_USUAL_ENTRIES: Final = ("src/index.ts", "src/main.ts", "src/server.ts", "index.ts", "main.ts", "server.ts")
_PLAIN: Final = re.compile(r"[\w@%+=:./-]+", re.ASCII)
_IGNORED: Final = ("/.envid/", "/.worktree/")


@dataclass(frozen=True, slots=True, kw_only=True)
class BunRepository:
    """A Bun repository, as far as its first files depend on it: what git tracks, and its package.json."""

    tracked: frozenset[str]
    package: Mapping[str, Any]


def entry_point(repository: BunRepository) -> str | None:
    """Return the file that the project starts with: as package.json says, or of a usual name; None where none fits."""
    package = repository.package
    scripts = package.get("scripts")
    said = [package.get("module"), package.get("main")]
    if isinstance(scripts, dict):
        said += [word for name in ("start", "serve", "dev") for word in str(scripts.get(name, "")).split()]
    candidates = [text.removeprefix("./") for text in said if isinstance(text, str) and _SOURCE.search(text)]
    return next((path for path in (*candidates, *_USUAL_ENTRIES) if path in repository.tracked), None)


def further_inputs(repository: BunRepository) -> tuple[str, ...]:
    """Return what Bun's install reads beside package.json and bun.lock: settings, patches, workspaces' manifests."""
    package = repository.package
    workspaces = package.get("workspaces")
    patterns = workspaces.get("packages") if isinstance(workspaces, dict) else workspaces
    globs = [f"{text.removeprefix('./').rstrip('/')}/package.json" for text in _strings(patterns)]
    patched = package.get("patchedDependencies")
    patches = _strings(patched.values()) if isinstance(patched, dict) else []
    found = {path for path in (*_READ_BY_BUN, *patches) if path in repository.tracked}
    found |= {path for path in repository.tracked if any(matches(glob, path) for glob in globs)}
    return tuple(sorted(found))


def containerfile(starter: str, registry: str, project: str, further: Iterable[str]) -> str:
    """Return the starter's Containerfile for a project: its own base image's name, and ``further`` files to install by.

    The base image's digest stays: from the same lock and the same Bun, every machine makes the same bytes.

    Raises:
        InputError: a path can't stand in a Containerfile as it is.

    """
    further = tuple(further)
    if odd := [path for path in further if not _PLAIN.fullmatch(path)]:
        faults = [Fault(path, "it has a character that a shell or a mount reads") for path in odd]
        raise InputError("what Bun installs by can't be named in a Containerfile", faults=faults, remedy="rename it")
    digest = pinned_base(starter).digest
    text = repin_from(starter, ImageReference.parse(f"{registry}/{project}/bun-base@{digest}"))
    mounts, copies = [_MOUNT_LINE], [_COPY_LINE]
    for path in further:
        mounts.append(f"    --mount=type=bind,source={path},target=/mnt/{path} \\\n")
        folder = path.rpartition("/")[0]
        copies.append(f"    && {f'mkdir -p {folder} && ' if folder else ''}cp /mnt/{path} {path} \\\n")
    return _replaced(_replaced(text, _MOUNT_LINE, "".join(mounts)), _COPY_LINE, "".join(copies))


def boot_script(starter: str, entry: str) -> str:
    """Return the starter's boot script for a project that starts with ``entry``."""
    return _replaced(starter, _ENTRY_LINE, f"entry={_quoted(entry)} # what this project starts with\n")


def ignore_text(content: str) -> str:
    """Return .gitignore's text with what must never be tracked: state, and other tasks' worktrees."""
    present = {line.strip() for line in content.splitlines()}
    missing = [line for line in _IGNORED if line not in present]
    if not missing:
        return content
    return f"{content}{'' if not content or content.endswith(chr(10)) else chr(10)}" + "".join(
        f"{x}\n" for x in missing
    )


def deploy_text(lane: Lane, *, source_repo: str, commit: str, dockerfile: str, inputs: Iterable[str]) -> str:
    """Return a first deploy.json: one manager, from the Containerfile that ``commit`` has or the next one will."""
    listed = ",\n".join(f"        {json.dumps(path)}" for path in sorted({*_PACKAGES, *inputs}))
    return f"""{{
  "schemaVersion": "agentrun.deploy/1",
  "namespace": "{lane.name}",
  "services": [
    {{
      "id": "{lane.project}-mgr",
      "kind": "manager",
      "runtime": true,
      "imageRef": {{
        "kind": "env-image-dockerfile",
        "repoUrl": {json.dumps(source_repo)},
        "commitId": "{commit}",
        "dockerfilePath": "{dockerfile}"
      }},
      "platform": "linux/amd64",
      "inputs": [
{listed}
      ],
      "replicas": 1,
      "port": 8080,
      "healthPath": "/health",
      "resources": {{
        "requests": {{ "cpu": "50m", "memory": "128Mi" }},
        "limits": {{ "cpu": "1", "memory": "512Mi" }}
      }}
    }}
  ],
  "ingress": {{ "public": false }}
}}
"""


def settings_text(lane: Lane, *, source_repo: str, registry: str) -> str:
    """Return invoke.yaml with every field there is: those that a new project decides, and the others commented out."""
    return f"""\
# The lane of this repository. Every name in a cluster, a registry or a branch follows from project, lane and site:
# `invoke lane.show` lists them. What is commented out shows its default, or an example where it has none; an unknown
# field is an error. Environment variables win: ENVID_REGISTRY, ENVID_MIRROR_READ_URL, ENVID_MIRROR_WRITE_URL,
# ENVID_ORIGIN_URL, BUILDKIT_HOST, ENVID_CA_BUNDLE; and so does what `invoke local.up` started.
envid:
  project: {lane.project}
  # the source branch, and the version in every name
  lane: {lane.version}
  # the cluster's name in the runtime path and in Argo CD's Application
  site: {lane.site}
  # the source repository's path on its host and on the mirror
  repository: {lane.repository}
  # the source repository; every imageRef.repoUrl in deploy.json must be it
  sourceRepo: {source_repo}
  # host and port of the registry, as the nodes and BuildKit reach it
  registry: {registry}

  # where the catalog is read and promotions are pushed
  # mirrorReadUrl: {lane.mirror_read_url}
  # mirrorWriteUrl: {lane.mirror_write_url}

  # a buildkitd that runs already; with buildkitTls for a tcp:// one
  # buildkitHost: tcp://buildkit.example:1234
  # buildkitTls:
  #   ca: tls/ca.pem
  #   cert: tls/cert.pem
  #   key: tls/key.pem
  # BuildKit's cache, imported and exported
  # cacheFrom: type=registry,ref={registry}/{lane.project}/cache
  # cacheTo: type=registry,ref={registry}/{lane.project}/cache,mode=max

  # certificates that builds trust beside the public ones: a secret mount, never in a layer
  # caBundle: /etc/ssl/certs/ca-certificates.crt
  # hosts to speak to in plain HTTP, as loopback hosts always are
  # insecureRegistries: [registry.lan:5000]
  # the hosts of token realms that may get a registry's login
  # trustedRealms: {{registry.example: [auth.example]}}
  # the path below which a registry serves its API
  # registryPathPrefixes: {{registry.example: /oci}}

  # SSH keys that sign promotions, and the file of those who may
  # signing:
  #   key: ~/.ssh/id_ed25519
  #   allowedSigners: .github/allowed_signers

  # how the lane stands in its cluster
  cluster:
    # what steps reach the outside through, null for nothing; and the hosts that are reached directly
    proxy: null
    noProxy: []
    # serviceCidr: 10.43.0.0/16
    # argocdNamespace: argocd
    # BuildKit without a privileged pod
    # rootlessBuildkit: false
    # the Secret that steps show the BuildKit of buildkitHost
    # buildkitSecret: buildkit-client
    # workspaceStorage: 4Gi
    # buildkitStorage: 20Gi
    # mirrorStorage: 5Gi
"""


def _strings(value: Any) -> list[str]:
    try:
        return [item for item in value if isinstance(item, str)]
    except TypeError:
        return []


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./-]+", path, re.ASCII) else "'" + path.replace("'", "'\\''") + "'"


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the starter does not have this line once: {old.strip()}")
    return text.replace(old, new)

"""The lane as an operator has it: a source checkout, its origin, and a cluster."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envid.adapters.git_route import route_to
from envid.adapters.kubernetes import Kubernetes
from envid.adapters.stack_record import LocalStack
from envid.local.tools import bootstrapped
from tests.support.lanes import git

__all__ = ["READ_URL", "REGISTRY", "WRITE_URL", "World", "eventually"]

REGISTRY = "127.0.0.1:5000"
"""The registry's name on the node, and in every reference."""
_TLS = {"tlscacert": "ca.pem", "tlscert": "cert.pem", "tlskey": "key.pem"}
READ_URL = "http://git-mirror-http.devops-infra.svc.cluster.local/pikasTech/agentrun.git"
WRITE_URL = "http://git-mirror-write.devops-infra.svc.cluster.local/pikasTech/agentrun.git"
NAMESPACES = ("agentrun-v01", "agentrun-v02", "agentrun-ci", "devops-infra")
_INVOKE_YAML = """envid:
  project: agentrun
  lane: v0.1
  site: g14
  repository: pikasTech/agentrun.git
  sourceRepo: git@github.com:pikasTech/agentrun.git
  registry: 127.0.0.1:5000
  cluster:
    proxy: null
    buildkitStorage: 2Gi
    mirrorStorage: 1Gi
    workspaceStorage: 1Gi
"""


def eventually(what: str, ask: Callable[[], Any], *, seconds: float = 120) -> Any:
    """Return the first answer that is true; fail with the last one when ``seconds`` are over."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"{what} did not come true within {seconds:.0f} s: {answer!r}"
        time.sleep(1)
    return answer


@dataclass
class World:
    """An operator's checkout of the source, and the cluster it is delivered to.

    ``stack`` is the folder of the embedded services, ``state`` that of the operator's commands.
    """

    path: Path
    cluster: Kubernetes
    services: LocalStack
    stack: Path
    state: Path
    lane: str = "v0.1"
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of an operator's commands: the lane's own names, but for BuildKit and the origin."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENVID_", "GIT_", "BUILDKIT"))}
        own = {
            "ENVID_STATE": str(self.state),
            "ENVID_ORIGIN_URL": self.services.origin_url,
            "BUILDKIT_HOST": self.services.buildkit_host,
            "ENVID_CA_BUNDLE": os.environ.get("ENVID_CA_BUNDLE", ""),
        }
        return kept | own | self.extra

    def run(self, *arguments: str, expect: int | None = 0, program: str = "invoke") -> subprocess.CompletedProcess[str]:
        """Run a command of the project in the checkout, and compare its exit code."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        if expect is not None:
            assert done.returncode == expect, f"{program} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run a command with ``--json`` and return the document."""
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def git(self, *arguments: str) -> str:
        """Run git in the checkout."""
        return git(self.path, *arguments)

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """Write ``files``, commit everything, push it as a developer does, and return the commit."""
        for name, content in (files or {}).items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("push", "--quiet", self.services.origin_url, f"HEAD:refs/heads/{self.lane}")
        self.git("fetch", "--quiet", "origin")
        return self.git("rev-parse", "HEAD")

    def prepare(self) -> None:
        """Make the source branch of this checkout, with the images that the lane needs in this registry."""
        self.git("checkout", "--quiet", "-B", "v0.1")
        self.git("remote", "set-url", "origin", self.services.origin_url)
        (self.path / "invoke.yaml").write_text(_INVOKE_YAML)
        self.run("base.build", "--pin")
        self.commit("Pin the base image in this cluster's registry")
        self.run("imageref.pin")
        self.commit("Point imageRef at the Containerfile")
        self.run("image.build", "buildkit", "--pin")
        # the toolbox takes buildctl out of what is pinned
        self.commit("Pin BuildKit")
        for name in ("git-mirror", "postgres", "toolbox"):
            self.run("image.build", name, "--pin")
        self.commit("Pin the lane's own images")

    def rewrite_origin(self, branch: str, commit: str) -> None:
        """Set a branch of GitHub's stand-in, past everyone and everything that it refuses."""
        self.git("push", "--quiet", self.services.origin_url, f"{commit}:refs/heads/rewritten")
        bare = self.stack / "local/git/origin/pikasTech/agentrun.git"
        git(bare, "update-ref", f"refs/heads/{branch}", commit)
        git(bare, "update-ref", "-d", "refs/heads/rewritten")

    def gitops(self, *arguments: str) -> str:
        """Run git on what the mirror in the cluster has of the GitOps branch, as FETCH_HEAD."""
        fetched = self.mirror_git(READ_URL, "fetch", "--quiet", "<url>", f"{self.lane}-gitops")
        assert fetched.returncode == 0, fetched.stderr
        return self.git(*arguments)

    def mirror_git(self, url: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run git with the way to a URL of the mirror, which ``<url>`` stands for."""
        route = route_to(url)
        return subprocess.run(
            ["git", *(route.url if argument == "<url>" else argument for argument in arguments)],
            cwd=folder or self.path,
            env=os.environ | dict(route.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def next_lane(self, lane: str) -> World:
        """Make a checkout of a further lane of the project, with what it needs in the cluster."""
        path = self.path.parent / lane
        git(self.path.parent, "clone", "--quiet", str(self.path), str(path))
        made = replace(self, path=path, lane=lane, state=self.path.parent / f"state-{lane}")
        made.git("remote", "set-url", "origin", self.services.origin_url)
        made.git("checkout", "--quiet", "-b", lane)
        made.run("lane.new", lane)
        made.commit(f"Begin lane {lane}")
        made.git("branch", "--quiet", f"--set-upstream-to=origin/{lane}")
        made.apply()
        made.run("git-mirror.sync")
        return made

    def apply(self) -> None:
        """Put the lane into the cluster."""
        bundle = self.environment["ENVID_CA_BUNDLE"]
        self.run("lane.apply", *(["--ca-bundle", bundle] if bundle else []))

    def builds(self) -> int:
        """Count the builds that the cluster's BuildKit knows of."""
        secret = self.cluster.get("Secret", "agentrun-buildkitd-client-tls", "agentrun-ci")
        [node] = self.cluster.list("Node")
        assert secret is not None
        address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        with tempfile.TemporaryDirectory() as folder:
            for name, value in secret["data"].items():
                (Path(folder) / name).write_bytes(base64.b64decode(value))
            flags = [f"--{flag}={folder}/{file}" for flag, file in _TLS.items()]
            asked = ["debug", "histories", "--format", "{{json .}}"]
            done = subprocess.run(
                [bootstrapped("buildctl"), f"--addr=tcp://{address}:1234", "--tlsservername=localhost", *flags, *asked],
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return sum(bool(line.strip()) for line in done.stdout.splitlines())

    def clear(self) -> None:
        """Take everything of the lanes out of the cluster."""
        for kind in ("Application", "AppProject"):
            for item in self.cluster.list(kind, "argocd", {"app.kubernetes.io/part-of": "agentrun"}):
                self.cluster.delete(kind, item["metadata"]["name"], "argocd")
        for name in NAMESPACES:
            self.cluster.delete("Namespace", name)
        eventually(
            "the lanes' namespaces are gone",
            lambda: not any(self.cluster.get("Namespace", name) for name in NAMESPACES),
            seconds=180,
        )

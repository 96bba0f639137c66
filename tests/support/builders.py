"""Makes what tests need: a lane, a deploy.json, an environment's inputs, catalog entries, and real git repositories."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from envid.core.attestation import AttestedImage
from envid.core.bunlock import read_lock
from envid.core.catalog import (
    Attestations,
    Builder,
    CatalogEntry,
    Invocation,
    Provenance,
    ResolvedDependency,
    record_inputs,
)
from envid.core.deploy import ImageRef
from envid.core.identity import SCHEME, InputKind, env_identity, file_input, value_input
from envid.core.lane import Lane, parse_lane
from envid.core.packages import parse_lock
from envid.core.plan import Wanted
from envid.core.publication import entry_for
from envid.core.sbom import Locks
from envid.core.values import CommitId, Digest, RepoPath
from envid.usecases.attest import attest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from envid.core.identity import EnvInput

__all__ = [
    "BASE",
    "CONTAINERFILE",
    "LANE",
    "PROVENANCE",
    "REGISTRY",
    "SOURCE_REPO",
    "SourceRepo",
    "attestations_of",
    "commit_id",
    "deploy_json",
    "digest",
    "entry_of",
    "git",
    "git_environment",
    "wanted_of",
]

REGISTRY: Final = "127.0.0.1:5000"
SOURCE_REPO: Final = "git@github.com:pikasTech/agentrun.git"
LANE: Final[Lane] = parse_lane(project="agentrun", version="v0.1", site="g14", repository="pikasTech/agentrun.git")
BASE: Final = "127.0.0.1:5000/agentrun/bun-base@sha256:" + "b" * 64
CONTAINERFILE: Final = f"""\
FROM {BASE}
COPY package.json bun.lock /opt/env/
COPY tsconfig.json /opt/env/tsconfig.json
COPY deploy/runtime/boot/*.sh /opt/boot/
"""
_FIXED_DATE: Final = "2026-01-02T03:04:05Z"


def commit_id(seed: int) -> CommitId:
    """Return a well-formed commit id that only tests know."""
    return CommitId(f"{seed:040x}")


def digest(seed: int) -> Digest:
    """Return a well-formed digest that only tests know."""
    return Digest(f"sha256:{seed:064x}")


IMAGE_REF: Final = ImageRef(
    kind="env-image-dockerfile",
    repo_url=SOURCE_REPO,
    commit_id=commit_id(0xC0),
    dockerfile_path=RepoPath("Containerfile"),
)
LOCKS: Final = Locks(
    system=parse_lock(
        b"format packages-lock/1\narchitecture amd64\nbase libc6 2.36-9 amd64 -\n"
        b"install git 1:2.39.5-0 amd64 " + b"a" * 64 + b"\n",
        where="packages.lock",
    ),
    npm=read_lock(
        b'{"lockfileVersion": 1, "workspaces": {"": {"dependencies": {"zod": "4.6.6"}}},'
        b' "packages": {"zod": ["zod@4.6.6", "", {}, ""]}}'
    ),
)
PROVENANCE: Final = Provenance(
    build_type="https://agentrun.dev/envid/build/v1",
    builder=Builder(id="https://agentrun.dev/envid", version={"envid": "0"}),
    invocation=Invocation(id="run-1", parameters={"platform": "linux/amd64"}),
    resolved_dependencies=(ResolvedDependency(uri="git+x", digest={"gitCommit": "c" * 40}),),
    started_on="2026-01-01T00:00:00Z",
    finished_on="2026-01-01T00:00:09Z",
)


def inputs_of(lock: bytes = b"{}\n") -> tuple[EnvInput, ...]:
    """Return the inputs of an environment whose bun.lock is ``lock``."""
    return (
        value_input(InputKind.PLATFORM, "platform", "linux/amd64"),
        value_input(InputKind.IMAGE_REF, "imageRef.repoUrl", IMAGE_REF.repo_url),
        value_input(InputKind.BASE_IMAGE, "baseImage[0]", BASE),
        file_input(InputKind.FILE, "bun.lock", "100644", lock),
        file_input(InputKind.FILE, "deploy/runtime/boot/agentrun-boot.sh", "100755", b"#!/bin/sh\n"),
        file_input(InputKind.FILE, "package.json", "100644", b"{}\n"),
    )


def wanted_of(service: str = "agentrun-mgr", lock: bytes = b"{}\n", lane: Lane = LANE) -> Wanted:
    """Return the environment that ``service`` needs, as a plan would compute it."""
    inputs = inputs_of(lock)
    identity = env_identity(inputs)
    return Wanted(
        service_id=service,
        identity=identity,
        inputs=inputs,
        image_ref=IMAGE_REF,
        image=lane.env_image(REGISTRY, service, identity),
    )


def entry_of(
    wanted: Wanted, *, image: Digest, commit: CommitId, lane: Lane = LANE, provenance: Provenance = PROVENANCE
) -> CatalogEntry:
    """Return the honest catalog entry of ``wanted``, built as ``image`` from ``commit``."""
    references, _ = _attested(wanted, image, lane, provenance)
    return entry_for(wanted, lane, commit, digest=image, provenance=provenance, attestations=references, status="built")


def attestations_of(*entries: CatalogEntry, lane: Lane = LANE) -> dict[str, str]:
    """Return the files that vouch for ``entries``, as publish hands them to promote: path to text."""
    files: dict[str, str] = {}
    for entry in entries:
        files |= attest(AttestedImage.of(entry), lane, entry.service_id, LOCKS, buildkit_record=None)[1]
    return files


def _attested(wanted: Wanted, image: Digest, lane: Lane, provenance: Provenance) -> tuple[Attestations, dict[str, str]]:
    about = AttestedImage(
        image=str(wanted.image),
        digest=image,
        identity=wanted.identity,
        image_ref=wanted.image_ref,
        toolchain=record_inputs(SCHEME, wanted.inputs),
        provenance=provenance,
    )
    return attest(about, lane, wanted.service_id, LOCKS, buildkit_record=None)


def deploy_json(**service: Any) -> dict[str, Any]:
    """Return a deploy.json of one service as data; ``service`` replaces fields of it."""
    return {
        "schemaVersion": "agentrun.deploy/1",
        "services": [
            {
                "id": "agentrun-mgr",
                "kind": "manager",
                "imageRef": {
                    "kind": "env-image-dockerfile",
                    "repoUrl": SOURCE_REPO,
                    "commitId": "0" * 40,
                    "dockerfilePath": "Containerfile",
                },
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"cpu": "1", "memory": "512Mi"},
                },
                **service,
            }
        ],
    }


def git_environment(**more: str) -> dict[str, str]:
    """Return an environment in which no configuration of this machine or of a caller reaches git."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    names = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in _SOMEONE.items()}
    return kept | names | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"} | more


_SOMEONE: Final = {"NAME": "A Tester", "EMAIL": "tester@example.org", "DATE": _FIXED_DATE}


def git(folder: Path, *arguments: str, stdin: bytes = b"", **environment: str) -> str:
    """Run git in ``folder`` and return what it printed; a failure fails the test with git's own words."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=stdin,
        env=git_environment(**environment),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode("utf-8", "surrogateescape").strip()


@dataclass(slots=True)
class SourceRepo:
    """A real source repository on the lane's branch: the files of a Bun service, and a deploy.json pinned to them."""

    root: Path
    service: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def create(cls, root: Path, **service: Any) -> SourceRepo:
        """Begin a repository; ``service`` replaces fields of its deploy.json's one service."""
        root.mkdir(parents=True)
        git(root, "init", "--quiet", "--initial-branch=v0.1")
        repo = cls(root, dict(service))
        repo.write("Containerfile", CONTAINERFILE)
        repo.write("package.json", '{"name": "x", "dependencies": {}}\n')
        repo.write("bun.lock", '{"lockfileVersion": 1}\n')
        repo.write("tsconfig.json", "{}\n")
        repo.write("deploy/runtime/boot/agentrun-boot.sh", "#!/bin/sh\nexec true\n", mode=0o755)
        repo.write("src/main.ts", "export {};\n")
        repo.write("README.md", "A service.\n")
        repo.write("invoke.yaml", "envid:\n  project: agentrun\n")
        repo.write(".gitignore", "/.envid/\n")
        repo.commit("Begin")
        repo.pin()
        return repo

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file of the work tree."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def commit(self, message: str = "Change", *, only: Sequence[str] = ()) -> CommitId:
        """Commit the work tree (or the paths ``only``) and return the commit."""
        git(self.root, "add", "--all", *(["--", *only] if only else []))
        git(self.root, "commit", "--quiet", "--allow-empty", "--message", message)
        return self.head

    def pin(self, **service: Any) -> CommitId:
        """Write deploy.json with ``imageRef.commitId`` at HEAD, commit it, and return that commit."""
        self.service.update(service)
        document = deploy_json(**self.service)
        document["services"][0]["imageRef"] = self.image_ref(commitId=self.head) | self.service.get("imageRef", {})
        self.write("deploy/deploy.json", json.dumps(document, indent=2) + "\n")
        return self.commit("Pin the Containerfile")

    @staticmethod
    def image_ref(**fields: str) -> dict[str, str]:
        """Return an imageRef as data."""
        return {**deploy_json()["services"][0]["imageRef"], **fields}

    @property
    def head(self) -> CommitId:
        """HEAD's commit."""
        return CommitId(git(self.root, "rev-parse", "HEAD"))

    def snapshot(self) -> Mapping[str, object]:
        """Return all that a command which only looks must leave alone: every file with content, mode and time."""
        seen: dict[str, object] = {}
        for path in sorted(self.root.rglob("*")):
            facts = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            seen[str(path.relative_to(self.root))] = (facts.st_mode, facts.st_mtime_ns, content)
        return seen

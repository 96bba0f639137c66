"""Wires commands to adapters: the workspace, the object database, the registry, the GitOps branch and the mirror.

Imports stand inside the functions: a command pays for what it uses, and no more.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envid.cli import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envid.adapters.buildkit import BuildKit, BuildRequest, BuiltImage
    from envid.adapters.git import CommitRecord, GitObjects
    from envid.adapters.gitops import GitOpsBranch
    from envid.adapters.inner_build import InnerBuild
    from envid.adapters.registry import Registry
    from envid.adapters.settings import Settings, Workspace
    from envid.core.publication import Publication
    from envid.usecases.environment import InputReader
    from envid.usecases.mirror import Mirror
    from envid.usecases.promote import Promoted, PromotionTools

    Section = Mapping[str, Any] | None

__all__ = [
    "DeferredBuilder",
    "commit_record",
    "find_publication",
    "find_workspace",
    "open_buildkit",
    "open_gitops",
    "open_inner_build",
    "open_mirror",
    "open_objects",
    "open_registry",
    "open_source",
    "patterns",
    "promotion_output",
    "promotion_tools",
    "publication_path",
    "runtime_mirror",
    "tool_folders",
]


def find_workspace(section: Section) -> Workspace:
    """Return the workspace around the current folder."""
    from envid.adapters.git import find_root
    from envid.adapters.settings import open_workspace

    return open_workspace(find_root(Path.cwd()), section)


@contextmanager
def open_objects(repo: str, extra_environment: Mapping[str, str] | None = None) -> Iterator[tuple[Path, InputReader]]:
    """Open the object database of ``repo`` (default: the repository around the current folder)."""
    from envid.adapters.git import GitObjects, find_root
    from envid.usecases.environment import InputReader

    root = find_root(Path(repo) if repo else Path.cwd())
    with GitObjects(root, extra_environment) as objects:
        yield root, InputReader(objects)


def commit_record(objects: GitObjects, commit: str) -> CommitRecord:
    """Return the commit of a full id, or of HEAD when ``commit`` is empty."""
    from envid.core.values import CommitId

    return objects.commit(CommitId(commit) if commit else objects.resolve("HEAD"))


@contextmanager
def open_source(workspace: Workspace, commit: str, *, dirty: bool) -> Iterator[tuple[CommitRecord, InputReader]]:
    """Open the commit to work on: a full id, HEAD, or the uncommitted work tree."""
    from envid.errors import InputError

    if not dirty:
        with open_objects(str(workspace.root)) as (_, reader):
            yield commit_record(reader.objects, commit), reader
        return
    if commit:
        raise InputError("--dirty and --commit exclude each other", remedy="leave one out")
    from envid.adapters.worktree import dirty_commit

    with (
        dirty_commit(workspace.root) as (temporary, environment),
        open_objects(str(workspace.root), environment) as (_, reader),
    ):
        yield reader.objects.commit(temporary), reader


@contextmanager
def open_registry(settings: Settings | None) -> Iterator[Registry]:
    """Open the registry client; None stands for settings that say nothing of registries."""
    from envid.adapters.registry import Registry

    if settings is None:
        with Registry() as registry:
            yield registry
        return
    with Registry(
        insecure_hosts=frozenset(settings.insecure_registries),
        path_prefixes=settings.registry_path_prefixes,
        trusted_realms={host: frozenset(realms) for host, realms in settings.trusted_realms.items()},
    ) as registry:
        yield registry


def open_buildkit(workspace: Workspace) -> BuildKit:
    """Return the BuildKit that builds env images."""
    from envid.adapters.buildkit import BuildKit

    return BuildKit(
        workspace.endpoints.buildkit_host,
        tls=workspace.endpoints.buildkit_tls,
        tools=tool_folders(),
        insecure_hosts=workspace.settings.insecure_registries,
    )


class DeferredBuilder:
    """The BuildKit that builds env images, looked for when something is to be built: a reuse never contacts it (R7)."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened: BuildKit | None = None

    def build(self, request: BuildRequest, progress: Callable[[str], None]) -> BuiltImage:
        """Build and push; see ``BuildKit.build``."""
        return self._builder.build(request, progress)

    def versions(self) -> dict[str, str]:
        """Return the builder's versions; see ``BuildKit.versions``."""
        return self._builder.versions()

    @property
    def _builder(self) -> BuildKit:
        if self._opened is None:
            self._opened = open_buildkit(self._workspace)
        return self._opened


def open_inner_build(workspace: Workspace) -> InnerBuild:
    """Return the BuildKit of this project's own builds."""
    from envid.adapters.inner_build import InnerBuild
    from envid.adapters.process import find_tool

    return InnerBuild(
        buildctl=find_tool("buildctl", extra_path=tool_folders()),
        host=workspace.endpoints.buildkit_host,
        tls=workspace.endpoints.buildkit_tls,
    )


def open_gitops(workspace: Workspace) -> GitOpsBranch:
    """Return the lane's GitOps branch behind the mirror."""
    from envid.adapters.gitops import GitOpsBranch

    return GitOpsBranch(
        workspace.state / "git",
        branch=workspace.lane.gitops_branch,
        read_url=workspace.endpoints.mirror_read_url,
        write_url=workspace.endpoints.mirror_write_url,
        signing_key=workspace.endpoints.signing_key,
    )


def promotion_tools(workspace: Workspace) -> PromotionTools:
    """Return what a promotion works with, on the real clock."""
    from envid.usecases.promote import PromotionTools

    return PromotionTools(lane=workspace.lane, gitops=open_gitops(workspace), clock=time.time, sleep=time.sleep)


def open_mirror(workspace: Workspace) -> Mirror:
    """Return the lane's mirror."""
    from envid.usecases.mirror import Mirror

    return Mirror(
        workspace.state,
        workspace.lane,
        read_url=workspace.endpoints.mirror_read_url,
        write_url=workspace.endpoints.mirror_write_url,
        origin_url=workspace.endpoints.origin_url,
        clock=time.time,
        sync_header=lambda: _mirror_header(workspace.endpoints.mirror_write_url),
    )


def _mirror_header(write_url: str) -> str | None:
    """Return what a mirror in the cluster wants to see before a source branch moves, read from its Secret."""
    from envid.adapters.git_route import is_in_cluster

    if not is_in_cluster(write_url):
        return None
    import base64

    from envid.adapters.kubernetes import open_cluster
    from envid.core.lane import INFRA_NAMESPACE, MIRROR_TOKEN_SECRET

    with open_cluster() as cluster:
        secret = cluster.get("Secret", MIRROR_TOKEN_SECRET, INFRA_NAMESPACE)
    # a mirror that somebody else set up has no such Secret, and doors of its own
    token = base64.b64decode(secret["data"]["token"]).decode() if secret else ""
    return f"X-Git-Mirror-Token: {token}" if token else None


def runtime_mirror(workspace: Workspace) -> str:
    """Return what a pod fetches from: the lane's own mirror, whatever this machine uses."""
    return workspace.settings.mirror_read_url or workspace.lane.mirror_read_url


def publication_path(workspace: Workspace, commit: str) -> Path:
    """Return where ``publish`` keeps a commit's result for ``promote``."""
    return workspace.state / "publications" / workspace.lane.name / f"{commit}.json"


def find_publication(workspace: Workspace, commit: str, named: str = "") -> Publication | None:
    """Return the publication of ``commit``: the file ``named``, or the commit's own; None where there is none."""
    from envid.adapters.files import read_bounded
    from envid.core.jsontext import MAX_JSON_BYTES
    from envid.core.publication import parse_publication
    from envid.errors import Fault, InputError

    path = Path(named) if named else publication_path(workspace, commit)
    if not named and not path.is_file():
        return None
    publication = parse_publication(read_bounded(path, limit=MAX_JSON_BYTES, hint="invoke publish"), where=str(path))
    if publication.commit != commit:
        fault = Fault(f"{path}: $.commit", f"it is {publication.commit}, the commit to promote is {commit}")
        raise InputError("the publication is another commit's", faults=[fault], remedy=f"--commit {publication.commit}")
    return publication


def tool_folders() -> list[Path]:
    """Return the folders in which bootstrapped programs are."""
    from envid.local.tools import tool_folders

    return tool_folders()


def patterns(inputs: Sequence[str]) -> tuple[str, ...]:
    """Check further inputs given on the command line."""
    from envid.core.values import RepoPath

    return tuple(RepoPath(text) for text in inputs)


def promotion_output(done: Promoted, workspace: Workspace) -> Output:
    """Return what a promotion has to say."""
    data = {
        "schemaVersion": "agentrun.promotion/1",
        "branch": workspace.lane.gitops_branch,
        "commit": done.commit,
        "changed": list(done.changed),
        "tries": done.tries,
    }
    if not done.changed:
        return Output(data=data, lines=[f"{workspace.lane.gitops_branch} {done.commit} has all of it already"])
    return Output(data=data, lines=[*(f"  {path}" for path in done.changed), f"promoted {done.commit}"])

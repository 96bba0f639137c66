"""Every name of a version lane, derived from the project's name and the lane's version, and typed nowhere else (R1)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from envid.core.values import CommitId, EnvIdentity, ImageReference, RepoPath
from envid.errors import InputError

__all__ = [
    "INFRA_NAMESPACE",
    "MIRROR_READ_SERVICE",
    "MIRROR_TOKEN_SECRET",
    "MIRROR_WRITE_SERVICE",
    "Lane",
    "parse_lane",
]

INFRA_NAMESPACE: Final = "devops-infra"
"""Where the git mirror runs, for every lane and project of a cluster."""
MIRROR_READ_SERVICE: Final = "git-mirror-http"
MIRROR_WRITE_SERVICE: Final = "git-mirror-write"
MIRROR_TOKEN_SECRET: Final = "git-mirror-sync"  # noqa: S105 - a Secret's name
"""The Secret in the mirror's namespace with what ``git-mirror.sync`` shows the write door."""

# one digit before the dot: v1.11 and v11.1 would both be v111 in every name
_VERSION: Final = re.compile(r"v[0-9]\.(?:0|[1-9][0-9]{0,3})")
_PROJECT: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")


class Lane(NamedTuple):
    """One version line of one project.

    ``version`` is as ``v0.1``; ``site`` is the cluster's name in paths, as ``g14``; ``repository`` is the source
    repository's path on its host and on the mirror, as ``pikasTech/agentrun.git``.
    """

    project: str
    version: str
    site: str
    repository: str

    @property
    def key(self) -> str:
        """The version as names may carry it: ``v01``."""
        return self.version.replace(".", "")

    @property
    def name(self) -> str:
        """The runtime namespace and the AppProject: ``agentrun-v01``."""
        return f"{self.project}-{self.key}"

    @property
    def source_branch(self) -> str:
        """The human branch, which this project never writes: ``v0.1``."""
        return self.version

    @property
    def gitops_branch(self) -> str:
        """The machine branch: ``v0.1-gitops``."""
        return f"{self.version}-gitops"

    @property
    def catalog_path(self) -> RepoPath:
        """The artifact catalog on the GitOps branch."""
        return RepoPath(f"deploy/artifact-catalog.{self.key}.json")

    @property
    def runtime_path(self) -> RepoPath:
        """The folder on the GitOps branch that Argo CD delivers."""
        return RepoPath(f"deploy/gitops/{self.site}/runtime-{self.key}")

    @property
    def ci_namespace(self) -> str:
        """Where Tekton runs: ``agentrun-ci``."""
        return f"{self.project}-ci"

    @property
    def pipeline(self) -> str:
        """The Tekton Pipeline."""
        return f"{self.name}-ci-image-publish"

    @property
    def runner_account(self) -> str:
        """The ServiceAccount of the Pipeline's runs."""
        return f"{self.name}-tekton-runner"

    @property
    def database(self) -> str:
        """The Postgres database: ``agentrun_v01``."""
        return f"{self.project.replace('-', '_')}_{self.key}"

    @property
    def application(self) -> str:
        """The Argo CD Application: ``agentrun-g14-v01``."""
        return f"{self.project}-{self.site}-{self.key}"

    @property
    def mirror_cache(self) -> str:
        """The mirror's bare repository: ``devops-infra:/cache/pikasTech/agentrun.git``."""
        return f"{INFRA_NAMESPACE}:/cache/{self.repository}"

    @property
    def buildkit(self) -> str:
        """BuildKit's Deployment and Service in the CI namespace, which a project's lanes share."""
        return f"{self.project}-buildkitd"

    @property
    def buildkit_port(self) -> int:
        """BuildKit's port, on the node too."""
        return 1234

    @property
    def buildkit_server_secret(self) -> str:
        """The Secret with BuildKit's certificate."""
        return f"{self.buildkit}-tls"

    @property
    def buildkit_client_secret(self) -> str:
        """The Secret with the certificate that steps show BuildKit."""
        return f"{self.buildkit}-client-tls"

    @property
    def ca_bundle(self) -> str:
        """The ConfigMap with the lane's bundle of certificates."""
        return f"{self.name}-ca-bundle"

    @property
    def mirror_read_url(self) -> str:
        """The in-cluster URL that sources and the catalog are read from."""
        return f"http://{MIRROR_READ_SERVICE}.{INFRA_NAMESPACE}.svc.cluster.local/{self.repository}"

    @property
    def mirror_write_url(self) -> str:
        """The in-cluster URL that promotions are pushed to."""
        return f"http://{MIRROR_WRITE_SERVICE}.{INFRA_NAMESPACE}.svc.cluster.local/{self.repository}"

    def pipeline_run(self, commit: CommitId) -> str:
        """Return the PipelineRun's name for ``commit``."""
        return f"{self.name}-ci-{commit.short}"

    def task(self, name: str) -> str:
        """Return the name of one of the Pipeline's Tasks: ``agentrun-v01-plan-artifacts``."""
        return f"{self.name}-{name}"

    def provider_secret(self, profile: str) -> str:
        """Return the name of the Secret with a provider profile's files: ``agentrun-v01-provider-codex``."""
        return f"{self.name}-provider-{profile}"

    def env_repository(self, registry: str, service: str) -> ImageReference:
        """Return the repository of a service's env images, without tag or digest."""
        return ImageReference.parse(f"{registry}/{self.project}/{service}-env")

    def env_image(self, registry: str, service: str, identity: EnvIdentity) -> ImageReference:
        """Return the env image's reference by its tag, the envIdentity."""
        return ImageReference.parse(f"{self.env_repository(registry, service)}:{identity}")


def parse_lane(*, project: str, version: str, site: str, repository: str) -> Lane:
    """Check the four words that every name is made of.

    Raises:
        InputError: one of them would make names that git, Kubernetes or a registry refuses.

    """
    if not _PROJECT.fullmatch(project):
        raise InputError(f"{project!r} is not a project name", cause="lower case, digits and -, at most 32 characters")
    if not _VERSION.fullmatch(version):
        raise InputError(f"{version!r} is not a lane", cause="a lane is written as v0.1, with one digit before the dot")
    if not _PROJECT.fullmatch(site):
        raise InputError(f"{site!r} is not a site name", cause="lower case, digits and -, at most 32 characters")
    RepoPath(repository)
    return Lane(project=project, version=version, site=site, repository=repository)

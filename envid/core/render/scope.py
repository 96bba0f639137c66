"""What every object of the runtime says of itself: name, namespace, labels, and where it comes from (R8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lightkube.models import meta_v1

if TYPE_CHECKING:
    from envid.core.deploy import Deploy
    from envid.core.lane import Lane
    from envid.core.values import CommitId, EnvIdentity

__all__ = ["ENV_IDENTITY", "Scope", "identity_annotation", "lint_annotation"]

ENV_IDENTITY: Final = "agentrun.dev/env-identity"
"""The annotation with the envIdentity: a label's value ends at 63 characters, and an envIdentity has 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is rendered: a lane's deploy.json at a source commit; ``mirror_read_url`` is what pods fetch from."""

    lane: Lane
    deploy: Deploy
    mirror_read_url: str
    commit: CommitId

    def selector(self, name: str) -> dict[str, str]:
        """Return the labels that select the pods of ``name``; they never change."""
        return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": self.lane.name}

    def fixed_labels(self, name: str, component: str) -> dict[str, str]:
        """Return the labels that stay the same from commit to commit."""
        return {
            **self.selector(name),
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/part-of": self.lane.project,
            "app.kubernetes.io/managed-by": "envid",
            "agentrun.dev/lane": self.lane.version,
        }

    def labels(self, name: str, component: str) -> dict[str, str]:
        """Return all labels, with the source commit."""
        # a plain string: the models know no other
        return {**self.fixed_labels(name, component), "agentrun.dev/source-commit": str(self.commit)}

    def metadata(
        self, name: str, component: str, *, owner: str = "", annotations: dict[str, str] | None = None
    ) -> meta_v1.ObjectMeta:
        """Return an object's metadata; ``owner`` is the service it belongs to, where its name is another."""
        return meta_v1.ObjectMeta(
            name=name,
            namespace=self.lane.name,
            labels=self.labels(owner or name, component),
            annotations=annotations or None,
        )


def lint_annotation(*ignored: str) -> dict[str, str]:
    """Return the annotation by which kube-score leaves out checks that are argued away in this package."""
    return {"kube-score/ignore": ",".join(ignored)}


def identity_annotation(identity: EnvIdentity) -> dict[str, str]:
    """Return the annotation that names an env image's identity."""
    return {ENV_IDENTITY: str(identity)}

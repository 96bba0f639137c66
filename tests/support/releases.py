"""Releases of a lane in a cluster, as an operator sees them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from envid.adapters.kubernetes import Kubernetes
from tests.support.world import World, eventually

__all__ = ["Release", "Say", "health", "release", "serving"]

Say: TypeAlias = Callable[[str], None]
MANAGER = "agentrun-mgr"


@dataclass(frozen=True)
class Release:
    """One release as an operator saw it; ``seconds`` is the time from the trigger until the new pod answered."""

    commit: str
    run: dict[str, Any]
    seconds: float

    @property
    def results(self) -> dict[str, str]:
        """The PipelineRun's results."""
        results: dict[str, str] = self.run["results"]
        return results


def health(cluster: Kubernetes, namespace: str = "agentrun-v01") -> dict[str, Any]:
    """Return what the manager says of itself, or nothing while it does not answer."""
    reply = cluster.service_get(namespace, MANAGER, 8080, "/health")
    document: dict[str, Any] = json.loads(reply.body) if reply.status == 200 else {}
    return document


def serving(world: World, commit: str) -> None:
    """Wait until the manager serves ``commit``, and every layer says so."""
    namespace = f"agentrun-{world.lane.replace('.', '')}"
    eventually(
        "the manager serves the commit", lambda: health(world.cluster, namespace).get("commit") == commit, seconds=180
    )
    eventually("the lane is verified", lambda: world.run("verify", expect=None).returncode == 0, seconds=120)


def release(world: World) -> Release:
    """Trigger the newest commit, follow it, and wait until its manager answers."""
    begun = time.monotonic()
    run = world.json("trigger-current", "--watch")
    namespace = f"agentrun-{world.lane.replace('.', '')}"
    eventually(
        "the manager serves the commit",
        lambda: health(world.cluster, namespace).get("commit") == run["commit"],
        seconds=180,
    )
    seconds = time.monotonic() - begun
    serving(world, run["commit"])
    return Release(run["commit"], run, seconds)

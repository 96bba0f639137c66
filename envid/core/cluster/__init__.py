"""What a lane needs in its cluster before anything is delivered: CI, git mirror, BuildKit, Argo CD (R10-R12, R14)."""

from envid.core.cluster.setup import ClusterSetup
from envid.core.cluster.tekton import pipeline_run
from envid.core.cluster.whole import lane_objects

__all__ = ["ClusterSetup", "lane_objects", "pipeline_run"]

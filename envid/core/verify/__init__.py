"""Judges a lane in the spec's order of truths: facts in, one verdict per item out (R18)."""

from envid.core.verify.compare import lookup
from envid.core.verify.facts import (
    ArgoFacts,
    CommitNote,
    Facts,
    GitopsFacts,
    Object,
    ObjectKey,
    PipelineRunFacts,
    RuntimeFacts,
    SourceFacts,
    TektonFacts,
    Unasked,
    manifests_of,
)
from envid.core.verify.judge import judge_lane
from envid.core.verify.report import Item, Layer, Report
from envid.core.verify.runtime import WORKLOADS

__all__ = [
    "WORKLOADS",
    "ArgoFacts",
    "CommitNote",
    "Facts",
    "GitopsFacts",
    "Item",
    "Layer",
    "Object",
    "ObjectKey",
    "PipelineRunFacts",
    "Report",
    "RuntimeFacts",
    "SourceFacts",
    "TektonFacts",
    "Unasked",
    "judge_lane",
    "lookup",
    "manifests_of",
]

"""The whole judgement: every layer, the strongest truth first (R18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envid.core.catalog import Catalog
from envid.core.verify.argocd import argo_items
from envid.core.verify.gitops import gitops_items, read_catalog
from envid.core.verify.report import Report
from envid.core.verify.runtime import runtime_items
from envid.core.verify.source import source_items
from envid.core.verify.tekton import tekton_items

if TYPE_CHECKING:
    from envid.core.verify.facts import Facts

__all__ = ["judge_lane"]


def judge_lane(facts: Facts) -> Report:
    """Judge what was seen of a lane. Every item is judged, also after one that fails."""
    catalog = read_catalog(facts)
    entries = {e.service_id: e for e in catalog.services} if isinstance(catalog, Catalog) else catalog
    return Report(
        items=(
            *runtime_items(facts, entries),
            *argo_items(facts),
            *gitops_items(facts, catalog),
            *tekton_items(facts, catalog),
            *source_items(facts),
        )
    )

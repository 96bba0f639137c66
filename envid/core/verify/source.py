"""The source worktree: at the origin's branch, clean, and rendering to what was promoted (R18)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from envid.core.verify.facts import Unasked
from envid.core.verify.report import Item, Layer, item, unknown

if TYPE_CHECKING:
    from envid.core.lane import Lane
    from envid.core.verify.facts import Facts, SourceFacts

__all__ = ["source_items"]

_LAYER: Final = Layer.SOURCE


def source_items(facts: Facts) -> Iterator[Item]:
    """Judge the source worktree."""
    source, lane = facts.source, facts.lane
    if isinstance(source, Unasked):
        yield unknown(_LAYER, "worktree", "", source.why)
        return
    where = source.root
    yield _head(where, lane, source)
    problems = [f"{path} is changed" for path in source.dirty]
    yield item(_LAYER, "clean", where, problems, "nothing is changed")
    problems = [] if source.worktrees_ignored else [".worktree/ is not in .gitignore"]
    yield item(_LAYER, "worktrees-ignored", where, problems, ".worktree/")
    yield _delivered(where, source)
    yield _render(facts, where, source)


def _head(where: str, lane: Lane, source: SourceFacts) -> Item:
    if isinstance(source.origin, Unasked):
        return unknown(_LAYER, "head", where, source.origin.why)
    problems = []
    if source.origin is None:
        problems.append(f"the origin has no branch {lane.source_branch}")
    elif source.head != source.origin:
        problems.append(f"HEAD is {source.head.short}, the origin's {lane.source_branch} is {source.origin.short}")
    if source.branch and source.branch != lane.source_branch:
        problems.append(f"it is on {source.branch}")
    return item(_LAYER, "head", where, problems, f"{lane.source_branch} at {source.head.short}")


def _delivered(where: str, source: SourceFacts) -> Item:
    ahead = source.promoted_ahead
    if isinstance(ahead, Unasked):
        return unknown(_LAYER, "delivered", where, ahead.why)
    if ahead is None:
        return item(_LAYER, "delivered", where, ["the promoted commit is not in HEAD's history"], "")
    seen = "HEAD is promoted" if ahead == 0 else f"HEAD is ahead of the promoted commit by {ahead}"
    return item(_LAYER, "delivered", where, [], seen)


def _render(facts: Facts, where: str, source: SourceFacts) -> Item:
    if isinstance(source.rendered, Unasked):
        return unknown(_LAYER, "render", where, source.rendered.why)
    if isinstance(facts.gitops, Unasked):
        return unknown(_LAYER, "render", where, facts.gitops.why)
    promoted = facts.gitops.rendered
    if isinstance(promoted, Unasked):
        return unknown(_LAYER, "render", where, promoted.why)
    # not with the branch's files: a hand in those is the GitOps branch's own fault
    differing = sorted(p for p in promoted.keys() | source.rendered.keys() if promoted.get(p) != source.rendered.get(p))
    problems = [f"{path} is rendered otherwise from HEAD" for path in differing]
    return item(_LAYER, "render", where, problems, f"{len(promoted)} manifests, as from the promoted commit")

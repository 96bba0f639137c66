"""The verdict of ``verify``: items in the spec's order of truths, each passed, failed or unknown (R18)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from envid.core.audit import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Item", "Layer", "Report", "item", "unknown"]

_SHOWN_PROBLEMS = 5


class Layer(StrEnum):
    """The truths, the strongest first."""

    RUNTIME = "runtime"
    ARGOCD = "argocd"
    GITOPS = "gitops"
    TEKTON = "tekton"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was looked at: where, what was seen, and how that ends."""

    layer: Layer
    name: str
    where: str
    outcome: Outcome
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole acceptance report of a lane."""

    items: tuple[Item, ...]

    @property
    def outcome(self) -> Outcome:
        """How the whole ends: unknown is no pass, and a failure is worse than not knowing."""
        return _together(self.items)

    @property
    def exit_code(self) -> int:
        """0: everything holds. 1: something does not. 4: nothing failed, but something could not be asked."""
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 4}[self.outcome]

    def layers(self) -> Iterator[tuple[Layer, Outcome]]:
        """Yield every layer with its outcome, in their order; a layer of which nothing was seen is unknown."""
        for layer in Layer:
            yield layer, _together(tuple(i for i in self.items if i.layer is layer))

    def as_json(self) -> dict[str, Any]:
        """Return the machine form."""
        return {
            "schemaVersion": "agentrun.verification/1",
            "outcome": self.outcome.value,
            "layers": {layer.value: outcome.value for layer, outcome in self.layers()},
            "items": [
                {"layer": i.layer.value, "item": i.name, "where": i.where, "outcome": i.outcome.value, "seen": i.seen}
                for i in self.items
            ],
        }


def item(layer: Layer, name: str, where: str, problems: list[str], seen: str) -> Item:
    """Return an item that passes with ``seen``, or fails with its first ``problems``."""
    if not problems:
        return Item(layer=layer, name=name, where=where, outcome=Outcome.PASS, seen=seen)
    more = len(problems) - _SHOWN_PROBLEMS
    told = "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
    return Item(layer=layer, name=name, where=where, outcome=Outcome.FAIL, seen=told)


def unknown(layer: Layer, name: str, where: str, why: str) -> Item:
    """Return an item that could not be judged."""
    return Item(layer=layer, name=name, where=where, outcome=Outcome.UNKNOWN, seen=why)


def _together(items: tuple[Item, ...]) -> Outcome:
    outcomes = {i.outcome for i in items}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.UNKNOWN

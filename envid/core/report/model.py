"""The figures of a history: counted commit by commit, so that they can be checked against it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from envid.core.explain import Reach
from envid.core.report.causes import CauseKey, Group, causes_of, group_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envid.core.explain import Explanation
    from envid.core.values import CommitId, EnvIdentity

__all__ = ["BuildRecord", "CauseFigure", "Figures", "GroupFigure", "Report", "ReportRow", "Tally", "YearFigure"]

_TOP: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One commit: what history says of it, and why.

    ``decision`` is ``build``, ``reuse`` or ``blocked`` (an input is invalid, and ``error`` says why). ``explanation``
    is None where nothing that counts changed. ``date`` is ISO 8601.
    """

    commit: CommitId
    subject: str
    author: str
    date: str
    decision: str
    identity: EnvIdentity | None
    error: str | None
    explanation: Explanation | None

    @property
    def production_changed(self) -> bool | None:
        """Whether the production closure differs from the parent's; None where that can't be known."""
        return self.explanation.production_changed if self.explanation else False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """A build that the catalog's history knows. ``size`` is in bytes, None where the registry doesn't say."""

    service: str
    identity: EnvIdentity
    commit: CommitId
    digest: str
    started: str
    seconds: float
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseFigure:
    """One cause: in how many rebuilds it took part, and of how many it was the only one.

    ``production`` and ``dev_only`` count those of ``rebuilds`` in which its reach was known to be that.
    """

    key: CauseKey
    rebuilds: int
    alone: int
    production: int
    dev_only: int

    @property
    def reach(self) -> str:
        """Its reach where it always had the same, ``mixed`` where not, and nothing where it has none."""
        if self.production and self.dev_only:
            return "mixed"
        return Reach.PRODUCTION.value if self.production else Reach.DEV_ONLY.value if self.dev_only else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigure:
    """One group of causes among the rebuilds that left the production packages as they were.

    ``alone`` counts the rebuilds that had no cause of another group; ``causes`` are its most frequent ones.
    """

    group: Group
    rebuilds: int
    alone: int
    causes: tuple[tuple[CauseKey, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearFigure:
    """One year of the history."""

    year: str
    commits: int
    builds: int
    reuses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the history comes to.

    ``production``, ``unchanged`` and ``unknown`` part the builds by what they did to the production closure;
    ``dev_only`` are those of ``unchanged`` that changed nothing but development dependencies or formatting.
    ``needed`` are those of ``unchanged`` that changed the image in another way, as by its Containerfile. ``causes`` has
    the costliest first; ``groups`` says what ``unchanged`` was about.
    """

    commits: int
    builds: int
    reuses: int
    blocked: int
    identities: int
    production: int
    unchanged: int
    unknown: int
    dev_only: int
    needed: int
    longest_run: int
    causes: tuple[CauseFigure, ...]
    groups: tuple[GroupFigure, ...]
    years: tuple[YearFigure, ...]

    @property
    def reuse_rate(self) -> float:
        """The share of commits that reuse, of those that have an identity."""
        return _share(self.reuses, self.builds + self.reuses)

    @property
    def unchanged_share(self) -> float:
        """The share of rebuilds that left the production closure as it was."""
        return _share(self.unchanged, self.builds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the page shows; ``rows`` has the newest first. ``builds`` is None where no catalog could be read."""

    title: str
    revision: str
    rows: tuple[ReportRow, ...]
    figures: Figures
    builds: tuple[BuildRecord, ...] | None = None
    builds_note: str = ""


@dataclass(slots=True)
class _Blame:
    rebuilds: Counter[CauseKey] = field(default_factory=Counter)
    alone: Counter[CauseKey] = field(default_factory=Counter)
    reach: Counter[tuple[CauseKey, Reach | None]] = field(default_factory=Counter)

    def add(self, causes: dict[CauseKey, Reach | None]) -> None:
        self.rebuilds.update(causes.keys())
        self.reach.update(causes.items())
        if len(causes) == 1:
            self.alone.update(causes.keys())

    def ranked(self) -> tuple[CauseFigure, ...]:
        keys = sorted(self.rebuilds, key=lambda key: (-self.rebuilds[key], -self.alone[key], key))
        return tuple(
            CauseFigure(
                key=key,
                rebuilds=self.rebuilds[key],
                alone=self.alone[key],
                production=self.reach[key, Reach.PRODUCTION],
                dev_only=self.reach[key, Reach.DEV_ONLY],
            )
            for key in keys
        )


@dataclass(slots=True)
class _Advice:
    rebuilds: Counter[Group] = field(default_factory=Counter)
    alone: Counter[Group] = field(default_factory=Counter)
    causes: dict[Group, Counter[CauseKey]] = field(default_factory=dict)

    def add(self, causes: Iterable[CauseKey]) -> None:
        groups: dict[Group, list[CauseKey]] = {}
        for key in causes:
            groups.setdefault(group_of(key), []).append(key)
        for group, keys in groups.items():
            self.rebuilds[group] += 1
            self.causes.setdefault(group, Counter()).update(keys)
        if len(groups) == 1:
            self.alone.update(groups.keys())

    def ranked(self) -> tuple[GroupFigure, ...]:
        return tuple(
            GroupFigure(
                group=group,
                rebuilds=self.rebuilds[group],
                alone=self.alone[group],
                causes=tuple(sorted(self.causes[group].items(), key=lambda item: (-item[1], item[0])))[:_TOP],
            )
            for group in sorted(self.rebuilds, key=lambda group: (-self.rebuilds[group], group))
        )


@dataclass(slots=True)
class Tally:
    """Counts rows, newest first as history gives them."""

    _decisions: Counter[str] = field(default_factory=Counter)
    _closures: Counter[bool | None] = field(default_factory=Counter)
    _identities: set[str] = field(default_factory=set)
    _years: dict[str, Counter[str]] = field(default_factory=dict)
    _dev_only: int = 0
    _run: int = 0
    _longest: int = 0
    _all: _Blame = field(default_factory=_Blame)
    _advice: _Advice = field(default_factory=_Advice)

    def add(self, row: ReportRow) -> None:
        """Count one commit."""
        self._decisions[row.decision] += 1
        self._years.setdefault(row.date[:4], Counter())[row.decision] += 1
        if row.identity is not None:
            self._identities.add(row.identity)
        self._run = self._run + 1 if row.decision == "reuse" else 0
        self._longest = max(self._longest, self._run)
        if row.decision != "build" or row.explanation is None:
            return
        self._closures[row.production_changed] += 1
        causes = causes_of(row.explanation)
        self._all.add(causes)
        if row.production_changed is False:
            self._advice.add(causes)
            self._dev_only += row.explanation.dev_only

    def figures(self) -> Figures:
        """Return what was counted."""
        return Figures(
            commits=self._decisions.total(),
            builds=self._decisions["build"],
            reuses=self._decisions["reuse"],
            blocked=self._decisions["blocked"],
            identities=len(self._identities),
            production=self._closures[True],
            unchanged=self._closures[False],
            unknown=self._closures[None],
            dev_only=self._dev_only,
            needed=self._advice.rebuilds[Group.IMAGE],
            longest_run=self._longest,
            causes=self._all.ranked(),
            groups=self._advice.ranked(),
            years=tuple(
                YearFigure(year=year, commits=found.total(), builds=found["build"], reuses=found["reuse"])
                for year, found in sorted(self._years.items())
            ),
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

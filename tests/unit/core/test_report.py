"""The report's figures and page, from explanations made by hand."""

from __future__ import annotations

import html.parser
import json
import re
from typing import Any

import pytest

from envid.core.explain import Explanation, InputView, explain_inputs
from envid.core.report import BuildRecord, CauseKey, Group, Report, ReportRow, Tally, causes_of, group_of, render_report
from envid.core.values import CommitId, EnvIdentity


def view(name: str, content: str, kind: str = "file") -> dict[str, InputView]:
    return {name: InputView(kind=kind, name=name, mode="100644", blake3=content, content=content.encode())}


def package(before: dict[str, Any], after: dict[str, Any], name: str = "package.json") -> Explanation:
    return explain_inputs(view(name, json.dumps(before)), view(name, json.dumps(after)))


def lock(versions: dict[str, str], dev: tuple[str, ...] = ()) -> str:
    root = {
        "name": "x",
        "dependencies": {name: "*" for name in versions if name not in dev and "-deep" not in name},
        "devDependencies": dict.fromkeys(dev, "*"),
    }
    rows: dict[str, Any] = {}
    for name, version in versions.items():
        needs = {"dependencies": {f"{name}-deep": "*"}} if f"{name}-deep" in versions else {}
        rows[name] = [f"{name}@{version}", "", needs, "sha512-x"]
    return json.dumps({"lockfileVersion": 1, "workspaces": {"": root}, "packages": rows})


def names(explanation: Explanation) -> dict[str, str | None]:
    return {key.name: reach for key, reach in causes_of(explanation).items()}


def test_a_package_named_by_manifest_and_lock_is_one_cause() -> None:
    old = view("package.json", '{"dependencies": {"a": "1"}}') | view("bun.lock", lock({"a": "1.0.0"}))
    new = view("package.json", '{"dependencies": {"a": "2"}}') | view("bun.lock", lock({"a": "2.0.0"}))
    assert causes_of(explain_inputs(old, new)) == {CauseKey("package", "a"): "production"}


@pytest.mark.parametrize(
    ("before", "after", "causes"),
    [
        ({"version": "1"}, {"version": "2"}, {"package.json: version": None}),
        ({"scripts": {"a": "x"}}, {"scripts": {"b": "x"}}, {"package.json: scripts": None}),
        ({"devDependencies": {"@s/x": "1"}}, {"devDependencies": {"@s/x": "2"}}, {"@s/x": "dev-only"}),
        ({"dependencies": {"a.b": "1"}}, {"dependencies": {}}, {"a.b": "production"}),
        ({}, {"devDependencies": {"a": "1"}}, {"package.json: devDependencies": "dev-only"}),
    ],
)
def test_a_manifest_is_blamed_by_field_and_package(
    before: dict[str, Any], after: dict[str, Any], causes: dict[str, str | None]
) -> None:
    assert names(package(before, after)) == causes


def test_packages_that_only_others_need_are_one_cause() -> None:
    old, new = lock({"a": "1", "a-deep": "1"}), lock({"a": "1", "a-deep": "2"})
    told = explain_inputs(view("bun.lock", old), view("bun.lock", new))
    assert names(told) == {"bun.lock: packages that others pulled in": "production"}


@pytest.mark.parametrize(
    ("key", "group"),
    [
        (CauseKey("package", "eslint"), Group.DEVELOPMENT),
        (CauseKey("field", "package.json: version"), Group.FIELDS),
        (CauseKey("file", "bun.lock: formatting only"), Group.FORMATTING),
        (CauseKey("file", "tsconfig.json"), Group.CONFIGURATION),
        (CauseKey("file", "bun.lock: packages that others pulled in"), Group.LOCK),
        (CauseKey("file", "Dockerfile"), Group.IMAGE),
        (CauseKey("value", "baseImage[0]"), Group.IMAGE),
    ],
)
def test_every_cause_has_the_group_that_calls_for_its_answer(key: CauseKey, group: Group) -> None:
    assert group_of(key) is group


def row(number: int, decision: str, explanation: Explanation | None = None, **fields: Any) -> ReportRow:
    identity = None if decision == "blocked" else EnvIdentity(f"{fields.pop('identity', number):064x}")
    values: dict[str, Any] = {"subject": "s", "author": "a", "date": "2026-01-01T00:00:00Z", "error": None, **fields}
    return ReportRow(
        commit=CommitId(f"{number:040x}"), decision=decision, identity=identity, explanation=explanation, **values
    )


def rows() -> tuple[ReportRow, ...]:
    """Newest first: two reuses, a dev-only rebuild, a version, a Dockerfile, a production package, no identity."""
    dev = explain_inputs(view("bun.lock", lock({"d": "1"}, dev=("d",))), view("bun.lock", lock({"d": "2"}, dev=("d",))))
    production = explain_inputs(view("bun.lock", lock({"a": "1"})), view("bun.lock", lock({"a": "2"})))
    return (
        row(7, "reuse", identity=5),
        row(6, "reuse", identity=5),
        row(5, "build", dev),
        row(4, "build", package({"version": "1"}, {"version": "2"})),
        row(3, "build", explain_inputs(view("Dockerfile", "FROM a"), view("Dockerfile", "FROM b"))),
        row(2, "build", production, date="2025-12-31T00:00:00Z"),
        row(1, "blocked", error="package.json: it is a symlink", date="2025-12-30T00:00:00Z"),
    )


def report(**fields: Any) -> Report:
    tally = Tally()
    for item in rows():
        tally.add(item)
    return Report(title="x", revision="HEAD", rows=rows(), figures=tally.figures(), **fields)


def test_the_figures_count_what_the_rows_say() -> None:
    figures = report().figures
    assert (figures.commits, figures.builds, figures.reuses, figures.blocked) == (7, 4, 2, 1)
    assert (figures.identities, figures.longest_run) == (4, 2)
    assert (figures.production, figures.unchanged, figures.unknown) == (1, 3, 0)
    assert (figures.dev_only, figures.needed) == (1, 1)
    assert figures.reuse_rate == pytest.approx(2 / 6)
    assert figures.unchanged_share == pytest.approx(3 / 4)
    assert [(cause.key.name, cause.rebuilds, cause.alone, cause.reach) for cause in figures.causes] == [
        ("package.json: version", 1, 1, ""),
        ("Dockerfile", 1, 1, ""),
        ("a", 1, 1, "production"),
        ("d", 1, 1, "dev-only"),
    ]
    assert {(group.group, group.rebuilds) for group in figures.groups} == {
        (Group.DEVELOPMENT, 1),
        (Group.FIELDS, 1),
        (Group.IMAGE, 1),
    }
    assert [(year.year, year.commits, year.builds) for year in figures.years] == [("2025", 2, 1), ("2026", 5, 3)]


class Reader(html.parser.HTMLParser):
    """Collects what stands where, and faults in how tags nest."""

    VOID = frozenset({"meta", "input", "br", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self.open.append(tag)
        if any(name.startswith("on") or name == "style" for name, _ in attrs):
            self.faults.append(f"{tag} has {attrs}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another tag")


@pytest.mark.parametrize("builds", [None, (), "some"])
def test_the_page_nests_and_is_the_same_each_time(builds: Any) -> None:
    known = (
        BuildRecord(
            service="agentrun-mgr",
            identity=EnvIdentity("a" * 64),
            commit=CommitId("b" * 40),
            digest="sha256:c",
            started="2026-01-01T00:00:00Z",
            seconds=75.0,
            size=123_456_789,
        ),
    )
    made = report(builds=known if builds == "some" else builds, builds_note="the mirror is away <&>")
    page = render_report(made)
    reader = Reader(page)
    assert reader.faults == []
    assert reader.open == []
    assert page == render_report(made)
    if builds == "some":
        assert "1 min 15 s" in page
        assert "123.5 MB" in page
    else:
        assert "Size and time are unknown" in page
        assert "<&>" not in page


def test_a_page_of_nothing_is_still_a_page() -> None:
    page = render_report(Report(title="x", revision="HEAD", rows=(), figures=Tally().figures()))
    assert Reader(page).open == []
    assert 'data-figure="commits" data-value="0"' in page


def test_every_text_from_outside_is_escaped_and_holds_no_control_character() -> None:
    evil = "</script><b onclick=x>\x1b[2J\u202e\udcff&\"'"
    tally = Tally()
    change = package({evil: 1, "dependencies": {evil: "1"}}, {evil: evil, "dependencies": {evil: evil}}, name=evil)
    hostile = row(1, "build", change, subject=evil, author=evil, date=evil, error=evil)
    tally.add(hostile)
    made = Report(title=evil, revision=evil, rows=(hostile,), figures=tally.figures(), builds_note=evil)
    page = render_report(made)
    assert Reader(page).faults == []
    assert "</script>" not in page
    assert "<b " not in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)
    page.encode()

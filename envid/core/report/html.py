"""Draws a report as one HTML page without scripts: nothing is fetched, and every text from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from envid.core.explain import Reach
from envid.core.report.causes import Group
from envid.core.report.commits import commit_items, mark_of
from envid.core.report.markup import bar, esc, number, percent, short_date
from envid.core.report.style import STYLE
from envid.core.report.timeline import timeline_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envid.core.report.model import BuildRecord, CauseFigure, Figures, GroupFigure, Report

__all__ = ["render_report"]

_TOP: Final = 15
_MOST_CAUSES: Final = 300
_MOST_BUILDS: Final = 200
_ADVICE: Final = {
    Group.FIELDS: "Keep what changes often out of what is hashed: release from tags, not from a version field.",
    Group.DEVELOPMENT: "None of them is in the image. Take such updates together, once a week or once a month.",
    Group.FORMATTING: "Format once, and let a check keep it so.",
    Group.LOCK: "The lock's notes changed, the packages did not. Regenerate it with one version of Bun.",
    Group.CONFIGURATION: "Does the environment read it? What only the source needs belongs to the source.",
    Group.IMAGE: "A Containerfile, a script or a base image: such a rebuild is needed.",
}
_LEGEND: Final = (
    ("p", 22, "rebuild, production packages changed"),
    ("s", 16, "rebuild, production packages the same"),
    ("k", 12, "rebuild, production packages not known"),
    ("u", 6, "reuse"),
    ("x", 22, "no identity: an input is invalid"),
)


def render_report(report: Report) -> str:
    """Return the page. The same report always gives the same bytes."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = esc(f"Why it was rebuilt: {report.title}", 200)
    yield f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#commits">Skip to the commits</a>"""
    yield from _header(report)
    yield "<main>"
    yield from _figures(report.figures)
    if report.rows:
        yield from _timeline(report)
        yield from _advisor(report.figures)
        yield from _causes(report.figures)
        yield from _years(report.figures)
    yield from _builds(report)
    yield from _commits(report)
    yield "</main>"
    yield (
        "<footer><p>An identity is the hash of all that an environment is made of. A commit with its parent's identity "
        "reuses the image; any other is a rebuild. This page holds all it shows and asks no server for anything.</p>"
        "</footer>\n</body>\n</html>"
    )


def _header(report: Report) -> Iterator[str]:
    dates = [short_date(row.date) for row in report.rows]
    span = f", {dates[-1]} to {dates[0]}" if dates else ""
    yield (
        f'<header>\n<p class="eyebrow">environment history</p>\n<h1>{esc(report.title, 120)}</h1>\n'
        f'<p class="soft">{number(len(report.rows), "commit")} of the first-parent history of '
        f"<code>{esc(report.revision, 60)}</code>{span}</p>"
    )
    links = (("timeline", "Timeline"), ("advisor", "Advisor"), ("causes", "Causes"), ("years", "Years"))
    shown = (*(links if report.rows else ()), ("builds", "Builds"), ("commits", "Commits"))
    items = "".join(f'<li><a href="#{target}">{text}</a></li>' for target, text in shown)
    yield f'<nav aria-label="On this page"><ul>{items}</ul></nav>\n</header>'


def _figures(figures: Figures) -> Iterator[str]:
    cards = (
        ("commits", f"{figures.commits:,}", figures.commits, "commits", ""),
        ("identities", f"{figures.identities:,}", figures.identities, "distinct identities", ""),
        ("builds", f"{figures.builds:,}", figures.builds, "rebuilds", ""),
        ("reuses", f"{figures.reuses:,}", figures.reuses, "reuses", f"longest run {figures.longest_run:,}"),
        ("reuse-rate", percent(figures.reuse_rate), figures.reuse_rate, "reuse rate", ""),
        (
            "unchanged",
            percent(figures.unchanged_share),
            figures.unchanged,
            "of rebuilds changed no production package",
            f"{figures.unchanged:,} of {figures.builds:,}",
        ),
    )
    blocked = (("blocked", f"{figures.blocked:,}", figures.blocked, "without an identity", "an input is invalid"),)
    yield '<h2 class="vh" id="figures">Figures</h2>\n<dl class="figures">'
    for name, shown, value, label, note in cards + (blocked if figures.blocked else ()):
        extra = f'<dd class="note">{note}</dd>' if note else ""
        yield f'<div><dt>{label}</dt><dd data-figure="{name}" data-value="{value}">{shown}</dd>{extra}</div>'
    yield "</dl>"


def _timeline(report: Report) -> Iterator[str]:
    figures = report.figures
    told = (
        f"{number(figures.builds, 'rebuild')} and {number(figures.reuses, 'reuse')} in "
        f"{number(figures.commits, 'commit')}; the longest run of one identity has {figures.longest_run + 1:,} commits."
    )
    yield (
        '<section id="timeline" aria-labelledby="h-timeline">\n<h2 id="h-timeline">Timeline of identities</h2>\n'
        f'<figure>\n<figcaption class="soft">Oldest first, a hundred commits a row. {told} The list of commits below '
        "says the same in words.</figcaption>"
    )
    items = "".join(
        f'<li><svg viewBox="0 0 14 22" aria-hidden="true"><rect class="{mark}" x="3" y="{22 - height}" width="8" '
        f'height="{height}"/></svg>{text}</li>'
        for mark, height, text in _LEGEND
        if mark in {mark_of(row) for row in report.rows}
    )
    yield f'<ul class="legend">{items}</ul>\n<ol class="rows">'
    yield from timeline_rows(report.rows)
    yield "</ol>\n</figure>\n</section>"


def _advisor(figures: Figures) -> Iterator[str]:
    yield '<section id="advisor" aria-labelledby="h-advisor">\n<h2 id="h-advisor">Advisor</h2>'
    share = percent(figures.unchanged_share)
    yield (
        f'<p class="lead"><strong>{figures.unchanged:,} of {number(figures.builds, "rebuild")} ({share})</strong> left '
        f"the production packages as they were. {_spared(figures)}</p>"
    )
    if figures.unknown:
        yield (
            f'<p class="soft">Of {number(figures.unknown, "further rebuild")} it can\'t be known, because a '
            "<code>bun.lock</code> was missing, new or not readable.</p>"
        )
    if figures.groups:
        yield '<h3>What those rebuilds were about</h3>\n<ul class="advice">'
        yield from map(_group_item, figures.groups)
        yield "</ul>"
    yield "</section>"


def _spared(figures: Figures) -> str:
    if not figures.unchanged:
        return "There is nothing to spare."
    needed = f"{figures.needed:,} of them changed the image in another way and were needed"
    rest = figures.unchanged - figures.needed
    return (
        f"{needed}; the other {rest:,} could have been spared." if figures.needed else f"All {rest:,} could be spared."
    )


def _group_item(figure: GroupFigure) -> str:
    causes = ", ".join(
        f"{esc(key.name.removeprefix('package.json: '), 60)}\N{NO-BREAK SPACE}({count:,})"
        for key, count in figure.causes
    )
    return (
        f'<li><span class="count">{figure.rebuilds:,}</span><div><strong>{figure.group}</strong> '
        f'<span class="soft">{figure.alone:,} with nothing else</span><br>{_ADVICE[figure.group]}'
        f'<span class="small">{causes}</span></div></li>'
    )


def _causes(figures: Figures) -> Iterator[str]:
    yield '<section id="causes" aria-labelledby="h-causes">\n<h2 id="h-causes">What costs most rebuilds</h2>'
    if not figures.causes:
        yield "<p>There was no rebuild.</p>\n</section>"
        return
    most = figures.causes[0].rebuilds
    rows = [_cause_row(cause, most, figures.builds) for cause in figures.causes[:_MOST_CAUSES]]
    header = ("cause", "reach", "#rebuilds", "#~on its own", "#share", "")
    yield _table("Every package, field and file by the rebuilds it took part in", header, rows[:_TOP])
    if rest := rows[_TOP:]:
        yield f"<details><summary>{number(len(rest), 'cause')} more</summary>"
        yield _table("The other causes", header, rest)
        if (left := len(figures.causes) - _MOST_CAUSES) > 0:
            yield f'<p class="soft">and {left:,} that took part in fewer</p>'
        yield "</details>"
    yield "</section>"


def _cause_row(cause: CauseFigure, most: int, builds: int) -> str:
    mark = {Reach.PRODUCTION.value: "p", Reach.DEV_ONLY.value: "s"}.get(cause.reach, "n")
    reach = f'<span class="tag {mark}">{cause.reach}</span>' if cause.reach else ""
    return (
        f'<tr><th scope="row">{esc(cause.key.name)}</th><td>{reach}</td><td class="num">{cause.rebuilds:,}</td>'
        f'<td class="num opt">{cause.alone:,}</td><td class="num">{percent(cause.rebuilds / builds)}</td>'
        f'<td class="opt">{bar(cause.rebuilds / most, mark)}</td></tr>'
    )


def _years(figures: Figures) -> Iterator[str]:
    rows = []
    for year in figures.years:
        known = year.builds + year.reuses
        rate = year.reuses / known if known else 0.0
        rows.append(
            f'<tr><th scope="row">{esc(year.year)}</th><td class="num">{year.commits:,}</td>'
            f'<td class="num">{year.builds:,}</td><td class="num">{year.reuses:,}</td>'
            f'<td class="num">{percent(rate) if known else "none"}</td><td class="opt">{bar(rate, "u")}</td></tr>'
        )
    yield '<section id="years" aria-labelledby="h-years">\n<h2 id="h-years">Year by year</h2>'
    yield _table("Commits, rebuilds and reuses", ("year", "#commits", "#rebuilds", "#reuses", "#reuse rate", ""), rows)
    yield "</section>"


def _builds(report: Report) -> Iterator[str]:
    yield '<section id="builds" aria-labelledby="h-builds">\n<h2 id="h-builds">Builds that the catalog knows</h2>'
    if not report.builds:
        note = report.builds_note or "the catalog's history holds no build yet"
        yield f'<p data-figure="known-builds" data-value="0">Size and time are unknown: {esc(note, 600)}.</p>'
        yield "</section>"
        return
    total = sum(build.seconds for build in report.builds)
    yield (
        f'<p data-figure="known-builds" data-value="{len(report.builds)}">{number(len(report.builds), "build")} took '
        f"{_duration(total)} together.</p>"
    )
    longest = max(build.seconds for build in report.builds) or 1.0
    rows = [_build_row(build, longest) for build in report.builds[:_MOST_BUILDS]]
    header = ("identity", "service", "built", "source commit", "#size", "#time", "")
    yield _table("The newest first", header, rows)
    if (left := len(report.builds) - _MOST_BUILDS) > 0:
        yield f'<p class="soft">and {number(left, "older build")}</p>'
    yield "</section>"


def _build_row(build: BuildRecord, longest: float) -> str:
    size = "unknown" if build.size is None else f"{build.size / 1_000_000:,.1f} MB"
    return (
        f'<tr><th scope="row"><code>{build.identity[:12]}</code></th><td>{esc(build.service)}</td>'
        f"<td>{esc(build.started)}</td><td><code>{build.commit.short}</code></td>"
        f'<td class="num">{size}</td><td class="num">{_duration(build.seconds)}</td>'
        f'<td class="opt">{bar(build.seconds / longest, "p")}</td></tr>'
    )


def _commits(report: Report) -> Iterator[str]:
    yield '<section id="commits" aria-labelledby="h-commits">\n<h2 id="h-commits">Every commit</h2>'
    if not report.rows:
        yield "<p>There is none.</p>\n</section>"
        return
    choices = (
        ("all", "all"),
        ("build", "rebuilds"),
        ("p", "production packages changed"),
        ("s", "production packages the same"),
        ("x", "without an identity"),
    )
    yield "<fieldset><legend>Show</legend>"
    for value, text in choices:
        checked = " checked" if value == "all" else ""
        yield f'<label><input type="radio" name="show" id="f-{value}"{checked}>{text}</label>'
    yield '</fieldset>\n<ol class="list">'
    yield from commit_items(report.rows)
    yield "</ol>\n</section>"


def _table(caption: str, header: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(map(_head, header))
    body = "\n".join(rows)
    return (
        f'<div class="wrap" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{cells}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _head(text: str) -> str:
    """Return a column's head: ``#`` begins a number's column, ``~`` one that a narrow page leaves out."""
    if not text:
        return '<td class="opt"></td>'
    classes = " ".join(name for sign, name in (("#", "num"), ("~", "opt")) if sign in text[:2])
    return f'<th scope="col" class="{classes}">{text.lstrip("#~")}</th>'


def _duration(seconds: float) -> str:
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"

"""The report of a real history in a real browser: it renders without faults, and its figures are history's."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import git
from tests.support.cli import invoke

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--enable-logging=stderr", "--hide-scrollbars",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed: apt-get install chromium")

# looks at the report from outside: the report's own policy allows no script in it
PROBE = """<!doctype html><meta charset="utf-8">
<iframe src="report.html" style="border:0;width:WIDTHpx;height:900px"></iframe><pre id="seen"></pre><script>
const frame = document.querySelector("iframe");
function parts(c){return c.match(/[0-9.]+/g).map(Number)}
function light(c){const [r,g,b]=parts(c).map(v=>{v/=255;return v<=.03928?v/12.92:((v+.055)/1.055)**2.4});
  return .2126*r+.7152*g+.0722*b}
function ground(win,el){for(;el;el=el.parentElement){const c=win.getComputedStyle(el).backgroundColor;
  if(parts(c).length<4||parts(c)[3]>0)return c}return "rgb(255,255,255)"}
function contrast(win,el){const a=light(win.getComputedStyle(el).color),b=light(ground(win,el));
  return (Math.max(a,b)+.05)/(Math.min(a,b)+.05)}
frame.onload = () => {
  const doc = frame.contentDocument, win = frame.contentWindow, all = s => [...doc.querySelectorAll(s)];
  const faint = all("p,li,th,td,dt,dd,span,nav a,code,summary,label,h1,h2,h3,ins,del,caption,legend").filter(
    el => el.checkVisibility() && contrast(win, el) < 4.5).map(el => el.outerHTML.slice(0, 120));
  document.getElementById("seen").textContent = JSON.stringify({
    figures: Object.fromEntries(all("[data-figure]").map(el => [el.dataset.figure, Number(el.dataset.value)])),
    width: doc.documentElement.scrollWidth,
    dark: light(win.getComputedStyle(doc.body).backgroundColor) < .2,
    resources: win.performance.getEntriesByType("resource").map(entry => entry.name),
    builds: all("#commits li.build > details").length,
    reused: all("#commits li.run li").length,
    blocked: all("#commits li.x").length,
    marks: Object.fromEntries(["p","s","k","x"].map(m => [m, all("#timeline .rows rect." + m).length])),
    reuseWidth: all("#timeline .rows rect.u").reduce((sum, el) => sum + Number(el.getAttribute("width")) / 10, 0),
    deadLinks: all("a[href]").filter(el => !doc.getElementById(el.getAttribute("href").slice(1))).length,
    landmarks: ["header", "nav", "main", "footer"].map(name => all(name).length),
    unlabelled: all("section:not([aria-labelledby]),table:not(:has(caption)),input:not([id])").length,
    closed: all("#commits details[open]").length,
    faint: [...new Set(faint)].slice(0, 5), scripts: doc.scripts.length, lang: doc.documentElement.lang,
  });
};
</script>"""


def bundles() -> Iterator[Any]:
    folder = os.environ.get("ENVID_CORPUS")
    found = sorted(Path(folder).glob("*.bundle")) if folder else []
    if not found:
        why = "ENVID_CORPUS names no folder with *.bundle files"
        yield pytest.param(Path(), marks=pytest.mark.skip(reason=why), id="none")
    yield from (pytest.param(path, id=path.stem) for path in found)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder behind a web server on loopback; a test puts its pages there."""
    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def browse(url: str, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """Open ``url`` and return the page's final markup and what it wrote to the console."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom", url],
        capture_output=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), console


@pytest.mark.parametrize("bundle", list(bundles()))
def test_the_report_renders_and_its_figures_are_those_of_history(
    bundle: Path, tmp_path: Path, served: tuple[Path, str]
) -> None:
    folder, url = served
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-checkout", str(bundle), str(clone))
    branch = git(clone, "for-each-ref", "--format=%(objectname)", "--count=1", "refs/remotes")
    git(clone, "update-ref", "--no-deref", "HEAD", branch)
    page = folder / "report.html"
    made = invoke(ROOT, "report", "--repo", str(clone), "--out", str(page), "--json")
    assert made.code == 0, made.err
    assert page.stat().st_size < 3_000_000
    ran = invoke(ROOT, "history", "--causes", "--json", "--repo", str(clone))
    lines = [json.loads(line) for line in ran.out.splitlines()]
    decisions = Counter(line["decision"] for line in lines)
    closures = Counter(line["productionChanged"] for line in lines if line["decision"] == "build")
    for width, scheme in ((400, "light"), (1400, "dark")):
        (folder / "probe.html").write_text(PROBE.replace("WIDTH", str(width)))
        dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
        markup, console = browse(
            f"{url}/probe.html", tmp_path / f"profile-{scheme}", f"--window-size={width},900", *dark
        )
        assert console == []
        found = re.search(r'<pre id="seen">(.*?)</pre>', markup, re.DOTALL)
        assert found
        seen = json.loads(re.sub("&lt;", "<", re.sub("&gt;", ">", found[1])).replace("&amp;", "&"))
        assert seen["figures"] == {
            "commits": len(lines),
            "identities": len({line["envIdentity"] for line in lines if "envIdentity" in line}),
            "builds": decisions["build"],
            "reuses": decisions["reuse"],
            "reuse-rate": pytest.approx(decisions["reuse"] / (decisions["reuse"] + decisions["build"])),
            "unchanged": closures[False],
            "known-builds": 0,
        } | ({"blocked": decisions["blocked"]} if decisions["blocked"] else {})
        assert (seen["builds"], seen["reused"], seen["blocked"]) == (
            decisions["build"],
            decisions["reuse"],
            decisions["blocked"],
        )
        assert seen["marks"] == {
            "p": closures[True],
            "s": closures[False],
            "k": closures[None],
            "x": decisions["blocked"],
        }
        assert seen["reuseWidth"] == decisions["reuse"]
        assert seen["width"] <= width, "the page is wider than its window"
        assert seen["dark"] is (scheme == "dark")
        assert seen["faint"] == [], "text that is hard to read"
        assert (seen["resources"], seen["scripts"], seen["deadLinks"], seen["unlabelled"]) == ([], 0, 0, 0)
        assert (seen["closed"], seen["landmarks"], seen["lang"]) == (0, [1, 1, 1, 1], "en")


def test_hostile_texts_stay_text(tmp_path: Path, served: tuple[Path, str]) -> None:
    folder, url = served
    repo = tmp_path / "<script>alert(1)<"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch=main")
    evil = "</title></style><script>console.error('ran')</script><img src=x onerror=console.error(1)>\x1b[31m"
    (repo / "package.json").write_text(json.dumps({"name": evil, evil: evil, "dependencies": {evil: evil}}))
    (repo / "bun.lock").write_text(evil)
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", evil, GIT_AUTHOR_NAME="<b onclick=console.error(2)>")
    (repo / "bun.lock").write_text(evil * 2)
    git(repo, "commit", "--quiet", "--all", "-m", f'"><svg onload=console.error(3)>{evil}')
    made = invoke(ROOT, "report", "--repo", str(repo), "--out", str(folder / "report.html"))
    assert made.code == 0, made.err
    text = (folder / "report.html").read_text("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    (folder / "probe.html").write_text(PROBE.replace("WIDTH", "800"))
    markup, console = browse(f"{url}/probe.html", tmp_path / "profile")
    assert console == []
    assert '"scripts":0' in markup
    assert '"resources":[]' in markup


def test_a_fault_in_a_page_would_be_seen(tmp_path: Path, served: tuple[Path, str]) -> None:
    folder, url = served
    (folder / "bad.html").write_text(
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><p style="color:red">x</p>'
    )
    _, console = browse(f"{url}/bad.html", tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)

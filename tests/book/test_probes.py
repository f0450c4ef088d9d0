"""Every text of the data is hostile: nothing of it becomes markup, script, an address or a formula in the built book."""

from __future__ import annotations

import csv
import functools
import http.server
import io
import re
import subprocess
import sys
import threading
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from cordbook.evidence import load_package, read_all
from cordbook.evidence.validation import check_tables
from tests.book import probes
from tests.conftest import ROOT, copy_project

#: So many columns must be met on some page, or the walk has missed them.
LEAST_SEEN = 45
#: Study pages that are opened beside all chapters: one in so many.
ONE_IN = 11

FOUND = """() => {
  const live = [...document.querySelectorAll('*')].filter(n => [...n.attributes].some(a =>
    /^on/i.test(a.name) || /^(srcdoc|autofocus)$/i.test(a.name)
    || (/^(href|src|action|formaction|xlink:href)$/i.test(a.name) && /^[^a-z]*(javascript|data|vbscript):/i.test(a.value))));
  const kinds = 'iframe, object, embed, base, math, img[src="x"], a[href*="evil.example"], [class*="MathJax"], mjx-container';
  const foreign = [...document.querySelectorAll(kinds)];
  const words = [];
  const skip = new Set(['SCRIPT', 'STYLE']);
  const walk = node => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3) words.push(child.data);
      else if (child.nodeType === 1 && !skip.has(child.tagName)) walk(child);
    }
  };
  walk(document.body);
  const attributes = [];
  for (const n of document.querySelectorAll('[aria-label], [title], [data-label], meta[content]'))
    for (const name of ['aria-label', 'title', 'data-label', 'content']) attributes.push(n.getAttribute(name) || '');
  const made = [...live, ...foreign].map(n => n.outerHTML.slice(0, 200));
  return {ran: window.__probe, live: made, text: words.join(''), attributes: attributes.join(' \\n')};
}"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> tuple[Path, probes.Planted]:
    """The site of a book whose data is hostile, and what was put where. Guards may break: the words are tried."""
    project = copy_project(tmp_path_factory.mktemp("probes") / "project")
    probes.fill(project / "data")
    for path in (project / "book").rglob("*.ipynb"):  # sentences on counts would stop it: filled tables make some untrue
        path.write_text(path.read_text(encoding="utf-8").replace("review.expect(", "(lambda *_: None)("), encoding="utf-8")
    found = probes.plant(project / "data")
    probes.plant_declared(project / "data" / "syntheses.yml", ("title", "question"), found)
    probes.plant_declared(project / "data" / "risk_of_bias.yml", ("name", "question", "why"), found)
    command = [sys.executable, "-m", "cordbook", "build", "--allow-broken-guards"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    assert "WARNING" not in result.stdout + result.stderr
    return project / "_build" / "html", found


class Opened:
    """A tab that keeps what it was made to do."""

    def __init__(self, browser) -> None:
        self.tab = browser.new_page(viewport={"width": 1280, "height": 900})
        self.said: list[str] = []
        self.tab.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))

    def check(self, planted: probes.Planted, where: str) -> set[str]:
        """Nothing ran, nothing was made, what is shown is shown as typed; returns the columns that were seen."""
        seen = self.tab.evaluate(FOUND)
        assert seen["ran"] is None, where
        assert seen["live"] == [], where
        columns = set()
        for place in ("text", "attributes"):
            for mark in re.finditer(r"zq(\d+)a", seen[place], re.I):
                typed, column = planted.texts[int(mark[1])], planted.columns[int(mark[1])]
                shown = seen[place][mark.end() : mark.end() + 9 * len(typed)]
                assert probes.is_as_typed(shown, typed) or column in probes.TAKEN_APART, (where, column, place, typed, shown)
                columns.add(column)
        return columns


@pytest.fixture
def opened(browser):
    view = Opened(browser)
    yield view
    assert view.said == []
    view.tab.close()


def test_no_text_of_the_data_is_obeyed_on_any_page(planted, opened):
    site, found = planted
    everything = sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)
    studies = [p for p in everything if p.parent.name == "studies" and p.name != "index.html"]
    seen = set()
    for path in [p for p in everything if p not in studies] + studies[::ONE_IN]:
        opened.tab.goto(path.as_uri())
        seen |= opened.check(found, path.name)
    assert len(seen) >= LEAST_SEEN, sorted(seen)


def test_validation_refuses_what_has_no_place_in_a_column(planted):
    """Identifiers, strata and dates have a form; no text may begin with a sign that a spreadsheet runs, or hold a tab."""
    _, found = planted
    assert {"arms.arm", "studies.registration", "outcomes.stratum", "references.pmid", "references.pmcid"} <= found.refused
    package = load_package(ROOT / "data")
    raw = dict(read_all(ROOT / "data", package))
    for start in ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1"):
        spoilt = {}
        for table in package.tables:
            rows = [(number, dict(row)) for number, row in raw[table.name].rows]
            for field in table.fields:
                if rows and field.type == "string":
                    rows[0][1][field.name] = start
            spoilt[table.name] = probes.replace(raw[table.name], rows=rows)
        wrong = {(p.file, p.column) for p in check_tables(package, spoilt) if p.row == 2}
        for table in (t for t in package.tables if raw[t.name].rows):
            refused = {column for file, column in wrong if file == table.path}
            assert {f.name for f in table.fields if f.type == "string"} <= refused, start


def test_the_search_shows_hostile_titles_as_text(planted, opened):
    site, _ = planted

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *arguments: object) -> None:
            """A page left before all of it was sent."""

    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        heads = []
        for path in (site / "book" / "studies").glob("*.html"):
            heads += re.findall(r"<h1>([^<]*zq[^<]*(?:img|svg|script)[^<]*)<", path.read_text(encoding="utf-8"))[:1]
        assert len(heads) > 5
        # A search for a whole title is answered with the title itself.
        for words in ("script", "onerror", "study 2010", *map(unescape, heads[:5])):
            opened.tab.goto(f"http://127.0.0.1:{server.server_port}/search.html?q={quote(words)}")
            opened.tab.wait_for_selector("#search-results li, #search-results p.search-summary:not(:empty)")
            opened.tab.wait_for_timeout(400)
            seen = opened.tab.evaluate(FOUND)
            assert (seen["ran"], seen["live"]) == (None, []), words
    finally:
        server.shutdown()


def is_formula(cell: str) -> bool:
    return len(cell) > 1 and cell[0] in "=+-@\t\r" and not re.fullmatch(r"[+-]?[\d.,]+(e[+-]?\d+)?%?", cell)


def test_no_spreadsheet_of_the_site_holds_a_formula(planted, opened):
    site, _ = planted
    for path in site.rglob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))):
            assert not [cell for cell in row if is_formula(cell)], path.name
    opened.tab.goto((site / "book" / "methods" / "registered-trials.html").as_uri())
    spoil = "(c, i) => { c.textContent = '=+-@'[i % 4] + 'SUM(A1)'; }"
    opened.tab.evaluate(f"[...document.querySelectorAll('td, tbody th')].forEach({spoil})")
    for button in opened.tab.get_by_role("button", name="Download CSV").all():
        if button.is_visible():
            with opened.tab.expect_download() as caught:
                button.click()
            rows = list(csv.reader(io.StringIO(Path(caught.value.path()).read_text(encoding="utf-8-sig"))))
            assert len(rows) > 2
            assert not [cell for row in rows for cell in row if is_formula(cell)]

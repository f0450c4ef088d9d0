"""Every text of the data is hostile: nothing of it becomes markup, script, an address or a formula in the built book."""

from __future__ import annotations

import csv
import dataclasses
import functools
import http.server
import io
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from cordbook.evidence import load_package, read_all
from cordbook.evidence.rules.validation import check_tables
from cordbook.publish.sphinx.long_tables import estimate_csv
from tests.book import probes
from tests.conftest import ROOT, copy_project

#: So many columns must be met on some page, or the walk has missed them.
LEAST_SEEN = 45
#: Pages of studies and of estimates that are opened beside all chapters: one in so many.
ONE_IN = {"studies": 11, "estimates": 5}

FOUND = """() => {
  const live = [...document.querySelectorAll('*')].filter(n => [...n.attributes].some(a =>
    /^on/i.test(a.name) || /^(srcdoc|autofocus)$/i.test(a.name)
    || (/^(href|src|action|formaction|xlink:href)$/i.test(a.name) && /^[^a-z]*(javascript|data|vbscript):/i.test(a.value))));
  const kinds = 'iframe, object, embed, base, math, img[src="x"], a[href*="evil.example"], [class*="MathJax"], mjx-container';
  const foreign = [...document.querySelectorAll(kinds)];
  const words = [];
  const skip = 'script, style, [data-cb-copy="BibTeX"]';  // BibTeX writes signs as commands
  const walk = node => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3) words.push(child.data);
      else if (child.nodeType === 1 && !child.matches(skip)) walk(child);
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
    found = probes.plant(project / "data")
    for name, keys in probes.DECLARED.items():
        probes.plant_declared(project / name, keys, found)
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
        seen = self.nothing_ran(where)
        columns = set()
        for place in ("text", "attributes"):
            for mark in re.finditer(r"zq(\d+)a", seen[place], re.I):
                typed, column = planted.texts[int(mark[1])], planted.columns[int(mark[1])]
                shown = seen[place][mark.end() : mark.end() + 9 * len(typed)]
                assert probes.is_as_typed(shown, typed) or column in probes.TAKEN_APART, (where, column, place, typed, shown)
                columns.add(column)
        return columns

    def nothing_ran(self, where: str) -> dict[str, str]:
        """No text was obeyed; returns what is to be read."""
        seen = self.tab.evaluate(FOUND)
        assert seen["ran"] is None, where
        assert seen["live"] == [], where
        return seen

    def downloaded(self, button) -> list[list[str]]:
        with self.tab.expect_download() as caught:
            button.click()
        return rows_of(Path(caught.value.path()))


@pytest.fixture
def opened(browser):
    view = Opened(browser)
    yield view
    assert view.said == []
    view.tab.close()


def test_no_text_of_the_data_is_obeyed_on_any_page(planted, opened):
    site, found = planted
    kinds: dict[str, list[Path]] = {}
    for path in sorted(p for p in site.rglob("*.html") if "_static" not in p.parts):
        kinds.setdefault(path.parent.name if path.name != "index.html" else "", []).append(path)
    seen = set()
    for path in [path for kind, paths in kinds.items() for path in paths[:: ONE_IN.get(kind, 1)]]:
        opened.tab.goto(path.as_uri())
        # Some things are made when a fold is opened.
        opened.tab.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
        seen |= opened.check(found, path.name)
    assert len(seen) >= LEAST_SEEN, sorted(seen)


def test_validation_refuses_what_has_no_place_in_a_column(planted):
    """Identifiers, strata and dates have a form; no text may begin with a sign that a spreadsheet runs, or hold a tab."""
    _, found = planted
    assert {"arms.arm", "studies.registration", "outcomes.stratum", "references.pmid", "references.pmcid"} <= found.refused
    package = load_package(ROOT / "data")
    raw = dict(read_all(ROOT / "data", package))
    for start in ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1"):
        mutated = {}
        for table in package.tables:
            rows = [(number, dict(row)) for number, row in raw[table.name].rows]
            for field in table.fields:
                if rows and field.type == "string":
                    rows[0][1][field.name] = start
            mutated[table.name] = probes.replace(raw[table.name], rows=rows)
        wrong = {(p.file, p.column) for p in check_tables(package, mutated) if p.row == 2}
        for table in (t for t in package.tables if raw[t.name].rows):
            refused = {column for file, column in wrong if file == table.path}
            assert {f.name for f in table.fields if f.type == "string"} <= refused, start


def test_terms_show_their_meaning_as_text(planted, opened):
    site, found = planted
    opened.tab.goto((site / "book" / "treatment" / "steroids-ivig.html").as_uri())
    terms = opened.tab.locator("main a.cb-term:visible").all()
    assert len(terms) > 3
    for term in terms:
        term.focus()
        assert re.search(r"zq\d+a", opened.tab.locator("#cb-meaning").inner_text())
        opened.check(found, "the meaning of a term")


def test_the_explorer_shows_each_outcome_as_text_and_downloads_no_formula(planted, opened):
    site, found = planted
    opened.tab.goto((site / "book" / "explorer.html").as_uri())
    outcomes = opened.tab.locator("#cbx-outcome option").evaluate_all("options => options.map(o => o.value)")
    assert len(outcomes) > 20
    for outcome in outcomes[::4]:
        opened.tab.locator("#cbx-outcome").select_option(outcome)
        opened.tab.locator(".cbx-table tbody input").first.uncheck()
        opened.tab.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
        opened.check(found, f"explorer: {outcome}")
        if opened.tab.locator("#cbx-csv").is_visible():
            rows = opened.downloaded(opened.tab.locator("#cbx-csv"))
            assert len(rows) > 1
            assert not formulas(rows), outcome


def test_the_feed_holds_texts_alone(planted):
    site, found = planted
    feed = ET.fromstring((site / "feed.xml").read_text(encoding="utf-8"))
    texts = [node.text or "" for node in feed.iter()]
    assert {node.get("type") for node in feed.iter()} <= {None, "text/html", "application/atom+xml"}
    assert not [node.tag for node in feed.iter() if not node.tag.startswith("{http://www.w3.org/2005/Atom}")]
    marks = [(text, mark) for text in texts for mark in re.finditer(r"zq(\d+)a", text)]
    assert marks
    assert all(probes.is_as_typed(text[mark.end() :], found.texts[int(mark[1])]) for text, mark in marks)


@pytest.fixture(scope="module")
def served(planted) -> Iterator[str]:
    """The site on this machine's loopback: from a disk the search cannot show parts of pages."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *arguments: object) -> None:
            """A page left before all of it was sent."""

    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(planted[0])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_search_shows_hostile_titles_as_text(planted, opened, served):
    heads = []
    for path in (planted[0] / "book" / "studies").glob("*.html"):
        heads += re.findall(r"<h1>([^<]*zq[^<]*(?:img|svg|script)[^<]*)<", path.read_text(encoding="utf-8"))[:1]
    assert len(heads) > 5
    # A search for a whole title is answered with the title itself.
    for words in ("script", "onerror", "study 2010", *map(unescape, heads[:5])):
        opened.tab.goto(f"{served}search.html?q={quote(words)}")
        opened.tab.wait_for_selector("#search-results li, #search-results p.search-summary:not(:empty)")
        opened.tab.wait_for_timeout(400)
        opened.nothing_ran(f"search for {words}")


@pytest.mark.parametrize("probe", probes.PROBES)
def test_what_is_typed_into_the_search_is_text(opened, served, probe):
    opened.tab.goto(f"{served}book/methods/disclaimer.html")
    opened.tab.locator("button.search-button__button:visible").first.click()
    opened.tab.locator("#pst-search-dialog input").fill(probe)
    opened.tab.keyboard.press("Enter")
    opened.tab.wait_for_url("**/search.html?*q=*")
    opened.tab.wait_for_function("document.querySelector('#search-results')?.innerText.length > 20")
    opened.nothing_ran(probe)


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def formulas(rows: list[list[str]]) -> list[str]:
    """The cells that a spreadsheet would run. Signs alone and numbers it takes for what they are, negative ones too."""
    number = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?%?")
    return [cell for row in rows for cell in row if len(cell) > 1 and cell[0] in "=+-@\t\r" and not number.fullmatch(cell)]


def test_no_spreadsheet_of_the_site_holds_a_formula(planted, opened):
    site, _ = planted
    files = list(site.rglob("*.csv"))
    assert files
    assert {path.name: found for path in files if (found := formulas(rows_of(path)))} == {}
    for path in (site / "book" / "methods" / "registered-trials.html", site / "book" / "methods" / "estimates.html"):
        opened.tab.goto(path.as_uri())
        mutate = "(c, i) => { c.textContent = ['=', '+', '-', '@', '\\t=', '-1+', '+1;'][i % 7] + 'SUM(A1)'; }"
        opened.tab.evaluate(f"[...document.querySelectorAll('td, tbody th')].forEach({mutate})")
        buttons = [button for button in opened.tab.get_by_role("button", name="Download CSV").all() if button.is_visible()]
        assert buttons
        for button in buttons:
            rows = opened.downloaded(button)
            assert len(rows) > 2
            assert not formulas(rows)


def test_a_label_that_a_spreadsheet_would_run_is_text_in_the_file_of_an_estimate(estimates):
    estimate = estimates["ais-improved-cell-therapy"]
    hostile = [f"{sign}SUM(A1)" for sign in "=+-@"]
    rows = tuple(dataclasses.replace(row, label=hostile[i % 4]) for i, row in enumerate(estimate.rows))
    text = estimate_csv(dataclasses.replace(estimate, rows=rows))
    assert text.count("'=SUM(A1)") > 1
    assert not formulas(list(csv.reader(io.StringIO(text, newline=""))))

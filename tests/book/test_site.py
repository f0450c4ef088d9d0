"""The built site as a reader meets it: built from a copy of the project, opened in headless Chromium from the disk."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.build.written import numbers_of, wrong_numbers
from cordbook.publish.execute.chapters import chapters
from cordbook.review.estimates.phrases import phrase

from ..publish.conftest import edited
from ..publish.small_book import set_events
from .narrow import over

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
#: The narrowest phone, and a screen of 1280 at twice the size.
SMALL, ZOOMED = {"width": 320, "height": 568}, {"width": 640, "height": 450}
#: Plain `jupyter-book build` reads and writes all pages; of the small book it does so in every run (test_build.py).
PLAIN = ["-c", "from jupyter_book.cli.main import main; main()", "build", "."]
COMMANDS = [
    pytest.param(["-m", "cordbook", "build"], id="cordbook"),
    pytest.param(PLAIN, id="jupyter-book", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def site(real_book):
    """The folder of the built site, which is read alone."""
    return real_book / "_build" / "html"


@pytest.fixture
def page(site, browser):
    opened = browser.new_page(viewport=DESKTOP)
    yield opened
    opened.close()


def address(site: Path, name: str) -> str:
    return (site / name).as_uri()


def pages(site: Path) -> list[Path]:
    return sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)


def browsed(site: Path) -> list[Path]:
    """The pages that are opened in the browser: every chapter, and of studies and estimates the largest pages and every 25th."""
    found = every = pages(site)
    for kind in ("studies", "estimates"):
        alike = [p for p in every if p.parent.name == kind and p.name != "index.html"]
        largest = sorted(alike, key=lambda p: -p.stat().st_size)[:4]
        found = [p for p in found if p not in alike] + sorted({*largest, *alike[::25]})
    return found


def test_the_build_says_where_the_book_is_and_what_it_holds(site, estimates):
    log = (site.parents[2] / "build.log").read_text()
    assert f"The book: {site / 'index.html'}" in log
    studies, counts = (len(estimates.evidence[table]) for table in ("studies", "outcomes"))
    assert f"{studies} studies, {counts} outcome counts, {len(estimates)} estimates" in log


def test_the_build_executes_every_chapter_and_finds_the_outputs_that_are_stored(real_book, root):
    """Each notebook is executed once in a run, here; the weekly run lets nbval do it again, as others would."""
    every = chapters(Project(root))
    log = (real_book.parent / "build.log").read_text()
    assert f"[{len(every)}/{len(every)}]" in log
    differ = [p.name for p in every if (real_book / p.relative_to(root)).read_bytes() != p.read_bytes()]
    assert differ == [], "stored outputs are not those of today: make book, and commit the notebooks"


def test_the_build_has_no_warning(site):
    assert "WARNING" not in (site.parents[2] / "build.log").read_text()


def test_the_landing_page_shows_the_summary_of_findings(site, page, estimates):
    page.goto(address(site, "index.html"))
    table = page.locator("#summary-of-findings")
    assert table.is_visible()
    row = page.locator("#sof-ais-improved-cell-therapy").inner_text()
    e = estimates["ais-improved-cell-therapy"]
    assert phrase(e, "k") in row
    assert phrase(e, "n") in row
    assert phrase(e, "point") in row
    assert page.locator("#sof-tumour-cell-therapy").inner_text().count("No tumour was seen") == 1


def test_the_landing_page_says_what_has_not_been_done(site, page):
    page.goto(address(site, "index.html"))
    text = page.locator("main").inner_text()
    assert "No database search has been run yet" in text
    assert "No person has yet checked" in text
    assert "not medical advice" in text


def test_every_number_of_an_estimate_in_prose_is_todays(site, estimates):
    """Numbers linked to estimates, on every page, are forms of that estimate."""
    names = [path.relative_to(site).with_suffix("").as_posix() for path in pages(site)]
    assert wrong_numbers(site, estimates, names) == []
    assert sum(len(numbers_of(path.read_text(encoding="utf-8"))) for path in pages(site)) > 50


def test_no_page_asks_another_host_or_fails(site, page):
    asked, failed, errors = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    # Leaving a page while its icon loads aborts that request: no fault of the page.
    page.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED" or failed.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    for path in browsed(site):
        page.goto(path.as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    # The search page of the theme tries to fetch over file:, which browsers refuse; search.html is left out.
    assert [url for url in failed if "search" not in url] == []
    assert errors == []


def test_no_page_names_another_host_for_what_it_loads(site):
    """Scripts, styles, images and fonts of all pages, also those that the browser tests leave out."""
    loads = re.compile(r'<(?:script|img|iframe|source|embed)[^>]*\bsrc="([^"]+)"|<link[^>]*\bhref="([^"]+)"[^>]*>')
    foreign = {}
    for path in pages(site):
        for match in loads.finditer(path.read_text(encoding="utf-8")):
            target = match[1] or match[2]
            if urlsplit(target).netloc and 'rel="canonical"' not in match[0]:
                foreign.setdefault(target, path.name)
    assert foreign == {}


@pytest.mark.parametrize("scale", [1, 2], ids=["phones-and-desktop", "zoomed"])
def test_no_page_scrolls_sideways_or_cuts_text_off(site, browser, scale):
    page = browser.new_page(device_scale_factor=scale, reduced_motion="reduce")
    found = {}
    for path in browsed(site):
        page.goto(path.as_uri())
        for viewport in [ZOOMED] if scale == 2 else [DESKTOP, PHONE, SMALL]:
            page.set_viewport_size(viewport)
            found[path.name, viewport["width"]] = over(page)
    page.close()
    assert {where: texts for where, texts in found.items() if texts} == {}


#: What a chapter's page shows too small or not whole: tables wider than their box, figures whose letters are small, or wide.
TOO_MUCH = """async least => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  await document.fonts.ready;  // until then a wider font may stand in
  const wide = [...document.querySelectorAll('.cb-table-scroll > table')].filter(t => t.checkVisibility() && t.scrollWidth > t.parentElement.clientWidth + 2);
  const drawn = [...document.querySelectorAll('figure.cb-figure svg')].filter(s => s.checkVisibility() && s.viewBox.baseVal && s.viewBox.baseVal.width);
  const small = drawn.filter(s => {
    const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width, box = s.closest('.cb-figure-scroll');
    const sizes = [...s.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => parseFloat(getComputedStyle(t).fontSize) * scale);
    return Math.min(...sizes) < least || (box && box.scrollWidth > box.clientWidth + 2);
  });
  return [small.map(s => s.closest('figure').id), wide.map(t => t.id || t.caption.innerText)];
}"""


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_chapters_show_tables_whole_and_figures_with_letters_of_13_px(site, page, viewport):
    """On a phone, figures of the methods have smaller letters, and maps of evidence scroll within their box."""
    page.set_viewport_size(viewport)
    found = {}
    for path in [p for p in browsed(site) if p.parent.name not in ("studies", "estimates")]:
        page.goto(path.as_uri())
        figures, tables = page.evaluate(TOO_MUCH, 12.5)
        found[path.name] = tables + (figures if viewport is DESKTOP else [])
    assert {name: ids for name, ids in found.items() if ids} == {}


def test_figures_have_words_for_those_who_cannot_see_them(site, page, estimates):
    page.goto(address(site, "book/treatment/cell-therapy.html"))
    groups = page.locator("figure.cb-figure .cb-figure-scroll")
    assert groups.count() >= 8
    labels = [group.get_attribute("aria-label") for group in groups.all()]
    pooled = phrase(estimates["ais-improved-cell-therapy"], "point").rstrip("%")
    assert any(f"Pooled percent {pooled}" in label for label in labels)
    assert sum("Forest plot" in label for label in labels) >= 8
    assert all(len(label) > 40 for label in labels)


def test_a_table_sorts_filters_and_downloads_without_formulas(site, page):
    page.goto(address(site, "book/methods/estimates.html"))
    rows = page.locator("#estimates tbody tr")
    everything = rows.count()
    page.locator("#estimates").get_by_role("button", name="Studies").click()
    counts = [int(text.replace(",", "")) for text in page.locator("#estimates tbody tr td:nth-child(3)").all_inner_texts()]
    assert counts == sorted(counts)
    page.get_by_label("Filter rows").first.fill("tumour-cell")
    assert page.locator("#estimates tbody tr:visible").count() < everything
    assert page.locator("#tumour-cell-therapy").is_visible()
    page.locator("#tumour-cell-therapy th").evaluate("cell => { cell.textContent = '=1+1' }")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download CSV").first.click()
    text = Path(caught.value.path()).read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == everything + 1
    assert '"\'=1+1"' in text


def test_every_estimate_stands_on_the_page_that_numbers_link_to(site, estimates):
    page = (site / "book" / "methods" / "estimates.html").read_text(encoding="utf-8")
    assert [e.id for e in estimates if f'id="{e.id}"' not in page] == []


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


def test_every_internal_link_leads_somewhere(site):
    parsed = {}
    for path in pages(site):
        parser = _Links()
        parser.feed(path.read_text(encoding="utf-8"))
        parsed[path.resolve()] = parser
    broken = []
    for path, parser in parsed.items():
        for href in parser.links:
            parts = urlsplit(href)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (parts.fragment and target in parsed and unquote(parts.fragment) not in parsed[target].ids):
                broken.append(f"{path.name}: {href}")
    assert broken == []


def test_no_page_weighs_more_than_a_megabyte(site):
    assert {p.name: p.stat().st_size for p in pages(site) if p.stat().st_size > 1_000_000} == {}


@pytest.mark.slow
def test_plain_jupyter_book_gives_the_same_site(project_copy):
    """What people of this ecosystem type; it must change nothing."""
    site = project_copy / "_build" / "html"
    before = {p.relative_to(site): p.read_bytes() for p in pages(site)}
    subprocess.run([sys.executable, *PLAIN], cwd=project_copy, check=True, capture_output=True)
    assert {p.relative_to(site): p.read_bytes() for p in pages(site)} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_changed_cell_changes_figure_table_and_sentence(project_copy, estimates, capsys, monkeypatch, command):
    """The whole way: one number in one row, then a build, and no page shows the old estimate."""
    site, before = project_copy / "_build" / "html", estimates["ais-improved-cell-therapy"]
    with edited(Project(project_copy), "data/outcomes.csv", "data/extractions.csv"):
        for patients in ("all", "baseline_ais-a"):  # the same, told twice
            set_events(project_copy / "data", f"larocca2017.treated.ais_improved.{patients}.na", 4)
        subprocess.run([sys.executable, *command], cwd=project_copy, check=True, capture_output=True)
        monkeypatch.chdir(project_copy)
        assert main(["estimates", "ais-improved-cell-therapy", "--json"]) == 0
        now = json.loads(capsys.readouterr().out)[0]
        assert (now["events"], now["n"]) == (before.events + 2, before.n)
        page = (site / "book" / "treatment" / "cell-therapy.html").read_text(encoding="utf-8")
        assert f">{now['events']}/{now['n']}<" in page
        assert f">{before.events}/{before.n}<" not in page
        assert f"{100 * now['estimate']:.0f}% (95% CI" in re.sub(r"\s+", " ", page)


def test_a_broken_guard_stops_the_build_and_names_the_sentence(project_copy):
    """Tumours appear in one trial: the heading that says there were none must not be published."""
    outcomes = project_copy / "data" / "outcomes.csv"
    before = outcomes.read_text(encoding="utf-8")
    row = next(line for line in before.splitlines() if line.startswith("fessler2022.treated.tumour.all."))
    outcomes.write_text(before.replace(row, row.replace(",0,25,", ",1,25,")), encoding="utf-8")
    try:
        result = subprocess.run([sys.executable, *PLAIN], cwd=project_copy, capture_output=True, text=True, check=False)
    finally:
        outcomes.write_text(before, encoding="utf-8")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "a guard is broken in book/treatment/cell-therapy" in said
    assert "tumour-cell-therapy.events = 1" in said


def test_bad_data_stops_the_build_with_file_row_and_rule(project_copy):
    site = project_copy / "_build" / "html"
    outcomes = project_copy / "data" / "outcomes.csv"
    before = outcomes.read_text(encoding="utf-8")
    row = next(line for line in before.splitlines() if line.startswith("fessler2022.treated.tumour.all."))
    outcomes.write_text(before.replace(row, row.replace(",0,25,", ",26,25,")), encoding="utf-8")
    index = (site / "index.html").read_bytes()
    try:
        result = subprocess.run(
            [sys.executable, "-m", "cordbook", "build"], cwd=project_copy, capture_output=True, text=True, check=False
        )
    finally:
        outcomes.write_text(before, encoding="utf-8")
    assert result.returncode == 1
    assert "outcomes.csv" in result.stderr
    assert "events-not-above-n" in result.stderr
    assert (site / "index.html").read_bytes() == index

"""The boxes that cite, in a real browser: from the disk, under the strict policy, and without scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from cordbook.core.project import Project
from cordbook.display.html.cite_box import cite_box
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.publish.pages.cite_boxes import edition_of
from cordbook.publish.pages.feed import ATOM, FILE
from cordbook.publish.sphinx.cite_ext import lettered
from cordbook.review.citation.citations import cite_book, cite_estimate, cite_study, record_of, records_by_id
from cordbook.review.citation.error_report import NO_ADDRESS
from cordbook.review.citation.formats import apa, bibtex, ris, text
from cordbook.review.estimates.estimates import load_estimates
from tests.publish import small_book
from tests.strict_server import strictly_served

DIRECTIVES = "\n\n## Cite\n\n:::{cite-book}\n:::\n"
PAGES = {
    "cite-book": "book/prose.html",
    "cite-ais-improved": "book/estimates/ais-improved.html",
    "cite-lima2010": "book/studies/lima2010.html",
}
EVIL = "</pre></details><script>window.ran=1</script><img src=x onerror=window.ran=1>{est}`x` $y$ \\`"


@pytest.fixture(scope="module")
def book(tmp_path_factory, root, small_built) -> Project:
    """The small book with boxes, and one study whose title would run a script."""
    project = Project(shutil.copytree(small_built, tmp_path_factory.mktemp("cite") / "project"))
    (project.root / "book" / "prose.md").write_text(small_book.PROSE + DIRECTIVES, encoding="utf-8")
    (project.root / "CITATION.cff").write_bytes((root / "CITATION.cff").read_bytes())
    references = small_book.read_table(project.data, "references")
    place = next(i for i, row in enumerate(references) if row["reference_id"] == "lima2010")
    small_book.set_value(project.data, "references", place, "title", EVIL)
    entries = bibliography_text(small_book.read_table(project.data, "references"))
    (project.root / "references.bib").write_text(entries, encoding="utf-8")
    rebuild(project)
    return project


def rebuild(project: Project) -> None:
    """Build in a process of its own: Playwright's loop runs in this one."""
    subprocess.run([sys.executable, "-m", "cordbook", "build"], cwd=project.root, capture_output=True, check=True)


@pytest.fixture(scope="module")
def served(book) -> Iterator[str]:
    with strictly_served(book.site) as address:
        yield address


def expected(book: Project) -> dict[str, list[str]]:
    """What each box must give to copy, in its order, but for the report."""
    estimates, edition = load_estimates(book.root), edition_of(book.root)
    every = [
        cite_book(edition),
        cite_estimate(estimates["ais-improved"], edition),
        cite_study("lima2010", record_of(records_by_id(estimates.evidence), "lima2010"), edition),
    ]
    return {f"cite-{c.id or 'book'}": [text(c), apa(c), bibtex(c).rstrip(), ris(c).rstrip().replace("\r", "")] for c in every}


@pytest.mark.parametrize("base", ["file", "served"])
def test_every_text_is_copied_as_it_is(book, served, browser, base):
    from playwright.sync_api import expect

    root = book.site.as_uri() + "/" if base == "file" else served
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    for box, texts in expected(book).items():
        page = context.new_page()
        errors: list[str] = []
        page.on("console", lambda m, errors=errors: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e, errors=errors: errors.append(str(e)))
        page.goto(root + PAGES[box] + f"#{box}")
        assert page.locator(f"#{box}").evaluate("box => box.open"), "the address of a box opens it"
        buttons = page.locator(f"#{box} .cb-cite-copy")
        assert buttons.count() == len(texts) + 1, "no address for reports: that text can be copied too"
        for place, said in enumerate(texts):
            buttons.nth(place).focus()
            page.keyboard.press("Enter")
            expect(page.locator(f"#{box} .cb-cite-status").nth(place)).to_have_text("Copied")
            assert page.evaluate("navigator.clipboard.readText()").replace("\r", "") == said
        assert page.evaluate("window.ran") is None
        assert errors == []
        page.close()
    context.close()


def test_where_the_clipboard_is_closed_the_text_is_selected(book, browser):
    page = browser.new_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false;")
    page.goto((book.site / "book" / "prose.html").as_uri() + "#cite-book")
    page.locator("#cite-book .cb-cite-copy").first.click()
    page.wait_for_function("document.querySelector('#cite-book .cb-cite-status').textContent.startsWith('Selected')")
    assert page.evaluate("String(getSelection())").strip() == expected(book)["cite-book"][0]
    page.close()


def test_without_scripts_the_box_opens_and_can_be_read(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((book.site / "book" / "studies" / "lima2010.html").as_uri())
    page.locator("#cite-lima2010 > summary").click()
    assert page.locator("#cite-lima2010 pre").first.is_visible()
    assert page.locator("#cite-lima2010 button").count() == 0
    assert NO_ADDRESS in page.locator("#cite-lima2010").inner_text()
    assert EVIL in page.locator("#cite-lima2010 pre").nth(1).inner_text()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (360, "dark")])
def test_axe_finds_nothing_in_open_boxes(book, browser, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto((book.site / "book" / "estimates" / "ais-improved.html").as_uri() + "#cite-ais-improved")
    page.locator("#cite-ais-improved .cb-cite-copy").first.click()
    page.evaluate("() => { for (const moving of document.getAnimations()) moving.finish(); }")
    page.evaluate(axe.AXE_SCRIPT)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("rules => axe.run('main', {runOnly: rules})", rules)["violations"]
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []
    assert over <= 1


def test_pages_without_a_box_do_not_load_the_script(book):
    assert "cite.js" not in (book.site / "book" / "one.html").read_text(encoding="utf-8")
    assert "cite.js" in (book.site / "book" / "prose.html").read_text(encoding="utf-8")


def test_every_page_names_the_feed(book):
    feed = ET.fromstring((book.site / FILE).read_bytes())
    titles = [entry.find(f"{{{ATOM}}}title").text for entry in feed.iter(f"{{{ATOM}}}entry")]
    assert titles[-1] == "Baseline of 20 November 2026"
    pages = [page for page in book.site.rglob("*.html") if "_static" not in page.parts]
    assert len(pages) > 5
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = re.search(r'<link rel="alternate" type="application/atom\+xml"[^>]* href="([^"]+)"', text)
        assert found, page
        assert (page.parent / found[1]).resolve() == (book.site / FILE).resolve()


def test_an_address_for_reports_becomes_a_link(book):
    estimate = load_estimates(book.root)["ais-improved"]
    box = cite_box(cite_estimate(estimate, edition_of(book.root)), "book@example.org")
    href = re.search(r'href="(mailto:[^"]+)"', box)
    assert href is not None
    assert "ais-improved" in href[1]
    assert NO_ADDRESS not in box


def test_boxes_follow_the_address_for_reports_and_the_numbers(book):
    """Last: it changes the book."""
    review = book.data / "review.yml"
    review.write_text(review.read_text(encoding="utf-8").replace("report_to:", "report_to: book@example.org"), encoding="utf-8")
    small_book.set_events(book.data, "lima2010.treated.ais_improved.all.27.7", 3)
    rebuild(book)
    page = (book.site / "book" / "prose.html").read_text(encoding="utf-8")
    number = (book.site / "book" / "estimates" / "ais-improved.html").read_text(encoding="utf-8")
    study = (book.site / "book" / "studies" / "lima2010.html").read_text(encoding="utf-8")
    assert "mailto:book@example.org" in page
    assert "mailto:book@example.org" in study
    assert text(cite_estimate(load_estimates(book.root)["ais-improved"], edition_of(book.root))) in number.replace("&#x27;", "'")


def test_boxes_follow_the_authors(book):
    """Nothing but CITATION.cff has changed."""
    about = book.root / "CITATION.cff"
    about.write_text(re.sub(r"(?m)^title: .*$", "title: A renamed review", about.read_text(encoding="utf-8")), encoding="utf-8")
    rebuild(book)
    for page in ("book/prose.html", "book/estimates/ais-improved.html"):
        assert "A renamed review" in (book.site / page).read_text(encoding="utf-8"), page


def test_citations_carry_the_letter_that_labels_have_once_however_often_a_build_runs():
    entries = {
        "x": SimpleNamespace(fields={"year": "2006"}), "y": SimpleNamespace(fields={"year": "2006"}), "z": SimpleNamespace(fields={}),
    }  # fmt: skip
    letters = {"x": "a", "y": "b", "z": "a", "elsewhere": ""}
    assert lettered(entries, letters) is True
    assert lettered(entries, letters) is False
    assert [entry.fields.get("year") for entry in entries.values()] == ["2006a", "2006b", None]
    # The other one is gone from the data: no letter is needed.
    assert lettered(entries, {"x": ""}) is True
    assert entries["x"].fields["year"] == "2006"

"""The search, typed into its field in a real browser on a page from the disk: names lead to the right place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.publish import terms_book


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    project = terms_book.make(root, tmp_path_factory.mktemp("finds") / "project")
    result = subprocess.run([sys.executable, "-m", "cordbook", "build"], cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return project / "_build" / "html"


@pytest.fixture
def search(browser, site):
    errors: list[str] = []
    tab = browser.new_page()
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    def typed(words):
        tab.goto((site / "book" / "words.html").as_uri())
        tab.locator("button.search-button__button:visible").first.click()
        tab.locator("#pst-search-dialog input").fill(words)
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#search-results .search-summary:not(:empty)")
        return tab

    yield typed
    tab.close()
    assert errors == []


@pytest.mark.parametrize(
    ("words", "address", "kind"),
    [
        ("ais-improved", "book/estimates/ais-improved.html", "Estimate"),
        ("AIS improved", "book/estimates/ais-improved.html", "Estimate"),
        ("tumour", "book/estimates/tumour.html", "Estimate"),
        ("lima2010", "book/studies/lima2010.html", "Study"),
        ("Lima 2010", "book/studies/lima2010.html", "Study"),
        ("lima", "book/studies/lima2010.html", "Study"),
        ("tetraplegia", "book/methods/glossary.html#term-tetraplegia", "Term"),
        ("Spinal Cord Injury", "book/methods/glossary.html#term-spinal-cord-injury-sci", "Term"),
        ("SBRT", "book/methods/glossary.html#term-stereotactic-body-radiotherapy-sbrt", "Term"),
        ("blood-spinal cord barrier", "book/methods/glossary.html#term-blood-spinal-cord-barrier", "Term"),
    ],
)
def test_a_name_leads_to_its_place(search, words, address, kind):
    tab = search(words)
    first = tab.locator("#search-results li").first
    assert first.locator("a").get_attribute("href").removesuffix("#main-content") == address
    assert f"({kind}: " in first.inner_text()
    first.locator("a").click()
    tab.wait_for_url(f"**/{address}*")
    assert tab.evaluate("document.querySelector(':target') !== null")


def test_what_is_not_there_is_said_plainly(search):
    tab = search("qqqxyz")
    assert tab.locator("#search-results li").count() == 0
    assert tab.locator(".search-summary").inner_text().startswith("Nothing was found. Try")


def test_markup_in_the_words_stays_text(search):
    tab = search("<img src=x onerror=alert(1)>")
    assert tab.locator("#search-results img").count() == 0


def test_other_books_can_find_the_names(site):
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", lambda base, uri: uri)
    assert found["review:estimate"]["ais-improved"][2].startswith("book/estimates/ais-improved.html")
    assert found["review:study"]["lima2010"][2].startswith("book/studies/lima2010.html")
    assert found["review:term"]["tetraplegia"][2] == "book/methods/glossary.html#term-tetraplegia"

"""The search, typed into its field in a real browser on a page from the disk: names lead to the right place."""

from __future__ import annotations

from pathlib import Path

import pytest

from cordbook.publish.sphinx.search_ext import LONGEST


@pytest.fixture(scope="module")
def site(terms_built: Path) -> Path:
    return terms_built / "_build" / "html"


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
    assert first.locator("a").get_attribute("href") == address
    found = first.locator(".cb-found").inner_text()
    assert found.split(" ")[0] == kind
    if kind != "Term":
        assert found.endswith(address.rpartition("/")[2].removesuffix(".html"))
    first.locator("a").click()
    tab.wait_for_url(f"**/{address}*")
    if "#" in address:
        assert tab.evaluate("document.querySelector(':target') !== null")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Lima 2010", "20 people with a spinal cord injury were given tissue from the lining of the nose"),
        ("tetraplegia", "arms and legs"),
        ("ais-improved", "improved"),
        ("third", "improved"),
    ],
)
def test_each_page_stands_once_with_what_it_is_about(search, words, told):
    tab = search(words)
    items = tab.locator("#search-results li")
    addresses = [link.get_attribute("href") for link in items.locator("> a").all()]
    assert len(addresses) == len(set(addresses))
    assert tab.locator(".search-summary").inner_text().startswith(f"Found: {len(addresses)}.")
    items.last.locator(".cb-found").wait_for()
    assert items.locator(".cb-found").count() == len(addresses)
    assert told in items.first.locator("p.context").inner_text()
    assert all(len(text) <= LONGEST for text in items.locator("p.context").all_inner_texts())


@pytest.mark.parametrize("words", ["Iran", "Brazil", "olfactory mucosa"])
def test_country_and_treatment_of_a_study_are_found(search, words):
    tab = search(words)
    assert tab.locator("#search-results li a[href^='book/studies/']").count() >= 1
    marks = tab.locator("#search-results mark").all_inner_texts()
    assert {mark.lower() for mark in marks} <= set(words.lower().split())


def test_short_words_do_not_find_every_page(search):
    assert search("I qqqxyz").locator("#search-results li").count() == 0


def test_the_keyboard_alone_searches_and_opens_the_first(browser, site):
    tab = browser.new_page()
    tab.goto((site / "book" / "words.html").as_uri())
    tab.keyboard.press("Control+k")
    tab.keyboard.type("tetraplegia")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#search-results li .cb-found")
    assert tab.locator(".search-summary").get_attribute("role") == "status"
    for _ in range(60):
        if tab.evaluate("document.activeElement.closest('#search-results') !== null"):
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/glossary.html#term-tetraplegia")
    tab.close()


def test_only_the_search_page_loads_the_index(browser, site):
    tab = browser.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    for page in ("index.html", "book/words.html", "book/studies/lima2010.html", "book/estimates/tumour.html"):
        tab.goto((site / page).as_uri())
    assert [url for url in asked if "search" in url] == []
    tab.goto((site / "search.html").as_uri())
    assert {url.rpartition("/")[2].partition("?")[0] for url in asked} >= {"searchindex.js", "search-words.js", "search.js"}
    tab.close()


def test_what_is_not_there_is_said_plainly(search):
    tab = search("qqqxyz")
    assert tab.locator("#search-results li").count() == 0
    assert tab.locator(".search-summary").inner_text().startswith("Nothing was found. Try")


def test_markup_in_the_words_stays_text(search):
    tab = search("<img src=x onerror=alert(1)>")
    assert tab.locator("#search-results img").count() == 0


def test_markup_in_data_stays_text(browser, site):
    """Words of pages reach the search page by a script of its own, as text."""
    tab = browser.new_page()
    hostile = "<img src=x onerror='window.pwned=1'>"
    fixed = f"{{ get: () => ({{ 'book/studies/lima2010': {hostile!r} }}), set: () => {{}} }}"
    tab.add_init_script(f"Object.defineProperty(window, 'cordbookWords', {fixed});")
    tab.goto((site / "search.html").as_uri() + "?q=lima2010")
    tab.wait_for_selector("#search-results p.context")
    assert tab.locator("#search-results p.context").first.inner_text() == hostile
    assert tab.evaluate("window.pwned") is None
    tab.close()


def test_other_books_can_find_the_names(site):
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", lambda base, uri: uri)
    assert found["review:estimate"]["ais-improved"][2].startswith("book/estimates/ais-improved.html")
    assert found["review:study"]["lima2010"][2].startswith("book/studies/lima2010.html")
    assert found["review:term"]["tetraplegia"][2] == "book/methods/glossary.html#term-tetraplegia"

"""The real book as a reader enters it: the first screen, its fonts, the way from a number to the paper, the sidebar, the search."""

from __future__ import annotations

from pathlib import Path

import pytest

from cordbook.core.project import Project
from cordbook.publish.pages.study_pages import study_models

PHONE = {"width": 375, "height": 740}
#: Words that people type, and the page that answers them.
ASKED = {
    "natural recovery": "book/treatment/without-treatment.html",
    "paid treatment": "index.html",
    "cost": "index.html",
    "C5": "index.html",
}
#: What keys are drawn in, by the reader's own font.
KEYS = "kbd, kbd *, code, pre, pre *"


@pytest.fixture(scope="module")
def site(real_book: Path) -> Path:
    """The built book, which is read alone."""
    return real_book / "_build" / "html"


@pytest.fixture
def tab(browser):
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


def test_the_first_screen_of_a_phone_holds_answer_questions_and_harm(browser, site):
    tab = browser.new_page(viewport=PHONE)
    tab.goto((site / "index.html").as_uri())
    tab.evaluate("document.fonts.ready")
    ends = [tab.locator(part).first.bounding_box() for part in (".cb-answer", ".cb-ask > summary", ".cb-harm")]
    tab.close()
    assert [box["y"] for box in ends] == sorted(box["y"] for box in ends)
    assert all(box["y"] + box["height"] <= PHONE["height"] for box in ends), ends


def test_the_questions_open_without_a_script_and_stand_once_in_the_book(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.locator(".cb-ask > summary").click()
    assert tab.locator(".cb-ask li").count() == 8 and tab.locator(".cb-ask li").last.is_visible()
    context.close()
    first = "which ethics committee allowed it"
    assert [p.name for p in site.rglob("*.html") if first in p.read_text(encoding="utf-8")] == ["index.html"]


@pytest.mark.parametrize("page", ["index.html", "book/treatment/cell-therapy.html", "book/studies/dai2013.html"])
def test_every_sign_is_set_in_the_fonts_of_the_book(tab, site, page):
    tab.goto((site / page).as_uri())
    tab.evaluate("document.fonts.ready")
    devtools = tab.context.new_cdp_session(tab)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    root = devtools.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]

    def found(selector: str) -> set[int]:
        return set(devtools.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"])

    used = {
        font["familyName"]
        for node in found("body *") - found(f"{KEYS}, :has(kbd, code, pre)")
        for font in devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    }
    assert used == {"Cordbook Sans", "Cordbook Serif"}


def test_from_a_number_of_the_first_page_to_the_paper_in_three_clicks(tab, site):
    tab.goto((site / "index.html").as_uri())
    tab.locator(".cb-answer a.cb-number-link").first.click()
    tab.wait_for_url("**/book/estimates/*.html*")
    tab.locator("table#studies tbody th a").first.click()
    tab.wait_for_url("**/book/studies/*.html*")
    paper = tab.locator("section#sources a[href^='https://']").first
    assert paper.is_visible()


@pytest.mark.parametrize("page", ["book/studies/dai2013.html", "book/estimates/ais-improved-cell-therapy--hsc.html"])
def test_a_page_of_a_study_or_an_estimate_has_a_trail_and_its_place_in_the_sidebar(tab, site, page):
    tab.goto((site / page).as_uri())
    trail = tab.locator("nav.cb-trail li")
    assert trail.first.inner_text() == "Home" and trail.last.get_attribute("aria-current") == "page"
    listed = trail.nth(1).locator("a")
    here = tab.locator("nav.bd-links li.current > a.current")
    assert here.count() == 1 and here.is_visible() and here.inner_text().strip() == tab.title().split(" — ")[0]
    above = tab.locator("nav.bd-links li.current:has(li.current) > a")
    assert above.inner_text().strip() == listed.inner_text()
    listed.click()
    tab.wait_for_url("**/index.html*" if "studies" in page else "**/methods/estimates.html*")


def test_neighbours_lead_through_all_studies_once_and_back(site, real_book, estimates):
    models = study_models(estimates)
    assert set(models) == {p.stem for p in (site / "book" / "studies").glob("*.html")} - {"index"}
    first = [name for name, model in models.items() if model.before is None]
    assert len(first) == 1
    walked, here = [], first[0]
    while here:
        walked.append(here)
        after = models[here].after
        if after is None:
            break
        assert models[after.href.removesuffix(".html")].before.href == f"{here}.html"
        here = after.href.removesuffix(".html")
    assert sorted(walked) == sorted(models)
    page = (Project(real_book).site / "book" / "studies" / f"{walked[1]}.html").read_text(encoding="utf-8")
    for side, other in (("left-prev", walked[0]), ("right-next", walked[2])):
        assert f'href="{other}.html"' in page.split(f'class="{side}"')[1].split("</a>")[0]


def test_the_sidebar_is_short_and_methods_fold_open_where_one_reads_them(tab, site):
    seen = "[...document.querySelectorAll('nav.bd-links a')].filter((a) => a.checkVisibility()).length"
    tab.goto((site / "index.html").as_uri())
    short = tab.evaluate(seen)
    assert short <= 22
    tab.goto((site / "book" / "methods" / "statistics.html").as_uri())
    assert tab.evaluate(seen) > short + 8
    assert tab.locator("nav.bd-links a.current").last.inner_text().strip().startswith("Statistics")


@pytest.mark.parametrize(("words", "address"), ASKED.items())
def test_what_people_type_finds_its_page_first(tab, site, words, address):
    tab.goto((site / "search.html").as_uri() + f"?q={words.replace(' ', '+')}")
    tab.wait_for_selector("#search-results .search-summary:not(:empty)")
    first = tab.locator("#search-results ul.search > li").first
    first.locator(".cb-found").wait_for()
    assert first.locator("a").get_attribute("href").split("#")[0] == address

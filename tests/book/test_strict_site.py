"""The built site under a strict Content-Security-Policy, and judged by axe, in a real browser."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from cordbook.display.html.strict_page import strict_page

from ..strict_server import strictly_served
from .contrast import faint
from .keyboard import at, tab_to, walked

pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed: pip install cordbook[test]")

#: One page of each kind.
PAGES = (
    "index.html", "book/explorer.html", "book/introduction/radiation-myelopathy.html", "book/treatment/cell-therapy.html",
    "book/studies/index.html", "book/studies/levi2018.html", "book/methods/prisma-flow.html", "book/methods/risk-of-bias.html",
    "book/methods/claims.html", "book/methods/estimates.html", "book/methods/references.html", "book/methods/statistics.html",
    "book/methods/glossary.html", "search.html", "genindex.html", "book/estimates/ais-improved-cell-therapy.html",
    "book/estimates/ais-improved-treated-v-control.html", "search.html?q=schwann",
)  # fmt: skip
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
#: Wide and narrow, light and dark; other widths are tried on more pages in test_site.py.
VIEWS = ((1300, "light"), (1300, "dark"), (360, "light"))
#: Pages that are walked through by the Tab key; the chapter has figures with links, folds and terms of the glossary.
WALKED = (
    "index.html", "book/explorer.html", "book/treatment/cell-therapy.html", "book/studies/levi2018.html",
    "book/estimates/ais-improved-cell-therapy.html", "book/methods/glossary.html",
)  # fmt: skip
#: Pages with every kind of figure.
DRAWN = (
    "book/treatment/cell-therapy.html", "book/introduction/radiation-myelopathy.html", "book/mechanisms/vascular.html",
    "book/explorer.html", "book/methods/risk-of-bias.html", "book/methods/prisma-flow.html", "book/methods/claims.html",
    "book/methods/replication.html", "book/estimates/ais-improved-cell-therapy.html",
)  # fmt: skip
#: Longer than this and the eye follows it.
BLINK_MS = 20
#: Pages of this many kinds, the last of the list, are judged on a dark phone too.
ON_A_DARK_PHONE = 6
VIEWS_OF = {page: VIEWS + ((360, "dark"),) * (page in PAGES[-ON_A_DARK_PHONE:]) for page in PAGES}
#: Every page in one of its views, each view in its turn, in every run; in all its views, and all pages of the book, once a week.
JUDGED = [
    pytest.param(page, *view, marks=() if turn == place % len(views) else pytest.mark.slow)
    for place, (page, views) in enumerate(VIEWS_OF.items())
    for turn, view in enumerate(views)
]
#: What a phone on a slow network should load for the landing page.
LANDING_BYTES = 400_000
#: A page may be this much wider than the screen before it scrolls: scroll bars and rounding.
SLACK_PX = 1


@pytest.fixture(scope="module")
def site(real_book: Path) -> Path:
    """The built book, which is read alone."""
    return real_book / "_build" / "html"


@pytest.fixture(scope="module")
def served(site) -> Iterator[str]:
    """The site on this machine's loopback, sent with the strict policy."""

    with strictly_served(site) as address:
        yield address


@pytest.mark.parametrize("page", PAGES)
def test_nothing_breaks_the_strict_policy(browser, served, page):
    tab = browser.new_page()
    errors: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(served + page)
    tab.wait_for_load_state("networkidle")
    tab.close()
    assert errors == []


def test_the_policy_does_forbid(browser, served):
    """The check above can fail: a script written into the page is stopped."""
    tab = browser.new_page()
    errors: list[str] = []
    tab.on("console", lambda message: errors.append(message.text))
    tab.goto(served + "book/methods/disclaimer.html")
    tab.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); }"
    )
    assert tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in errors)
    tab.close()


def test_search_works_under_the_policy(browser, served):
    tab = browser.new_page()
    tab.goto(served + "search.html?q=tetraplegia")
    tab.wait_for_selector("#search-results li")
    assert tab.locator("#search-results li").count() > 0
    tab.close()


def test_the_theme_can_be_changed_and_is_kept(browser, served):
    tab = browser.new_page()
    tab.goto(served + "index.html")
    seen = set()
    for _ in range(3):
        tab.locator("button.theme-switch-button:visible").first.click()
        seen.add(tab.evaluate("document.documentElement.dataset.mode"))
    assert seen == {"auto", "light", "dark"}
    tab.close()


@pytest.mark.parametrize(("page", "width", "scheme"), JUDGED)
def test_axe_finds_nothing_and_text_does_not_scroll_sideways(browser, site, page, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(f"{site.as_uri()}/{page}")
    if "?q=" in page:
        tab.wait_for_selector("#search-results li .cb-found")
    terms = tab.locator("a.cb-term:visible")
    if terms.count():
        terms.first.focus()
        assert tab.locator(".cb-meaning").is_visible()
    # Colours that are still on their way from one theme to the other would be judged half way.
    tab.evaluate("() => { for (const moving of document.getAnimations()) moving.finish(); }")
    found = broken_rules(tab)
    over = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert found == []
    assert over <= SLACK_PX


def broken_rules(tab) -> list[tuple[str, list[str]]]:
    """What axe finds on a page: rules, each with the first places where it is broken."""
    from axe_playwright_python.base import AXE_SCRIPT

    tab.evaluate(AXE_SCRIPT)
    found = tab.evaluate("rules => axe.run(document, {runOnly: rules})", list(RULES))["violations"]
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_axe_finds_nothing_on_any_page(browser, site, part):
    """A tenth of the pages of the whole book, by day."""
    context = browser.new_context(viewport={"width": 1300, "height": 800}, reduced_motion="reduce")
    wrong = {}
    for path in sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)[part::10]:
        tab = context.new_page()
        tab.goto(path.as_uri())
        if found := broken_rules(tab):
            wrong[path.relative_to(site).as_posix()] = found
        tab.close()
    context.close()
    assert wrong == {}


@pytest.fixture
def still(browser, site):
    """Opens a page without motion, wide or narrow."""
    contexts = []

    def open_page(page, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce", **options))
        tab = contexts[-1].new_page()
        tab.goto((site / page).as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("page", WALKED)
def test_the_tab_key_reaches_everything_and_the_focus_is_always_in_sight(still, page, width):
    tab = still(page, width)
    stops, wanted = walked(tab)
    assert set(wanted) <= {stop.walk for stop in stops}
    assert [stop for stop in stops if not stop.seen] == []
    assert [stop for stop in stops if stop.ring[0] != "solid" or stop.ring[1] < 2] == []


def test_the_skip_link_leads_past_the_navigation(still):
    tab = still("book/treatment/cell-therapy.html")
    tab.keyboard.press("Tab")
    assert at(tab).name == "Skip to main content"
    assert at(tab).seen
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_folds_terms_and_copying_work_by_keyboard(still):
    tab = still("book/treatment/cell-therapy.html")
    for kind in ("details.hide", "details.cb-folded"):  # the code of a figure, a table for who wants it
        fold = tab.locator(f"main {kind} > summary").first
        fold.evaluate("node => node.dataset.wanted = 1")
        while not tab.evaluate("document.activeElement.dataset.wanted"):
            tab.keyboard.press("Tab")
        before = fold.evaluate("node => node.parentElement.open")
        tab.keyboard.press("Enter")
        assert fold.evaluate("node => node.parentElement.open") != before
        fold.evaluate("node => delete node.dataset.wanted")
    tab = still("index.html")
    tab.locator("main a.cb-term").first.evaluate("term => term.dataset.first = 1")
    while not tab.evaluate("document.activeElement.dataset.first"):
        tab.keyboard.press("Tab")
    assert tab.locator("#cb-meaning").is_visible()
    tab.keyboard.press("Escape")
    assert tab.locator("#cb-meaning").count() == 0
    tab_to(tab, "Cite the book")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("details[open] .cb-cite-copy")
    tab_to(tab, "Copy: One line", most=5)
    tab.keyboard.press("Enter")
    tab.wait_for_function("[...document.querySelectorAll('.cb-cite-status')].some(n => /Copied|Selected/.test(n.textContent))")


def test_the_theme_switch_and_the_search_keep_the_focus(still):
    tab = still("index.html")
    tab_to(tab, "Search")
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.activeElement.matches('#pst-search-dialog input')")
    tab.keyboard.press("Escape")
    tab.wait_for_function("document.activeElement.matches('.search-button__button')")
    tab_to(tab, "Color mode")
    modes = set()
    for _ in range(3):
        tab.keyboard.press("Enter")
        tab.wait_for_function("document.activeElement.matches('.theme-switch-button')")
        modes.add(tab.evaluate("document.documentElement.dataset.mode"))
    assert modes == {"auto", "light", "dark"}


def test_on_a_phone_the_sidebars_hold_the_focus_and_give_it_back(still):
    tab = still("book/treatment/cell-therapy.html", 360)
    for name in ("Toggle primary sidebar", "Toggle secondary sidebar"):
        tab_to(tab, name)
        tab.keyboard.press("Enter")
        tab.wait_for_function("document.activeElement.closest('dialog[open]')")
        for _ in range(60):
            tab.keyboard.press("Tab")
            assert tab.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog[open]')")
        if tab.evaluate("document.activeElement === document.body"):  # the browser's own bars, where Escape is not the page's
            tab.keyboard.press("Tab")
        tab.keyboard.press("Escape")
        tab.wait_for_function(f"document.activeElement.getAttribute('aria-label') === '{name}'")
        assert tab.locator("dialog[open]").count() == 0
    # A link of the second leads to its part of the page, and the Tab key goes on from there.
    tab.keyboard.press("Enter")
    tab_to(tab, "What weakens this")
    tab.keyboard.press("Enter")
    tab.wait_for_function("location.hash === '#what-weakens-this' && !document.querySelector('dialog[open]')")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top > 0 && scrollY > 1000")
    assert at(tab).seen


def test_the_explorer_answers_to_keys_and_its_address_tells_what_was_asked(still):
    tab = still("book/explorer.html")
    tab_to(tab, "Count ")
    studies = tab.evaluate("CordbookExplorer.current.pooled.k")
    tab.keyboard.press("Space")
    assert tab.evaluate("CordbookExplorer.current.pooled.k") == studies - 1
    assert "without=" in tab.url
    tab.keyboard.press("Space")
    assert tab.evaluate("CordbookExplorer.current.pooled.k") == studies
    tab.locator("#cbx-csv").evaluate("button => button.dataset.wanted = 1")
    while not tab.evaluate("document.activeElement.dataset.wanted"):
        tab.keyboard.press("Shift+Tab")
    with tab.expect_download() as caught:
        tab.keyboard.press("Enter")
    assert caught.value.suggested_filename.endswith(".csv")


@pytest.mark.parametrize("page", ["index.html", "book/explorer.html", "book/treatment/cell-therapy.html", "search.html"])
def test_nothing_moves_for_readers_who_want_no_motion(still, page):
    tab = still(page)
    moving = tab.evaluate(
        """most => {
             const ms = text => Math.max(...text.split(",").map(t => parseFloat(t) * (/ms$/.test(t.trim()) ? 1 : 1000)));
             return [...document.querySelectorAll("*")].flatMap(n => [null, "::before", "::after"].map(part => {
               const s = getComputedStyle(n, part);
               const time = Math.max(ms(s.transitionDuration) + ms(s.transitionDelay), s.animationName === "none" ? 0 :
                 ms(s.animationDuration) * (s.animationIterationCount === "infinite" ? Infinity : 1));
               return time > most || s.scrollBehavior === "smooth" ? n.outerHTML.slice(0, 80) : null;
             })).filter(Boolean);
           }""",
        BLINK_MS,
    )
    assert moving == []


@pytest.mark.parametrize("page", WALKED)
def test_paper_gets_the_text_without_what_needs_a_screen(still, page):
    tab = still(page, 794)  # A4 at 96 dots an inch
    tab.evaluate("() => { dispatchEvent(new Event('beforeprint')); }")
    tab.emulate_media(media="print")
    shown = "n => n.checkVisibility()"
    seen = tab.evaluate(
        f"s => [...document.querySelectorAll(s)].filter({shown}).map(n => n.outerHTML.slice(0, 90))",
        # The list printed in place of the sidebar stays, heads of columns, and what tells of a choice.
        ".bd-sidebar, .bd-header-article, .skip-link, .cb-tools, .cb-filter, .prev-next-area, nav:not(#jb-print-toc nav), "
        "select, input:not(.cbx-table input), button:not(.cb-sort, .cbx-chip)",
    )
    assert seen == []
    assert tab.evaluate(f"[...document.querySelectorAll('main details')].filter({shown}).every(fold => fold.open)")
    over = "n => n.getBoundingClientRect().right > innerWidth + 1"
    assert tab.evaluate(f"[...document.querySelectorAll('main figure svg, main p')].filter({over}).length") == 0
    tab.evaluate("() => { dispatchEvent(new Event('afterprint')); }")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", DRAWN)
def test_texts_and_marks_of_figures_stand_out_by_day_and_night(still, page, scheme):
    tab = still(page, color_scheme=scheme)
    for width in (1280, 360):
        tab.set_viewport_size({"width": width, "height": 800})
        found, looked = faint(tab)
        assert looked > 30
        assert found == [], width


def test_what_stands_out_too_little_is_seen(still):
    """The check above can fail: a paler blue, and a grey text."""
    tab = still("book/treatment/cell-therapy.html")
    tab.evaluate("document.documentElement.style.setProperty('--cb-treated', '#9fc9e6')")
    assert any("159,201,230" in what for what in faint(tab)[0])
    tab.evaluate("document.documentElement.style.setProperty('--cb-muted', '#8a8f94')")
    assert any(" text " in what for what in faint(tab)[0])


def test_the_landing_page_is_light(browser, served):
    """All that it loads, compressed as hosts compress it."""
    tab = browser.new_page()
    bodies: dict[str, bytes] = {}
    tab.on("response", lambda response: bodies.__setitem__(response.url, response.body()))
    tab.goto(served + "index.html")
    tab.wait_for_load_state("networkidle")
    tab.close()
    weights = {url: len(gzip.compress(body)) for url, body in bodies.items()}
    assert len(weights) > 5
    assert sum(weights.values()) <= LANDING_BYTES, sorted(weights.items(), key=lambda item: -item[1])[:5]


def test_scripts_and_handlers_move_out_of_a_page():
    page = strict_page(
        '<html><head><meta charset="utf-8" /><script>let a = 1;</script><script src="x.js"></script></head>'
        '<body><button onclick="window.print()"></button><script>b()</script></body></html>',
        "../",
    )
    assert "let a" not in page
    assert "b()" not in page
    assert "onclick" not in page
    assert '<script src="x.js">' in page
    assert "../_static/pages/page-start.js" in page


def test_what_opens_a_part_of_the_sidebar_has_a_name_and_the_index_no_style():
    fold = '<details><summary><span class="toctree-toggle" role="presentation"></span></summary></details>'
    index = '<table style="width: 100%" class="indextable"><tr><td style="width: 33%; vertical-align: top;">x</td></tr></table>'
    page = strict_page(f"<head></head><body>{fold}{index}</body>", "")
    assert '<summary aria-label="Show or hide the pages below">' in page
    assert "style=" not in page


def test_a_scrolling_table_of_plain_markdown_can_be_reached_and_is_named():
    page = strict_page('<head></head><body><div class="pst-scrollable-table-container"><table></table></div></body>', "")
    assert '<div class="pst-scrollable-table-container" tabindex="0" role="group" aria-label="' in page

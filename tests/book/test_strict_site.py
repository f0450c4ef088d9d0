"""The built site under a strict Content-Security-Policy, and judged by axe, in a real browser."""

from __future__ import annotations

import functools
import gzip
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cordbook.publish.page_shape import POLICY, shaped

from ..conftest import copy_project

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
#: Wide and narrow, light and dark; 360 px is the narrowest phone, and 200% zoom of a screen of 720.
VIEWS = ((1300, "light"), (1300, "dark"), (360, "light"))
#: Pages of this many kinds, the last of the list, are judged on a dark phone too.
ON_A_DARK_PHONE = 6
JUDGED = [(page, *view) for page in PAGES for view in VIEWS] + [(page, 360, "dark") for page in PAGES[-ON_A_DARK_PHONE:]]
#: What a phone on a slow network should load for the landing page.
LANDING_BYTES = 400_000
#: A page may be this much wider than the screen before it scrolls: scroll bars and rounding.
SLACK_PX = 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built book of this module's own: tests beside it change theirs."""
    project = copy_project(tmp_path_factory.mktemp("strict") / "project")
    result = subprocess.run([sys.executable, "-m", "cordbook", "build"], cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return project / "_build" / "html"


@pytest.fixture(scope="module")
def served(site) -> Iterator[str]:  # noqa: ANN001
    """The site on this machine's loopback, sent with the strict policy."""

    class Strict(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", POLICY)
            super().end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Strict, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


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
    tab.evaluate("() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s); }")
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
    from axe_playwright_python.base import AXE_SCRIPT

    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
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
    tab.evaluate(AXE_SCRIPT)
    found = tab.evaluate("rules => axe.run(document, {runOnly: rules})", list(RULES))["violations"]
    over = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []
    assert over <= SLACK_PX


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
    page = shaped(
        '<html><head><meta charset="utf-8" /><script>let a = 1;</script><script src="x.js"></script></head>'
        '<body><button onclick="window.print()"></button><script>b()</script></body></html>',
        "../",
    )
    assert "let a" not in page
    assert "b()" not in page
    assert "onclick" not in page
    assert '<script src="x.js">' in page
    assert '../_static/pages/page-start.js' in page


def test_a_scrolling_table_of_plain_markdown_can_be_reached_and_is_named():
    page = shaped('<head></head><body><div class="pst-scrollable-table-container"><table></table></div></body>', "")
    assert '<div class="pst-scrollable-table-container" tabindex="0" role="group" aria-label="' in page

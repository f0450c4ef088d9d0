"""The explorer in headless Chromium: from the disk, under a strict Content-Security-Policy, by keyboard, with hostile data."""

import csv
import io
import json
import math
import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from cordbook.cli import main
from cordbook.publish.sphinx.explorer_ext import SCRIPTS
from cordbook.review.estimates.estimates import pool_rows
from cordbook.review.estimates.phrases import percent
from cordbook.review.estimates.side_by_side import reasons_not_to_pool
from cordbook.review.explorer.question import answer
from tests.explorer.conftest import ASSETS, DESKTOP, Opened, as_page_asks, random_questions

POLICY = "default-src 'self'"
PHONE = {"width": 360, "height": 740}
PAGE = """<!doctype html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Explorer</title>
<link rel="stylesheet" href="../_static/cordbook.css"><link rel="stylesheet" href="../_static/explorer.css">{scripts}</head>
<body><main class="bd-article"><h1>Explore</h1>
<div id="cb-explorer"><p>The explorer needs JavaScript.</p></div></main></body></html>
"""
PROBE = "\"'><img src=x onerror=globalThis.pwned=1><script>globalThis.pwned=1</script><svg onload=globalThis.pwned=1>=cmd|'!A0"
#: Words with a meaning to the engine, which are no text of the data.
KEPT = {"total", "widest", "only_stratum", "part_of_total", "same_patients", "glmm", ""}


def lay_out(folder: Path, evidence: str) -> Path:
    """A page with the explorer alone, as the book loads it; returns the page."""
    static = folder / "_static"
    shutil.copytree(ASSETS, static / "explorer")
    for name in ("cordbook.css", "explorer.css"):
        shutil.copy(ASSETS.parent / name, static / name)
    (static / "explorer" / "evidence.js").write_text(evidence, encoding="utf-8")
    scripts = "".join(f'<script defer src="../_static/explorer/{name}.js"></script>' for name in (*SCRIPTS, "evidence", "page"))
    (folder / "book").mkdir()
    page = folder / "book" / "explorer.html"
    page.write_text(PAGE.format(policy=POLICY, scripts=scripts), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def address(tmp_path_factory, evidence_js):
    return lay_out(tmp_path_factory.mktemp("page"), evidence_js.read_text(encoding="utf-8")).as_uri()


def test_it_opens_from_the_disk_under_a_strict_policy_and_asks_nobody(opened, estimates):
    e = estimates["ais-improved-cell-therapy"].result
    pooled = opened.current()["pooled"]
    assert math.isclose(pooled["estimate"], e.estimate, abs_tol=1e-9)
    assert "This is the book" in opened.page.locator(".cbx-same").inner_text()
    assert opened.page.locator(".cbx-same a").get_attribute("href") == "estimates/ais-improved-cell-therapy.html"
    assert all(url.startswith("file://") for url in opened.requests)


def test_studies_that_are_not_pooled_stand_side_by_side_until_the_reader_asks(opened, estimates):
    e = estimates["sae-any-cell-therapy"]
    assert e.not_pooled  # else another estimate is needed here
    page = opened.page
    page.evaluate("location.hash = '#estimate=sae-any-cell-therapy'")
    expect(page.locator(".cbx-number")).to_have_text(f"{e.events:,} of {e.n:,} not pooled; 0% to 45% in single groups")
    for reason in e.not_pooled:
        expect(page.locator(".cbx-result")).to_contain_text(reason.text)
    expect(page.locator(".cbx-figure").first).to_contain_text("the groups are not pooled")
    assert "All " not in (page.locator(".cbx-figure svg").first.text_content() or "")
    assert opened.current()["command"].endswith("--average population")
    page.get_by_role("button", name="Pool them anyway").click()
    average = e.pooled_anyway().result
    expect(page.locator(".cbx-number strong")).to_have_text(percent(average.estimate))
    expect(page.locator(".cbx-result")).to_contain_text("Pooled because you asked. The book would not:")
    assert opened.current()["command"].endswith("--pool-anyway")
    assert "anyway=1" in page.evaluate("location.hash")
    page.get_by_role("button", name="Side by side again").click()
    expect(page.locator(".cbx-number")).to_contain_text("not pooled")


def test_random_questions_in_chromium_get_the_package_s_numbers(opened, cells, estimates):
    questions = random_questions(cells, estimates.evidence.vocabulary, 100, seed=11)
    disjoint, limits = estimates.evidence.meanings, estimates.declarations.usual_limits
    asked = [as_page_asks(q, model) for q, model in questions]
    found = opened.page.evaluate(
        """questions => {
             const E = CordbookExplorer.prepare(CORDBOOK_EVIDENCE);
             return (async () => {
               const out = [];
               for (const q of questions) {
                 const address = CordbookExplorer.toAddress(E, q);
                 if (location.hash !== address) {
                   const moved = new Promise(done => addEventListener("hashchange", done, {once: true}));
                   location.hash = address;
                   await moved;
                 }
                 const p = CordbookExplorer.current.pooled;
                 out.push([p && [p.k, p.estimate, p.low, p.high, p.piLow, p.piHigh, p.tau2],
                           document.querySelector(".cbx-number strong").textContent,
                           document.querySelector(".cbx-empty").hidden]);
               }
               return out;
             })();
           }""",
        asked,
    )
    for (question, model), (numbers, shown, full) in zip(questions, found, strict=True):
        rows = answer(cells, question, disjoint).rows
        if not len(rows):
            assert numbers is None, question
            continue
        r = pool_rows(rows, measure="logit", model=model, ci=None, level=0.95, average="population")
        assert full, question
        assert numbers[0] == r.k, question
        for mine, theirs in zip(numbers[1:], (r.estimate, r.ci_low, r.ci_high, r.pi_low, r.pi_high, r.tau2), strict=True):
            assert (mine is None) == (theirs is None), question
            assert theirs is None or math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-6), (question, model)
        side = reasons_not_to_pool(r, limits)
        assert shown == (f"{r.events:,} of {r.n:,}" if side else percent(r.estimate)), question


def test_a_study_goes_off_by_a_click_and_comes_back_with_the_back_button(opened):
    page = opened.page
    before = opened.current()
    first = page.locator(".cbx-table tbody input").first
    first.uncheck()
    after = opened.current()
    assert after["pooled"]["k"] == before["pooled"]["k"] - 1
    assert len(after["question"]["without"]) == 1
    assert "without=" in page.url
    assert page.locator(".cbx-table tr.cbx-off").count() == 1
    page.go_back()
    expect(page.locator(".cbx-table tr.cbx-off")).to_have_count(0)
    assert opened.current()["pooled"]["k"] == before["pooled"]["k"]


def test_the_reader_chooses_which_average_is_the_pooled_share(opened):
    page = opened.page
    assert page.locator("#cbx-average").input_value() == "population"
    before = opened.current()["pooled"]
    page.locator("summary", has_text="How it is pooled").click()
    page.locator("#cbx-average").select_option("median")
    after = opened.current()["pooled"]
    assert after["estimate"] == before["medianStudy"]["estimate"]
    assert "average=median" in page.url
    facts = page.locator(".cbx-facts").inner_text().lower()
    assert "median study (the pooled share)" in facts
    assert "population average" in facts


def test_an_address_shows_the_same_view_in_a_new_window(opened, browser, address):
    page = opened.page
    page.locator("#cbx-outcome").select_option("tumour")
    page.locator("details.cbx-facet summary", has_text="Route").click()
    page.get_by_label(re.compile("Into the spinal cord")).first.check()
    there = opened.current()
    other = Opened(browser.new_page())
    other.page.goto(page.url)
    assert other.current()["question"] == there["question"]
    assert other.current()["pooled"] == there["pooled"]
    other.page.goto("about:blank")
    other.page.goto(address + "#outcome=tumour&v=0.0.1-other")
    assert "0.0.1-other" in other.page.locator(".cbx-warning").inner_text()
    other.page.close()


def test_all_can_be_done_from_the_keyboard(opened):
    page = opened.page
    page.evaluate("document.querySelectorAll('#cb-explorer details').forEach(d => d.open = true)")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('#cb-explorer :is(a[href], button, input, select, summary)')]
             .filter(n => n.checkVisibility()).map((n, i) => n.dataset.walk = String(i))"""
    )
    page.locator("h1").click()
    reached = set()
    for _ in range(len(wanted) + 30):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.dataset.walk || ''")
        reached.add(at)
        if at:
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring != "none", at
    assert set(wanted) <= reached
    # Space switches a study off; the focus stays where it was.
    box = page.locator(".cbx-table tbody input").nth(2)
    box.focus()
    named = page.evaluate("document.activeElement.id")
    page.keyboard.press("Space")
    assert len(opened.current()["question"]["without"]) == 1
    assert page.evaluate("document.activeElement.id") == named
    # A chip that is gone hands the focus on.
    page.locator("#cbx-c-without").focus()
    page.keyboard.press("Enter")
    assert opened.current()["question"]["without"] == []
    assert page.evaluate("document.activeElement.id") == "cbx-chips"


def test_changes_are_told_to_screen_readers_and_the_plot_has_a_text(opened):
    page = opened.page
    page.locator(".cbx-table tbody input").first.uncheck()
    expect(page.locator("#cb-explorer [role=status]")).to_contain_text("Pooled share")
    assert page.locator(".cbx-plot svg").first.get_attribute("aria-label").count("Pooled share") == 1
    assert page.locator(".cbx-table caption").count() == 1


def test_downloads(opened, estimates):
    page = opened.page
    e = estimates["ais-improved-cell-therapy"]
    with page.expect_download() as got:
        page.locator("#cbx-csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(got.value.path()).read_text(encoding="utf-8"))))
    assert [int(r["events"]) for r in rows[:-1]] == [row.events for row in e.rows]
    assert float(rows[-1]["share"]) == pytest.approx(e.result.estimate, abs=1e-9)
    assert rows[-1]["command"].startswith("cordbook pool --outcome ais_improved")
    with page.expect_download() as got:
        page.locator("#cbx-svg").click()
    drawn = ElementTree.fromstring(Path(got.value.path()).read_text(encoding="utf-8"))
    texts = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {row.label for row in e.rows} <= set(texts)
    assert not [
        n for n in drawn.iter() if n.tag.endswith(("script", "image", "style")) or "style" in n.attrib or "class" in n.attrib
    ]
    whole = " ".join(texts)
    version = page.evaluate("CORDBOOK_EVIDENCE.version")
    assert "AIS improved" in texts[0] or "Improved" in texts[0], "the title stands first"
    assert f"Source: Cordbook {version}, explorer" in whole
    assert "natural recovery" in whole and "Binomial-normal" in whole
    with page.expect_download() as got:
        page.locator("#cbx-png").click()
    picture = Path(got.value.path()).read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    box = [float(n) for n in drawn.get("viewBox").split()]
    assert (width, height) == (round(2 * box[2]), round(2 * box[3])), "the picture shows what the SVG shows"


def test_words_of_a_downloaded_plot_do_not_meet(opened, browser):
    """On a file nothing is printed over anything else, whatever the widest of the usual fonts is."""
    page = opened.page
    with page.expect_download() as got:
        page.locator("#cbx-svg").click()
    tab = browser.new_page(viewport={"width": 900, "height": 900})
    tab.set_content(Path(got.value.path()).read_text(encoding="utf-8").split("?>", 1)[1])
    boxes = tab.evaluate(
        """() => { const box = document.querySelector('svg').getBoundingClientRect();
             return [...document.querySelectorAll('text')].map(t => { const r = t.getBoundingClientRect();
               return [r.left, r.right, r.top + 2, r.bottom - 2, t.textContent, r.left - box.left, box.right - r.right]; }); }"""
    )
    tab.close()
    for i, (left, right, top, bottom, words, before, behind) in enumerate(boxes):
        assert before >= 10 and behind >= 10, words
        for a, b, c, d, others, *_ in boxes[i + 1 :]:
            assert right <= a or b <= left or bottom <= c or d <= top, (words, others)


def test_the_command_shown_prints_the_numbers_shown(opened, capsys, monkeypatch, root):
    page = opened.page
    page.locator("details.cbx-facet summary", has_text="Cell type").click()
    page.get_by_label(re.compile("Bone-marrow MSC")).check()
    page.locator(".cbx-table tbody input").first.uncheck()
    page.locator("#cbx-command").click()
    command = page.locator("#cbx-command-text").inner_text()
    shown = opened.current()["pooled"]
    monkeypatch.chdir(root)
    assert main([*shlex.split(command)[1:], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["k"] == shown["k"]
    assert printed["estimate"] == pytest.approx(shown["estimate"], abs=1e-9)
    assert printed["ci_high"] == pytest.approx(shown["high"], abs=1e-6)


def test_nothing_fits_says_so_and_offers_a_way_back(opened):
    page = opened.page
    page.goto(page.url.split("#")[0] + "#outcome=ais_improved&role=treated&year=1800..1801")
    assert opened.current()["pooled"] is None
    assert "No study fits" in page.locator(".cbx-empty").inner_text()
    page.locator("#cbx-cb-year").click()
    assert opened.current()["pooled"]["k"] > 5


def test_a_phone_does_not_scroll_sideways(opened):
    page = opened.page
    page.set_viewport_size(PHONE)
    page.evaluate("document.querySelectorAll('#cb-explorer details').forEach(d => d.open = true)")
    page.locator("#cbx-command").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def hostile(value):
    """The data with a probe behind every text that it holds."""
    if isinstance(value, str):
        return value if value in KEPT else value + PROBE
    if isinstance(value, list):
        return [hostile(v) for v in value]
    if isinstance(value, dict):
        return {key: hostile(v) for key, v in value.items()}
    return value


def test_no_text_of_the_data_becomes_markup_or_a_formula(browser, evidence_js, tmp_path):
    data = json.loads(evidence_js.read_text(encoding="utf-8").removeprefix("globalThis.CORDBOOK_EVIDENCE = ").rstrip(";\n"))
    mutated = f"globalThis.CORDBOOK_EVIDENCE = {json.dumps(hostile(data) | {'filters': data['filters']})};"
    page = browser.new_page(viewport=DESKTOP)
    page.goto(lay_out(tmp_path, mutated).as_uri())
    outcomes = page.eval_on_selector_all("#cbx-outcome option", "list => list.map(o => o.value)")
    for outcome in outcomes[:12]:
        page.locator("#cbx-outcome").select_option(outcome)
        page.evaluate("document.querySelectorAll('#cb-explorer details').forEach(d => d.open = true)")
    page.locator("#cbx-outcome").select_option(outcomes[0])
    page.locator("#cbx-command").click()
    assert "onerror" in page.locator("#cb-explorer").inner_text()
    assert (
        page.evaluate("document.querySelectorAll('#cb-explorer :is(img, script, svg svg, [onerror], [onload], [style])').length")
        == 0
    )
    for link in page.eval_on_selector_all("#cb-explorer a", "list => list.map(a => a.getAttribute('href'))"):
        assert re.match(r"(estimates|studies)/[^<>\"']*", link), link
    with page.expect_download() as got:
        page.locator("#cbx-csv").click()
    for row in csv.reader(io.StringIO(Path(got.value.path()).read_text(encoding="utf-8"))):
        assert not [cell for cell in row if cell[:1] in "=+@" and cell], row
    page.wait_for_timeout(200)
    assert page.evaluate("globalThis.pwned") is None
    page.close()


def test_without_scripts_a_plain_message_stands(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "needs JavaScript" in page.locator("#cb-explorer").inner_text()
    context.close()

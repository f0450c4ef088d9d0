"""Terms of the glossary in a real browser: hover, keyboard, tap, Esc, without scripts, in print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def words(terms_built: Path) -> str:
    return (terms_built / "_build" / "html" / "book" / "words.html").as_uri()


@pytest.fixture
def tab(browser, words) -> Iterator[object]:
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.goto(words)
    yield page
    page.close()


def term(tab, name="tetraplegia"):
    return tab.locator(f"a.cb-term[href$='#term-{name}']").first


def test_hover_shows_and_the_meaning_can_be_hovered(tab):
    assert tab.locator(".cb-meaning").count() == 0
    term(tab).hover()
    box = tab.locator(".cb-meaning")
    assert "arms and legs" in box.inner_text()
    assert term(tab).get_attribute("aria-expanded") == "true"
    box.hover()
    tab.wait_for_timeout(500)
    assert box.is_visible()
    tab.mouse.move(5, 690)
    box.wait_for(state="detached")
    assert term(tab).get_attribute("aria-expanded") == "false"


def test_esc_puts_it_away_while_the_pointer_stays(tab):
    term(tab).hover()
    tab.locator(".cb-meaning").wait_for()
    tab.keyboard.press("Escape")
    assert tab.locator(".cb-meaning").count() == 0


def test_keyboard_reaches_shows_and_leads_to_the_glossary(tab):
    term(tab, "spinal-cord-injury-sci").focus()
    assert "Damage to the spinal cord" in tab.locator(".cb-meaning").inner_text()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Glossary"
    assert tab.locator(".cb-meaning").is_visible()
    tab.keyboard.press("Escape")
    assert tab.locator(".cb-meaning").count() == 0
    assert tab.evaluate("document.activeElement.className") == "cb-term"
    tab.keyboard.press("Enter")
    assert tab.locator(".cb-meaning").is_visible()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/glossary.html#term-spinal-cord-injury-sci")
    assert tab.evaluate("document.querySelector(':target').textContent") == "spinal cord injury (SCI)"


def test_moving_on_by_keyboard_closes_it(tab):
    term(tab, "spinal-cord-injury-sci").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.wait_for_function("!document.querySelector('.cb-meaning strong')?.textContent.startsWith('spinal cord injury')")
    assert tab.locator(".cb-meaning").count() == 1  # that of the next term, which has the focus
    assert tab.locator(".cb-meaning strong").inner_text() == "tetraplegia"


def test_space_and_a_second_press_close_it_again(tab):
    term(tab).focus()
    tab.keyboard.press("Space")
    assert tab.locator(".cb-meaning").is_visible()
    tab.keyboard.press("Space")
    assert tab.locator(".cb-meaning").count() == 0


def test_screen_readers_get_a_button_with_its_meaning(tab):
    mark = term(tab)
    assert mark.get_attribute("role") == "button"
    described = mark.get_attribute("aria-describedby")
    assert "arms and legs" in tab.locator(f"#{described}").text_content()
    assert tab.locator(f"#{described}").is_hidden()


def test_a_tap_shows_and_a_tap_elsewhere_puts_away(browser, words):
    phone = browser.new_context(viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True)
    tab = phone.new_page()
    tab.goto(words)
    term(tab).tap()
    box = tab.locator(".cb-meaning")
    assert box.is_visible()
    assert tab.url == words
    edges = box.bounding_box()
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= 360
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    tab.wait_for_timeout(500)
    assert box.is_visible()
    tab.locator(".bd-article h1").tap()
    box.wait_for(state="detached")
    term(tab).tap()
    assert box.is_visible()
    term(tab).tap()
    box.wait_for(state="detached")
    phone.close()


def test_without_scripts_a_term_is_a_link(browser, words):
    plain = browser.new_context(java_script_enabled=False)
    tab = plain.new_page()
    tab.goto(words)
    assert term(tab).get_attribute("role") is None
    assert tab.locator(".cb-meanings").is_hidden()
    term(tab).click()
    assert tab.url.endswith("/methods/glossary.html#term-tetraplegia")
    plain.close()


def test_print_shows_plain_words(tab):
    term(tab).focus()
    tab.emulate_media(media="print")
    assert tab.locator(".cb-meaning").is_hidden()
    assert tab.locator(".cb-meanings").is_hidden()
    assert term(tab).evaluate("e => getComputedStyle(e).textDecorationLine") == "none"
    assert term(tab).evaluate("e => getComputedStyle(e).color === getComputedStyle(e.parentElement).color")


def test_a_meaning_near_the_edge_stays_on_the_screen(tab):
    tab.set_viewport_size({"width": 360, "height": 300})
    for mark in tab.locator("a.cb-term").all():
        mark.focus()
        edges = tab.locator(".cb-meaning").bounding_box()
        assert edges["x"] >= 0
        assert edges["x"] + edges["width"] <= 360


def test_on_a_wide_screen_meanings_stand_in_the_margin_and_meet_nothing(tab):
    assert tab.locator(".cb-margin").count() == 0
    tab.set_viewport_size({"width": 1500, "height": 900})
    note = tab.locator(".cb-margin").first
    note.wait_for()
    assert note.get_attribute("aria-hidden") == "true"
    boxes = tab.evaluate(
        "() => { const box = (n) => { const r = n.getBoundingClientRect(); return [r.left, r.right, r.top, r.bottom]; };"
        " return [[...document.querySelectorAll('.cb-margin')].map(box),"
        " [...document.querySelectorAll('.bd-article :is(p, li, h1, h2, figure, table)')].map(box)]; }"
    )
    notes, others = boxes
    for one in notes:
        for other in [*others, *(n for n in notes if n is not one)]:
            assert one[0] >= other[1] or one[1] <= other[0] or one[2] >= other[3] or one[3] <= other[2], (one, other)
    told = tab.locator(".cb-margin strong").all_inner_texts()
    assert len(told) == len(set(told))
    tab.set_viewport_size({"width": 1000, "height": 700})
    note.wait_for(state="detached")

"""The look-up of what happens anyway, in a real browser: it answers, goes to wider groups and says so, and is a plain table without its script."""

from __future__ import annotations

from pathlib import Path

import pytest

import cordbook
from cordbook.subject.natural_recovery import Group, Report
from cordbook.subject.natural_recovery_tables import CHOOSER, chooser

SCRIPT = Path(cordbook.__file__).parent / "publish" / "assets" / "choices.js"


def group(grade: str, level: str, time: str, share: float, kind: str = "grade") -> Group:
    report = Report((grade,), level, time, kind, share, None, (round(share * 100), 100), "Lima <2010>", "lima.html")
    return Group(grade, level, time, kind, (report,))


GROUPS = (
    group("A", "all", "early", 0.2),
    group("A", "all", "late", 0.06),
    group("A", "neck", "early", 0.3),
    group("A", "neck", "early", 0.13, "movement"),
    group("A", "below", "late", 0.04),
)


@pytest.fixture
def page(browser, tmp_path):
    def opened(script: bool = True):
        code = f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>" if script else ""
        path = tmp_path / f"page-{script}.html"
        path.write_text(f'<!doctype html><html lang="en"><body>{chooser(GROUPS).to_html()}{code}</body></html>', encoding="utf-8")
        tab = browser.new_page()
        tab.goto(path.as_uri())
        return tab

    return opened


def choose(tab, grade: str, level: str, time: str) -> str:
    for key, value in (("grade", grade), ("level", level), ("time", time)):
        tab.select_option(f"select[data-key={key}]", value)
    return tab.locator(f"#{CHOOSER}-answer").inner_text()


def test_it_answers_for_the_people_that_were_chosen_with_each_figure(page):
    tab = page()
    told = choose(tab, "A", "neck", "early")
    assert told.startswith("AIS A, neck (tetraplegia), first seen: in the first days or weeks.")
    assert "30%: one AIS grade or more." in told
    assert "13%: movement below the injury (AIS C or better)." in told
    assert "30 of 100 (30%): Lima <2010>" in told
    assert "20%" not in told
    assert tab.locator(f"#{CHOOSER}-answer a").first.get_attribute("href") == "lima.html"


def test_without_a_figure_it_goes_to_the_nearest_wider_group_and_says_so(page):
    tab = page()
    assert choose(tab, "A", "chest", "late").startswith(
        "No figure on file is of these people alone. The nearest wider group: AIS A, chest or below"
    )
    told = choose(tab, "A", "neck", "late")
    assert "all levels together" in told
    assert "4.0%" not in told, "a figure of paraplegia was given for the neck"


def test_where_nothing_was_counted_it_says_that_nobody_can_say(page):
    told = choose(page(), "D", "neck", "late")
    assert "No figure on file for these people" in told
    assert "%" not in told


def test_nothing_is_answered_before_all_three_are_chosen_and_after_all_are_taken_back(page):
    tab = page()
    tab.select_option("select[data-key=grade]", "A")
    answer = tab.locator(f"#{CHOOSER}-answer")
    assert answer.inner_text() == ""
    choose(tab, "A", "all", "early")
    assert "20%" in answer.inner_text()
    tab.get_by_role("button", name="Start again").click()
    tab.wait_for_function(f"document.getElementById('{CHOOSER}-answer').textContent === ''")


def test_it_works_by_keyboard_and_speaks_to_who_does_not_see_it(page):
    tab = page()
    tab.keyboard.press("Tab")
    for _ in range(3):
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Tab")
    answer = tab.get_by_role("status")
    assert "20%: one AIS grade or more" in answer.inner_text()
    assert [s.evaluate("s => s.labels.length") for s in tab.locator("select").all()] == [1, 1, 1]


def test_without_the_script_every_row_stands_in_a_plain_table(page):
    tab = page(script=False)
    assert tab.locator("form").is_hidden()
    tab.locator("summary").click()
    assert tab.locator(f"#{CHOOSER} tbody tr").count() == len(GROUPS)
    assert tab.locator(f"#{CHOOSER} tbody tr").first.is_visible()

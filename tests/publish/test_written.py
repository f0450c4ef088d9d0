"""Written pages are read again: marks that could not be read, and numbers that no form of their estimate gives today, stop a build."""

from __future__ import annotations

import pytest

from cordbook.publish.build.written import numbers_of, unread_marks, wrong_numbers
from cordbook.review.estimates.dependence import without_study
from cordbook.review.estimates.phrases import phrase

PROBLEM = '<p>We saw <a href="#id1"><span class="problematic" id="id2">{est}<cite>nobody</cite></span></a> of them.</p>'


@pytest.fixture
def page(tmp_path):
    def write(name, body):
        (tmp_path / f"{name}.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
        return tmp_path

    return write


def test_a_mark_that_could_not_be_read_is_told_with_its_page(page):
    page("a", '<p>All is well, and <span class="pre">problematic</span> is a word.</p>')
    html = page("b", PROBLEM.replace("<cite>", "").replace("</cite>", ""))
    assert unread_marks(html, ["b", "a"]) == ["b: {est}nobody could not be read"]
    assert unread_marks(html, ["a"]) == []


def test_every_mark_of_every_page_is_told_as_text(page):
    page("b", 2 * '<span class="problematic" id="x">&lt;b&gt;|x|</span>')
    html = page("a", '<span class="problematic">`y`</span>')
    assert unread_marks(html, ["b", "a"]) == ["a: `y` could not be read"] + 2 * ["b: <b>|x| could not be read"]


def number(estimate, text):
    return f'<a class="cb-number-link" href="../estimates/{estimate}.html">{text}</a>'


def test_a_number_must_be_a_form_of_its_estimate_or_of_it_without_one_of_its_studies(page, estimates):
    known = estimates["tumour-cell-therapy"]
    study = known.study_ids[0]
    right, less = phrase(known), phrase(without_study(known, study))
    assert numbers_of(number(known.id, right)) == [(known.id, right)]
    html = page("a", number(known.id, right) + number(known.id, less))
    assert wrong_numbers(html, estimates, ["a"]) == []
    html = page("a", number(known.id, "99.9%") + number("nothing-of-the-kind", right))
    assert wrong_numbers(html, estimates, ["a"]) == [
        f"a: '99.9%' is not what {known.id} says today",
        f"a: {right!r} is not what nothing-of-the-kind says today",
    ]

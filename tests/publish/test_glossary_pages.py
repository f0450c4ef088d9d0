"""Pages follow the glossary: marks, meanings, and what is written again when a meaning changes."""

from __future__ import annotations

import shutil

import pytest

from cordbook.core.project import Project
from cordbook.publish.build.build import build
from tests.publish import small_book
from tests.publish.conftest import edited, quiet, site_of


@pytest.fixture(scope="module")
def book(tmp_path_factory, terms_built):
    return Project(shutil.copytree(terms_built, tmp_path_factory.mktemp("terms") / "project"))


def test_marks_lead_to_anchors_of_the_glossary(book):
    page = (book.site / "book" / "words.html").read_text(encoding="utf-8")
    glossary = (book.site / "book" / "methods" / "glossary.html").read_text(encoding="utf-8")
    for term in ("tetraplegia", "axon", "spinal-cord-injury-sci"):
        assert f'href="methods/glossary.html#term-{term}" aria-describedby="cb-meaning-{term}"' in page
        assert page.count(f'id="cb-meaning-{term}"') == 1
        assert f'<dt id="term-{term}">' in glossary
    assert page.count(">Tetraplegia</a>") == 1  # the next section; the link in the source is not a mark
    assert page.count('class="cb-term" href="methods/glossary.html#term-axon"') == 1
    assert "cb-term" not in glossary


def test_study_pages_are_marked_too(book):
    assert 'class="cb-term"' in (book.site / "book" / "studies" / "lima2010.html").read_text(encoding="utf-8")


def test_a_changed_meaning_reaches_every_page_and_gives_the_bytes_of_a_clean_build(book, clean_site):
    rows = small_book.read_table(book.data, "glossary")
    place = next(i for i, row in enumerate(rows) if row["term"] == "tetraplegia")
    with edited(book, "data/glossary.csv"):
        small_book.set_value(book.data, "glossary", place, "plain_definition", "Four <i>limbs</i> & more.")
        build(book, report=quiet)
        page = (book.site / "book" / "words.html").read_text(encoding="utf-8")
        assert "Four &lt;i&gt;limbs&lt;/i&gt; &amp; more." in page
        assert "Weakness or loss of movement in arms" not in page
        assert site_of(book) == clean_site(book)
    build(book, report=quiet)


def test_a_build_of_nothing_new_does_nothing(book):
    build(book, report=quiet)
    assert build(book, report=quiet).unchanged


def test_without_the_page_of_the_glossary_nothing_is_marked(book, clean_site, tmp_path):
    with edited(book, "_toc.yml"):
        toc = book.toc.read_text(encoding="utf-8")
        book.toc.write_text(toc.replace("  - file: book/methods/glossary\n", ""), encoding="utf-8")
        site = clean_site(book)
    assert b"cb-term" not in site["book/words.html"]

"""What services read of every page: one title, one text, one kind; nothing from data is markup; the same from build to build."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from jupyter_book.config import get_final_config

from cordbook.core.project import Project
from cordbook.publish.build.build import build
from cordbook.publish.sphinx.share_ext import LONGEST, _buttons, shorten, summary_of
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.estimates.phrases import phrase
from tests.publish import small_book
from tests.publish.conftest import edited, quiet

HOSTILE = "Of cells\"><script>alert(1)</script> & 'x' {{y}}"


class _Head(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.metas, self.tags = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if tag == "meta" and (values.get("property") or values.get("name")):
            self.metas.append((values.get("property") or values["name"], values["content"]))

    def one(self, name):
        found = [content for key, content in self.metas if key == name]
        assert len(found) == 1, (name, found)
        return found[0]


@pytest.mark.parametrize("address", ["", "https://git.example.org/cordbook"])
def test_buttons_to_the_repository_come_with_its_address(address):
    config = SimpleNamespace(
        html_theme_options={"repository_url": address, "use_repository_button": False, "use_issues_button": False}
    )
    _buttons(None, config)
    assert [config.html_theme_options[f"use_{name}_button"] for name in ("repository", "issues")] == [bool(address)] * 2


def test_no_button_leads_to_the_repository_of_jupyter_book():
    """A book that names no repository gets that address from Jupyter Book, not an empty one."""
    default = get_final_config(user_yaml={"title": "x"}, cli_config={"latex_individualpages": False}, validate=False)[0][
        "html_theme_options"
    ]["repository_url"]
    assert "jupyter-book" in default
    config = SimpleNamespace(
        html_theme_options={"repository_url": default, "use_repository_button": False, "use_issues_button": False}
    )
    _buttons(None, config)
    assert config.html_theme_options == {"repository_url": "", "use_repository_button": False, "use_issues_button": False}


@pytest.fixture(scope="module")
def book(tmp_path_factory, terms_built):
    return Project(shutil.copytree(terms_built, tmp_path_factory.mktemp("share") / "project"))


def head(project, page):
    return _Head((project.site / f"{page}.html").read_text(encoding="utf-8"))


def test_every_page_has_one_of_each(book):
    pages = [p.relative_to(book.site).as_posix()[:-5] for p in book.site.rglob("*.html") if "_static" not in p.parts]
    assert len(pages) > 15
    for page in pages:
        found = head(book, page)
        assert found.one("twitter:card") == "summary"
        assert found.one("og:site_name") == "Cordbook"
        assert found.one("og:type") in ("website", "article")
        names = [name for name, _ in found.metas]
        assert "og:url" not in names  # the book does not know where it stands
        assert "og:image" not in names
        assert found.one("og:title").strip()
        assert found.one("og:description") == found.one("description") != ""
    assert head(book, "index").one("og:type") == "website"


def test_estimates_and_studies_are_shared_with_their_number(book):
    estimates = load_estimates(book.root)
    found = head(book, "book/estimates/ais-improved")
    assert found.one("og:title") == f"AIS improved: {phrase(estimates['ais-improved'], 'short')}"
    assert phrase(estimates["ais-improved"], "people") in found.one("og:description")
    assert "of 20 people" in head(book, "book/studies/lima2010").one("og:description")


def test_chapters_are_shared_with_their_title_and_first_words(book):
    found = head(book, "book/words")
    assert found.one("og:title") == "Words"
    assert found.one("og:description").startswith("A spinal cord injury (SCI) may lead to tetraplegia.")
    numbers = phrase(load_estimates(book.root)["ais-improved"], "of")
    assert f"Of them {numbers} improved" in head(book, "book/prose").one("og:description")


def test_a_hostile_title_stays_text(book):
    with edited(book, "data/references.csv", "references.bib"):
        rows = small_book.read_table(book.data, "references")
        place = next(i for i, row in enumerate(rows) if row["reference_id"] == "lima2010")
        small_book.set_value(book.data, "references", place, "title", HOSTILE)
        from cordbook.evidence.references.bibtex_file import bibliography_text

        text = bibliography_text(small_book.read_table(book.data, "references"))
        (book.root / "references.bib").write_text(text, encoding="utf-8")
        build(book, report=quiet)
        found = head(book, "book/studies/lima2010")
        assert found.one("og:title") == f"Lima 2010: {HOSTILE}"
        page = (book.site / "book" / "studies" / "lima2010.html").read_text(encoding="utf-8")
        assert "<script>alert" not in page
    build(book, report=quiet)


def test_with_an_address_pages_name_theirs(book):
    with edited(book, "_config.yml"):
        config = (book.root / "_config.yml").read_text(encoding="utf-8")
        (book.root / "_config.yml").write_text(
            config.replace('html_baseurl: ""', "html_baseurl: https://example.org/b/"), encoding="utf-8"
        )
        build(book, report=quiet)
        assert head(book, "book/estimates/tumour").one("og:url") == "https://example.org/b/book/estimates/tumour.html"
    build(book, report=quiet)


def test_questions_that_head_an_answer_are_left_out():
    page = new_document("page")
    box = nodes.container("", classes=["cb-answer"])
    answers = ("What happens after? About 5.3% (95% CI 4 to 6) improved.", "What anyway? Half.")
    box += [nodes.paragraph("", answer) for answer in answers]
    page += box
    assert summary_of(page) == "About 5.3% (95% CI 4 to 6) improved. Half."
    page.children[0].children = [nodes.paragraph("", "Only a question?")]
    assert summary_of(page) == "Only a question?"


@pytest.mark.parametrize("text", ["One. Two.", "a" * 500, "word " * 200, "Short. " + "long " * 100, "No end of it " * 40 + "."])
def test_shortened_texts_fit_and_begin_alike(text):
    short = shorten(text)
    assert len(short) <= LONGEST
    assert text.startswith(short.removesuffix(" …")) or short.endswith("…")
    assert short

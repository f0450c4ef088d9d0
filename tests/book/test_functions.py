"""The pages of the functions: each public name has one, with what its docstring says, and the list leads to each."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from cordbook import synthesis
from cordbook.core.project import Project
from cordbook.publish.freshness.inputs import source_files
from cordbook.publish.pages.reference_pages import FOLDER, write_reference_pages
from tests.conftest import copy_project

HEADINGS = re.compile(r"^([A-Z][a-z]+)\n-{3,}$", re.M)


@pytest.fixture(scope="module")
def pages(real_book: Path) -> Path:
    return Project(real_book).site / FOLDER


@pytest.fixture(scope="module")
def listed(pages: Path) -> BeautifulSoup:
    return BeautifulSoup((pages / "index.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("name", synthesis.PUBLIC)
def test_every_public_name_has_a_page_with_all_sections_of_its_docstring(pages, name):
    page = BeautifulSoup((pages / f"{name}.html").read_text(encoding="utf-8"), "html.parser").find("article")
    doc, text = inspect.getdoc(getattr(synthesis, name)) or "", " ".join(page.get_text(" ").split())
    assert page.find(id=f"cordbook.{name}") is not None
    for heading in HEADINGS.findall(doc):
        assert heading in text, heading
    for argument in (
        inspect.signature(getattr(synthesis, name)).parameters if inspect.isfunction(getattr(synthesis, name)) else ()
    ):
        assert argument in text
    if ">>>" in doc:
        assert page.find("pre") is not None
    # What reStructuredText could not read stays as it was typed.
    assert not re.search(r":(?:func|class|mod|data):|``", text)


def test_the_list_leads_to_each_page_by_what_it_is_for(listed):
    links = [a["href"] for a in listed.select(".cb-functions dt a")]
    assert links == [f"{name}.html" for name in synthesis.PUBLIC]
    assert [h.get_text().rstrip("#") for h in listed.find("article").find_all("h2")] == list(synthesis.SECTIONS)
    assert all(d.get_text().strip() and "`" not in d.get_text() for d in listed.select(".cb-functions dd"))


def test_words_of_functions_get_no_meaning_from_the_glossary(pages):
    assert not [path.name for path in pages.glob("*.html") if "#term-" in path.read_text(encoding="utf-8")]


def test_a_page_has_its_neighbours_and_its_place(pages):
    first, second = list(synthesis.PUBLIC)[:2]
    page = BeautifulSoup((pages / f"{second}.html").read_text(encoding="utf-8"), "html.parser")
    assert page.select_one("a.left-prev")["href"] == f"{first}.html"
    assert [li.get_text() for li in page.select(".cb-trail li")] == ["Home", "Functions", second]
    assert page.select_one(".bd-sidebar-primary a.current.reference") is not None


def test_a_review_that_does_not_list_the_functions_gets_no_pages_of_them(tmp_path):
    (tmp_path / "book").mkdir()
    assert write_reference_pages(Project(tmp_path)) is None
    assert not (tmp_path / FOLDER).exists()


def test_pages_that_are_made_are_no_sources_but_the_list_is(tmp_path):
    project = Project(copy_project(tmp_path / "project"))
    assert write_reference_pages(project).total == len(synthesis.PUBLIC)
    sources = {p.name for p in source_files(project) if p.parent.name == "reference"}
    assert "index.md" in sources and not sources & {f"{name}.md" for name in synthesis.PUBLIC}

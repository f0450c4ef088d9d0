"""The explorer as a page of a built book: its data follows the tables, and the same sources give the same bytes."""

import shutil

import pytest

from cordbook.core.project import Project
from cordbook.publish.build.build import build
from tests.publish import small_book
from tests.publish.conftest import clean_site, edited, quiet, site_of  # noqa: F401

PAGE = "# Explore\n\n```{explorer}\nIt needs JavaScript; see [one](one.ipynb).\n```\n"
DATA = "_static/explorer/evidence.js"


@pytest.fixture(scope="module")
def book(tmp_path_factory, small_built):
    """The small book with an explorer, built."""
    project = Project(shutil.copytree(small_built, tmp_path_factory.mktemp("explorer") / "project"))
    (project.root / "book" / "explorer.md").write_text(PAGE, encoding="utf-8")
    toc = project.toc.read_text(encoding="utf-8")
    project.toc.write_text(toc + "  - file: book/explorer\n", encoding="utf-8")
    build(project, report=quiet)
    return project


def test_the_page_loads_scripts_of_its_own_and_no_other_page_does(book):
    html = (book.site / "book" / "explorer.html").read_text(encoding="utf-8")
    for name in ("distributions", "pooling", "evidence", "page"):
        assert f"explorer/{name}.js" in html
        assert (book.site / "_static" / "explorer" / f"{name}.js").is_file()
    assert html.index("explorer/evidence.js") < html.index("explorer/page.js")
    assert "It needs JavaScript" in html
    assert "explorer/page.js" not in (book.site / "book" / "one.html").read_text(encoding="utf-8")


def test_the_data_follows_the_tables_and_a_clean_build_gives_the_same(book, clean_site):  # noqa: F811
    before = (book.site / DATA).read_text(encoding="utf-8")
    with edited(book, "data/outcomes.csv", "data/extractions.csv"):
        small_book.set_events(book.data, "lima2010.treated.ais_improved.all.27.7", 10)
        build(book, report=quiet)
        after = (book.site / DATA).read_text(encoding="utf-8")
        assert after != before
        assert site_of(book) == clean_site(book)
    build(book, report=quiet)
    assert (book.site / DATA).read_text(encoding="utf-8") == before


def test_a_filter_s_value_and_a_bias_item_follow_too(book):
    before = (book.site / DATA).read_text(encoding="utf-8")
    with edited(book, "data/studies.csv", "data/risk_of_bias.yml"):
        path = book.data / "risk_of_bias.yml"
        path.write_text(path.read_text(encoding="utf-8").replace("name: Randomised", "name: By chance"), encoding="utf-8")
        build(book, report=quiet)
        assert "By chance" in (book.site / DATA).read_text(encoding="utf-8")
    build(book, report=quiet)
    assert (book.site / DATA).read_text(encoding="utf-8") == before


def test_the_script_is_plain_and_cannot_begin_markup(book):
    script = (book.site / DATA).read_bytes()
    assert script.isascii()
    assert not set(b"<>&") & set(script)

"""The book on paper: put together from the built pages, printed by a real Chromium, read back."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import cordbook
from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.build.build import build
from cordbook.publish.hosting.pdf import NAMES, _reproducible
from cordbook.publish.hosting.print_html import NotPrintable, parts_of, print_book
from cordbook.review.citation.edition import Edition, edition_of_tree
from tests.publish import small_book
from tests.publish.conftest import quiet

FOLDED = """

## Folded and linked

<details class="cb-folded"><summary>A fold</summary><p>Hidden until opened.</p></details>

[Of trials](https://clinicaltrials.gov/study/NCT01234567), [NCT07654321](https://clinicaltrials.gov/study/NCT07654321),
[a report](https://doi.org/10.1000/xyz123), [the first chapter](one), <a href="../feed.xml">the feed</a>.
"""
needs_chromium = pytest.mark.skipif(not any(map(shutil.which, NAMES)), reason="no chromium on this machine: apt install chromium")


@pytest.fixture(scope="module")
def book(tmp_path_factory, root, small_built) -> Project:
    """The small book, built, with a fold and links out of it."""
    project = Project(shutil.copytree(small_built, tmp_path_factory.mktemp("pdf") / "project"))
    shutil.copy(root / "CITATION.cff", project.root)
    (project.root / "book" / "prose.md").write_text(small_book.PROSE + FOLDED, encoding="utf-8")
    build(project, report=quiet)
    return project


@pytest.fixture(scope="module")
def edition(book) -> Edition:
    return edition_of_tree(book.root, cordbook.__version__)


@pytest.fixture(scope="module")
def printed(book, tmp_path_factory):
    """The PDF, read."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: pip install pypdf")
    path = tmp_path_factory.mktemp("printed") / "book.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(book.root)
        assert main(["pdf", "--output", str(path)]) == 0
    return pypdf.PdfReader(path)


def words(page) -> str:
    return " ".join(page.extract_text().split())


@needs_chromium
def test_paper_says_what_the_pages_say(printed, edition):
    sheets = [words(page) for page in printed.pages]
    assert edition.title in sheets[0]
    assert "unreleased" in sheets[0]
    whole = " ".join(sheets)
    for said in ("57% (95% CI 38 to 76)", "29 of 51", "More than a third improved", "Hidden until opened.", "No tumour"):
        assert said in whole, said
    assert "Search" not in whole
    assert sheets[2].startswith(f"Cordbook {edition.version}, not released 3 Small book")


@needs_chromium
def test_the_contents_name_the_sheet_on_which_a_chapter_begins(printed):
    rows = re.findall(r"(Small book|One|Two|Prose) (\d+)", words(printed.pages[1]))
    assert [title for title, _ in rows] == ["Small book", "One", "Two", "Prose"]
    for title, number in rows:
        assert title in words(printed.pages[int(number) - 1]), title
        # Prose may begin with such a word ("One study counted ..."); a title stands alone.
        assert not re.search(rf"\b{title}\b(?! stud)", words(printed.pages[int(number) - 2])) or number == "3"


@needs_chromium
def test_bookmarks_and_links_lead_within_the_document_or_to_the_web(printed):
    titles = [entry.title for entry in printed.outline if not isinstance(entry, list)]
    assert titles == ["Contents", "Small book", "One", "Two", "Prose"]
    actions = [note.get_object() for page in printed.pages for note in page.get("/Annots", ())]
    addresses = {note["/A"]["/URI"] for note in actions if "/A" in note and "/URI" in note["/A"]}
    assert {a.split(":")[0] for a in addresses} <= {"https", "http"}
    assert any("doi.org/10.1000/xyz123" in a for a in addresses)
    targets = {str(note["/Dest"]).lstrip("/") for note in actions if "/Dest" in note}
    assert targets
    assert targets <= {name.lstrip("/") for name in printed.named_destinations}


@needs_chromium
def test_again_it_is_the_same_and_no_clock_is_in_it(printed, book, tmp_path, monkeypatch, edition):
    monkeypatch.chdir(book.root)
    assert main(["pdf", "--output", str(tmp_path / "again.pdf")]) == 0
    first = Path(printed.stream.name).read_bytes() if hasattr(printed.stream, "name") else printed.stream.getvalue()
    assert (tmp_path / "again.pdf").read_bytes() == first
    assert f"D:{edition.date:%Y%m%d}000000".encode() in first
    assert [p.name for p in tmp_path.iterdir()] == ["again.pdf"]


def test_what_differs_between_two_runs_of_the_browser_is_taken_out_and_no_byte_moves(edition):
    runs = [
        b"/CreationDate (D:20261130101112+00'00') /ID (node%08d) /Headers [(node%08d)] /Names [(node%08d) (node%08d)] xref"
        % nodes
        for nodes in ((75, 81, 75, 81), (77, 90, 77, 90))
    ]
    first, second = (_reproducible(content, edition) for content in runs)
    assert first == second
    assert len(first) == len(runs[0])
    assert b"/ID (node00000001) /Headers [(node00000002)] /Names [(node00000001) (node00000002)]" in first


@needs_chromium
def test_without_pypdf_it_is_printed_without_numbers(book, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pypdf", None)
    monkeypatch.chdir(book.root)
    assert main(["pdf"]) == 0
    assert "no numbers of sheets" in capsys.readouterr().out
    assert (book.root / "dist" / f"cordbook-{cordbook.__version__}.pdf").read_bytes().startswith(b"%PDF-")


def test_without_chromium_it_says_how_to_get_it(book, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(book.root)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["pdf", "--output", str(tmp_path / "x.pdf")]) == 2
    assert "apt install chromium" in capsys.readouterr().err
    assert main(["pdf", "--chromium", "nothing-of-the-kind"]) == 2
    assert not list(tmp_path.iterdir())


def test_a_chromium_that_fails_leaves_the_old_file(book, tmp_path, monkeypatch, capsys):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho no display >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    place = tmp_path / "out" / "book.pdf"
    place.parent.mkdir()
    place.write_bytes(b"old")
    monkeypatch.chdir(book.root)
    assert main(["pdf", "--output", str(place), "--chromium", str(program)]) == 1
    assert "no display" in capsys.readouterr().err
    assert place.read_bytes() == b"old"
    assert [p.name for p in place.parent.iterdir()] == ["book.pdf"]


def test_a_book_that_is_not_up_to_date_is_not_printed(book, tmp_path, monkeypatch, capsys):
    program = tmp_path / "never"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    page = book.root / "book" / "prose.md"
    before = page.read_bytes()
    page.write_bytes(before + b"\nMore.\n")
    monkeypatch.chdir(book.root)
    try:
        assert main(["pdf", "--chromium", str(program)]) == 1
    finally:
        page.write_bytes(before)
    assert "cordbook build" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- the page that is printed


def test_ids_are_unique_and_every_inner_link_leads_somewhere(book, edition):
    page = BeautifulSoup(print_book(book, edition, with_studies=True).to_html(), "html.parser")
    ids = Counter(str(found["id"]) for found in page.find_all(id=True))
    assert [name for name, count in ids.items() if count > 1] == []
    inner = [str(link["href"])[1:] for link in page.select("a[href^='#']")]
    assert inner
    assert set(inner) <= ids.keys()
    assert not page.select("script, button, input")
    assert not [link["href"] for link in page.select("a[href]") if not str(link["href"]).startswith(("#", "https://", "http://"))]
    assert all(fold.has_attr("open") for fold in page.select("details"))
    assert not page.select("a[href*='feed.xml']")


def test_an_address_is_said_once(book, edition):
    page = BeautifulSoup(print_book(book, edition).to_html(), "html.parser")
    prose = " ".join(page.select_one("#page-book-prose").get_text().split())
    assert "Of trials [clinicaltrials.gov/study/NCT01234567], NCT07654321, a report [doi:10.1000/xyz123], the first" in prose


def test_numbers_lead_to_the_printed_page_of_their_estimate(book, edition):
    def target(with_studies: bool) -> str | None:
        page = BeautifulSoup(print_book(book, edition, with_studies=with_studies).to_html(), "html.parser")
        return page.select_one("#page-book-prose a.cb-number-link").get("href")

    assert target(True) == "#page-book-estimates-ais-improved"
    assert target(False) is None


def test_pages_of_studies_come_only_when_asked_for(book):
    plain, whole = parts_of(book), parts_of(book, with_studies=True)
    assert whole[: len(plain)] == plain
    assert [part.name for part in whole[len(plain) :]] == ["Estimates, one by one", "Studies, one by one"]
    assert len(whole[-1].pages) == len(list((book.site / "book" / "studies").glob("*.html")))


PAGE = '<html><body><nav id="x">gone</nav><article class="bd-article"><h1>{title}</h1>{body}</article></body></html>'


def made(tmp_path: Path, **pages: str) -> Project:
    """A project with pages written by hand."""
    toc = "format: jb-book\nroot: index\nchapters:\n  - file: a/one\n  - file: a/two\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    for name, body in pages.items():
        path = tmp_path / "_build" / "html" / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(title=name, body=body), encoding="utf-8")
    return Project(tmp_path)


def test_drawings_of_two_pages_keep_their_own_parts(tmp_path, edition):
    drawing = '<svg><defs><clipPath id="c"></clipPath></defs><g clip-path="url(#c)"></g><use xlink:href="#c"/></svg>'
    project = made(tmp_path, index="", a__one=drawing, a__two=f'{drawing}<a href="one.html#c">o</a><a href="#c">t</a>')
    page = BeautifulSoup(print_book(project, edition).to_html(), "html.parser")
    second = page.select_one("#page-a-two")
    new = second.find("clippath")["id"]
    assert new != "c"
    assert second.g["clip-path"] == f"url(#{new})"
    assert second.use["xlink:href"] == f"#{new}"
    assert [link["href"] for link in second.find_all("a")] == ["#c", f"#{new}"]


def test_a_section_of_which_nothing_is_left_goes_with_its_heading(tmp_path, edition):
    gone = '<section id="s"><h2>Cite it</h2><details class="cb-cite"><summary>Cite</summary></details></section>'
    kept = '<section id="k"><h2>Drawn</h2><figure><svg></svg></figure></section>'
    project = made(tmp_path, index="", a__one=f'{gone}{kept}<a href="#s">cite</a>', a__two="")
    page = BeautifulSoup(print_book(project, edition).to_html(), "html.parser").select_one("#page-a-one")
    assert [heading.get_text() for heading in page.find_all("h2")] == ["Drawn"]
    assert page.a["href"] == "#page-a-one"


def test_an_explorer_is_left_out_and_a_missing_page_is_told(tmp_path, edition):
    project = made(tmp_path, index="", a__one='<div id="cb-explorer"></div>', a__two="x")
    assert [c.name for c in print_book(project, edition).chapters] == ["index", "a/two"]
    (project.site / "a" / "two.html").unlink()
    with pytest.raises(NotPrintable, match="a/two"):
        print_book(project, edition)


def test_text_that_looks_like_markup_stays_text(tmp_path, edition):
    project = made(tmp_path, index="", a__one="&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;", a__two="<script>alert(2)</script>")
    html = print_book(project, edition).to_html()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;" in html

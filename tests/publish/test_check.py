"""`cordbook check` finds whatever is not what a clean run gives today."""

import json

from cordbook.cli import main
from cordbook.publish.build.build import build
from cordbook.publish.build.check import check
from tests.publish.conftest import edited, quiet


def problems(book, **options):
    return "\n".join(check(book, report=quiet, **options).problems)


def test_a_good_book_has_no_problem(book, monkeypatch, capsys):
    build(book, report=quiet)
    monkeypatch.chdir(book.root)
    assert main(["check", "--quiet"]) == 0
    assert "3 chapters executed, 2 guards, 2 estimates, 4 pages: all is well" in capsys.readouterr().out


def test_an_output_that_was_edited_is_found(book):
    build(book, report=quiet)
    with edited(book, "book/two.ipynb"):
        path = book.root / "book" / "two.ipynb"
        stored = json.loads(path.read_text(encoding="utf-8"))
        stored["cells"][1]["outputs"][0]["data"]["text/plain"] = ["7"]
        path.write_text(json.dumps(stored), encoding="utf-8")
        assert "stored outputs of code-01 are not those of a clean run" in problems(book)


def test_a_number_on_a_page_that_is_not_todays_is_found(book):
    build(book, report=quiet)
    page = book.site / "book" / "prose.html"
    good = page.read_bytes()
    try:
        text = good.decode()
        start = text.index("cb-number-link")
        place = text.index(">", start) + 1
        page.write_text(text[:place] + "99 of 100" + text[text.index("</a>", place) :], encoding="utf-8")
        assert "'99 of 100' is not what ais-improved says today" in problems(book, rerun=False)
    finally:
        page.write_bytes(good)


def test_an_alternative_text_that_is_not_todays_is_found(book):
    build(book, report=quiet)
    page = book.site / "index.html"
    good = page.read_bytes()
    try:
        page.write_bytes(good.replace(b'aria-label="Summary of findings', b'aria-label="Something else'))
        assert "Summary of findings" in problems(book, rerun=False)
    finally:
        page.write_bytes(good)


def test_a_missing_page_is_found(book):
    build(book, report=quiet)
    page = book.site / "book" / "prose.html"
    good = page.read_bytes()
    page.unlink()
    assert "no built page for book/prose" in problems(book, rerun=False)
    page.write_bytes(good)

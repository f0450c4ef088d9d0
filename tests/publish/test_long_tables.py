"""Long tables: the first rows in the page, the others from files beside it; without scripts the reader is told."""

import csv
import re
import shutil

import pytest

from cordbook.display.figures.thinning import MOST_STUDIES
from cordbook.display.html.table import Cell, Table
from cordbook.publish.sphinx import extension, long_tables
from cordbook.publish.sphinx.long_tables import FILE_BYTES, KEPT, LONG, LONG_LIST, estimate_csv, shorten

EVIL = '</script><script>document.title = "taken"</script>'


def table(number, folded=False):
    notes = [*["=1+1"] * (number - 1), EVIL]
    rows = tuple((Cell(f"Study {i}", f"s{i}.html"), Cell(str(i), numeric=True), Cell(note)) for i, note in enumerate(notes))
    ids = tuple(f"row-{i}" for i in range(number))
    return Table("long", "A long table", ("Study", "Number", "Note"), rows, ids, folded=folded)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with a table of 1,000 rows, a short one and a list of references, as they are written for the book."""
    folder = tmp_path_factory.mktemp("page")
    entry = '<div class="citation" id="ref{0}" role="doc-biblioentry"><p>Entry {0}</p>\n</div>'
    entries = "\n".join(entry.format(i) for i in range(LONG_LIST + 1))
    few = table(20).to_html().replace("long", "short").replace("row-", "short-")
    body = f'{table(1000).to_html()}{few}<div role="list" class="citation-list">\n{entries}\n</div>'
    short = shorten(body, folder / "rows" / "book" / "x", "rows/book/x/")
    shutil.copy(extension.ASSETS / "tables.js", folder)
    shutil.copy(extension.ASSETS / "cordbook.css", folder)
    head = '<meta charset="utf-8"><link rel="stylesheet" href="cordbook.css"><script defer src="tables.js"></script>'
    whole = f"<!doctype html><html lang=en><head>{head}<title>x</title></head><body>{short}</body></html>"
    (folder / "page.html").write_text(whole, encoding="utf-8")
    return folder


def test_short_tables_stay_as_they_are(tmp_path):
    body = table(LONG).to_html()
    assert shorten(body, tmp_path / "rows", "rows/") == body
    assert not (tmp_path / "rows").exists()


def test_no_row_is_lost_and_no_file_is_large(page):
    text = (page / "page.html").read_text(encoding="utf-8")
    files = sorted((page / "rows" / "book" / "x").glob("long-*.js"))
    inside = re.findall(r'id="row-(\d+)"', text)
    inside += [i for f in files for i in re.findall(r'id=\\"row-(\d+)', f.read_text(encoding="utf-8"))]
    assert [int(i) for i in inside] == list(range(1000))
    assert all(f.stat().st_size < 2 * FILE_BYTES for f in files)
    assert len(re.findall(r'id="row-', text)) == KEPT


def test_the_file_has_every_row_and_no_formula(page):
    with (page / "rows" / "book" / "x" / "long.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Study", "Number", "Note"]
    assert len(rows) == 1001
    assert rows[7] == ["Study 6", "6", "'=1+1"]


def test_with_scripts_the_whole_table_stands_there_and_links_to_rows_work(browser, page):
    tab = browser.new_page()
    tab.goto(f"file://{page}/page.html#row-990")
    assert tab.locator("#long tbody tr").count() == 1000
    assert tab.locator("#references .citation").count() == LONG_LIST + 1
    assert tab.locator("[data-rows-of]").filter(visible=True).count() == 0
    on_screen = "e => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight }"
    assert tab.locator("#row-990").evaluate(on_screen)
    tab.get_by_label("Filter rows").first.fill("Study 500")
    assert tab.locator("#long tbody tr").filter(visible=True).count() == 1
    assert tab.title() == "x"
    tab.close()


def test_without_scripts_the_reader_is_told_what_is_missing_and_where_it_is(browser, page):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"file://{page}/page.html")
    assert tab.locator("#long tbody tr").count() == KEPT
    note = tab.locator("[data-rows-of=long]")
    assert note.is_visible()
    assert "first 250 of 1,000 rows" in note.inner_text()
    assert (page / note.locator("a").get_attribute("href")).is_file()
    assert (page / tab.locator("[data-rows-of=references] a").get_attribute("href")).read_text().count("\n") == LONG_LIST + 1
    context.close()


def test_the_file_of_an_estimate_has_its_studies_with_their_weights(estimates):
    estimate = max(estimates, key=lambda e: e.k)
    rows = list(csv.DictReader(estimate_csv(estimate).splitlines()))
    assert len(rows) == estimate.k <= MOST_STUDIES + 20
    assert sum(int(row["events"]) for row in rows) == estimate.events
    assert sum(float(row["weight_percent"]) for row in rows) == pytest.approx(100)
    assert {c for row in rows for c in row["cells"].split(";")} == set(estimate.count_ids)


def test_rows_of_pages_that_are_gone_are_removed(tmp_path):
    class Gone:
        outdir = tmp_path
        env = type("Env", (), {"found_docs": {"book/here"}})

    for name in ("book/here", "book/gone"):
        (tmp_path / "rows" / name).mkdir(parents=True)
        (tmp_path / "rows" / name / "long-1.js").write_text("x")
    long_tables._sweep(Gone)
    assert [p.name for p in (tmp_path / "rows" / "book").iterdir()] == ["here"]

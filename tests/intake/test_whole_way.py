"""The whole way of one trial, by the commands alone: from an export file to the book's pages. The trial is invented."""

from __future__ import annotations

import datetime as dt
import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path

import pytest

from cordbook.evidence import validate
from cordbook.publish.release.release import Asked, release
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.versions.releases import Version
from tests.intake.invented import ADA, BEN, EXPORT, STUDY, cordbook, fill, rows, typed
from tests.publish import release_book, small_book
from tests.publish.conftest import quiet

ATOM = "{http://www.w3.org/2005/Atom}"
#: The same paper as another database gives it, and one that is not a trial in people.
OTHER_EXPORT = """\
TY  - JOUR
TI  - An invented example: bone marrow cells after thoracic spinal cord injury, a trial that never took place.
AU  - Exemplar, A.
AU  - Sample, B.
PY  - 2026
T2  - Journal of Invented Examples
ER  -

TY  - JOUR
TI  - An invented study of rats with contused cords that never took place
AU  - Nobody, N.
PY  - 2025
T2  - Annals of Invented Examples
AB  - Forty invented rats.
ER  -
"""
#: Boxes of the flow when the trial is in: three records, one of them twice, one excluded.
FLOW_NOW = {
    "Records from Invented Base": "1",
    "Records from Other Base": "2",
    "Records identified by databases and registers": "3",
    "Duplicates removed": "1",
    "Records waiting to be screened": "0",
    "Records screened": "2",
    "Records excluded": "1",
    "Reports sought": "1",
    "Reports assessed": "1",
    "Studies included from databases and registers": "1",
    "Studies waiting to be extracted": "0",
    "Study reports found by targeted look-ups": "10",
    "Study reports in the data": "11",
}
FOREST = small_book.OPEN + 'review.forest("ais-improved")'
FLOW = small_book.OPEN + "review.methods.flow_table()"


def page(book: Path, name: str) -> str:
    return (book / "_build" / "html" / name).read_text(encoding="utf-8")


def told(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def flow(book: Path) -> dict[str, str]:
    """The numbers of the table beside the diagram, by box."""
    found = re.findall(r"<tr.*?</tr>", page(book, "book/flow.html"), flags=re.S)
    cells = [[told(c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.S)] for row in found]
    return {row[-2] if len(row) > 2 else row[0]: row[-1] for row in cells if len(row) > 1}


def news(book: Path) -> dict[str, str]:
    """Titles of the feed's entries with their addresses."""
    top = ET.parse(book / "_build" / "html" / "feed.xml").getroot()
    return {e.find(f"{ATOM}title").text: e.find(f"{ATOM}link").get("href") for e in top.iter(f"{ATOM}entry")}


@pytest.fixture(scope="module")
def book(root, tmp_path_factory):
    """The small book with a forest plot and a flow, released before the trial comes."""
    folder = tmp_path_factory.mktemp("whole") / "book"
    project = release_book.make(root, folder, {"forest": FOREST, "flow": FLOW})
    release(project, Asked(Version(0, 1, 0), dt.date(2026, 12, 1)), report=quiet)
    release_book.commit(folder, "Release 0.1.0")
    return folder


def test_an_export_becomes_a_study_of_the_book(book, tmp_path):
    before = load_estimates(book)["ais-improved"]
    assert "Exemplar" not in page(book, "book/forest.html")
    old_flow = flow(book)
    assert f"{STUDY}.html" not in page(book, "book/estimates/ais-improved.html")
    other = tmp_path / "other.ris"
    other.write_text(OTHER_EXPORT, encoding="utf-8")

    def do(*arguments: str, keys: str = "") -> str:
        done = cordbook(book, *arguments, keys=keys)
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    # Import and dedupe: three records, one of them twice.
    do("import", str(EXPORT), "--source", "Invented Base", "--by", "Ada")
    do("import", str(other), "--source", "Other Base", "--by", "Ada")
    assert "3 records: 1 merged now" in do("dedupe", "--by", "Ada")
    # Two people screen: the trial goes on, the rats do not.
    titles = {r["record_id"]: r["title"] for r in rows(book, "records")}
    rats = next(r for r, title in titles.items() if "rats" in title)
    for person in ("Ada", "Ben"):
        do("screen", "--as", person, keys=keys_for(book, person))
    assert "title abstract: 2 records, 1 include, 1 exclude, 0 waiting" in do("screen", "--status")
    assert {r["reason"] for r in rows(book, "screening") if r["record_id"] == rats} == {""}
    for person in ("Ada", "Ben"):
        assert f"[{STUDY}]" in do("screen", "--stage", "full_text", "--as", person, keys="i\n\n")
    # Two people read, one in the terminal, one in a spreadsheet.
    assert f"{STUDY}: not read yet" in do("extract")
    do("extract", STUDY, "--reader", "Ada", keys=typed(ADA))
    form = tmp_path / "ben.csv"
    do("extract", STUDY, "--reader", "Ben", "--form", str(form))
    form.write_text(fill(form.read_text(encoding="utf-8-sig"), BEN), encoding="utf-8-sig", newline="")
    do("extract", STUDY, "--reader", "Ben", "--form", str(form))
    # They differ in a place of the study and a count; a third person settles both.
    do("reconcile", STUDY, "--as", "Cat", keys="1\n1\nTable 2 has nine\n")
    do("validate")
    assert validate(book / "data").errors == 0
    do("build")

    # The estimate holds it, and so does the forest plot.
    after = load_estimates(book)["ais-improved"]
    assert after.k == before.k + 1
    assert (after.events, after.n) == (before.events + 9, before.n + 20)
    forest = page(book, "book/forest.html")
    assert "Exemplar 2026" in told(forest)
    assert f"studies/{STUDY}.html" in forest
    assert "9/20" in forest.replace(" ", "")
    assert f"studies/{STUDY}.html" in page(book, "book/estimates/ais-improved.html")
    # The flow counts every step.
    assert "Records screened" not in old_flow or old_flow["Records screened"] == "not yet"
    assert old_flow["Study reports in the data"] == "10"
    assert {box: flow(book).get(box) for box in FLOW_NOW} == FLOW_NOW
    # The page of the study: counts, both readings, and that nobody has verified them.
    study = told(page(book, f"book/studies/{STUDY}.html"))
    assert "9 of 20 read twice" in study
    assert "Table 2 has nine" in study
    assert "Read by Ada and Ben. Nobody has checked these numbers against the source since." in study
    assert "0 of 2 counts here verified by a person" in study
    assert "automated" not in study
    # The feed announces it, and the search finds it.
    assert news(book)["New study: Exemplar 2026"].endswith(f"book/studies/{STUDY}.html")
    index = page(book, "searchindex.js")
    objects = json.loads(index.removeprefix("Search.setIndex(").rstrip().rstrip(")"))
    assert f"Exemplar 2026 [{STUDY}]" in json.dumps(objects["objects"])
    assert any(title.startswith("Exemplar 2026") for title in objects["titles"])
    # A person verifies the count, and the book says so.
    cell = f"{STUDY}.treated.ais_improved.all.12"
    do("verify-counts", "--count", cell, "--as", "Dee", keys="c\nthe invented report, Table 2\n")
    do("build")
    assert "9 of 20 verified by a person" in told(page(book, f"book/studies/{STUDY}.html"))
    estimate = told(page(book, "book/estimates/ais-improved.html"))
    assert re.search(rf"\d+% verified by a person of the weight \(1 of {len(after.count_ids)} counts", estimate)


def keys_for(book: Path, person: str) -> str:
    """Keys that include the trial and exclude the rats, in the order in which the queue shows them."""
    from cordbook.intake.screening.screening import load_items, queue

    data = book / "data"
    items = load_items(data)
    waiting = queue(items, rows(book, "screening"), "title_abstract", person)
    return "".join("e\n" if "rats" in items[r].title else "i\n" for r in waiting)

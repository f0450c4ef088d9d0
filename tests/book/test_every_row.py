"""Every row of every table of evidence stands on a page of the book: what is on file is shown, once in a chapter.

Chapters are looked at as they are stored, which the build compares with those of today; pages of studies in the built book.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cordbook.evidence.evidence import load_evidence

ROOT = Path(__file__).resolve().parents[2]
#: How a row of a table is known on the page of a chapter.
SHOWN: dict[str, Callable[[object], str]] = {
    "mechanisms": lambda r: f'id="claim-{r.claim_id}"',
    "claims": lambda r: f'id="{r.claim_id}"',
    "dose_response": lambda r: f'id="dose-{r.dose_response_id}"',
    "natural_pooled": lambda r: f'id="natural-{r.natural_id}"',
    "published_pooled": lambda r: r.published_id,
    "integrity_notices": lambda r: r.reference,
    "glossary": lambda r: r.term,
    "search_strategies": lambda r: r.strategy_id,
}
#: Rows that have a place of their own in one chapter and no other.
ONCE = ("mechanisms", "claims", "dose_response", "natural_pooled")


@pytest.fixture(scope="module")
def evidence():
    return load_evidence(ROOT / "data")


def shown(path: Path) -> str:
    """What a stored chapter shows: the HTML of its outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = (o.get("data", {}).get("text/html", "") for cell in cells for o in cell.get("outputs", ()))
    return html.unescape("\n".join("".join(text) for text in outputs))


@pytest.fixture(scope="module")
def chapters() -> dict[str, str]:
    paths = [ROOT / "index.ipynb", *(ROOT / "book").rglob("*.ipynb")]
    return {path.relative_to(ROOT).as_posix(): shown(path) for path in paths}


@pytest.mark.parametrize("table", SHOWN)
def test_every_row_stands_in_a_chapter(evidence, chapters, table):
    book = "\n".join(chapters.values())
    marks = [SHOWN[table](row) for row in evidence[table].itertuples()]
    assert [mark for mark in marks if mark not in book] == []
    assert marks


@pytest.mark.parametrize("table", ONCE)
def test_no_row_has_two_places(evidence, chapters, table):
    book = "\n".join(chapters.values())
    counts = Counter({mark: book.count(mark) for mark in map(SHOWN[table], evidence[table].itertuples())})
    assert {mark: n for mark, n in counts.items() if n != 1} == {}


def test_every_registered_trial_without_a_report_is_listed(evidence, chapters):
    trials = evidence["registered_trials"]
    listed = chapters["book/methods/registered-trials.ipynb"]
    unlinked = trials[trials["linked_study_id"].isna()]
    names = [r.registry_id if r.registry_id in listed else r.title for r in unlinked.itertuples()]
    assert [name for name in names if pd.isna(name) or name not in listed] == []


def test_averages_of_pools_stand_beside_our_numbers(evidence, chapters):
    """Those of a study are on its page, the others have a table in the chapter on replication."""
    rows = evidence["continuous"]
    others = rows[~rows["reference_id"].isin(evidence["studies"]["study_id"])]
    listed = chapters["book/methods/replication.ipynb"]
    assert [i for i in others["continuous_id"] if f'id="average-{i}"' not in listed] == []
    assert len(others)


def test_every_count_average_and_linked_trial_stands_on_the_page_of_its_study(evidence, real_book):
    """The rows of a study are on its own page: counts by their anchors, averages one row each, its entry in a register by number."""
    folder = real_book / "_build" / "html" / "book" / "studies"
    pages = {path.stem: html.unescape(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}
    cells = evidence.counts
    assert [r.cell_id for r in cells.itertuples() if f'id="{r.cell_id}"' not in pages[r.study_id]] == []
    studies = set(evidence["studies"]["study_id"])
    for study, rows in (pair for pair in evidence["continuous"].groupby("reference_id") if pair[0] in studies):
        table = re.search(r'<table[^>]*id="averages".*?</table>', pages[study], flags=re.S)
        assert table, study
        assert table[0].count('<th scope="row">') == len(rows), study
    linked = evidence["registered_trials"].dropna(subset=["linked_study_id"])
    assert [r.registry_id for r in linked.itertuples() if r.registry_id not in pages[r.linked_study_id]] == []


def test_no_work_note_of_those_who_read_stands_beside_a_row(evidence, chapters):
    """What ``wordings.csv`` leaves out or rewrites is for those who extract, not for those who read what is to know of a row."""
    beside = {page: re.findall(r'data-label="What to know">(.*?)</td>', text, re.S) for page, text in chapters.items()}
    assert sum(map(len, beside.values())) > 100
    wordings = [pattern for pattern, _ in evidence.vocabulary.wordings]
    found = [(page, m[0]) for page, cells in beside.items() for cell in cells for w in wordings if (m := w.search(cell))]
    assert found == []

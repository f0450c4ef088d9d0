"""The date of the data: the newest of all that was done with them."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from cordbook.core.csv_files import parse, to_csv
from cordbook.evidence.review_state import data_date, dates_of_work, load_status
from cordbook.evidence.schema import load_package
from cordbook.review.citation.edition import edition_of_tree

#: Dates that a source states, not of work with the data.
STATED = {("searches", "since"), ("published_pooled", "search_date")}


@pytest.fixture
def data(tmp_path, root):
    shutil.copytree(root / "data", tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    shutil.copy(root / "CITATION.cff", tmp_path)
    return tmp_path / "data"


def test_every_date_of_the_schema_is_one_of_work_or_known_to_be_stated(root):
    package = load_package(root / "data")
    dates = {(t.name, f.name) for t in package.tables for f in t.fields if f.type == "date" or "date" in f.name.split("_")}
    assert dates - set(dates_of_work(package)) <= STATED
    work = {"searches", "records", "record_merges", "screening", "reconciliations", "verifications", "corrections"}
    assert work <= {table for table, _ in dates_of_work(package)}


def test_each_of_them_makes_the_date_of_the_book(data, root):
    package = load_package(data)
    before = data_date(data)
    assert before == max(load_status(data).baseline, before)
    for place, (name, column) in enumerate(dates_of_work(package), start=1):
        table = package.table(name)
        day = dt.date(2031, 1, 1) + dt.timedelta(days=place)
        moment = f"{day}T23:59:59Z" if column.endswith("_at") else day.isoformat()
        found = parse((data / table.path).read_text(encoding="utf-8"), strict=False)
        row = dict.fromkeys(found.header, "") | {column: moment}
        (data / table.path).write_text(to_csv([*found.rows, row], found.header), encoding="utf-8")
        assert data_date(data) == day, (name, column)
    assert edition_of_tree(data.parent).date == data_date(data)


def test_an_answer_of_a_reading_counts_before_it_is_a_row(data):
    (data / "readings").mkdir(exist_ok=True)
    columns = ("study_id", "reading", "reader", "table", "row", "column", "value", "reason", "read_at")
    answers = [dict(zip(columns, ("x2026", "1", "Ada", "studies", "", "country", "", "", "2031-05-06T07:08:09Z"), strict=True))]
    (data / "readings" / "x2026.1.csv").write_text(to_csv(answers, columns), encoding="utf-8")
    assert data_date(data) == dt.date(2031, 5, 6)


def test_what_is_no_date_and_a_table_that_is_not_there_are_passed_over(data):
    before = data_date(data)
    path = data / "verifications.csv"
    found = parse(path.read_text(encoding="utf-8"), strict=False)
    path.write_text(to_csv([dict.fromkeys(found.header, "soon")], found.header), encoding="utf-8")
    (data / "screening.csv").unlink()
    assert data_date(data) == before

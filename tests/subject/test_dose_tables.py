"""Tables of dose: each row stands in one table, is converted by the chapter's formula, and contradicting sources stand side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from cordbook.evidence.evidence import load_evidence
from cordbook.subject.dose_tables import (
    TABLES,
    second_course_counts,
    second_course_limits,
    splitting_table,
    stated_doses,
    table_of,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def evidence():
    return load_evidence(ROOT / "data")


def by_id(evidence, name):
    table = stated_doses(evidence, name)
    return dict(zip(table.row_ids, table.to_frame().to_dict("records"), strict=True))


def test_every_row_stands_in_one_table(evidence):
    ids = [i for name in TABLES for i in stated_doses(evidence, name).row_ids]
    assert sorted(ids) == sorted(f"dose-{i}" for i in evidence["dose_response"]["dose_response_id"])


def test_rows_go_where_planners_look(evidence):
    place = {r.dose_response_id: table_of(r) for r in evidence["dose_response"].itertuples()}
    assert place["D018"] == place["D027"] == place["D008"] == place["D003"] == "few"
    assert place["D029"] == place["D006"] == place["D035"] == place["D017"] == "daily"
    assert place["D011"] == "second"
    assert place["D038"] == "lhermitte"
    assert place["D033"] == place["D036"] == "older"


def test_a_few_fractions_are_told_in_two_gray_fractions(evidence):
    few = by_id(evidence, "few")
    # 17 Gy in two fractions: 17 x (8.5 + 2) / (2 + 2)
    assert few["dose-D019"]["EQD2, Gy"] == "44.6"
    assert few["dose-D023"]["EQD2, Gy"] == "44.6 to 56"
    assert few["dose-D010"]["Risk"] == "<0.03%"
    assert few["dose-D027"]["Risk"] == "1-5%"


def test_remarks_name_sources_and_not_the_codes_of_the_data(evidence):
    text = " ".join(str(row) for name in TABLES for row in by_id(evidence, name).values())
    codes = set(evidence["references"]["reference_id"]) - {"other"}
    assert [word for word in text.replace(";", " ").replace(")", " ").split() if word.strip("(.,'") in codes] == []
    assert "mirror" not in text


def test_conditions_of_a_second_course_come_from_their_source(evidence):
    rows = second_course_limits(evidence).to_frame()
    assert ["cumulative BED ≤120 Gy2", "≤60"] in rows[["Condition", "As EQD2, Gy"]].to_numpy().tolist()
    assert set(rows["Source"]) == {"Nieder 2006", "Sahgal 2019"}
    assert len(rows) == 7


def test_harm_after_a_second_course_stands_beside_series_without(evidence):
    rows = second_course_counts(evidence, lambda study: study).to_frame()
    assert {"3 of 6", "5 of 19", "11 of 40", "0 of 32"} <= set(rows["Counted"])


def test_splitting_lowers_the_dose_that_counts():
    doses = [int(value) for value in splitting_table().to_frame()["EQD2, Gy"]]
    assert doses == sorted(doses, reverse=True)
    assert doses[-1] == 30

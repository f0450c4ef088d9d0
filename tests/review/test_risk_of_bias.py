"""Risk of bias: rules answer as they say, unknown stays unclear, weights add up."""

import csv

import pandas as pd
import pytest

from cordbook.evidence.review_words import CRITICAL
from cordbook.review.appraisal.risk_of_bias import (
    ANSWERS,
    NO,
    NOT_APPLICABLE,
    UNCLEAR,
    YES,
    RiskOfBiasError,
    answer,
    judge_studies,
    load_items,
    parse_items,
    study_facts,
    study_weights,
    weight_by_answer,
)

PLAIN = {"id": "a", "name": "A", "group": "study", "question": "?", "why": "!"}


def item(**conditions):
    return parse_items({"items": [PLAIN | conditions]})[0]


@pytest.fixture(scope="module")
def judged(estimates):
    return judge_studies(load_items(estimates.evidence.folder), study_facts(estimates.evidence))


@pytest.mark.parametrize(
    ("asked", "facts", "given"),
    [
        ({"yes_when": {"design": ["rct"]}}, {"design": "rct"}, YES),
        ({"yes_when": {"design": ["rct"]}}, {"design": "cohort"}, UNCLEAR),
        ({"yes_when": {"design": ["rct"]}}, {"design": None}, UNCLEAR),
        ({"yes_when": {"design": ["rct"]}, "no_when": {"design": ["cohort"]}}, {"design": "cohort"}, NO),
        ({"yes_when": {"followup_months": {"at_least": 12}}}, {"followup_months": 12.0}, YES),
        ({"no_when": {"followup_months": {"below": 12}}}, {"followup_months": 12.0}, UNCLEAR),
        ({"no_when": {"followup_months": {"below": 12}}}, {"followup_months": float("nan")}, UNCLEAR),
        ({"yes_when": {"registration": "known"}}, {"registration": "NCT00073853"}, YES),
        ({"yes_when": {"registration": "known"}}, {"registration": float("nan")}, UNCLEAR),
        ({"no_when": {"reasons": {"includes": ["overlap"]}}}, {"reasons": frozenset({"overlap", "case_report"})}, NO),
        ({"no_when": {"reasons": {"includes": ["overlap"]}}}, {"reasons": frozenset()}, UNCLEAR),
        ({"yes_when": {"harm_counts": {"at_least": 1}, "design": ["rct"]}}, {"harm_counts": 2, "design": "cohort"}, UNCLEAR),
        ({"yes_when": [{"harm_counts": {"at_least": 1}}, {"design": ["rct"]}]}, {"harm_counts": 2, "design": "cohort"}, YES),
        ({"yes_when": {"design": ["rct"]}, "no_when": {"design": ["rct"]}}, {"design": "rct"}, NO),
        (
            {"yes_when": {"design": ["rct"]}, "applies_when": {"topic": ["cell_therapy"]}},
            {"design": "rct", "topic": "x"},
            NOT_APPLICABLE,
        ),
    ],
)
def test_an_answer_follows_its_rule(asked, facts, given):
    assert answer(item(**asked), facts) == given


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (PLAIN, "neither yes_when nor no_when"),
        (PLAIN | {"yes_when": {"colour": ["red"]}}, "no fact 'colour'"),
        (PLAIN | {"yes_when": {"design": "rct"}}, "is asked 'rct'"),
        (PLAIN | {"yes_when": {"design": ["rct"]}, "group": "mood"}, "group is 'mood'"),
        (PLAIN | {True: {"design": ["rct"]}}, "unknown key True"),
        ({"id": "a"}, "question is missing"),
        ("text", "expected keys and values"),
    ],
)
def test_a_faulty_item_is_refused_by_name(entry, said):
    with pytest.raises(RiskOfBiasError, match=said):
        parse_items({"items": [entry]})


def test_all_faults_come_in_one_message():
    with pytest.raises(RiskOfBiasError) as caught:
        parse_items(
            {"items": [PLAIN, {"id": "b"}, PLAIN | {"yes_when": {"design": ["rct"]}}, PLAIN | {"yes_when": {"design": ["rct"]}}]}
        )
    assert "a: neither" in str(caught.value)
    assert "b: why is missing" in str(caught.value)
    assert "a: the id appears twice" in str(caught.value)


def test_every_report_has_an_answer_to_every_item(judged, estimates):
    assert list(judged.index) == list(estimates.evidence["studies"]["study_id"])
    assert set(judged.to_numpy().ravel()) <= set(ANSWERS)


def test_answers_are_those_that_the_tables_give(judged, root):
    """Counted apart from the code."""

    def rows(name):
        with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))

    for row in rows("studies"):
        given = judged.loc[row["study_id"]]
        assert (given["full-text"] == YES) == ("full text" in [part.strip() for part in row["read_as"].split(";")])
        if given["randomised"] != NOT_APPLICABLE:
            assert (given["randomised"] == YES) == (row["design"] == "rct")
        if row["registration"] and given["registered"] != NOT_APPLICABLE:
            assert given["registered"] == YES
    noticed = {row["study_id"] for row in rows("integrity_notices") if row["kind"] in CRITICAL} - {""}
    assert noticed == set(judged.index[judged["no-notice"] == NO])
    differ = {row["cell_id"].split(".")[0] for row in rows("reconciliations") if row["agreement"].startswith("disagree")}
    assert {s for s in differ if s in judged.index} <= set(judged.index[judged["readings-agree"] == NO])
    identity = {row["reference_id"]: row["identity_confidence"] for row in rows("references")}
    assert all((judged.loc[s, "identity"] == YES) == (identity[s] == "confirmed") for s in judged.index)


def test_weights_of_an_estimate_sum_to_a_hundred(judged, estimates):
    for estimate in estimates:
        if estimate.result is not None:
            assert study_weights(estimate).sum() == pytest.approx(100), estimate.id
            assert weight_by_answer(estimate, judged).sum(axis=1).to_numpy() == pytest.approx(100), estimate.id


def test_weight_follows_the_studies(estimates):
    """All yes gives all weight to yes; one study with no gives its own weight to no."""
    estimate = estimates["ais-improved-cell-therapy"]
    studies = list(estimate.study_ids)
    judged = pd.DataFrame({"x": YES}, index=studies)
    assert weight_by_answer(estimate, judged).loc["x", YES] == pytest.approx(100)
    judged.loc["lima2010", "x"] = NO
    weight = next(s.weight for s in estimate.result.studies if s.label == "Lima 2010")
    assert weight_by_answer(estimate, judged).loc["x", NO] == pytest.approx(weight)

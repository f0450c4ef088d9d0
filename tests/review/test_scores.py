"""Scores: from the rows of continuous.csv to changes and differences, what has no weight and why, and their words. Values by hand."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import pandas as pd
import pytest
from tests.conftest import ROOT

from cordbook.errors import UnknownName
from cordbook.review.claims.claims import audit_claims
from cordbook.review.claims.tests import parse_claim_tests
from cordbook.review.estimates.declarations import DeclarationError
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.estimates.guards import judge
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.reporting.freezing import frozen_rows, frozen_score
from cordbook.review.scores.declarations import parse_score_declarations
from cordbook.review.scores.effects import LOW, NO_SIZE, NO_SPREAD, Score, changes_of, differences_of
from cordbook.review.scores.estimates import ScoreError, check_scores, compute, scores_from, scores_of
from cordbook.review.scores.phrases import amount, score_direction, score_phrase, score_sentence
from cordbook.synthesis import pool_effects

T975_9, Z975 = 2.2621571627982, 1.959963984540054


def score(value, measure="mean_change", role="treated", level="arm", **known):
    blank = {
        "id": f"C{abs(hash((value, measure, role, str(known)))) % 1000:03d}", "study_id": "s", "part": "", "months": 12.0, "sd": None, "sem": None,
        "n": None, "ci_low": None, "ci_high": None, "p": "", "confidence": "high",
    }  # fmt: skip
    return Score(**{**blank, "value": value, "measure": measure, "role": role, "level": level, **known})


def only(effects):
    (effect,) = effects
    return effect


# --- one group ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "se"),
    [
        ({"sem": 1.2}, 1.2),
        ({"sd": 6.0, "n": 9}, 2.0),
        ({"ci_low": 2.3, "ci_high": 28.5, "n": 10}, (28.5 - 2.3) / (2 * T975_9)),
    ],
)
def test_a_printed_change_takes_its_standard_error_from_what_is_printed(known, se):
    effect = only(changes_of([score(7.9, **known)], 0.8))
    assert (effect.value, effect.se) == (7.9, pytest.approx(se, rel=1e-12))


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"n": 9}, NO_SPREAD),
        ({"sd": 6.0}, NO_SIZE),
        ({"ci_low": 1.0, "ci_high": 9.0}, NO_SIZE),
        ({"sem": 1.2, "confidence": "low"}, LOW),
    ],
)
def test_what_cannot_be_weighed_is_told_with_the_reason(known, reason):
    effect = only(changes_of([score(7.9, **known)], 0.8))
    assert (effect.value, effect.se, effect.reason) == (7.9, None, reason)


def test_a_spread_of_zero_has_no_weight():
    assert only(changes_of([score(0.0, sem=0.0)], 0.8)).se is None


def test_before_and_after_give_a_change_with_the_correlation_that_is_assumed():
    rows = [score(37.54, "mean", sd=17.58, n=11, months=0.0), score(41.0, "mean", sd=14.58, n=11)]
    effect = only(changes_of(rows, 0.8))
    sd = math.sqrt(17.58**2 + 14.58**2 - 2 * 0.8 * 17.58 * 14.58)
    assert effect.value == pytest.approx(3.46)
    assert effect.se == pytest.approx(sd / math.sqrt(11), rel=1e-12)
    assert effect.marks == ("correlation of before and after taken as 0.8",)


def test_of_several_times_the_last_counts_and_a_change_goes_before_two_means():
    rows = [score(4.2, sem=1.0, months=1.0), score(8.3, sem=2.0, months=12.0), score(1.0, "mean", sem=1.0, months=0.0)]
    assert only(changes_of(rows, 0.8)).value == 8.3


def test_patients_told_apart_are_added_up_as_if_measured_together():
    rows = [
        score(1.8, sd=5.1, n=32, part="thoracic"),
        score(18.6, sd=19.3, n=16, part="cervical"),
        score(27.3, sd=13.3, part="cervical; 3 mg"),
    ]
    effect = only(changes_of(rows, 0.8))
    mean = (32 * 1.8 + 16 * 18.6) / 48
    squares = 31 * 5.1**2 + 15 * 19.3**2 + 32 * (1.8 - mean) ** 2 + 16 * (18.6 - mean) ** 2
    assert (effect.value, effect.n1) == (pytest.approx(mean), 48)
    assert effect.se == pytest.approx(math.sqrt(squares / 47 / 48), rel=1e-12)


def test_a_row_of_all_patients_goes_before_its_parts_and_a_part_before_a_part_of_it():
    whole = [score(3.0, sem=1.0), score(9.0, sem=1.0, part="thoracic")]
    assert only(changes_of(whole, 0.8)).value == 3.0
    nested = [score(5.0, sd=2.0, n=9, part="cervical"), score(9.0, sd=2.0, n=4, part="cervical; 3 mg")]
    assert only(changes_of(nested, 0.8)).value == 5.0


def test_parts_without_sizes_are_told_one_by_one():
    rows = [score(7.8, sd=6.5, part="AIS A"), score(8.8, sd=6.1, part="AIS B")]
    assert [(e.value, e.se, e.reason) for e in changes_of(rows, 0.8)] == [(7.8, None, NO_SIZE), (8.8, None, NO_SIZE)]


# --- two groups -----------------------------------------------------------------------------------------------------------------


def test_two_changes_are_subtracted_and_their_variances_added():
    rows = [score(7.9, sem=1.2), score(3.9, role="comparator", sem=0.6)]
    effect = only(differences_of(rows, 0.8, randomised=False))
    assert (effect.value, effect.se) == (pytest.approx(4.0), pytest.approx(math.hypot(1.2, 0.6)))


def test_a_printed_difference_goes_before_one_that_is_worked_out():
    printed = score(4.55, "MD", "", "single_trial", ci_low=1.282, ci_high=7.815)
    rows = [printed, score(7.9, sem=1.2), score(3.9, role="comparator", sem=0.6)]
    effect = only(differences_of(rows, 0.8, randomised=True))
    assert (effect.value, effect.se) == (4.55, pytest.approx((7.815 - 1.282) / (2 * Z975), rel=1e-12))


def test_an_exact_p_of_the_difference_gives_the_spread_and_a_bound_or_two_values_do_not():
    def pair(one, other):
        return [score(36.9, n=16, p=one), score(21.6, role="comparator", n=18, p=other)]

    effect = only(differences_of(pair("0.047", "0.047"), 0.8, randomised=True))
    assert effect.se == pytest.approx(15.3 / 2.0656, rel=1e-3)  # |t| of p = 0.047 with 32 degrees of freedom
    assert effect.marks == ("standard error from p = 0.047",)
    for one, other in (("<0.05", "<0.05"), ("0.047", ""), ("0.01", "0.2")):
        assert only(differences_of(pair(one, other), 0.8, randomised=True)).se is None


def test_last_scores_are_compared_only_where_lots_were_drawn():
    rows = [score(1.1, "mean", sd=0.6, n=30), score(1.0, "mean", "comparator", sd=0.7, n=25)]
    assert differences_of(rows, 0.8, randomised=False) == ()
    assert only(differences_of(rows, 0.8, randomised=True)).marks == ("difference of the last scores",)


# --- declarations ---------------------------------------------------------------------------------------------------------------

GOOD = {
    "id": "motor-gain", "title": "Motor", "question": "How much?", "section": "3", "kind": "mean_change", "score": "asia_motor", "sentence": "{p}.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "mean"}, "kind is 'mean'"),
        ({"scor": "x"}, "unknown key 'scor'"),
        ({"sentence": ""}, "sentence is missing"),
        ({"imputed_r": 1.4}, "imputed_r is 1.4"),
        ({"studies_below": 1}, "studies_below is 1"),
        ({"natural": "elsewhere"}, "natural names 'elsewhere'"),
        ({"id": "Motor Gain"}, "lower-case words"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused_with_its_id(change, said):
    with pytest.raises(DeclarationError, match=said):
        parse_score_declarations({"scores": [{**GOOD, **change}]})


def test_an_id_names_one_estimate_whether_it_counts_or_measures():
    with pytest.raises(DeclarationError, match="appears twice"):
        parse_score_declarations({"scores": [GOOD]}, taken=["motor-gain"])


def test_defaults_hold_where_a_declaration_says_nothing():
    declared = parse_score_declarations(
        {"score_defaults": {"imputed_r": 0.5}, "scores": [GOOD, {**GOOD, "id": "b", "imputed_r": 0.7}]}
    )
    assert [s.imputed_r for s in declared] == [0.5, 0.7]


# --- the book's own -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def estimates():
    return load_estimates(ROOT)


@pytest.fixture(scope="module")
def scores(estimates):
    return scores_of(estimates)


def test_a_pooled_score_is_what_the_model_for_effects_gives(scores):
    pooled = [e for e in scores if e.pooled]
    assert pooled
    for e in pooled:
        found = pool_effects([row.estimate for row in e.rows], [row.se**2 for row in e.rows], model="reml", ci="hksj")
        assert (e.result.estimate, e.result.ci_low, e.result.ci_high) == (found.estimate, found.ci_low, found.ci_high)
        assert [row.weight for row in e.rows] == [s.weight for s in found.studies]


def test_nobody_of_one_overlap_group_is_weighed_twice_and_no_pool_of_others_is(scores, estimates):
    members = estimates.evidence["overlap_members"]
    groups = members.groupby("study_id")["overlap_group"].agg(set).to_dict()
    published = set(estimates.evidence["continuous"].query("level == 'published_pool'")["continuous_id"])
    for e in scores:
        seen = [g for row in e.rows for g in groups.get(row.study_id, ())]
        assert len(seen) == len(set(seen)), e.id
        assert len(set(e.study_ids)) == e.k, e.id
        assert not published & set(e.score_ids)


def test_every_row_of_a_declared_score_that_is_left_out_says_why(scores):
    told = [row for e in scores for row in e.told]
    assert told and all(row.reason and row.se is None for row in told)


def test_the_correlation_that_is_assumed_is_below_what_a_report_lets_be_worked_out(estimates, scores):
    rows = (
        estimates.evidence["continuous"]
        .query("reference_id == 'shin2015' and outcome == 'asia_motor'")
        .set_index(["arm", "measure", "timepoint_months"])
    )
    for arm in ("treated", "control"):
        before, after, change = (rows.loc[(arm, *which), "sem"] for which in (("mean", 0), ("mean", 12), ("mean_change", 12)))
        r = (before**2 + after**2 - change**2) / (2 * before * after)
        assert all(e.synthesis.imputed_r < r for e in scores)


def test_a_missing_score_or_column_is_named(estimates):
    (one,) = parse_score_declarations({"scores": [{**GOOD, "score": "other:none", "where": {"colour": "red"}}]})
    with pytest.raises(ScoreError, match="no score 'other:none'.*\n.*no column 'colour'"):
        check_scores([one], estimates.evidence)


def _changed(estimates, row_id, **values):
    """The evidence with one row of continuous.csv changed."""
    frame = estimates.evidence["continuous"]
    for column, value in values.items():
        frame.loc[frame["continuous_id"] == row_id, column] = value
    return dataclasses.replace(estimates.evidence, tables={**estimates.evidence.tables, "continuous": frame})


def test_another_value_moves_the_estimate_and_low_confidence_takes_the_weight(estimates, scores):
    e = scores["motor-gain-cell-therapy"]
    moved = compute(_changed(estimates, "C126", value=20.0, ci_low=6.9, ci_high=33.1), e.synthesis)[0]
    assert moved.result.estimate > e.result.estimate
    lowered = compute(_changed(estimates, "C021", confidence="low"), e.synthesis)[0]
    assert (e.k, lowered.k, lowered.pooled) == (3, 2, False)
    assert [row.reason for row in lowered.told if row.study_id == "shin2015"] == [LOW]


def test_of_studies_that_share_patients_the_primary_one_alone_is_weighed(estimates, scores):
    members = estimates.evidence["overlap_members"]
    both = pd.DataFrame(
        {"study_id": ["derakhshanrad2019", "gcsf_multicentre"], "overlap_group": "made_up", "is_primary": [True, False]}
    )
    tables = {**estimates.evidence.tables, "overlap_members": pd.concat([members, both], ignore_index=True)}
    found = compute(dataclasses.replace(estimates.evidence, tables=tables), scores["motor-difference-drugs"].synthesis)[0]
    assert "derakhshanrad2019" in found.study_ids
    assert "gcsf_multicentre" not in found.study_ids
    (left,) = [row.reason for row in found.told if row.study_id == "gcsf_multicentre"]
    assert left.startswith("perhaps the same patients as Derakhshanrad")


def test_studies_of_different_things_are_never_averaged(scores):
    e = scores["motor-difference-drugs"]
    assert e.k >= e.synthesis.studies_below
    assert (e.result, e.why_not) == (None, e.synthesis.side_by_side)
    assert all(row.weight is None for row in e.rows)


def test_a_retracted_report_has_no_weight(estimates, scores, monkeypatch):
    evidence = dataclasses.replace(estimates.evidence)
    object.__setattr__(evidence, "_retracted", frozenset({"shin2015"}))
    found = compute(evidence, scores["motor-gain-cell-therapy"].synthesis)[0]
    assert "shin2015" not in found.study_ids
    assert [row.reason for row in found.told if row.study_id == "shin2015"] == ["the report is retracted"]


# --- words ----------------------------------------------------------------------------------------------------------------------


def test_forms_of_a_score(scores):
    e = scores["motor-gain-cell-therapy"]
    r = e.result
    assert score_phrase(e) == f"{amount(r.estimate)} points (95% CI {amount(r.ci_low)} to {amount(r.ci_high)})"
    assert score_phrase(e, "study koda2024") == "15.4 points (95% CI 4.0 to 26.8)"
    assert score_sentence(e).startswith(f"After cells the motor score rose by {amount(r.estimate)} points")
    with pytest.raises(UnknownName, match="no form 'tenths'"):
        score_phrase(e, "tenths")
    with pytest.raises(UnknownName, match="has not one row of 'lima2010'"):
        score_phrase(e, "study lima2010")


def test_an_interval_cannot_be_asked_where_studies_stand_side_by_side(scores):
    e = scores["motor-difference-cell-therapy"]
    assert not e.pooled
    assert score_phrase(e) == score_phrase(e, "each")
    with pytest.raises(UnknownName, match="not pooled, so it has no 'interval'"):
        score_phrase(e, "interval")


def test_a_direction_is_that_of_the_whole_interval(scores):
    e = next(e for e in scores if e.pooled)
    differ = dataclasses.replace(e, synthesis=dataclasses.replace(e.synthesis, kind="mean_difference"))
    for low, high, word in ((0.1, 3, "higher"), (-3, -0.1, "lower"), (-1, 2, "no difference")):
        result = dataclasses.replace(e.result, ci_low=low, ci_high=high)
        assert score_direction(dataclasses.replace(differ, result=result)).startswith(word)
    assert score_direction(e) == "a size"


def test_a_condition_may_ask_a_score_and_a_count_of_people(estimates, scores):
    known = AllEstimates(estimates)
    e = scores["motor-gain-cell-therapy"]
    assert judge("motor-gain-cell-therapy.k == 3 and ais-improved-cell-therapy.k > 3", known).holds
    assert judge(f"motor-gain-cell-therapy.ci_low < {e.result.ci_low + 0.01}", known).holds
    assert not judge("motor-difference-cell-therapy.estimate > -100", known).holds  # not pooled: no number to compare


# --- claims and releases --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "fewest_studies": 2, "fewest_people": 10, "fewest_in_group": 10, "widest_half_width": 0.2, "serious_i2": 50, "level": 0.95,
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "verdict"),
    [
        ({"estimate": "motor-gain-cell-therapy", "study": "koda2024", "expect": "higher"}, "supported"),
        ({"estimate": "motor-gain-cell-therapy", "study": "koda2024", "expect": "lower"}, "contradicted"),
        ({"estimate": "motor-gain-cell-therapy", "study": "kishk2010", "expect": "higher"}, "cannot be tested yet"),
        ({"estimate": "motor-difference-cell-therapy", "expect": "higher"}, "cannot be tested yet"),
        ({"estimate": "motor-gain-cell-therapy", "expect": "none"}, "supported"),
        ({"estimate": "motor-gain-cell-therapy", "study": "koda2024", "expect": "none"}, "not supported"),
    ],
)
def test_a_claim_on_a_score_is_judged_by_its_interval(estimates, part, verdict):
    claims = estimates.evidence["claims"]["claim_id"]
    entries = [{"claim": c, "rule": "not_testable", "reason": "r", "needs": "n"} for c in claims[1:]]
    tests = parse_claim_tests({"settings": SETTINGS, "tests": [{"claim": claims[0], "rule": "score_moved", **part}, *entries]})
    assert audit_claims(estimates, tests)[0].verdict == verdict


def test_a_release_keeps_a_score_with_its_unit_and_the_rows_behind_it(estimates, scores):
    rows = frozen_rows(estimates)
    frozen = frozen_score(scores["motor-gain-cell-therapy"], rows, "very low")
    assert frozen.settings["unit"] == "points"
    assert set(frozen.cells) == set(scores["motor-gain-cell-therapy"].study_ids)
    row_id = frozen.cells["koda2024"][0]
    other = {**rows, "continuous": {**rows["continuous"], row_id: {**rows["continuous"][row_id], "value": "1"}}}
    assert frozen_score(scores["motor-gain-cell-therapy"], other, "very low").rows_sha256 != frozen.rows_sha256


def test_rows_become_typed_scores():
    frame = pd.DataFrame([{
        "continuous_id": "C1", "reference_id": "s", "level": "arm", "role": "treated", "part": None, "timepoint_months": float("nan"),
        "measure": "mean", "value": 3.0, "sd": 1.0, "sem": float("nan"), "n": pd.NA, "ci_low": float("nan"), "ci_high": float("nan"), "p": None,
        "confidence": "high",
    }])  # fmt: skip
    (found,) = scores_from(frame)
    assert found == Score("C1", "s", "arm", "treated", "", None, "mean", 3.0, 1.0, None, None, None, None, "", "high")
    assert SimpleNamespace(**dataclasses.asdict(found)).part == ""

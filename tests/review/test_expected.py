"""Which treated groups are set beside the natural course: grade and phase by hand, nobody twice, reasons for who is left out, words."""

from __future__ import annotations

import dataclasses

import pytest
from tests.conftest import ROOT

from cordbook.errors import InputError, UnknownName
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.estimates.guards import judge
from cordbook.review.expected.comparison import expectation_of, is_compared
from cordbook.review.expected.lookup import AllEstimates, expectation
from cordbook.review.expected.phrases import against_phrase

CELLS = "ais-improved-cell-therapy"


@pytest.fixture(scope="module")
def estimates():
    return load_estimates(ROOT)


@pytest.fixture(scope="module")
def cells(estimates):
    return expectation_of(estimates, CELLS)


def test_every_group_is_of_the_grade_and_the_phase_of_its_natural_course(estimates, cells):
    studies = estimates.evidence["studies"].set_index("study_id")
    phases = {"natural-ais-a-acute": "acute", "natural-ais-a-late": "chronic"}
    for s in cells.studies:
        for course, _ in s.parts:
            assert studies.loc[s.study_id, "injury_phase"] == phases[course], s.study_id
    by_id = {s.study_id: s for s in cells.studies}
    assert (by_id["lammertse2012"].observed, by_id["lammertse2012"].parts) == (7, (("natural-ais-a-acute", 26),))
    assert (by_id["shroff2016"].observed, by_id["shroff2016"].n) == (80, 153)  # the count of grade A alone, not all 226


def test_nobody_is_counted_twice_and_nobody_is_lost(estimates, cells):
    whole = estimates[CELLS]
    compared, out = {s.study_id for s in cells.studies}, {s.study_id for s in cells.left_out}
    assert not compared & out
    assert set(whole.study_ids) <= compared | out
    counts = estimates.evidence.counts_by_id([c for s in cells.studies for c in s.count_ids])
    for s in cells.studies:
        own = counts.loc[list(s.count_ids)]
        assert own["n"].sum() == s.n
        assert s.n <= own["arm_n"].iloc[0]


@pytest.mark.parametrize(
    ("study", "reason"),
    [("hammadi2012", "not told"), ("elkheir2014", "not counted by"), ("anderson2017", "subacute"), ("shin2015", "mixed")],
)
def test_who_is_left_out_has_a_reason(cells, study, reason):
    assert reason in next(s.reason for s in cells.left_out if s.study_id == study)


def test_a_study_of_another_phase_is_no_longer_compared(estimates):
    frame = estimates.evidence["studies"]
    frame.loc[frame["study_id"] == "tien2019", "injury_phase"] = "subacute"
    evidence = dataclasses.replace(estimates.evidence, tables={**estimates.evidence.tables, "studies": frame})
    moved = expectation_of(dataclasses.replace(estimates, evidence=evidence), CELLS)
    assert "tien2019" not in {s.study_id for s in moved.studies}
    assert "tien2019" in {s.study_id for s in moved.left_out}


def test_what_counts_no_such_outcome_or_compares_two_groups_is_refused(estimates):
    for other in ("tumour-cell-therapy", "ais-improved-treated-v-control"):
        assert not is_compared(estimates, other)
        with pytest.raises(InputError, match="is no share of ais_improved"):
            expectation_of(estimates, other)
    assert is_compared(estimates, CELLS) and not is_compared(estimates, "natural-ais-a-acute")


def test_fewer_studies_than_are_pooled_elsewhere_are_not_pooled_here(estimates):
    cooled = expectation_of(estimates, "ais-improved-cooling")
    assert cooled.result.k == 2 and cooled.result.estimate is None


def test_forms_and_conditions(estimates, cells):
    r = cells.result
    assert against_phrase(cells, "observed") == f"{r.observed} of {r.n}"
    assert against_phrase(cells).startswith(f"{r.estimate:.1f} more of 100 people (95% CI ")
    assert against_phrase(cells, "left-out") == f"{sum(s.n for s in cells.left_out)} people"
    with pytest.raises(UnknownName, match="no form 'tenths'"):
        against_phrase(cells, "tenths")
    known = AllEstimates(estimates)
    assert judge(f"against-{CELLS}.ci_low > 0 and against-{CELLS}.k == {r.k} and {CELLS}.k > 3", known).holds
    assert not judge("against-ais-improved-cooling.estimate > -1000", known).holds
    with pytest.raises(UnknownName):
        expectation(estimates, "against-tumour-cell-therapy")

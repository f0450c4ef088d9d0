"""Who may share patients: one owner, and its verdicts on grades, ranges, names and parts of arms."""

import re
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.patients import (
    Key,
    Meanings,
    Value,
    meanings_of,
    most_apart,
    parse_stratum,
    parts_of_counted_arms,
    positions,
    stratum_pairs,
)
from tests.conftest import ROOT

#: What data/ declares of its strata.
OURS = load_evidence(ROOT / "data").meanings
GRADES = ["+".join(c) for k in (1, 2, 3) for c in combinations("ABCD", k)]


@pytest.mark.parametrize(("a", "b"), list(product(GRADES, GRADES)))
def test_grades_are_sets_of_letters(a, b):
    one, other = {"baseline_ais": a}, {"baseline_ais": b}
    assert OURS.may_share(one, other) == bool(set(a.split("+")) & set(b.split("+")))
    assert OURS.holds(one, other) == (set(b.split("+")) <= set(a.split("+")))


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        ("40-50", "45-50", True), ("40-50", "50-60", False), ("30-39.99", "40-44.99", False), (">=40", "45-50", True),
        (">=40", "<40", False), (">=40", "<=40", True), (">40", "<=40", False), ("50", "50.0", True), ("50", "40-50", True),
        ("50", "<50", False), ("50", ">=50", True), ("40-50", ">=50", False), ("40-50", ">50", False), ("<=60", "38.8-71.3", True),
    ],
)  # fmt: skip
def test_ranges_share_the_numbers_that_both_hold(a, b, share):
    assert OURS.may_share({"total_dose_gy": a}, {"total_dose_gy": b}) == share
    assert OURS.may_share({"total_dose_gy": b}, {"total_dose_gy": a}) == share


@pytest.mark.parametrize(
    ("wide", "narrow", "held"),
    [
        (">=40", "45-50", True), (">=40", ">40", True), (">40", ">=40", False), ("40-50", "45", True), ("<=40", "30-40", True),
        ("<40", "30-40", False), ("45-50", ">=40", False), ("40-50", "40-50", True), ("0-100", ">=40", False),
    ],
)  # fmt: skip
def test_a_range_holds_what_lies_within_it_for_sure(wide, narrow, held):
    assert OURS.holds({"total_dose_gy": wide}, {"total_dose_gy": narrow}) == held


def test_a_stratum_holds_those_that_say_more():
    assert OURS.is_part({"phase": "acute", "baseline_ais": "A"}, {"phase": "acute"})
    assert OURS.is_part({"phase": "acute"}, {})
    assert not OURS.is_part({"phase": "acute"}, {"phase": "acute"})
    assert not OURS.is_part({"phase": "acute"}, {"baseline_ais": "A"})


def test_complete_is_grade_a():
    complete, incomplete = {"baseline_completeness": "complete"}, {"baseline_completeness": "incomplete"}
    assert OURS.is_part({"baseline_ais": "A"}, complete)
    assert not OURS.may_share({"baseline_ais": "A"}, incomplete)
    assert OURS.may_share({"baseline_ais": "A+B"}, incomplete)


@pytest.mark.parametrize(
    ("a", "b", "share", "held"),
    [
        ("thoracic", "T4-T9", True, True), ("T1-T9", "T10-T12", False, False), ("T1-T9", "T9-T12", True, False),
        ("cervical", "thoracic", False, False), ("above_T10", "T1-T9", True, True), ("above_T10", "T10_and_below", False, False),
        ("T12_or_higher", "cervical", True, True), ("L1_and_below", "lumbar", True, True), ("paraplegia", "cervical", False, False),
        ("thoracolumbar", "T10-T12", True, True), ("T1-L1", "lumbar", True, False),
    ],
)  # fmt: skip
def test_levels_are_ranges_of_segments(a, b, share, held):
    assert OURS.may_share({"level": a}, {"level": b}) == share
    assert OURS.may_share({"level": b}, {"level": a}) == share
    assert OURS.holds({"level": a}, {"level": b}) == held


@pytest.mark.parametrize(
    ("key", "a", "b", "share", "held"),
    [
        ("phase", "acute_subacute", "acute", True, True), ("phase", "acute_subacute", "chronic", False, False),
        ("phase", "late_over_4_months", "chronic", True, False), ("phase", "late_over_4_months", "acute", False, False),
        ("prior_rt", "mixed", "none", True, False), ("prior_rt", "all", "none", False, False),
        ("setting", "sbrt", "sbrt_reirradiation", True, False), ("setting", "conventional", "chemoradiation", True, False),
        ("site", "kunming", "hong_kong", False, False),
    ],
)  # fmt: skip
def test_words_that_stand_for_several_are_not_words_alone(key, a, b, share, held):
    assert OURS.may_share({key: a}, {key: b}) == share
    assert OURS.holds({key: a}, {key: b}) == held


def test_keys_that_part_nobody_are_no_proof():
    assert OURS.may_share({"subset": "late_converters"}, {"subset": "others"})
    assert OURS.may_share({}, {"phase": "chronic"})


def test_strata_of_two_studies_are_told_apart_by_what_is_the_patient_s_own():
    acute, chronic = {"phase": "acute", "baseline_ais": "A"}, {"phase": "chronic", "baseline_ais": "A"}
    assert not OURS.may_share(acute, chronic)
    assert OURS.may_share_between_studies(acute, chronic)
    assert not OURS.may_share_between_studies(acute, {"baseline_completeness": "incomplete"})


def test_parts_count_only_where_their_whole_does_not():
    assert parts_of_counted_arms({"w": None, "a": "w", "b": "w", "c": "elsewhere", "d": float("nan")}) == {"a", "b"}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_the_heaviest_set_is_that_of_trying_all(weights, data):
    places = range(len(weights))
    edges = {pair for pair in combinations(places, 2) if data.draw(st.booleans())}
    shares = [{j for j in places if (min(i, j), max(i, j)) in edges} for i in places]
    apart = [
        c for k in range(len(weights) + 1) for c in combinations(places, k) if not any(p in edges for p in combinations(c, 2))
    ]
    found = most_apart(weights, shares)
    assert not any(pair in edges for pair in combinations(found, 2))
    assert sum(weights[i] for i in found) == max(sum(weights[i] for i in c) for c in apart)


def test_many_rows_are_judged_at_once():
    """Forty overlapping classes: the bound keeps the search short."""
    classes = [{"total_dose_gy": f"{low}-{low + width}"} for low in range(0, 40, 2) for width in (5, 9)]
    shares = [{j for j, b in enumerate(classes) if i != j and OURS.may_share(a, b)} for i, a in enumerate(classes)]
    assert len(most_apart([1] * len(classes), shares)) == 7


@given(st.text("ab=;+", max_size=12))
def test_a_stratum_is_read_in_one_way(text):
    assert parse_stratum(text) == {key: value for key, value in stratum_pairs(text) if key or value}


def test_what_no_table_declares_is_a_number_or_a_word():
    """Another review, whose words are not these: nothing of this subject is known without data/."""
    plain = Meanings(
        (Key("level", disjoint=True), Key("baseline_ais", disjoint=True), Key("baseline_completeness", disjoint=True))
    )
    assert not plain.may_share({"level": "thoracic"}, {"level": "T4-T9"})
    assert plain.may_share({"baseline_ais": "A"}, {"baseline_completeness": "incomplete"})
    assert not plain.holds({"baseline_completeness": "complete"}, {"baseline_ais": "A"})


def test_meanings_are_declared_for_a_key():
    """A stage from I to IV, and a word that may hold people of another; the same words of another key mean nothing."""
    keys = (Key("stage", disjoint=True, scale="I;II;III;IV"), Key("arm", disjoint=True))
    told = Meanings(
        keys,
        (
            Value("stage", "early", stands_for="I-II"),
            Value("stage", "grown_*", stands_for=">*"),
            Value("arm", "both", may_share="left"),
        ),
    )
    assert told.holds({"stage": "early"}, {"stage": "II"})
    assert not told.may_share({"stage": "grown_II"}, {"stage": "early"})
    assert told.may_share({"stage": "grown_II"}, {"stage": "III-IV"})
    assert told.may_share({"arm": "both"}, {"arm": "left"}) and not told.may_share({"arm": "both"}, {"arm": "right"})
    assert not told.may_share({"arm": "early"}, {"arm": "II"})


def test_rows_declare_what_they_hold_as_text_and_typed():
    text = {"key": "grade", "disjoint": "yes", "between_studies": "no", "scale": ""}
    assert (
        meanings_of([text], [])
        == meanings_of([{"key": "grade", "disjoint": True}], [])
        == Meanings((Key("grade", disjoint=True),))
    )
    assert (
        meanings_of([], [{"key": "grade", "value": "A", "implies": "whole=yes"}]).with_implied({"grade": "A"})["whole"] == "yes"
    )


def test_a_scale_is_written_short():
    assert positions("C1-C2;T1;sacrum") == ("C1", "C2", "T1", "sacrum")
    assert positions("I;II;III") == ("I", "II", "III")


def test_nobody_else_judges_strata(root):
    """Who adds up rows asks the owner; the page reads its verdicts."""
    package = root / "analysis" / "cordbook"
    asking = [
        "evidence/rules/counts.py",
        "evidence/rules/studies.py",
        "review/estimates/selection.py",
        "publish/pages/explorer_data.py",
    ]
    for path in asking:
        assert "from cordbook.evidence.patients import" in (package / path).read_text(encoding="utf-8"), path
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "patients.py" or '"stratum_values"' not in text, path
        assert path.name == "patients.py" or not re.search(r"def \w*(disjoint_values|share_patients|holds_stratum)", text), path
        assert path.name == "patients.py" or not re.search(r"strat\w*(\[\w\])?\.items\(\) <", text), path
    script = (package / "publish" / "assets" / "explorer" / "selection.js").read_text(encoding="utf-8")
    assert not re.search(r"disjoint|split\(.\+.\)|!== pair\[1\]", script)

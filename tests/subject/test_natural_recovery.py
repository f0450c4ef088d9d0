"""What happens without treatment: every report keeps its people, nothing of unlike people is averaged, and the answer says what it rests on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cordbook.evidence.evidence import load_evidence
from cordbook.review.estimates.estimates import load_estimates
from cordbook.subject.natural_recovery import (
    FEWEST_POOLED,
    LEVELS,
    SECTION,
    TIMES,
    Group,
    Report,
    groups,
    leaves,
    level_group,
    printed,
    reports,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def evidence():
    return load_evidence(ROOT / "data")


@pytest.fixture(scope="module")
def estimates():
    return load_estimates(ROOT)


@pytest.fixture(scope="module")
def found(estimates):
    return reports(estimates, {}, lambda study: study, lambda estimate: estimate)


def report(share: float, **changed) -> Report:
    plain = Report(("A",), "neck", "early", "grade", share, None, None, "Lima 2010", None)
    return replace(plain, **changed)


def test_every_printed_share_is_in_a_group(evidence):
    held = {(r.source, r.share, r.special, r.when) for g in groups(printed(evidence)) for r in g.reports}
    assert held == {(r.source, r.share, r.special, r.when) for r in printed(evidence)}
    assert len(list(printed(evidence))) == len(evidence["natural_pooled"])


def test_every_estimate_of_the_chapter_is_in_a_group(estimates, found):
    """By its page where it stands as one number, by its studies where they are not averaged."""
    links = {r.href for g in groups(found) for r in g.reports}
    for e in leaves(estimates):
        assert ({e.id} if e.result is not None else set(e.study_ids)) <= links, e.id
    assert any(e.synthesis.section == SECTION for e in leaves(estimates))


def test_the_late_series_is_of_paraplegia_and_says_nothing_of_the_neck(found):
    late = [g for g in groups(found) if (g.grade, g.time, g.kind) == ("A", "late", "grade")]
    assert {g.level for g in late} == {"below", "all"}
    assert [r.source for g in late if g.level == "below" for r in g.reports] == ["Waters 1992"]
    assert "below" not in LEVELS["neck"][1]


@pytest.mark.parametrize(
    ("level", "group"),
    [
        (None, "all"), ("cervical", "neck"), ("C4-C7", "neck"), ("thoracic", "chest"), ("T10-T12", "chest"),
        ("T10_and_below", "below"), ("paraplegia", "below"), ("above_T11", "across"), ("T12_or_higher", "across"),
    ],
)  # fmt: skip
def test_a_level_goes_to_the_group_that_holds_it(evidence, level, group):
    assert level_group(level, evidence.meanings) == group


def test_a_gain_of_movement_is_a_grade_for_b_and_more_than_a_grade_for_a(evidence):
    kinds = {row.natural_id: r.kind for row, r in zip(evidence["natural_pooled"].itertuples(), printed(evidence), strict=True)}
    assert {kinds[i] for i in ("H018", "H022", "H025")} == {"grade"}
    assert {kinds[i] for i in ("H016", "H021", "H023", "H024")} == {"movement"}
    assert {kinds[i] for i in ("H032", "H036", "H042")} == {"walking"}
    assert {kinds[i] for i in ("H034", "H035", "H039")} == {"strength"}
    assert {kinds[i] for i in ("H001", "H006", "H014", "H026", "H031")} == {"grade"}


def test_one_study_beside_others_does_not_answer_for_them():
    """Nobody of thirty in one old report must not stand as the answer where others saw half."""
    old = report(0.0, interval=(0.0, 0.12), counted=(0, 30), studies=1)
    group = Group("A", "neck", "early", "grade", (old, report(0.5, source="Sato 2020")))
    assert group.pooled is None
    assert group.answer == "0% to 50%, not averaged"
    assert group.origin == "2 figures from 2 sources; 30 people where counted"
    assert group.sure == "not rated: figures side by side, 1 of 2 without the number of people"


def test_a_pooled_number_answers_and_names_the_range_beside_it():
    pooled = report(0.19, interval=(0.1, 0.33), counted=(438, 2253), studies=FEWEST_POOLED, sure="low", range=(0.05, 0.3))
    group = Group("A", "all", "early", "grade", (pooled, report(0.5)))
    assert group.answer == "19% (95% CI 10 to 33)"
    assert "3 studies, 2,253 people" in group.origin
    assert "5.0% to 50%" in group.origin
    assert group.sure == "low"


def test_what_is_told_without_a_time_is_not_offered_for_late_injuries():
    assert TIMES["late"][1] == ()
    assert "unstated" in TIMES["early"][1]


def test_counts_of_the_neck_that_are_not_pooled_stand_beside_the_pooled_one(found):
    """A single old report of nobody is not all that is on file: the database has more than a quarter, half of those injured last."""
    neck = next(g for g in groups(found) if (g.grade, g.level, g.time, g.kind) == ("A", "neck", "early", "grade"))
    assert {r.counted for r in neck.reports} >= {(0, 30), (239, 837)}
    assert [r.special for r in neck.reports if r.counted == (239, 837)] == ["not pooled: denominator unclear"]
    assert neck.ends == (0.0, 0.5)


def test_counts_that_overlap_or_are_implausible_stay_out(found):
    """No grade E in a database makes nobody of 123 of no meaning; another holds people of the first."""
    counted = {r.counted for r in found}
    assert not counted & {(0, 123), (0, 94), (52, 187), (74, 482)}

"""What an estimate would be without one study, and when readers are told that it hangs on a small one: against pooling again by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.made_rows import made_row

from cordbook.errors import UnknownName
from cordbook.evidence.counts import Count
from cordbook.review.estimates import phrases
from cordbook.review.estimates.dependence import SEVERAL_FOLD, SMALL, dependences, without_study
from cordbook.review.estimates.estimates import estimate_of
from cordbook.review.estimates.phrases import dependence_note, percent, phrase, plain_sentence
from cordbook.review.estimates.rows import PairRow
from cordbook.synthesis import compare_arms, pool_proportions


def made(estimates, counts, *, declared="sae-related-cell-therapy", **changes):
    """An estimate of a share over made-up studies, pooled whatever its interval."""
    rows = tuple(
        made_row(f"s{i}", x, n, label=f"Made {2000 + i}", year=2000 + i, cell=f"c{i}") for i, (x, n) in enumerate(counts)
    )
    limits = replace(estimates[declared].synthesis.not_pooled_if, interval_wider_than=1.0, tau_above=50.0)
    return estimate_of("made", "Made up", replace(estimates[declared].synthesis, not_pooled_if=limits, **changes), rows)


def compared(estimates, counts, **changes):
    """The same of two arms: events and people of the treated, then of the others."""

    def arm(i, name, x, n):
        return (Count(f"{name}{i}", f"s{i}", f"s{i}.{name}", (), x, n),)

    rows = tuple(
        PairRow(study_id=f"s{i}", label=f"Made {2000 + i}", year=2000 + i, treated=arm(i, "a", *one), control=arm(i, "b", *other))
        for i, (one, other) in enumerate(counts)
    )
    return estimate_of("made", "Made up", replace(estimates["ais-improved-treated-v-control"].synthesis, **changes), rows)


def by_hand(estimate, rows):
    """The share of some rows, pooled by the call that readers would make."""
    asked = estimate.synthesis
    return pool_proportions(
        [row.events for row in rows], [row.n for row in rows],
        measure=asked.measure, model=asked.model, ci=asked.ci, level=asked.level, average=asked.average,
    )  # fmt: skip


def test_without_a_study_is_what_pooling_the_others_gives(estimates):
    whole = made(estimates, [(3, 40), (9, 60), (5, 30), (12, 70)])
    less = without_study(whole, "s1")
    wanted = by_hand(whole, [row for row in whole.rows if row.study_id != "s1"])
    assert (less.k, less.events, less.n) == (3, 20, 140)
    assert (less.result.estimate, less.result.ci_low, less.result.ci_high) == (wanted.estimate, wanted.ci_low, wanted.ci_high)


def test_without_a_study_of_the_real_data_is_what_pooling_the_others_gives(estimates):
    whole = estimates["ais-improved-cell-therapy"]
    study = max(whole.rows, key=lambda row: row.n).study_id
    wanted = by_hand(whole, [row for row in whole.rows if row.study_id != study])
    assert without_study(whole, study).result.estimate == pytest.approx(wanted.estimate)


def test_a_comparison_without_a_study_is_compared_again(estimates):
    counts = [((9, 30), (4, 30)), ((12, 40), (6, 40)), ((8, 25), (5, 25)), ((1, 20), (9, 20))]
    changes = {"measure": "OR", "model": "mh", "ci": None}
    less = without_study(compared(estimates, counts, **changes), "s3")
    columns = zip(*((*one, *other) for one, other in counts[:3]), strict=True)
    assert less.result.estimate == pytest.approx(compare_arms(*map(list, columns), measure="OR", model="mh").estimate)


def test_too_few_left_to_pool_stand_side_by_side(estimates):
    less = without_study(made(estimates, [(3, 40), (9, 60), (5, 30)]), "s0")
    assert less.result is None and less.not_pooled
    assert phrase(less).startswith("not pooled: 14 of 90")


def test_a_study_that_is_not_counted_is_refused_with_those_that_are(estimates):
    with pytest.raises(UnknownName, match="made does not count 'nobody'; its studies are s0, s1, s2"):
        without_study(made(estimates, [(3, 40), (9, 60), (5, 30)]), "nobody")


# --- a number that hangs on one small study ----------------------------------------------------------------------------------

#: Three large studies with few events, and one of eight people of whom most had it.
HANGS = [(1, 200), (1, 210), (1, 190), (7, 8)]


def test_a_small_study_without_which_the_share_halves_is_named_with_the_other_number(estimates):
    whole = made(estimates, HANGS)
    (found,) = dependences(whole)
    without = pool_proportions([1, 1, 1], [200, 210, 190])
    assert whole.result.estimate / without.estimate >= SEVERAL_FOLD
    assert (found.label, found.n) == ("Made 2003", 8)
    assert found.without.result.estimate == pytest.approx(without.estimate)
    note = dependence_note(whole)
    assert note == f"The number hangs on one small study: without Made 2003 (8 people) it would be {phrase(found.without)}."
    assert percent(without.estimate) in note


def test_a_large_study_is_no_small_one_however_much_it_moves(estimates):
    counts = [(1, 200), (1, 210), (1, 190), (60, 80)]
    whole = made(estimates, counts)
    assert SMALL * whole.n < 80
    assert whole.result.estimate / without_study(whole, "s3").result.estimate >= SEVERAL_FOLD
    assert dependences(whole) == () and dependence_note(whole) == ""


def test_a_small_study_that_does_not_stand_out_is_not_named(estimates):
    assert dependences(made(estimates, [(20, 200), (21, 210), (19, 190), (1, 8)])) == ()


def test_the_only_event_of_all_moves_the_share_to_nothing_and_is_named(estimates):
    """From something to zero is a move of any size."""
    whole = made(estimates, [(0, 200), (0, 210), (0, 190), (1, 8)])
    (found,) = dependences(whole)
    assert found.without.events == 0
    assert found.label == "Made 2003"


def test_nobody_with_the_event_hangs_on_no_study(estimates):
    assert dependences(made(estimates, [(0, 200), (0, 210), (0, 190), (0, 8)])) == ()


def test_two_small_studies_are_told_in_one_sentence(estimates, monkeypatch):
    whole = made(estimates, HANGS)
    (one,) = dependences(whole)
    monkeypatch.setattr(phrases, "dependences", lambda e: (one, replace(one, label="Other 2010", n=1)))
    other = phrase(one.without)
    assert dependence_note(whole) == (
        f"The number hangs on each of 2 small studies: without Made 2003 (8 people) it would be {other}; "
        f"without Other 2010 (1 person) it would be {other}."
    )


def test_two_studies_and_studies_side_by_side_hang_on_none(estimates):
    assert dependences(made(estimates, HANGS[2:])) == ()
    assert dependences(made(estimates, HANGS, side_by_side="They are of different drugs.")) == ()


def test_a_difference_of_risks_has_no_fold(estimates):
    """From one point below to one above zero is no move of any fold; as a ratio the same studies do not move so."""
    counts = [((20, 200), (21, 200)), ((22, 210), (21, 210)), ((19, 190), (20, 190)), ((4, 8), (1, 8))]
    changed = {"model": "reml", "ci": None}
    whole = compared(estimates, counts, measure="RD", **changed)
    less = without_study(whole, "s3")
    assert whole.result.estimate > 0 > less.result.estimate
    assert dependences(whole) == ()
    assert dependences(compared(estimates, counts, measure="OR", **changed)) == ()


def test_a_small_trial_without_which_a_ratio_halves_is_named_with_the_people_of_both_arms(estimates):
    counts = [((0, 200), (0, 200)), ((1, 210), (1, 210)), ((1, 190), (1, 190)), ((9, 10), (0, 10))]
    (found,) = dependences(compared(estimates, counts, measure="OR", model="reml", ci=None))
    assert (found.label, found.n) == ("Made 2003", 20)


def test_what_the_book_says_of_hanging_holds(estimates):
    """Every estimate that is said to hang on a study halves or doubles without it, pooled again by hand."""
    told = [e for e in estimates if not e.is_comparison and dependence_note(e)]
    for e in told:
        for d in dependences(e):
            (gone,) = [row for row in e.rows if row.label == d.label]
            one, other = sorted((by_hand(e, [row for row in e.rows if row is not gone]).estimate, e.result.estimate))
            assert other >= SEVERAL_FOLD * one and gone.n <= SMALL * e.n, (e.id, d.label)


# --- the form of a number in prose -------------------------------------------------------------------------------------------


def test_prose_may_ask_for_an_estimate_without_one_study(estimates):
    whole = made(estimates, [(3, 40), (9, 60), (5, 30), (12, 70)])
    assert phrase(whole, "without s1") == phrase(without_study(whole, "s1")) != phrase(whole)
    assert phrase(whole, "without  s1 ") == phrase(whole, "without s1")
    with pytest.raises(UnknownName, match="does not count 's9'"):
        phrase(whole, "without s9")
    with pytest.raises(UnknownName, match="without STUDY"):
        phrase(whole, "no such form")


# --- a declaration that studies are never averaged -----------------------------------------------------------------------------

WHY = "They are trials of different drugs."


def test_studies_declared_unlike_stand_side_by_side_whatever_their_counts(estimates):
    counts = [(20, 200), (21, 210), (19, 190), (18, 180)]
    assert made(estimates, counts).result is not None
    side = made(estimates, counts, side_by_side=WHY, side_sentence="")
    assert side.result is None
    assert [reason.text for reason in side.not_pooled] == [WHY]
    assert phrase(side).startswith("not pooled: 78 of 780 in 4 studies")
    assert plain_sentence(side) == "78 of 780 in 4 studies, shown side by side."
    assert side.to_dict()["not_pooled"] == [WHY]
    # Who asks for the average all the same gets that of the model.
    assert side.pooled_anyway().result.estimate == pytest.approx(made(estimates, counts).result.estimate)


def test_trials_declared_unlike_stand_side_by_side_too(estimates):
    counts = [((9, 30), (4, 30)), ((12, 40), (6, 40)), ((8, 25), (5, 25)), ((11, 20), (9, 20))]
    assert compared(estimates, counts).result is not None
    side = compared(estimates, counts, side_by_side=WHY, side_sentence="")
    assert side.result is None and [reason.text for reason in side.not_pooled] == [WHY]
    assert plain_sentence(side) == "40 of 115 v 24 of 115 in 4 studies, shown side by side."


def test_one_study_alone_is_not_said_to_be_side_by_side(estimates):
    assert not made(estimates, [(3, 40)], side_by_side=WHY).not_pooled


def test_one_trial_alone_is_named_with_its_counts(estimates):
    alone = compared(estimates, [((8, 23), (1, 23))])
    assert not alone.is_reported
    assert plain_sentence(alone) == "One study alone counts both groups, so nothing is pooled: Made 2000, 8 of 23 v 1 of 23."

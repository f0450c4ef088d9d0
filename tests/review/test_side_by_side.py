"""Studies that no average describes stand side by side: the rules are declared, computed, and hold wherever a number is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.made_rows import made_row

from cordbook.review.appraisal.estimate_text import format_estimate
from cordbook.review.estimates.conclusions import NONE_SEEN, NOT_POOLED, SEEN, direction
from cordbook.review.estimates.declarations import PoolingLimits
from cordbook.review.estimates.estimates import estimate_of
from cordbook.review.estimates.phrases import FORMS, phrase, plain_sentence
from cordbook.review.estimates.side_by_side import FEW, ONE_STUDY, SPREAD, WIDE, reasons_not_to_pool
from cordbook.synthesis import compare_arms, pool_proportions

LIMITS = PoolingLimits()


def rules(events, n, limits=LIMITS):
    return [reason.rule for reason in reasons_not_to_pool(pool_proportions(events, n), limits)]


def made(estimates, counts, **changes):
    """An estimate of the project's declaration over made-up studies."""
    synthesis = replace(estimates["sae-related-cell-therapy"].synthesis, side_sentence="", **changes)
    rows = tuple(
        made_row(f"s{i}", x, n, label=f"Made {2000 + i}", year=2000 + i, cell=f"c{i}") for i, (x, n) in enumerate(counts)
    )
    return estimate_of("made", "Made up", synthesis, rows)


def test_two_studies_are_too_few_and_three_are_not():
    assert rules([3, 9], [20, 30]) == [FEW, WIDE]
    assert rules([5, 9, 7], [20, 30, 25]) == []


def test_one_study_alone_needs_no_rule(estimates):
    alone = made(estimates, [(3, 20)])
    assert alone.result is not None
    assert not alone.not_pooled


def test_studies_that_share_nothing_are_not_averaged():
    found = rules([0, 0, 19, 20, 1, 18, 0, 20], [20] * 8)
    assert SPREAD in found
    assert SPREAD not in rules([0, 0, 19, 20, 1, 18, 0, 20], [20] * 8, PoolingLimits(tau_above=50))


def test_one_study_that_counted_among_many_that_did_not_is_not_an_average():
    assert rules([0] * 9 + [3], [60] * 10, PoolingLimits(tau_above=50)) == [ONE_STUDY]
    # A single event is always all events in one study: it says nothing on how studies counted.
    assert rules([0] * 9 + [1], [60] * 10) == []
    # Exactly at the limit is not beyond it: 4 of 5 studies without an event.
    assert ONE_STUDY not in rules([0, 0, 0, 0, 5], [20] * 5)
    assert ONE_STUDY not in rules([0] * 9 + [3], [60] * 10, PoolingLimits(tau_above=50, no_event_share_above=0.9))


def test_nobody_with_the_event_in_many_studies_keeps_its_exact_limit():
    assert rules([0] * 15, [17] * 15) == []


def test_an_interval_over_most_of_the_scale_is_not_reported():
    wide = pool_proportions([1, 4, 2], [4, 5, 5])
    assert wide.ci_high - wide.ci_low == pytest.approx(0.941, abs=0.001)
    assert rules([1, 4, 2], [4, 5, 5]) == [WIDE]
    assert rules([1, 4, 2], [4, 5, 5], PoolingLimits(interval_wider_than=0.95)) == []


def test_of_comparisons_only_the_number_of_studies_is_judged():
    counts = ([5, 9], [20, 30], [3, 4], [20, 28])
    assert [r.rule for r in reasons_not_to_pool(compare_arms(*counts, measure="OR", model="reml"), LIMITS)] == [FEW]
    # Two trials under one common effect: its interval does not rest on how they differ.
    assert reasons_not_to_pool(compare_arms(*counts, measure="OR", model="mh"), LIMITS) == ()


def test_no_number_of_the_model_leaks_into_words(estimates):
    side = made(estimates, [(0, 30)] * 9 + [(13, 29)])
    assert side.result is None
    average = phrase(side.pooled_anyway(), "point")
    for form in FORMS:
        assert average not in phrase(side, form), form
    assert phrase(side) == "not pooled: 13 of 299 in 10 studies, 0% to 45% in single studies"
    assert plain_sentence(side) == "9 studies report 0 of 270; Made 2009 alone reports 13 of 29."


def test_the_average_stays_available_to_who_asks_for_it(estimates):
    side = made(estimates, [(3, 20), (9, 30)])
    asked = side.pooled_anyway()
    assert asked.result is not None
    assert asked.result.k == 2
    assert not asked.not_pooled
    assert asked.pooled_anyway() is asked


def test_json_gives_studies_and_reasons_and_no_weights(estimates):
    found = json.loads(json.dumps(made(estimates, [(3, 20), (9, 30)]).to_dict()))
    assert (found["estimate"], found["k"], found["events"], found["n"]) == (None, 2, 12, 50)
    assert found["share_range"] == [0.15, 0.3]
    assert found["not_pooled"][0] == "Two studies are too few for an average."
    assert [set(study) for study in found["studies"]] == [{"label", "events", "n", "estimate", "ci_low", "ci_high"}] * 2


def test_two_studies_without_events_say_what_they_cannot_rule_out(estimates):
    sentence = plain_sentence(made(estimates, [(0, 30), (0, 20)]))
    assert "0 of 30" in sentence
    assert "at most 7.1%" in sentence  # 1 - 0.025 ** (1 / 50)


def test_conclusions_of_studies_side_by_side(estimates):
    assert direction(made(estimates, [(3, 20), (9, 30)]), estimates) == SEEN
    assert direction(made(estimates, [(0, 20), (0, 30)]), estimates) == NONE_SEEN
    assert direction(made(estimates, [(3, 20), (9, 30)], harm=False), estimates) == NOT_POOLED


def test_weights_of_studies_side_by_side_are_their_people(estimates):
    assert made(estimates, [(3, 20), (9, 30)]).row_weights == pytest.approx((0.4, 0.6))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda t: (min(t), t[1])), min_size=2, max_size=12))
def test_what_is_reported_keeps_the_declared_limits(counts):
    result = pool_proportions([x for x, _ in counts], [n for _, n in counts])
    if not reasons_not_to_pool(result, LIMITS):
        assert result.k >= LIMITS.studies_below
        assert result.ci_high - result.ci_low <= LIMITS.interval_wider_than
        assert result.tau2 is None or result.tau2**0.5 <= LIMITS.tau_above


def test_every_estimate_of_the_book_that_is_not_pooled_says_so_everywhere(estimates):
    side = [e for e in estimates if e.not_pooled]
    assert side, "today's data hold such estimates; without one this test sees nothing"
    for e in side:
        assert e.result is None
        assert phrase(e).startswith("not pooled: ")
        assert phrase(e, "interval") == phrase(e, "prediction") == "not pooled"
        assert "{" not in plain_sentence(e)


def test_a_sentence_cannot_ask_for_the_interval_of_studies_side_by_side(estimates):
    side = next(e for e in estimates if e.not_pooled and not e.is_comparison)
    with pytest.raises(KeyError, match=f"{side.id} is not pooled, so it has no 'high'"):
        format_estimate(estimates, side.id, "high")
    assert format_estimate(estimates, side.id, "of") == f"{side.events:,} of {side.n:,}"
    assert "not pooled" in format_estimate(estimates, side.id)

"""Number needed to treat."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.synthesis.pooling.nnt import number_needed_to_treat


def test_risk_ratio_by_hand():
    # 20% falls to 10%: 10 people for one complication less.
    result = number_needed_to_treat(0.5, 0.25, 0.75, control_risk=0.2, measure="RR", event_is="bad")
    assert result.nnt == pytest.approx(10)
    assert result.direction == "benefit"
    assert result.ci_benefit == pytest.approx((1 / 0.15, 1 / 0.05))
    assert result.ci_harm is None


def test_a_wanted_event_turns_benefit_and_harm():
    bad = number_needed_to_treat(0.5, 0.25, 0.75, control_risk=0.2, measure="RR", event_is="bad")
    good = number_needed_to_treat(0.5, 0.25, 0.75, control_risk=0.2, measure="RR", event_is="good")
    assert (good.direction, good.ci_harm, good.ci_benefit) == ("harm", bad.ci_benefit, None)


def test_an_interval_with_no_effect_runs_through_infinity():
    result = number_needed_to_treat(-0.1, -0.2, 0.05, control_risk=0.4, measure="RD", event_is="bad")
    assert result.ci_benefit == pytest.approx((5, math.inf))
    assert result.ci_harm == pytest.approx((20, math.inf))
    assert "benefit 5.0 to infinity to harm 20.0" in result.summary()


def test_no_effect_at_all():
    result = number_needed_to_treat(1.0, 1.0, 1.0, control_risk=0.4, event_is="bad")
    assert result.nnt == math.inf
    assert "infinity" in result.summary()


def test_unbounded_odds_ratio():
    result = number_needed_to_treat(2.0, 0.0, math.inf, control_risk=0.5, event_is="good")
    assert result.treated_risk_ci == (0, 1)
    assert result.ci_benefit == pytest.approx((2, math.inf))


@settings(deadline=None)
@given(st.floats(0.01, 50), st.floats(0.01, 0.99), st.sampled_from(["OR", "RR"]))
def test_one_over_the_difference_and_never_below_one(effect, risk, measure):
    if measure == "RR" and effect * risk > 1:
        with pytest.raises(ValueError, match="not between 0 and 1"):
            number_needed_to_treat(effect, effect, effect, control_risk=risk, measure=measure, event_is="bad")
        return
    result = number_needed_to_treat(effect, effect, effect, control_risk=risk, measure=measure, event_is="bad")
    assert result.nnt >= 1
    if math.isfinite(result.nnt):
        assert 1 / result.nnt == pytest.approx(abs(result.treated_risk - risk))


@settings(deadline=None)
@given(st.floats(0.05, 20), st.floats(0.05, 0.95))
def test_odds_ratio_keeps_its_meaning(odds_ratio, risk):
    result = number_needed_to_treat(odds_ratio, odds_ratio, odds_ratio, control_risk=risk, event_is="good")
    treated = result.treated_risk
    assert treated / (1 - treated) / (risk / (1 - risk)) == pytest.approx(odds_ratio)


def test_all_problems_at_once():
    with pytest.raises(ValueError) as error:
        number_needed_to_treat(-1, -2, -3, control_risk=20, measure="OR", event_is="maybe")
    message = str(error.value)
    assert all(word in message for word in ("control_risk is 20", "'maybe'", "do not enclose", "cannot be negative"))


def test_to_dict_is_plain():
    plain = number_needed_to_treat(0.5, 0.3, 0.8, control_risk=0.2, event_is="bad").to_dict()
    assert plain["ci_harm"] is None
    assert isinstance(plain["ci_benefit"], list)

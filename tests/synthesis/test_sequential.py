"""Monitoring boundaries and required information, against published tables and the theory's own identities."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cordbook.synthesis.sequential.information_size import diversity, information_difference, information_proportion
from cordbook.synthesis.sequential.monitoring import alpha_spent, crossing_probability, monitor, spending_boundaries

# Published tables give three decimals (boundaries) or three decimals (probabilities).
TABLE = 0.5e-3
# Recursive integration has an error far below what the root search leaves.
EXACT = 1e-9

FIVE_LOOKS = np.arange(1, 6) / 5


def test_obrien_fleming_spending_at_five_equal_looks():
    """The widely tabled values for two-sided alpha 0.05 (Reboussin et al 2000, Controlled Clinical Trials 21:190)."""
    assert spending_boundaries(FIVE_LOOKS).z == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=TABLE)


def test_pocock_spending_at_five_equal_looks():
    found = spending_boundaries(FIVE_LOOKS, spending="pocock").z
    assert found == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=TABLE)


@pytest.mark.parametrize(
    ("looks", "error"),
    [(1, 0.050), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_repeated_testing_at_the_5_percent_level(looks, error):
    """Armitage, McPherson and Rowe 1969: the chance of a false positive when every look is tested at 5%."""
    times = np.arange(1, looks + 1) / looks
    assert crossing_probability(times, np.full(looks, stats.norm.isf(0.025))).sum() == pytest.approx(error, abs=TABLE)


def test_classical_constant_boundaries_spend_alpha():
    """Jennison and Turnbull 2000, tables 2.1 and 2.3: C_P(5, 0.05) = 2.413, C_B(5, 0.05) = 2.040."""
    looks = np.arange(1, 6)
    pocock = crossing_probability(looks / 5, np.full(5, 2.413)).sum()
    obrien = crossing_probability(looks / 5, 2.040 * np.sqrt(5 / looks)).sum()
    # The constants have three decimals, which moves alpha by up to 0.0001.
    assert (pocock, obrien) == pytest.approx((0.05, 0.05), abs=1e-4)


def test_power_of_a_single_look_is_that_of_the_fixed_test():
    drift = stats.norm.isf(0.025) + stats.norm.ppf(0.9)
    upper = stats.norm.sf(stats.norm.isf(0.025) - drift)
    lower = stats.norm.cdf(-stats.norm.isf(0.025) - drift)
    assert crossing_probability([1.0], [stats.norm.isf(0.025)], drift=drift).sum() == pytest.approx(upper + lower, abs=EXACT)


def test_crossing_probability_against_simulation():
    """An independent check of the recursion at unequal looks and with drift: 400,000 simulated paths, seeded."""
    times, limits, drift = np.array([0.13, 0.2, 0.55, 0.9]), np.array([2.2, 2.9, 1.7, 2.0]), 1.5
    rng = np.random.default_rng(7)
    steps = np.diff(times, prepend=0.0)
    paths = np.cumsum(rng.normal(drift * steps, np.sqrt(steps), size=(400_000, 4)), axis=1)
    beyond = np.abs(paths) >= limits * np.sqrt(times)
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), -1)
    simulated = np.array([(first == look).mean() for look in range(4)])
    # Four standard errors of a simulated proportion.
    assert crossing_probability(times, limits, drift=drift) == pytest.approx(simulated, abs=4 * np.sqrt(0.25 / 400_000))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.02, 0.99), min_size=1, max_size=7, unique=True),
    st.sampled_from(["obrien-fleming", "pocock"]),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_boundaries_spend_exactly_what_is_allowed(fractions, spending, alpha):
    times = np.append(np.sort(fractions), 1.0)
    times = times[np.append(np.diff(times) > 1e-4, True)]
    found = spending_boundaries(times, alpha=alpha, spending=spending)
    crossed = np.cumsum(crossing_probability(times, found.z))
    assert crossed[-1] == pytest.approx(alpha, abs=1e-8)
    assert crossed == pytest.approx(alpha_spent(times, alpha=alpha, spending=spending), abs=1e-8)


def test_one_look_is_the_fixed_test_and_a_late_look_spends_the_rest():
    assert spending_boundaries([1.0]).z[0] == pytest.approx(stats.norm.isf(0.025), abs=1e-8)
    assert spending_boundaries([0.5, 1.3]).z == pytest.approx(spending_boundaries([0.5, 1.0]).z, abs=1e-8)


def test_a_very_early_look_has_no_boundary():
    found = spending_boundaries([0.005, 0.5, 1.0])
    assert np.isinf(found.z[0])
    assert found.to_dict()["z"][0] is None
    assert found.z[1:] == pytest.approx(spending_boundaries([0.5, 1.0]).z, abs=1e-8)
    assert list(found.to_frame().columns) == ["fraction", "z", "nominal_p", "spent"]
    assert "not estimable" not in spending_boundaries([0.5, 1.0]).summary()


def test_required_information():
    # By hand: v = 0.25 * 0.75, (1.959964 + 0.841621)^2 = 7.848880, 4 * 0.1875 * 7.848880 / 0.01 = 588.67.
    assert information_difference(0.2, 0.3, power=0.8).participants == 589
    # 1.959964^2 * 0.25 / 0.05^2 = 384.15.
    needed = information_proportion(0.5, 0.05, d2=0.5)
    assert (needed.participants, needed.adjusted) == (385, 769)
    assert diversity(0.02, 0.05) == pytest.approx(0.6)
    # The random-effects variance can't be below the common-effect one; rounding is not diversity.
    assert diversity(0.0500001, 0.05) == 0.0


def test_diversity_is_i2_when_studies_weigh_the_same():
    """Wetterslev 2009: D2 = I2 where all studies have the same variance."""
    variance, tau2, k = 0.3, 0.2, 8
    assert diversity(variance / k, (variance + tau2) / k) == pytest.approx(tau2 / (tau2 + variance))


def test_monitoring_verdicts():
    early = monitor([-0.5, -0.5], [0.3, 0.2], [100, 200], required=1000)
    assert early.verdict == "not yet" and early.still_needed == 800 and early.crossed_at is None
    # z = -2.5 would be significant if looked at once, and is not here.
    assert early.updates[-1].z == pytest.approx(-2.5) and not early.updates[-1].crossed
    late = monitor([-0.5, -0.05, -0.01], [0.3, 0.05, 0.04], [100, 1000, 1500], required=1000, labels=[2019, 2022, 2024])
    assert late.verdict == "complete" and late.still_needed == 0
    assert late.updates[2].boundary == late.updates[1].boundary
    assert any("spend no more" in note for note in late.notes)
    won = monitor([-0.5, -0.6, -0.1], [0.3, 0.1, 0.1], [100, 600, 800], required=1000, labels=["a", "b", "c"])
    assert won.verdict == "crossed" and won.crossed_at == "b"
    assert any("inside it again" in note for note in won.notes)
    assert won.updates[1].ci_high < 0 < won.updates[2].ci_high
    json.dumps(won.to_dict(), allow_nan=False)
    assert len(won.to_frame()) == 3 and "crossed at b" in won.summary()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spending_boundaries([0.5, 0.4]), "must rise"),
        (lambda: spending_boundaries([0.0, 1.0]), "above 0"),
        (lambda: spending_boundaries([1.0, 1.2]), "only the last look"),
        (lambda: spending_boundaries([1.0], alpha=5), "for 5% write 0.05"),
        (lambda: spending_boundaries([1.0], spending="haybittle"), "spending = 'haybittle'"),
        (lambda: crossing_probability([0.5, 1.0], [2.0]), "one boundary"),
        (lambda: information_difference(0.2, 0.2), "both 0.2"),
        (lambda: information_difference(0.2, 1.2), "p_treated = 1.2"),
        (lambda: information_proportion(0.2, 0.05, d2=1.0), "d2 = 1.0"),
        (lambda: information_proportion(0.0, 0.05), "p = 0.0"),
        (lambda: diversity(0.0, 1.0), "variance_common = 0.0"),
        (lambda: monitor([0.1, 0.2], [0.1, 0.0], [10, 5], 100), "update 2: se = 0.0"),
        (lambda: monitor([0.1], [0.1, 0.2], [10], 100), "same length"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()

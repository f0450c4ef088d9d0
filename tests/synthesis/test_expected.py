"""Observed against expected: moments and ranges by other means, pooling by its formulas, and how often it errs when nothing is done."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import expit
from scipy.stats import binom, norm

from cordbook.synthesis.expected.natural import NaturalShare, moments, natural_share_of_one, predicted_range
from cordbook.synthesis.expected.pooling import TreatedGroup, observed_against_expected

A = NaturalShare(-1.54, 0.26, 0.22, 6, 438, 2253)


def test_moments_agree_with_integration():
    found = moments(A)

    def density(c, d):
        return norm.pdf(c, 0, A.se) * norm.pdf(d, 0, math.sqrt(A.tau2))

    ends = (-3, 3, -4, 4)
    mean = dblquad(lambda d, c: expit(A.mean + c + d) * density(c, d), *ends)[0]
    square = dblquad(lambda d, c: expit(A.mean + c + d) ** 2 * density(c, d), *ends)[0]
    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.common + found.own == pytest.approx(square - mean**2, rel=1e-5)
    assert found.binomial == pytest.approx(mean - square, rel=1e-6)


def test_what_is_common_is_the_variance_of_the_share_over_the_average_alone():
    assert moments(NaturalShare(-1.0, 0.4, 0.0, 3, 30, 100)).own == pytest.approx(0.0, abs=1e-15)
    assert moments(NaturalShare(-1.0, 0.0, 0.4, 3, 30, 100)).common == pytest.approx(0.0, abs=1e-15)


def test_a_single_report_adds_its_own_deviation_to_what_is_not_known():
    share = natural_share_of_one(6, 148, 0.22)
    assert share.mean == pytest.approx(math.log(6.5 / 142.5))
    assert share.se**2 == pytest.approx(1 / 6.5 + 1 / 142.5 + 0.22)


@pytest.mark.parametrize("counts", [(3, 2, 0.1), (-1, 10, 0.1), (1, 0, 0.1), (1, 10, -0.1)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="cannot be"):
        natural_share_of_one(*counts)


def test_a_range_without_uncertainty_is_that_of_the_binomial_and_grows_with_it():
    exact = NaturalShare(math.log(0.2 / 0.8), 0.0, 0.0, 9, 1, 1)
    low, high = predicted_range([(exact, 40)])
    assert (low, high) == (int(binom.ppf(0.025, 40, 0.2)), int(binom.ppf(0.975, 40, 0.2)))
    wide_low, wide_high = predicted_range([(NaturalShare(exact.mean, 0.3, 0.3, 9, 1, 1), 40)])
    assert wide_low <= low and wide_high > high


def test_a_range_holds_the_share_of_draws_that_it_says():
    rng = np.random.default_rng(3)
    draws = rng.binomial(25, expit(A.mean + A.spread * rng.standard_normal(40_000)))
    low, high = predicted_range([(A, 25)])
    assert 0.95 <= np.mean((draws >= low) & (draws <= high)) <= 0.99


GROUPS = [
    TreatedGroup("one", 6, (("A", 20),)),
    TreatedGroup("two", 4, (("A", 10), ("C", 4))),
    TreatedGroup("three", 5, (("A", 14),)),
]
COURSES = {"A": A, "C": NaturalShare(0.95, 0.15, 0.0, 4, 234, 324)}


def test_numbers_of_a_comparison_follow_their_formulas():
    found = observed_against_expected(GROUPS, COURSES)
    a, c = moments(A), moments(COURSES["C"])
    n, observed = np.array([20, 14, 14]), np.array([6, 4, 5])
    sizes = np.array([[20, 0], [10, 4], [14, 0]])
    expected = sizes @ np.array([a.mean, c.mean])
    assert [g.expected for g in found.studies] == pytest.approx(list(expected))
    assert (found.observed, found.n, found.expected) == (15, 48, pytest.approx(expected.sum()))
    v = (sizes @ np.array([a.binomial, c.binomial]) + (sizes @ np.sqrt([a.own, c.own])) ** 2) / n**2
    shared = (sizes * np.array([a.common, c.common])) @ sizes.T / np.outer(n, n)
    y = (observed - expected) / n
    weights = np.linalg.solve(np.diag(v) + shared, np.ones(3))
    weights /= weights.sum()
    assert found.tau2 == 0.0  # these differ no more than the natural course lets them
    assert found.estimate == pytest.approx(100 * weights @ y)
    q = (y - weights @ y) @ np.linalg.inv(np.diag(v) + shared) @ (y - weights @ y)
    half = math.sqrt(4.302652729911275**2 * q / 2 * weights @ (v * weights) + 1.959963984540054**2 * weights @ shared @ weights)
    assert found.ci_high - found.estimate == pytest.approx(100 * half, rel=1e-9)
    assert found.ratio == pytest.approx(15 / expected.sum())


def test_groups_that_differ_more_get_a_variance_of_their_own():
    unlike = [
        TreatedGroup("none", 0, (("A", 40),)),
        TreatedGroup("all", 40, (("A", 40),)),
        TreatedGroup("half", 20, (("A", 40),)),
    ]
    found = observed_against_expected(unlike, COURSES)
    assert found.tau2 > 100 and found.q > 2


def test_more_groups_do_not_make_the_natural_course_known_better():
    many = [TreatedGroup(str(i), 4, (("A", 20),)) for i in range(200)]
    found = observed_against_expected(many, COURSES)
    assert found.ci_high - found.estimate > 100 * 1.9 * math.sqrt(moments(A).common)


def test_fewer_groups_than_wanted_are_not_pooled_and_limits_stay_within_100():
    found = observed_against_expected(GROUPS[:2], COURSES, fewest=3)
    assert (found.k, found.estimate, found.ratio) == (2, None, None)
    everybody = observed_against_expected([TreatedGroup("all", 3, (("A", 3),))], COURSES)
    assert everybody.studies[0].ci_high == 100


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([], "no group"),
        ([TreatedGroup("x", 2, (("B", 5),))], "no natural course 'B'"),
        ([TreatedGroup("x", 6, (("A", 5),))], "6 of 5 cannot be"),
    ],
)
def test_what_cannot_be_compared_is_refused(groups, said):
    with pytest.raises(ValueError, match=said):
        observed_against_expected(groups, COURSES)


def test_nobody_with_the_event_has_a_ratio_of_zero_without_limits():
    found = observed_against_expected([TreatedGroup(g.label, 0, g.parts) for g in GROUPS], COURSES)
    assert (found.ratio, found.ratio_low) == (0.0, None)


def test_when_a_treatment_does_nothing_the_interval_holds_0_about_as_often_as_it_says():
    """A small run of benchmarks/coverage_expected.py with a known natural course; bounds of 95% by chance over 400 runs."""
    rng, held = np.random.default_rng(11), 0
    sizes = (8, 26, 29, 35, 20, 16)
    for _ in range(400):
        common = A.se * rng.standard_normal()
        shares = expit(A.mean + common + math.sqrt(A.tau2) * rng.standard_normal(len(sizes)))
        groups = [
            TreatedGroup(str(i), int(rng.binomial(n, p)), (("A", n),)) for i, (n, p) in enumerate(zip(sizes, shares, strict=True))
        ]
        found = observed_against_expected(groups, COURSES)
        held += found.ci_low <= 0 <= found.ci_high
    assert 0.925 <= held / 400 <= 0.985

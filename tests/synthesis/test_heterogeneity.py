import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from cordbook.synthesis.between_studies.heterogeneity import (
    cochran_q,
    h2_test_based_interval,
    heterogeneity,
    q_profile_interval,
    typical_variance,
)
from cordbook.synthesis.between_studies.tau2 import generalised_q
from cordbook.synthesis.measures import proportion_effects

from .core_reference import CORE

# The reference limits were solved with uniroot's tolerance set to 1e-13.
TIGHT = 1e-8
BCG = CORE["bcg"]


@pytest.mark.parametrize("name", CORE["glmm"])
def test_q_profile_agrees_with_metafor_solved_to_rounding(name):
    stored = CORE["glmm"][name]
    sizes = proportion_effects(stored["events"], stored["n"], "logit")
    _, low, high = stored["qprofile"]
    assert q_profile_interval(sizes.yi, sizes.vi) == pytest.approx((low, high), rel=TIGHT, abs=1e-10)


def test_with_a_moderator_agrees_with_metafor():
    X = np.column_stack([np.ones(13), BCG["ablat"]])
    stored = BCG["ablat_reml"]
    test = cochran_q(BCG["yi"], BCG["vi"], X)
    assert (test.q, test.df, test.p) == pytest.approx((stored["QE"], 11, stored["QEp"]), rel=TIGHT)
    spread = heterogeneity(BCG["yi"], BCG["vi"], BCG["REML"]["ablat"], X)
    assert (spread.i2, spread.h2) == pytest.approx((stored["I2"], stored["H2"]), rel=1e-6)
    assert (spread.tau2_ci_low, spread.tau2_ci_high) == pytest.approx(stored["qprofile"][1:], rel=TIGHT)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 10).flatmap(
        lambda k: st.tuples(
            st.lists(st.floats(-3, 3), min_size=k, max_size=k), st.lists(st.floats(0.05, 2), min_size=k, max_size=k)
        )
    )
)
def test_q_profile_limits_solve_their_equations_and_nest(data):
    yi, vi = data
    wide, narrow = q_profile_interval(yi, vi, level=0.99), q_profile_interval(yi, vi, level=0.8)
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    for limit, share in ((narrow.low, 0.9), (narrow.high, 0.1)):
        quantile = chi2.ppf(share, len(yi) - 1)
        if limit > 0:
            assert generalised_q(yi, vi, limit) == pytest.approx(quantile, rel=1e-7)
        else:
            assert generalised_q(yi, vi, 0.0) <= quantile * (1 + 1e-9)


def test_common_effect_i2_is_never_negative_and_its_interval_holds_it():
    calm = heterogeneity([0.1, 0.7, -0.4, 0.3], [0.2, 0.3, 0.4, 0.2], None)
    assert calm.i2 == calm.i2_ci_low == 0.0
    assert calm.i2_ci_high > 0
    wild = heterogeneity([0.1, 2.0, -1.5, 0.4], [0.05, 0.06, 0.04, 0.05], None)
    assert 0 < wild.i2_ci_low < wild.i2 < wild.i2_ci_high < 100
    assert wild.h2_ci_low < wild.h2 < wild.h2_ci_high


def test_test_based_interval_by_hand():
    # Higgins and Thompson 2002: ln H -+ 1.96 SE, with the SE for Q above k; k = 14, Q = 30 worked out by hand:
    # ln H = ln(30/13)/2 = 0.41812, SE = 0.5 (ln 30 - ln 13) / (sqrt 60 - sqrt 25) = 0.15227.
    low, high = h2_test_based_interval(30.0, 14)
    assert low == pytest.approx(np.exp(2 * (0.41812 - 1.959964 * 0.15227)), rel=1e-3)
    assert high == pytest.approx(np.exp(2 * (0.41812 + 1.959964 * 0.15227)), rel=1e-3)
    assert h2_test_based_interval(3.0, 2) is None
    assert h2_test_based_interval(0.0, 5).low == 1.0


def test_typical_variance_lies_between_the_variances():
    vi = [0.1, 0.4, 2.0]
    assert min(vi) < typical_variance(vi) < max(vi)


def test_one_study():
    spread = heterogeneity([0.3], [0.1], 0.0)
    assert (spread.q, spread.q_df, spread.q_p, spread.tau2_ci_high) == (0.0, 0, None, None)
    assert q_profile_interval([0.3], [0.1]) is None

"""Data of funnel plots."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from cordbook.synthesis.bias.funnel import funnel_effects, funnel_proportions

from .why_reference import BCG, CLOSED, METAFOR, assert_close


def test_contours_are_the_borders_of_significance():
    funnel = funnel_effects(BCG["yi"], BCG["vi"], levels=(0.9, 0.95, 0.99))
    for contour in funnel.contours:
        p = 2 * stats.norm.sf(np.array(contour.high[1:]) / np.array(contour.y[1:]))
        assert_close(p, np.full(len(p), 1 - contour.level), CLOSED)
        assert contour.low == tuple(-high for high in contour.high)
    assert (funnel.axis, funnel.null, funnel.y[0]) == ("se", 0.0, np.sqrt(BCG["vi"][0]))


def test_limits_lie_around_the_pooled_estimate():
    funnel = funnel_effects(BCG["yi"], BCG["vi"], null=None)
    assert_close(funnel.centre, METAFOR["two_arm"]["bcg"]["RR_FE_z"]["estimate"], CLOSED)
    assert funnel.contours == ()
    assert funnel.limits.low[0] == funnel.limits.high[0] == funnel.centre
    assert max(funnel.limits.y) == max(funnel.y)


def test_proportion_limits_hold_at_least_the_stated_share():
    funnel = funnel_proportions([2, 9, 30], [10, 20, 100], centre=0.3, level=0.9)
    n = np.array(funnel.limits.y)
    low, high = (np.round(np.array(side) * n) for side in (funnel.limits.low, funnel.limits.high))
    inside = stats.binom.cdf(high, n, 0.3) - stats.binom.cdf(low - 1, n, 0.3)
    assert (inside >= 0.9 - 1e-12).all()
    assert funnel.x == (0.2, 0.45, 0.3) and funnel.y == (10.0, 20.0, 100.0)
    json.dumps(funnel.to_dict())


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="centre"):
        funnel_proportions([1], [10], centre=30)
    with pytest.raises(ValueError, match="level"):
        funnel_effects([0.1, 0.2], [0.1, 0.1], levels=(95,))

"""Permutation tests against metafor's permutest with all permutations, and the random form against the exact one."""

from __future__ import annotations

import numpy as np
import pytest

from cordbook.synthesis.regression.meta_regression import meta_regression
from cordbook.synthesis.regression.permutation import permutation_test
from cordbook.synthesis.regression.proportion_regression import regress_proportions

from .why_reference import BCG, CLOSED, REFERENCE, assert_close

FIRST6 = slice(0, 6)
CASES = {
    "first6_ablat_REML_z": (FIRST6, ["ablat"], "reml", "wald"),
    "first6_ablat_REML_knha": (FIRST6, ["ablat"], "reml", "hksj"),
    "first6_ablat_year_DL_z": (FIRST6, ["ablat", "year"], "dl", "wald"),
    "random_DL_z": (slice(0, 13), ["random"], "dl", "wald"),
    "first8_mean_DL_z": (slice(0, 8), [], "dl", "wald"),
}
COLUMNS = {"ablat": BCG["ablat"], "year": BCG["year"], "random": [a == "random" for a in BCG["alloc"]]}


def fit_of(case):
    part, names, model, ci = CASES[case]
    moderators = {name: COLUMNS[name][part] for name in names} or None
    return meta_regression(BCG["yi"][part], BCG["vi"][part], moderators, model=model, ci=ci, hksj_floor=False)


@pytest.mark.parametrize("case", CASES)
def test_all_permutations_agree_with_metafor(case):
    expected = REFERENCE["permutation"][case]
    found = permutation_test(fit_of(case))
    assert found.exact and found.permutations == expected["n"]
    assert_close(
        [c.p for c in found.coefficients],
        expected["pval"] if isinstance(expected["pval"], list) else [expected["pval"]],
        CLOSED,
    )
    if case.startswith("first8_mean"):
        assert found.omnibus_p is None
    else:
        assert_close(found.omnibus_p, expected["QMp"], CLOSED)


def test_random_permutations_come_near_the_exact_p_and_repeat_with_the_seed():
    fit = fit_of("random_DL_z")
    exact = permutation_test(fit)
    drawn = permutation_test(fit, max_permutations=1500, seed=7)
    assert not drawn.exact and drawn.seed == 7
    # Four standard errors of a proportion from 1,500 draws.
    assert abs(drawn.omnibus_p - exact.omnibus_p) < 4 * np.sqrt(exact.omnibus_p * (1 - exact.omnibus_p) / 1500)
    assert drawn == permutation_test(fit, max_permutations=1500, seed=7)
    assert drawn != permutation_test(fit, max_permutations=1500, seed=8)


def test_a_random_p_value_is_never_zero():
    x = np.arange(30.0)
    rng = np.random.default_rng(3)
    fit = meta_regression(x + rng.normal(0, 0.1, 30), np.full(30, 0.01), {"x": x})
    found = permutation_test(fit, max_permutations=200)
    assert found.omnibus_p == 1 / 200


def test_what_cannot_be_permuted_is_refused():
    glmm = regress_proportions([2, 3, 8, 9, 4], [20] * 5, {"x": [1, 2, 3, 4, 6]})
    with pytest.raises(ValueError, match="needs effect sizes"):
        permutation_test(glmm)
    with pytest.raises(ValueError, match="at least 100"):
        permutation_test(fit_of("random_DL_z"), max_permutations=50)


def test_it_prints():
    found = permutation_test(fit_of("first6_ablat_REML_z"))
    assert "360 permutations, all" in found.summary()
    assert list(found.to_frame().columns) == ["name", "estimate", "statistic", "p"]
    assert found.to_dict()["exact"] is True

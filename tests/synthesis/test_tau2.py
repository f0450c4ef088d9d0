import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.synthesis.between_studies.tau2 import TAU2_METHODS, estimate_tau2, generalised_q, tau2_for_q, trace_of_p

from .core_reference import CORE

# The reference fits ran with a threshold of 1e-13 on tau2, which here is about 0.1.
TIGHT = 1e-9
BCG, SMALL = CORE["bcg"], CORE["small"]

finite_sets = st.integers(2, 12).flatmap(
    lambda k: st.tuples(st.lists(st.floats(-5, 5), min_size=k, max_size=k), st.lists(st.floats(0.01, 4), min_size=k, max_size=k))
)


def design(*columns):
    return np.column_stack([np.ones(len(columns[0])), *columns])


@pytest.mark.parametrize("method", TAU2_METHODS)
@pytest.mark.parametrize("moderators", ["none", "ablat", "both"])
def test_agrees_with_metafor_on_the_bcg_trials(method, moderators):
    X = {
        "none": None,
        "ablat": design(BCG["ablat"]),
        "both": design(BCG["ablat"], BCG["year"]),
    }[moderators]
    expected = BCG[method.upper()][moderators]
    # The PM and ML fits of R stop where Q or the score is flat to rounding, which is worth some 1e-8 of tau2.
    assert estimate_tau2(method, BCG["yi"], BCG["vi"], X) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_agrees_with_metafor_on_four_studies(method):
    assert estimate_tau2(method, SMALL["yi"], SMALL["vi"]) == pytest.approx(SMALL[method.upper()], rel=TIGHT)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_a_column_of_ones_is_the_intercept(method):
    X = np.ones((4, 1))
    alone = estimate_tau2(method, SMALL["yi"], SMALL["vi"])
    assert estimate_tau2(method, SMALL["yi"], SMALL["vi"], X) == pytest.approx(alone, rel=TIGHT)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_a_batch_gives_what_its_rows_give(method):
    rng = np.random.default_rng(7)
    yi, vi = rng.normal(0, 1, (3, 4, 9)), rng.uniform(0.05, 2, (3, 4, 9))
    X = np.stack([np.ones((3, 4, 9)), rng.normal(size=(3, 4, 9))], axis=-1)
    for design_matrix in (None, X, X[0, 0]):
        batch = estimate_tau2(method, yi, vi, design_matrix)
        assert batch.shape == (3, 4)
        for i, j in np.ndindex(3, 4):
            own = design_matrix if design_matrix is None or design_matrix.ndim == 2 else design_matrix[i, j]
            assert batch[i, j] == pytest.approx(estimate_tau2(method, yi[i, j], vi[i, j], own), rel=TIGHT, abs=1e-12)


def test_chunks_do_not_show(monkeypatch):
    rng = np.random.default_rng(8)
    yi, vi = rng.normal(0, 1, (50, 6)), rng.uniform(0.05, 2, (50, 6))
    whole = estimate_tau2("reml", yi, vi)
    monkeypatch.setattr("cordbook.synthesis.between_studies.tau2.CHUNK_NUMBERS", 500)
    assert estimate_tau2("reml", yi, vi).tolist() == whole.tolist()


def restricted_loglik(yi, vi, tau2, restricted):
    """The textbook formula (Viechtbauer 2005), written out."""
    w = 1 / (vi + tau2)
    mu = (w * yi).sum() / w.sum()
    value = -0.5 * np.log(vi + tau2).sum() - 0.5 * (w * (yi - mu) ** 2).sum()
    return value - 0.5 * np.log(w.sum()) if restricted else value


@settings(deadline=None, max_examples=150)
@given(finite_sets, st.sampled_from(["reml", "ml"]))
def test_no_tau2_is_more_likely(data, method):
    yi, vi = map(np.array, data)
    tau2 = estimate_tau2(method, yi, vi)
    height = restricted_loglik(yi, vi, tau2, method == "reml")
    spread = yi.var() + vi.max()
    for other in [0.0, *(spread * 10.0 ** np.arange(-6, 1.1, 0.25))]:
        # 1e-9 is rounding in a sum of a few terms of size 1 to 100.
        assert restricted_loglik(yi, vi, other, method == "reml") <= height + 1e-9


def test_two_peaks_of_the_likelihood_give_the_higher():
    # Two precise studies that agree and three imprecise ones far apart: the likelihood has a peak near 0 and one near 25.
    yi, vi = np.array([0.0, 0.02, 9.0, -6.0, 4.0]), np.array([1e-4, 1e-4, 1.0, 1.0, 1.0])
    grid = np.concatenate([[0.0], 10.0 ** np.arange(-7, 3, 0.01)])
    heights = [restricted_loglik(yi, vi, tau2, True) for tau2 in grid]
    assert restricted_loglik(yi, vi, estimate_tau2("reml", yi, vi), True) >= max(heights) - 1e-9


@settings(deadline=None, max_examples=100)
@given(finite_sets)
def test_paule_mandel_solves_its_equation(data):
    yi, vi = map(np.array, data)
    tau2 = estimate_tau2("pm", yi, vi)
    q = generalised_q(yi, vi, tau2)
    if tau2 > 0:
        assert q == pytest.approx(len(yi) - 1, rel=1e-8)
    else:
        assert q <= (len(yi) - 1) * (1 + 1e-12)


@settings(deadline=None, max_examples=60)
@given(finite_sets, st.sampled_from(TAU2_METHODS), st.floats(0.1, 20))
def test_scales_with_the_data(data, method, factor):
    yi, vi = map(np.array, data)
    tau2 = estimate_tau2(method, yi, vi)
    scaled = estimate_tau2(method, yi * factor, vi * factor**2)
    # A peak that is nearly flat is found to the square root of rounding only.
    assert scaled == pytest.approx(tau2 * factor**2, rel=1e-5, abs=1e-7 * factor**2)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_equal_effects_have_no_spread(method):
    assert estimate_tau2(method, [0.3, 0.3, 0.3], [0.1, 0.2, 0.3]) == 0.0


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_equal_variances_have_the_textbook_answer(method):
    yi = np.array([0.0, 1.0, 5.0, 2.0])
    divisor = len(yi) if method == "ml" else len(yi) - 1
    expected = ((yi - yi.mean()) ** 2).sum() / divisor - 0.4
    assert estimate_tau2(method, yi, np.full(4, 0.4)) == pytest.approx(expected, rel=TIGHT)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_as_many_coefficients_as_studies_leave_no_spread(method):
    assert estimate_tau2(method, [0.1], [0.2]) == 0.0
    assert estimate_tau2(method, [0.1, 2.0], [0.2, 0.2], [[1, 0], [1, 1]]) == 0.0


def test_tau2_for_q_is_zero_when_q_starts_below():
    assert tau2_for_q([0.0, 0.1], [1.0, 1.0], 3.0) == 0.0
    with pytest.raises(ValueError, match="target = 0 is not above 0"):
        tau2_for_q([0.0, 0.1], [1.0, 1.0], 0)


def test_several_targets_give_what_each_gives(monkeypatch):
    rng = np.random.default_rng(9)
    yi, vi, targets = rng.normal(0, 2, 8), rng.uniform(0.05, 1, 8), np.array([2.0, 7.0, 16.0])
    alone = [tau2_for_q(yi, vi, target) for target in targets]
    assert tau2_for_q(yi, vi, targets).tolist() == alone
    monkeypatch.setattr("cordbook.synthesis.between_studies.tau2.CHUNK_NUMBERS", 1)
    assert tau2_for_q(yi, vi, targets).tolist() == alone


def test_trace_of_p_by_hand():
    vi, X = np.array([0.5, 1.0, 2.0, 0.25]), design(np.array([0.0, 1.0, 2.0, 5.0]))
    W = np.diag(1 / vi)
    P = W - W @ X @ np.linalg.inv(X.T @ W @ X) @ X.T @ W
    assert trace_of_p(vi, X) == pytest.approx(np.trace(P), rel=1e-12)
    yi = np.array([1.0, -1.0, 0.3, 0.2])
    assert generalised_q(yi, vi, 0.0, X) == pytest.approx(yi @ P @ yi, rel=1e-12)


@pytest.mark.parametrize(
    ("yi", "vi", "X", "says"),
    [
        ([0.1, 0.2], [0.1, 0.0], None, "vi finite and above 0"),
        ([], [], None, "hold no studies"),
        ([0.1, 0.2], [0.1, 0.1], np.ones((3, 1)), r"its last two axes must be \(2, p\)"),
        ([0.1, 0.2], [0.1, 0.1], np.ones((2, 3)), "3 coefficients for 2 studies"),
        ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], np.ones((3, 2)), "repeat each other"),
    ],
)
def test_bad_input(yi, vi, X, says):
    with pytest.raises(ValueError, match=says):
        estimate_tau2("reml", yi, vi, X)


def test_unknown_method():
    with pytest.raises(ValueError, match="method = 'he' is not known"):
        estimate_tau2("he", [0.1, 0.2], [0.1, 0.1])


@settings(deadline=None, max_examples=60)
@given(finite_sets, st.sampled_from(TAU2_METHODS))
def test_a_set_alone_gives_what_it_gives_among_many(data, method):
    # A few sets are solved in plain numbers, many in arrays.
    yi, vi = map(np.array, data)
    alone, among = estimate_tau2(method, yi, vi), estimate_tau2(method, np.tile(yi, (9, 1)), np.tile(vi, (9, 1)))
    assert among == pytest.approx(np.full(9, alone), rel=1e-7, abs=1e-9)

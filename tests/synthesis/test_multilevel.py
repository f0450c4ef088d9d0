"""Several effects of one study, against metafor's rma.mv and clubSandwich (tests/reference/means.json; means.R made it)."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from cordbook.synthesis import pool_effects, pool_multilevel, regress_multilevel
from cordbook.synthesis.multilevel.model import LEVELS, Block, MultilevelFit
from cordbook.synthesis.multilevel.robust import cluster_robust

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "means.json").read_text(encoding="utf-8"))
SETS = REFERENCE["multilevel"]
#: Where R's optimiser stops, the variances are right to some 1e-8; all else follows them.
AGREEMENT = 1e-6
KINDS = {"mean": {}, "correlated": {"rho": 0.6}, "effect_only": {"levels": ("effect",)}, "study_only": {"levels": ("study",)}}


def close(found, wanted, tolerance=AGREEMENT):
    np.testing.assert_allclose(np.atleast_1d(found), np.atleast_1d(wanted), rtol=tolerance, atol=tolerance)


def columns(name):
    data = SETS[name]["data"]
    return data["yi"], data["vi"], data["study"]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
def test_pooled_effects_are_those_of_rma_mv_and_clubsandwich(name, kind):
    wanted, options = SETS[name][kind], KINDS[kind]
    model = pool_multilevel(*columns(name), ci="wald", **options)
    close([model.estimate, model.se, model.ci_low, model.ci_high, model.p], [wanted[x] for x in ("b", "se", "lb", "ub", "p")])
    levels = options.get("levels", LEVELS)
    close([getattr(model, f"tau2_{level}") for level in levels], wanted["sigma2"])
    close([getattr(model, f"i2_{level}") for level in levels], wanted["i2"], 1e-5)  # in percent
    close([model.loglik, model.q, model.q_p], [wanted["loglik"], wanted["Q"], wanted["Qp"]])
    close([model.pi_low, model.pi_high], wanted["pi"])
    contained = pool_multilevel(*columns(name), ci="t", **options)
    close(
        [contained.df, contained.ci_low, contained.ci_high, contained.p], [wanted["contain"][x] for x in ("df", "lb", "ub", "p")]
    )
    close([contained.pi_low, contained.pi_high], wanted["pi_contain"])
    robust = pool_multilevel(*columns(name), **options)
    close(
        [robust.se, robust.df, robust.p, robust.ci_low, robust.ci_high],
        [wanted["cr2"][x] for x in ("se", "df", "p", "lb", "ub")],
    )


@pytest.mark.parametrize("name", SETS)
def test_regression_is_that_of_rma_mv_and_clubsandwich(name):
    wanted, moderator = SETS[name]["slope"], {"x": SETS[name]["data"]["x"]}
    for ci, numbers in (("wald", wanted), ("t", wanted["contain"]), ("cr2", wanted["cr2"])):
        fit = regress_multilevel(*columns(name), moderator, ci=ci)
        close([c.estimate for c in fit.coefficients], wanted["b"])
        for ours, theirs in (("se", "se"), ("df", "df"), ("p", "p"), ("ci_low", "lb"), ("ci_high", "ub")):
            if theirs in numbers and getattr(fit.coefficients[0], ours) is not None:
                close([getattr(c, ours) for c in fit.coefficients], numbers[theirs])
        close([fit.tau2_study, fit.tau2_effect], wanted["sigma2"])
        close([fit.q, fit.loglik], [wanted["Q"], wanted["loglik"]])


PROFILE = json.loads((Path(__file__).parents[1] / "reference" / "profile.json").read_text(encoding="utf-8"))


#: Lower limits of the first level at which metafor's profile is not at its top: by ours the likelihood there is still above the cut.
NO_ROOT = (("assink2016", "correlated"), ("berkey1998", "slope"))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", [*KINDS, "slope"])
def test_limits_of_the_variances_are_those_of_confint(name, kind):
    """profile.R made them; where metafor's optimiser stops, the limits are right to some 1e-6."""
    moderator = {"x": SETS[name]["data"]["x"]}
    options = KINDS.get(kind, {}) | {"ci": "wald", "variance_intervals": True}
    fit = (
        regress_multilevel(*columns(name), moderator, **options)
        if kind == "slope"
        else pool_multilevel(*columns(name), **options)
    )
    levels = options.get("levels", LEVELS)
    found = [[getattr(fit, f"tau2_{level}_ci_{end}") for end in ("low", "high")] for level in levels]
    wanted = np.array(PROFILE[name][kind])
    if (name, kind) in NO_ROOT:
        assert found[0][0] < wanted[0, 0] and profile(name, kind, wanted[0, 0]) > fit.loglik - chi2.ppf(0.95, 1) / 2 + 0.1
        found[0][0] = wanted[0, 0]
    np.testing.assert_allclose(found, wanted, rtol=AGREEMENT, atol=1e-7)


def profile(name, kind, study):
    """The highest log-likelihood on a fine grid of the variance within studies, with that between studies given."""
    yi, vi, of = columns(name)
    same = np.equal.outer(np.array(of), np.array(of))
    rho = KINDS.get(kind, {}).get("rho", 0.0)
    V = np.where(np.eye(len(vi), dtype=bool), 1, rho) * same * np.sqrt(np.outer(vi, vi)) + study * same
    X = np.column_stack([np.ones(len(vi)), *([SETS[name]["data"]["x"]] if kind == "slope" else [])])
    X = np.linalg.qr(X)[0]

    def loglik(effect):
        W = np.linalg.inv(V + effect * np.eye(len(vi)))
        XWX = X.T @ W @ X
        residual = yi - X @ np.linalg.solve(XWX, X.T @ W @ np.array(yi))
        logs = [np.linalg.slogdet(matrix)[1] for matrix in (np.linalg.inv(W), XWX)]
        return -0.5 * ((len(vi) - X.shape[1]) * np.log(2 * np.pi) + sum(logs) + residual @ W @ residual)

    return max(loglik(effect) for effect in np.linspace(0.01, 0.2, 100))


def test_the_schools_of_konstantopoulos_2011():
    """Research Synthesis Methods 2:61-76, as metafor's analysis of this example prints it."""
    found = pool_multilevel(*columns("konstantopoulos2011"), ci="wald")
    assert (round(found.estimate, 4), round(found.se, 4)) == (0.1847, 0.0846)
    assert (round(found.tau2_study, 4), round(found.tau2_effect, 4), round(found.tau2, 4)) == (0.0651, 0.0327, 0.0978)
    assert round(found.tau2_study / found.tau2, 4) == 0.6653
    assert (found.k, found.k_studies) == (56, 11)


def test_a_known_covariance_of_sampling_errors_is_taken():
    wanted = REFERENCE["berkey1998_known"]
    data = SETS["berkey1998"]["data"]
    fit = regress_multilevel(*columns("berkey1998"), {"x": data["x"]}, covariance=wanted["V"])
    close([c.estimate for c in fit.coefficients], wanted["b"])
    close([fit.tau2_study, fit.tau2_effect], wanted["sigma2"])
    close([c.se for c in fit.coefficients], wanted["cr2"]["se"])
    close([c.df for c in fit.coefficients], wanted["cr2"]["df"])
    assert fit.rho is None


@st.composite
def several_effects(draw):
    """Effects of three to eight studies with one to four effects each, in any order."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=8).filter(lambda found: max(found) > 1))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    study = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vi = rng.uniform(0.01, 0.2, len(study))
    yi = rng.normal(0, 0.4, len(sizes))[study] + rng.normal(0, 0.2 + np.sqrt(vi))
    return yi, vi, study


def loglik(yi, vi, study, theta):
    """Restricted log-likelihood by dense algebra, apart from the constant."""
    M = np.diag(vi + theta[1]) + theta[0] * (study[:, None] == study[None])
    W = np.linalg.inv(M)
    ones = np.ones(len(yi))
    total = ones @ W @ ones
    residual = yi - (ones @ W @ yi) / total
    return -0.5 * (np.linalg.slogdet(M)[1] + np.log(total) + residual @ W @ residual)


@settings(deadline=None, max_examples=40)
@given(several_effects())
def test_no_variances_near_or_far_are_likelier(effects):
    found = pool_multilevel(*effects)
    top = loglik(*effects, (found.tau2_study, found.tau2_effect))
    for a in (0.0, 0.5, 0.9, 0.999, 1.001, 1.1, 2.0):
        for b in (0.0, 0.5, 0.9, 0.999, 1.001, 1.1, 2.0):
            assert loglik(*effects, (a * found.tau2_study, b * found.tau2_effect)) <= top + 1e-9
    for a in (0.0, 0.01, 0.1, 0.5):
        for b in (0.0, 0.01, 0.1, 0.5):
            assert loglik(*effects, (a, b)) <= top + 1e-9


def test_the_higher_of_two_tops_is_found():
    """No heterogeneity is a top too: from there no small step is likelier, but variances within studies are, by 1.8."""
    yi = np.array([-0.02, -0.12, -0.31, 0.15, 0.77, -0.03, -0.47, 1.02])
    vi = np.array([0.00068, 0.00717, 0.04657, 0.34936, 0.03806, 0.00045, 0.54589, 0.44664])
    study = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    found = pool_multilevel(yi, vi, study)
    grid = [(a, b) for a in np.linspace(0, 0.3, 31) for b in np.linspace(0, 0.3, 31)]
    best = max(grid, key=lambda theta: loglik(yi, vi, study, theta))
    assert loglik(yi, vi, study, (1e-5, 0)) < loglik(yi, vi, study, (0, 0)) > loglik(yi, vi, study, (0, 1e-5))
    assert (found.tau2_study, found.tau2_effect) == pytest.approx(best, abs=0.01)
    assert loglik(yi, vi, study, (found.tau2_study, found.tau2_effect)) > loglik(yi, vi, study, (0, 0)) + 1.8


def test_a_top_about_which_scoring_swings_is_reached():
    """Here expected and observed information differ so much that scoring alone never settles."""
    yi = np.array([0.0, -0.07, -0.09, 0.08, 0.0, 0.01, 0.2, 0.27])
    vi = np.array([0.00093, 0.0015, 0.00287, 0.02914, 0.00025, 0.00678, 0.11713, 0.58049])
    study = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    found = pool_multilevel(yi, vi, study)
    assert (found.tau2_study, found.tau2_effect) == pytest.approx((2.49767746e-4, 7.44057763e-5), rel=1e-7)


@settings(deadline=None, max_examples=25)
@given(several_effects(), st.floats(-5, 5), st.floats(0.1, 20), st.randoms(use_true_random=False))
def test_order_shift_unit_and_names_change_nothing(effects, shift, unit, random):
    yi, vi, study = effects
    plain = pool_multilevel(yi, vi, study)
    order = list(range(len(yi)))
    random.shuffle(order)
    moved = pool_multilevel((yi * unit + shift)[order], (vi * unit**2)[order], [f"study {s}" for s in study[order]])
    close(moved.estimate, plain.estimate * unit + shift, 1e-5)
    close([moved.se, moved.tau2], [plain.se * unit, plain.tau2 * unit**2], 1e-5)
    close(moved.df, plain.df, 1e-4)


@settings(deadline=None, max_examples=25)
@given(several_effects())
def test_effects_that_are_each_a_study_are_pooled_as_usual(effects):
    yi, vi, _ = effects
    usual = pool_effects(yi, vi, model="reml", ci="wald")
    found = pool_multilevel(yi, vi, list(range(len(yi))), ci="wald")
    close([found.estimate, found.se, found.tau2], [usual.estimate, usual.se, usual.tau2], 1e-5)
    assert "cannot be told apart" in found.notes[0]


def test_the_robust_variance_is_unbiased_where_the_model_is_right():
    """E[CR2] is the variance of the mean: A undoes what residuals lose. Sampled from the model itself."""
    rng = np.random.default_rng(3)
    sizes, ones = (1, 2, 3, 4), [np.ones((n, 1)) for n in (1, 2, 3, 4)]
    V = [0.05 * np.eye(n) for n in sizes]
    bread = 1 / sum(float(np.linalg.solve(v + 0.3 + 0.1 * np.eye(n), np.ones(n)).sum()) for v, n in zip(V, sizes, strict=True))
    found = []
    for _ in range(4000):
        y = [rng.normal(0, 0.3**0.5) + rng.normal(0, 0.15**0.5, n) for n in sizes]
        blocks = [Block(*parts) for parts in zip(y, ones, V, strict=True)]
        beta = bread * sum(float(np.linalg.solve(b.covariance(0.3, 0.1), b.y).sum()) for b in blocks)
        fit = MultilevelFit(0.3, 0.1, np.array([beta]), np.array([[bread]]), 0.0)
        found.append(cluster_robust(blocks, fit)[0][0, 0])
    assert np.mean(found) == pytest.approx(bread, rel=0.05)


def test_few_degrees_of_freedom_are_said():
    found = pool_multilevel([0.1, 0.4, 0.3], [0.02, 0.03, 0.05], ["A", "A", "B"])
    assert "Satterthwaite's degrees of freedom are" in found.notes[0]
    assert found.studies[1].label == "A, effect 2"
    assert sum(row.weight for row in found.studies) == pytest.approx(100)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["k_studies"] == 2
    assert found.summary().startswith(
        "Pooled effect (3 effects of 2 studies; random effects of studies and of effects within them, REML)"
    )
    fit = regress_multilevel([0.1, 0.4, 0.3, 0.5], [0.02, 0.03, 0.05, 0.02], list("AABB"), {"arm": list("xyxy")}, ci="wald")
    assert "arm: y" in fit.summary() and fit.to_frame()["name"].tolist() == [c.name for c in fit.coefficients]
    with pytest.raises(KeyError, match="no coefficient 'z'"):
        fit.coefficient("z")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"study": ["A", "A", "A"]}, "There is one study but at least 2 are needed: all 3 effects are of 'A'"),
        ({"study": ["A", None, "B"]}, "study is missing for effect 2"),
        ({"study": ["A", "B"]}, "study has 2 values but there are 3 effects"),
        ({"study": "A"}, "study = 'A' is the name of a column"),
        ({"vi": [0.1, 0, 0.1]}, "study 2: vi = 0 is not a variance above 0"),
        ({"rho": 1.0}, "rho = 1.0 is not a correlation from 0 to below 1"),
        ({"rho": 0.5, "covariance": np.eye(3) * 0.1}, "either rho or covariance"),
        ({"covariance": np.eye(2)}, "covariance has shape (2, 2)"),
        ({"covariance": np.eye(3)}, "differs from vi"),
        ({"covariance": [[0.1, 0.05, 0.05], [0.05, 0.1, 0], [0.05, 0, 0.1]]}, "joins effects of different studies"),
        ({"covariance": [[0.1, 0.2, 0], [0.2, 0.1, 0], [0, 0, 0.1]]}, "not positive definite"),
        ({"covariance": [[0.1, 0.02, 0], [0.03, 0.1, 0], [0, 0, 0.1]]}, "not symmetric"),
        ({"levels": ("arm",)}, "levels = ('arm',) is not known"),
        ({"ci": "hksj"}, "ci = 'hksj' is not known; choose one of 'cr2'"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    good = {"yi": [0.1, 0.4, 0.3], "vi": [0.1, 0.1, 0.1], "study": ["A", "A", "B"]}
    with pytest.raises(ValueError) as refused:
        pool_multilevel(**good | change)
    assert words in str(refused.value)

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import beta, binom
from statsmodels.stats.proportion import proportion_confint

from cordbook.synthesis.glmm.single_arm import fit_binomial_normal, profile_limits
from cordbook.synthesis.pooling.effects import DEFAULT_CI
from cordbook.synthesis.pooling.proportions import COUNT_MODELS, MODELS, pool_proportions, study_intervals

EVENTS, N, LABELS = [4, 7, 0, 12], [20, 30, 25, 31], ["Levi", "Okada", "Curt", "Anderson"]
IV_MODELS = [model for model in MODELS if model not in COUNT_MODELS]
COMBINATIONS = [(model, measure) for model in IV_MODELS for measure in ("logit", "arcsine", "double-arcsine", "raw")]
COMBINATIONS += [(model, "logit") for model in COUNT_MODELS]
# Both limits are computed alike, but for the order of a few operations.
ROUNDING = 1e-12

counts = st.lists(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=7)


@settings(deadline=None, max_examples=150)
@given(counts, st.sampled_from(COMBINATIONS), st.sampled_from([None, "wald", "hksj"]))
def test_every_result_is_in_order(studies, combination, ci):
    model, measure = combination
    if model == "betabinomial" and ci == "hksj":
        ci = "robust"
    pooled = pool_proportions(*zip(*studies, strict=True), model=model, measure=measure, ci=ci)
    assert 0 <= pooled.ci_low <= pooled.estimate <= pooled.ci_high <= 1
    if pooled.pi_low is not None:
        # A new study cannot be foretold better than the typical one is known.
        assert 0 <= pooled.pi_low <= pooled.ci_low + ROUNDING
        assert pooled.ci_high - ROUNDING <= pooled.pi_high <= 1
    assert sum(study.weight for study in pooled.studies) == pytest.approx(100)
    assert pooled.i2 is None or 0 <= pooled.i2 <= 100
    plain = json.loads(json.dumps(pooled.to_dict(), allow_nan=False))
    assert plain["k"] == len(studies)
    assert "median study" in pooled.summary()


@settings(deadline=None, max_examples=80)
@given(counts, st.sampled_from(COMBINATIONS))
def test_mirrored_events_mirror_the_result(studies, combination):
    model, measure = combination
    events, n = map(np.array, zip(*studies, strict=True))
    here, there = (pool_proportions(x, n, model=model, measure=measure, ci="wald") for x in (events, n - events))
    # The double arcsine squares rounding away near its ends; a flat peak of the likelihood is found to its square root.
    assert there.estimate == pytest.approx(1 - here.estimate, abs=1e-5)
    assert (there.ci_low, there.ci_high) == pytest.approx((1 - here.ci_high, 1 - here.ci_low), abs=1e-5)


@settings(deadline=None, max_examples=80)
@given(counts, st.sampled_from(COMBINATIONS), st.randoms())
def test_order_does_not_matter(studies, combination, random):
    model, measure = combination
    here = pool_proportions(*zip(*studies, strict=True), model=model, measure=measure)
    random.shuffle(studies)
    there = pool_proportions(*zip(*studies, strict=True), model=model, measure=measure)
    assert (there.estimate, there.ci_low, there.ci_high) == pytest.approx((here.estimate, here.ci_low, here.ci_high), abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(counts, st.sampled_from(COMBINATIONS), st.sampled_from([None, "wald"]))
def test_intervals_nest_with_level(studies, combination, ci):
    model, measure = combination
    events, n = zip(*studies, strict=True)
    inner, outer = (pool_proportions(events, n, model=model, measure=measure, ci=ci, level=level) for level in (0.8, 0.95))
    assert outer.ci_low <= inner.ci_low + 1e-12
    assert inner.ci_high <= outer.ci_high + 1e-12
    for inside, outside in zip(inner.studies, outer.studies, strict=True):
        assert outside.ci_low <= inside.ci_low <= inside.ci_high <= outside.ci_high


@pytest.mark.parametrize("measure", ["logit", "arcsine", "raw"])
def test_splitting_a_study_changes_nothing_under_a_common_effect(measure):
    whole = pool_proportions([8, 6, 10], [20, 30, 24], model="common", measure=measure)
    split = pool_proportions([4, 4, 6, 10], [10, 10, 30, 24], model="common", measure=measure)
    assert (split.estimate, split.ci_low, split.ci_high) == pytest.approx((whole.estimate, whole.ci_low, whole.ci_high))


def test_splitting_studies_of_equal_proportion_changes_nothing_under_the_glmm():
    whole = pool_proportions([8, 6], [40, 30])
    split = pool_proportions([2, 6, 3, 3], [10, 30, 15, 15])
    assert split.tau2 == whole.tau2 == 0.0
    assert split.estimate == pytest.approx(whole.estimate)
    assert split.model_scale.se == pytest.approx(whole.model_scale.se)


# --- no events, all events, separation ----------------------------------------------------------------------------------


def test_no_events_gives_the_exact_one_sided_limit():
    n = [6, 13, 5, 25, 52, 16, 12, 20, 3, 7, 33, 19, 3, 35, 3]
    pooled = pool_proportions([0] * 15, n)
    assert (pooled.estimate, pooled.ci_low, pooled.ci_method) == (0.0, 0.0, "exact")
    # The proportion at which 252 participants show no event with probability 0.025.
    assert binom.pmf(0, 252, pooled.ci_high) == pytest.approx(0.025)
    assert pooled.ci_high == pytest.approx(1 - 0.025 ** (1 / 252))
    assert pooled.tau2 is pooled.i2 is pooled.pi_low is pooled.model_scale.estimate is None
    assert "one-sided" in pooled.notes[0]
    assert pooled.model_scale.ci_high == pytest.approx(np.log(pooled.ci_high / (1 - pooled.ci_high)))


def test_all_events_mirror_no_events():
    none, every = pool_proportions([0, 0], [9, 30]), pool_proportions([9, 30], [9, 30])
    assert (every.estimate, every.ci_high) == (1.0, 1.0)
    assert every.ci_low == pytest.approx(1 - none.ci_high)
    assert every.notes[0].startswith("Every participant had the event (39 of 39")


def test_the_exact_limit_stays_above_the_limit_of_the_median_when_studies_differ():
    # With tau given, the largest median proportion under which no event at all has probability 0.025, by brute force; the
    # docstring promises that the limit shown, which supposes tau = 0, lies above it while studies are small.
    n = np.array([6, 13, 5, 25, 52, 16, 12, 20, 3, 7, 33, 19, 3, 35, 3])
    z = np.linspace(-9, 9, 4001)
    density = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    shown = pool_proportions(np.zeros_like(n), n).ci_high
    for tau in (0.5, 1.0, 2.0):
        theta = np.log(shown / (1 - shown)) + tau * z
        none = np.prod([(density * (1 - expit(theta)) ** size).sum() for size in n])
        assert none < 0.025


def test_separated_studies_count_as_single_draws():
    pooled = pool_proportions([5, 0, 0, 0], [5, 9, 7, 12])
    assert (pooled.estimate, pooled.tau2, pooled.ci_method) == (0.25, None, "exact")
    assert pooled.ci_low == pytest.approx(beta.ppf(0.025, 1, 4))
    assert pooled.ci_high == pytest.approx(beta.ppf(0.975, 2, 3))
    assert "rises without end with tau2" in pooled.notes[0]


def test_effect_size_models_say_that_they_corrected():
    pooled = pool_proportions([0, 0, 1], [10, 20, 30], model="reml")
    assert "2 of 3 studies had no events" in pooled.notes[0]
    assert pool_proportions([0, 0, 1], [10, 20, 30], model="reml", measure="arcsine").notes == ()


def test_sparse_data_say_what_the_estimate_rests_on():
    pooled = pool_proportions([45] + [0] * 29, [50] + [10] * 29, labels=["Anderson", *(f"s{i}" for i in range(29))])
    assert any(note.startswith("Anderson holds 45 of all 45 events while 29 of 30 studies") for note in pooled.notes)
    assert any("the population average (the mean over studies) is" in note for note in pooled.notes)
    assert any("lower limit" in note for note in pooled.notes)
    assert pooled.tau2_ci_high is None
    assert pooled.ci_low == 0.0


# --- the GLMM's intervals, weights and words ----------------------------------------------------------------------------


def test_glmm_intervals():
    fit, ends = fit_binomial_normal(EVENTS, N), profile_limits(EVENTS, N)
    wald, t, profile = (pool_proportions(EVENTS, N, ci=ci) for ci in ("wald", "hksj", "profile"))
    assert (wald.model_scale.estimate, wald.model_scale.se) == (fit.mu, fit.se)
    # Quantiles of the normal distribution and of t with 3 degrees of freedom, from printed tables.
    assert wald.model_scale.ci_high == pytest.approx(fit.mu + 1.95996 * fit.se, rel=1e-5)
    assert t.model_scale.ci_high == pytest.approx(fit.mu + 3.18245 * fit.se, rel=1e-5)
    assert (profile.ci_low, profile.ci_high) == pytest.approx((expit(ends.mu_low), expit(ends.mu_high)))
    assert (profile.tau2_ci_low, profile.tau2_ci_high) == (ends.tau2_low, ends.tau2_high)
    reach = np.sqrt(fit.se**2 + fit.tau2)
    assert wald.model_scale.pi_low == pytest.approx(fit.mu - 1.95996 * reach, rel=1e-5)
    assert t.model_scale.pi_low == pytest.approx(fit.mu - 3.18245 * reach, rel=1e-5)
    # Zou and Donner 2008: the distance to the profile limit stands for the standard error.
    below = np.hypot(fit.mu - ends.mu_low, 3.18245 * np.sqrt(fit.tau2))
    assert profile.model_scale.pi_low == pytest.approx(fit.mu - below, rel=1e-5)


@settings(deadline=None, max_examples=60)
@given(counts, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_the_profile_cut_for_few_studies_contains_the_plain_one(studies, level):
    plain, cut = (pool_proportions(*zip(*studies, strict=True), ci=ci, level=level) for ci in ("profile", "profile-t"))
    assert 0 <= cut.ci_low <= plain.ci_low <= plain.estimate == cut.estimate <= plain.ci_high <= cut.ci_high <= 1
    # tau2 and its interval are the same but for the last digits of shared quadrature nodes.
    assert cut.tau2 == plain.tau2
    for end in ("tau2_ci_low", "tau2_ci_high"):
        assert getattr(cut, end) == (None if getattr(plain, end) is None else pytest.approx(getattr(plain, end), rel=1e-6))
    assert cut.ci_method in ("profile-t", "exact")


def test_the_profile_cut_for_few_studies_tends_to_the_plain_one():
    ratios = []
    for times in (1, 4, 16, 64):
        plain, cut = (pool_proportions(EVENTS * times, N * times, ci=ci).model_scale for ci in ("profile", "profile-t"))
        ratios.append((cut.ci_high - cut.ci_low) / (plain.ci_high - plain.ci_low))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == pytest.approx(1, abs=0.01)


def test_two_studies_have_an_interval_however_wide():
    for events, n in (([3, 0], [13, 22]), ([1, 19], [20, 20]), ([5, 6], [40, 50]), ([1, 1], [1, 2])):
        for level in (0.95, 0.999):
            pooled = pool_proportions(events, n, level=level)
            assert 0 <= pooled.ci_low <= pooled.estimate <= pooled.ci_high <= 1
            for end, edge in ((pooled.model_scale.ci_low, pooled.ci_low), (pooled.model_scale.ci_high, pooled.ci_high)):
                assert (end is None) == (edge in (0.0, 1.0))


@pytest.mark.parametrize(
    ("model", "ci"), [("glmm", "wald"), ("glmm", "profile"), ("glmm", "profile-t"), ("reml", "hksj"), ("dl", "wald")]
)
def test_without_the_interval_of_tau2_the_rest_is_the_same(model, ci):
    whole, part = (pool_proportions(EVENTS, N, model=model, ci=ci, tau2_interval=wanted).to_dict() for wanted in (True, False))
    left_out = {name for name in whole if name.startswith(("tau2_ci", "i2_ci", "h2_ci"))}
    assert all(part[name] is None for name in left_out)
    assert all(whole[name] is not None for name in left_out)
    for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "tau2", "i2", "h2", "q"):
        # The limits share their quadrature nodes, so others beside them show in the last digits.
        assert part[name] == pytest.approx(whole[name], rel=1e-9)


def test_glmm_weights_are_information_shares():
    pooled = pool_proportions(EVENTS, N)
    p = pooled.estimate
    information = 1 / (1 / (np.array(N) * p * (1 - p)) + pooled.tau2)
    assert [study.weight for study in pooled.studies] == pytest.approx(100 * information / information.sum())


def test_defaults_are_one_table():
    for model in MODELS:
        assert pool_proportions(EVENTS, N, model=model).ci_method == DEFAULT_CI[model]
    assert pool_proportions(EVENTS, N).model == "glmm"


def test_studies_have_clopper_pearson_intervals():
    low, high = study_intervals(EVENTS, N)
    for x, n, a, b in zip(EVENTS, N, low, high, strict=True):
        assert a == pytest.approx(beta.ppf(0.025, x, n - x + 1) if x else 0.0)
        assert b == pytest.approx(beta.ppf(0.975, x + 1, n - x) if x < n else 1.0)
    assert np.array([low, high]) == pytest.approx(np.array(proportion_confint(EVENTS, N, method="beta")), rel=1e-9)
    pooled = pool_proportions(EVENTS, N, labels=LABELS)
    assert [study.ci_high for study in pooled.studies] == pytest.approx(high.tolist())
    assert [(study.label, study.events, study.n) for study in pooled.studies] == list(zip(LABELS, EVENTS, N, strict=True))


def test_a_data_frame_by_the_names_of_its_columns():
    frame = pd.DataFrame({"study": LABELS, "x": EVENTS, "size": N})
    assert pool_proportions("x", "size", labels="study", data=frame) == pool_proportions(EVENTS, N, labels=LABELS)
    with pytest.raises(ValueError, match="events = 'y', labels = 'author': no such column in data; its columns are 'study', 'x'"):
        pool_proportions("y", "size", labels="author", data=frame)
    with pytest.raises(ValueError, match="events = 'x' is the name of a column, but no data"):
        pool_proportions("x", "size")


def test_keys_of_the_dictionary():
    plain = pool_proportions(EVENTS, N, labels=LABELS).to_dict()
    assert {"estimate", "ci_low", "ci_high", "pi_low", "pi_high", "tau2", "i2", "h2", "q", "q_p", "k", "events", "n"} <= set(
        plain
    )
    assert {"estimate", "se", "ci_low", "ci_high"} <= set(plain["model_scale"])
    assert (plain["model"], plain["measure"]) == ("glmm", "logit")
    assert plain["studies"][2]["label"] == "Curt"
    assert pool_proportions(EVENTS, N).to_frame().columns.tolist() == list(plain["studies"][0])


def test_results_are_frozen():
    pooled = pool_proportions(EVENTS, N)
    for result in (pooled, pooled.model_scale, pooled.studies[0]):
        with pytest.raises(AttributeError):
            result.estimate = 0.5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "mixed"}, "model = 'mixed' is not known"),
        ({"measure": "probit"}, "measure = 'probit' is not known"),
        ({"ci": "exact"}, "ci = 'exact' is not known"),
        ({"ci": "profile", "model": "reml"}, "ci = 'profile' is not known"),
        ({"ci": "profile-t", "model": "reml"}, "ci = 'profile-t' is not known"),
        ({"measure": "raw"}, "measure = 'raw' does not go with model = 'glmm'"),
        ({"level": 95}, "for a 95% interval write 0.95"),
        ({"prediction": "t"}, "prediction = 't' is not known"),
        ({"labels": ["a"]}, "labels has 1 names but there are 4 studies"),
    ],
)
def test_bad_words(arguments, says):
    with pytest.raises(ValueError, match=says):
        pool_proportions(EVENTS, N, **arguments)


@pytest.mark.parametrize(
    ("events", "n", "says"),
    [
        ([3], [10], "one study but at least 2 are needed"),
        ([], [], "no studies"),
        ([1, -2], [10, 10], "study 2: events = -2 is below 0"),
        ([1, 0.5], [10, 10], "study 2: events = 0.5 is not a whole number"),
        ([1, 11], [10, 10], "study 2: events = 11 is more than n = 10"),
        ([0, 1], [0, 10], "study 1: n = 0 is below 1"),
        ([np.nan, 1], [10, 10], "study 1: events is missing"),
        ([1, 2], [10, 10, 10], "events has 2 and n has 3 values"),
    ],
)
def test_bad_counts(events, n, says):
    with pytest.raises(ValueError, match=says):
        pool_proportions(events, n)


#: metafor 3.8-1: rma(measure = "PLO", method = "REML"), to = "only0" and "all": estimate, limits, tau2; R's REML stops at a gradient of 1e-5.
CORRECTED = {
    "zero": (-1.138751463662072, -2.826662366066215, 0.549159438742071, 2.316143231431884),
    "all": (-1.09231626024139, -2.69487130125252, 0.51023878076974, 2.07068409991741),
}


@pytest.mark.parametrize("corrected", CORRECTED)
def test_half_events_are_added_where_it_is_said(corrected):
    result = pool_proportions([0, 5, 9, 3], [10, 20, 12, 30], model="reml", ci="wald", corrected=corrected)
    scale = result.model_scale
    assert (scale.estimate, scale.ci_low, scale.ci_high, result.tau2) == pytest.approx(CORRECTED[corrected], rel=2e-6)


def test_the_beta_binomial_without_its_median_study_is_the_same_otherwise():
    whole = pool_proportions(EVENTS, N, model="betabinomial", ci="profile-t")
    quick = pool_proportions(EVENTS, N, model="betabinomial", ci="profile-t", both_averages=False)
    assert quick.median_study is None
    assert quick.population_average == whole.population_average
    assert (quick.estimate, quick.ci_low, quick.ci_high) == (whole.estimate, whole.ci_low, whole.ci_high)
    # Who asks for the median study gets it.
    asked = pool_proportions(EVENTS, N, model="betabinomial", ci="profile-t", average="median", both_averages=False)
    assert asked.median_study == whole.median_study

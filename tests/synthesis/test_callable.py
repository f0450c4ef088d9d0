"""Anybody can call what is public, with public objects and plain lists; one table says how few studies are enough."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import cordbook.synthesis as synthesis
from cordbook.synthesis.checks import FEWEST

YI, VI = [0.1, 0.4, 0.35, 0.9, 0.2, 0.6], [0.02, 0.05, 0.03, 0.09, 0.04, 0.06]
EVENTS, N = [2, 5, 1, 9, 4, 7], [20, 31, 15, 43, 24, 52]
EVENTS2, N2 = [1, 3, 2, 4, 3, 5], [21, 30, 14, 40, 25, 50]
LABELS, GROUPS, YEARS = list("ABCDEF"), ["1", "2", "10", "1", "2", "10"], [2001, 2004, 2009, 2012, 2013, 2020]
DOSE = [45, 50, 50, 55, 60, 65]
TABLE = {
    "yi": YI, "vi": VI, "x": EVENTS, "n": N, "x2": EVENTS2, "n2": N2, "who": LABELS, "group": GROUPS, "year": YEARS, "dose": DOSE,
    "information": [10, 20, 30, 40, 50, 60],
}  # fmt: skip

EFFECTS, COUNTS, ARMS = (YI, VI), (EVENTS, N), (EVENTS, N, EVENTS2, N2)
OF_EFFECTS, OF_COUNTS, OF_ARMS = ("yi", "vi"), ("x", "n"), ("x", "n", "x2", "n2")


GROUPS_OF_MEANS, OF_GROUPS = (EVENTS, YI, N, EVENTS2, VI, N2), ("x", "yi", "n", "x2", "vi", "n2")
CHANGES, OF_CHANGES = (N, EVENTS, EVENTS2, YI, VI), ("n", "x", "x2", "yi", "vi")


def changes():
    return synthesis.change_effects(*CHANGES, imputed_r=0.5)


def prior():
    return synthesis.HalfNormal(0.5)


def dose_response():
    return synthesis.fit_dose_response(DOSE, EVENTS, N)


#: A call of every public function with plain lists, and, where it takes a table, the same call by names of columns.
CALLS = {
    "pool_proportions": (COUNTS, {"labels": LABELS}, OF_COUNTS, {"labels": "who"}),
    "pool_effects": (EFFECTS, {"labels": LABELS}, OF_EFFECTS, {"labels": "who"}),
    "compare_arms": (ARMS, {"labels": LABELS}, OF_ARMS, {"labels": "who"}),
    "number_needed_to_treat": ((0.5, 0.3, 0.8), {"control_risk": 0.2, "event_is": "bad"}),
    "proportion_effects": (COUNTS, {}, OF_COUNTS, {}),
    "two_arm_effects": (ARMS, {"measure": "RR"}, OF_ARMS, {"measure": "RR"}),
    "mean_effects": (GROUPS_OF_MEANS, {"measure": "SMD", "labels": LABELS}, OF_GROUPS, {"measure": "SMD", "labels": "who"}),
    "change_effects": (CHANGES, {"imputed_r": 0.5}, OF_CHANGES, {"imputed_r": 0.5}),
    "difference_of_changes": ((changes, changes), {}),
    "pool_means": (GROUPS_OF_MEANS, {"labels": LABELS}, OF_GROUPS, {"labels": "who"}),
    "pool_changes": (CHANGES, {"imputed_r": 0.5}, OF_CHANGES, {"imputed_r": 0.5}),
    "pool_mean_effects": ((changes,), {}),
    "reported_means": ((N, EVENTS), {"se": VI, "labels": LABELS}, ("n", "x"), {"se": "vi", "labels": "who"}),
    "sd_from_se": ((VI, N), {"labels": LABELS}, ("vi", "n"), {"labels": "who"}),
    "sd_from_ci": ((VI, YI, N), {}, ("vi", "yi", "n"), {}),
    "sd_from_t": ((YI, EVENTS, N, N2), {}, ("yi", "x", "n", "n2"), {}),
    "sd_from_p": ((YI, VI, N, N2), {}, ("yi", "vi", "n", "n2"), {}),
    "sd_of_change": ((EVENTS, EVENTS2, YI), {}, ("x", "x2", "yi"), {}),
    "correlation_of_change": ((EVENTS, EVENTS, YI), {}, ("x", "x", "yi"), {}),
    "means_from_quantiles": ((N, EVENTS2, [0] * 6, EVENTS2), {}, ("n", "x2", [0] * 6, "x2"), {}),
    "combine_groups": ((YI, VI, N, GROUPS), {}, ("yi", "vi", "n", "group"), {}),
    "pool_multilevel": ((*EFFECTS, GROUPS), {"rho": 0.5}, (*OF_EFFECTS, "group"), {"rho": 0.5}),
    "regress_multilevel": ((*EFFECTS, GROUPS, {"year": YEARS}), {}, (*OF_EFFECTS, "group", ["year"]), {}),
    "fit_binomial_normal": (COUNTS, {}, OF_COUNTS, {}),
    "fit_binomial_normal_batch": ((*COUNTS, np.ones((1, 6)).tolist()), {}, (*OF_COUNTS, np.ones((1, 6)).tolist()), {}),
    "profile_limits": (COUNTS, {}, OF_COUNTS, {}),
    "fit_beta_binomial": (COUNTS, {}, OF_COUNTS, {}),
    "averages_of": (COUNTS, {}, OF_COUNTS, {}),
    "proportions_by_two_engines": (COUNTS, {}, OF_COUNTS, {}),
    "arms_by_two_engines": (ARMS, {}, OF_ARMS, {}),
    "fit_odds_ratio_glmm": (ARMS, {}, OF_ARMS, {}),
    "study_intervals": (COUNTS, {}, OF_COUNTS, {}),
    "estimate_tau2": (("reml", *EFFECTS), {}, ("reml", *OF_EFFECTS), {}),
    "cochran_q": (EFFECTS, {}, OF_EFFECTS, {}),
    "q_profile_interval": (EFFECTS, {}, OF_EFFECTS, {}),
    "meta_regression": ((*EFFECTS, {"year": YEARS}), {}, (*OF_EFFECTS, "year"), {}),
    "regress_proportions": ((*COUNTS, {"year": YEARS}), {}, (*OF_COUNTS, ["year"]), {}),
    "permutation_test": ((lambda: synthesis.meta_regression(YI, VI, {"year": YEARS}),), {"max_permutations": 200}),
    "subgroup_effects": ((*EFFECTS, GROUPS), {}, (*OF_EFFECTS, "group"), {}),
    "subgroup_proportions": ((*COUNTS, GROUPS), {}, (*OF_COUNTS, "group"), {}),
    "leave_one_out": (COUNTS, {}, OF_COUNTS, {}),
    "leave_one_out_effects": (EFFECTS, {}, OF_EFFECTS, {}),
    "influence": ((*EFFECTS, {"year": YEARS}), {}, (*OF_EFFECTS, "year"), {}),
    "cumulative": (COUNTS, {"by": YEARS}, OF_COUNTS, {"by": "year"}),
    "cumulative_effects": (EFFECTS, {"by": YEARS}, OF_EFFECTS, {"by": "year"}),
    "egger_test": (EFFECTS, {"n": N, "predictor": "1/n"}, OF_EFFECTS, {"n": "n", "predictor": "1/n"}),
    "peters_test": (ARMS, {}, OF_ARMS, {}),
    "arcsine_test": (ARMS, {}, OF_ARMS, {}),
    "proportion_size_test": (COUNTS, {}, OF_COUNTS, {}),
    "trim_and_fill": (EFFECTS, {}, OF_EFFECTS, {}),
    "selection_model": (EFFECTS, {"direction": "greater"}, OF_EFFECTS, {"direction": "greater"}),
    "funnel_effects": (EFFECTS, {}, OF_EFFECTS, {}),
    "funnel_proportions": (COUNTS, {"centre": 0.2}, OF_COUNTS, {"centre": 0.2}),
    "bayes_pool_proportions": (COUNTS, {}, OF_COUNTS, {}),
    "bayes_pool_effects": (EFFECTS, {"tau_prior": prior}, OF_EFFECTS, {"tau_prior": prior}),
    "eqd2": ((DOSE, 2.0), {}),
    "bed": ((DOSE, 2.0), {}),
    "fit_dose_response": ((DOSE, *COUNTS), {}, ("dose", *OF_COUNTS), {}),
    "risk_at_dose": ((dose_response, 50.0), {}),
    "risk_band": ((dose_response, DOSE), {}),
    "dose_at_risk": ((dose_response, 0.1), {}),
    "goodness_of_fit": ((dose_response,), {}),
    "spending_boundaries": (([0.5, 1.0],), {}),
    "information_proportion": ((0.2, 0.05), {}),
    "information_difference": ((0.2, 0.3), {}),
    "diversity": ((0.02, 0.05), {}),
    "monitor": (
        (YI[:3], VI[:3], [10, 20, 30], 100.0),
        {},
        ("yi", "vi", "information", 100.0),
        {},
    ),
    "alpha_spent": (([0.5, 1.0],), {}),
    "crossing_probability": (([0.5, 1.0], [2.0, 2.0]), {}),
    "HalfNormal": ((0.5,), {}),
    "HalfCauchy": ((0.5,), {}),
    "Normal": ((0.0, 1.0), {}),
    "Logistic": ((), {}),
    "Flat": ((), {}),
}  # fmt: skip

FUNCTIONS = [name for name in synthesis.PUBLIC if inspect.isfunction(getattr(synthesis, name))]
#: Arguments of a value for each study: a function that has one can take them from a table.
OF_STUDIES = {"yi", "vi", "events", "n", "events1", "n1", "events2", "n2", "estimates"}


def parameters(name):
    return inspect.signature(getattr(synthesis, name)).parameters


def made(values):
    """The values, with those made that are given as a function."""
    if isinstance(values, Mapping):
        return {key: value() if callable(value) else value for key, value in values.items()}
    return [value() if callable(value) else value for value in values]


def call(name, arguments, options):
    return getattr(synthesis, name)(*made(arguments), **made(options))


def test_every_public_function_has_its_call_here():
    assert set(FUNCTIONS) <= set(CALLS) <= set(synthesis.PUBLIC)


@pytest.mark.parametrize("name", CALLS)
def test_plain_lists_and_public_objects_are_enough(name):
    assert call(name, *CALLS[name][:2]) is not None


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "data" in parameters(name)])
def test_columns_of_a_table_give_the_same_as_lists(name):
    arguments, options, named, named_options = CALLS[name]
    table = TABLE if name != "monitor" else {"yi": YI[:3], "vi": VI[:3], "information": [10, 20, 30]}
    plain, by_name = call(name, arguments, options), call(name, named, named_options | {"data": table})
    np.testing.assert_equal(repr(by_name), repr(plain))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_studies_takes_a_table(name):
    if OF_STUDIES & set(parameters(name)):
        assert "data" in parameters(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_hartung_knapp_takes_its_floor_and_has_it_by_default(name):
    taken = parameters(name)
    # Besides what is fitted by likelihood alone every choice of an interval includes Hartung and Knapp's.
    if "ci" in taken and not name.endswith(
        ("by_two_engines", "_multilevel")
    ):  # which compare without it, since statsmodels has none
        assert taken["hksj_floor"].default is True


@pytest.mark.parametrize("name", [name for name, fewest in FEWEST.items() if fewest > 1])
def test_too_few_studies_are_refused_in_one_way(name):
    fewest = FEWEST[name]
    arguments, options = CALLS[name][:2]

    def of(k):
        short = [value[:k] if isinstance(value, list) else value for value in arguments]
        return call(name, short, {key: value[:k] if isinstance(value, list) else value for key, value in options.items()})

    with pytest.raises(ValueError, match=rf"There (is one study|are \d studies) but at least {fewest} are needed"):
        of(fewest - 1)


@pytest.mark.parametrize("name", [name for name, fewest in FEWEST.items() if fewest == 1])
def test_no_study_at_all_is_refused_in_one_way(name):
    arguments, options = CALLS[name][:2]
    none = {key: [] if isinstance(value, list) else value for key, value in options.items()}
    with pytest.raises(ValueError, match="There are no studies; give at least 1"):
        call(name, [[] if isinstance(value, list) else value for value in arguments], none)


def test_nothing_else_sets_a_limit_of_studies():
    """Every function of studies that is public has its row, and no module keeps a limit of its own."""
    of_studies = {name for name in FUNCTIONS if OF_STUDIES & set(parameters(name))}
    regressions = {"meta_regression", "regress_proportions"}  # as many as they have coefficients, and one
    arrays = {"estimate_tau2", "cochran_q", "q_profile_interval", "monitor"}
    assert of_studies - regressions - arrays <= set(FEWEST)
    for module in {*synthesis.PUBLIC.values(), "pooling.pooled_rows"} - {"checks"}:
        source = inspect.getsource(__import__(f"cordbook.synthesis.{module}", fromlist=["_"]))
        assert not re.search(r"min_studies\s*=\s*\d|FEWEST_STUDIES", source.replace("min_studies=2 if small_sample", "")), module


def test_names_of_groups_that_are_numbers_are_in_the_order_of_numbers():
    found = synthesis.subgroup_effects(YI, VI, GROUPS)
    assert [row.label for row in found.groups] == ["1", "2", "10"]
    fit = synthesis.meta_regression(YI, VI, {"group": GROUPS})
    assert fit.references == {"group": "1"} and [c.name for c in fit.coefficients][1:] == ["group: 2", "group: 10"]


def test_every_result_derives_from_the_one_that_tells_itself():
    """`Result` alone joins lines and notes; a number needed to treat is one sentence, and may be infinite as it stands."""
    owners = {"results.py", "nnt.py"}
    package = Path(synthesis.__file__).parent
    for path in [*package.rglob("*.py"), *(package.parent / "review").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert "def summary(self" not in text or path.name in owners, path
        assert '"  note: ' not in text or path == package / "results.py", path

"""Synthesis: effect sizes, pooling, heterogeneity, bias. Knows arrays and words of the field, nothing of files.

What is public is named in :data:`PUBLIC` with the module that holds it; a module is loaded when one of its names
is first used, so that a command that pools does not wait for the ones that regress.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PUBLIC = {
    # pooling
    "pool_proportions": "proportions",
    "pool_effects": "pooling",
    "compare_arms": "compare",
    "number_needed_to_treat": "nnt",
    "proportion_effects": "measures",
    "two_arm_effects": "two_arm",
    "fit_binomial_normal": "glmm",
    "fit_beta_binomial": "betabinomial",
    "averages_of": "averages",
    "fit_binomial_normal_batch": "glmm",
    "profile_limits": "glmm",
    "fit_odds_ratio_glmm": "glmm_two_arm",
    "study_intervals": "proportions",
    "estimate_tau2": "tau2",
    "cochran_q": "heterogeneity",
    "q_profile_interval": "heterogeneity",
    # why studies differ
    "meta_regression": "regression",
    "regress_proportions": "proportion_regression",
    "permutation_test": "permutation",
    "subgroup_effects": "subgroups",
    "subgroup_proportions": "subgroups",
    # can it be trusted
    "leave_one_out": "leave_one_out_pooling",
    "leave_one_out_effects": "leave_one_out_pooling",
    "influence": "influence_diagnostics",
    "cumulative": "cumulative_pooling",
    "cumulative_effects": "cumulative_pooling",
    "egger_test": "small_study",
    "peters_test": "small_study",
    "arcsine_test": "small_study",
    "proportion_size_test": "small_study",
    "trim_and_fill": "trim_fill",
    "selection_model": "selection",
    "funnel_effects": "funnel",
    "funnel_proportions": "funnel",
    # Bayes
    "bayes_pool_proportions": "bayes_binomial",
    "bayes_pool_effects": "bayes_normal",
    "HalfNormal": "priors",
    "HalfCauchy": "priors",
    "Normal": "priors",
    "Logistic": "priors",
    "Flat": "priors",
    # dose and response
    "eqd2": "dose_response",
    "bed": "dose_response",
    "fit_dose_response": "dose_response",
    "risk_at_dose": "dose_response",
    "risk_band": "dose_response",
    "dose_at_risk": "dose_response",
    "goodness_of_fit": "dose_response",
    # evidence over time
    "spending_boundaries": "sequential",
    "information_proportion": "information_size",
    "information_difference": "information_size",
    "diversity": "information_size",
    "monitor": "sequential",
    "alpha_spent": "sequential",
    "crossing_probability": "sequential",
    # by two engines
    "proportions_by_two_engines": "statsmodels_engine",
    "arms_by_two_engines": "statsmodels_engine",
    "EngineComparison": "statsmodels_engine",
    # results
    "PooledProportion": "results",
    "ProportionAverage": "results",
    "PooledEffect": "results",
    "ComparedArms": "comparison_results",
    "MetaRegression": "regression_results",
    "BayesProportion": "bayes_results",
    "BayesEffect": "bayes_results",
    "DoseResponse": "dose_results",
    "SequentialReview": "sequential",
}

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    if name in PUBLIC:
        return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})

"""Synthesis: effect sizes, pooling, heterogeneity, bias. Knows arrays and words of the field, nothing of files.

What is public is named in :data:`SECTIONS` with the module that holds it; a module is loaded when one of its names
is first used, so that a command that pools does not wait for the ones that regress.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: What is public by what it is for: names, and the module that holds each.
SECTIONS: dict[str, dict[str, str]] = {
    "Pooling counts and effects": {
        "pool_proportions": "pooling.proportions",
        "pool_effects": "pooling.effects",
        "compare_arms": "pooling.two_arms",
        "number_needed_to_treat": "pooling.nnt",
        "proportion_effects": "measures",
        "two_arm_effects": "two_arm",
        "study_intervals": "pooling.proportions",
    },
    "Effects of means": {
        "mean_effects": "means.effects",
        "change_effects": "means.change",
        "difference_of_changes": "means.change",
        "pool_means": "means.pooling",
        "pool_changes": "means.pooling",
        "pool_mean_effects": "means.pooling",
        "reported_means": "means.reported",
        "sd_from_se": "means.spreads",
        "sd_from_ci": "means.spreads",
        "sd_from_t": "means.spreads",
        "sd_from_p": "means.spreads",
        "sd_of_change": "means.change",
        "correlation_of_change": "means.change",
        "means_from_quantiles": "means.quantiles",
        "combine_groups": "means.groups",
    },
    "Several effects of one study": {
        "pool_multilevel": "multilevel.pooling",
        "regress_multilevel": "multilevel.regression",
    },
    "Models and heterogeneity": {
        "fit_binomial_normal": "glmm.single_arm",
        "fit_beta_binomial": "glmm.betabinomial",
        "averages_of": "pooling.averages",
        "fit_binomial_normal_batch": "glmm.single_arm",
        "profile_limits": "glmm.single_arm",
        "fit_odds_ratio_glmm": "glmm.two_arm",
        "estimate_tau2": "between_studies.tau2",
        "cochran_q": "between_studies.heterogeneity",
        "q_profile_interval": "between_studies.heterogeneity",
    },
    "Why studies differ": {
        "meta_regression": "regression.meta_regression",
        "regress_proportions": "regression.proportion_regression",
        "permutation_test": "regression.permutation",
        "subgroup_effects": "regression.subgroups",
        "subgroup_proportions": "regression.subgroups",
    },
    "Can it be trusted": {
        "leave_one_out": "sensitivity.leave_one_out",
        "leave_one_out_effects": "sensitivity.leave_one_out",
        "influence": "sensitivity.influence",
        "cumulative": "sensitivity.cumulative",
        "cumulative_effects": "sensitivity.cumulative",
        "egger_test": "bias.small_study",
        "peters_test": "bias.small_study",
        "arcsine_test": "bias.small_study",
        "proportion_size_test": "bias.small_study",
        "trim_and_fill": "bias.trim_fill",
        "selection_model": "bias.selection_model",
        "funnel_effects": "bias.funnel",
        "funnel_proportions": "bias.funnel",
    },
    "Bayesian pooling": {
        "bayes_pool_proportions": "bayes.binomial",
        "bayes_pool_effects": "bayes.normal",
        "HalfNormal": "bayes.priors",
        "HalfCauchy": "bayes.priors",
        "Normal": "bayes.priors",
        "Logistic": "bayes.priors",
        "Flat": "bayes.priors",
    },
    "Dose and response": {
        "eqd2": "dose.dose_response",
        "bed": "dose.dose_response",
        "fit_dose_response": "dose.dose_response",
        "risk_at_dose": "dose.dose_response",
        "risk_band": "dose.dose_response",
        "dose_at_risk": "dose.dose_response",
        "goodness_of_fit": "dose.dose_response",
    },
    "Evidence over time": {
        "spending_boundaries": "sequential.monitoring",
        "information_proportion": "sequential.information_size",
        "information_difference": "sequential.information_size",
        "diversity": "sequential.information_size",
        "monitor": "sequential.monitoring",
        "alpha_spent": "sequential.monitoring",
        "crossing_probability": "sequential.monitoring",
    },
    "By two engines": {
        "proportions_by_two_engines": "pooling.statsmodels_engine",
        "arms_by_two_engines": "pooling.statsmodels_engine",
        "EngineComparison": "pooling.statsmodels_engine",
    },
    "Results": {
        "PooledProportion": "results",
        "ProportionAverage": "results",
        "PooledEffect": "results",
        "ComparedArms": "pooling.two_arm_results",
        "PooledMean": "means.results",
        "MeanEffects": "means.sizes",
        "DerivedMeans": "means.sizes",
        "MultilevelEffect": "multilevel.results",
        "MultilevelRegression": "multilevel.results",
        "MetaRegression": "regression.results",
        "BayesProportion": "bayes.results",
        "BayesEffect": "bayes.results",
        "DoseResponse": "dose.results",
        "SequentialReview": "sequential.monitoring",
    },
}
PUBLIC = {name: module for names in SECTIONS.values() for name, module in names.items()}

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    if name in PUBLIC:
        return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})

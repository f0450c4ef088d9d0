"""Bayesian random-effects meta-analysis by deterministic quadrature: the public face.

`bayes_pool_effects` takes effects with known variances, `bayes_pool_proportions` takes counts. Neither draws random numbers:
the same data give the same digits.
"""

from __future__ import annotations

from cordbook.synthesis.bayes_binomial import DEFAULT_MU_PRIOR, DEFAULT_TAU_PRIOR, bayes_pool_proportions
from cordbook.synthesis.bayes_normal import bayes_pool_effects
from cordbook.synthesis.bayes_results import (
    BayesEffect,
    BayesProportion,
    BayesStudy,
    BayesStudyProportion,
    PosteriorSummary,
)
from cordbook.synthesis.priors import Flat, HalfCauchy, HalfNormal, Logistic, Normal

__all__ = [
    "DEFAULT_MU_PRIOR",
    "DEFAULT_TAU_PRIOR",
    "BayesEffect",
    "BayesProportion",
    "BayesStudy",
    "BayesStudyProportion",
    "Flat",
    "HalfCauchy",
    "HalfNormal",
    "Logistic",
    "Normal",
    "PosteriorSummary",
    "bayes_pool_effects",
    "bayes_pool_proportions",
]

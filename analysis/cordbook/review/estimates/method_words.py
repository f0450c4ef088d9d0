"""How an estimate was pooled, in words: the model, what it pools, the kind of its interval."""

from __future__ import annotations

from collections.abc import Mapping

from cordbook.review.estimates.estimates import Estimate

MODELS: Mapping[str, str] = {
    "common": "common effect, inverse variance", "mh": "common effect (Mantel-Haenszel)", "peto": "common effect (Peto)",
    "dl": "random effects (DerSimonian-Laird)", "pm": "random effects (Paule-Mandel)", "reml": "random effects (REML)",
    "ml": "random effects (maximum likelihood)", "glmm": "random effects, binomial mixed model (GLMM)",
    "betabinomial": "random effects, beta-binomial model",
}  # fmt: skip
MEASURES: Mapping[str, str] = {
    "OR": "log odds ratio", "RR": "log risk ratio", "RD": "risk difference", "logit": "log odds", "raw": "share",
    "arcsine": "arcsine of the share", "double-arcsine": "double arcsine of the share",
}  # fmt: skip
INTERVALS: Mapping[str, str] = {
    "wald": "normal interval", "hksj": "Hartung-Knapp interval", "profile": "profile-likelihood interval",
    "profile-t": "profile-likelihood interval with t quantiles", "exact": "exact interval (Clopper-Pearson)",
}  # fmt: skip

#: Which average of a share is reported.
AVERAGES: Mapping[str, str] = {
    "median": ", share of the median study", "population": ", average over the population of studies",
}  # fmt: skip


def method(e: Estimate) -> str:
    """Model, measure and interval of an estimate; a code without words here stands as it is."""
    if e.not_pooled:
        return "not pooled: the studies stand side by side"
    if e.result is None:
        return "no study could be pooled"
    if e.result.model == "single":
        return "one study with its exact interval"
    r = e.result
    interval = INTERVALS.get(r.ci_method, r.ci_method)
    average = "" if e.is_comparison else AVERAGES.get(r.average, "")
    return f"{MODELS.get(r.model, r.model)} on the {MEASURES.get(r.measure, r.measure)}{average}; {interval}"

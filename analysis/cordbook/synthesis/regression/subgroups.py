"""Subgroups: a pooled estimate for each group of studies, and a test whether the groups differ.

Two ways to look at heterogeneity within groups (Borenstein and Higgins 2013, Prevention Science 14, 134-143):

separate
    each group has its own tau2, as if it were a meta-analysis of its own.
common
    one tau2 for all groups, estimated within them: a meta-regression on the group. Steadier when groups are small.

Groups are compared by Q between = sum of w_g (m_g - m)^2 with w_g = 1 / se_g^2, chi2 with groups - 1 degrees of freedom. The
standard errors are those of the model, sum of 1 / (v + tau2) to the power of -1/2, whatever the interval: Hartung and Knapp's factor
makes them estimates with few degrees of freedom, which a chi2 knows nothing of, so that two groups of two studies without any
difference were told apart in 19 of 100 data sets. With the unscaled ones it is 3 to 6 of 100 while tau2 is small beside the studies' own
variances, and more where it is large and groups are small (`benchmarks/results/subgroup_test.csv`). With ``hksj_floor=False`` groups
with a common tau2 are compared by the F test of the meta-regression, as in metafor.

For the binomial-normal model (glmm) groups are compared by the likelihood ratio of the model with one mean a group
against that with one mean for all, both with a common tau2. It holds where a group has no events, or events only, and
Wald's test, which needs a standard error for each group, does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import stats
from scipy.special import expit

from cordbook.synthesis.checks import FEWEST, check_choice, check_counts, check_effects, check_labels, check_level, columns_of
from cordbook.synthesis.glmm.regression import fit_binomial_regression
from cordbook.synthesis.glmm.single_arm import fit_binomial_normal
from cordbook.synthesis.measures import MEASURES, back_transform, effects_of_counts
from cordbook.synthesis.pooling.effect_average import average_at
from cordbook.synthesis.pooling.effects import PREDICTIONS, check_effect_interval, critical_value
from cordbook.synthesis.pooling.pooled_rows import PooledRow, narrow_rows_notes, pool_count_rows, pool_effect_rows
from cordbook.synthesis.pooling.proportions import COUNT_MODELS, check_choice_of_average, check_interval
from cordbook.synthesis.regression.meta_regression import meta_regression
from cordbook.synthesis.regression.moderators import in_order
from cordbook.synthesis.regression.results import ModeratorTest
from cordbook.synthesis.results import Result, named_average, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

SPREADS = ("separate", "common")
SEPARATE, COMMON = "Q between", "common tau2"
# In simulations the test of groups of fewer studies than this rejects too often once tau2 is about as large as the studies' own variances.
FEW_A_GROUP = 5
# Cochrane Handbook, section 10.11.5.1: fewer than ten studies are unlikely to show what makes them differ.
RECOMMENDED_STUDIES = 10


@dataclass(frozen=True, slots=True)
class Subgroups(Result):
    """Result of `subgroup_effects` and `subgroup_proportions`.

    `groups` holds a row for each group in the order of their names, `members` the labels of its studies, `overall` the row of
    all studies. `between` tests that the groups have one mean; None where it cannot be made. `average` says which average of
    proportions the rows hold, "median" or "population"; None for effects.
    """

    groups: tuple[PooledRow, ...]
    members: tuple[tuple[str, ...], ...]
    overall: PooledRow
    between: ModeratorTest | None
    tau2_within: str
    model: str
    measure: str | None
    ci_method: str
    level: float
    notes: tuple[str, ...] = ()
    average: str | None = None

    def group(self, name: str) -> PooledRow:
        """The row of a group; raises ValueError with the names there are."""
        for row in self.groups:
            if row.label == name:
                return row
        raise ValueError(f"There is no group {name!r}; the groups: {', '.join(row.label for row in self.groups)}.")

    def transformed(self, transform: Callable[[float], float], measure: str) -> Subgroups:
        """The same with rows on the scale on which effects of this measure are reported, such as ratios by ``math.exp``."""
        groups = tuple(row.transformed(transform) for row in self.groups)
        return replace(self, groups=groups, overall=self.overall.transformed(transform), measure=measure)

    def to_frame(self) -> pd.DataFrame:
        """One row for each group, then one for all studies."""
        return records_frame((*self.groups, self.overall))

    def _lines(self) -> list[str]:
        lines = [f"Subgroups ({len(self.groups)} groups; {self.model}; {self.tau2_within} tau2{named_average(self.average)})"]
        lines += [
            f"  {row.label} ({row.k} studies): {number(row.estimate)} ({number(row.ci_low)} to {number(row.ci_high)})"
            for row in (*self.groups, self.overall)
        ]
        if self.between is not None:
            test = self.between
            kind = f"chi2 (df {test.df1})" if test.df2 is None else f"F (df {test.df1}, {test.df2})"
            lines.append(f"  {test.name}: {kind} {number(test.statistic)}, p {number(test.p)}")
        return lines


def subgroup_effects(
    yi: Sequence[float],
    vi: Sequence[float],
    groups: Sequence[object],
    *,
    labels: Sequence[str] | None = None,
    tau2: Literal["separate", "common"] = "separate",
    model: str = "reml",
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> Subgroups:
    """Pool effects in each group of studies and test whether groups differ.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    groups
        Name of the group of each study, shape (k,); at least two groups.
    tau2
        `separate` or `common`; see the module.
    labels, model, ci, level, hksj_floor, prediction
        As in `pool_effects`; groups with a common tau2 have the prediction intervals of the meta-regression (`auto`).
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        A study without a group, fewer than two groups, or effects that cannot be pooled.

    Examples
    --------
    The studies of Lipsey and Wilson (2001), exhibit 7.4: those with and without random allocation.

    >>> yi = [-0.33, 0.32, 0.39, 0.31, 0.17, 0.64, -0.33, 0.15, -0.02, 0.00]
    >>> vi = [0.084, 0.035, 0.017, 0.034, 0.072, 0.117, 0.102, 0.093, 0.012, 0.067]
    >>> found = subgroup_effects(yi, vi, ["not random"] * 6 + ["random"] * 4, model="common")
    >>> [round(row.estimate, 4) for row in found.groups], round(found.between.p, 4)
    ([0.2984, -0.0277], 0.0078)
    """
    yi, vi, groups, labels = columns_of(data, yi=yi, vi=vi, groups=groups, labels=labels)
    check_choice("tau2", tau2, SPREADS)
    ci = check_effect_interval(model, ci)
    check_level(level)
    yi, vi, labels = check_effects(yi, vi, labels, min_studies=FEWEST["subgroup_effects"])
    names, index, members = _split(groups, labels)
    _check_prediction(prediction, tau2)
    fit: dict[str, Any] = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor}
    pool: dict[str, Any] = fit | {"prediction": prediction}
    overall = pool_effect_rows("all studies", yi, vi, labels, **pool)
    if tau2 == "common":
        rows, between = _common_effects(yi, vi, names, index, labels, None, **fit)
    else:
        rows = tuple(
            pool_effect_rows(name, yi[at], vi[at], list(inside), **pool)
            for name, at, inside in zip(names, index, members, strict=True)
        )
        between = _q_between(rows, vi, index, SEPARATE)
    notes = (*narrow_rows_notes(rows, [vi[at] for at in index], level), *_cautions(rows, between, len(yi)))
    return Subgroups(rows, members, overall, between, tau2, model, None, ci, level, notes)


def subgroup_proportions(
    events: Sequence[int],
    n: Sequence[int],
    groups: Sequence[object],
    *,
    labels: Sequence[str] | None = None,
    tau2: Literal["separate", "common"] = "separate",
    measure: str = "logit",
    model: str = "glmm",
    average: str | None = None,
    ci: str | None = None,
    level: float = 0.95,
    hksj_floor: bool = True,
    prediction: str = "auto",
    data: pd.DataFrame | None = None,
) -> Subgroups:
    """Pool proportions in each group of studies and test whether groups differ.

    Parameters
    ----------
    events, n
        Participants with the event, and participants, shape (k,).
    groups
        Name of the group of each study, shape (k,); at least two groups.
    tau2
        `separate` or `common`; see the module. With the glmm, `common` takes t intervals around the group means (normal
        ones for `wald`), and there are no profile intervals; a group without events, or with events only, has its exact
        interval either way. The population average then has the limits of the group's mean carried over with tau2 held. The
        beta-binomial takes `separate` alone.
    labels, measure, model, average, ci, level, hksj_floor, prediction
        As in `pool_proportions`; groups with a common tau2 have the prediction intervals of the regression (`auto`). Groups are compared on
        the scale of the model, whichever average is reported.
    data
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        A study without a group, fewer than two groups, or counts that cannot be.

    Examples
    --------
    >>> found = subgroup_proportions([2, 3, 8, 9], [20, 20, 20, 20], ["late", "late", "early", "early"])
    >>> [(row.label, round(row.estimate, 3)) for row in found.groups], found.between.p < 0.05
    ([('early', 0.425), ('late', 0.125)], True)
    """
    events, n, groups, labels = columns_of(data, events=events, n=n, groups=groups, labels=labels)
    check_choice("tau2", tau2, SPREADS)
    check_choice("measure", measure, MEASURES)
    ci = check_interval(model, ci)
    which = check_choice_of_average(average, model, measure)
    if model == "betabinomial" and tau2 == "common":
        raise ValueError(
            "tau2 = 'common' does not go with model = 'betabinomial', which has no tau2; use tau2='separate', or model='glmm'."
        )
    x, size, labels = check_counts(events, n, labels, min_studies=FEWEST["subgroup_proportions"])
    check_level(level)
    names, index, members = _split(groups, labels)
    _check_prediction(prediction, tau2)
    fit: dict[str, Any] = {"model": model, "ci": ci, "level": level, "hksj_floor": hksj_floor}
    pool: dict[str, Any] = fit | {"measure": measure, "average": which, "prediction": prediction}
    overall = pool_count_rows("all studies", x, size, labels, **pool)
    rows = tuple(
        pool_count_rows(name, x[at], size[at], list(inside), **pool)
        for name, at, inside in zip(names, index, members, strict=True)
    )
    notes: tuple[str, ...] = ()
    if model == "glmm":
        common, between = _common_counts(x, size, index, rows, which, ci, level)
        rows = common if tau2 == "common" else rows
    elif model in COUNT_MODELS:
        between = _wald(rows)
    else:
        effects = effects_of_counts(x, size, measure)
        if tau2 == "common":
            rows, between = _common_effects(effects.yi, effects.vi, names, index, labels, (measure, size), average=which, **fit)
        else:
            between = _q_between(rows, effects.vi, index, SEPARATE)
        notes = narrow_rows_notes(rows, [effects.vi[at] for at in index], level)
    notes = (*notes, *_cautions(rows, between, len(x)))
    return Subgroups(rows, members, overall, between, tau2, model, measure, ci, level, notes, which)


def _check_prediction(prediction: str, tau2: str) -> None:
    check_choice("prediction", prediction, PREDICTIONS if tau2 == "separate" else ("auto",))


def _split(groups: Sequence[object], labels: Sequence[str]) -> tuple[list[str], list[np.ndarray], tuple[tuple[str, ...], ...]]:
    """Names of the groups in order (`moderators.in_order`), the positions of their studies, and the labels of these."""
    given = list(groups)
    if len(given) != len(labels):
        raise ValueError(f"groups has {len(given)} values for {len(labels)} studies; give the group of each study.")
    # check_labels names a missing value after its position; a name that differs from the text given is a missing one.
    missing = [
        label for label, value, text in zip(labels, given, check_labels(given, len(given)), strict=True) if text != str(value)
    ]
    if missing:
        raise ValueError(f"No group is given for {', '.join(missing)}; name one, or leave the study out.")
    texts = np.array([str(value) for value in given])
    names = in_order(set(texts.tolist()))
    if len(names) < 2:
        raise ValueError(f"All studies are in the group {names[0]!r}; subgroups need at least two groups.")
    index = [np.flatnonzero(texts == name) for name in names]
    return names, index, tuple(tuple(labels[i] for i in at.tolist()) for at in index)


def _wald(rows: Sequence[PooledRow]) -> ModeratorTest | None:
    """Q between groups of a likelihood, from estimates and standard errors on the model's scale; None where a group has no such error."""
    errors = [row.model_se for row in rows if row.model_se is not None and row.model_se > 0]
    if len(errors) < len(rows):
        return None
    mean, w = np.array([row.model_estimate for row in rows]), np.array([se**-2 for se in errors])
    statistic = float((w * (mean - (w * mean).sum() / w.sum()) ** 2).sum())
    df = len(rows) - 1
    return ModeratorTest("test between groups (Wald)", statistic, df, None, float(stats.chi2.sf(statistic, df)))


def _q_between(rows: Sequence[PooledRow], vi: np.ndarray, index: Sequence[np.ndarray], name: str) -> ModeratorTest:
    """Q between groups, with the unscaled weights of the model: a single study has no tau2 of its own, and counts with its variance."""
    mean = np.array([row.model_estimate for row in rows])
    w = np.array([np.sum(1 / (vi[at] + (row.tau2 or 0.0))) for row, at in zip(rows, index, strict=True)])
    statistic = float((w * (mean - (w * mean).sum() / w.sum()) ** 2).sum())
    df = len(rows) - 1
    return ModeratorTest(f"test between groups ({name})", statistic, df, None, float(stats.chi2.sf(statistic, df)))


def _common_effects(
    yi: np.ndarray,
    vi: np.ndarray,
    names: Sequence[str],
    index: Sequence[np.ndarray],
    labels: Sequence[str],
    counts: tuple[str, np.ndarray] | None,
    *,
    model: str,
    ci: str,
    level: float,
    hksj_floor: bool,
    average: str | None = None,
) -> tuple[tuple[PooledRow, ...], ModeratorTest]:
    """Groups with one tau2, as a meta-regression on the group; `counts` is (measure, n) where effects are those of
    proportions.
    """
    of_study = np.empty(len(yi), dtype=object)
    for name, at in zip(names, index, strict=True):
        of_study[at] = name
    fit = meta_regression(
        yi, vi, {"group": of_study.tolist()}, labels=labels, model=model, ci=ci, level=level, hksj_floor=hksj_floor
    )
    rows = []
    for name, at, mean in zip(names, index, fit.predict({"group": list(names)}), strict=True):
        back = float if counts is None else back_transform(counts[0], counts[1][at])
        ends = (mean.estimate, mean.ci_low, mean.ci_high)
        estimate, low, high = (float(back(value)) for value in ends)
        pi_low, pi_high = (None if value is None else float(back(value)) for value in (mean.pi_low, mean.pi_high))
        if counts is not None and average == "population":
            estimate, low, high = (average_at(counts[0], value, fit.tau2) for value in ends)
        scale = (mean.estimate, mean.se, mean.ci_low, mean.ci_high)
        rows.append(PooledRow(name, len(at), estimate, low, high, pi_low, pi_high, *scale, fit.tau2, None, None, None, ci))
    test = fit.omnibus
    if ci == "hksj" and not hksj_floor and test is not None:
        return tuple(rows), ModeratorTest(f"test between groups ({COMMON})", test.statistic, test.df1, test.df2, test.p)
    return tuple(rows), _q_between(rows, vi, index, COMMON)


def _common_counts(
    x: np.ndarray,
    n: np.ndarray,
    index: Sequence[np.ndarray],
    rows: Sequence[PooledRow],
    average: str,
    ci: str,
    level: float,
) -> tuple[tuple[PooledRow, ...], ModeratorTest | None]:
    """Groups of the binomial-normal model with one tau2, and the likelihood ratio test between them.

    A group without events, or with events only, has its mean at minus or plus infinity, where its data have probability
    1: it adds nothing to the likelihood of the model with one mean a group. Where every study has no events or events
    only the model has no maximum: then the rows stay as they are, and the test is None.
    """
    df, label = len(index) - 1, "test between groups (likelihood ratio, common tau2)"
    one = fit_binomial_normal(x, n)
    if one.status in ("no-events", "all-events"):
        return tuple(rows), ModeratorTest(label, 0.0, df, None, 1.0)
    open_ended = [bool(x[at].sum() in (0, n[at].sum())) for at in index]
    inner = [at for at, ended in zip(index, open_ended, strict=True) if not ended]
    inside = np.concatenate(inner) if inner else np.array([], dtype=int)
    if not ((x[inside] > 0) & (x[inside] < n[inside])).any():
        return tuple(rows), None
    X = np.column_stack([np.isin(inside, at) for at in inner]).astype(float)
    fit = fit_binomial_regression(x[inside], n[inside], X)
    statistic = max(0.0, 2 * (fit.loglik - one.loglik))
    freedom = None if ci == "wald" else len(inside) - len(inner)
    means = iter(zip(fit.beta.tolist(), np.sqrt(np.diag(fit.covariance)).tolist(), strict=True))
    # No degrees of freedom are left where every group is a single study: then the normal quantile.
    critical, method = critical_value(level, freedom or None), "hksj" if freedom else "wald"
    common = tuple(
        row if ended else _group_row(row, *next(means), fit.tau2, critical, method, average)
        for row, ended in zip(rows, open_ended, strict=True)
    )
    return common, ModeratorTest(label, statistic, df, None, float(stats.chi2.sf(statistic, df)))


def _group_row(row: PooledRow, mean: float, se: float, tau2: float, critical: float, ci: str, average: str) -> PooledRow:
    low, high = mean - critical * se, mean + critical * se
    wide = critical * np.sqrt(se**2 + tau2)
    estimate, lower, upper, pi_low, pi_high = expit([mean, low, high, mean - wide, mean + wide]).tolist()
    if average == "population":
        estimate, lower, upper = (average_at("logit", value, tau2) for value in (mean, low, high))
    shown = (estimate, lower, upper, pi_low, pi_high)
    return PooledRow(row.label, row.k, *shown, mean, se, low, high, tau2, None, row.q, row.q_p, ci)


def _cautions(rows: Sequence[PooledRow], between: ModeratorTest | None, k: int) -> tuple[str, ...]:
    notes = []
    if k < RECOMMENDED_STUDIES:
        notes.append(
            f"{k} studies in all: too few to find or rule out differences between groups (Cochrane Handbook, chapter 10)."
        )
    single = [row.label for row in rows if row.k == 1]
    if single:
        notes.append(
            f"A single study makes up {', '.join(single)}, so heterogeneity there is unknown and its estimate is that study's."
        )
    if between is not None and min(row.k for row in rows) < FEW_A_GROUP and any(row.tau2 for row in rows):
        notes.append(
            "Studies differ within groups and a group has fewer than 5 of them: the test between groups then finds differences too "
            "often, up to 15 times in 100 where there is none (two groups of two studies)."
        )
    if between is None:
        notes.append(
            "Groups cannot be compared: one has no standard error (the glmm needs none), or every study has no events "
            "or events only."
        )
    notes.append(
        "Studies were not allocated to groups at random; a difference need not be caused by what the groups are named after."
    )
    return tuple(notes)

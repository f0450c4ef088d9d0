"""Results of meta-regression: coefficients, tests, predictions, and the data of a bubble plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cordbook.synthesis.measures import back_transform
from cordbook.synthesis.pooling.effects import critical_value
from cordbook.synthesis.regression.moderators import Design
from cordbook.synthesis.results import CI_NAMES, MODEL_NAMES, Result, number, records_frame, to_plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient on the scale of the effects. `df` is None where the test is normal rather than t."""

    name: str
    estimate: float
    se: float
    statistic: float
    df: float | None
    p: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class ModeratorTest:
    """Joint test of the coefficients of one moderator, or of all: chi2 (df2 None), or F with df1 and df2 degrees of
    freedom.
    """

    name: str
    statistic: float
    df1: int
    df2: int | None
    p: float


@dataclass(frozen=True, slots=True)
class FittedStudy:
    """A study as the model sees it; `weight` in percent, `row` its row of the design matrix.

    For a binomial-normal model `yi` is the logit (1/2 added where needed) and `vi` its variance at the fitted
    proportion.
    """

    label: str
    yi: float
    vi: float
    fitted: float
    residual: float
    weight: float
    row: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PredictedEffect:
    """The mean effect at stated moderators with its interval, and the prediction interval of a new study's true effect.

    `se` is None after a back transform. Prediction limits are None under a common-effect model.
    """

    estimate: float
    se: float | None
    ci_low: float
    ci_high: float
    pi_low: float | None
    pi_high: float | None

    def transformed(self, transform: Callable[[float], float]) -> PredictedEffect:
        """The same on another scale, by an increasing function such as `scipy.special.expit`."""
        low, high = (None if x is None else float(transform(x)) for x in (self.pi_low, self.pi_high))
        ci_low, ci_high = float(transform(self.ci_low)), float(transform(self.ci_high))
        return PredictedEffect(float(transform(self.estimate)), None, ci_low, ci_high, low, high)


@dataclass(frozen=True, slots=True)
class Bubbles:
    """What a bubble plot shows: the studies (x, y, weight in percent) and the line (grid, predictions at the grid)."""

    moderator: str
    labels: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    weight: tuple[float, ...]
    grid: tuple[float, ...]
    line: tuple[PredictedEffect, ...]


@dataclass(frozen=True, slots=True)
class MetaRegression(Result):
    """Result of `meta_regression`.

    `omnibus` tests all coefficients but the intercept together (QM); `moderator_tests` each moderator. `q`, `q_df`,
    `q_p` test the heterogeneity left over (QE). `r2` (percent) is the share of tau2 that the moderators explain, None
    where there is none to explain. `covariance` is that of the coefficients, rows as tuples. `i2` is in percent.
    `measure` names the scale of proportions, None for other effects. `likelihood_ratio` compares a binomial-normal
    model with that without moderators.
    """

    coefficients: tuple[Coefficient, ...]
    omnibus: ModeratorTest | None
    moderator_tests: tuple[ModeratorTest, ...]
    tau2: float
    tau2_without_moderators: float | None
    r2: float | None
    i2: float | None
    h2: float | None
    q: float | None
    q_df: int
    q_p: float | None
    k: int
    model: str
    ci_method: str
    hksj_floor: bool
    level: float
    measure: str | None
    covariance: tuple[tuple[float, ...], ...]
    studies: tuple[FittedStudy, ...]
    notes: tuple[str, ...]
    design: Design
    likelihood_ratio: ModeratorTest | None = None

    @property
    def references(self) -> dict[str, str]:
        """Reference level of each categorical moderator."""
        return self.design.references

    def coefficient(self, name: str) -> Coefficient:
        """The coefficient of that name; raises ValueError with the names there are."""
        for coefficient in self.coefficients:
            if coefficient.name == name:
                return coefficient
        raise ValueError(f"There is no coefficient {name!r}; the model has: {', '.join(c.name for c in self.coefficients)}.")

    def predict(
        self, moderators: Mapping[str, object] | None = None, *, transform: Callable[[float], float] | None = None
    ) -> tuple[PredictedEffect, ...]:
        """Effects at new values: each moderator one value, or a list; levels of categorical moderators by name.

        Intervals use the t distribution with k - p degrees of freedom after Knapp-Hartung, else the normal; the
        prediction interval adds tau2 to the squared standard error (metafor's `predict` does the same).
        """
        return self._predict(self.design.matrix(moderators or {}), transform)

    def predict_proportion(self, moderators: Mapping[str, object] | None = None) -> tuple[PredictedEffect, ...]:
        """As `predict`, carried back to proportions; for a result of `regress_proportions`.

        On the logit scale the estimate is the proportion of the median study with these moderators.
        """
        if self.measure is None:
            raise ValueError("These effects are not proportions; use predict, with a transform if there is one.")
        back = back_transform(self.measure, [1])
        return self.predict(moderators, transform=lambda value: float(back(value)))

    def bubbles(self, moderator: str, *, points: int = 50) -> Bubbles:
        """Data of a bubble plot over a continuous moderator; the other columns are held at their means."""
        term = self.design.term(moderator)
        if term.levels is not None:
            raise ValueError(f"Moderator {moderator!r} is categorical; a bubble plot needs a continuous one.")
        X = self._design_matrix
        x = X[:, term.start]
        grid = np.linspace(x.min(), x.max(), points)
        at = np.tile(X.mean(axis=0), (points, 1))
        at[:, term.start] = grid
        return Bubbles(
            moderator,
            tuple(study.label for study in self.studies),
            tuple(x.tolist()),
            tuple(study.yi for study in self.studies),
            tuple(study.weight for study in self.studies),
            tuple(grid.tolist()),
            self._predict(at, None),
        )

    def model_lines(self) -> list[str]:
        """The lines of the summary that tell the model and its tests; those of the coefficients follow them there."""
        model = MODEL_NAMES.get(self.model, self.model)
        # Beside the likelihood "hksj" means t quantiles around unscaled standard errors.
        t_of_glmm = self.model == "glmm" and self.ci_method == "hksj"
        interval = f"t with {self.q_df} degrees of freedom" if t_of_glmm else CI_NAMES.get(self.ci_method, self.ci_method)
        lines = [f"Meta-regression ({self.k} studies; {model}; {interval})"]
        shares = [f"{name} {value:.1f}%" for name, value in (("I2", self.i2), ("R2", self.r2)) if value is not None]
        lines.append("  " + "; ".join([f"tau2 {number(self.tau2)}", *shares]))
        if self.q is not None:
            lines.append(f"  heterogeneity left over: Q {number(self.q)} (df {self.q_df}, p {number(self.q_p)})")
        if self.omnibus is not None:
            lines.append(_test_line(self.omnibus))
        if self.likelihood_ratio is not None:
            lines.append(_test_line(self.likelihood_ratio))
        lines += [_test_line(test) for test in self.moderator_tests if len(self.moderator_tests) > 1]
        return [*lines, *(f"  reference of {name}: {level}" for name, level in self.references.items())]

    def _lines(self) -> list[str]:
        width = max(len(c.name) for c in self.coefficients)
        return [
            *self.model_lines(),
            *(
                f"  {c.name:<{width}}  {number(c.estimate)} ({self.level * 100:g}% CI {number(c.ci_low)} to {number(c.ci_high)}; "
                f"p {number(c.p)})"
                for c in self.coefficients
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the design, as plain values ready for JSON."""
        shown = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "design"}
        return to_plain({**shown, "references": self.references})

    def to_frame(self) -> pd.DataFrame:
        """The coefficients as a DataFrame, one row each."""
        return records_frame(self.coefficients)

    @property
    def _design_matrix(self) -> np.ndarray:
        return np.array([study.row for study in self.studies])

    def _predict(self, X: np.ndarray, transform: Callable[[float], float] | None) -> tuple[PredictedEffect, ...]:
        beta = np.array([c.estimate for c in self.coefficients])
        se = np.sqrt(np.einsum("mp,pq,mq->m", X, np.array(self.covariance), X))
        mean, critical = X @ beta, critical_value(self.level, self.coefficients[0].df)
        ci, pi = critical * se, critical * np.sqrt(se**2 + self.tau2)
        columns = [column.tolist() for column in (mean, se, mean - ci, mean + ci, mean - pi, mean + pi)]
        rows = [PredictedEffect(*values) for values in zip(*columns, strict=True)]
        if self.model == "common":
            rows = [replace(row, pi_low=None, pi_high=None) for row in rows]
        return tuple(rows if transform is None else [row.transformed(transform) for row in rows])


def _test_line(test: ModeratorTest) -> str:
    kind = f"chi2 (df {test.df1})" if test.df2 is None else f"F (df {test.df1}, {test.df2})"
    return f"  test of {test.name}: {kind} {number(test.statistic)}, p {number(test.p)}"

"""Evidence over time: monitoring boundaries for a meta-analysis that is updated again and again.

The information it needs is in `information_size`.

Testing each update at the same level finds an effect too often when there is none. Alpha spending (Lan and DeMets 1983) lets
the boundary depend on how much of the required information is in, whatever the number and the times of the updates. The
boundaries are exact for the theory they rest on: a cumulative z whose increments in information are independent. A
random-effects meta-analysis meets that only about, because tau2 is estimated anew at each update; the verdict says so.

References
----------
Armitage P, McPherson CK, Rowe BC (1969). Repeated significance tests on accumulating data. JRSS A 132:235-244.
Lan KKG, DeMets DL (1983). Discrete sequential boundaries for clinical trials. Biometrika 70:659-663.
Jennison C, Turnbull BW (2000). Group Sequential Methods with Applications to Clinical Trials. Chapman and Hall, chapter 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from cordbook.synthesis.checks import check_choice, check_labels, columns_of
from cordbook.synthesis.results import Result, number, records_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MonitoredUpdate",
    "SequentialBoundaries",
    "SequentialReview",
    "alpha_spent",
    "crossing_probability",
    "monitor",
    "spending_boundaries",
]

SPENDING = ("obrien-fleming", "pocock")
# Gauss-Legendre nodes between the boundaries of a look: the density there is a smooth bell of at least the width that one
# step of information adds; panels are as wide as one such step, so that 8 nodes each leave an error below 1e-10.
NODES_PER_PANEL = 8
FEWEST_PANELS = 8
MOST_PANELS = 2000
# A boundary beyond this has a tail probability below 1e-28: it is called infinite (no look could cross it).
LARGEST_Z = 11.0
BOUNDARY_TOLERANCE = 1e-10
# Alpha that is left to a look below this is rounding of the spending function: no boundary is put there.
SMALLEST_SPEND = 1e-15


def alpha_spent(
    fraction: ArrayLike, *, alpha: float = 0.05, spending: Literal["obrien-fleming", "pocock"] = "obrien-fleming"
) -> np.ndarray:
    """Two-sided alpha that may be spent by an information fraction, any shape.

    "obrien-fleming" is 4 (1 - Phi(z / sqrt(t))) with z the upper alpha/4 point (spends little early), "pocock" is
    alpha log(1 + (e - 1) t); Lan and DeMets 1983, each side spending alpha/2. Fractions above 1 count as 1.

    >>> [round(float(a), 6) for a in alpha_spent([0.2, 1.0], spending="pocock")]
    [0.01477, 0.05]
    """
    check_alpha(alpha)
    check_choice("spending", spending, SPENDING)
    t = np.minimum(np.asarray(fraction, dtype=float), 1.0)
    if not (t > 0).all():
        raise ValueError(f"Information fractions {fraction!s} must be above 0.")
    if spending == "pocock":
        return alpha * np.log1p((np.e - 1) * t)
    return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(t))


@dataclass(frozen=True, slots=True)
class SequentialBoundaries(Result):
    """Two-sided boundaries for the cumulative z at each information fraction.

    z is infinite where practically no alpha is spent yet; `nominal_p` is the two-sided p-value that a look must be below;
    `spent` the alpha spent up to and including each look.
    """

    fractions: tuple[float, ...]
    z: tuple[float, ...]
    nominal_p: tuple[float, ...]
    spent: tuple[float, ...]
    alpha: float
    spending: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look: fraction, z, nominal_p, spent."""
        import pandas as pd

        return pd.DataFrame({"fraction": self.fractions, "z": self.z, "nominal_p": self.nominal_p, "spent": self.spent})

    def _lines(self) -> list[str]:
        lines = [f"Monitoring boundaries, {self.spending} spending, two-sided alpha {self.alpha:g}"]
        lines += [
            f"  at {t * 100:.3g}% of the information: |z| above {number(z)}" for t, z in zip(self.fractions, self.z, strict=True)
        ]
        return lines


def spending_boundaries(
    fractions: ArrayLike, *, alpha: float = 0.05, spending: Literal["obrien-fleming", "pocock"] = "obrien-fleming"
) -> SequentialBoundaries:
    """Boundaries for the absolute value of z at given information fractions, by recursive numerical integration (Armitage et al 1969).

    Parameters
    ----------
    fractions : array_like, shape (m,)
        Share of the required information at each look, rising, above 0. A look at or past 1 spends what is left.
    alpha : float
        Two-sided probability of ever crossing when there is no effect.
    spending : "obrien-fleming" or "pocock"

    Raises
    ------
    ValueError
        For fractions that are not above 0 and rising, or more than one look at or past 1.

    Examples
    --------
    >>> [round(z, 3) for z in spending_boundaries([0.2, 0.4, 0.6, 0.8, 1.0]).z]
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    times = _check_fractions(fractions)
    spent = alpha_spent(times, alpha=alpha, spending=spending)
    increments = np.diff(spent, prepend=0.0)
    clipped = np.minimum(times, 1.0)
    limits: list[float] = []
    state: _State | None = None
    for look, time in enumerate(clipped):
        limit = _limit(state, time, float(increments[look]))
        limits.append(limit)
        state = _advance(state, time, limit, 0.0)
    return SequentialBoundaries(
        fractions=tuple(float(t) for t in times),
        z=tuple(limits),
        nominal_p=tuple(float(2 * stats.norm.sf(z)) for z in limits),
        spent=tuple(float(a) for a in spent),
        alpha=float(alpha),
        spending=spending,
    )


def crossing_probability(fractions: ArrayLike, z: ArrayLike, *, drift: float = 0.0) -> np.ndarray:
    """Probability (m,) of crossing two-sided boundaries `z` (m,) for the first time at each look.

    `drift` is the expected z at full information: 0 under no effect; the sum is then the type I error. With drift
    z(alpha/2) + z(power) a single look at fraction 1 has that power.

    >>> float(crossing_probability([1.0], [1.959964]).sum().round(4))
    0.05
    """
    times = np.minimum(_check_fractions(fractions), 1.0)
    limits = np.asarray(z, dtype=float)
    if limits.shape != times.shape or not (limits > 0).all():
        raise ValueError("z must hold one boundary above 0 for each information fraction.")
    result, state = [], None
    for time, limit in zip(times, limits, strict=True):
        result.append(_exit(state, time, float(limit), drift))
        state = _advance(state, time, float(limit), drift)
    return np.array(result)


@dataclass(frozen=True, slots=True)
class _State:
    """Looks so far not crossed: the density of the score S = z sqrt(t) at nodes, times quadrature weights; and t."""

    nodes: np.ndarray
    mass: np.ndarray
    time: float


def _exit(state: _State | None, time: float, limit: float, drift: float) -> float:
    """Probability of crossing at this look, not having crossed before."""
    edge = limit * np.sqrt(time)
    if state is None:
        mean, sd, weight = np.array([drift * time]), np.sqrt(time), np.ones(1)
    else:
        mean, sd, weight = state.nodes + drift * (time - state.time), np.sqrt(time - state.time), state.mass
    return float(weight @ (stats.norm.sf((edge - mean) / sd) + stats.norm.cdf((-edge - mean) / sd)))


def _limit(state: _State | None, time: float, increment: float) -> float:
    """The boundary at which this look spends `increment`."""
    if increment < SMALLEST_SPEND or _exit(state, time, LARGEST_Z, 0.0) >= increment:
        return float("inf")
    return float(
        optimize.brentq(
            lambda z: np.log(max(_exit(state, time, z, 0.0), 1e-300) / increment),
            1e-6,
            LARGEST_Z,
            xtol=BOUNDARY_TOLERANCE,
        )
    )


def _advance(state: _State | None, time: float, limit: float, drift: float) -> _State:
    """The density of the score after this look, among those that did not cross."""
    edge = min(limit, LARGEST_Z + abs(drift)) * np.sqrt(time)
    step = np.sqrt(time if state is None else time - state.time)
    panels = int(np.clip(np.ceil(2 * edge / step), FEWEST_PANELS, MOST_PANELS))
    nodes, weights = np.polynomial.legendre.leggauss(NODES_PER_PANEL)
    ends = np.linspace(-edge, edge, panels + 1)
    half = 0.5 * (ends[1] - ends[0])
    at = (ends[:-1, None] + half * (1 + nodes)).ravel()
    rule = np.tile(half * weights, panels)
    if state is None:
        density = stats.norm.pdf(at, drift * time, step)
    else:
        shift = drift * (time - state.time)
        z = (at[:, None] - state.nodes - shift) / step
        density = np.exp(-0.5 * z * z) @ state.mass / (step * np.sqrt(2 * np.pi))
    return _State(at, density * rule, time)


# --- a review under monitoring -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MonitoredUpdate:
    """One update: information in so far, its fraction of what is required, the cumulative z, the boundary, and the repeated
    confidence interval of the estimate (estimate plus or minus boundary times se; Jennison and Turnbull 1989, JRSS B
    51:305-361).
    """

    label: str
    information: float
    fraction: float
    estimate: float
    se: float
    z: float
    boundary: float
    crossed: bool
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class SequentialReview(Result):
    """A meta-analysis followed over its updates.

    verdict
        "crossed": the boundary has been crossed, at `crossed_at`; "complete": all information required is in, and it has not
        been crossed; "not yet": more information is needed.
    still_needed
        information still missing, 0 when complete.
    """

    verdict: str
    crossed_at: str | None
    required: float
    still_needed: float
    alpha: float
    spending: str
    updates: tuple[MonitoredUpdate, ...]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per update."""
        return records_frame(self.updates)

    def _lines(self) -> list[str]:
        last = self.updates[-1]
        meaning = {
            "crossed": f"boundary crossed at {self.crossed_at}",
            "complete": "all information required is in, boundary not crossed",
            "not yet": f"boundary not crossed; {self.still_needed:.0f} more participants needed",
        }[self.verdict]
        return [
            f"Sequential monitoring of {len(self.updates)} updates ({self.spending} spending, two-sided alpha {self.alpha:g})",
            f"  {last.information:.0f} of {self.required:.0f} participants ({last.fraction * 100:.0f}%)",
            f"  last z {number(last.z)}, boundary {number(last.boundary)}: {meaning}",
        ]


def monitor(
    estimates: ArrayLike,
    se: ArrayLike,
    information: ArrayLike,
    required: float,
    *,
    null: float = 0.0,
    alpha: float = 0.05,
    spending: Literal["obrien-fleming", "pocock"] = "obrien-fleming",
    labels: Sequence[object] | None = None,
    data: pd.DataFrame | None = None,
) -> SequentialReview:
    """Follow a cumulative meta-analysis against alpha-spending boundaries.

    Parameters
    ----------
    estimates, se : array_like, shape (m,)
        Pooled estimate and its standard error at each update, on the scale of the model (for instance log odds ratio).
    information : array_like, shape (m,)
        Participants in so far at each update, rising.
    required : float
        Participants required, for instance `information_difference(...).adjusted`. Fix it beforehand.
    null : float
        The value of no effect.
    alpha, spending
        As in `spending_boundaries`. Updates after the first that reaches `required` are shown but spend nothing more: their
        boundary is that of the update which completed the information.
    labels : sequence of m names, optional
        Names of the updates, for instance years.
    data : DataFrame, optional
        Table, such as a DataFrame, whose columns the other arguments may name.

    Raises
    ------
    ValueError
        For lengths that differ, values that are not finite, a standard error not above 0, or information that does not rise.

    Examples
    --------
    >>> review = monitor([-0.5, -0.45, -0.42], [0.35, 0.2, 0.13], [150, 400, 800], required=1000)
    >>> review.verdict, review.crossed_at, review.still_needed
    ('crossed', 'update 3', 200.0)
    """
    estimates, se, information, labels = columns_of(data, estimates=estimates, se=se, information=information, labels=labels)
    estimates, se, information = (np.asarray(values, dtype=float) for values in (estimates, se, information))
    _check_updates(estimates, se, information, required)
    names = check_labels([f"update {i + 1}" for i in range(estimates.size)] if labels is None else labels, estimates.size)
    fractions = information / required
    complete = np.flatnonzero(fractions >= 1)
    looks = estimates.size if complete.size == 0 else int(complete[0]) + 1
    found = spending_boundaries(fractions[:looks], alpha=alpha, spending=spending)
    limits = np.append(found.z, np.full(estimates.size - looks, found.z[-1]))
    z = (estimates - null) / se
    crossed = np.abs(z) >= limits
    counted = np.flatnonzero(crossed[:looks])
    verdict = "crossed" if counted.size else ("complete" if complete.size else "not yet")
    notes = [
        "The boundaries take increments of information as independent; with tau-squared estimated anew at each update "
        "that holds only about."
    ]
    if estimates.size > looks:
        notes.append(
            f"{estimates.size - looks} updates after all information was in spend no more alpha; the verdict does not use them."
        )
    if counted.size and not crossed[-1]:
        notes.append(f"The boundary was crossed at {names[counted[0]]}, but the last update is inside it again: read both.")
    return SequentialReview(
        verdict=verdict,
        crossed_at=names[counted[0]] if counted.size else None,
        required=float(required),
        still_needed=max(0.0, float(required - information[-1])),
        alpha=float(alpha),
        spending=spending,
        updates=tuple(
            MonitoredUpdate(
                names[i],
                float(information[i]),
                float(fractions[i]),
                float(estimates[i]),
                float(se[i]),
                float(z[i]),
                float(limits[i]),
                bool(crossed[i]),
                float(estimates[i] - limits[i] * se[i]),
                float(estimates[i] + limits[i] * se[i]),
            )
            for i in range(estimates.size)
        ),
        notes=tuple(notes),
    )


def check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha = {alpha} is not strictly between 0 and 1; for 5% write 0.05.")


def _check_fractions(fractions: ArrayLike) -> np.ndarray:
    times = np.asarray(fractions, dtype=float)
    if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all() or (times <= 0).any():
        raise ValueError(f"Information fractions {fractions!s} must be a flat list of finite numbers above 0.")
    if (np.diff(times) <= 0).any():
        raise ValueError(
            f"Information fractions {fractions!s} must rise from look to look; merge looks with the same information."
        )
    if (times >= 1).sum() > 1:
        raise ValueError(
            f"Information fractions {fractions!s}: only the last look may be at or past 1, where all alpha is spent."
        )
    return times


def _check_updates(estimates: np.ndarray, se: np.ndarray, information: np.ndarray, required: float) -> None:
    if estimates.ndim != 1 or not estimates.shape == se.shape == information.shape or estimates.size == 0:
        raise ValueError("estimates, se and information must be flat lists of the same length, one value per update.")
    problems = [f"update {i + 1}: estimate = {estimates[i]} is not finite." for i in np.flatnonzero(~np.isfinite(estimates))]
    problems += [
        f"update {i + 1}: se = {se[i]} must be finite and above 0." for i in np.flatnonzero(~(np.isfinite(se) & (se > 0)))
    ]
    if not np.isfinite(information).all() or (information <= 0).any() or (np.diff(information) <= 0).any():
        problems.append("information must be above 0 and rise from update to update; merge updates that add no participants.")
    if not (np.isfinite(required) and required > 0):
        problems.append(f"required = {required} must be finite and above 0.")
    if problems:
        raise ValueError("\n".join(problems))

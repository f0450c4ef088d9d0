"""Number needed to treat: what a pooled effect means for people whose risk without treatment is known.

An effect has no number needed to treat of its own; it gets one from a control risk, which the reader states. The control risk is
taken as given, so the interval carries the uncertainty of the effect alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cordbook.synthesis.two_arm import check_two_arm_measure


@dataclass(frozen=True, slots=True)
class NumberNeededToTreat:
    """Number needed to treat for one more person to benefit (or to be harmed), with its interval.

    Attributes
    ----------
    nnt : float
        People to treat for one more benefit or harm, 1 or more; ``inf`` if the risks are equal.
    direction : {"benefit", "harm"}
        Whether the estimate is a benefit or a harm.
    ci_benefit, ci_harm : tuple of (float, float) or None
        The part of the interval on the side of benefit and on the side of harm, smallest number first. Both are given, each
        reaching to ``inf``, if the interval of the effect includes no effect.
    control_risk, treated_risk, risk_difference : float
        Risks as proportions, 0 to 1; the difference is treated minus control.
    treated_risk_ci, risk_difference_ci : tuple of (float, float)
    notes : tuple of str
    """

    nnt: float
    direction: str
    ci_benefit: tuple[float, float] | None
    ci_harm: tuple[float, float] | None
    control_risk: float
    treated_risk: float
    treated_risk_ci: tuple[float, float]
    risk_difference: float
    risk_difference_ci: tuple[float, float]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One sentence, with the interval written through infinity where it includes no effect (Altman 1998)."""
        if self.ci_benefit and self.ci_harm:
            interval = f"benefit {_show(self.ci_benefit[0])} to infinity to harm {_show(self.ci_harm[0])}"
        else:
            low, high = self.ci_benefit or self.ci_harm or (np.inf, np.inf)
            interval = f"{_show(low)} to {_show(high)}"
        return (
            f"With a control risk of {self.control_risk:.1%}, {_show(self.nnt)} people are treated for one more "
            f"{self.direction} ({interval})."
        )

    def to_dict(self) -> dict[str, object]:
        """All fields, tuples as lists."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def number_needed_to_treat(
    estimate: float,
    ci_low: float,
    ci_high: float,
    *,
    control_risk: float,
    measure: str = "OR",
    event_is: str,
) -> NumberNeededToTreat:
    """Turn an odds ratio, risk ratio or risk difference into a number needed to treat.

    Parameters
    ----------
    estimate, ci_low, ci_high : float
        Effect of arm 1 (treated) against arm 2 (control), on its own scale (not the log).
    control_risk : float
        Risk of the event without treatment, as a proportion, above 0 and below 1.
    measure : {"OR", "RR", "RD"}
        What the effect is.
    event_is : {"good", "bad"}
        Whether the event is wanted (recovery) or unwanted (a complication). It decides which side is benefit, so it has no default.

    Raises
    ------
    ValueError
        If the control risk is not between 0 and 1, a ratio is negative, the limits are not in order, or the effect and the
        control risk together give a treated risk outside 0 to 1.

    Notes
    -----
    Treated risk: ``OR * odds / (1 + OR * odds)``, ``RR * control_risk`` or ``control_risk + RD``; the number is one over the difference.
    Source: Altman (1998), BMJ 317:1309-1312, for intervals through infinity; Cochrane Handbook, section 15.4.4.

    Examples
    --------
    An odds ratio of 0.5 (0.3 to 0.8) for a complication which strikes 20 in 100:

    >>> result = number_needed_to_treat(0.5, 0.3, 0.8, control_risk=0.2, event_is="bad")
    >>> print(result.summary())
    With a control risk of 20.0%, 11.2 people are treated for one more benefit (7.7 to 30.0).
    """
    measure = check_two_arm_measure(measure)
    _check(estimate, ci_low, ci_high, control_risk, measure, event_is)
    risk, low, high = (_treated_risk(measure, value, control_risk) for value in (estimate, ci_low, ci_high))
    notes: tuple[str, ...] = ()
    if not 0 <= risk <= 1:
        raise ValueError(
            f"{measure} {estimate:g} and a control risk of {control_risk:g} give a treated risk of {risk:g}, which is not between 0 and 1: "
            "state a control risk to which the effect can apply, or use the odds ratio."
        )
    if low < 0 or high > 1:
        notes = ("A limit of the treated risk left the range 0 to 1 and was set to its edge.",)
        low, high = max(low, 0.0), min(high, 1.0)
    gain = 1 if event_is == "good" else -1
    # Gains: how much better off the treated are; positive is benefit.
    gains = sorted((gain * (low - control_risk), gain * (high - control_risk)))
    centre = gain * (risk - control_risk)
    return NumberNeededToTreat(
        nnt=_invert(centre),
        direction="benefit" if centre >= 0 else "harm",
        ci_benefit=(_invert(gains[1]), _invert(max(gains[0], 0.0))) if gains[1] > 0 else None,
        ci_harm=(_invert(gains[0]), _invert(min(gains[1], 0.0))) if gains[0] < 0 else None,
        control_risk=float(control_risk),
        treated_risk=risk,
        treated_risk_ci=(low, high),
        risk_difference=risk - control_risk,
        risk_difference_ci=(low - control_risk, high - control_risk),
        notes=notes,
    )


def _check(estimate: float, ci_low: float, ci_high: float, control_risk: float, measure: str, event_is: str) -> None:
    problems = []
    if not 0 < control_risk < 1:
        problems.append(f"control_risk is {control_risk!r}: give a proportion above 0 and below 1, such as 0.2 for 20%.")
    if event_is not in ("good", "bad"):
        problems.append(f"event_is is {event_is!r}: say 'good' (recovery) or 'bad' (a complication).")
    if not ci_low <= estimate <= ci_high:
        problems.append(f"the limits {ci_low!r} and {ci_high!r} do not enclose the estimate {estimate!r}: give them in order.")
    if measure != "RD" and ci_low < 0:
        problems.append(
            f"ci_low is {ci_low!r}, but a ratio cannot be negative: give {measure} on its own scale, not its logarithm."
        )
    if problems:
        raise ValueError("\n".join(problems))


def _treated_risk(measure: str, effect: float, control_risk: float) -> float:
    if measure == "RD":
        return float(control_risk + effect)
    if measure == "RR":
        return float(control_risk * effect)
    if np.isinf(effect):
        return 1.0
    odds = effect * control_risk / (1 - control_risk)
    return float(odds / (1 + odds))


def _invert(difference: float) -> float:
    return float(1 / abs(difference)) if difference else float("inf")


def _show(value: float) -> str:
    return "infinity" if np.isinf(value) else f"{value:.1f}"

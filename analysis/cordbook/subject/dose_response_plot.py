"""Risk of radiation myelopathy against dose: groups of patients, the fitted curve, and what others have published."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cordbook.display.figures.diagnostics.points import MOST_BUBBLES, drawn_twice
from cordbook.display.figures.figure import Figure
from cordbook.display.figures.style import CONTROL, INK, MUTED, TREATED
from cordbook.display.figures.thinning import with_most_weight
from cordbook.display.html.table import Cell, Table
from cordbook.review.estimates.phrases import percent
from cordbook.subject.dose import MyelopathyDoseResponse
from cordbook.synthesis import risk_at_dose, risk_band

#: The curve is drawn a little beyond the doses observed, and between these risks: on a log axis, since the question of those who
#: plan is whether a dose carries one case in a thousand or one in a hundred.
BEYOND_GY, LEAST_RISK, TOP_RISK = 4.0, 0.0001, 1.0
TICKS = (0.0001, 0.001, 0.01, 0.1, 1.0)
#: Doses for the table, in Gy: the limits that plans keep and those that old series passed.
TABLE_DOSES_GY = (40, 45, 50, 54, 60)
_NUMBER = re.compile(r"^\d+(\.\d+)?$")


def published_points(dose_response: pd.DataFrame, reference_id: str) -> list[tuple[float, float]]:
    """Pairs of dose (Gy) and risk (0 to 1) that a source prints as plain numbers."""
    rows = dose_response[dose_response["reference_id"] == reference_id]
    pairs = [(str(r.dose_gy), str(r.risk_percent)) for r in rows.itertuples()]
    return [(float(d), float(r) / 100) for d, r in pairs if _NUMBER.match(d) and _NUMBER.match(r)]


def dose_response_plot(
    data: MyelopathyDoseResponse, published: list[tuple[float, float]], *, published_label: str, figure_id: str
) -> Figure:
    """Groups as bubbles with exact intervals, the curve with its band, published model values as crosses."""
    fit, groups = data.fit, data.groups
    low, high = float(groups["eqd2_gy"].min()), float(groups["eqd2_gy"].max())
    grid = np.linspace(low - BEYOND_GY, high + BEYOND_GY, 120)
    band = risk_band(fit, grid)
    sizes = np.sqrt(groups["n"].to_numpy(dtype=float))
    doses, shares = groups["eqd2_gy"].to_numpy(dtype=float), (groups["events"] / groups["n"]).to_numpy(dtype=float)
    largest, _ = with_most_weight(range(len(groups)), groups["n"].tolist(), MOST_BUBBLES)
    inside = [(d, r) for d, r in published if LEAST_RISK <= r <= TOP_RISK]
    some, none = [i for i in largest if shares[i] > 0], [i for i in largest if shares[i] == 0]

    def draw(axes: Axes) -> None:
        low, high = (
            [max(limit, LEAST_RISK) for limit in limits] for limits in zip(*((p.ci_low, p.ci_high) for p in band), strict=True)
        )
        axes.fill_between(grid, low, high, color=TREATED, alpha=0.15, linewidth=0)
        axes.plot(grid, [p.estimate for p in band], color=TREATED, linewidth=1.4)
        for g in with_most_weight(fit.groups, [g.n for g in fit.groups], MOST_BUBBLES)[0]:
            axes.plot([g.dose, g.dose], [max(g.ci_low, LEAST_RISK), g.ci_high], color=MUTED, linewidth=0.6, zorder=2)
        edge = {"edgecolor": INK, "linewidth": 0.5}
        axes.scatter(
            doses[some], shares[some], s=(10 + 9 * sizes)[some], color=TREATED, alpha=0.6, zorder=3, clip_on=False, **edge
        )
        # A log axis has no zero: these stand on its foot.
        foot = np.full(len(none), LEAST_RISK)
        axes.scatter(doses[none], foot, s=(10 + 9 * sizes)[none], facecolor="none", edgecolor=TREATED, zorder=3, clip_on=False)
        if inside:
            x, y = zip(*inside, strict=True)
            axes.plot(x, y, "x", color=CONTROL, markersize=7, markeredgewidth=1.6, zorder=4)
        axes.set_yscale("log")
        axes.set_ylim(LEAST_RISK, TOP_RISK)
        axes.minorticks_off()
        axes.set_yticks(TICKS, [f"{100 * t:g}" for t in TICKS])
        axes.set_xlabel("Cord dose, EQD2 (Gy), alpha/beta 2 Gy")
        axes.set_ylabel("Percent with myelopathy, log scale")

    at = {dose: risk_at_dose(fit, dose) for dose in (45, 50, 60)}
    risks = "; ".join(
        f"{dose} Gy {percent(r.estimate)} (95% CI {percent(r.ci_low)} to {percent(r.ci_high)})" for dose, r in at.items()
    )
    alt = (
        f"Dose-response of radiation myelopathy: {fit.k_groups} groups of {fit.k_studies} studies, {fit.events} cases among "
        f"{fit.n} patients. Fitted risk: {risks}."
    )
    caption = (
        "Each circle is a group of patients at one dose, its area their number, with an exact 95% interval; those at the foot had "
        "no case. The curve "
        f"with its 95% band is fitted here: logistic, with a random effect of the study. Crosses are a {published_label}, which was "
        "fitted to other data."
    )
    if len(largest) < len(groups):
        caption += f" The {len(largest)} largest groups are drawn; the curve is fitted to all {len(groups):,}."
    return drawn_twice(draw, figure_id=figure_id, title="Risk of myelopathy by cord dose", caption=caption, alt=alt)


def dose_table(data: MyelopathyDoseResponse) -> Table:
    """Fitted risk at round doses with confidence and prediction interval, and the dose of 50% risk."""
    fit = data.fit
    rows = []
    for risk in risk_band(fit, TABLE_DOSES_GY):
        interval = f"{percent(risk.ci_low)} to {percent(risk.ci_high)}"
        new = f"{percent(risk.pi_low)} to {percent(risk.pi_high)}"
        rows.append(
            (
                Cell(f"{risk.dose:g} Gy"),
                Cell(percent(risk.estimate), numeric=True),
                Cell(interval, numeric=True),
                Cell(new, numeric=True),
            )
        )
    half = f"{_gray(fit.d50)} ({_gray(fit.d50_ci_low)} to {_gray(fit.d50_ci_high)})"
    caption = f"Fitted risk of myelopathy by cord dose; dose of 50% risk: {half}, an extrapolation"
    return Table("dose-table", caption, ("Cord dose, EQD2", "Fitted risk", "95% CI", "A new series may show"), tuple(rows))


def _gray(value: float | None) -> str:
    return "no limit" if value is None else f"{value:.0f} Gy"

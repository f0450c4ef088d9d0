"""Baujat's plot: how much each study adds to heterogeneity, and how much it moves the pooled result."""

from __future__ import annotations

from matplotlib.axes import Axes

from cordbook.display.figures.diagnostics.points import MOST_POINTS, NAMED_POINTS, POINT, drawn_twice, name_points
from cordbook.display.figures.effect_scale import Result
from cordbook.display.figures.figure import Figure, table_csv
from cordbook.display.figures.thinning import with_most_weight
from cordbook.synthesis import PooledProportion, influence, proportion_effects
from cordbook.synthesis.sensitivity.influence import Influence

#: How the influence of studies on a pooled share is judged, since it is by another model than that of the share.
BY_LOGITS = "By a model of logits with a correction for empty counts, which may name others than leaving out a study above does."


def baujat_plot(
    result: Result,
    *,
    title: str,
    figure_id: str,
    found: Influence | None = None,
    way: str = BY_LOGITS,
    foot: tuple[str, ...] = (),
) -> Figure:
    """How much each study adds to heterogeneity, and how much it moves the pooled result (Baujat 2002).

    ``found`` is the influence of the studies where it was computed before, ``way`` a sentence on its model; a pooled share may leave
    it to be computed here, on logits. ``foot`` are sentences under the axis.
    """
    cases = (_on_logits(result) if found is None else found).cases
    labels = [case.label for case in cases]
    x, y = [c.baujat_x for c in cases], [c.baujat_y or 0.0 for c in cases]
    matters = [a / (max(x) or 1.0) + b / (max(y) or 1.0) for a, b in zip(x, y, strict=True)]
    order = sorted(range(len(cases)), key=lambda i: -matters[i])[:NAMED_POINTS]
    drawn, _ = with_most_weight(range(len(cases)), matters, MOST_POINTS)

    def draw(axes: Axes) -> None:
        axes.plot([x[i] for i in drawn], [y[i] for i in drawn], **POINT)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Contribution to heterogeneity")
        axes.set_ylabel("Influence on the pooled result")
        name_points(axes, [(labels[i], x[i], y[i]) for i in order], [(x[i], y[i]) for i in drawn])

    first, second = labels[max(range(len(y)), key=y.__getitem__)], labels[max(range(len(x)), key=x.__getitem__)]
    names = ", ".join(labels[i] for i in order[:3])
    alt = f"Baujat plot, {title}: the studies that matter most are {names}."
    caption = (
        f"{first} moves the pooled result most and differs most from the others."
        if first == second
        else f"{first} moves the pooled result most (height); {second} differs most from the others (to the right)."
    )
    caption += f" {way}" if way else ""
    if len(drawn) < len(cases):
        caption += f" The {len(drawn)} that matter most are drawn of {len(cases):,}."
    table = table_csv(("study", "contribution_to_heterogeneity", "influence"), ((labels[i], x[i], y[i]) for i in drawn))
    return drawn_twice(
        draw, figure_id=figure_id, title=f"Which studies matter: {title}", caption=caption, alt=alt, data=table, foot=foot
    )


def _on_logits(result: Result) -> Influence:
    assert isinstance(result, PooledProportion), "what is not a pooled share has its influence computed before"
    effects = proportion_effects([s.events for s in result.studies], [s.n for s in result.studies], measure="logit")
    return influence(effects.yi, effects.vi, labels=[s.label for s in result.studies])

"""Traffic lights for risk of bias: a light for every study and item, told apart by colour and by sign; and bars over items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import EDGE_PT, INK, MUTED, NO_COLOUR, QUESTION, RULE, YES_COLOUR
from cordbook.review.appraisal.risk_of_bias import GROUPS, NO, NOT_APPLICABLE, UNCLEAR, YES, Item

#: Dark signs suit both colours by day and night.
SIGN = "#0a0a0a"
LIGHT_PT, SIGN_PT = 9.0, 5.0
ROW_IN, COLUMN_IN, LABEL_IN, HEAD_IN, GROUP_GAP_IN = 0.2, 0.182, 1.3, 1.4, 0.06
BAR_WIDTH_IN, BAR_ROW_IN = 3.4, 0.38
#: A share below this (percent) is too narrow for its number.
NARROWEST_LABEL = 7.0
#: Read on a phone, where the drawing is narrowed: about eleven pixels.
FONT_PT = 8.4
KEY = "Blue with plus: yes. Orange with minus: no. Ring with question mark: unclear. Dot: does not apply."


def traffic_lights(
    judged: pd.DataFrame, items: Sequence[Item], labels: Mapping[str, str], *, title: str, figure_id: str = "traffic-lights"
) -> Figure:
    """Draw the answers of studies (rows of ``judged``, by study id) to items (its columns).

    ``labels`` names the studies; the order of the rows is kept. Raises ``ValueError`` where there is no study.
    """
    if judged.empty:
        raise ValueError(f"{title}: no study to draw; choose an estimate that pools at least one")
    x = _columns(items)
    width, height = x[-1] + COLUMN_IN, HEAD_IN + ROW_IN * (len(judged) + 0.3)
    with canvas(figure_id, width, height) as drawing:
        axes = _inch_axes(drawing, width, height)
        for at, item in zip(x, items, strict=True):
            axes.text(at, HEAD_IN - 0.06, item.name, fontsize=FONT_PT, rotation=90, ha="center", va="bottom", color=INK)
        centres = [HEAD_IN + ROW_IN * (i + 0.5) for i in range(len(judged))]
        for y, study in zip(centres, judged.index, strict=True):
            axes.text(0, y, labels[study], fontsize=FONT_PT, va="center_baseline", color=INK)
        for answer in (NOT_APPLICABLE, UNCLEAR, NO, YES):
            places = [
                (a, y)
                for y, study in zip(centres, judged.index, strict=True)
                for a, item in zip(x, items, strict=True)
                if judged.loc[study, item.id] == answer
            ]
            _lights(axes, places, answer)
        return finish(
            drawing,
            figure_id=figure_id,
            title=title,
            caption=f"{KEY} One row per study, one column per item.",
            alt=describe_lights(judged, items, title),
        )


def _columns(items: Sequence[Item]) -> list[float]:
    """Centres of the columns in inches, with a gap between groups of items."""
    at, places = LABEL_IN + COLUMN_IN / 2, []
    for i, item in enumerate(items):
        if i and item.group != items[i - 1].group:
            at += GROUP_GAP_IN
        places.append(at)
        at += COLUMN_IN
    return places


def _inch_axes(drawing, width: float, height: float) -> Axes:
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return axes


def _lights(axes: Axes, places: Sequence[tuple[float, float]], answer: str) -> None:
    if not places:
        return
    xs, ys = zip(*places, strict=True)
    plain = {"linestyle": "none", "clip_on": False}
    if answer == NOT_APPLICABLE:
        axes.plot(xs, ys, marker="o", markersize=1.6, color=MUTED, markeredgewidth=0, **plain)
    elif answer == UNCLEAR:
        axes.plot(
            xs, ys, marker="o", markersize=LIGHT_PT, markerfacecolor="none", markeredgecolor=MUTED, markeredgewidth=0.8, **plain
        )
        axes.plot(xs, ys, marker=QUESTION, markersize=SIGN_PT, color=MUTED, markeredgewidth=0, **plain)
    else:
        colour, sign = (YES_COLOUR, "+") if answer == YES else (NO_COLOUR, "_")
        axes.plot(xs, ys, marker="o", markersize=LIGHT_PT, color=colour, markeredgecolor=INK, markeredgewidth=EDGE_PT, **plain)
        axes.plot(xs, ys, marker=sign, markersize=SIGN_PT, color=SIGN, markeredgewidth=1.0, **plain)


def describe_lights(judged: pd.DataFrame, items: Sequence[Item], title: str) -> str:
    """The alternative text: for every item how many studies have which answer."""
    parts = []
    for item in items:
        counts = judged[item.id].value_counts()
        texts = [f"{answer} {counts[answer]}" for answer in (YES, UNCLEAR, NO, NOT_APPLICABLE) if answer in counts]
        parts.append(f"{item.name}: {', '.join(texts)}")
    return f"Traffic lights, {title}: {len(judged)} studies. {'; '.join(parts)}."


def item_bars(
    shares: pd.DataFrame, items: Sequence[Item], *, title: str, unit: str, figure_id: str = "risk-of-bias-bars"
) -> Figure:
    """Bars of the answers to every item: rows of ``shares`` are items, columns answers, values percent that sum to 100.

    ``unit`` says of what, for instance ``study reports``.
    """
    groups = list(dict.fromkeys(item.group for item in items))
    height = BAR_ROW_IN * len(items) + 0.28 * len(groups) + 0.28
    with canvas(figure_id, BAR_WIDTH_IN, height) as drawing:
        axes = _inch_axes(drawing, BAR_WIDTH_IN, height)
        _bar_key(axes)
        y = 0.28
        for group in groups:
            axes.text(0, y + 0.17, GROUPS[group], fontsize=FONT_PT, fontweight="bold", color=MUTED)
            y += 0.28
            for item in (i for i in items if i.group == group):
                axes.text(0, y + 0.09, item.name, fontsize=FONT_PT, color=INK)
                _bar(axes, shares.loc[item.id], y + 0.13)
                y += BAR_ROW_IN
        alt = f"{title}, percent of {unit}. " + "; ".join(_describe_item(item, shares.loc[item.id]) for item in items) + "."
        caption = f"Percent of {unit} by answer. Studies to which an item does not apply are left blank at the right."
        return finish(drawing, figure_id=figure_id, title=title, caption=caption, alt=alt)


_SEGMENTS = ((YES, YES_COLOUR, SIGN), (UNCLEAR, RULE, INK), (NO, NO_COLOUR, SIGN))


def _bar_key(axes: Axes) -> None:
    for i, (answer, colour, ink) in enumerate(_SEGMENTS):
        axes.barh(0.12, 0.62, left=0.7 * i, height=0.18, facecolor=colour, edgecolor=INK, linewidth=EDGE_PT)
        axes.text(0.7 * i + 0.31, 0.12, answer, fontsize=FONT_PT, ha="center", va="center_baseline", color=ink)


def _bar(axes: Axes, shares: pd.Series, y: float) -> None:
    left = 0.0
    for answer, colour, ink in _SEGMENTS:
        share = float(shares[answer])
        width = BAR_WIDTH_IN * share / 100
        if share > 0:
            axes.barh(y + 0.085, width, left=left, height=0.18, facecolor=colour, edgecolor=INK, linewidth=EDGE_PT)
        if share >= NARROWEST_LABEL:
            axes.text(
                left + width / 2, y + 0.085, f"{share:.0f}%", fontsize=FONT_PT - 0.4, ha="center", va="center_baseline", color=ink
            )
        left += width


def _describe_item(item: Item, shares: pd.Series) -> str:
    return f"{item.name}: yes {shares[YES]:.0f}, unclear {shares[UNCLEAR]:.0f}, no {shares[NO]:.0f}"

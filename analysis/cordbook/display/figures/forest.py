"""Forest plots: every study with its interval and weight, the pooled result, what a new study may show,
and natural recovery behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from cordbook.core.text import capital
from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.forest_narrow import Band, Row, Scale, narrow_forest
from cordbook.display.figures.style import INK, MUTED, NATURAL, PREDICTION, TREATED
from cordbook.display.figures.thinning import MOST_STUDIES, shares, with_most_weight
from cordbook.review.estimates.phrases import percent_number
from cordbook.review.estimates.phrases import ratio as ratio_text
from cordbook.synthesis import ComparedArms, PooledEffect, PooledProportion
from cordbook.synthesis.pooling.two_arm_results import MEASURE_NAMES, TWO_ARM_MODEL_NAMES
from cordbook.synthesis.results import MODEL_NAMES, significant, words_of_interval

Result = PooledProportion | ComparedArms | PooledEffect

ROW_IN = 0.235
WIDTH_IN = 8.2
#: Left ends of the columns and the span of the plot, as shares of the width.
LABEL_X, COUNT_X, PLOT_LEFT, PLOT_RIGHT, TEXT_X, WEIGHT_X = 0.0, 0.345, 0.365, 0.69, 0.895, 1.0
SQUARE_MIN_PT, SQUARE_MAX_PT = 2.2, 7.5
#: What fits of the name of an arm over the counts of both.
LONGEST_ARM = 12
#: The weight, in percent, that squares have where studies are not pooled and have none.
PLAIN_WEIGHT = 10.0
#: Upper ends for the axis of a proportion, in percent: the first that holds all pooled limits is taken.
PERCENT_ENDS = (2, 5, 10, 20, 40, 60, 80, 100)


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """A subgroup of a forest plot: its name, its result, and the natural recovery that belongs to it, if known.

    Where it is not ``pooled``, its studies stand side by side, without weights and without a diamond.
    """

    title: str
    result: Result
    natural: PooledProportion | None = None
    pooled: bool = True


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str  # study, rest, pooled, sum, group, prediction, blank
    label: str
    counts: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float | None = None


def forest_plot(
    result: Result,
    *,
    title: str | None = None,
    groups: Sequence[ForestGroup] = (),
    natural: PooledProportion | None = None,
    natural_label: str = "natural recovery",
    links: Mapping[str, str] | None = None,
    rest: str | None = None,
    caption: str | None = None,
    pooled: bool = True,
    arms: tuple[str, str] = ("Arm 1", "arm 2"),
    people: str = "participants",
    event_is: Literal["good", "bad"] | None = None,
    details: bool = True,
    figure_id: str = "forest",
) -> Figure:
    """Draw a forest plot of a pooled proportion, of compared arms or of pooled effects.

    Parameters
    ----------
    result
        the pooled result; with ``groups`` it is the overall one at the foot.
    groups
        subgroups, each drawn with its own studies and diamond.
    natural
        natural recovery, drawn as a vertical band behind proportions.
    links
        address by study label; the label becomes a link.
    rest
        address of a file with all studies. Of many studies those with the most weight are drawn one by one, the others as one
        row, which leads there.
    pooled
        False shows the studies side by side: their counts added up, no weights, no diamond.
    arms
        names of the two arms that are compared.
    people
        what those who were counted are called: participants, patients, ...
    event_is
        whether the event is wanted. Then the sides of a comparison are said to favour an arm; otherwise they have more or fewer events.
    details
        whether model, tau2, I2 and the kind of interval, and for a comparison what each side means, stand under the axis.

    Returns
    -------
    Figure
        with an alternative text that gives the pooled result.
    """
    ratio = isinstance(result, ComparedArms) and result.measure in ("OR", "RR")
    rows = _rows(result, groups, pooled)
    foot = _foot(result, arms, event_is, pooled) if details else []
    height = ROW_IN * (len(rows) + 4.2 + len(foot))
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        below, around = ROW_IN * (1.9 + len(foot)) / height, ROW_IN * (3.2 + len(foot)) / height
        axes = drawing.add_axes((PLOT_LEFT, below, PLOT_RIGHT - PLOT_LEFT, 1 - around))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        _horizontal_axis(axes, result, rows, ratio, people)
        if natural is not None and isinstance(result, PooledProportion):
            _natural_band(axes, natural, natural_label)
        _group_bands(axes, groups)
        if pooled:
            _pooled_line(axes, result, ratio)
        for y, row in enumerate(rows):
            _draw(axes, row, y, result, ratio, links or {}, rest)
        _head(axes, result, arms, weights=any(row.weight is not None for row in rows))
        for line, parts in enumerate(foot):
            for x, text, ha in parts:
                _text(axes, x, len(rows) + 1.45 + line, text, ha=ha, colour=MUTED)
        alt = describe(result, title, natural, natural_label, people, pooled=pooled) + _describe_groups(groups)
        alt += "".join(f" {text}." for parts in foot for _, text, _ in parts)
        left_out = _left_out(rows, rest)
        return finish(
            drawing,
            figure_id=figure_id,
            title=title or "Forest plot",
            caption=(caption or _caption(result, natural or any(g.natural for g in groups), natural_label, pooled)) + left_out,
            alt=alt + left_out,
            narrow=_narrow(Scale.of(axes), result, rows, groups, natural, natural_label, links or {}, rest, pooled, arms, foot),
        )


def _rows(result: Result, groups: Sequence[ForestGroup], pooled: bool = True) -> list[_Row]:
    rows: list[_Row] = []
    if groups:
        for group, most in zip(groups, _most(groups), strict=True):
            rows += _group_rows(group, most)
        rows.append(_Row("blank", ""))
    else:
        rows += _study_rows(result, weighed=pooled)
    if not pooled:
        return [*rows, _sum_row(result, f"All studies (k = {result.k})")]
    rows.append(_pooled_row(result, f"All studies (k = {result.k})"))
    if result.pi_low is not None:
        rows.append(_Row("prediction", "A new study may show", low=result.pi_low, high=result.pi_high))
    return rows


def _most(groups: Sequence[ForestGroup]) -> list[int]:
    return shares([group.result.k for group in groups])


def _group_rows(group: ForestGroup, most: int) -> list[_Row]:
    foot = _pooled_row(group.result, "Pooled") if group.pooled else _sum_row(group.result, "Together")
    return [
        _Row("group", group.title),
        *_study_rows(group.result, most, weighed=group.pooled),
        *([foot] if group.result.k > 1 else []),
    ]


def _study_rows(result: Result, most: int = MOST_STUDIES, *, weighed: bool = True) -> list[_Row]:
    drawn, others = with_most_weight(result.studies, [s.weight for s in result.studies], most)
    rows = [_Row("study", s.label, _counts(s), s.estimate, s.ci_low, s.ci_high, s.weight if weighed else None) for s in drawn]
    return [*rows, _rest_row(others, weighed)] if others else rows


def _sum_row(result: Result, label: str) -> _Row:
    """The counts of studies that are not pooled, added up: no share and no interval of them all."""
    return _Row("sum", label, _counts(result))


def _rest_row(others: Sequence[Any], weighed: bool = True) -> _Row:
    """The studies that are not drawn one by one: their counts added up and their weight, without an interval of their own."""
    names = [name for name in ("events", "n", "events1", "n1", "events2", "n2") if hasattr(others[0], name)]
    sums = SimpleNamespace(**{name: sum(getattr(s, name) for s in others) for name in names})
    weight = sum(s.weight or 0.0 for s in others) if weighed else None
    return _Row("rest", f"{len(others):,} smaller studies", _counts(sums), weight=weight)


def _left_out(rows: Sequence[_Row], rest: str | None) -> str:
    """What the caption says where studies are not drawn one by one."""
    others = [row for row in rows if row.kind == "rest"]
    if not others:
        return ""
    drawn = sum(row.kind == "study" for row in rows)
    grouped = any(row.kind == "group" for row in rows)
    which = ", group by group," if grouped else ""
    weight = "" if grouped or others[0].weight is None else f", with {others[0].weight:.0f}% of the weight"
    where = " That row leads to a file with every study." if rest else ""
    return (
        f" The {drawn} studies with the most weight{which} are drawn one by one;"
        f" the smaller ones stand together in a row{weight}.{where}"
    )


def _counts(study: object) -> str:
    if not hasattr(study, "n") and not hasattr(study, "n1"):
        return ""
    if hasattr(study, "events1"):
        return f"{study.events1}/{study.n1} v {study.events2}/{study.n2}"
    return f"{study.events}/{study.n}"


def _pooled_row(result: Result, label: str) -> _Row:
    return _Row("pooled", label, _counts(result), result.estimate, result.ci_low, result.ci_high)


def _horizontal_axis(axes: Axes, result: Result, rows: Sequence[_Row], ratio: bool, people: str) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    if ratio:
        axes.set_xscale("log")
        axes.set_xlim(*_ratio_limits(rows))
        axes.minorticks_off()
        low, high = axes.get_xlim()
        ticks = [t for t in (0.01, 0.1, 0.5, 1, 2, 5, 10, 50, 100) if low <= t <= high]
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.axvline(1, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xlabel({"OR": "Odds ratio", "RR": "Risk ratio"}[result.measure] + ", log scale")
        return
    if isinstance(result, ComparedArms):
        axes.set_xlim(-1, 1)
        axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−100", "−50", "0", "+50", "+100"])
        axes.set_xlabel("Difference in percentage points")
        return
    if isinstance(result, PooledEffect):
        axes.set_xlim(*_effect_limits(rows))
        axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xlabel("Effect")
        return
    end = _percent_end(result, rows) / 100
    axes.set_xlim(0, end)
    ticks = [end * i / 4 for i in range(5)] if end not in (1.0, 0.1, 0.05, 0.2) else [end * i / 5 for i in range(6)]
    axes.set_xticks(ticks, [f"{t * 100:g}" for t in ticks])
    axes.set_xlabel(f"Percent of {people}")


def _effect_limits(rows: Sequence[_Row]) -> tuple[float, float]:
    """From the lowest to the highest limit, no effect among them; studies wider than twice the rest go on past the axis."""
    points = [row.estimate for row in rows if row.estimate is not None] + [0.0]
    points += [
        value for row in rows if row.kind in ("pooled", "prediction") for value in (row.low, row.high) if value is not None
    ]
    low, high = min(points), max(points)
    room = (high - low) or 1.0
    limits = [value for row in rows for value in (row.low, row.high) if value is not None]
    low, high = max(min([*limits, low]), low - room / 2), min(max([*limits, high]), high + room / 2)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _percent_end(result: PooledProportion, rows: Sequence[_Row]) -> float:
    points = [row.estimate for row in rows if row.estimate is not None]
    limits = [row.high for row in rows if row.kind in ("pooled", "prediction") and row.high is not None]
    need = 100 * max(points + limits + [0.0])
    return next((end for end in PERCENT_ENDS if end >= need * 1.02), 100)


def _ratio_limits(rows: Sequence[_Row]) -> tuple[float, float]:
    values = [v for row in rows for v in (row.low, row.estimate, row.high) if v and math.isfinite(v)]
    low, high = max(min(values + [0.5]), 0.01), min(max(values + [2.0]), 300.0)
    return low / 1.15, high * 1.15


def _natural_band(axes: Axes, natural: PooledProportion, label: str) -> None:
    axes.axvspan(natural.ci_low, natural.ci_high, color=NATURAL, alpha=0.22, linewidth=0, zorder=0)
    axes.axvline(natural.estimate, color=NATURAL, linewidth=1.0, zorder=0.5)
    axes.annotate(
        label, (natural.estimate, 1), (2, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
        fontsize=7.5, color=NATURAL, ha="left", va="bottom",
    )  # fmt: skip


def _group_bands(axes: Axes, groups: Sequence[ForestGroup]) -> None:
    """Natural recovery behind the rows of each group that has its own."""
    top = 0
    for group, most in zip(groups, _most(groups), strict=True):
        rows = len(_group_rows(group, most))
        if group.natural is not None:
            low, high = group.natural.ci_low, group.natural.ci_high
            axes.add_patch(Rectangle((low, top + 0.5), high - low, rows - 1, color=NATURAL, alpha=0.22, linewidth=0, zorder=0))
            at = [group.natural.estimate] * 2
            axes.plot(at, [top + 0.5, top + rows - 0.5], color=NATURAL, linewidth=1.0, zorder=0.5)
        top += rows


def _pooled_line(axes: Axes, result: Result, ratio: bool) -> None:
    if result.estimate is not None and (not ratio or result.estimate > 0):
        axes.axvline(result.estimate, color=TREATED, linewidth=0.7, linestyle=(0, (2, 3)), zorder=0.6)


def _draw(axes: Axes, row: _Row, y: int, result: Result, ratio: bool, links: Mapping[str, str], rest: str | None) -> None:
    bold = "bold" if row.kind in ("pooled", "sum", "group") else "normal"
    label = _text(axes, LABEL_X, y, row.label, weight=bold, ha="left")
    if row.label in links:
        label.set_url(links[row.label])
    if row.kind == "rest" and rest:
        label.set_url(rest)
    if row.kind in ("group", "blank"):
        return
    _text(axes, COUNT_X, y, row.counts, weight=bold, ha="right")
    if row.kind != "rest":
        _text(axes, TEXT_X, y, _interval_text(row, result), weight=bold, ha="right")
    if row.weight is not None:
        _text(axes, WEIGHT_X, y, f"{row.weight:.1f}", colour=MUTED, ha="right")
    if row.kind == "study":
        _interval(axes, row, y)
    elif row.kind == "prediction":
        low, high = _clip(axes, row.low), _clip(axes, row.high)
        axes.add_patch(Rectangle((low, y - 0.14), high - low, 0.28, color=PREDICTION, alpha=0.75, linewidth=0))
    elif row.kind == "pooled":
        _diamond(axes, row, y)


def _text(axes: Axes, x: float, y: float, text: str, *, ha: str, weight: str = "normal", colour: str = INK):
    """Text at a share of the figure's width and the height of a row."""
    drawing = axes.figure
    box = axes.get_position()
    at = (x - box.x0) / box.width
    return axes.text(
        at, y, text, transform=axes.get_yaxis_transform(), ha=ha, va="center_baseline", fontweight=weight, color=colour,
        clip_on=False, figure=drawing,
    )  # fmt: skip


def _clip(axes: Axes, value: float | None) -> float:
    low, high = axes.get_xlim()
    return min(max(value if value is not None else low, low), high)


def _interval(axes: Axes, row: _Row, y: int) -> None:
    if row.low is None or row.high is None or row.estimate is None:
        return
    start, end = axes.get_xlim()
    axes.plot([_clip(axes, row.low), _clip(axes, row.high)], [y, y], color=INK, linewidth=0.8, solid_capstyle="butt", zorder=2)
    for limit, beyond, marker in ((row.high, row.high > end, 5), (row.low, row.low < start, 4)):
        if beyond:  # the interval goes on past the axis
            axes.plot([_clip(axes, limit)], [y], marker=marker, color=INK, markersize=3.5, zorder=2, clip_on=False)
    size = SQUARE_MIN_PT + (SQUARE_MAX_PT - SQUARE_MIN_PT) * math.sqrt(_size(row))
    if start <= row.estimate <= end:
        axes.plot([row.estimate], [y], marker="s", markersize=size, color=TREATED, markeredgewidth=0, zorder=3, clip_on=False)


def _size(row: _Row) -> float:
    """Area of a square from 0 to 1, by the weight of its study."""
    return min(PLAIN_WEIGHT if row.weight is None else row.weight, 40.0) / 40.0


def _diamond(axes: Axes, row: _Row, y: int) -> None:
    if row.low is None or row.high is None or row.estimate is None:
        return
    low, mid, high = (_clip(axes, v) for v in (row.low, row.estimate, row.high))
    corners = [(low, y), (mid, y - 0.3), (high, y), (mid, y + 0.3)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=TREATED, edgecolor=INK, linewidth=0.6, zorder=3, clip_on=False))


def _interval_text(row: _Row, result: Result) -> str:
    if isinstance(result, ComparedArms) and result.measure != "RD":
        parts = [ratio_text(v) for v in (row.estimate, row.low, row.high)]
    else:
        show = (
            percent_number
            if isinstance(result, PooledProportion)
            else _difference
            if isinstance(result, ComparedArms)
            else significant
        )
        parts = [show(v) for v in (row.estimate, row.low, row.high)]
    if row.kind == "prediction":
        return f"{parts[1]} to {parts[2]}"
    if row.kind == "sum":
        return "not pooled"
    return f"{parts[0]} ({parts[1]} to {parts[2]})" if row.estimate is not None else "not estimable"


def _difference(value: float | None) -> str:
    """A difference of proportions in percentage points with its sign.

    >>> _difference(-0.123), _difference(0.0), _difference(1.0)
    ('−12', '0', '100')
    """
    if value is None:
        return significant(None)
    points = significant(100 * abs(value), 3 if abs(value) >= 0.9995 else 2)
    return f"−{points}" if value < 0 and points != "0" else points


def _foot(result: Result, arms: tuple[str, str], event_is: str | None, pooled: bool) -> list[list[tuple[float, str, str]]]:
    """Lines under the axis, each of texts with their place and alignment: what each side means, and how the result came about."""
    lines = []
    if isinstance(result, ComparedArms):
        arms = (_shortened(arms[0]), _shortened(arms[1]))
        left, right = (f"{word} events with {arms[0]}" for word in ("Fewer", "More"))
        if event_is is not None:
            low, high = (1, 0) if event_is == "good" else (0, 1)
            left, right = f"Favours {arms[low]}", f"Favours {arms[high]}"
        lines.append([(PLOT_LEFT, f"← {left}", "left"), (PLOT_RIGHT, f"{right} →", "right")])
    if not pooled:
        return lines
    names = TWO_ARM_MODEL_NAMES if isinstance(result, ComparedArms) else MODEL_NAMES
    spread = [f"τ² {significant(result.tau2)}"] if result.tau2 is not None else []
    spread += [f"I² {result.i2:.0f}%"] if result.i2 is not None else []
    model = names.get(result.model, result.model)
    how = "; ".join([capital(model), *spread, f"interval: {words_of_interval(result)}"])
    return [*lines, [(LABEL_X, how, "left")]]


def _head(axes: Axes, result: Result, arms: tuple[str, str], *, weights: bool = True) -> None:
    y = -1.05
    for x, text, ha in (
        (LABEL_X, "Study", "left"),
        (COUNT_X, _counts_head(result, arms), "right"),
        (TEXT_X, _value_head(result), "right"),
        (WEIGHT_X, "Weight, %" if weights else "", "right"),
    ):
        _text(axes, x, y, text, ha=ha, weight="bold", colour=MUTED)


def _counts_head(result: Result, arms: tuple[str, str]) -> str:
    if isinstance(result, PooledEffect):
        return ""
    arms = (_shortened(arms[0]), _shortened(arms[1]))
    return f"{arms[0]} v {arms[1]}" if isinstance(result, ComparedArms) else "Events/n"


def _shortened(name: str) -> str:
    """The name of an arm as it fits over the counts."""
    return name if len(name) <= LONGEST_ARM else name[: LONGEST_ARM - 1].rstrip() + "…"


def _value_head(result: Result) -> str:
    unit = "ratio" if isinstance(result, ComparedArms) and result.measure != "RD" else "%"
    unit = "effect" if isinstance(result, PooledEffect) else unit
    return f"{unit} (95% CI)" if result.level == 0.95 else f"{unit} ({result.level:.0%} CI)"


def _narrow(
    scale: Scale, result: Result, rows: Sequence[_Row], groups: Sequence[ForestGroup],
    natural: PooledProportion | None, natural_label: str, links: Mapping[str, str], rest: str | None, pooled: bool,
    arms: tuple[str, str], foot: Sequence[Sequence[tuple[float, str, str]]],
) -> str:  # fmt: skip
    """The same rows for a phone."""
    compared = not isinstance(result, PooledProportion)
    shown = [_narrow_row(row, result, links.get(row.label), rest) for row in rows]
    band = None
    if natural is not None and not compared:
        mid, low, high = (percent_number(v) for v in (natural.estimate, natural.ci_low, natural.ci_high))
        area = Band(natural.ci_low, natural.estimate, natural.ci_high, 0, len(rows) - 1)
        band = (f"{natural_label}: {mid}% ({low} to {high})", area)
    drawn = pooled and result.estimate is not None and (not scale.log or result.estimate > 0)
    line = result.estimate if drawn else None
    null = None if not compared else 1.0 if scale.log else 0.0
    heads = ("Study", _value_head(result), _counts_head(result, arms))
    words = [text for parts in foot for _, text, _ in parts]
    bands = _narrow_bands(groups)
    return narrow_forest(shown, scale, heads=heads, natural=band, bands=bands, pooled=line, null=null, foot_words=words)


def _narrow_row(row: _Row, result: Result, href: str | None, rest: str | None) -> Row:
    if row.kind in ("group", "blank"):
        return Row("bare", row.label)
    if row.kind == "rest":
        return Row("bare", row.label, counts=row.counts, href=rest)
    if row.kind == "sum":
        return Row("bare", f"{row.label}, not pooled", counts=row.counts)
    return Row(row.kind, row.label, _interval_text(row, result), row.counts, row.low, row.estimate, row.high, _size(row), href)


def _narrow_bands(groups: Sequence[ForestGroup]) -> list[Band]:
    bands, top = [], 0
    for group, most in zip(groups, _most(groups), strict=True):
        rows = len(_group_rows(group, most))
        if (natural := group.natural) is not None:
            bands.append(Band(natural.ci_low, natural.estimate, natural.ci_high, top + 1, top + rows - 1))
        top += rows
    return bands


def describe(
    result: Result,
    title: str | None,
    natural: PooledProportion | None = None,
    natural_label: str = "natural recovery",
    people: str = "participants",
    *,
    pooled: bool = True,
) -> str:
    """The alternative text of a forest plot: what is shown and the pooled result in words."""
    level = f"{result.level:.0%}"
    if isinstance(result, ComparedArms):
        name, show = MEASURE_NAMES[result.measure], _difference if result.measure == "RD" else ratio_text
        counted = f", {result.n1 + result.n2} {people}"
    elif isinstance(result, PooledEffect):
        name, show, counted = "effect", significant, ""
    else:
        name, show, counted = "percent", percent_number, f", {result.n} {people}"
    text = f"Forest plot{f', {title}' if title else ''}: {result.k} studies{counted}."
    if pooled:
        text += f" Pooled {name} {show(result.estimate)} ({level} CI {show(result.ci_low)} to {show(result.ci_high)})."
    else:
        text += f" Not pooled: {_span(result, show)}."
    if pooled and result.pi_low is not None:
        text += f" A new study may show {show(result.pi_low)} to {show(result.pi_high)}."
    if natural is not None:
        text += (
            f" {natural_label.capitalize()}: {percent_number(natural.estimate)} percent"
            f" ({level} CI {percent_number(natural.ci_low)} to {percent_number(natural.ci_high)})."
        )
    return text


def _span(result: Result, show: Callable[[float], str]) -> str:
    """The lowest and the highest result of a study, and the counts added up."""
    shown = [s.estimate for s in result.studies if s.estimate is not None]
    ends = f"single studies show {show(min(shown))} to {show(max(shown))}, " if shown else ""
    return f"{ends}together {_counts(result)}"


def _describe_groups(groups: Sequence[ForestGroup]) -> str:
    """What the groups show, each beside its natural recovery."""
    text = ""
    for group in groups:
        r = group.result
        if group.pooled:
            text += f" {group.title}: {percent_number(r.estimate)} ({percent_number(r.ci_low)} to {percent_number(r.ci_high)})"
        else:
            text += f" {group.title}: not pooled, {_span(r, percent_number)}"
        if group.natural is not None:
            text += f", natural recovery {percent_number(group.natural.estimate)}"
        text += "."
    return text


def _caption(result: Result, natural: object, natural_label: str, pooled: bool = True) -> str:
    intervals = f"{result.level * 100:g}% confidence intervals"
    if pooled:
        text = f"Squares are studies, sized by weight, with {intervals}; the diamond is the pooled result."
    else:
        text = f"Squares are studies with {intervals}. They are not pooled."
    if pooled and result.pi_low is not None:
        text += " The bar under it is the prediction interval: where a new study like these may fall."
    if natural:
        text += f" The green band is {natural_label}: its pooled share with the {result.level * 100:g}% confidence interval."
    return text

"""Forest plots: every study with its interval and weight, the pooled result, what a new study may show,
and natural recovery behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from string import ascii_uppercase as LETTERS
from types import SimpleNamespace
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from cordbook.core.text import capital, inside
from cordbook.display.figures.axes import PercentScale, set_ratio_ticks, text_width, wrapped
from cordbook.display.figures.effect_scale import EffectScale, Result, ends_of, shortened
from cordbook.display.figures.figure import Figure, canvas, finish, table_csv
from cordbook.display.figures.forest_narrow import Band, Row, Scale, narrow_forest
from cordbook.display.figures.style import HARM, INK, LIGHTS, MUTED, NATURAL, PREDICTION, TREATED
from cordbook.display.figures.thinning import MOST_STUDIES, shares, with_most_weight
from cordbook.review.appraisal.risk_of_bias import NOT_APPLICABLE
from cordbook.review.estimates.phrases import percent_number
from cordbook.synthesis import ComparedArms, MultilevelEffect, PooledEffect, PooledMean, PooledProportion
from cordbook.synthesis.expected.results import ObservedExpected
from cordbook.synthesis.means.sizes import StudyMean
from cordbook.synthesis.pooling.pooled_rows import PooledRow
from cordbook.synthesis.pooling.two_arm_results import TWO_ARM_MODEL_NAMES
from cordbook.synthesis.regression.subgroups import Subgroups
from cordbook.synthesis.results import MODEL_NAMES, significant, words_of_interval

WIDTH_IN = 6.4
WIDTH_PT = WIDTH_IN * 72
#: Heights in points: a line of text, the room between rows, a row of one line, a row without words.
LINE, ROW_GAP, ONE_LINE, BLANK = 11.6, 4.0, 15.5, 7.0
#: Room between columns, and what stays free at the right end, where other fonts may be wider than ours.
GAP, EDGE = 11.0, 2.0
#: No name takes more of the width than this; a longer one goes on in the next line.
LONGEST_NAME = 150.0
#: The way from one light of risk of bias to the next; the mark of a notice and its room.
LIGHT_STEP, NOTICE_PT, NOTICE_ROOM = 9.0, 7.5, 13.0
SQUARE_MIN_PT, SQUARE_MAX_PT, DIAMOND_PT = 3.2, 9.5, 5.5
#: What fits of the name of an arm over the counts of both.
LONGEST_ARM = 12
#: The weight, in percent, that squares have where studies are not pooled and have none.
PLAIN_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What is known against the studies of a plot, by label: answers to items of risk of bias, and notices.

    ``items`` are pairs of letter and name; ``answers`` has for each study an answer to each item, as
    :data:`cordbook.review.appraisal.risk_of_bias.ANSWERS`; ``noticed`` are the studies with a critical notice on record.
    """

    items: tuple[tuple[str, str], ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    noticed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """A subgroup of a forest plot: its name, its result, and the natural recovery that belongs to it, if known.

    Where it is not ``pooled``, its studies stand side by side, without weights and without a diamond.
    """

    title: str
    result: Result
    natural: PooledProportion | None = None
    pooled: bool = True
    #: Labels of the studies whose people are like those of ``natural``; None for all of them.
    alike: Collection[str] | None = None


def forest_groups(result: Result, found: Subgroups, of_study: Sequence[str]) -> list[ForestGroup]:
    """The groups of a forest plot, as a subgroup analysis of a result found them.

    ``of_study`` is the group of each study of the result, in their order. Studies have the weight that they have in the whole.
    """
    return [ForestGroup(row.label, _part(result, row, of_study)) for row in found.groups]


def _part(result: Result, row: PooledRow, of_study: Sequence[str]) -> Result:
    studies = tuple(study for study, group in zip(result.studies, of_study, strict=True) if group == row.label)
    counted = [name for name in ("events", "n", "events1", "n1", "events2", "n2") if hasattr(result, name)]
    sums = {name: sum(_counted(study, name) for study in studies) for name in counted}
    shown = {name: getattr(row, name) for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "k")}
    return replace(result, studies=studies, **shown, **sums)


def _counted(study: Any, name: str) -> int:
    """What a study counts to a sum over studies: of two groups, those of both."""
    if (own := getattr(study, name, None)) is not None:
        return int(own)
    return sum(int(getattr(study, f"{name}{i}") or 0) for i in (1, 2))


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str  # study, rest, pooled, sum, group, prediction, blank
    label: str
    counts: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    #: Natural recovery of people like these, drawn behind the row.
    behind: PooledProportion | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """Where everything stands, in points: rows with the lines of their names, their heights and tops, and the columns."""

    names: tuple[tuple[str, ...], ...]
    tops: tuple[float, ...]
    body: float
    left: float
    right: float
    lights: float

    @property
    def plot(self) -> tuple[float, float]:
        """The left and the right end of the plot."""
        return self.left + GAP, WIDTH_PT - EDGE - self.right - GAP

    def middle(self, place: int) -> float:
        """The height at which the mark of a row stands: between its first line and its second."""
        return (self.tops[place] + self.tops[place + 1] - ROW_GAP) / 2


def forest_plot(
    result: Result,
    *,
    title: str | None = None,
    groups: Sequence[ForestGroup] = (),
    natural: PooledProportion | None = None,
    natural_label: str = "natural recovery",
    alike: Collection[str] | None = None,
    appraisal: Appraisal | None = None,
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
    """Draw a forest plot of a pooled proportion, of compared arms, of pooled means or of pooled effects.

    Parameters
    ----------
    result
        the pooled result; with ``groups`` it is the overall one at the foot.
    groups
        subgroups, each drawn with its own studies and diamond.
    natural
        natural recovery, drawn as a vertical band behind proportions of like people.
    alike
        labels of the studies whose people are like those of ``natural``: the band stands behind their rows alone. None: behind all.
    appraisal
        lights of risk of bias and marks of notices beside the rows.
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
    rows = _rows(result, groups, pooled, natural, alike)
    appraisal = _within(appraisal or Appraisal(), rows)
    foot = _foot(result, arms, event_is, pooled) if details else []
    look = _look(rows, result, arms, appraisal)
    shown = next((row.behind for row in rows if row.behind is not None), None)
    top = 2 * LINE + 8 + (LINE + 6 if shown is not None else 0)
    under = [line for text in foot for line in wrapped(text, WIDTH_PT - EDGE)]
    height = top + look.body + 36 + 14 * len(under)
    left, right = look.plot
    with canvas(figure_id, WIDTH_IN, height / 72) as drawing:
        below = (36 + 14 * len(under)) / height
        axes = drawing.add_axes((left / WIDTH_PT, below, (right - left) / WIDTH_PT, look.body / height))
        axes.set_ylim(look.body, 0)
        _horizontal_axis(axes, result, rows, right - left, people)
        _bands(axes, rows, look)
        if shown is not None:
            _natural_key(axes, left, -2 * LINE - 8 - 6, _natural_words(shown, natural_label, one=natural is not None))
        if pooled:
            _pooled_line(axes, result)
        for place, row in enumerate(rows):
            _draw(axes, row, look, place, result, links or {}, rest, appraisal)
        _lights(axes, rows, look, appraisal)
        _head(axes, look, _heads(result, arms, rows), appraisal)
        for i, line in enumerate(under):
            _text(axes, 0, look.body + 46 + 14 * i, line, ha="left", colour=MUTED)
        drawn = natural if shown is not None else None
        alt = describe(result, title, drawn, natural_label, people, pooled=pooled) + _describe_groups(groups)
        alt += "".join(f" {text}." for text in foot)
        said = _left_out(rows, rest) + _said_of(appraisal)
        finding = caption or _caption(result, people, pooled) + _key(result, rows, axes, pooled)
        return finish(
            drawing,
            figure_id=figure_id,
            title=title or "Forest plot",
            caption=finding + _beside(natural, groups, rows, natural_label) + said,
            alt=alt + said,
            narrow=_narrow(
                Scale.of(axes), result, rows, natural, natural_label, links or {}, rest, pooled, arms, foot, appraisal
            ),
            data=_data(rows),
        )


def _rows(
    result: Result,
    groups: Sequence[ForestGroup],
    pooled: bool = True,
    natural: PooledProportion | None = None,
    alike: Collection[str] | None = None,
) -> list[_Row]:
    rows: list[_Row] = []
    if groups:
        for group, most in zip(groups, _most(groups), strict=True):
            own = _with_band(_group_rows(group, most), group.natural, group.alike)
            rows += _with_band(own, natural, alike)
        rows.append(_Row("blank", ""))
    else:
        rows += _with_band(_study_rows(result, weighed=pooled), natural, alike)
    if not pooled:
        return [*rows, _sum_row(result, f"All studies (k = {result.k})")]
    what = "effects" if isinstance(result, MultilevelEffect) else "studies"
    total = [_pooled_row(result, f"All {what} (k = {result.k})")]
    rows += total if alike is not None else _with_band(total, natural, None)
    if result.pi_low is not None:
        rows.append(_Row("prediction", "A new study may show", low=result.pi_low, high=result.pi_high))
    return rows


def _with_band(rows: list[_Row], natural: PooledProportion | None, alike: Collection[str] | None) -> list[_Row]:
    """Rows with natural recovery behind those of like people; a pooled row has it where all studies before it do."""
    if natural is None:
        return rows
    names = {row.label for row in rows if row.kind == "study"} if alike is None else set(alike)
    all_alike = all(row.kind != "rest" and row.label in names for row in rows if row.kind in ("study", "rest"))
    behind = {row.label for row in rows if row.label in names or (row.kind == "pooled" and all_alike)}
    return [replace(row, behind=natural) if row.kind in ("study", "pooled") and row.label in behind else row for row in rows]


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
    names = [
        name
        for name in ("events", "n", "events1", "n1", "events2", "n2", "observed", "expected")
        if getattr(others[0], name, None) is not None
    ]
    sums = SimpleNamespace(**{name: sum(getattr(s, name) for s in others) for name in names})
    if isinstance(others[0], StudyMean):
        sums = SimpleNamespace(**{"mean1": None, "n2": None} | vars(sums))
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
    if isinstance(study, PooledMean):
        return str(study.n) if all(s.n1 is not None for s in study.studies) else ""
    if hasattr(study, "n1") and not hasattr(study, "events1"):
        sizes = ["–" if size is None else str(size) for size in (study.n1, study.n2)]
        return sizes[0] if study.n2 is None else " v ".join(sizes)
    if hasattr(study, "expected"):
        return f"{study.observed}/{study.n} v {study.expected:.1f}"
    if hasattr(study, "events1"):
        return f"{study.events1}/{study.n1} v {study.events2}/{study.n2}"
    return f"{study.events}/{study.n}" if hasattr(study, "events") else ""


def _pooled_row(result: Result, label: str) -> _Row:
    return _Row("pooled", label, _counts(result), result.estimate, result.ci_low, result.ci_high)


def _within(appraisal: Appraisal, rows: Sequence[_Row]) -> Appraisal:
    """What is known of the studies that are drawn, without items that apply to none of them."""
    drawn = [row.label for row in rows if row.kind == "study"]
    answers = {label: appraisal.answers[label] for label in drawn if label in appraisal.answers}
    asked = [i for i in range(len(appraisal.items)) if any(given[i] != NOT_APPLICABLE for given in answers.values())]
    return Appraisal(
        tuple((LETTERS[place], appraisal.items[i][1]) for place, i in enumerate(asked)),
        {label: tuple(given[i] for i in asked) for label, given in answers.items()},
        frozenset(label for label in drawn if label in appraisal.noticed),
    )


def _look(rows: Sequence[_Row], result: Result, arms: tuple[str, str], appraisal: Appraisal) -> _Look:
    """Measure the words, so that columns are as wide as they must be and the plot gets all the rest."""
    names = tuple(tuple(_wrapped(row)) for row in rows)
    (name_head, counts_head), right_heads = _heads(result, arms, rows)
    words = [
        text_width(line, bold=_is_bold(row)) + (NOTICE_ROOM if row.label in appraisal.noticed else 0)
        for row, lines in zip(rows, names, strict=True)
        for line in lines
        if row.kind not in ("group", "prediction")  # these may go on over the plot
    ]
    counts = max(text_width(text, bold=True) for text in (counts_head, *(row.counts for row in rows)))
    lights = counts + GAP if appraisal.items else counts
    second = lights + LIGHT_STEP * len(appraisal.items)
    left = max([*words, text_width(name_head, bold=True), second])
    values = [text_width(text, bold=True) for row in rows for text in (_interval_text(row, result), _weight_text(row))]
    right = max([*values, *(text_width(text, bold=True) for text in right_heads)])
    tops = tuple(accumulate((_height(row, lines) for row, lines in zip(rows, names, strict=True)), initial=0.0))
    return _Look(names, tops, tops[-1] + 3, left, right, lights)


def _wrapped(row: _Row) -> list[str]:
    """The name of a row in as many lines as it needs; those of groups may go on over the plot."""
    return wrapped(row.label, LONGEST_NAME if row.kind in ("study", "rest") else WIDTH_PT, bold=_is_bold(row))


def _is_bold(row: _Row) -> bool:
    return row.kind in ("pooled", "sum", "group")


def _height(row: _Row, lines: Sequence[str]) -> float:
    if row.kind == "blank":
        return BLANK
    second = bool(row.counts) or row.weight is not None
    return LINE * (len(lines) + second) + ROW_GAP if second or len(lines) > 1 else ONE_LINE


def _horizontal_axis(axes: Axes, result: Result, rows: Sequence[_Row], width: float, people: str) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    if isinstance(result, PooledProportion):
        limits = [value for row in rows if row.kind in ("pooled", "prediction") for value in (row.high,)]
        limits += [row.behind.ci_high for row in rows if row.behind is not None]
        shares = [row.estimate for row in rows if row.kind == "study" and row.estimate is not None]
        pooled = next((row.estimate for row in reversed(rows) if row.kind == "pooled"), None)
        PercentScale.of(shares, limits, pooled).apply(axes, width, people=people)
    elif (scale := EffectScale.of(result)).kind == "ratio":
        axes.set_xscale("log")
        axes.set_xlim(*_ratio_limits(rows))
        set_ratio_ticks(axes, width)
        axes.axvline(1, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xlabel(f"{capital(scale.name)}, log scale")
    elif isinstance(result, ComparedArms):
        axes.set_xlim(-1, 1)
        axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−100", "−50", "0", "+50", "+100"])
        axes.set_xlabel("Difference in percentage points")
    else:
        axes.set_xlim(*_effect_limits(rows))
        axes.axvline(0, color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xlabel(f"{capital(scale.name)}{f', {scale.unit}' if scale.unit else ''}")


def _studies(result: Result) -> str:
    """How many studies there are, and where they have several effects how many of these."""
    if isinstance(result, MultilevelEffect):
        return f"{result.k_studies} studies with {result.k} effects"
    return "one study" if result.k == 1 else f"{result.k} studies"


def _effect_limits(rows: Sequence[_Row]) -> tuple[float, float]:
    """From the lowest to the highest limit, no effect among them; studies wider than twice the rest go on past the axis."""
    points = [row.estimate for row in rows if row.estimate is not None] + [0.0]
    points += [
        value for row in rows if row.kind in ("pooled", "prediction") for value in (row.low, row.high) if value is not None
    ]
    return ends_of(points, [value for row in rows for value in (row.low, row.high) if value is not None])


def _ratio_limits(rows: Sequence[_Row]) -> tuple[float, float]:
    values = [v for row in rows for v in (row.low, row.estimate, row.high) if v and math.isfinite(v)]
    low, high = max(min(values + [0.5]), 0.01), min(max(values + [2.0]), 300.0)
    return low / 1.15, high * 1.15


def _bands(axes: Axes, rows: Sequence[_Row], look: _Look) -> None:
    """Natural recovery behind the rows of like people, neighbours in one band."""
    for first, last, natural in _runs(rows):
        top, foot = look.tops[first], look.tops[last + 1]
        low, high = _clip(axes, natural.ci_low), _clip(axes, natural.ci_high)
        axes.add_patch(Rectangle((low, top), high - low, foot - top, color=NATURAL, alpha=0.22, linewidth=0, zorder=0))
        axes.plot([natural.estimate] * 2, [top, foot], color=NATURAL, linewidth=1.0, zorder=0.5, solid_capstyle="butt")


def _runs(rows: Sequence[_Row]) -> list[tuple[int, int, PooledProportion]]:
    """Runs of neighbours with the same natural recovery behind them: first row, last row, and which."""
    runs: list[tuple[int, int, PooledProportion]] = []
    for place, row in enumerate(rows):
        if row.behind is None:
            continue
        if runs and runs[-1][1] == place - 1 and runs[-1][2] is row.behind:
            runs[-1] = (runs[-1][0], place, row.behind)
        else:
            runs.append((place, place, row.behind))
    return runs


def _natural_words(natural: PooledProportion, label: str, *, one: bool) -> str:
    """The name of the band, with its numbers where there is but one."""
    mid, low, high = (percent_number(v) for v in (natural.estimate, natural.ci_low, natural.ci_high))
    return f"{label}: {mid}% ({low} to {high})" if one else label


def _natural_key(axes: Axes, x: float, y: float, words: str) -> None:
    """What the band is, over the plot, or further left where it needs the room."""
    x = max(min(x, WIDTH_PT - EDGE - 14 - text_width(words)), 0.0)
    box, width = axes.get_position(), WIDTH_PT
    to = axes.get_yaxis_transform()
    left, wide = ((x / width - box.x0) / box.width, 9 / width / box.width)
    axes.add_patch(Rectangle((left, y - 8), wide, 9, color=NATURAL, alpha=0.22, linewidth=0, transform=to, clip_on=False))
    middle = left + wide / 2
    axes.plot([middle, middle], [y - 8, y + 1], color=NATURAL, linewidth=1.0, transform=to, clip_on=False)
    _text(axes, x + 13, y, words, ha="left", colour=NATURAL)


def _pooled_line(axes: Axes, result: Result) -> None:
    if result.estimate is not None and (EffectScale.of(result).kind != "ratio" or result.estimate > 0):
        axes.axvline(result.estimate, color=TREATED, linewidth=0.7, linestyle=(0, (2, 3)), zorder=0.6)


def _draw(
    axes: Axes, row: _Row, look: _Look, place: int, result: Result, links: Mapping[str, str], rest: str | None, known: Appraisal
) -> None:
    top, lines = look.tops[place], look.names[place]
    bold = "bold" if _is_bold(row) else "normal"
    for i, line in enumerate(lines):
        name = _text(axes, 0, top + LINE * (i + 0.75), line, weight=bold, ha="left")
        # One link a row: a name in two lines is one stop for who goes by keyboard.
        if i == 0 and (href := rest if row.kind == "rest" else links.get(row.label)):
            name.set_url(href)
    if row.label in known.noticed and row.kind == "study":
        _notice(axes, text_width(lines[0]) + NOTICE_ROOM - NOTICE_PT / 2, top + LINE * 0.75 - 3.2)
    if row.kind in ("group", "blank"):
        return
    second, end = top + LINE * (len(lines) + 0.75), WIDTH_PT - EDGE
    _text(axes, 0, second, row.counts, weight=bold, ha="left", colour=INK if bold == "bold" else MUTED)
    if row.kind != "rest":
        _text(axes, end, top + LINE * 0.75, _interval_text(row, result), weight=bold, ha="right")
    _text(axes, end, top + LINE * 1.75, _weight_text(row), colour=MUTED, ha="right")
    y = look.middle(place)
    if row.kind == "study":
        _interval(axes, row, y)
    elif row.kind == "prediction":
        low, high = _clip(axes, row.low), _clip(axes, row.high)
        axes.add_patch(Rectangle((low, y - 2.4), high - low, 4.8, color=PREDICTION, alpha=0.75, linewidth=0))
    elif row.kind == "pooled":
        _diamond(axes, row, y)


def _weight_text(row: _Row) -> str:
    return "" if row.weight is None else f"{row.weight:.1f}"


def _notice(axes: Axes, x: float, y: float) -> None:
    """A triangle, as of a warning, beside the name of a study."""
    at = _share(axes, x)
    axes.plot(
        [at], [y], marker="^", markersize=NOTICE_PT, color=HARM, markeredgewidth=0, transform=axes.get_yaxis_transform(),
        clip_on=False, linestyle="none",
    )  # fmt: skip


def _lights(axes: Axes, rows: Sequence[_Row], look: _Look, known: Appraisal) -> None:
    """Lights under the names, all of one answer as one line of strokes, which takes few bytes."""
    places: dict[str, list[tuple[float, float]]] = {}
    for place, row in enumerate(rows):
        if row.kind == "study" and row.label in known.answers:
            y = look.tops[place] + LINE * (len(look.names[place]) + 0.75) - 3.2
            for i, answer in enumerate(known.answers[row.label]):
                places.setdefault(answer, []).append((look.lights + LIGHT_STEP * (i + 0.5), y))
    for answer, light in LIGHTS.items():
        if at := places.get(answer):
            half = light.length / 2
            xs = [value for x, _ in at for value in (_share(axes, x - half), _share(axes, x + half), math.nan)]
            ys = [value for _, y in at for value in (y, y, math.nan)]
            axes.plot(
                xs, ys, color=light.colour, linewidth=light.width, solid_capstyle=light.cap,
                transform=axes.get_yaxis_transform(), clip_on=False,
            )  # fmt: skip


def _share(axes: Axes, x: float) -> float:
    """A place in points from the left end of the drawing as a share of the plot."""
    box = axes.get_position()
    return (x / WIDTH_PT - box.x0) / box.width


def _text(axes: Axes, x: float, y: float, text: str, *, ha: str, weight: str = "normal", colour: str = INK):
    """Text on a line, both in points: from the left end of the drawing, and down from the first row."""
    return axes.text(
        _share(axes, x), y, text, transform=axes.get_yaxis_transform(), ha=ha, va="baseline", fontweight=weight, color=colour,
        clip_on=False, figure=axes.figure,
    )  # fmt: skip


def _clip(axes: Axes, value: float | None) -> float:
    low, high = axes.get_xlim()
    return min(max(value if value is not None else low, low), high)


def _interval(axes: Axes, row: _Row, y: float) -> None:
    if row.low is None or row.high is None or row.estimate is None:
        return
    start, end = axes.get_xlim()
    axes.plot([_clip(axes, row.low), _clip(axes, row.high)], [y, y], color=INK, linewidth=1.0, solid_capstyle="butt", zorder=2)
    for limit, beyond, marker in ((row.high, row.high > end, 5), (row.low, row.low < start, 4)):
        if beyond:  # the interval goes on past the axis
            axes.plot([_clip(axes, limit)], [y], marker=marker, color=INK, markersize=4, zorder=2, clip_on=False)
    size = SQUARE_MIN_PT + (SQUARE_MAX_PT - SQUARE_MIN_PT) * math.sqrt(_size(row))
    if start <= row.estimate <= end:
        axes.plot([row.estimate], [y], marker="s", markersize=size, color=TREATED, markeredgewidth=0, zorder=3, clip_on=False)


def _size(row: _Row) -> float:
    """Area of a square from 0 to 1, by the weight of its study."""
    return min(PLAIN_WEIGHT if row.weight is None else row.weight, 40.0) / 40.0


def _diamond(axes: Axes, row: _Row, y: float) -> None:
    if row.low is None or row.high is None or row.estimate is None:
        return
    low, mid, high = (_clip(axes, v) for v in (row.low, row.estimate, row.high))
    corners = [(low, y), (mid, y - DIAMOND_PT), (high, y), (mid, y + DIAMOND_PT)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=TREATED, edgecolor=INK, linewidth=0.6, zorder=3, clip_on=False))


def _interval_text(row: _Row, result: Result) -> str:
    show = EffectScale.of(result).text
    parts = [show(v) for v in (row.estimate, row.low, row.high)]
    if row.kind == "prediction":
        return f"{parts[1]} to {parts[2]}"
    if row.kind == "sum":
        return "not pooled"
    if row.kind in ("group", "blank", "rest"):
        return ""
    return f"{parts[0]} ({parts[1]} to {parts[2]})" if row.estimate is not None else "not estimable"


def _foot(result: Result, arms: tuple[str, str], event_is: str | None, pooled: bool) -> list[str]:
    """Sentences under the axis: what each side means, and how the result came about."""
    lines = []
    if isinstance(result, ComparedArms):
        arms = (shortened(arms[0], LONGEST_ARM), shortened(arms[1], LONGEST_ARM))
        left, right = (f"{word} events with {arms[0]}" for word in ("Fewer", "More"))
        if event_is is not None:
            low, high = (1, 0) if event_is == "good" else (0, 1)
            left, right = f"Favours {arms[low]}", f"Favours {arms[high]}"
        lines = [f"← {left}", f"{right} →"]
    if not pooled:
        return lines
    names = TWO_ARM_MODEL_NAMES if isinstance(result, ComparedArms) else MODEL_NAMES
    spread = [f"τ² {significant(result.tau2)}"] if result.tau2 is not None else []
    spread += [f"I² {result.i2:.0f}%"] if result.i2 is not None else []
    model = names.get(result.model, result.model)
    how = "; ".join([capital(model), *spread, f"interval: {words_of_interval(result)}"])
    return [*lines, how]


def _heads(result: Result, arms: tuple[str, str], rows: Sequence[_Row]) -> tuple[tuple[str, str], tuple[str, str]]:
    """The heads of the left and of the right column, two lines each."""
    weighed = any(row.weight is not None for row in rows)
    return ("Study", _counts_head(result, arms)), (_value_head(result), "Weight, %" if weighed else "")


def _head(axes: Axes, look: _Look, heads: tuple[tuple[str, str], tuple[str, str]], known: Appraisal) -> None:
    first, second = -LINE - 8, -8
    for x, ha, (upper, lower) in zip((0, WIDTH_PT - EDGE), ("left", "right"), heads, strict=True):
        for y, text in ((first, upper), (second, lower)):
            _text(axes, x, y, text, ha=ha, weight="bold", colour=MUTED)
    for i, (letter, _) in enumerate(known.items):
        _text(axes, look.lights + LIGHT_STEP * (i + 0.5), second, letter, ha="center", weight="bold", colour=MUTED)


def _counts_head(result: Result, arms: tuple[str, str]) -> str:
    if isinstance(result, PooledEffect | MultilevelEffect):
        return ""
    if isinstance(result, ObservedExpected):
        return "Seen v predicted"
    if isinstance(result, PooledMean):
        return "n" if result.studies[0].n2 is None else "n v n"
    arms = (shortened(arms[0], LONGEST_ARM), shortened(arms[1], LONGEST_ARM))
    return f"{arms[0]} v {arms[1]}" if isinstance(result, ComparedArms) else "Events/n"


def _value_head(result: Result) -> str:
    scale = EffectScale.of(result)
    unit = {"ratio": "ratio", "share": "%", "points": "%"}.get(scale.kind) or scale.unit or "effect"
    return f"{unit} (95% CI)" if result.level == 0.95 else f"{unit} ({result.level:.0%} CI)"


def _narrow(
    scale: Scale, result: Result, rows: Sequence[_Row], natural: PooledProportion | None, natural_label: str,
    links: Mapping[str, str], rest: str | None, pooled: bool, arms: tuple[str, str],
    foot: Sequence[str], known: Appraisal,
) -> str:  # fmt: skip
    """The same rows for a phone."""
    compared = not isinstance(result, PooledProportion)
    shown = [_narrow_row(row, result, links.get(row.label), rest, known) for row in rows]
    bands = [Band(n.ci_low, n.estimate, n.ci_high, first, last) for first, last, n in _runs(rows)]
    behind = next((row.behind for row in rows if row.behind is not None), None)
    name = "" if behind is None else _natural_words(behind, natural_label, one=natural is not None)
    drawn = pooled and result.estimate is not None and (not scale.log or result.estimate > 0)
    line = result.estimate if drawn else None
    null = None if not compared else 1.0 if scale.log else 0.0
    heads = ("Study", _value_head(result), _counts_head(result, arms))
    return narrow_forest(
        shown, scale, heads=heads, natural=name, bands=bands, pooled=line, null=null, foot_words=foot,
        letters=[letter for letter, _ in known.items],
    )  # fmt: skip


def _narrow_row(row: _Row, result: Result, href: str | None, rest: str | None, known: Appraisal) -> Row:
    if row.kind in ("group", "blank"):
        return Row("bare", row.label)
    if row.kind == "rest":
        return Row("bare", row.label, counts=row.counts, href=rest)
    if row.kind == "sum":
        return Row("bare", f"{row.label}, not pooled", counts=row.counts)
    study = row.kind == "study"
    return Row(
        row.kind, row.label, _interval_text(row, result), row.counts, row.low, row.estimate, row.high, _size(row), href,
        lights=known.answers.get(row.label, ()) if study else (), noticed=study and row.label in known.noticed,
    )  # fmt: skip


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
    scale = EffectScale.of(result)
    show, unit = scale.text, f" {scale.unit}" if scale.unit else ""
    name = "percent" if scale.kind == "share" else scale.name
    counted = f", {result.n} {people}" if _counts(result) else ""
    studies = _studies(result) if isinstance(result, MultilevelEffect) else f"{result.k} studies"
    text = f"Forest plot{f', {title}' if title else ''}: {studies}{counted}."
    if pooled:
        text += f" Pooled {name} {show(result.estimate)}{unit} ({level} CI {show(result.ci_low)} to {show(result.ci_high)})."
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
        r, show = group.result, EffectScale.of(group.result).text
        if group.pooled:
            text += f" {group.title}: {show(r.estimate)} ({show(r.ci_low)} to {show(r.ci_high)})"
        else:
            text += f" {group.title}: not pooled, {_span(r, show)}"
        if group.natural is not None:
            text += f", natural recovery {percent_number(group.natural.estimate)}"
        text += "."
    return text


def _caption(result: Result, people: str, pooled: bool) -> str:
    """What is seen: the pooled result and how far studies differ."""
    scale = EffectScale.of(result)
    studies, show = _studies(result), scale.text
    counted = f" of {result.n:,} {people}" if _counts(result) else ""
    name = capital(scale.name)
    unit = {"share": "%", "points": " percentage points"}.get(scale.kind) or (f" {scale.unit}" if scale.unit else "")
    single = [s.estimate for s in result.studies if s.estimate is not None]
    spread = f"{show(min(single))} to {show(max(single))}{unit}" if len(set(single)) > 1 else ""
    if not pooled:
        return f"{capital(studies)}{counted}, not pooled" + (f": they show {spread}." if spread else ".")
    if isinstance(result, PooledProportion) and not result.events:
        return f"None of {result.n:,} {people} in {studies} ({result.level:.0%} CI up to {show(result.ci_high)}%)."
    level = f"{result.level * 100:g}% CI {show(result.ci_low)} to {show(result.ci_high)}"
    text = f"{name} in {studies}{counted}: {show(result.estimate)}{unit} ({level})"
    single_ones = "single effects are" if isinstance(result, MultilevelEffect) else "single studies show"
    text += f"; {single_ones} {spread}." if spread else "."
    if result.pi_low is not None:
        text += f" A new study like these may show {show(result.pi_low)} to {show(result.pi_high)}{unit}."
    return text


def _key(result: Result, rows: Sequence[_Row], axes: Axes, pooled: bool) -> str:
    """What the marks are, briefly."""
    text = f" Lines are {result.level * 100:g}% confidence intervals"
    text += "; larger squares weigh more; the diamond is the pooled result." if pooled else "."
    if any(row.high is not None and row.high > axes.get_xlim()[1] for row in rows if row.kind == "study"):
        text += " An arrow means that the line goes on."
    if axes.get_xscale() == "function":
        text += " The axis is stretched near 0, where most of the studies lie."
    return text


def _beside(natural: PooledProportion | None, groups: Sequence[ForestGroup], rows: Sequence[_Row], natural_label: str) -> str:
    """Behind which rows natural recovery stands, and that people in the others are not like those that it was counted in."""
    if natural is None and not any(group.natural for group in groups):
        return ""
    studies = [row for row in rows if row.kind in ("study", "rest")]
    alike = sum(row.behind is not None for row in studies)
    if not alike:
        return (
            f" {capital(natural_label)} is not drawn: no study here is of people known to be like those that it was counted in."
        )
    if alike == len(studies):
        return f" The green band is {natural_label} of such people, with its confidence interval."
    return (
        f" The green band is {natural_label}, with its confidence interval, behind {alike} of {len(studies)} rows: those of studies"
        " whose people are known to be like those that it was counted in."
    )


def _said_of(known: Appraisal) -> str:
    """The key of the lights, and which studies have a notice."""
    text = ""
    if known.answers and known.items:
        items = ", ".join(f"{letter} {inside(name)}" for letter, name in known.items)
        text += f" Risk of bias: {items}; blue disc yes, orange bar no, grey dot unclear."
    if known.noticed:
        text += (
            f" Triangle: a critical letter, regulator's notice or retraction is on record ({'; '.join(sorted(known.noticed))})."
        )
    return text


def _data(rows: Sequence[_Row]) -> str:
    """What is drawn as CSV, one line for each row."""
    columns = ("kind", "name", "counts", "estimate", "low", "high", "weight_percent")
    shown = [row for row in rows if row.kind != "blank"]
    return table_csv(columns, ((r.kind, r.label, r.counts, r.estimate, r.low, r.high, r.weight) for r in shown))

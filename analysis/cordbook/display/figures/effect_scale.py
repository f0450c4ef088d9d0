"""The scale of a result, for all figures: what its values are called, how they are written, and the axis that they stand on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cordbook.core.text import capital
from cordbook.display.figures.axes import set_ratio_ticks
from cordbook.review.estimates.phrases import percent_number
from cordbook.review.estimates.phrases import ratio as ratio_text
from cordbook.review.scores.phrases import amount
from cordbook.synthesis import ComparedArms, MultilevelEffect, PooledEffect, PooledMean, PooledProportion
from cordbook.synthesis.expected.results import ObservedExpected
from cordbook.synthesis.means.sizes import MEASURE_NAMES as MEAN_NAMES
from cordbook.synthesis.means.sizes import RATIO_MEASURES as MEAN_RATIOS
from cordbook.synthesis.pooling.two_arm_results import MEASURE_NAMES
from cordbook.synthesis.results import significant

Result = PooledProportion | ComparedArms | PooledEffect | PooledMean | MultilevelEffect | ObservedExpected

#: What fits of the name of a unit over the values.
LONGEST_UNIT = 16
#: Ends of an axis of shares that shows how a pooled share moves, in percent: it may be short, since all values lie near each other.
SHARE_ENDS = (2, 5, 10, 20, 40, 60, 80, 100)
#: An axis of ratios spans at least this factor, and beyond these ends nothing is told apart.
LEAST_FACTOR, RATIOS_SHOWN = 3.0, (0.01, 300.0)
#: Ticks of an axis of ratios that spans little, after the usual ones.
FINER_TICKS = (1.5, 0.7, 3, 0.3)
#: Ticks for each inch of an axis of numbers.
TICKS_PER_IN = 1.3


@dataclass(frozen=True, slots=True)
class EffectScale:
    """The scale on which a result is reported.

    ``name`` is what its values are called, ``unit`` what stands behind them (blank for shares and ratios), ``null`` the value of no
    effect, None where there is none.
    """

    kind: Literal["share", "ratio", "points", "number"]
    name: str
    unit: str
    null: float | None
    #: A value as a number for a table; the unit stands in the head.
    text: Callable[[float | None], str]

    @classmethod
    def of(cls, result: Result) -> EffectScale:
        """The scale of a result of any kind.

        >>> from cordbook import compare_arms
        >>> scale = EffectScale.of(compare_arms([4, 6], [123, 306], [11, 29], [139, 303]))
        >>> scale.kind, scale.name, scale.null, scale.words(0.345)
        ('ratio', 'odds ratio', 1.0, '0.34')
        """
        if isinstance(result, PooledProportion):
            return cls("share", "share", "", None, percent_number)
        if isinstance(result, ComparedArms):
            name = MEASURE_NAMES[result.measure]
            if result.measure == "RD":
                return cls("points", name, "", 0.0, difference_text)
            return cls("ratio", name, "", 1.0, ratio_text)
        if isinstance(result, PooledMean):
            unit = shortened(result.unit, LONGEST_UNIT)
            if result.measure in MEAN_RATIOS:
                return cls("ratio", MEAN_NAMES[result.measure], unit, 1.0, amount if unit else significant)
            return cls("number", MEAN_NAMES[result.measure], unit, 0.0, amount if unit else significant)
        if isinstance(result, ObservedExpected):
            return cls("number", "seen less predicted", "of 100 people", 0.0, amount)
        return cls("number", "effect", "", 0.0, significant)

    def words(self, value: float | None) -> str:
        """A value as it stands in a sentence, with its unit."""
        text = self.text(value)
        if self.kind == "share":
            return f"{text}%" if value is not None and math.isfinite(value) else text
        unit = "percentage points" if self.kind == "points" else self.unit
        return f"{text} {unit}" if unit else text

    def of_model(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Effects on the scale of the model, which is the logarithm for ratios, as they are reported."""
        return np.exp(np.asarray(values, dtype=float)) if self.kind == "ratio" else np.asarray(values, dtype=float)

    @property
    def of_errors(self) -> str:
        """What a standard error is one of."""
        return f"the log {self.name}" if self.kind == "ratio" else f"the {self.name}"

    def set_axis(
        self, axes: Axes, values: Sequence[float], limits: Sequence[float] = (), *, people: str, vertical: bool = False
    ) -> None:
        """Set an axis that shows all values, and of the limits of intervals those that do not lie far off."""
        if self.kind == "share":
            _set_shares(axes, [*values, *limits], people, vertical=vertical)
            return
        seen = [value for value in values if math.isfinite(value)] + ([] if self.null is None else [self.null])
        low, high = self._ends(seen, [value for value in limits if math.isfinite(value)])
        if vertical:
            axes.set_ylim(low, high)
            axes.set_ylabel(self.axis_title)
        else:
            axes.set_xlim(low, high)
            axes.set_xlabel(self.axis_title)
        self._set_ticks(axes, vertical=vertical)

    @property
    def axis_title(self) -> str:
        """What stands beside an axis of this scale."""
        if self.kind == "points":
            return "Difference in percentage points"
        return capital(self.name) + (", log scale" if self.kind == "ratio" else f", {self.unit}" if self.unit else "")

    def _ends(self, seen: list[float], limits: list[float]) -> tuple[float, float]:
        if self.kind != "ratio":
            return ends_of(seen, limits)
        least, most = RATIOS_SHOWN
        logs = [[math.log(min(max(v, least), most)) for v in values] for values in (seen, limits)]
        low, high = ends_of(*logs)
        lacking = max(math.log(LEAST_FACTOR) - (high - low), 0.0) / 2
        return math.exp(low - lacking), math.exp(high + lacking)

    def _set_ticks(self, axes: Axes, *, vertical: bool) -> None:
        axis = axes.yaxis if vertical else axes.xaxis
        figure, box = axes.figure, axes.get_position()
        inches = figure.get_figheight() * box.height if vertical else figure.get_figwidth() * box.width
        if self.kind == "ratio":
            (axes.set_yscale if vertical else axes.set_xscale)("log")
            set_ratio_ticks(axes, 72 * inches, vertical=vertical, more=FINER_TICKS)
            return
        axis.set_major_locator(MaxNLocator(nbins=max(2, int(inches * TICKS_PER_IN)), steps=[1, 2, 2.5, 5, 10]))
        if self.kind == "points":
            axis.set_major_formatter(lambda value, _: difference_text(value))


def ends_of(seen: Sequence[float], limits: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest value; limits wider than twice the rest go on past the axis.

    >>> low, high = ends_of([0.0, 1.0], [-9.0, 1.2])
    >>> -0.6 < low < -0.5, 1.2 < high < 1.3
    (True, True)
    """
    low, high = min(seen), max(seen)
    room = (high - low) or 1.0
    low, high = max(min([*limits, low]), low - room / 2), min(max([*limits, high]), high + room / 2)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def difference_text(value: float | None) -> str:
    """A difference of proportions in percentage points with its sign.

    >>> difference_text(-0.123), difference_text(0.0), difference_text(1.0)
    ('−12', '0', '100')
    """
    if value is None:
        return significant(None)
    points = significant(100 * abs(value), 3 if abs(value) >= 0.9995 else 2)
    return f"−{points}" if value < 0 and points != "0" else points


def shortened(name: str, longest: int) -> str:
    """A name as it fits into a head.

    >>> shortened("Methylprednisolone", 12), shortened("placebo", 12)
    ('Methylpredn…', 'placebo')
    """
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def _set_shares(axes: Axes, values: Sequence[float], people: str, *, vertical: bool) -> None:
    need = 100 * max(values)
    end = next((e for e in SHARE_ENDS if e >= need * 1.02), 100) / 100
    ticks = [end * i / 4 for i in range(5)]
    names = [f"{100 * t:g}" for t in ticks]
    if vertical:
        axes.set_ylim(-0.02 * end, 1.03 * end)
        axes.set_yticks(ticks, names)
        axes.set_ylabel(f"Percent of {people}")
    else:
        axes.set_xlim(-0.01 * end, 1.02 * end)
        axes.set_xticks(ticks, names)
        axes.set_xlabel(f"Percent of {people}")

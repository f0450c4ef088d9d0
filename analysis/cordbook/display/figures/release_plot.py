"""What changed from version to version: a table with intervals before and after, and one number through all versions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import NullFormatter, NullLocator

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import FONT_SIZE, MUTED, TREATED
from cordbook.display.html.markup import Html, element, join
from cordbook.display.html.table import CARDS, Table
from cordbook.review.estimates.phrases import ratio
from cordbook.review.versions.causes import Cause
from cordbook.review.versions.diff import EstimateChange
from cordbook.review.versions.history import Point
from cordbook.review.versions.releases import FrozenEstimate
from cordbook.review.versions.words import change_in_words

#: Where estimates have their permanent address, seen from the page of changes.
ESTIMATES_FOLDER = "../estimates"
_WIDTH, _HEIGHT, _PAD = 120, 26, 4
#: Ratios beyond these are drawn at the edge.
_LEAST, _MOST = 0.05, 20.0
_ROW_IN, _WIDTH_IN = 0.34, 5.2

#: Causes that the page lists one by one; a version rarely has as many, and a page with thousands opens slowly.
MOST_CAUSES = 500
#: Of them, those that one estimate leads to.
MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class ChangesTable:
    """The estimates that differ between two versions, with small intervals before and after, conclusions and causes."""

    id: str
    caption: str
    changes: tuple[EstimateChange, ...]

    def __repr__(self) -> str:
        return "\n".join([self.caption, *(_describe(change) for change in self.changes)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> Html:
        """Estimates of their own, subgroups folded, and every cause once, by number; each row is a card on a phone."""
        causes = tuple(dict.fromkeys(cause for change in self.changes for cause in change.causes))
        numbers = {cause: number for number, cause in enumerate(causes, start=1)}
        whole = [change for change in self.changes if "--" not in change.id]
        parts = [change for change in self.changes if "--" in change.id]
        blocks = [self._table(self.id, self.caption, whole, numbers)] if whole else []
        if parts:
            name = f"Subgroups that differ ({len(parts)})"
            table = self._table(f"{self.id}-subgroups", name, parts, numbers)
            blocks.append(element("details", element("summary", name), table, class_="cb-folded"))
        lines = [
            element("li", _arrows(cause.describe()), id=f"{self.id}-why-{number}")
            for cause, number in numbers.items()
            if number <= MOST_CAUSES
        ]
        listed = join(element("p", "Why, by number:"), element("ol", join(*lines), class_="cb-causes"))
        more = len(numbers) - len(lines)
        text = element("p", f"{more:,} more causes are left out here; cordbook diff lists them all.") if more else ""
        return join(*blocks, listed, text)

    def _why(self, numbers: Sequence[int]) -> Html:
        """Links to the causes that are listed, and how many are not."""
        listed = [element("a", number, href=f"#{self.id}-why-{number}") for number in numbers if number <= MOST_CAUSES][
            :MOST_LINKS
        ]
        more = len(numbers) - len(listed)
        return join(*listed, *([f"{more:,} more"] if more else []), between=", ")

    def _table(self, identifier: str, caption: str, changes: Sequence[EstimateChange], numbers: Mapping[Cause, int]) -> Html:
        header = ("Estimate", "Before", "Now", "Both intervals", "Conclusion", "Why")
        rows = tuple(
            (
                element("a", change.title, href=f"{ESTIMATES_FOLDER}/{change.id}.html") if change.after else change.title,
                _format_estimate(change.before),
                _format_estimate(change.after),
                intervals(change.before, change.after),
                "; ".join(_arrows(c.describe()) for c in change.conclusions) or "unchanged",
                self._why([numbers[c] for c in change.causes]),
            )
            for change in changes
        )
        return Table(identifier, caption, header, rows, kind=f"{CARDS} cb-changes").to_html()


def _format_estimate(estimate: FrozenEstimate | None) -> str:
    if estimate is None:
        return "not in this version"
    return f"{estimate.words['short']}; {estimate.k} {'study' if estimate.k == 1 else 'studies'}"


def _describe(change: EstimateChange) -> str:
    moved = f" ({change_in_words(change)})" if change.change is not None and change.moved else ""
    why = "; ".join(c.describe() for c in change.causes)
    return f"{change.id}: {_format_estimate(change.before)} -> {_format_estimate(change.after)}{moved}. Why: {why}"


def _arrows(words: str) -> str:
    return words.replace(" -> ", " → ")


def intervals(before: FrozenEstimate | None, after: FrozenEstimate | None) -> Html:
    """Two intervals on one scale, the older one above and paler: percent from 0 to 100, or a ratio on a log scale."""
    both = [e for e in (before, after) if e is not None and e.estimate is not None]
    if not both:
        return element("span", "not estimable")
    ratios = any(e.kind == "comparison" and e.settings.get("measure") != "RD" for e in both)
    differences = not ratios and any(e.kind == "comparison" for e in both)
    parts = (
        [_line(_place(1.0 if ratios else 0.0, ratios, differences), "cb-interval-null")] if ratios or differences else [_frame()]
    )
    for estimate, y, name in ((before, 9, "old"), (after, 18, "new")):
        if estimate is None or estimate.estimate is None:
            continue
        low, high = (estimate.estimate if v is None else v for v in (estimate.ci_low, estimate.ci_high))
        left, middle, right = (_place(v, ratios, differences) for v in (low, estimate.estimate, high))
        parts.append(element("line", x1=left, x2=right, y1=y, y2=y, class_=f"cb-interval-{name}"))
        parts.append(element("circle", cx=middle, cy=y, r=3, class_=f"cb-point-{name}"))
    scale = (
        "ratio from 0.05 to 20, the line is no difference"
        if ratios
        else "difference from -100% to 100%"
        if differences
        else "0% to 100%"
    )
    label = f"Before: {_format_estimate(before)}. Now: {_format_estimate(after)}. Scale: {scale}."
    box = f"0 0 {_WIDTH} {_HEIGHT}"
    return element("svg", *parts, viewBox=box, width=_WIDTH, height=_HEIGHT, role="img", aria_label=label, class_="cb-intervals")


def _place(value: float, ratios: bool, differences: bool) -> str:
    if ratios:
        share = math.log(min(max(value, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    else:
        share = (value + 1) / 2 if differences else value
    return f"{_PAD + min(max(share, 0.0), 1.0) * (_WIDTH - 2 * _PAD):.1f}"


def _line(x: str, kind: str) -> Html:
    return element("line", x1=x, x2=x, y1=2, y2=_HEIGHT - 2, class_=kind)


def _frame() -> Html:
    """The ends of the scale from 0% to 100%."""
    return join(_line(f"{_PAD}", "cb-interval-null"), _line(f"{_WIDTH - _PAD}", "cb-interval-null"))


def history_figure(points: Sequence[Point]) -> Figure:
    """One estimate through all versions, the oldest above; raises ``ValueError`` where no version could estimate it."""
    drawn = [p for p in points if p.estimate is not None and p.estimate.estimate is not None]
    if not drawn:
        raise ValueError("no version could estimate it, so there is nothing to draw")
    last = drawn[-1].estimate
    assert last is not None
    ratios = last.kind == "comparison" and last.settings.get("measure") != "RD"
    figure_id = f"history-{last.id}"
    height = _ROW_IN * len(drawn) + 0.55
    with canvas(figure_id, _WIDTH_IN, height) as drawing:
        axes = drawing.add_axes((0.17, 0.4 / height, 0.36, 1 - 0.5 / height))
        for y, point in enumerate(drawn):
            e = point.estimate
            assert e is not None
            low, high = (e.estimate if v is None else v for v in (e.ci_low, e.ci_high))
            scale = 1 if ratios else 100
            newest = point is drawn[-1]
            axes.plot([low * scale, high * scale], [y, y], color=TREATED, linewidth=1.6, alpha=1 if newest else 0.75)
            axes.plot([e.estimate * scale], [y], "o", color=TREATED, markersize=5.5, alpha=1 if newest else 0.75)
            axes.annotate(
                f"{e.words['short']}, k = {e.k}",
                (1.04, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=FONT_SIZE - 1,
            )
        axes.set_yticks(range(len(drawn)), [p.version for p in drawn])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(drawn) - 0.4, -0.6)
        axes.spines["left"].set_visible(False)
        if ratios:
            limits = [v for p in drawn for v in (p.estimate.ci_low, p.estimate.ci_high) if v] or [_LEAST, _MOST]  # type: ignore[union-attr]
            axes.set_xscale("log")
            axes.set_xlim(max(min([*limits, 0.5]), _LEAST) / 1.2, min(max([*limits, 2.0]), _MOST) * 1.2)
            ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if axes.get_xlim()[0] <= t <= axes.get_xlim()[1]]
            axes.set_xticks(ticks, [ratio(t) for t in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.axvline(1, color=MUTED, linewidth=0.8, zorder=0)
        else:
            low = -100 if last.kind == "comparison" else 0
            axes.set_xlim(low, 100)
            axes.set_xticks([low, (low + 100) / 2, 100], [f"{low}%", f"{(low + 100) / 2:.0f}%", "100%"])
        axes.tick_params(axis="x", labelsize=FONT_SIZE - 1, labelcolor=MUTED)
        text = "; ".join(f"version {p.version}: {p.estimate.words['full']}" for p in drawn)  # type: ignore[union-attr]
        return finish(
            drawing,
            figure_id=figure_id,
            title=f"{last.title}: from version to version",
            caption="Each line is one version of this review, the newest at the bottom, with its 95% interval.",
            alt=f"{last.title} in {len(drawn)} versions. {text}.",
        )

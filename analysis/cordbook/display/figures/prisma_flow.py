"""The PRISMA 2020 flow diagram, drawn upright so that a phone shows it whole. Steps not taken are dashed and have no number."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from cordbook.display.figures.figure import Figure, canvas, finish
from cordbook.display.figures.style import INK, MUTED
from cordbook.review.reporting.prisma_flow import DatabaseFlow, StudyFlow, open_steps

WIDTH_IN = 3.4
FONT_PT, LINE_IN, PAD_IN, GAP_IN, EDGE_IN = 8.0, 0.148, 0.06, 0.14, 0.02
COLUMN_IN = (WIDTH_IN - 2 * EDGE_IN - GAP_IN) / 2
#: Letters of the text size that fit into an inch of a box.
LETTERS_AN_INCH = 16
#: Reasons that the diagram names; the table beside it names all.
MOST_REASONS = 5
NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class _Box:
    """A box of the diagram: lines of text, the first in bold; ``taken`` is False for a step that has not been taken."""

    lines: tuple[str, ...]
    taken: bool = True


def prisma_flow(flow: StudyFlow, *, figure_id: str = "prisma-flow") -> Figure:
    """Draw the flow of studies; ``flow`` comes from :func:`cordbook.review.reporting.prisma_flow.study_flow`."""
    flow.check()
    left, right = _database_boxes(flow.databases), _other_boxes(flow)
    down, before = _down_boxes(flow), _previous_box(flow)
    top = EDGE_IN + _height(before) + GAP_IN + LINE_IN + 0.1
    upper = max(_stack_height(left), _stack_height(right))
    height = top + upper + GAP_IN + sum(max(_height(a), _height(b) if b else 0) + GAP_IN for a, b in down)
    with canvas(figure_id, WIDTH_IN, height) as drawing:
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDTH_IN)
        axes.set_ylim(height, 0)
        axes.axis("off")
        second = EDGE_IN + COLUMN_IN + GAP_IN
        for x, heading in ((EDGE_IN, "Databases and registers"), (second, "Other methods")):
            axes.text(x, top - 0.1, heading, fontsize=FONT_PT, fontweight="bold", color=MUTED, va="bottom")
        _draw_box(axes, before, EDGE_IN, EDGE_IN, WIDTH_IN - 2 * EDGE_IN)
        _draw_stack(axes, left, EDGE_IN, top, top + upper + GAP_IN)
        _draw_stack(axes, right, second, top, top + upper + GAP_IN)
        y = top + upper + GAP_IN
        for i, (main, side) in enumerate(down):
            row = max(_height(main), _height(side) if side else 0)
            _draw_box(axes, main, EDGE_IN, y, COLUMN_IN if side else WIDTH_IN - 2 * EDGE_IN)
            if side:
                _draw_box(axes, side, second, y, COLUMN_IN)
                middle = y + min(_height(main), _height(side)) / 2
                _arrow(axes, (EDGE_IN + COLUMN_IN, middle), (second, middle))
            if i + 1 < len(down):
                _arrow(axes, (EDGE_IN + COLUMN_IN / 2, y + _height(main)), (EDGE_IN + COLUMN_IN / 2, y + row + GAP_IN))
            y += row + GAP_IN
        return finish(
            drawing,
            figure_id=figure_id,
            title="How study reports came in, and what became of them",
            caption=(
                "Flow diagram after PRISMA 2020. Dashed boxes are steps that have not been taken yet; they have no number. "
                "Every number is counted from the tables of data/."
            ),
            alt=describe_flow(flow),
        )


def _database_boxes(d: DatabaseFlow) -> list[_Box]:
    kinds = [(kind, name, hits) for name, kind, hits in d.sources]
    if not d.searched:
        databases, registers = (sum(kind == k for kind, _, _ in kinds) for k in ("database", "register"))
        first = _Box(
            _wrapped(
                "Records identified",
                f"{_count(databases, 'database')}: not yet searched",
                f"{_count(registers, 'register')}: not yet searched",
            ),
            taken=False,
        )
        names = ("Duplicates removed", "Records screened", "Reports sought", "Reports assessed")
        return [first, *(_Box(_wrapped(name, "not yet"), taken=False) for name in names)]
    found = [f"{name}: {hits:,}" if hits is not None else f"{name}: not yet searched" for _, name, hits in kinds]
    waiting = [f"Waiting: {d.waiting:,}"] if d.waiting else []
    to_assess = [f"To be assessed: {d.to_assess:,}"] if d.to_assess else []
    to_extract = [f"Included, to be extracted: {d.to_extract:,}"] if d.to_extract else []
    sources = [f"{name}: {n:,}" for name, n in d.by_source[:MOST_REASONS]]
    sources += [f"Other sources: {rest:,}"] if (rest := sum(n for _, n in d.by_source[MOST_REASONS:])) else []
    return [
        _Box(_wrapped(f"Records identified: {d.identified:,}", *found)),
        _Box(_wrapped(f"Duplicates removed: {d.duplicates:,}", *([f"In the review already: {d.known:,}"] if d.known else []))),
        _Box(_wrapped(f"Records screened: {d.screened:,}", f"Excluded: {d.excluded:,}", *waiting)),
        _Box(_wrapped(f"Reports sought: {d.sought:,}", f"Not retrieved: {d.not_retrieved:,}", *to_assess)),
        _Box(_wrapped(f"Reports assessed: {d.assessed:,}", *_some(d.excluded_reports, "Excluded"), *to_extract)),
        _Box(_wrapped(f"Studies included: {d.included:,}", *sources)),
    ]


def _other_boxes(flow: StudyFlow) -> list[_Box]:
    found = _Box(_wrapped(f"Study reports: {flow.by_other_methods:,}", f"found by {flow.other_methods}"))
    listed = flow.listed
    if listed is None:
        return [found, _Box(_wrapped("Not included", "what was looked at and not taken was not logged"), taken=False)]
    unlogged = ["what earlier look-ups left out was not logged"] if flow.by_other_methods > (listed.included or 0) else []
    reasons = _some(listed.excluded_reports, "Excluded") if listed.excluded_reports else ["Excluded: 0"]
    early = [f"Excluded by title or abstract: {listed.excluded:,}"] if listed.excluded else []
    return [
        found,
        _Box(
            _wrapped(f"Listed and screened: {listed.screened:,}", *early, *reasons, *map(_counted, open_steps(listed)), *unlogged)
        ),
    ]


def _counted(step: tuple[str, int]) -> str:
    return f"{step[0]}: {step[1]:,}"


def _previous_box(flow: StudyFlow) -> _Box:
    if flow.since is None:
        none = "No version with other data came before, so every report is new."
        return _Box(_wrapped("Previous version: none", none, wide=True), taken=False)
    return _Box(_wrapped(f"Previous version {flow.since.version}: {flow.since.studies:,} study reports", wide=True))


def _down_boxes(flow: StudyFlow) -> list[tuple[_Box, _Box | None]]:
    out = sum(n for _, n in flow.left_out)
    since = flow.since
    found, other = flow.databases.included or 0, flow.by_other_methods
    if since:
        found, other = since.by_databases, since.by_other_methods
    ways = f"by databases and registers: {found:,}; by other methods: {other:,}"
    if not flow.databases.searched:
        ways = "all by other methods; no database or register has been searched"
    gone = f", of which {since.gone:,} no longer stand" if since and since.gone else ""
    kept = [f"{since.studies:,} of version {since.version}{gone}, and the {since.new:,} new"] if since else []
    return [
        (_Box(_wrapped(f"New study reports: {found + other:,}", ways, wide=True)), None),
        (_Box(_wrapped(f"Study reports in the data: {flow.studies:,}", *kept, wide=True)), None),
        (
            _Box(_wrapped(f"With a countable outcome: {flow.with_counts:,}")),
            _Box(_wrapped(f"Without: {flow.without_counts:,}", "no events of patients were seen")),
        ),
        (
            _Box(_wrapped(f"In at least one synthesis: {flow.in_synthesis:,}")),
            _Box(_wrapped(f"In none: {out:,}", *_some(flow.left_out, None))),
        ),
    ]


def _some(reasons: Sequence[tuple[str, int]], head: str | None) -> list[str]:
    """The most frequent reasons, the rest added up."""
    lines = [f"{head}: {sum(n for _, n in reasons):,}"] if head else []
    lines += [f"{reason}: {n:,}" for reason, n in reasons[:MOST_REASONS]]
    rest = sum(n for _, n in reasons[MOST_REASONS:])
    return [*lines, f"Other reasons: {rest:,}"] if rest else lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wrapped(*lines: str, wide: bool = False) -> tuple[str, ...]:
    width = WIDTH_IN - 2 * EDGE_IN if wide else COLUMN_IN
    letters = int((width - 2 * PAD_IN) * LETTERS_AN_INCH)
    # A number stays with the word before it, and what goes on is indented; an ordinary blank would be dropped in SVG.
    head, *rest = (re.sub(r" (?=[\d,]+$)", NO_BREAK, line) for line in lines)
    parts = [part for line in rest for part in textwrap.wrap(line, letters, subsequent_indent=2 * NO_BREAK)]
    return ("\n".join(textwrap.wrap(head, letters - 2)), *parts)


def _line_count(box: _Box) -> int:
    return sum(line.count("\n") + 1 for line in box.lines)


def _height(box: _Box) -> float:
    return LINE_IN * _line_count(box) + 2 * PAD_IN


def _stack_height(boxes: Sequence[_Box]) -> float:
    return sum(_height(b) for b in boxes) + GAP_IN * (len(boxes) - 1)


def _draw_stack(axes: Axes, boxes: Sequence[_Box], x: float, y: float, end: float) -> None:
    for i, box in enumerate(boxes):
        _draw_box(axes, box, x, y, COLUMN_IN)
        bottom = y + _height(box)
        y = bottom + GAP_IN
        last = i + 1 == len(boxes)
        _arrow(axes, (x + COLUMN_IN / 2, bottom), (x + COLUMN_IN / 2, end if last else y), dashed=not box.taken)


def _draw_box(axes: Axes, box: _Box, x: float, y: float, width: float) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, _height(box), boxstyle="round,pad=0,rounding_size=0.04", facecolor="none",
            edgecolor=INK if box.taken else MUTED, linewidth=0.9, linestyle="solid" if box.taken else (0, (3, 2)),
        )
    )  # fmt: skip
    at = y + PAD_IN
    for i, part in enumerate(box.lines):
        for line in part.split("\n"):
            axes.text(
                x + PAD_IN, at + LINE_IN * 0.78, line, fontsize=FONT_PT, va="baseline",
                fontweight="bold" if i == 0 else "normal", color=INK if box.taken else MUTED,
            )  # fmt: skip
            at += LINE_IN


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], *, dashed: bool = False) -> None:
    style = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.9, "mutation_scale": 6, "shrinkA": 1, "shrinkB": 1}
    axes.annotate("", xy=end, xytext=start, arrowprops=style | ({"linestyle": "dashed"} if dashed else {}))


def _describe_listed(listed: DatabaseFlow | None) -> str:
    if listed is None:
        return ""
    out = [*([("by title or abstract", listed.excluded)] if listed.excluded else []), *listed.excluded_reports[:MOST_REASONS]]
    reasons = f" ({', '.join(f'{reason.lower()} {n:,}' for reason, n in out)})" if out else ""
    waiting = "".join(f"; {name.lower()}: {n:,}" for name, n in open_steps(listed))
    excluded = listed.excluded + sum(n for _, n in listed.excluded_reports)
    return (
        f" Of what they found {listed.screened:,} records were listed and screened: {excluded:,} excluded{reasons}, "
        f"{listed.included:,} study reports in the data{waiting}."
    )


def describe_flow(flow: StudyFlow) -> str:
    """The alternative text: every number of the diagram in sentences."""
    d = flow.databases
    if d.searched:
        text = (
            f"Flow of studies after PRISMA 2020. Searches returned {d.identified:,} records; {d.duplicates:,} duplicates were removed, "
            f"{d.known:,} were of studies in the review already, "
            f"{d.screened:,} screened, {d.excluded:,} excluded, {d.waiting:,} wait. {d.sought:,} reports were sought, {d.not_retrieved:,} not "
            f"retrieved, {d.assessed:,} assessed, {d.to_assess:,} wait to be assessed; {d.included:,} studies were included and {d.to_extract:,} wait to be extracted."
        )
    else:
        text = "Flow of studies after PRISMA 2020. No database and no register has been searched yet, so these boxes are empty."
    if d.by_source:
        text += " Studies included by source: " + ", ".join(f"{name} {n:,}" for name, n in d.by_source[:MOST_REASONS]) + "."
    s = flow.since
    if s is None:
        text += " No version with other data came before, so every report is new."
    else:
        text += (
            f" Version {s.version} held {s.studies:,} study reports, of which {s.gone:,} no longer stand; {s.new:,} are new, "
            f"{s.by_databases:,} by databases and registers and {s.by_other_methods:,} by other methods."
        )
    out = sum(n for _, n in flow.left_out)
    reasons = ", ".join(f"{reason.lower()} {n:,}" for reason, n in flow.left_out[:MOST_REASONS])
    return (
        f"{text} Other methods found {flow.by_other_methods:,} study reports.{_describe_listed(flow.listed)} Of {flow.studies:,} study reports in the data, {flow.with_counts:,} have a "
        f"countable outcome and {flow.without_counts:,} have none; {flow.in_synthesis:,} are in at least one synthesis and {out:,} in none"
        + (f" (most often: {reasons})." if reasons else ".")
    )

"""Figures of a pooled result and its further analyses: the forest plot in the file that was named, the others beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cordbook.cli.further import Found, Rows
from cordbook.errors import NotWritten, UsageError, refused

if TYPE_CHECKING:
    from cordbook.display.figures.figure import Figure

ARM_1, ARM_2 = "Arm 1", "arm 2"
PEOPLE = "participants"


def draw(result: Any, args: argparse.Namespace, rows: Rows | None, analyses: Sequence[Found]) -> None:
    """Write the forest plot to ``--plot`` and each further figure beside it; those are named on standard error."""
    path = Path(args.plot)
    _save(_forest(result, args, rows, analyses), path)
    beside = []
    for found in analyses:
        for name, figure in _figures(found, result, rows, args):
            beside.append(path.with_name(f"{path.stem}-{name}{path.suffix}"))
            _save(figure, beside[-1])
    if beside:
        print(f"cordbook: drawn {', '.join(map(str, (path, *beside)))}", file=sys.stderr)


def _save(figure: Figure, path: Path) -> None:
    try:
        figure.save(path)
    except OSError as error:
        raise UsageError(refused(NotWritten(error.errno, error.strerror, str(path)))) from error


def _forest(result: Any, args: argparse.Namespace, rows: Rows | None, analyses: Sequence[Found]) -> Figure:
    # Imported here because Matplotlib takes longer to load than everything else together.
    from cordbook.display.figures.forest import forest_groups, forest_plot

    arms = (getattr(args, "label1", ARM_1), getattr(args, "label2", ARM_2))
    shown = getattr(result, "unpooled", result)  # studies side by side are drawn without their average
    groups: list[Any] = []
    for found in analyses:
        if found.option == "by" and rows is not None:
            groups = forest_groups(shown, found.result, rows.columns[str(found.column)])
    return forest_plot(shown, groups=groups, arms=arms, event_is=getattr(args, "event_is", None), pooled=shown is result)


def _figures(found: Found, result: Any, rows: Rows | None, args: argparse.Namespace) -> list[tuple[str, Figure]]:
    from cordbook.display.figures import diagnostics as draw

    assert rows is not None, "what was analysed has rows"
    words: dict[str, Any] = {"title": "all studies"}
    if found.option == "leave_one_out":
        return [
            (
                "leave-one-out",
                draw.leave_one_out_plot(result, found=found.result, people=PEOPLE, figure_id="leave-one-out", **words),
            )
        ]
    if found.option == "cumulative":
        return [("cumulative", draw.cumulative_plot(result, found=found.result, people=PEOPLE, figure_id="cumulative", **words))]
    if found.option == "influence":
        foot = (f"Judged on the scale of the {found.scale}.",)
        return [("influence", draw.baujat_plot(result, found=found.result, way="", foot=foot, figure_id="influence", **words))]
    if found.option == "bias" and found.results["funnel"] is not None:
        return [("funnel", _funnel(found, result, rows))]
    if found.option == "moderators":
        return _regression(found, result, rows)
    if found.option == "bayes":
        from cordbook.display.figures.curves.posterior import posterior_plot

        return [("bayes", posterior_plot(found.result, result, people=PEOPLE, figure_id="bayes", **words))]
    return []


def _funnel(found: Found, result: Any, rows: Rows) -> Figure:
    from cordbook.display.figures.diagnostics import effect_funnel_plot, funnel_plot

    if rows.kind == "proportions":
        foot = (
            f"Grey: where {result.level:.0%} of studies of a size lie if they differ by chance alone around the pooled share.",
        )
        return funnel_plot(result, title="all studies", figure_id="funnel", people=PEOPLE, foot=foot)
    filled = found.results.get("trim_and_fill")
    added = () if filled is None else filled.filled
    return effect_funnel_plot(result, found.results["funnel"], title="all studies", figure_id="funnel", filled=added)


def _regression(found: Found, result: Any, rows: Rows) -> list[tuple[str, Figure]]:
    """A line with the studies for one moderator of numbers where each row is a study, else the coefficients."""
    from cordbook.display.figures.diagnostics import bubble_plot, coefficient_plot

    columns = list(found.column or ())
    values = rows.values(columns[0])
    if rows.cluster is not None or len(columns) > 1 or not all(isinstance(value, float) for value in values):
        unit = getattr(result, "unit", "") if not rows.is_ratio else ""
        figure = coefficient_plot(
            found.result,
            scale=found.scale,
            unit=unit,
            columns=columns,
            references=getattr(found.result, "references", {}),
            title="all studies",
            figure_id="regression",
        )
        return [("regression", figure)]
    slope = found.result.coefficient(columns[0])
    foot = (
        f"Line of the meta-regression with its {found.result.level:.0%} confidence interval; p = {slope.p:.2g} for the slope.",
    )
    figure = bubble_plot(
        result, values, name=columns[0], title="all studies", figure_id="regression", found=found.result, people=PEOPLE, foot=foot
    )  # fmt: skip
    return [("regression", figure)]

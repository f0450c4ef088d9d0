"""What `cordbook pool` and `cordbook compare` have in common: options, exit codes, printing and drawing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cordbook.cli.further import Found, Rows, add_options, analyse, in_words
from cordbook.cli.option_words import as_options
from cordbook.cli.table import DataError
from cordbook.core.columns import aligned
from cordbook.errors import CordbookError

MARK = "*"
CORRECTED = f"{MARK} with 1/2 added to the four cells, since an arm has no events or nothing but events"
WORKED_OUT = f"{MARK} a mean, SD or correlation that is not reported as it stands; the notes say how it came about"
FILE_HELP = "a table with one row per study: CSV in UTF-8, separated by commas, semicolons, tabs or bars, with column names in its first line; - reads standard input"


def add_common_options(parser: argparse.ArgumentParser, intervals: Sequence[str]) -> None:
    """Options of every pooling command."""
    parser.add_argument("--ci", choices=intervals, help="confidence interval; by default the one that suits the model")
    parser.add_argument("--level", type=_level, default=0.95, help="coverage of the intervals, between 0 and 1 (default: 0.95)")
    parser.add_argument(
        "--hksj-floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep a Hartung-Knapp interval from being narrower than that of the common-effect model (default: yes)",
    )
    parser.add_argument("--json", action="store_true", help="print the full result as JSON")
    parser.add_argument(
        "--plot", type=figure_file, metavar="OUT.svg|.png|.pdf",
        help="also draw a forest plot into this file, with --by its groups; further analyses are drawn beside it: OUT-leave-one-out, "
        "OUT-cumulative, OUT-influence, OUT-funnel (--bias), OUT-regression (--moderators) and OUT-bayes",
    )  # fmt: skip
    add_options(parser)


def run_guarded(work: Callable[[], tuple[Any, Rows | None]], args: argparse.Namespace) -> int:
    """Compute a result and what is asked of its rows, print and draw all; what the statistics say against the data is in the words of the options."""
    try:
        result, rows = work()
        analyses = analyse(args, rows, result) if rows is not None else []
    except CordbookError:
        raise
    # A RuntimeError is a fit that does not settle: the data are at its root, and its message says so.
    except (ValueError, RuntimeError) as error:
        raise DataError(as_options(str(error), args)) from error
    result = _in_options(result, args)
    if args.plot or not args.json:
        rows, read = in_words(args, rows, result, analyses)
        read = _found_in_options(read, args)
    if args.plot:
        from cordbook.cli.further_figures import draw

        draw(result, args, rows, read)
    print(_as_json(result, _found_in_options(analyses, args)) if args.json else _as_text(result, rows, read))
    return 0


def _found_in_options(analyses: Sequence[Found], args: argparse.Namespace) -> list[Found]:
    return [
        replace(
            found,
            results={name: _in_options(made, args) for name, made in found.results.items()},
            notes=tuple(as_options(note, args) for note in found.notes),
        )
        for found in analyses
    ]


def _in_options(result: Any, args: argparse.Namespace) -> Any:
    return replace(result, notes=tuple(as_options(note, args) for note in result.notes)) if hasattr(result, "notes") else result


def _as_json(result: Any, analyses: Sequence[Found]) -> str:
    further = {"analyses": {found.option: found.to_dict() for found in analyses}} if analyses else {}
    return json.dumps(result.to_dict() | further, indent=2, allow_nan=False)


def _as_text(result: Any, rows: Rows | None, analyses: Sequence[Found]) -> str:
    from cordbook.cli.further_text import texts_of

    return "\n\n".join([human_text(result), *(texts_of(analyses, rows, result) if rows is not None else [])])


def with_notes(result: Any, notes: Sequence[str]) -> Any:
    """The result with what there is to say of the table it came from."""
    return replace(result, notes=(*result.notes, *notes))


def human_text(result: Any) -> str:
    """The summary of a result and, under it, its study table."""
    return f"{result.summary()}\n\n{study_table(result)}"


def study_table(result: Any) -> str:
    """The studies of a result as aligned text: counts, effect with interval, weight; what a mark means stands below."""
    from cordbook.synthesis.results import significant

    two_arms = hasattr(result.studies[0], "events2")
    header = ["study", *_counted(result.studies[0])[0], "estimate", f"{result.level * 100:g}% CI", "weight"]
    rows, notes = [header], set()
    for study in result.studies:
        counts = _counted(study)[1]
        corrected = two_arms and result.measure != "RD" and study.has_empty_cell and study.estimate is not None
        worked_out = bool(getattr(study, "derived", ""))
        notes |= {CORRECTED} if corrected else {WORKED_OUT} if worked_out else set()
        interval = "" if study.estimate is None else f"{significant(study.ci_low)} to {significant(study.ci_high)}"
        weight = "" if study.weight is None else f"{study.weight:.1f}%"
        rows.append([study.label, *counts, significant(study.estimate) + MARK * (corrected or worked_out), interval, weight])
    # The name reads from the left, numbers line up on the right.
    return "\n".join([aligned(rows, right=range(1, len(header))), *notes])


def _counted(study: Any) -> tuple[list[str], list[str]]:
    """The heads and texts of what a study counted or measured; nothing for effects."""
    if hasattr(study, "mean1"):
        groups = [_measured(study.mean1, study.sd1, study.n1)]
        two = study.n2 is not None
        heads = ["group 1: mean (SD), n", "group 2: mean (SD), n"] if two else ["mean (SD), n"]
        return heads, [*groups, _measured(study.mean2, study.sd2, study.n2)] if two else groups
    if hasattr(study, "events2"):
        return ["arm 1", "arm 2"], [f"{study.events1}/{study.n1}", f"{study.events2}/{study.n2}"]
    return (["events"], [f"{study.events}/{study.n}"]) if hasattr(study, "events") else ([], [])


def _measured(mean: float | None, sd: float | None, n: int) -> str:
    shown = ["not known" if value is None else f"{value:.4g}" for value in (mean, sd)]
    return f"{shown[0]} ({shown[1]}), {n}"


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if 0 < value < 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1; for 95% write 0.95")


def svg_file(text: str) -> str:
    """The name of a figure that is written as SVG."""
    if text.lower().endswith(".svg"):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} does not end in .svg, the format of the figures")


def figure_file(text: str) -> str:
    """The name of a figure, whose ending tells its format."""
    if text.lower().endswith((".svg", ".png", ".pdf")):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} does not end in .svg, .png or .pdf, the formats of the figures")

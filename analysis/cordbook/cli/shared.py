"""What `cordbook pool` and `cordbook compare` have in common: options, exit codes, printing and plotting."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cordbook.cli.table import DataError
from cordbook.core.columns import aligned
from cordbook.errors import CordbookError, NotWritten, UsageError, refused

ARM_1, ARM_2 = "Arm 1", "arm 2"
MARK = "*"
CORRECTED = f"{MARK} with 1/2 added to the four cells, since an arm has no events or nothing but events"
WORKED_OUT = f"{MARK} a mean, SD or correlation that is not reported as it stands; the notes say how it came about"
# Arguments of the library that are options here, where a command has them; columns of counts are named otherwise.
CHOICES = frozenset({"measure", "model", "ci", "level", "hksj_floor", "double_zero", "average", "rho"})
# An argument as the library writes it: model='mh', ci = 'hksj', hksj_floor=True, level = 95.
ARGUMENT = re.compile(r"\b(?P<name>[a-z]\w*) ?= ?(?:'(?P<word>[^']*)'|(?P<bare>True|False|-?\d+(?:\.\d+)?))")

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
    parser.add_argument("--plot", type=svg_file, metavar="OUT.svg", help="also draw a forest plot into this file")


def run_guarded(work: Callable[[], Any], args: argparse.Namespace) -> int:
    """Compute a result, print it and draw it; what the statistics say against the data is raised in the words of the options."""
    try:
        result = work()
    except CordbookError:
        raise
    # A RuntimeError is a fit that does not settle: the data are at its root, and its message says so.
    except (ValueError, RuntimeError) as error:
        raise DataError(as_options(str(error), args)) from error
    result = replace(result, notes=tuple(as_options(note, args) for note in result.notes))
    if args.plot:
        try:
            _draw(result, args)
        except OSError as error:
            raise UsageError(refused(NotWritten(error.errno, error.strerror, str(args.plot)))) from error
    print(json.dumps(result.to_dict(), indent=2, allow_nan=False) if args.json else human_text(result))
    return 0


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


def as_options(text: str, args: argparse.Namespace) -> str:
    """A message of the library in the words of the command line: ``model='mh'`` is ``--model mh`` there.

    >>> as_options("use measure='RD', or hksj_floor=True", argparse.Namespace(measure="OR", hksj_floor=False))
    'use --measure RD, or --hksj-floor'
    """

    def option(found: re.Match[str]) -> str:
        name, value = found["name"], found["word"] or found["bare"]
        if name not in CHOICES or name not in vars(args):
            return found[0]
        flag = name.replace("_", "-")
        return {"True": f"--{flag}", "False": f"--no-{flag}"}.get(value, f"--{flag} {value}")

    return ARGUMENT.sub(option, text)


def _draw(result: Any, args: argparse.Namespace) -> None:
    # Imported here because Matplotlib takes longer to load than everything else together.
    from cordbook.display.figures.forest import forest_plot

    arms = (getattr(args, "label1", ARM_1), getattr(args, "label2", ARM_2))
    shown = getattr(result, "unpooled", result)  # studies side by side are drawn without their average
    forest_plot(shown, arms=arms, event_is=getattr(args, "event_is", None), pooled=shown is result).save(Path(args.plot))


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if 0 < value < 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1; for 95% write 0.95")


def svg_file(text: str) -> str:
    if text.lower().endswith(".svg"):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} does not end in .svg, the format of the figures")

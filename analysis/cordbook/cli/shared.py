"""What `cordbook pool` and `cordbook compare` have in common: options, exit codes, printing and plotting."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cordbook.cli.table import DataError, ReadError

EXIT_DATA = 1
EXIT_USAGE = 2

FILE_HELP = "a table with one row a study: CSV in UTF-8, separated by commas, semicolons or tabs, with column names in its first line; - reads standard input"


def add_common_options(parser: argparse.ArgumentParser, intervals: Sequence[str]) -> None:
    """Options of every pooling command."""
    parser.add_argument("--ci", choices=intervals, help="confidence interval; by default the one that suits the model")
    parser.add_argument("--level", type=_level, default=0.95, help="coverage of the intervals, between 0 and 1 (default: 0.95)")
    parser.add_argument("--json", action="store_true", help="print the full result as JSON")
    parser.add_argument("--plot", type=_svg, metavar="OUT.svg", help="also draw a forest plot into this file")


def run_guarded(work: Callable[[], Any], args: argparse.Namespace) -> int:
    """Compute a result, print it and draw it; turn what is wrong into one message on stderr and an exit code."""
    try:
        result = work()
    except ReadError as error:
        return _fail(str(error), EXIT_USAGE)
    # A RuntimeError is a fit that does not settle: the data are at its root, and its message says so.
    except (DataError, ValueError, RuntimeError) as error:
        return _fail(str(error), EXIT_DATA)
    if args.plot:
        try:
            _draw(result, args.plot)
        except OSError as error:
            return _fail(
                f"{args.plot} cannot be written: {error.strerror}. Check that the folder is there and can be written to.",
                EXIT_USAGE,
            )
    print(json.dumps(result.to_dict(), indent=2, allow_nan=False) if args.json else human_text(result))
    return 0


def human_text(result: Any) -> str:
    """The summary of a result and, under it, its study table."""
    return f"{result.summary()}\n\n{study_table(result)}"


def study_table(result: Any) -> str:
    """The studies of a result as aligned text: counts, effect with interval, weight."""
    two_arms = hasattr(result.studies[0], "events2")
    header = ["study", *(["arm 1", "arm 2"] if two_arms else ["events"]), "estimate", f"{result.level * 100:g}% CI", "weight"]
    rows = [header]
    for study in result.studies:
        counts = [f"{study.events1}/{study.n1}", f"{study.events2}/{study.n2}"] if two_arms else [f"{study.events}/{study.n}"]
        interval = f"{study.ci_low:.3f} to {study.ci_high:.3f}"
        weight = "" if study.weight is None else f"{study.weight:.1f}%"
        rows.append([study.label, *counts, f"{study.estimate:.3f}", interval, weight])
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    # The name reads from the left, numbers line up on the right.
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _draw(result: Any, path: str) -> None:
    # Imported here because Matplotlib takes longer to load than everything else together.
    from cordbook.figures.forest import forest_plot

    forest_plot(result).save(Path(path))


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if 0 < value < 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1; for 95% write 0.95")


def _svg(text: str) -> str:
    if text.lower().endswith(".svg"):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} does not end in .svg, the format of the figures")


def _fail(message: str, code: int) -> int:
    print("\n".join(f"cordbook: {line}" for line in message.splitlines()), file=sys.stderr)
    return code

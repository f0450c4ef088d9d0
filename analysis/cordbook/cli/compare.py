"""`cordbook compare`: the pooled odds ratio, risk ratio or risk difference of a table of two-arm counts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cordbook.cli import further
from cordbook.cli.further_figures import ARM_1, ARM_2
from cordbook.cli.shared import FILE_HELP, add_common_options, as_options, run_guarded, with_notes
from cordbook.cli.table import ReadError, Table, read_columns, read_counts, read_labels, read_table
from cordbook.cli.table_notes import table_notes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cordbook.synthesis import ComparedArms

MEASURES = ("OR", "RR", "RD")
MODELS = ("common", "dl", "pm", "reml", "ml", "mh", "peto", "glmm")
INTERVALS = ("wald", "hksj", "profile")

DESCRIPTION = """\
Compare two arms over studies: odds ratio, risk ratio or risk difference of arm 1 (treated) against arm 2 (control).

With rare events, or arms without any, use --model glmm (odds ratio) or --model mh: neither needs a continuity correction.

Further analyses are of effects by inverse variance, logarithms for ratios, and their rows are printed as ratios again. With --model mh, peto
or glmm, which have no such analyses, they say by which model they are made.
"""
EXAMPLES = """\
examples:
  cordbook compare trials.csv --events1 improved_t --n1 n_t --events2 improved_c --n2 n_c --study trial
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --measure RR --model mh
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --model glmm --json --plot forest.svg
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --by allocation --plot forest.png
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --moderators latitude,year
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --bias --leave-one-out --influence --plot forest.pdf
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --cumulative year --bayes --tau-prior half-normal:0.5

exit codes: 0 done, 1 the data are wrong, 2 the file or an option is wrong
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add `cordbook compare` to the command line."""
    parser = subparsers.add_parser(
        "compare",
        help="compare two arms over the studies of a table",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.csv", help=FILE_HELP)
    for arm, name in ((1, "arm 1 (treated)"), (2, "arm 2 (control)")):
        parser.add_argument(f"--events{arm}", required=True, metavar="COL", help=f"column with the events of {name}")
        parser.add_argument(f"--n{arm}", required=True, metavar="COL", help=f"column with the participants of {name}")
    parser.add_argument("--study", metavar="COL", help="column with the names of the studies")
    parser.add_argument("--measure", type=str.upper, choices=MEASURES, default="OR", help="effect measure (default: OR)")
    parser.add_argument("--model", choices=MODELS, default="reml", help="default: reml")
    parser.add_argument(
        "--double-zero",
        choices=("keep", "drop"),
        help="inverse variance only: what to do with studies without events (or with nothing but events) in both arms "
        "(default: drop for OR and RR, of which they say nothing, keep for RD)",
    )
    parser.add_argument("--label1", default=ARM_1, metavar="NAME", help=f"name of arm 1 in the plot (default: {ARM_1})")
    parser.add_argument("--label2", default=ARM_2, metavar="NAME", help=f"name of arm 2 in the plot (default: {ARM_2})")
    parser.add_argument(
        "--event-is",
        choices=("good", "bad"),
        help="whether the event is wanted, so that the plot can say which arm a side favours",
    )
    add_common_options(parser, INTERVALS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare and print; return the exit code."""
    return run_guarded(lambda: _compare(args), args)


def _compare(args: argparse.Namespace) -> tuple[ComparedArms, further.Rows | None]:
    from cordbook.synthesis.pooling.two_arms import check_comparison, compare_arms

    try:
        check_comparison(args.measure, args.model, args.ci, args.level)
    except ValueError as error:
        raise ReadError(as_options(str(error), args)) from error
    further.check(args, further.ARMS)
    columns = {f"--{name}": getattr(args, name) for name in ("events1", "n1", "events2", "n2")}
    table = read_table(args.file)
    named = further.named_columns(args, table.columns)
    read_columns(table, columns | ({"--study": args.study} if args.study else {}) | named)
    counts = read_counts(table, [(args.events1, args.n1), (args.events2, args.n2)])
    labels = read_labels(table, args.study)
    options = {name: getattr(args, name) for name in ("model", "ci", "level", "hksj_floor")}
    compared = compare_arms(*counts, labels=labels, measure=args.measure, double_zero=args.double_zero, **options)
    pooled = with_notes(compared, table_notes(table, labels, counts))
    return pooled, _rows(args, table, labels, counts, options, compared) if further.asked(args) else None


def _rows(
    args: argparse.Namespace,
    table: Table,
    labels: Sequence[str],
    counts: Sequence[NDArray[Any]],
    options: Mapping[str, Any],
    compared: ComparedArms,
) -> further.Rows:
    """The rows with the effects of those that have one, as the comparison took them."""
    from cordbook.synthesis import two_arm_effects
    from cordbook.synthesis.pooling.effects import EFFECT_MODELS

    by_effects = args.model in EFFECT_MODELS
    kept = [i for i, s in enumerate(compared.studies) if (s.weight > 0 if by_effects else s.estimate is not None)]
    effects = two_arm_effects(*(column[kept] for column in counts), measure=args.measure)
    return further.Rows(
        kind=further.ARMS,
        labels=labels,
        options=options,
        counts=tuple(counts),
        yi=effects.yi,
        vi=effects.vi,
        kept=kept,
        measure=args.measure,
        **further.columns_of(args, table),
    )

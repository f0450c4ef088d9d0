"""`cordbook compare`: the pooled odds ratio, risk ratio or risk difference of a table of two-arm counts."""

from __future__ import annotations

import argparse

from cordbook.cli.shared import ARM_1, ARM_2, FILE_HELP, add_common_options, as_options, run_guarded, with_notes
from cordbook.cli.table import ReadError, read_columns, read_counts, read_labels, read_table
from cordbook.cli.table_notes import table_notes

MEASURES = ("OR", "RR", "RD")
MODELS = ("common", "dl", "pm", "reml", "ml", "mh", "peto", "glmm")
INTERVALS = ("wald", "hksj", "profile")

DESCRIPTION = """\
Compare two arms over studies: odds ratio, risk ratio or risk difference of arm 1 (treated) against arm 2 (control).

With rare events, or arms without any, use --model glmm (odds ratio) or --model mh: neither needs a continuity correction.
"""
EXAMPLES = """\
examples:
  cordbook compare trials.csv --events1 improved_t --n1 n_t --events2 improved_c --n2 n_c --study trial
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --measure RR --model mh
  cordbook compare trials.csv --events1 a --n1 n1 --events2 c --n2 n2 --model glmm --json --plot forest.svg

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


def _compare(args: argparse.Namespace):
    from cordbook.synthesis.pooling.two_arms import check_comparison, compare_arms

    try:
        check_comparison(args.measure, args.model, args.ci, args.level)
    except ValueError as error:
        raise ReadError(as_options(str(error), args)) from error
    columns = {f"--{name}": getattr(args, name) for name in ("events1", "n1", "events2", "n2")}
    table = read_table(args.file)
    read_columns(table, columns | ({"--study": args.study} if args.study else {}))
    counts = read_counts(table, [(args.events1, args.n1), (args.events2, args.n2)])
    labels = read_labels(table, args.study)
    compared = compare_arms(
        *counts,
        labels=labels,
        measure=args.measure,
        model=args.model,
        ci=args.ci,
        level=args.level,
        hksj_floor=args.hksj_floor,
        double_zero=args.double_zero,
    )
    return with_notes(compared, table_notes(table, labels, counts))

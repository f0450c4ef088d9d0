"""`cordbook pool --outcome ...`: the review's own evidence pooled with filters, as the explorer of the book does."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from cordbook.cli.table import DataError, ReadError

BOUNDS = "year, months (from treatment to the count) or n (people counted)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose rows of the review's data."""
    group = parser.add_argument_group(
        "the review's own evidence", "instead of a file: rows of data/, chosen by the rules of the declared estimates"
    )
    group.add_argument("--outcome", metavar="OUTCOME", help="key of an outcome, as in outcome_terms.csv")
    group.add_argument(
        "--where", action="append", default=[], metavar="COLUMN=VALUE",
        help="only rows with this value; given more than once for a column, any of the values. Columns of studies, arms and "
        "outcomes, dimensions of vocabulary/dimensions.csv, stratum.KEY, rob.ITEM",
    )  # fmt: skip
    group.add_argument(
        "--strata", default="total", metavar="total|widest|by:KEY|KEY=VALUE;...",
        help="rows of all patients of an arm (the default), its widest rows, or rows of a stratum",
    )  # fmt: skip
    group.add_argument("--at-least", action="append", default=[], metavar="NAME=NUMBER", help=f"bound of {BOUNDS}")
    group.add_argument("--at-most", action="append", default=[], metavar="NAME=NUMBER", help=f"bound of {BOUNDS}")
    group.add_argument(
        "--pool-anyway", action="store_true", help="pool also what the review's limits set side by side (too few, too different)"
    )
    group.add_argument("--exclude", action="append", default=[], metavar="STUDY", help="leave out a study, by its id")


def used(args: argparse.Namespace) -> bool:
    """Whether rows of the review's data are asked for; raises ``ReadError`` where a file is given as well, or half of either."""
    filters = [name for name in ("where", "at_least", "at_most", "exclude", "pool_anyway") if getattr(args, name)]
    if args.outcome is None:
        if filters:
            raise ReadError(f"--{filters[0].replace('_', '-')} chooses rows of the review's data: add --outcome OUTCOME.")
        return False
    if args.file or args.events or args.n or args.study:
        raise ReadError("give either a file with --events and --n, or --outcome for the review's own data, not both.")
    return True


def pool(args: argparse.Namespace, model: str) -> Any:
    """The pooled rows that the options choose, or side by side where the review's limits say so; what is left out is told on stderr."""
    from cordbook.core.project import find_project
    from cordbook.review.estimates.declarations import load_declarations
    from cordbook.review.estimates.estimates import pool_rows
    from cordbook.review.estimates.side_by_side import side_by_side
    from cordbook.review.explorer.question import answer, load_counts, reasons

    question = question_of(args)
    root = find_project().root
    declared = load_declarations(root / "data" / "syntheses.yml")
    counts, meanings = load_counts(root)
    found = answer(counts, question, meanings)
    by_reason = [f"{n} ({reason or 'no reason given'})" for reason, n in reasons(found.not_poolable).items()]
    _tell("not pooled", by_reason, "counts by reason")
    _tell("not pooled", list(found.unclear), "strata may share patients")
    _tell("not pooled", list(found.within), "part of another group that is counted")
    if not len(found.rows):
        raise DataError("no study fits: take away a filter, or ask for --strata widest.")
    average = args.average or (declared.usual_average if args.measure != "double-arcsine" else None)
    options = {"measure": args.measure, "model": model, "average": average, "ci": args.ci, "level": args.level}
    pooled = pool_rows(found.rows, hksj_floor=args.hksj_floor, **options)
    return pooled if args.pool_anyway else side_by_side(pooled, declared.usual_limits)


def question_of(args: argparse.Namespace) -> Any:
    """The question that the options ask; raises ``ReadError`` for one that cannot be read."""
    from cordbook.review.estimates.selection import BY
    from cordbook.review.explorer.question import STRATA, Question

    where: dict[str, list[str]] = {}
    for column, value in (_pair("--where", text) for text in args.where):
        where.setdefault(column, []).append(value)
    bounds: dict[str, list[float | None]] = {}
    for side, texts in enumerate((args.at_least, args.at_most)):
        for name, value in (_pair(("--at-least", "--at-most")[side], text) for text in texts):
            try:
                bounds.setdefault(name, [None, None])[side] = float(value)
            except ValueError:
                raise ReadError(f"{name}={value}: {value!r} is not a number.") from None
    named = args.strata in STRATA or args.strata.startswith(BY)
    strata = args.strata if named else tuple(_pair("--strata", part) for part in args.strata.split(";"))
    return Question(
        args.outcome,
        tuple((column, tuple(values)) for column, values in where.items()),
        strata,
        tuple((name, least, most) for name, (least, most) in bounds.items()),
        tuple(args.exclude),
    )


def _pair(option: str, text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise ReadError(f"{option} {text!r}: write NAME=VALUE.")
    return name, value


def _tell(what: str, items: list[str], why: str) -> None:
    if items:
        print(f"cordbook: {what}, {why}: {', '.join(items)}", file=sys.stderr)

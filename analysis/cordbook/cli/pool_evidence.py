"""`cordbook pool --outcome ...`: the review's own evidence pooled with filters, as the explorer of the book does."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cordbook.cli.further import PROPORTIONS, Rows, asked, named_columns
from cordbook.cli.table import DataError, ReadError, decimal_number, raise_problems

if TYPE_CHECKING:
    import pandas as pd

    from cordbook.review.estimates.rows import ArmRow

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
            raise ReadError(
                f"--{filters[0].replace('_', '-')} chooses rows of the review's data: add --outcome OUTCOME, or --score ID."
            )
        return False
    if args.file or args.events or args.n or args.study:
        raise ReadError("give either a file with --events and --n, or --outcome for the review's own data, not both.")
    return True


def pool(args: argparse.Namespace, model: str) -> tuple[Any, Rows | None]:
    """The pooled rows that the options choose, or side by side where the review's limits say so; what is left out is told on stderr."""
    from cordbook.core.project import find_project
    from cordbook.evidence.evidence import load_evidence
    from cordbook.review.estimates.declarations import load_declarations
    from cordbook.review.estimates.estimates import pool_rows
    from cordbook.review.estimates.rows import arrays, labels_of
    from cordbook.review.estimates.side_by_side import side_by_side
    from cordbook.review.explorer.question import answer, explorer_counts, reasons

    question = question_of(args)
    root = find_project().root
    declared = load_declarations(root / "data" / "syntheses.yml")
    evidence = load_evidence(root / "data")
    counts = explorer_counts(evidence)
    found = answer(counts, question, evidence.meanings)
    by_reason = [f"{n} ({reason or 'no reason given'})" for reason, n in reasons(found.not_poolable).items()]
    _tell("not pooled", by_reason, "counts by reason")
    _tell("not pooled", list(found.unclear), "strata may share patients")
    _tell("not pooled", list(found.within), "part of another group that is counted")
    if not len(found.rows):
        raise DataError("no study fits: take away a filter, or ask for --strata widest.")
    average = args.average or (declared.usual_average if args.measure != "double-arcsine" else None)
    options = {"measure": args.measure, "model": model, "average": average, "ci": args.ci, "level": args.level}
    options |= {"hksj_floor": args.hksj_floor}
    columns = columns_of(found.rows, counts, args)
    pooled = pool_rows(found.rows, **options)
    result = pooled if args.pool_anyway else side_by_side(pooled, declared.usual_limits)
    if result is not pooled and (wanted := asked(args)):
        reasons_why = " ".join(reason.text for reason in result.reasons)
        raise DataError(
            f"--{wanted[0].replace('_', '-')} is of pooled studies, and the review's limits set these side by side: {reasons_why} Add "
            "--pool-anyway to analyse them all the same."
        )
    rows = Rows(
        PROPORTIONS,
        labels_of(found.rows),
        options,
        columns,
        lambda text: decimal_number(text, ","),
        counts=arrays(found.rows),
        vocabulary=evidence.vocabulary,
    )
    return result, rows if result is pooled else None


def columns_of(rows: Sequence[ArmRow], counts: pd.DataFrame, args: argparse.Namespace) -> dict[str, list[str]]:
    """The columns that further analyses name, one value for each study.

    Raises
    ------
    ReadError
        For a column that the evidence does not have.
    DataError
        For studies without a value, or whose counts have several.
    """
    from cordbook.evidence.vocabulary import STRATUM
    from cordbook.review.estimates.selection import column_of, strata_of

    found, problems = {}, []
    for option, column in named_columns(args).items():
        if column not in counts.columns and not column.startswith(STRATUM):
            close = difflib.get_close_matches(column, counts.columns, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ReadError(
                f"the review's data have no column {column!r} ({option}).{hint} There are {', '.join(counts.columns)} and {STRATUM}KEY."
            )
        values = column_of(counts, strata_of(counts), column)
        unknown = counts[column].isna() if column in counts.columns else values.isna()
        by_count = {
            count_id: None if missing or value is None else str(value).removesuffix(".0")
            for count_id, value, missing in zip(counts["cell_id"], values, unknown, strict=True)
        }
        texts = []
        for row in rows:
            own = list(dict.fromkeys(by_count[count_id] for count_id in row.count_ids))
            if len(own) > 1 or own[0] is None:
                several = " and ".join("no value" if value is None else repr(value) for value in own)
                problems.append(
                    f"{option} {column}: {row.label} has {several}; choose its rows with --where, or leave it out with --exclude {row.study_id}."
                )
            texts.append(str(own[0]))
        found[column] = texts
    raise_problems(problems)
    return found


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

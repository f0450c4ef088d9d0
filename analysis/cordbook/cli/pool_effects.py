"""`cordbook pool --yi ...`: effects that were worked out elsewhere, one or several a study, pooled by random effects."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cordbook.cli import further
from cordbook.cli.shared import with_notes
from cordbook.cli.table import DataError, ReadError, Table, read_columns, read_labels, read_numbers, read_table, read_texts
from cordbook.cli.table_notes import repeated_studies

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODELS = ("common", "dl", "pm", "reml", "ml")
INTERVALS = ("wald", "hksj")
CLUSTER_INTERVALS = ("cr2", "t")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of effects, and of several rows a study."""
    group = parser.add_argument_group(
        "effects", "instead of counts: columns of FILE.csv with effects on a scale where they are about normal"
    )
    group.add_argument("--yi", metavar="COL", help="column with the effects, such as log odds ratios or mean differences")
    group.add_argument("--vi", metavar="COL", help="column with their sampling variances")
    group.add_argument("--se", metavar="COL", help="column with their standard errors, in place of --vi")
    several = parser.add_argument_group("several rows a study", "for effects and means: outcomes, arms or times of one study")
    several.add_argument(
        "--cluster", metavar="COL",
        help="column that says which rows belong together: random effects of studies and of rows (REML), and errors by --ci cr2 "
        "(cluster-robust, the default), t or wald",
    )  # fmt: skip
    several.add_argument(
        "--rho",
        type=_correlation,
        metavar="R",
        help="assumed correlation of the sampling errors of one study, 0 to below 1 (default: 0)",
    )


def used(args: argparse.Namespace) -> bool:
    """Whether effects are asked for; raises ``ReadError`` for options that do not go with them."""
    if args.yi is None:
        return False
    if args.events or args.n or args.outcome:
        raise ReadError("--yi pools effects: leave out --events, --n and --outcome.")
    if not args.file:
        raise ReadError("FILE.csv missing: give the table that has the columns of --yi and --vi or --se.")
    if (args.vi is None) == (args.se is None):
        raise ReadError("--yi needs either --vi, the column of variances, or --se, the column of standard errors.")
    if args.measure:
        raise ReadError("--measure says how effects are made of counts or means: leave it out beside --yi.")
    check_choices(args)
    return True


def refuse_elsewhere(args: argparse.Namespace) -> None:
    """Refuse options of effects where neither effects nor means are pooled."""
    for name in ("vi", "se", "cluster", "rho", "imputed_r"):
        if getattr(args, name) is not None:
            needed = {"vi": "--yi COL", "se": "--yi COL", "imputed_r": "--means FILE.csv"}.get(
                name, "--yi COL or --means FILE.csv"
            )
            raise ReadError(f"--{name.replace('_', '-')} is not of proportions: it goes with {needed}.")


def check_choices(args: argparse.Namespace) -> None:
    """Refuse models, intervals and analyses that effects do not have, before the file is read."""
    if args.average:
        raise ReadError("--average is of proportions: leave it out.")
    if args.cluster:
        if args.model not in (None, "reml"):
            raise ReadError(f"--model {args.model} does not go with --cluster, whose model is fitted by REML: leave it out.")
        if args.ci not in (None, "wald", *CLUSTER_INTERVALS):
            raise ReadError(f"--ci {args.ci} does not go with --cluster: choose --ci cr2, t or wald.")
        further.check(args, further.EFFECTS, cluster=args.cluster)
        return
    if args.rho is not None:
        raise ReadError("--rho is the correlation within a study: name the column of studies with --cluster.")
    if args.model not in (None, *MODELS):
        raise ReadError(f"--model {args.model} is of proportions: choose one of {', '.join(MODELS)}.")
    if args.ci in CLUSTER_INTERVALS:
        raise ReadError(f"--ci {args.ci} needs --cluster COL, the column that says which rows belong together.")
    if args.ci not in (None, *INTERVALS):
        raise ReadError(f"--ci {args.ci} is of proportions: choose --ci hksj or --ci wald.")
    further.check(args, further.EFFECTS)


def pool(args: argparse.Namespace) -> tuple[Any, further.Rows]:
    """The pooled effect of the columns that the options name."""
    table = read_table(args.file)
    spread = args.vi or args.se
    named = {"--yi": args.yi, "--vi" if args.vi else "--se": spread, "--study": args.study, "--cluster": args.cluster}
    given = {option: column for option, column in named.items() if column}
    read_columns(table, given | further.named_columns(args, table.columns))
    numbers = read_numbers(table, [args.yi, spread])
    yi, vi = numbers[args.yi], numbers[spread]
    labels = read_labels(table, args.study or args.cluster)
    if args.se:
        _check_errors(table, args.se, vi)
        vi = vi**2
    return pool_rows(args, table, yi, vi, labels, notes=(), effects=None)


def pool_rows(
    args: argparse.Namespace,
    table: Table,
    yi: NDArray[Any],
    vi: NDArray[Any],
    labels: Sequence[str],
    *,
    notes: Sequence[str],
    effects: Any | None,
) -> tuple[Any, further.Rows]:
    """Pool rows as independent studies, or by the column that says which belong together; ``effects`` are those of means, if so."""
    from cordbook.synthesis.means.pooling import pool_mean_effects
    from cordbook.synthesis.multilevel.pooling import pool_multilevel
    from cordbook.synthesis.pooling.effects import pool_effects

    columns = further.columns_of(args, table)
    measure = None if effects is None else effects.measure
    if args.cluster:
        clusters = read_texts(table, args.cluster)
        own = labels if len(set(labels)) == len(labels) else None
        way = {"ci": args.ci or "cr2", "level": args.level}
        pooled = pool_multilevel(yi, vi, clusters, labels=own, rho=args.rho or 0.0, **way)
        rows = further.Rows(
            further.EFFECTS, labels, way, yi=yi, vi=vi, measure=measure, cluster=clusters, rho=args.rho or 0.0, **columns
        )
        return with_notes(pooled, notes), rows
    options = {"model": args.model or "reml", "ci": args.ci, "level": args.level, "hksj_floor": args.hksj_floor}
    repeated = repeated_studies(table, labels, [yi, vi])
    rows = further.Rows(further.EFFECTS, labels, options, yi=yi, vi=vi, measure=measure, **columns)
    if effects is not None:
        return with_notes(pool_mean_effects(effects, **options), repeated), rows
    return with_notes(pool_effects(yi, vi, labels=labels, **options), (*notes, *repeated)), rows


def _check_errors(table: Table, column: str, se: NDArray[Any]) -> None:
    problems = [
        f"{table.name}, line {row.line}, column {column!r}: {value:g} is not a standard error above 0; correct it, or leave the row out."
        for row, value in zip(table.rows, se.tolist(), strict=True)
        if value <= 0
    ]
    if problems:
        raise DataError("\n".join(problems))


def _correlation(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if 0 <= value < 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to below 1")

"""`cordbook pool --means FILE.csv`: means of two groups or of one, and changes from baseline, by columns of fixed names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cordbook.cli.further import Rows, named_columns
from cordbook.cli.pool_effects import check_choices, pool_rows
from cordbook.cli.table import DataError, ReadError, Table, read_columns, read_labels, read_numbers, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWO_GROUP_MEASURES = ("MD", "SMD", "SMDH", "SMD1", "SMD1H", "ROM")
CHANGE_MEASURES = ("MC", "SMCR", "SMCC", "ROMC")
MEASURES = (*TWO_GROUP_MEASURES, *CHANGE_MEASURES, "MN")
STUDY = "study"
#: Columns from which a mean and an SD can come, and the arguments they are; each with the ending of its group or time.
REPORTED = {
    "mean": "mean",
    "sd": "sd",
    "se": "se",
    "ci_low": "ci_low",
    "ci_high": "ci_high",
    "median": "median",
    "lower_quartile": "q1",
    "upper_quartile": "q3",
    "min": "minimum",
    "max": "maximum",
}
TIMES = ("_before", "_after", "_change")
NEEDED = {
    "two groups": ("n1", "n2"),
    "change": ("n",),
    "one group": ("n",),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of means."""
    group = parser.add_argument_group("means", "instead of counts: means and SDs of scores, by columns of the names below")
    group.add_argument("--means", metavar="FILE.csv", help="a table of means of two groups, of one, or before and after")
    group.add_argument(
        "--imputed-r", type=_correlation, metavar="R",
        help="correlation between before and after for studies that do not let it be known; which they are is printed",
    )  # fmt: skip


def used(args: argparse.Namespace) -> bool:
    """Whether means are asked for; raises ``ReadError`` for options that do not go with them."""
    if args.means is None:
        return False
    given = [f"--{name}" for name in ("events", "n", "study", "yi", "vi", "se", "outcome") if getattr(args, name)]
    if args.file or given:
        other = given[0] if given else args.file
        raise ReadError(f"--means reads columns of fixed names from its own file: leave out {other}.")
    if args.measure and args.measure not in MEASURES:
        raise ReadError(f"--measure {args.measure} is a scale of proportions: choose one of {', '.join(MEASURES)}.")
    check_choices(args)
    return True


def pool(args: argparse.Namespace) -> tuple[Any, Rows]:
    """The pooled means of the table."""
    from cordbook.synthesis.means.sizes import MEASURE_NAMES, RATIO_MEASURES

    table = read_table(args.means)
    kind = kind_of(table.columns, args.means)
    _check_measure(kind, args.measure)
    if args.imputed_r is not None and kind != "change":
        raise ReadError("--imputed-r is of changes from baseline: the table has none.")
    read_columns(table, ({"--cluster": args.cluster} if args.cluster else {}) | named_columns(args, table.columns))
    labels = read_labels(table, STUDY if STUDY in table.columns else None)
    try:
        effects = _effects(args, table, kind, labels)
    except ValueError as error:
        raise DataError(f"{args.means}: " + str(error).replace("imputed_r", "--imputed-r")) from error
    scale = (
        f"Each effect is the {'logarithm of the ' if effects.measure in RATIO_MEASURES else ''}{MEASURE_NAMES[effects.measure]}.",
    )
    return pool_rows(args, table, effects.yi, effects.vi, labels, notes=(*effects.notes, *scale), effects=effects)


def kind_of(columns: Sequence[str], name: str) -> str:
    """What a table of these columns holds: "two groups", "change" or "one group".

    >>> kind_of(["study", "n1", "mean1", "sd1", "n2", "mean2", "se2"], "scores.csv"), kind_of(["n", "mean_change", "sd_change"], "scores.csv")
    ('two groups', 'change')
    """
    twice = [column for column in dict.fromkeys(columns) if list(columns).count(column) > 1]
    if twice:
        raise ReadError(f"{name} has two columns named {twice[0]!r}; rename one of them.")
    of_times = [column for column in columns if column.endswith(TIMES) and column.removesuffix(_ending(column)) in REPORTED]
    of_groups = [column for column in columns if column[-1:] in ("1", "2") and column[:-1] in (*REPORTED, "n")]
    if of_times and of_groups:
        raise ReadError(
            f"{name} has columns of two groups ({of_groups[0]}) and of a change ({of_times[0]}); make one table of each."
        )
    kind = "two groups" if of_groups else "change" if of_times else "one group"
    lacking = [column for column in NEEDED[kind] if column not in columns]
    if kind == "one group" and not lacking and not {"mean", "median"} & set(columns):
        lacking = ["mean"]
    if lacking:
        raise ReadError(
            f"{name} has no column {lacking[0]!r}; its columns are {', '.join(columns)}. A table of means has the columns that "
            "`cordbook pool --help` lists."
        )
    return kind


def _ending(column: str) -> str:
    return next(ending for ending in TIMES if column.endswith(ending))


def _check_measure(kind: str, measure: str | None) -> None:
    allowed = {"two groups": TWO_GROUP_MEASURES, "change": CHANGE_MEASURES, "one group": ("MN",)}[kind]
    if measure and measure not in allowed:
        of = {"two groups": "two groups", "change": "changes from baseline", "one group": "one group"}[kind]
        raise ReadError(f"--measure {measure} does not fit a table of {of}: choose {' or '.join(allowed)}.")


def _effects(args: argparse.Namespace, table: Table, kind: str, labels: Sequence[str]) -> Any:
    from cordbook.synthesis.means.change import change_effects
    from cordbook.synthesis.means.effects import mean_effects
    from cordbook.synthesis.means.sizes import joined_marks

    if kind == "one group":
        one = _group(table, "", labels)
        return mean_effects(one.mean, one.sd, one.n, labels=labels, derived=one.derived)
    if kind == "two groups":
        one, two = _both(table, labels)
        marks = [
            joined_marks(*(f"group {i}: {mark}" if mark else "" for i, mark in enumerate(pair, start=1)))
            for pair in zip(one.derived, two.derived, strict=True)
        ]
        return mean_effects(one.mean, one.sd, one.n, two.mean, two.sd, two.n, measure=args.measure, labels=labels, derived=marks)
    columns, marks = _times(table, labels)
    return change_effects(**columns, imputed_r=args.imputed_r, measure=args.measure or "MC", labels=labels, derived=marks)


def _both(table: Table, labels: Sequence[str]) -> tuple[Any, Any]:
    """Both groups; what is wrong with either is said at once."""
    found, problems = [], []
    for ending in ("1", "2"):
        try:
            found.append(_group(table, ending, labels))
        except ValueError as error:
            problems += [f"group {ending}: {line}" for line in str(error).splitlines()]
    if problems:
        raise ValueError("\n".join(problems))
    return found[0], found[1]


def _group(table: Table, ending: str, labels: Sequence[str]) -> Any:
    from cordbook.synthesis.means.reported import reported_means

    given = {argument: f"{column}{ending}" for column, argument in REPORTED.items() if f"{column}{ending}" in table.columns}
    numbers = read_numbers(table, [f"n{ending}", *given.values()])
    return reported_means(
        numbers[f"n{ending}"], **{argument: numbers[column] for argument, column in given.items()}, labels=labels
    )


def _times(table: Table, labels: Sequence[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Means and SDs before, after and of the change as far as a report gives them, and how they came about."""
    import numpy as np

    from cordbook.synthesis.means.reported import reported_means
    from cordbook.synthesis.means.sizes import joined_marks

    numbers = read_numbers(table, ["n", *(["r"] if "r" in table.columns else [])])
    columns, marks = dict(numbers), [""] * len(labels)
    for ending in TIMES:
        given = {argument: f"{column}{ending}" for column, argument in REPORTED.items() if f"{column}{ending}" in table.columns}
        found = read_numbers(table, list(given.values()))
        blank = np.full(len(labels), np.nan)
        mean, sd = (found.get(f"{word}{ending}", blank).copy() for word in ("mean", "sd"))
        # Rows that give something else from which the mean or SD can come.
        others = [found[column] for argument, column in given.items() if argument not in ("mean", "sd")]
        rows = (
            np.flatnonzero((np.isnan(mean) | np.isnan(sd)) & np.any([~np.isnan(other) for other in others], axis=0))
            if others
            else []
        )
        if len(rows):
            named = [labels[i] for i in rows]
            made = reported_means(numbers["n"][rows], **{a: found[c][rows] for a, c in given.items()}, labels=named)
            assert made.mean is not None, "reported means have means"
            mean[rows], sd[rows] = made.mean, made.sd
            for i, mark in zip(rows, made.derived, strict=True):
                marks[i] = joined_marks(marks[i], f"{ending[1:]}: {mark}")
        if given:
            columns |= {f"mean{ending}": mean, f"sd{ending}": sd}
    return columns, marks


def _correlation(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if -1 <= value <= 1:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a correlation from -1 to 1")

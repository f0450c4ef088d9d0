"""`cordbook pool --score ID`: a declared estimate of a score pooled again, without some studies or by another model, as the explorer of the book does."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cordbook.cli import pool_effects
from cordbook.cli.further import EFFECTS, Rows, asked, named_columns
from cordbook.cli.table import DataError, ReadError, decimal_number, raise_problems

if TYPE_CHECKING:
    from cordbook.evidence.evidence import Evidence
    from cordbook.review.scores.estimates import ScoreEstimate


def add_options(parser: argparse.ArgumentParser) -> None:
    """The option that names an estimate of a score; ``--exclude`` and ``--pool-anyway`` go with it too."""
    group = parser.add_argument_group("the review's own scores", "instead of a file: the studies of an estimate of a score")
    group.add_argument(
        "--score", metavar="ID", help="id of an estimate under `scores` in syntheses.yml; with --exclude and --pool-anyway"
    )


def used(args: argparse.Namespace) -> bool:
    """Whether an estimate of a score is asked for; raises ``ReadError`` for options that do not go with it."""
    if args.score is None:
        return False
    names = (
        "means",
        "yi",
        "vi",
        "se",
        "events",
        "n",
        "study",
        "outcome",
        "where",
        "at_least",
        "at_most",
        "cluster",
        "imputed_r",
        "measure",
    )
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name)]
    if args.file or given:
        raise ReadError(f"--score pools the studies of a declared estimate: leave out {given[0] if given else args.file}.")
    pool_effects.check_choices(args)
    return True


def pool(args: argparse.Namespace) -> tuple[Any, Rows | None]:
    """The pooled score, or its studies side by side where its declaration says so; what has no weight is told on stderr."""
    from cordbook.core.project import find_project
    from cordbook.review.estimates.estimates import load_estimates
    from cordbook.review.scores.again import pool_again, shown
    from cordbook.review.scores.estimates import scores_of

    estimates = load_estimates(find_project().root)
    declared = scores_of(estimates)[args.score]
    options = {"model": args.model or declared.synthesis.model, "ci": args.ci or declared.synthesis.ci, "level": args.level}
    options |= {"hksj_floor": args.hksj_floor}
    found = pool_again(declared, exclude=args.exclude, anyway=args.pool_anyway, **options)
    if found.told:
        told = ", ".join(f"{row.label} ({row.reason})" for row in found.told)
        print(f"cordbook: not weighed: {told}", file=sys.stderr)
    if not found.k:
        raise DataError(f"{args.score}: no study is left that can be weighed.")
    notes = [f"{found.title}, in {found.unit}."]
    if found.result is not None and not found.sizes_known:
        notes.append("Not every study states its patients; those of the others are counted.")
    result = shown(found, notes)
    if found.result is None:
        if wanted := asked(args):
            more = " Add --pool-anyway to analyse them all the same." if found.k > 1 else ""
            raise DataError(f"--{wanted[0].replace('_', '-')} is of pooled studies: {found.why_not}{more}")
        return result, None
    return result, _rows(found, estimates.evidence, args, options)


def _rows(found: ScoreEstimate, evidence: Evidence, args: argparse.Namespace, options: dict[str, Any]) -> Rows:
    """The studies for the analyses that follow."""
    import numpy as np

    return Rows(
        EFFECTS,
        [row.label for row in found.rows],
        options,
        _columns(found, evidence, args),
        lambda text: decimal_number(text, ","),
        yi=np.array([row.estimate for row in found.rows]),
        vi=np.array([row.se for row in found.rows], dtype=float) ** 2,
        measure="MD" if found.synthesis.is_difference else "MC",
        vocabulary=evidence.vocabulary,
    )


def _columns(found: ScoreEstimate, evidence: Evidence, args: argparse.Namespace) -> dict[str, list[str]]:
    """The year, or columns of studies.csv that the analyses name, one value for each study; raises ``ReadError`` and ``DataError``."""
    from cordbook.evidence.evidence import as_written

    studies = evidence["studies"].set_index("study_id", drop=False)
    studies["year"] = studies["study_id"].map(evidence.study_years).astype("Int64")
    columns, problems = {}, []
    for option, column in named_columns(args).items():
        if column not in studies:
            raise ReadError(f"the review's studies have no column {column!r} ({option}); there are {', '.join(studies.columns)}.")
        columns[column] = [as_written(studies.at[row.study_id, column]) for row in found.rows]
        for row, text in zip(found.rows, columns[column], strict=True):
            if not text:
                problems.append(f"{option} {column}: {row.label} has no value; leave it out with --exclude {row.study_id}.")
    raise_problems(problems)
    return columns

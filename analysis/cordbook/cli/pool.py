"""`cordbook pool`: the pooled proportion of a table of single-arm counts, the pooled effect of a table of means, or that of effects."""

from __future__ import annotations

import argparse
from typing import Any

from cordbook.cli import further, pool_effects, pool_evidence, pool_means, pool_score
from cordbook.cli.shared import FILE_HELP, add_common_options, run_guarded, with_notes
from cordbook.cli.table import ReadError, read_columns, read_counts, read_labels, read_table
from cordbook.cli.table_notes import table_notes

MEASURES = ("logit", "arcsine", "double-arcsine", "raw")
MODELS = ("common", "dl", "pm", "reml", "ml", "glmm", "betabinomial")
COUNT_MODELS = ("glmm", "betabinomial")
AVERAGES = ("median", "population")
INTERVALS = ("wald", "hksj", "profile", "profile-t", "robust", "cr2", "t")
# Intervals that only some models have.
MODELS_OF = {"profile": COUNT_MODELS, "profile-t": COUNT_MODELS, "robust": ("betabinomial",)}

DESCRIPTION = """\
Pool over studies a proportion (how many of how many had the event), means of scores (--means), or effects
that were worked out elsewhere (--yi with --vi or --se).

Of proportions the default is the binomial-normal model (glmm), which needs no correction for studies without events.
Two averages are printed: the proportion of the median study, and the population average, the mean over
studies, which is what "1 in 100 patients" means. --average says which of them is the estimate.

Of means and effects the default is random effects by REML with the Hartung-Knapp interval. Where a study has
several rows, --cluster COL gives it random effects of its own and cluster-robust errors (CR2).
"""
EXAMPLES = """\
examples:
  cordbook pool trials.csv --events improved --n treated --study trial
  cordbook pool trials.csv --events improved --n treated --model reml --ci hksj --json
  cordbook pool trials.csv --events harmed --n treated --model betabinomial --average population
  cordbook pool trials.csv --events improved --n treated --plot forest.svg
  cordbook pool --means scores.csv --measure SMD
  cordbook pool --means changes.csv --imputed-r 0.6 --json
  cordbook pool effects.csv --yi yi --se se --study trial --model dl
  cordbook pool effects.csv --yi yi --vi vi --cluster trial --rho 0.5
  cordbook pool trials.csv --events improved --n treated --by phase --moderators year --plot forest.png
  cordbook pool trials.csv --events improved --n treated --leave-one-out --influence --bias --bayes
  cordbook pool effects.csv --yi yi --se se --cumulative year --bias --plot forest.pdf
  cordbook pool --means scores.csv --measure SMD --bayes --tau-prior half-normal:0.5
  cordbook pool effects.csv --yi yi --vi vi --cluster trial --moderators year
  cordbook pool --score motor-gain-cell-therapy --exclude koda2024 --model dl
  cordbook pool --outcome death --where role=treated --where design=rct
  cordbook pool --outcome sae_any --where role=treated --pool-anyway
  cordbook pool --outcome ais_improved --where role=treated --where cell_type=bm_msc --by design --cumulative

trials.csv may look like this:
  trial,improved,treated
  Levi 2019,5,12
  Okada 2020,0,9

scores.csv and changes.csv have columns by these names (study is the name of the study):
  two groups   study,n1,mean1,sd1,n2,mean2,sd2
  one group    study,n,mean,sd
  change       study,n,mean_before,sd_before,mean_after,sd_after,r  and, or in place of them, mean_change,sd_change
In place of an SD: se, ci_low and ci_high (95%), or for a mean and an SD median with lower_quartile and
upper_quartile, or min and max; named like the SD they stand for (se1, ci_low2, se_change). What is worked
out is marked. What is not reported is left blank.

exit codes: 0 done, 1 the data are wrong, 2 the file or an option is wrong
"""


def register(subparsers: argparse._SubParsersAction) -> None:
    """Add `cordbook pool` to the command line."""
    parser = subparsers.add_parser(
        "pool",
        help="pool a proportion, means or effects over the studies of a table",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE.csv", nargs="?", help=FILE_HELP)
    parser.add_argument("--events", metavar="COL", help="column with the number who had the event")
    parser.add_argument("--n", metavar="COL", help="column with the number of participants")
    parser.add_argument("--study", metavar="COL", help="column with the names of the studies")
    parser.add_argument(
        "--measure",
        choices=(*MEASURES, *pool_means.MEASURES),
        type=_measure,
        help="scale of the pooled proportions, or effect of means (default: logit; MD for two groups, MC for a change, MN for one group)",
    )
    parser.add_argument("--model", choices=MODELS, help="default: glmm for the logit, reml for everything else")
    parser.add_argument(
        "--average",
        choices=AVERAGES,
        help="the average that is the estimate (default: population for betabinomial and for the review's own data, else median)",
    )
    add_common_options(parser, INTERVALS)
    pool_means.add_options(parser)
    pool_effects.add_options(parser)
    pool_evidence.add_options(parser)
    pool_score.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pool and print; return the exit code."""
    return run_guarded(lambda: _pool(args), args)


def _pool(args: argparse.Namespace) -> tuple[Any, further.Rows | None]:
    from cordbook.synthesis.pooling.proportions import pool_proportions

    for other in (pool_score, pool_means, pool_effects):
        if other.used(args):
            return other.pool(args)
    pool_effects.refuse_elsewhere(args)
    args.measure = args.measure or "logit"
    if args.measure not in MEASURES:
        raise ReadError(f"--measure {args.measure} is an effect of means: give the table as --means FILE.csv.")
    model = args.model or ("glmm" if args.measure == "logit" else "reml")
    _check_choices(args.measure, model, args.ci, args.average)
    further.check(args, further.PROPORTIONS, measure=args.measure)
    if pool_evidence.used(args):
        return pool_evidence.pool(args, model)
    missing = [name for name, value in (("FILE.csv", args.file), ("--events", args.events), ("--n", args.n)) if not value]
    if missing:
        raise ReadError(
            f"{', '.join(missing)} missing: give a file with --events and --n, or with --yi and --vi or --se, --means FILE.csv, or --outcome for "
            "the review's data."
        )
    table = read_table(args.file)
    named = {"--events": args.events, "--n": args.n} | ({"--study": args.study} if args.study else {})
    read_columns(table, named | further.named_columns(args, table.columns))
    events, n = read_counts(table, [(args.events, args.n)])
    labels = read_labels(table, args.study)
    columns = further.columns_of(args, table)
    options = {"measure": args.measure, "model": model, "average": args.average, "ci": args.ci, "level": args.level}
    options |= {"hksj_floor": args.hksj_floor}
    pooled = with_notes(pool_proportions(events, n, labels=labels, **options), table_notes(table, labels, [events, n]))
    return pooled, further.Rows(further.PROPORTIONS, labels, options, counts=(events, n), **columns)


def _measure(text: str) -> str:
    return text.upper() if text.upper() in pool_means.MEASURES else text


def _check_choices(measure: str, model: str, ci: str | None, average: str | None) -> None:
    """Refuse options which do not go together before the file is read."""
    if model in COUNT_MODELS and measure != "logit":
        raise ReadError(f"--model {model} pools on the logit scale: leave out --measure {measure}, or choose --model reml.")
    if ci in pool_effects.CLUSTER_INTERVALS:
        raise ReadError(f"--ci {ci} is of effects with several rows a study: choose --ci wald or --ci profile for proportions.")
    if ci in MODELS_OF and model not in MODELS_OF[ci]:
        needed = " or ".join(f"--model {name}" for name in MODELS_OF[ci])
        other = "profile" if model == "glmm" else "hksj"
        raise ReadError(f"--ci {ci} needs {needed}: choose --ci wald or --ci {other} for --model {model}.")
    if ci == "hksj" and model == "betabinomial":
        raise ReadError("--ci hksj is not of --model betabinomial: choose --ci profile, profile-t, wald or robust.")
    if average == "population" and measure == "double-arcsine":
        raise ReadError(
            "--average population is not given for --measure double-arcsine: choose another measure, or --average median."
        )

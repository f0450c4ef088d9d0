"""``cordbook estimates``: every declared estimate, as a table or as JSON."""

from __future__ import annotations

import argparse
import json

from cordbook.core.columns import aligned

ENGINES = ("cordbook", "statsmodels")


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "estimates",
        help="compute the declared estimates and print them",
        description="Compute the estimates declared in data/syntheses.yml and print them as a table or as JSON. With --engine statsmodels "
        "every model that statsmodels has too (exact intervals, common effect, Mantel-Haenszel, DerSimonian-Laird and Paule-Mandel) is "
        "computed by both engines, and the greatest difference is printed; where statsmodels lacks the declared model, it is said why, and the "
        "nearest is compared.",
        epilog="Examples: cordbook estimates tumour-cell-therapy --json; cordbook estimates --engine statsmodels",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these estimates (default: all)")
    parser.add_argument(
        "--pool-anyway", action="store_true", help="pool also what the declared limits set side by side (too few, too different)"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="cordbook prints the estimates; statsmodels sets each beside what statsmodels computes (default: cordbook)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, with every study and the counts behind it, or every comparison"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.review.estimates.estimates import load_estimates
    from cordbook.review.expected.lookup import AllEstimates
    from cordbook.review.scores.estimates import ScoreEstimate, scores_of

    estimates = load_estimates(find_project().root)
    known, scores = AllEstimates(estimates), scores_of(estimates)
    chosen = [known[i] for i in options.ids] if options.ids else [*estimates, *scores]
    counted = [e.pooled_anyway() if options.pool_anyway else e for e in chosen if not isinstance(e, ScoreEstimate)]
    if options.engine == "statsmodels":
        print(_show_engines(counted, options.json))
    else:
        print(_show(counted, [e for e in chosen if isinstance(e, ScoreEstimate)], options.json))
    return 0


def _show(estimates: list, scores: list, as_json: bool) -> str:
    if as_json:
        return _as_json([e.to_dict() for e in (*estimates, *scores)])
    return "\n\n".join(([_table(estimates)] if estimates else []) + ([_score_table(scores)] if scores else []))


def _score_table(estimates: list) -> str:
    from cordbook.review.estimates.phrases import NOT_POOLED
    from cordbook.review.scores.phrases import range_of, score_phrase

    rows = [("score", "k", "people", "pooled (95% CI)", "prediction interval", "I2")]
    for e in estimates:
        people = score_phrase(e, "n") if e.sizes_known else "-"
        if e.result is None:
            rows.append((e.id, str(e.k), people, f"{NOT_POOLED}: {range_of(e)}" if e.k else "no study", "-", "-"))
            continue
        prediction = score_phrase(e, "prediction") if e.result.pi_low is not None else "-"
        rows.append((e.id, str(e.k), people, score_phrase(e).replace("95% CI ", ""), prediction, score_phrase(e, "i2")))
    return aligned(rows)


def _show_engines(estimates: list, as_json: bool) -> str:
    from cordbook.review.appraisal.engines import compare_engines, engine_rows

    if as_json:
        return _as_json([found.to_dict() for found in map(compare_engines, estimates) if found])
    return _engines_table(engine_rows(estimates))


def _as_json(content: list) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False)


def _table(estimates: list) -> str:
    from cordbook.review.estimates.phrases import NOT_POOLED, phrase, range_of

    rows = [("estimate", "k", "events/n", "pooled (95% CI)", "prediction interval", "I2")]
    for e in estimates:
        if e.result is None:
            number = f"{NOT_POOLED}{f': {range_of(e)}' if range_of(e) else ''}" if e.not_pooled else "no study"
            rows.append((e.id, phrase(e, "k"), f"{e.events}/{e.n}", number, "-", "-"))
            continue
        prediction = phrase(e, "prediction") if e.result.pi_low is not None else "-"
        i2 = phrase(e, "i2") if e.result.i2 is not None else "-"
        rows.append((e.id, phrase(e, "k"), f"{e.events}/{e.n}", phrase(e).replace("95% CI ", ""), prediction, i2))
    return aligned(rows)


def _engines_table(rows: tuple) -> str:
    """Every estimate by both engines, then the greatest difference and what statsmodels lacks."""
    from cordbook.review.appraisal.engines import OURS, THEIRS, difference_in_words, greatest_difference, reasons_of_rows

    header = ("estimate", "declared", "compared", OURS, THEIRS, "models", "greatest difference")
    table = [
        (
            r.id,
            r.declared,
            r.compared,
            r.ours,
            r.theirs,
            str(r.checks),
            difference_in_words(r.difference) + ("" if r.agrees else " !"),
        )
        for r in rows
    ]
    apart = [r.id for r in rows if not r.agrees]
    last = f"Greatest difference of all: {difference_in_words(greatest_difference(rows))} (of ratios on the log scale)."
    last += f" More than rounding explains (!): {', '.join(apart)}." if apart else " Rounding and iteration explain all of them."
    lacks = [f"{declared}: {reason}" for declared, reason in reasons_of_rows(rows).items()]
    return "\n".join([aligned([header, *table]), "", last, *lacks])

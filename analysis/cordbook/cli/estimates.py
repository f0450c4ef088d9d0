"""``cordbook estimates``: every declared estimate, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import sys


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "estimates",
        help="compute the declared estimates and print them",
        description="Compute the estimates declared in data/syntheses.yml and print them as a table or as JSON.",
        epilog="Example: cordbook estimates tumour-cell-therapy --json",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these estimates (default: all)")
    parser.add_argument(
        "--pool-anyway", action="store_true", help="pool also what the declared limits set side by side (too few, too different)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every study and the cells behind it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.evidence import Unreadable
    from cordbook.project import NoProject, find_project
    from cordbook.review.declarations import DeclarationError
    from cordbook.review.estimates import load_estimates
    from cordbook.review.selection import SelectionError

    try:
        estimates = load_estimates(find_project().root)
        chosen = [estimates[i] for i in options.ids] if options.ids else list(estimates)
        if options.pool_anyway:
            chosen = [e.pooled_anyway() for e in chosen]
    except (NoProject, DeclarationError, SelectionError, Unreadable) as error:
        print(f"cordbook estimates: {error}", file=sys.stderr)
        return 2
    except (KeyError, ValueError) as error:
        print(f"cordbook estimates: {error.args[0]}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([e.to_dict() for e in chosen], indent=1, ensure_ascii=False))
    else:
        print(_table(chosen))
    return 0


def _table(estimates: list) -> str:
    from cordbook.review.phrases import NOT_POOLED, phrase, range_of

    rows = [("estimate", "k", "events/n", "pooled (95% CI)", "prediction interval", "I2")]
    for e in estimates:
        if e.result is None:
            number = f"{NOT_POOLED}{f': {range_of(e)}' if range_of(e) else ''}" if e.not_pooled else "no study"
            rows.append((e.id, phrase(e, "k"), f"{e.events}/{e.n}", number, "-", "-"))
            continue
        prediction = phrase(e, "prediction") if e.result.pi_low is not None else "-"
        i2 = phrase(e, "i2") if e.result.i2 is not None else "-"
        rows.append((e.id, phrase(e, "k"), f"{e.events}/{e.n}", phrase(e).replace("95% CI ", ""), prediction, i2))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)

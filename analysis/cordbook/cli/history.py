"""``cordbook history``: one number through all releases."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "history",
        help="one estimate through all releases",
        description="Print one estimate in every release: version, date, number with interval, studies, and its conclusion.",
        epilog="Example: cordbook history ais-improved-cell-therapy --today. Exit code 1: no release has that estimate; "
        "near ids are named. 2: a release or the data cannot be read.",
    )
    parser.add_argument("estimate", metavar="ESTIMATE", help="the id of an estimate, as in cordbook estimates")
    parser.add_argument("--today", action="store_true", help="add what the working tree says today")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", type=Path, metavar="OUT.svg", help="also draw it into this file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.release.revision import TREE, WORKING_TREE, revision
    from cordbook.review.versions.history import history, read_all
    from cordbook.review.versions.words import history_table

    project = find_project()
    states = [(str(r.version), r.date, r) for r in read_all(project.root)]
    if options.today:
        states.append((WORKING_TREE, None, revision(project, TREE).frozen))
    found = history(states, options.estimate)
    if options.plot:
        from cordbook.display.figures.release_plot import history_figure

        history_figure(found).save(options.plot)
    print(
        json.dumps([point.to_dict() for point in found], indent=1, ensure_ascii=False) if options.json else history_table(found)
    )
    return 0

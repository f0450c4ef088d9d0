"""``cordbook check-references``: was anything that the review cites retracted, corrected, or is it another paper?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cordbook.core.columns import aligned
from cordbook.errors import CordbookError, UsageError

if TYPE_CHECKING:
    from cordbook.intake.references.check import Checked, Finding
    from cordbook.intake.references.notices import Proposal

DONE, FAILED = 0, 1
WATCH = "CORDBOOK_RETRACTION_WATCH"
_COLUMNS = ("reference", "found", "year", "notice", "told by", "in the table")


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "check-references",
        help="check the references for retractions, corrections and wrong identity",
        description="Check every reference that has a DOI or a PubMed number against Crossref and the Retraction Watch data set. "
        "Retractions, expressions of concern, corrections, and DOIs that stand for another paper are proposed as integrity "
        "notices. Nothing is written unless you say --write; rows are only ever added.",
        epilog=f"Environment: {WATCH}, the data set; CORDBOOK_CONTACT, your e-mail address, which Crossref asks for "
        "(or contact in data/review.yml). "
        "The data set is retraction_watch.csv of https://gitlab.com/crossref/retraction-watch-data. Without --online, answers of "
        "Crossref that were kept earlier are used. Exit code 0: all was checked. 1: something was not, or there is no network. "
        "2: wrong use.",
    )
    parser.add_argument("--retraction-watch", metavar="FILE.csv", type=Path, help="the Retraction Watch data set")
    parser.add_argument(
        "--online", action="store_true", help="ask Crossref; answers are kept, so a check that breaks off goes on"
    )
    parser.add_argument(
        "--max-age", metavar="DAYS", type=int, default=30, help="ask again for answers older than this (default: 30)"
    )
    parser.add_argument("--write", action="store_true", help="add what is new to data/integrity_notices.csv")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--timeout", type=float, default=30.0, help=argparse.SUPPRESS)
    parser.add_argument("--back-off", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--interval", type=float, default=0.34, help=argparse.SUPPRESS)
    parser.set_defaults(run=run, exit_codes={CordbookError: 1, UsageError: 2})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.intake.records.store import writing
    from cordbook.intake.records.untrusted_text import one_line
    from cordbook.intake.references.check import check
    from cordbook.intake.references.notices import add, proposals
    from cordbook.intake.sources.client import NoNetwork

    def say(text: str) -> None:
        print(one_line(text), file=sys.stderr, flush=True)

    today = date.today().isoformat()
    watch = options.retraction_watch or (Path(os.environ[WATCH]) if os.environ.get(WATCH) else None)
    project = find_project()
    if watch:
        say(f"reading {watch}")
    checked = check(
        project, watch_file=watch, online=options.online, today=today, max_age=options.max_age, say=say,
        timeout=options.timeout, back_off=options.back_off, interval=options.interval,
    )  # fmt: skip
    if checked.no_network:
        raise NoNetwork(f"no network: {one_line(checked.failed[-1].split(': ', 1)[-1])}. Nothing was changed.")
    if not (watch or options.online or checked.answers):
        raise UsageError(
            f"nothing to check against: say --online, or give the file of Retraction Watch with --retraction-watch ({WATCH})."
        )
    with writing(project.kept):
        proposed = proposals(project.data, checked.findings, today)
        written = add(project.data, proposed) if options.write else []
    if options.json:
        print(json.dumps(_as_json(checked, proposed, len(written)), indent=1, ensure_ascii=False))
    else:
        print(_report(checked, proposed, len(written), wrote=options.write))
    return FAILED if checked.failed else DONE


def _report(checked: Checked, proposed: Sequence[Proposal], written: int, *, wrote: bool) -> str:
    from cordbook.intake.records.untrusted_text import one_line
    from cordbook.intake.references.notices import NAMES

    lines = [*_scope(checked), ""]
    if proposed:
        rows = [_COLUMNS]
        for p in proposed:
            update = p.finding.update
            notice = (
                (update.doi or update.record or update.named)
                if update
                else ", ".join(p.finding.match.differ if p.finding.match else ())
            )
            parts = (
                p.finding.reference.reference_id,
                NAMES[p.finding.kind],
                p.row["year"] or "-",
                notice or "-",
                ", ".join(p.finding.sources),
            )
            rows.append((*(one_line(cell) for cell in parts), p.row["notice_id"] if p.known else "new"))
        lines += [aligned(rows), ""]
        lines += [f"{p.finding.reference.reference_id}: {one_line(p.row['what_it_says'])}" for p in proposed if not p.known]
    else:
        lines.append("No notice and no doubt of identity was found.")
    if checked.differences:
        lines += ["", "One thing differs between ours and Crossref's. Please look; nothing is proposed:"]
        lines += [f"  {_difference(finding)}" for finding in checked.differences]
    if checked.failed:
        lines += [
            "",
            f"Not checked: {len(checked.unasked)} DOIs. Give the command again to go on.",
            *(f"  {one_line(f)}" for f in checked.failed),
        ]
    new = sum(not p.known for p in proposed)
    if wrote:
        lines += ["", f"{written} notices were added to data/integrity_notices.csv." if written else "Nothing was added."]
    elif new:
        lines += ["", f"{new} new. Add them with --write; read each before you commit it."]
    return "\n".join(lines).rstrip()


def _scope(checked: Checked) -> list[str]:
    """What was checked against what."""
    without = checked.references - checked.checkable
    lines = [
        f"{checked.checkable} of {checked.references} references have a DOI or a PubMed number; "
        f"{without} have neither and cannot be checked."
    ]
    if checked.answers:
        days = sorted(set(checked.answers.values()))
        when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        lines.append(f"Crossref: {len(checked.answers)} answers of {when}; {len(checked.unknown)} DOIs are not registered there.")
    if checked.unasked and not checked.failed:
        lines.append(f"Crossref was not asked about {len(checked.unasked)} DOIs; --online asks.")
    if checked.watch:
        lines.append(
            f"Retraction Watch: {checked.watch.rows:,} notices, the latest of {checked.watch.latest or 'an unknown day'}."
        )
        if checked.watch.misshapen:
            shown = ", ".join(str(n) for n in checked.watch.misshapen[:5])
            lines.append(f"  {len(checked.watch.misshapen)} rows of it cannot be read (lines {shown}, ...).")
    return lines


def _difference(finding: Finding) -> str:
    from cordbook.intake.records.untrusted_text import one_line

    work, matched, ours = finding.work, finding.match, finding.reference
    assert work is not None
    assert matched is not None
    pairs = {
        "title": (ours.title, work.title),
        "year": (ours.year, "/".join(work.years)),
        "first author": (ours.author, "".join(work.authors[:1])),
    }
    text = "; ".join(f"{name}: {pairs[name][0]!r}, Crossref {pairs[name][1]!r}" for name in matched.differ)
    return one_line(f"{ours.reference_id}, {text}")


def _as_json(checked: Checked, proposed: Sequence[Proposal], written: int) -> dict[str, Any]:
    return {
        "references": checked.references,
        "checkable": checked.checkable,
        "crossref": {
            "answers": len(checked.answers),
            "asked_now": checked.asked,
            "oldest": min(checked.answers.values(), default=None),
            "not_registered": list(checked.unknown),
            "not_asked": list(checked.unasked),
            "failed": list(checked.failed),
        },
        "retraction_watch": checked.watch
        and {"rows": checked.watch.rows, "latest": checked.watch.latest, "misshapen_lines": list(checked.watch.misshapen)},
        "notices": [{**p.row, "reference_id": p.finding.reference.reference_id, "known": p.known} for p in proposed],
        "differences": [
            {"reference_id": f.reference.reference_id, "doi": f.reference.doi, "differ": list(f.match.differ if f.match else ())}
            for f in checked.differences
        ],
        "written": written,
    }

"""``cordbook search``: run the saved searches and take in what they find."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cordbook.core.text import capital
from cordbook.errors import CordbookError, UsageError

if TYPE_CHECKING:
    from cordbook.core.project import Project

DONE, FAILED = 0, 1
#: Titles that the markdown names: an issue holds 65,536 letters, and more than titles stands in it.
MOST_TITLES = 120


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "search",
        help="run the saved searches and take in what they find",
        description="Run the searches of data/search_strategies.csv that a program can run, such as those of PubMed and Europe "
        "PMC. A search that breaks off goes on where it stopped when the command is given again; records enter data/ when a "
        "search is whole, each once.",
        epilog="Environment: CORDBOOK_CONTACT, your e-mail address, which sources ask for (or contact in data/review.yml); "
        "NCBI_API_KEY, for 10 instead of 3 requests a second; OPENALEX_API_KEY, which OpenAlex needs for long lists; "
        "CORDBOOK_PUBMED_URL and the like, for a mirror. Exit code 0: all searches are whole. 1: one is not (what came is kept, "
        "and the command given again goes on), or there is no network (nothing was changed), or --check found what no source can read. 2: wrong use.",
    )
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="*",
        help="short name of a source, such as pubmed or ctgov, or the key of a strategy (default: all); any other word lists them",
    )
    since = parser.add_mutually_exclusive_group()
    since.add_argument("--since", metavar="DATE", type=_day, help="only records that the source has got since, as in 2026-11-20")
    since.add_argument(
        "--since-last",
        action="store_true",
        help="only records since the last complete search of each strategy, with a week's overlap",
    )
    offline = parser.add_argument_group("without a network")
    way = offline.add_mutually_exclusive_group()
    way.add_argument(
        "--check", action="store_true", help="say of each saved search whether its source can read it; search nothing"
    )
    way.add_argument(
        "--recall", metavar="FILE", type=Path,
        help="say which included studies are among the records of FILE (RIS, NBIB and the like), and which a search missed",
    )  # fmt: skip
    way.add_argument(
        "--recall-by-title",
        action="store_true",
        help="say which included studies each saved search finds by the words of their titles",
    )
    parser.add_argument(
        "--format", choices=("text", "markdown", "json"), default="text", help="how the result is told (default: text)"
    )
    parser.add_argument("--timeout", type=float, default=60.0, help=argparse.SUPPRESS)
    parser.add_argument("--back-off", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.set_defaults(run=run, exit_codes={CordbookError: 1, UsageError: 2})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.intake.records.untrusted_text import one_line
    from cordbook.intake.sources.client import NoNetwork
    from cordbook.intake.sources.searching import run as run_searches
    from cordbook.intake.sources.searching import since_last, strategies

    def say(text: str) -> None:
        print(one_line(text), file=sys.stderr, flush=True)

    project = find_project()
    if options.check or options.recall or options.recall_by_title:
        return _offline(options, project)
    chosen = strategies(project.data, options.sources)
    outcomes = run_searches(
        project,
        chosen,
        lambda s: since_last(project.data, s.strategy_id) if options.since_last else options.since or "",
        date.today().isoformat(),
        say,
        timeout=options.timeout,
        back_off=options.back_off,
    )
    if outcomes and all(o.no_network for o in outcomes):
        raise NoNetwork(f"no network: {one_line(outcomes[0].failed)}. Nothing was changed.")
    if options.format == "json":
        print(json.dumps([asdict(o) for o in outcomes], indent=2))
    else:
        print(_report(outcomes, project.data, markdown=options.format == "markdown"))
    return DONE if all(o.complete for o in outcomes) else FAILED


def _offline(options: argparse.Namespace, project: Project) -> int:
    """Look at saved searches without a network."""
    from cordbook.cli import search_recall

    if options.since or options.since_last:
        raise UsageError("--since and --since-last are for a search; --check and --recall search nothing")
    if options.check:
        return search_recall.check(project, options.sources)
    if options.recall:
        return search_recall.recall_in_file(project, options.recall, options.sources)
    return search_recall.recall_by_title(project, options.sources)


def _report(outcomes: list, data: Path, *, markdown: bool) -> str:
    from cordbook.intake.records.store import read_rows
    from cordbook.intake.records.untrusted_text import one_line

    rows = {row["record_id"]: row for row in read_rows(data, "records")}
    lines: list[str] = []

    def plain(text: str) -> str:
        return _markdown(one_line(text)) if markdown else one_line(text)

    if markdown:
        lines += ["| search | source | since | hits | fetched | new | known |", "| --- | --- | --- | --: | --: | --: | --: |"]
        lines += [
            f"| {o.strategy_id} | {o.source} | {o.since} | {o.hits} | {o.fetched} | {len(o.new)} | {o.known} |" for o in outcomes
        ]
    for o in outcomes:
        if not markdown:
            since = f" since {o.since}" if o.since else ""
            lines.append(
                f"{o.strategy_id} ({o.source}{since}): {o.hits} hits, {o.fetched} fetched, {len(o.new)} new, "
                f"{o.known} known already"
            )
        if o.failed:
            kept = f"{o.fetched} records are kept; give the command again to go on" if o.fetched else "nothing was changed"
            lines += ["", f"{o.strategy_id} is not whole: {plain(o.failed)}. {capital(kept)}."]
        elif o.warned:
            lines += [
                "",
                f"{o.strategy_id} is not whole: {plain(o.source)} did not take the query as it stands. Mend it in "
                "data/search_strategies.csv and search again; --since-last goes back to the search before.",
            ]
        elif not o.complete:
            lines += ["", f"{o.strategy_id} is not whole, though the source gave all it would; search again another day."]
        lines += [f"{'-' if markdown else ' '} {plain(remark)}" for remark in o.remarks]
    new = [record_id for o in outcomes for record_id in o.new] if markdown else []
    if new:
        lines.append("")
    for record_id in new[:MOST_TITLES]:
        row = rows[record_id]
        title = plain(textwrap.shorten(one_line(row["title"]), 200, placeholder=" ..."))
        lines.append(
            f"- [{title}]({row['url']}) {row['year']}"
            if row["url"].startswith("http") and ")" not in row["url"]
            else f"- {title} {row['year']}"
        )
    if len(new) > MOST_TITLES:
        lines.append(f"- and {len(new) - MOST_TITLES:,} more")
    if any(o.new for o in outcomes):
        lines += ["", "Next: cordbook dedupe"]
    return "\n".join(lines)


def _markdown(text: str) -> str:
    for char in "\\`*_[]<>#|@":
        text = text.replace(char, "\\" + char if char != "@" else "@\u2060")
    return text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid date; write it as 2026-11-20") from None

"""``cordbook search --check``, ``--recall`` and ``--recall-by-title``: saved searches looked at without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cordbook.core.columns import aligned
from cordbook.core.project import Project
from cordbook.errors import UsageError

if TYPE_CHECKING:
    from cordbook.review.appraisal.search_recall import Recall

DONE, PROBLEMS = 0, 1


def check(project: Project, wanted: Sequence[str]) -> int:
    """Say of each saved search whether its source can read it; return the exit code."""
    from cordbook.evidence.queries.dialects import ANY, dialect_of
    from cordbook.evidence.queries.parse import parse, shown_at

    unreadable = 0
    for row in _chosen(project, wanted):
        dialect = dialect_of(row["source"])
        problems = parse(row["query"], dialect or ANY).problems
        unreadable += bool(problems)
        known = (
            "" if dialect else " (its syntax is not known here: only parentheses, quotation marks and operators are looked at)"
        )
        print(f"{row['strategy_id']} ({row['source']}): {'can be read' if not problems else f'{len(problems)} to mend'}{known}")
        for problem in problems:
            print(f"  {shown_at(row['query'], problem.at)}\n    {problem.message} {problem.remedy}")
    return PROBLEMS if unreadable else DONE


def recall_by_title(project: Project, wanted: Sequence[str]) -> int:
    """Say what each saved search finds of the included studies by the words of their titles."""
    from cordbook.evidence.evidence import load_evidence
    from cordbook.review.appraisal.search_recall import BY_TITLE, by_title, included_studies, together

    studies = included_studies(load_evidence(project.data))
    found = [by_title(row, studies) for row in _chosen(project, wanted)]
    print(f"{BY_TITLE}\n")
    _print(found)
    if sum(r.share is not None for r in found) > 1:
        _print([together(found)])
    return DONE


def recall_in_file(project: Project, path: Path, wanted: Sequence[str]) -> int:
    """Say which included studies are among the records of a file; ``wanted`` names the search that gave it, none for all studies."""
    from cordbook.evidence.evidence import load_evidence
    from cordbook.intake.recall.in_records import in_records, records_of
    from cordbook.review.appraisal.search_recall import included_studies, of_topics

    studies = included_studies(load_evidence(project.data))
    if wanted:
        rows = _chosen(project, wanted)
        kept = {s.study_id for row in rows for s in of_topics(studies, row.get("looks_for", ""))}
        studies = [s for s in studies if s.study_id in kept]
    records, rejected = records_of(path)
    print(f"{len(records):,} records in {path}, compared by DOI, PubMed and PubMed Central number, and title.")
    if rejected:
        print(f"{rejected:,} parts of the file could not be read; what they hold counts as missed. cordbook import names them.")
    print()
    _print([in_records(project, records, studies, path.name)])
    return DONE


def _chosen(project: Project, wanted: Sequence[str]) -> list[dict[str, str]]:
    """The saved searches of these keys or sources; all where none is named."""
    from cordbook.intake.records.record import short_name
    from cordbook.intake.records.store import read_rows

    rows = read_rows(project.data, "search_strategies")
    chosen: list[dict[str, str]] = []
    for name in wanted:
        asked = name.casefold()
        found = [
            r
            for r in rows
            if asked == r["strategy_id"].casefold()
            or asked == r["strategy_id"].rpartition("-")[0].casefold()
            or asked in (r["source"].casefold(), short_name(r["source"]))
        ]
        if not found:
            raise UsageError(f"no saved search is called {name!r}. There are: {', '.join(r['strategy_id'] for r in rows)}")
        chosen += [r for r in found if r not in chosen]
    return chosen or rows


def _print(recalls: Sequence[Recall]) -> None:
    from cordbook.review.estimates.phrases import percent

    for r in recalls:
        if r.share is None:
            print(f"{r.name}: no share. {r.note or 'There is no study that it is meant to find'}.\n")
            continue
        print(f"{r.name}: {len(r.found):,} of {r.asked:,} studies ({percent(r.share)})")
        rows = [("", topic, f"{found:,} of {asked:,}") for topic, (found, asked) in r.by_topic().items()]
        print(aligned(rows, indent="  "))
        if r.open:
            print(f"  {len(r.open):,} more have no title in the tables and cannot be judged.")
        if r.missed:
            print("  missed:")
        for m in r.missed:
            print(f"    {m.study.study_id}: {m.study.title or 'title not seen'}{f' ({m.why})' if m.why else ''}")
        print()

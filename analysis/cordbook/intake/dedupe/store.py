"""Deduplication of the tables: what was merged stays, what was undone stays undone, every decision is a row.

``record_merges.csv`` says which record is the same as which other, or as which included study. A row that was undone is kept: it
says that the two are different, and keeps them from being merged or asked again. "Different", said of a pair that was asked, is
such a row from the beginning.

A record that was included as a study is the report of that study, and no duplicate of it: the two belong together without a merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cordbook.core.project import Project
from cordbook.errors import CordbookError, UnknownName
from cordbook.evidence.screening import taken_in_as
from cordbook.intake.dedupe.groups import Deduplicated, deduplicate
from cordbook.intake.dedupe.keys import Item, item
from cordbook.intake.dedupe.pairs import Pair
from cordbook.intake.records.record import Record
from cordbook.intake.records.store import Row, read_rows, record_of, write_tables, writing

STUDY = "study:"


class CannotMerge(CordbookError, ValueError):
    """Two records or studies cannot be joined; the message says why."""


class NothingToUndo(CordbookError, ValueError):
    """The record is not merged."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What deduplication reads. Studies stand under ``study:KEY``."""

    records: Mapping[str, Record]
    received: Mapping[str, str]
    studies: Mapping[str, Record]
    merges: tuple[Row, ...]
    screened: frozenset[str]
    #: Records that were included, and the study (``study:KEY``) as which each was taken in.
    reports: Mapping[str, str]

    def record(self, identity: str) -> Record:
        return self.studies[identity] if identity.startswith(STUDY) else self.records[identity]

    def standing(self) -> dict[str, str]:
        """Records that are merged into another: to the record, or ``study:KEY``, that each is the same as."""
        return {row["record_id"]: target_of(row) for row in self.merges if not row["undone_on"]}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did: the rows that it added, and the pairs that are for a person."""

    merged: tuple[Row, ...]
    uncertain: tuple[Pair, ...]
    tables: Tables = field(repr=False)


def target_of(row: Mapping[str, str]) -> str:
    """The record, or ``study:KEY``, that a row of ``record_merges`` names."""
    return row["same_as_record"] or STUDY + row["same_as_study"]


def load(project: Project) -> Tables:
    """The records, the included studies and the merges of a project."""
    data = project.data
    rows = read_rows(data, "records")
    included = {row["study_id"] for row in read_rows(data, "studies")}
    studies = {
        STUDY + row["reference_id"]: Record(
            title=row.get("title", ""),
            authors=row.get("first_author", ""),
            year=row.get("year", ""),
            container=row.get("journal", ""),
            doi=row.get("doi", ""),
            pmid=row.get("pmid", ""),
        )
        for row in read_rows(data, "references")
        if row["reference_id"] in included
    }
    screening = read_rows(data, "screening")
    return Tables(
        records={row["record_id"]: record_of(row) for row in rows},
        received={row["record_id"]: row["received_on"] for row in rows},
        studies=studies,
        merges=tuple(read_rows(data, "record_merges")),
        screened=frozenset(row["record_id"] for row in screening),
        reports={record: STUDY + study for record, study in taken_in_as(screening).items() if study in included},
    )


def find(tables: Tables) -> Deduplicated:
    """Groups and uncertain pairs in the light of earlier decisions."""
    import rapidfuzz  # noqa: F401  # who lacks it is told at once, not by the first pair that needs it

    items: list[Item] = [item(i, r) for i, r in (*tables.records.items(), *tables.studies.items())]
    apart = [(row["record_id"], target_of(row)) for row in tables.merges if row["undone_on"]]
    found = deduplicate(items, (*tables.reports.items(), *tables.standing().items()), apart)
    # Two studies of the review are two, whatever their titles; and a record that is merged into another asks nothing more.
    kept = tuple(p for p in found.uncertain if not (p.a.startswith(STUDY) and p.b.startswith(STUDY)))
    return replace(found, uncertain=kept)


def run(project: Project, by: str, today: str, *, write: bool = True) -> Result:
    """Merge what is certain, each merge a row; the rest is for a person. With ``write`` false nothing is changed."""
    with writing(project.kept):
        tables = load(project)
        found = find(tables)
        standing, strongest = tables.standing(), _strongest(found.links)
        new = [row for group in found.groups for row in _merges(group, strongest, standing, tables, by, today)]
        merges = (*tables.merges, *new)
        if new and write:
            write_tables(project.data, {"record_merges": merges})
    return Result(tuple(new), found.uncertain, replace(tables, merges=merges))


def decide(project: Project, a: str, b: str, same: bool, by: str, today: str, score: float | None = None) -> Row:
    """A person's word on a pair: a merge, or a row that keeps the two apart."""
    with writing(project.kept):
        tables = load(project)
        missing = [i for i in (a, b) if i not in tables.records and i not in tables.studies]
        if missing:
            raise UnknownName(f"no record or study {missing[0]!r}")
        row, merges = _decided(tables, a, b, same, by, today, score)
        write_tables(project.data, {"record_merges": merges})
    return row


def _decided(tables: Tables, a: str, b: str, same: bool, by: str, today: str, score: float | None) -> tuple[Row, list[Row]]:
    standing = tables.standing()
    if same:
        a, b = _root(a, standing), _root(b, standing)
        if a == b:
            raise CannotMerge("the two are merged already")
    stays, goes = sorted((a, b), key=lambda i: _rank(i, tables))
    if goes.startswith(STUDY):
        raise CannotMerge("two studies of the review cannot be merged here; give one of them same_as in references.csv")
    undone = {} if same else {"undone_by": by, "undone_on": today, "note": "judged different"}
    row = _row(goes, stays, "person", score, by, today) | undone
    return row, _with_row(tables.merges, row)


def decide_many(project: Project, decisions: Iterable[tuple[str, str, bool]], by: str, today: str) -> int:
    """Many decisions at once, all or none."""
    with writing(project.kept):
        tables = load(project)
        count = 0
        for a, b, same in decisions:
            if same and _root(a, tables.standing()) == _root(b, tables.standing()):
                continue
            _, merges = _decided(tables, a, b, same, by, today, None)
            tables = replace(tables, merges=tuple(merges))
            count += 1
        if count:
            write_tables(project.data, {"record_merges": tables.merges})
    return count


def undo(project: Project, record_id: str, by: str, today: str) -> Row:
    """Take back the merge of a record into another; raises :class:`NothingToUndo`."""
    with writing(project.kept):
        tables = load(project)
        rows = [dict(row) for row in tables.merges]
        row = next((r for r in rows if r["record_id"] == record_id and not r["undone_on"]), None)
        if row is None:
            others = sorted(i for i, target in tables.standing().items() if target == record_id)
            hint = f" These are merged into it: {', '.join(others)}." if others else ""
            raise NothingToUndo(f"{record_id} is not merged into another record.{hint}")
        row |= {"undone_by": by, "undone_on": today}
        write_tables(project.data, {"record_merges": rows})
    return row


def take_back(project: Project, merges: Iterable[Mapping[str, str]]) -> None:
    """The merges as they were before a decision."""
    with writing(project.kept):
        write_tables(project.data, {"record_merges": merges})


def _strongest(links: Iterable[Pair]) -> dict[str, Pair]:
    """The first, and so the strongest, link of every record."""
    found: dict[str, Pair] = {}
    for pair in links:
        found.setdefault(pair.a, pair)
        found.setdefault(pair.b, pair)
    return found


def _merges(
    group: tuple[str, ...], strongest: Mapping[str, Pair], standing: Mapping[str, str], tables: Tables, by: str, today: str
) -> list[Row]:
    studies = sorted(i for i in group if i.startswith(STUDY))
    reports = {i for i in group if tables.reports.get(i) in studies}
    roots = sorted(
        (i for i in group if i not in standing and i not in studies and i not in reports), key=lambda i: _rank(i, tables)
    )
    if not roots:
        return []
    # Records of a study that is known go straight to it if its report is on record, or a record that stood for it is merged into it.
    merged_into_study = bool(reports) or any(standing.get(i, "").startswith(STUDY) for i in group)
    rows = []
    for i in roots if studies and merged_into_study else roots[1:]:
        pair = strongest.get(i)
        rows.append(
            _row(i, studies[0] if merged_into_study and studies else roots[0], *_how(pair), by, today, pair.why if pair else "")
        )
    if studies and not merged_into_study:
        pair = next((p for s in studies if (p := strongest.get(s))), None)
        rows.append(_row(roots[0], studies[0], *_how(pair), by, today, pair.why if pair else ""))
    return rows


def _how(pair: Pair | None) -> tuple[str, float | None]:
    return (pair.method, pair.score) if pair else ("similarity", None)


def _row(goes: str, stays: str, method: str, score: float | None, by: str, today: str, note: str = "") -> Row:
    study = stays.removeprefix(STUDY) if stays.startswith(STUDY) else ""
    return {
        "record_id": goes,
        "same_as_record": "" if study else stays,
        "same_as_study": study,
        "method": method,
        "score": "" if score is None else f"{score:.3f}",
        "decided_by": by,
        "decided_on": today,
        "undone_by": "",
        "undone_on": "",
        "note": note,
    }


def _with_row(merges: Iterable[Row], row: Row) -> list[Row]:
    """The merges with a row added; a decision on the same pair on the same day stands in place of the earlier one."""
    key = ("record_id", "same_as_record", "same_as_study", "decided_on")
    return [r for r in merges if any(r[k] != row[k] for k in key)] + [row]


def together(tables: Tables, a: str, b: str) -> bool:
    """Are two records one already, by whatever merges lead there?"""
    standing = tables.standing()
    return _root(a, standing) == _root(b, standing)


def _root(identity: str, standing: Mapping[str, str]) -> str:
    seen = set()
    while identity in standing and identity not in seen:
        seen.add(identity)
        identity = standing[identity]
    return identity


def _rank(identity: str, tables: Tables) -> tuple[object, ...]:
    """Which of two records stays: a study, one that was screened, the earlier, the one that says more."""
    if identity.startswith(STUDY):
        return (0, "", 0, identity)
    record = tables.records[identity]
    filled = sum(
        bool(getattr(record, name)) for name in ("doi", "pmid", "authors", "container", "volume", "pages", "year", "url")
    )
    return (1 if identity in tables.screened else 2, tables.received[identity], -filled, identity)

"""What a parser gives back: records, and what it could not read, each with its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cordbook.intake.imports.parsers.origin import with_origin
from cordbook.intake.records.record import Record, pmid_of_accession, tidy


@dataclass(frozen=True, slots=True)
class Reject:
    """A piece of a file that could not be read: its lines (from 1, both included), the reason, the text as it stands."""

    first: int
    last: int
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file read: records in the order of the file with the line where each begins, and rejects. Together: all that was seen."""

    form: str
    records: tuple[tuple[int, Record], ...] = ()
    rejects: tuple[Reject, ...] = ()

    @property
    def seen(self) -> int:
        return len(self.records) + len(self.rejects)


#: Values of a record by the tag or column that holds them.
Values = Mapping[str, Sequence[str]]
#: Field of a record to the tags that may hold it, the best first.
FieldMap = Mapping[str, Sequence[str]]


#: Why such a record is rejected: taken as one, the second would be lost.
TWO_TITLES = "two titles in one record; where the second begins, its first line is missing"
#: The same, seen from another field.
TWO_RECORDS = "a field that a record has once comes again after others: two records that have run into each other"


def two_values(values: Sequence[str]) -> bool:
    """Do the values of a tag that has one differ? A line that stands there twice does no harm."""
    return len({" ".join(v.split()).casefold() for v in values if v.strip()}) > 1


def build(values: Values, fields: FieldMap) -> Record:
    """A record from tagged values: the first tag that says something, authors together, first and last page as one."""
    found: dict[str, str] = {}
    for name, tags in fields.items():
        if name in ("last_page", "authors", "accession", "database"):
            continue
        values_of = next((kept for tag in tags if (kept := [v for v in values.get(tag, ()) if v.strip()])), [""])
        # Some exports write each paragraph of an abstract as a value of its own.
        found[name] = " ".join(dict.fromkeys(values_of)) if name == "abstract" else values_of[0]
    found["authors"] = "; ".join(
        next((kept for tag in fields["authors"] if (kept := [v.strip(" ;,") for v in values.get(tag, ()) if v.strip(" ;,")])), [])
    )
    last = next((v.strip() for tag in fields.get("last_page", ()) for v in values.get(tag, ()) if v.strip()), "")
    if last and found.get("pages") and last != found["pages"] and "-" not in found["pages"]:
        found["pages"] = f"{found['pages'].strip()}-{last}"
    record = tidy(Record(**found))
    if not record.pmid:
        numbers, databases = (
            [v for tag in fields.get(name, ()) for v in values.get(tag, ())] for name in ("accession", "database")
        )
        record = replace(record, pmid=pmid_of_accession(numbers, databases))
    if not record.doi:
        # Some exports put the DOI among the other numbers: "10.1000/x [doi]".
        listed = (
            v
            for tag in ("LID", "AID", "M3", "L3", "N1")
            for v in values.get(tag, ())
            if v.strip().lower().startswith(("10.", "doi"))
        )
        record = tidy(replace(record, doi=next(listed, "")))
    return with_origin(record, [v for vs in values.values() for v in vs])

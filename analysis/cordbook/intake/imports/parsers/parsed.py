"""What a parser gives back: records, what it could not read, each with its lines, and what it did not use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cordbook.evidence.rules.promises import stands_for_nothing
from cordbook.intake.imports.parsers.origin import with_origin
from cordbook.intake.records.record import Record, as_doi, as_year, pmid_of_accession, tidy


@dataclass(frozen=True, slots=True)
class Reject:
    """A piece of a file that could not be read: its lines (from 1, both included), the reason, the text as it stands.

    ``records``: how many records it holds, as far as can be told; none for text between records.
    """

    first: int
    last: int
    why: str
    text: str
    records: int = 1


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file read: records in the order of the file with the line where each begins, and rejects. Together: all that was seen.

    ``unused``: tags or columns (``unit``) with values that no field of a record takes. ``head``: what stands before rejects that are
    to be read again, such as the names of columns.
    """

    form: str
    records: tuple[tuple[int, Record], ...] = ()
    rejects: tuple[Reject, ...] = ()
    unused: tuple[str, ...] = ()
    unit: str = "tags"
    head: str = ""

    @property
    def seen(self) -> int:
        """Records of the file, taken or rejected; lines that belong to no record are not counted."""
        return len(self.records) + sum(reject.records for reject in self.rejects)


#: Values of a record by the tag or column that holds them.
Values = Mapping[str, Sequence[str]]
#: Field of a record to the tags that may hold it, the best first.
FieldMap = Mapping[str, Sequence[str]]

#: Why such a record is rejected: taken as one, the second would be lost.
TWO_TITLES = "two titles in one record; where the second begins, its first line is missing"
#: The same, seen from another field.
TWO_RECORDS = "a field that a record has once comes again after others: two records that have run into each other"
#: What programs write where they know nothing (R, Python, spreadsheets), and what databases write in place of an abstract.
NOTHING = frozenset(["NA", "N/A", "n/a", "NaN", "nan", "None", "none", "NULL", "null", "<NA>", "#N/A", "[No abstract available]"])
#: What stands for pages that nobody knows: Ovid's "No" to "Specified", EBSCO's N.PAG.
NO_PAGES = re.compile(r"no(?:\W+specified)?|specified|n\.?\s?pag\.?|no pagination|not specified", re.I)
#: A date that tells a step on the way to print ("2013/02/15/received"), as PubMed Central writes it: no year of publication.
_STEP = re.compile(r"\d{4}(?:/\d{0,2}){2}/\s*[a-z][\w -]*", re.I)
#: Tags in which some exports put the DOI among other numbers: "10.1000/x [doi]".
DOI_ELSEWHERE = ("LID", "AID", "M3", "L3", "N1")
_PEOPLE = re.compile(r"\s*[;；]\s*")


def two_values(values: Iterable[str]) -> bool:
    """Do the values of a tag that has one differ? A line that stands there twice does no harm."""
    return len({" ".join(v.split()).casefold() for v in values if not says_nothing(v)}) > 1


def says_nothing(value: str) -> bool:
    """Is a value blank, or a word for it: of a program, or one that the rules of the evidence refuse?

    >>> [says_nothing(text) for text in ("NA", " ", "not available", "Na, Hyun")]
    [True, True, True, False]
    """
    bare = value.strip()
    return not bare or bare in NOTHING or stands_for_nothing(bare)


def years_of(values: Iterable[str]) -> list[str]:
    """The values that say when a report was published, without the dates of receipt and acceptance."""
    return [v for v in values if not says_nothing(v) and not _STEP.fullmatch(v.strip())]


def doi_of(values: Iterable[str]) -> str:
    """The DOI among values; of two that begin alike the longer, which is the chapter's and not the book's.

    >>> doi_of(["10.1007/978-3-319-00000-1", "10.1007/978-3-319-00000-1_5"])
    '10.1007/978-3-319-00000-1_5'
    """
    found = [doi for v in values if (doi := as_doi(v))]
    return max((doi for doi in found if doi.startswith(found[0])), key=len, default="")


def one_doi(values: Iterable[str]) -> bool:
    """Are the DOIs among values one, or that of a chapter and that of its book?"""
    found = {doi for v in values if (doi := as_doi(v))}
    longest = max(found, key=len, default="")
    return all(longest.startswith(doi) for doi in found)


def people(values: Iterable[str]) -> list[str]:
    """The persons in values of one or of several persons with semicolons between them."""
    names = (name.strip(" ,") for v in values for name in _PEOPLE.split(v))
    return [name for name in names if not says_nothing(name)]


def build(values: Values, fields: FieldMap) -> Record:
    """A record from tagged values: the first tag that says something, authors together, first and last page as one."""
    said = {tag: [v for v in given if not says_nothing(v)] for tag, given in values.items()}

    def first(name: str) -> list[str]:
        return next((said[tag] for tag in fields.get(name, ()) if said.get(tag)), [])

    def every(*names: str) -> list[str]:
        return [v for name in names for tag in fields.get(name, ()) for v in said.get(tag, ())]

    found = {name: next(iter(first(name)), "") for name in ("title", "container", "volume", "issue", "language", "url")}
    found["pmid"] = next(iter(first("pmid")), "")
    found["year"] = next((v for v in years_of(every("year")) if as_year(v)), "")
    found["kind"] = next((v for v in every("kind") if not as_doi(v)), "")
    # Some exports write each paragraph of an abstract as a value of its own.
    found["abstract"] = " ".join(dict.fromkeys(first("abstract")))
    found["authors"] = "; ".join(next((names for tag in fields["authors"] if (names := people(said.get(tag, ())))), []))
    found["pages"] = _pages(every("pages"), every("last_page"))
    found["doi"] = doi_of(every("doi")) or next(iter(every("doi")), "")
    record = tidy(Record(**found))
    if not record.pmid:
        record = replace(record, pmid=pmid_of_accession(every("accession"), every("database")))
    if not record.doi:
        listed = (v for tag in DOI_ELSEWHERE for v in said.get(tag, ()) if v.strip().lower().startswith(("10.", "doi")))
        record = tidy(replace(record, doi=next(listed, "")))
    return with_origin(record, every("database"), every("accession", "number", "url"))


def _pages(first: Sequence[str], last: Sequence[str]) -> str:
    begin = next((v.strip() for v in first if not NO_PAGES.fullmatch(v.strip())), "")
    end = next((v.strip() for v in last if not NO_PAGES.fullmatch(v.strip())), "")
    return f"{begin}-{end}" if begin and end and begin != end and "-" not in begin else begin


def unused_of(names: Iterable[str], fields: FieldMap, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of tags or columns that no field takes, each once, in the order of the file."""
    used = {tag for tags in fields.values() for tag in tags}.union(known)
    return tuple(dict.fromkeys(name for name in names if name not in used))

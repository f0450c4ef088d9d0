"""One bibliographic record, whatever it came from, and the reading of its fields."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from cordbook.intake.records.untrusted_text import plain, safe

#: Sources by the name that stands in the tables, and the slug that begins the key of a record.
SOURCES = {
    "PubMed": "pubmed",
    "Europe PMC": "epmc",
    "ClinicalTrials.gov": "ctgov",
    "Crossref": "crossref",
    "OpenAlex": "openalex",
    "Embase": "embase",
    "Web of Science": "wos",
    "Scopus": "scopus",
    "CENTRAL": "central",
    "CNKI": "cnki",
    "other": "other",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What a source says of a report. Every field is text; blank means that the source does not say.

    ``authors`` are joined by ``; ``, family name first. ``doi`` is in lower case without resolver.
    """

    source: str = "other"
    source_key: str = ""
    title: str = ""
    authors: str = ""
    year: str = ""
    container: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    doi: str = ""
    pmid: str = ""
    language: str = ""
    kind: str = ""
    url: str = ""
    note: str = ""
    abstract: str = ""

    def digest(self) -> str:
        """Ten hexadecimal digits of what is in the record, for records without a number of their own."""
        text = "\x1f".join(getattr(self, f.name) for f in fields(self) if f.name not in ("note", "url"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def key(self) -> str:
        """What tells the record from others of its source: its number there, or a digest of its content."""
        return self.source_key or f"x{self.digest()}"


#: Words before a family name that belong to it.
PARTICLES = frozenset(["de", "la", "le", "van", "der", "den", "von", "da", "di", "del", "dos", "el", "al", "ten"])
FIELDS = tuple(f.name for f in fields(Record))
_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.I)
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
_PMC_PAGE = re.compile(
    r"https?://(?:(?:www\.)?ncbi\.nlm\.nih\.gov/pmc/articles|pmc\.ncbi\.nlm\.nih\.gov/articles"
    r"|(?:www\.)?europepmc\.org/(?:articles?|abstract)(?:/PMC)?)/(?P<number>PMC[1-9]\d*)/?(?:[?#].*|pdf/?[^/]*)?",
    re.I,
)
_MEDLINE = re.compile(r"\b(?:medline|pubmed)\b|^\s*nlm\s*$", re.I)
_OTHERS = re.compile(r"\b(?:embase|cinahl|psyc\w+|scopus|central|cochrane)\b", re.I)
_SAYS_PMID = re.compile(r"(?:PMID|PUBMED|MEDLINE)\b", re.I)
#: An address with what announces it and the brackets around it.
_EMAIL = re.compile(
    r"\s*[(\[<]?\s*(?:\be-?mail(?: address(?:es)?)?\s*[:=]?\s*|mailto:)?(?<![\w.%+/-])[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
    r"\s*[)\]>]?\.?",
    re.I,
)
_SLUG = re.compile(r"[^A-Za-z0-9.]+")


def tidy(record: Record) -> Record:
    """``record`` with every field plain and its identifiers in one form; a DOI may come out of the address."""
    values = {name: plain(getattr(record, name)) for name in FIELDS}
    values |= {name: without_email(values[name]) for name in FIELDS if "@" in values[name] and name not in ("doi", "source_key")}
    values["doi"] = as_doi(values["doi"]) or as_doi(values["url"] if "doi.org/" in values["url"] else "")
    values["year"] = as_year(values["year"])
    values["pmid"] = as_pmid(values["pmid"])
    values["title"] = as_title(values["title"])
    values["pages"] = values["pages"].replace("–", "-").replace("—", "-").strip("- ")
    if values["pages"].count("-") > 1:
        values["pages"] = re.sub(r"-{2,}", "-", values["pages"])
    if not re.match(r"https?://", values["url"], re.I):
        values["url"] = ""
    return replace(record, **{name: safe(value) for name, value in values.items()})


def without_email(text: str) -> str:
    """``text`` without addresses of e-mail: those of people are not stored.

    >>> without_email("Ruiz, Ana (ana.ruiz@example.org); Chen, Bo. E-mail: bo@example.org.")
    'Ruiz, Ana; Chen, Bo.'
    """
    return " ".join(_EMAIL.sub("", text).split())


def as_doi(text: str) -> str:
    """The DOI in ``text`` in lower case, or nothing.

    >>> as_doi("https://doi.org/10.1002/ANA.24361.")
    '10.1002/ana.24361'
    """
    found = _DOI.search(text.replace("%2F", "/").replace("%2f", "/"))
    if not found:
        return ""
    doi = found.group().lower().rstrip(".,;:'*")
    # A closing bracket belongs to the DOI only if it was opened there: 10.1016/s0140-6736(17)30601-3.
    while doi[-1:] in ")]}" and doi.count(doi[-1]) > doi.count({")": "(", "]": "[", "}": "{"}[doi[-1]]):
        doi = doi[:-1].rstrip(".,;:")
    return doi


def as_year(text: str) -> str:
    """The first year in ``text``, or nothing.

    >>> as_year("2019 Apr-May")
    '2019'
    """
    found = _YEAR.search(text)
    return found.group() if found else ""


def as_pmid(text: str) -> str:
    """The PubMed number in ``text``, or nothing."""
    found = re.fullmatch(r"(?:PMID:?\s*|PUBMED:?\s*|MEDLINE:)?0*(\d{1,8})(?:\.0|\s*\[.*)?", text.strip(), re.I)
    return found.group(1) if found else ""


def as_pmcid(address: str) -> str:
    """The PubMed Central number of the report whose own page an address is, or nothing.

    A page within it (a table, a figure, a list of references) may be of a review that cites the report.

    >>> as_pmcid("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC6790856/"), as_pmcid("https://europepmc.org/article/PMC/PMC42")
    ('PMC6790856', 'PMC42')
    >>> as_pmcid("https://pmc.ncbi.nlm.nih.gov/articles/PMC8080912/table/tb6"), as_pmcid("https://example.org/PMC42")
    ('', '')
    """
    found = _PMC_PAGE.fullmatch(address.strip())
    return found["number"].upper() if found else ""


def pmid_of_accession(numbers: Iterable[str], databases: Iterable[str]) -> str:
    """The PubMed number among accession numbers: where MEDLINE or PubMed alone gave them, or where the number says so itself.

    Other databases give numbers of the same form, and a wrong PubMed number would make two reports one.

    >>> pmid_of_accession(["31234567"], ["Ovid MEDLINE(R) ALL"]), pmid_of_accession(["MEDLINE:31234567"], [])
    ('31234567', '31234567')
    >>> pmid_of_accession(["31234567"], ["CINAHL"]), pmid_of_accession(["31234567"], ["Embase", "MEDLINE"]), pmid_of_accession(["31234567"], [])
    ('', '', '')
    """
    named = [text for text in databases if text.strip()]
    medline = bool(named) and all(_MEDLINE.search(text) and not _OTHERS.search(text) for text in named)
    return next((pmid for n in numbers if (medline or _SAYS_PMID.match(n.strip())) and (pmid := as_pmid(n))), "")


def as_title(text: str) -> str:
    """A title without the full stop that sources put behind it and the brackets around a translated one.

    >>> as_title("[A study of cells].")
    'A study of cells'
    """
    text = text.strip()
    bare = text[:-1] if text.endswith(".") and not text.endswith("..") else text
    if bare.startswith("[") and bare.endswith("]") and bare.count("[") == 1:
        bare = bare[1:-1]
    return bare.strip()


def family_first(name: str) -> str:
    """A displayed name with the family name first.

    >>> family_first("Ana M. de la Cruz")
    'de la Cruz, Ana M.'
    """
    words = name.split()
    if "," in name or len(words) < 2:
        return name
    at = len(words) - 1
    while at > 1 and words[at - 1].casefold() in PARTICLES:
        at -= 1
    return f"{' '.join(words[at:])}, {' '.join(words[:at])}"


def slug(text: str) -> str:
    """``text`` as part of a key: letters, digits, dots and hyphens."""
    return _SLUG.sub("-", text).strip("-.")


def short_name(source: str) -> str:
    """A source's name as it stands in keys, commands and the environment: that of `SOURCES`, else made from its letters.

    >>> short_name("Europe PMC"), short_name("Trip Database")
    ('epmc', 'trip-database')
    """
    return SOURCES.get(source) or slug(source).lower()

"""Says how a search is written in each source: its fields, how it truncates, and in which order it reads operators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """The syntax of one source.

    ``names`` are beginnings or parts of the names of sources. ``prefixes`` are fields written before a term with a colon or
    equals sign, ``suffixes`` those written behind it, ``tags`` those in square brackets behind it; all in small letters. True
    stands for a field whose words are in titles and abstracts, False for one that text cannot answer, such as an index term.
    ``boolean``: does it know AND, OR and NOT? ``left_to_right``: does it read them in turn, without precedence?
    ``single``: is ' a quotation mark? ``truncates``: may a word end in *? ``in_phrases``: also in a phrase? ``near``: operators of
    nearness. ``plus``: does + stand for OR? ``stems``: does it find a word in the plural too? ``shortest``: so many letters stand
    before a *. ``longest``: so many signs may the query have once it is part of an address. Zero: no limit is known.
    """

    name: str
    names: tuple[str, ...]
    prefixes: Mapping[str, bool] = field(default_factory=dict)
    suffixes: Mapping[str, bool] = field(default_factory=dict)
    tags: Mapping[str, bool] = field(default_factory=dict)
    boolean: bool = True
    left_to_right: bool = False
    single: bool = False
    truncates: bool = True
    in_phrases: bool = True
    near: tuple[str, ...] = ()
    plus: bool = False
    stems: bool = False
    shortest: int = 0
    longest: int = 0

    @property
    def fields(self) -> Mapping[str, bool]:
        """Every field that it knows, in whichever way it is written."""
        return {**self.prefixes, **self.suffixes, **self.tags}


_TEXT, _OTHER = True, False
_COMMON_SUFFIXES = {"ti": _TEXT, "ab": _TEXT, "kw": _TEXT, "tt": _TEXT, "de": _OTHER, "exp": _OTHER, "mj": _OTHER, "lim": _OTHER}

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "Europe PMC", ("Europe PMC",),
        prefixes={
            "title": _TEXT, "abstract": _TEXT, "title_abs": _TEXT, "src": _OTHER, "pub_type": _OTHER, "mesh": _OTHER, "kw": _TEXT,
            "first_pdate": _OTHER, "pub_year": _OTHER, "creation_date": _OTHER, "has_abstract": _OTHER, "lang": _OTHER,
            "body": _OTHER, "auth": _OTHER, "journal": _OTHER, "open_access": _OTHER, "in_pmc": _OTHER, "ext_id": _OTHER, "doi": _OTHER,
        },
        in_phrases=False,
    ),
    Dialect(
        "PubMed", ("PubMed",), left_to_right=True, shortest=4,
        tags={
            "tiab": _TEXT, "ti": _TEXT, "ab": _TEXT, "tw": _TEXT, "title": _TEXT, "title/abstract": _TEXT, "text word": _TEXT,
            "ot": _TEXT, "all": _TEXT, "all fields": _TEXT, "mesh": _OTHER, "mh": _OTHER, "mesh terms": _OTHER, "majr": _OTHER,
            "mesh:noexp": _OTHER, "mesh major topic": _OTHER, "sh": _OTHER, "pt": _OTHER, "publication type": _OTHER, "nm": _OTHER,
            "dp": _OTHER, "edat": _OTHER, "crdt": _OTHER, "la": _OTHER, "lang": _OTHER, "au": _OTHER, "ta": _OTHER, "sb": _OTHER,
            "filter": _OTHER, "pmid": _OTHER, "uid": _OTHER,
        },
    ),
    Dialect(
        "Ovid", ("Ovid", "MEDLINE (Ovid)"), single=False,
        suffixes={
            "ti": _TEXT, "ab": _TEXT, "kw": _TEXT, "kf": _TEXT, "tw": _TEXT, "mp": _TEXT, "sh": _OTHER, "hw": _OTHER, "pt": _OTHER,
            "fs": _OTHER, "la": _OTHER, "yr": _OTHER, "au": _OTHER,
        },
        near=("ADJ",),
    ),
    Dialect("Embase", ("Embase",), suffixes=_COMMON_SUFFIXES, single=True, near=("NEAR", "NEXT")),
    Dialect(
        "CENTRAL (Cochrane Library)", ("CENTRAL", "Cochrane"),
        suffixes={"ti": _TEXT, "ab": _TEXT, "kw": _TEXT, "pt": _OTHER, "au": _OTHER, "so": _OTHER}, near=("NEAR", "NEXT"),
        in_phrases=False,
    ),
    Dialect(
        "Web of Science", ("Web of Science",),
        prefixes={
            "ts": _TEXT, "ti": _TEXT, "ab": _TEXT, "ak": _TEXT, "kp": _TEXT, "all": _TEXT, "au": _OTHER, "so": _OTHER, "py": _OTHER,
            "dt": _OTHER, "la": _OTHER, "wc": _OTHER, "su": _OTHER, "do": _OTHER, "ut": _OTHER,
        },
        near=("NEAR", "SAME"),
    ),
    Dialect(
        "Scopus", ("Scopus",),
        prefixes={"title-abs-key": _TEXT, "title": _TEXT, "abs": _TEXT, "key": _TEXT, "doctype": _OTHER, "pubyear": _OTHER},
        near=("W", "PRE"),
    ),
    Dialect(
        "CNKI", ("CNKI",), single=True, plus=True, truncates=False,
        prefixes={"su": _TEXT, "ti": _TEXT, "ab": _TEXT, "ky": _TEXT, "tka": _TEXT, "ft": _OTHER, "au": _OTHER, "yr": _OTHER},
    ),
    Dialect(
        "ClinicalTrials.gov", ("ClinicalTrials.gov",), truncates=False,
        prefixes={
            "conditionsearch": _TEXT, "interventionsearch": _TEXT, "basicsearch": _TEXT, "titlesearch": _TEXT, "outcomesearch": _TEXT,
            "condition": _TEXT, "brieftitle": _TEXT, "officialtitle": _TEXT, "interventionname": _TEXT, "keyword": _TEXT,
            "overallstatus": _OTHER, "studytype": _OTHER, "phase": _OTHER, "startdate": _OTHER, "lastupdatepostdate": _OTHER,
            "nctid": _OTHER, "locationcountry": _OTHER,
        },
    ),
    Dialect("Crossref", ("Crossref",), boolean=False, truncates=False),
    Dialect("OpenAlex", ("OpenAlex",), truncates=False, stems=True, longest=3900),
)  # fmt: skip
#: A source that is not known: parentheses, quotation marks and operators alone are looked at.
ANY = Dialect("the source", (), near=("NEAR", "NEXT", "ADJ", "W", "PRE", "SAME"))


def dialect_of(source: str) -> Dialect | None:
    """The syntax of a source by its name; a platform in brackets stands above the database. None where it is not known.

    >>> dialect_of("Embase (embase.com)").name, dialect_of("Embase (Ovid)").name, dialect_of("A library")
    ('Embase', 'Ovid', None)
    """
    if re.search(r"\bovid\b", source, re.I):
        return next(d for d in DIALECTS if d.name == "Ovid")
    return next((d for d in DIALECTS if source.lower().startswith(tuple(n.lower() for n in d.names))), None)

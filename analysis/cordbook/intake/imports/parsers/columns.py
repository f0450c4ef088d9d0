"""What the tables of databases and of programs call their columns: one declaration for each, and the names that all share.

Names are in lower case without anything but letters and digits, as :func:`name_of` has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cordbook.intake.imports.parsers.parsed import FieldMap

#: Field to the columns that hold it where no dialect says otherwise; the best first.
COLUMNS: dict[str, tuple[str, ...]] = {
    "title": (
        "title", "articletitle", "documenttitle", "displayname", "primarytitle", "ti", "studytitle", "题名", "篇名",
    ),
    "authors": ("authorfullnames", "authors", "authornames", "author", "au", "作者"),
    "year": (
        "publicationyear", "publishedyear", "pubyear", "year", "yearpublished", "py", "publicationdate", "datepublished", "date",
        "dateofpublication", "earlyaccessdate", "createdate", "startdate",
    ),
    "container": (
        "sourcetitle", "journalbook", "journal", "journaltitle", "publicationtitle", "source", "so", "publicationname",
        "sourcepublication", "booktitle", "来源", "刊名",
    ),
    "volume": ("volume", "vl"),
    "issue": ("issue", "issuenumber", "is"),
    "pages": (
        "pages", "pagerange", "pagination", "startpage", "pagestart", "firstpage", "bp", "articlenumber", "artno", "articleno", "ar",
    ),
    "last_page": ("endpage", "pageend", "lastpage", "ep"),
    "doi": ("doi", "digitalobjectidentifier", "doilink", "di"),
    "pmid": ("pmid", "pubmedid", "medlinepmid", "pubmedids"),
    "language": ("language", "languageoforiginaldocument", "languageofarticle", "la"),
    "kind": ("documenttype", "publicationtype", "itemtype", "dt", "type"),
    "url": ("link", "url", "embaselink", "studyurl"),
    "accession": ("accessionnumber", "ut", "an"),
    "database": ("database", "databasename", "databaseprovider"),
    "abstract": ("abstract", "abstractnote", "ab", "summary", "briefsummary", "摘要"),
}  # fmt: skip
#: Embase's one column for all of the place: "Cancer (2004) 102:4 (253-258). Date of Publication: 25 Aug 2004".
EMBASE_SOURCE = re.compile(
    r"(?P<container>.+?)\s*\((?P<year>\d{4})\)\s*(?:(?P<volume>[^:()]*?)(?:\s*:\s*(?P<issue>[^()]*?))?)?"
    r"\s*(?:\((?P<pages>[^()]*)\))?\s*\.?(?:\s*(?:Article Number|Date of Publication|Number of Pages)\b.*)?"
)
#: PubMed's: "Spinal Cord. 2019 Apr;57(4):12-19. doi: 10.1000/x."
PUBMED_CITATION = re.compile(
    r"(?P<container>.+?)\. (?P<year>\d{4})[^;]{0,20};(?P<volume>[^(:;]*)(?:\((?P<issue>[^)]*)\))?(?::(?P<pages>[^.;]+))?.*"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one database or program writes its table; what it does not say is as in :data:`COLUMNS`.

    ``signs``: columns that together tell it. ``source``: the database, where no other writes such a table. ``between``: what stands
    between two persons, beside semicolons. ``place``: a column that holds journal, year, volume and pages in one.
    """

    name: str
    signs: frozenset[str]
    source: str = ""
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    between: str = ""
    given_first: bool = False
    place: tuple[str, re.Pattern[str]] | None = None

    @property
    def fields(self) -> FieldMap:
        """The columns of each field: its own first, then those that all share."""
        own = {name: (*names, *(c for c in COLUMNS.get(name, ()) if c not in names)) for name, names in self.columns.items()}
        return COLUMNS | own


def _dialect(name: str, signs: str, **more: object) -> Dialect:
    return Dialect(name, frozenset(signs.split()), **more)


#: Told one after the other: the first of which all signs are there.
DIALECTS: tuple[Dialect, ...] = (
    _dialect("PubMed", "pmid journalbook nihmsid", source="PubMed", between=", ", place=("citation", PUBMED_CITATION)),
    _dialect(
        "Embase", "title authornames source", source="Embase", between=", ", place=("source", EMBASE_SOURCE),
        columns={"container": ("sourcetitle",), "accession": ("embaseaccessionid",)},
    ),
    _dialect("Embase", "title authornames embaseaccessionid", source="Embase", between=", ", columns={"accession": ("embaseaccessionid",)}),
    _dialect("Scopus", "sourcetitle eid", source="Scopus", columns={"accession": ("eid",)}),
    _dialect("Web of Science", "articletitle utuniquewosid", source="Web of Science", columns={
        "accession": ("utuniquewosid",), "pmid": ("pubmedid",)}),
    _dialect("Web of Science", "pt ti ut", source="Web of Science", columns={"authors": ("af", "au"), "pmid": ("pm",)}),
    _dialect("IEEE Xplore", "documenttitle dateaddedtoxplore", source="IEEE Xplore", given_first=True, columns={
        "url": ("pdflink",), "kind": ("documentidentifier",)}),
    _dialect("Zotero", "key itemtype abstractnote", columns={"container": ("publicationtitle", "proceedingstitle", "seriestitle")}),
    _dialect("Covidence", "title covidence"),
    _dialect("Rayyan", "key title pmcid authors", between=" and "),
    _dialect(
        "OpenAlex", "id authorshipsauthordisplayname", source="OpenAlex", between="|", given_first=True,
        columns={
            "title": ("displayname", "title"),
            "authors": ("authorshipsauthordisplayname",),
            "container": ("primarylocationsourcedisplayname",),
            "volume": ("bibliovolume",),
            "issue": ("biblioissue",),
            "pages": ("bibliofirstpage",),
            "last_page": ("bibliolastpage",),
            "pmid": ("idspmid",),
            "accession": ("id",),
            "url": ("id", "primarylocationlandingpageurl"),
        },
    ),
    _dialect("OpenAlex", "id displayname publicationyear", source="OpenAlex", between="|", given_first=True, columns={
        "title": ("displayname",), "accession": ("id",), "container": ("hostvenuedisplayname",), "url": ("id",)}),
    _dialect("The Lens", "lensid authors", source="The Lens", given_first=True, columns={
        "accession": ("lensid",), "url": ("externalurl", "sourceurls")}),
    _dialect("The Lens", "lensid title", source="The Lens", given_first=True, columns={
        "accession": ("lensid",), "url": ("externalurl", "sourceurls")}),
    _dialect("Dimensions", "publicationid pubyear", source="Dimensions", columns={
        "accession": ("publicationid",), "container": ("sourcetitle", "sourcetitleanthologytitle", "anthologytitle"),
        "url": ("sourcelinkout", "dimensionsurl")}),
    _dialect("Cochrane", "cochraneid title", source="CENTRAL", columns={"accession": ("cochraneid",)}),
    _dialect("ClinicalTrials.gov", "nctnumber studytitle", source="ClinicalTrials.gov", columns={
        "accession": ("nctnumber",), "container": ("sponsor",), "authors": ("investigators",), "kind": ("studytype",)}),
    _dialect("Publish or Perish", "gsrank cites title", columns={"url": ("articleurl",), "container": ("source", "publisher")}),
)  # fmt: skip
#: Lines before the header that are of the file, by who writes them: Dimensions; a spreadsheet that names its separator.
FRAME = re.compile(r"\W*(?:About the data: |sep=.\W*$)")
PLAIN = Dialect("", frozenset())
#: Every name of a column of titles: what tells the header of a table.
TITLES = frozenset(COLUMNS["title"])


def name_of(column: str) -> str:
    """A column's name as :data:`COLUMNS` has it.

    >>> name_of("Author(s) ")
    'authors'
    """
    return re.sub(r"[\W_]+", "", column.casefold())


def dialect_of(names: Sequence[str]) -> Dialect:
    """The dialect whose signs are all among the names of the columns; a plain one where there is none.

    >>> dialect_of(["title", "covidence", "doi"]).name
    'Covidence'
    """
    there = set(names)
    return next((dialect for dialect in DIALECTS if dialect.signs <= there), PLAIN)

"""EndNote XML and PubMed XML, read record by record, so that a broken one spoils no other.

No document type can stand in a record, so no entity can be declared: the attacks that defusedxml guards against have no place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from cordbook.intake.imports.parsers.parsed import TWO_RECORDS, TWO_TITLES, Parsed, Reject, build, one_doi, two_values
from cordbook.intake.records.record import Record, tidy

#: Field to the path of its element in a record of EndNote.
PATHS = {
    "title": ("titles/title",),
    "authors": ("contributors/authors/author",),
    "year": ("dates/year", "dates/pub-dates/date"),
    "container": ("periodical/full-title", "titles/secondary-title", "alt-periodical/full-title", "periodical/abbr-1"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages",),
    "doi": ("electronic-resource-num",),
    "accession": ("accession-num",),
    "database": ("remote-database-name", "remote-database-provider"),
    "language": ("language",),
    "kind": ("work-type",),
    "url": ("urls/related-urls/url", "urls/web-urls/url"),
    "abstract": ("abstract",),
}
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8BbCcEeFf]|1[0-9A-Fa-f])|0*(?:[0-8]|1[1-24-9]|2\d|3[01]));"
)


@dataclass(frozen=True, slots=True)
class XmlForm:
    """One format of XML: its name, the elements that hold a record, the elements around them, and how a record is read."""

    name: str
    records: tuple[str, ...]
    around: tuple[str, ...]
    read: Callable[[ElementTree.Element], Record]
    #: The elements of titles, of which a record has one, and others of which it has one.
    titles: str
    once: tuple[str, ...]
    dois: tuple[str, ...]
    #: Elements of one record that no field takes, by what stands in a file.
    unused: Callable[[ElementTree.Element], Iterable[str]]

    def opening(self) -> re.Pattern[str]:
        """What opens a record."""
        return re.compile(rf"<(?P<name>{'|'.join(self.records)})\b[^>]{{0,200}}?(?<!/)>")


def parse(text: str, form: XmlForm) -> Parsed:
    """Read a file of one format of XML."""
    records: list[tuple[int, Record]] = []
    rejects: list[Reject] = []
    unused: dict[str, None] = {}
    opening = form.opening()
    found = list(opening.finditer(text))
    starts = [m.start() for m in found] + [len(text)]
    line = 1
    _outside(text[: starts[0]], line, form, rejects)
    line += text.count("\n", 0, starts[0])
    for match, (start, end) in zip(found, pairwise(starts), strict=True):
        piece = text[start:end]
        body, closed, rest = piece.partition(f"</{match['name']}>")
        raw = (body + closed).rstrip()
        last = line + raw.count("\n")
        try:
            # XML 1.0 forbids control characters; some exports hold them all the same.
            node = ElementTree.fromstring(_FORBIDDEN.sub(" ", body + closed))
            record = form.read(node)
            if two_values([_text(e) for e in node.findall(form.titles)]):
                rejects.append(Reject(line, last, TWO_TITLES, raw, 2))
            elif twice := next((path for path in form.once if two_values([_text(e) for e in node.findall(path)])), ""):
                rejects.append(Reject(line, last, f"{TWO_RECORDS} ({twice})", raw, 2))
            elif not one_doi([_text(e) for path in form.dois for e in node.findall(path)]):
                rejects.append(Reject(line, last, f"{TWO_RECORDS} (DOI)", raw, 2))
            elif record.title:
                records.append((line, record))
                unused |= dict.fromkeys(form.unused(node))
            else:
                rejects.append(Reject(line, last, "no title", raw))
        except (ElementTree.ParseError, ValueError) as error:
            why = f"not well-formed XML: {error}" if closed else "the file ends, or the next record begins, inside this record"
            rejects.append(Reject(line, last, why, raw))
        _outside(rest, line + (body + closed).count("\n"), form, rejects)
        line += piece.count("\n")
    return Parsed(form.name, tuple(records), tuple(rejects), tuple(unused), "elements")


def _outside(text: str, line: int, form: XmlForm, rejects: list[Reject]) -> None:
    around = "|".join(form.around)
    frame = rf"<\?[^>]{{0,200}}\?>|<!DOCTYPE[^>]{{0,200}}>|</?(?:{around})\b[^>]{{0,200}}>|<!--.{{0,2000}}?-->"
    if bare := re.sub(frame, "", text, flags=re.S).strip():
        rejects.append(Reject(line, line + text.rstrip().count("\n"), "text outside of any record", bare, 0))


def _endnote(node: ElementTree.Element) -> Record:
    values: dict[str, list[str]] = {path: [_text(e) for e in node.findall(path)] for paths in PATHS.values() for path in paths}
    values["work-type"] += [kind.get("name", "") for kind in node.findall("ref-type")]
    return build(values, PATHS)


def _endnote_unused(node: ElementTree.Element) -> Iterable[str]:
    used = {path.partition("/")[0] for paths in PATHS.values() for path in paths} | {
        "database",
        "ref-type",
        "source-app",
        "rec-number",
    }
    return (child.tag for child in node if child.tag not in used and _text(child))


def pubmed_article(node: Any) -> Record:
    """The record in an article of PubMed's XML. A book chapter has the same parts one level higher."""
    article = node.find("MedlineCitation/Article")
    if article is None:
        article = node.find("BookDocument")
    if article is None:
        article = node
    pmid = _text(node, "MedlineCitation/PMID") or _text(article, "PMID")
    names = []
    for author in article.findall("AuthorList/Author"):
        family = _text(author, "LastName")
        given = _text(author, "ForeName") or _text(author, "Initials")
        names.append(f"{family}, {given}" if family and given else family or _text(author, "CollectiveName"))
    doi = next((_text(e) for e in article.findall("ELocationID") if e.get("EIdType") == "doi"), "") or next(
        (_text(e) for e in node.findall("PubmedData/ArticleIdList/ArticleId") if e.get("IdType") == "doi"), ""
    )
    abstract = " ".join(
        f"{part.get('Label')}: {_text(part)}" if part.get("Label") else _text(part)
        for part in article.findall("Abstract/AbstractText")
    )
    issue = article.find("Journal/JournalIssue")
    return tidy(
        Record(
            source="PubMed",
            source_key=pmid,
            title=_text(article, "ArticleTitle") or _text(article, "VernacularTitle") or _text(article, "Book/BookTitle"),
            authors="; ".join(filter(None, names)),
            year=_text(issue, "PubDate/Year") or _text(issue, "PubDate/MedlineDate") or _text(article, "Book/PubDate/Year"),
            container=_text(article, "Journal/Title") or _text(article, "Book/BookTitle"),
            volume=_text(issue, "Volume"),
            issue=_text(issue, "Issue"),
            pages=_text(article, "Pagination/MedlinePgn") or _text(article, "Pagination/StartPage"),
            doi=doi,
            pmid=pmid,
            language="; ".join(_text(e) for e in article.findall("Language")),
            kind="; ".join(_text(e) for e in article.findall("PublicationTypeList/PublicationType")),
            url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid else "",
            abstract=abstract,
        )
    )


def _text(node: Any, path: str = "") -> str:
    """The words of an element, those that are marked up included; EndNote wraps them in style elements."""
    if node is not None and path:
        node = node.find(path)
    return "" if node is None else " ".join("".join(node.itertext()).split())


ENDNOTE_XML = XmlForm(
    "EndNote XML",
    ("record",),
    ("xml", "records"),
    _endnote,
    "titles/title",
    ("contributors/authors", "periodical/full-title", "dates/year", "volume", "number", "pages", "accession-num", "abstract"),
    ("electronic-resource-num",),
    _endnote_unused,
)
PUBMED_XML = XmlForm(
    "PubMed XML",
    ("PubmedArticle", "PubmedBookArticle"),
    ("PubmedArticleSet",),
    pubmed_article,
    "MedlineCitation/Article/ArticleTitle",
    (
        "MedlineCitation/PMID",
        *(f"MedlineCitation/Article/{name}" for name in ("Journal", "Abstract", "AuthorList", "Pagination")),
    ),
    (),
    lambda node: (),
)
#: By the name under which a user asks for it.
XML_FORMS: Mapping[str, XmlForm] = {"endnote-xml": ENDNOTE_XML, "pubmed-xml": PUBMED_XML}

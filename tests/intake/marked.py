"""Records whose every field bears the sign of its record, written as each database and program writes them, line by line.

What is stored can then be held against what was written: a record with the signs of two is a chimera.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: A field in a pattern. Braces of BibTeX stand around it: {{title}}.
_FIELD = re.compile(r"\{(title|author|author2|year|journal|volume|pages|doi|abstract|number)\}")
SIGN = re.compile(r"q(\d{3})q", re.I)


@dataclass(frozen=True)
class Line:
    """A line of an export: the record that it is of, none for what stands between records, and the field, blank where it has none."""

    text: str
    record: int | None = None
    field: str = ""


Writer = Callable[[Iterable[int]], list[Line]]


def value(field: str, n: int) -> str:
    """What a field of record ``n`` says."""
    return {
        "title": f"Q{n:03d}Q a title of words",
        "author": f"Ruiz Q{n:03d}Q, Ana",
        "author2": f"Chen Q{n:03d}Q, Bo",
        "year": str(1950 + n),
        "journal": f"Journal Q{n:03d}Q",
        "volume": str(100 + n),
        "pages": f"{1000 + n}-{1900 + n}",
        "doi": f"10.1000/q{n:03d}q",
        "abstract": f"Abstract Q{n:03d}Q of words.",
        "number": f"{9000 + n:06d}",
    }[field]


def tagged(lines: str, between: tuple[str, ...] = ("",), first: tuple[str, ...] = ()) -> Writer:
    """A writer of tagged lines: ``lines`` are patterns with the names of fields in braces; others are of the record all the same."""
    patterns = lines.strip("\n").split("\n")

    def write(numbers: Iterable[int]) -> list[Line]:
        numbers = list(numbers)
        out = [Line(text) for text in first]
        for at, n in enumerate(numbers, 1):
            for pattern in patterns:
                name = found[1] if (found := _FIELD.search(pattern)) else ""
                text = pattern.replace(f"{{{name}}}", value(name, n)) if name else pattern
                text = text.replace("#n", str(at)).replace("#of", str(len(numbers)))
                out.append(Line(text, n, name))
            out += [Line(text) for text in between]
        return out

    return write


def table(columns: str, separator: str = ",") -> Writer:
    """A writer of a table: names of columns, each with the field that it holds."""
    pairs = [tuple(part.strip().split("=")) for part in columns.strip().split(";")]

    def row(cells: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=separator, lineterminator="").writerow(cells)
        return out.getvalue()

    def write(numbers: Iterable[int]) -> list[Line]:
        head = Line(row([name for name, _ in pairs]))
        return [head, *(Line(row([value(field, n) if field else "" for _, field in pairs]), n, "row") for n in numbers)]

    return write


RIS = "TY  - JOUR\nT1  - {title}\nA1  - {author}\nA1  - {author2}\nJF  - {journal}\nPY  - {year}\nVL  - {volume}\nDO  - {doi}\nN2  - {abstract}\nER  - "
DIALECTS: dict[str, Writer] = {
    "any.ris": tagged(RIS),
    "no-blank.ris": tagged(RIS, between=()),
    "before-ty.ris": tagged("DB  - A\nTI  - {title}\nAB  - {abstract}\nTY  - JOUR\nAU  - {author}\nJO  - {journal}\nPY  - {year}\nER  - "),
    "cochrane.ris": tagged(
        'Record ##n of #of\nProvider: John Wiley & Sons, Ltd\nContent: text/plain; charset="UTF-8"\n\nTY  - JOUR\nAN  - CN-00{number}\n'
        "AU  - {author}\nTI  - {title}\nJO  - {journal}\nPY  - {year}\nDO  - {doi}\nAB  - {abstract}\nER  - "
    ),
    "ovid.ris": tagged(
        "#n.\nTY  - JOUR\nID  - {number}\nDO  - {doi}\nT1  - {title}\nA1  - {author}\nY1  - {year}\nJF  - {journal}\nN2  - {abstract}\n"
        "DO  - {doi}\nER  -\nNL  - A J",
        between=("", "Link to the Ovid Full Text or citation: https://example.org/ovidweb.cgi?T=JS", ""),
    ),
    "pubmed.nbib": tagged(
        "PMID- 31{number}\nOWN - NLM\nDP  - {year} Jan\nTI  - {title}\nAB  - {abstract}\nFAU - {author}\nAU  - Ruiz A\nFAU - {author2}\n"
        "AU  - Chen B\nJT  - {journal}\nVI  - {volume}\nLID - {doi} [doi]"
    ),
    "eric.nbib": tagged("OWN - ERIC\nTI  - {title}\nAU  - {author}\nJT  - {journal}\nOID - EJ{number}\nDP  - {year}\nAB  - {abstract}"),
    "wos.txt": tagged(
        "PT J\nAU {author}\n   {author2}\nTI {title}\nSO {journal}\nAB {abstract}\nPY {year}\nVL {volume}\nDI {doi}\nUT WOS:000000{number}\nER",
        first=("FN Clarivate Analytics Web of Science", "VR 1.0"),
    ),
    "central.txt": tagged("Record ##n of #of\nID: CN-00{number}\nAU: {author}\nTI: {title}\nSO: {journal}\nYR: {year}\nAB: {abstract}"),
    "any.enw": tagged("%0 Journal Article\n%A {author}\n%A {author2}\n%T {title}\n%J {journal}\n%D {year}\n%V {volume}\n%R {doi}\n%X {abstract}"),
    "no-blank.enw": tagged("%0 Journal Article\n%A {author}\n%T {title}\n%J {journal}\n%D {year}\n%X {abstract}", between=()),
    "bepress.enw": tagged("%T {title}\n%0 Journal Article\n%A {author}\n%B {journal}\n%D {year}\n%V {volume}\n%X {abstract}"),
    "cnki.net": tagged(
        "{Reference Type}: Journal Article\n{Title}: {title}\n{Author}: {author}\n{Journal}: {journal}\n{Year}: {year}\n"
        "{Abstract}: {abstract}\n{Database Provider}: CNKI"
    ),
    "cnki.txt": tagged(
        "SrcDatabase-来源库: 期刊\nTitle-题名: {title}\nAuthor-作者: {author}\nSource-来源: {journal}\nYear-年: {year}\nSummary-摘要: {abstract}"
    ),
    "estudy.txt": tagged(
        "DataType: 1\nTitle-题名: {title}\nAuthor-作者: {author}\nSource-刊名: {journal}\nYear-年: {year}\nSummary-摘要: {abstract}\n"
        "SrcDatabase-来源库: 期刊\nOrgan-机构: 某医院;"
    ),
    "refworks.txt": tagged("RT Journal Article\nSR 1\nA1 {author}\nT1 {title}\nJF {journal}\nYR {year}\nVO {volume}\nDO {doi}\nAB {abstract}"),
    "any.bib": tagged(
        "@article{key{number},\n  title = {{title}},\n  author = {{author}},\n  journal = {{journal}},\n  year = {{year}},\n"
        "  volume = {{volume}},\n  doi = {{doi}},\n  abstract = {{abstract}},\n}"
    ),
    "cochrane.bib": tagged(
        "Record ##n of #of\n@article{key{number},\nauthor = {{author}},\ntitle = {{title}},\njournal = {{journal}},\nyear = {{year}},\n"
        "DOI = {{doi}},\nabstract = {{abstract}}\n}"
    ),
    "endnote.xml": tagged(
        "<record>\n<contributors><authors><author>{author}</author></authors></contributors>\n<titles><title>{title}</title></titles>\n"
        "<periodical><full-title>{journal}</full-title></periodical>\n<dates><year>{year}</year></dates>\n"
        "<electronic-resource-num>{doi}</electronic-resource-num>\n<abstract>{abstract}</abstract>\n</record>",
        between=(), first=("<xml><records>",),
    ),
    "pubmed.xml": tagged(
        '<PubmedArticle><MedlineCitation><PMID Version="1">31{number}</PMID><Article>\n<Journal><JournalIssue>\n<PubDate><Year>{year}</Year>'
        "</PubDate></JournalIssue>\n<Title>{journal}</Title></Journal>\n<ArticleTitle>{title}</ArticleTitle>\n<Abstract>\n"
        "<AbstractText>{abstract}</AbstractText>\n</Abstract><AuthorList>\n<Author><LastName>{author}</LastName></Author>\n</AuthorList></Article>"
        "</MedlineCitation></PubmedArticle>",
        between=(), first=("<PubmedArticleSet>",),
    ),
    "pubmed.csv": table("PMID=number;Title=title;Authors=author;Journal/Book=journal;Publication Year=year;NIHMS ID=;DOI=doi"),
    "scopus.csv": table("Authors=author;Title=title;Year=year;Source title=journal;Volume=volume;DOI=doi;Abstract=abstract;EID="),
    "zotero.csv": table("Key=number;Item Type=;Publication Year=year;Author=author;Title=title;Publication Title=journal;DOI=doi;Abstract Note=abstract"),
    "wos.tsv": table("PT=;AU=author;TI=title;SO=journal;AB=abstract;PY=year;DI=doi;UT=", "\t"),
}  # fmt: skip

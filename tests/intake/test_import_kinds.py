"""What exporters do and how it is taken in: each kind of file, of value and of report, not one file."""

from __future__ import annotations

import pytest

from cordbook.cli import main
from cordbook.core.csv_files import LONGEST_VALUE
from cordbook.core.project import Project
from cordbook.evidence.evidence import load_evidence
from cordbook.intake.imports.importing import import_file
from cordbook.intake.imports.parsers import format_of, parse
from cordbook.intake.records.record import Record, tidy
from cordbook.intake.records.store import read_rows, refused_by_rules
from cordbook.review.reporting.prisma_flow import database_flow


def ris(*lines: str) -> str:
    return "TY  - JOUR\n" + "".join(f"{line}\n" for line in lines) + "ER  - \n\n"


def only(text: str) -> Record:
    parsed = parse(text)
    assert parsed.rejects == (), parsed.rejects
    [(_, record)] = parsed.records
    return record


# Records that are one, and records that are two.
@pytest.mark.parametrize(
    "lines",
    [
        ("TI  - A", "DO  - 10.1000/b.1", "PY  - 2020", "DO  - 10.1000/b.1_4"),
        ("TI  - A", "PY  - 2020/01/02", "PY  - 2019/11/30/accepted", "DO  - 10.1000/b.1_4", "PY  - 2019/10/01/received"),
        ("TI  - A", "AU  - One, A", "AD  - There", "AU  - Two, B", "AD  - Here", "DO  - 10.1000/b.1_4"),
        ("TI  - A", "JO  - Journal", "VL  - 4", "DO  - 10.1000/b.1_4", "TI  - A"),
    ],
    ids=["two DOIs that begin alike", "dates of receipt", "persons apart", "a line twice"],
)
def test_one_opening_one_end_and_one_title_are_one_record(lines):
    record = only(ris(*lines))
    assert (record.title, record.doi) == ("A", "10.1000/b.1_4")


@pytest.mark.parametrize(
    "lines",
    [
        ("TI  - A", "PY  - 2020", "TI  - B"),
        ("TI  - A", "DO  - 10.1000/a", "PY  - 2020", "DO  - 10.1000/b"),
        ("TI  - A", "PY  - 2020", "JO  - J", "PY  - 2021"),
        ("TI  - A", "AU  - One, A", "PY  - 2020", "AU  - Two, B", "PY  - 2020"),
        ("TI  - A", "AN  - 1", "PY  - 2020", "AN  - 2"),
        ("TI  - A", "AB  - One.", "PY  - 2020", "AB  - Two."),
        ("TI  - A", "AU  - RuizTY  - JOUR", "PY  - 2020"),
        ("TI  - A", "VL  - N2  - Of another", "PY  - 2020"),
    ],
    ids=["titles", "DOIs", "years", "two fields again", "numbers", "abstracts", "an opening line inside", "a tag inside"],
)
def test_a_second_of_what_a_record_has_once_is_another_record(lines):
    parsed = parse(ris(*lines))
    assert parsed.records == ()
    assert len(parsed.rejects) == 1


def test_fields_before_the_first_opening_line_put_all_aside_where_nothing_parts_the_records():
    """Each title may be of the record before it or after it."""
    parsed = parse("%T First\n%0 Journal Article\n%A One\n%T Second\n%0 Journal Article\n%A Two\n")
    assert parsed.records == ()
    [reject] = parsed.rejects
    assert "put a blank line between the records" in reject.why
    assert reject.records == 2


# Formats.
@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Record #1 of 1\nProvider: x\n\n" + ris("TI  - A", "AB  - About\nTI: no tag of Cochrane"), "ris"),
        ("Record #1 of 1\n@article{a,\ntitle = {A},\nyear = {2020}\n}\n", "bibtex"),
        ("Record #1 of 1\nID: CN-01\nTI: A\nYR: 2020\n", "cochrane"),
        (ris("TI  - A", "AB  - We asked for title, year, journal,\ntitle,year,doi\nand more", "PY  - 2020"), "ris"),
        ("\nOWN - ERIC\nTI  - A\nDP  - 2020\n", "nbib"),
        ("Title,Abstract,Year\nA,\"TY  - JOUR\nTI  - in a cell\nER  - \",2020\nB,x,2021\nC,x,2021\nD,x,2021\nE,x,2021\nF,x,2021\n"
         "G,x,2021\n", "table"),
        ("@article{a, title={A}, abstract={\nTY  - JOUR\n}}\n@book{b, title={B}}\n", "bibtex"),
    ],
)  # fmt: skip
def test_a_format_is_told_by_how_often_its_lines_occur(text, form):
    assert format_of(text) == form


PUBMED = """<?xml version="1.0" ?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" "x.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">31000001</PMID><Article><Journal><JournalIssue><Volume>5</Volume>
<PubDate><Year>2020</Year></PubDate></JournalIssue><Title>Spinal Cord</Title></Journal><ArticleTitle>Cells in <i>vivo</i>.</ArticleTitle>
<ELocationID EIdType="doi">10.1000/x.1</ELocationID><Abstract><AbstractText Label="AIM">One.</AbstractText></Abstract>
<AuthorList><Author><LastName>Ruiz</LastName><ForeName>Ana</ForeName></Author></AuthorList></Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID Version="1">31000002</PMID><Article><ArticleTitle>Broken</Artic></Article></MedlineCitation></PubmedArticle>
</PubmedArticleSet>
"""


def test_pubmed_xml_is_read_record_by_record():
    parsed = parse(PUBMED)
    [(line, record)] = parsed.records
    assert (line, record.title, record.authors, record.year, record.container, record.doi, record.pmid, record.abstract) == (
        2, "Cells in vivo", "Ruiz, Ana", "2020", "Spinal Cord", "10.1000/x.1", "31000001", "AIM: One.",
    )  # fmt: skip
    [reject] = parsed.rejects
    assert "not well-formed" in reject.why


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"PK\x03\x04 and so on", "a spreadsheet workbook or an archive, not an export. Open it and save the sheet as CSV"),
        (b"%PDF-1.7 and so on", "a PDF file, not an export"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "a web page, not an export"),
        (b"<1>\nUnique Identifier\n  31000001\nTitle\n  Cells.\n", "Ovid's citation text"),
    ],
)
def test_what_is_no_export_says_what_to_export_instead(intake_project, tmp_path, capsys, body, said):
    path = tmp_path / "file"
    path.write_bytes(body)
    assert main(["import", str(path)]) == 1
    shown = "".join(capsys.readouterr())
    assert said in shown
    assert "RIS" in shown
    assert read_rows(intake_project / "data", "searches") == []


# BibTeX.
def test_bibtex_as_programs_write_it():
    text = r"""@string{jn = "Journal of " # {Cells}}
@STRING(pub = {Press})
@article{same, title = {One {MRI}}, journal = jn, year = 2020, author = {M{\"u}ller, A. and {World Health Organization}}, month = jan # " 5"}
@article{same, title = "Two: 50\% of ``all''", journal = jn # " and Cords", year = {2021}, author = {van der Berg, C. and Jan de Vries}}
@misc{x, title = {Three}, abstract = {50% of 3 {T}, $p < 0.05$}, author = {Fran{\c{c}}ois Lef\`evre}, pages = {12--19}, note = {a}, note = {b}}
"""
    parsed = parse(text)
    assert parsed.rejects == ()
    assert [(r.title, r.container, r.year, r.authors) for _, r in parsed.records] == [
        ("One MRI", "Journal of Cells", "2020", "Müller, A.; World Health Organization"),
        ("Two: 50% of “all”", "Journal of Cells and Cords", "2021", "van der Berg, C.; de Vries, Jan"),
        ("Three", "", "", "Lefèvre, François"),
    ]
    assert (parsed.records[2][1].abstract, parsed.records[2][1].pages) == ("50% of 3 T, $p < 0.05$", "12-19")
    assert parsed.unused == ("month", "note")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@article{a, title = {A}, title = {B}}", "two titles"),
        ("@article{a, title = {A}, year = 2020, year = 2021}", "year"),
        ("@article{a, title = {A}, year = {2020}\n\n@article{b, title = {B}}", "inside this entry"),
        ("@article{a, title = {A}, two words = {2020}}", "no field begins at"),
        ("@article{a, title = {A}}\n  year = {2020},\n}", "fields outside"),
    ],
)
def test_bibtex_that_is_damaged_is_named(text, why):
    assert why in parse(text).rejects[0].why


# Tables.
TABLES = {
    "zotero": (
        'Key,Item Type,Publication Year,Author,Title,Publication Title,ISSN,DOI,Url,Abstract Note,Date,Pages,Issue,Volume\n'
        'A,journalArticle,2015,"Ruiz, Ana; Chen, Bo",T,Journal,1,10.1000/x,,Abstract.,2015-03,1-9,2,31\n', ("Key", "ISSN")),
    "ieee": (
        '"Document Title",Authors,"Author Affiliations","Publication Title",Date Added To Xplore,"Publication Year","Volume","Issue",'
        '"Start Page","End Page","Abstract","DOI",PDF Link\nT,"Ana Ruiz; Bo Chen",There,Journal,1 Jan 2015,2015,31,2,1,9,Abstract.,10.1000/x,'
        'https://example.org/1\n', ("Author Affiliations", "Date Added To Xplore")),
    "covidence": (
        "Title,Authors,Abstract,Published Year,Published Month,Journal,Volume,Issue,Pages,Accession Number,DOI,Ref,Covidence #\n"
        'T,"Ruiz, Ana; Chen, Bo",Abstract.,2015,1,Journal,31,2,1-9,7,10.1000/x,,#12\n', ("Published Month", "Covidence #")),
    "rayyan": (
        "key,title,year,month,day,journal,issn,volume,issue,pages,authors,url,language,abstract,notes,doi,pubmed_id,pmc_id\n"
        'k,T,2015,1,1,Journal,1,31,2,1-9,"Ruiz, Ana and Chen, Bo",,,Abstract.,n,10.1000/x,,\n', ("key", "month", "day", "issn", "notes")),
    "embase": (
        'Title,Author Names,Source,Abstract,DOI\nT,"Ruiz, Ana; Chen, Bo","Journal (2015) 31:2 (1-9). Date of Publication: 3 Mar 2015",'
        "Abstract.,10.1000/x\n", ()),
    "embase in columns": (
        'Title,Author Names,Source title,Publication Year,Volume,Issue,First Page,Last Page,DOI,Embase Accession ID,Abstract\n'
        'T,"Ruiz, Ana; Chen, Bo",Journal,2015,31,2,1,9,10.1000/x,L2000000001,Abstract.\n', ()),
    "openalex": (
        "id,display_name,publication_year,doi,authorships.author.display_name,primary_location.source.display_name,biblio.volume,biblio.issue,"
        "biblio.first_page,biblio.last_page,abstract,cited_by_count\nhttps://openalex.org/W1,T,2015,https://doi.org/10.1000/x,Ana Ruiz|Bo Chen,"
        "Journal,31,2,1,9,Abstract.,4\n", ("cited_by_count",)),
    "lens": (
        "Lens ID,Title,Date Published,Publication Year,Publication Type,Source Title,Author/s,Abstract,Volume,Issue Number,Start Page,End Page,DOI,"
        "PMID,External URL\n000-1,T,2015-03-01,2015,journal article,Journal,Ana Ruiz; Bo Chen,Abstract.,31,2,1,9,10.1000/x,,https://lens.org/1\n", ()),
    "dimensions": (
        '"About the data: Exported on Nov 1, 2026. Criteria: x"\nRank,Publication ID,DOI,PMID,Title,Abstract,Source title,PubYear,Volume,Issue,'
        'Pagination,Authors,Dimensions URL\n1,pub.1000000001,10.1000/x,,T,Abstract.,Journal,2015,31,2,1-9,"Ruiz, Ana; Chen, Bo",\n', ("Rank",)),
    "scopus": (
        'Authors,Author full names,Title,Year,Source title,Volume,Issue,Art. No.,Page start,Page end,DOI,Link,Abstract,EID\n'
        '"Ruiz A.; Chen B.","Ruiz, Ana (1); Chen, Bo (2)",T,2015,Journal,31,2,,1,9,10.1000/x,,Abstract.,2-s2.0-90000000001\n', ()),
    "wos": (
        "Publication Type\tAuthors\tAuthor Full Names\tArticle Title\tSource Title\tAbstract\tPublication Year\tVolume\tIssue\tStart Page\tEnd Page"
        "\tDOI\tUT (Unique WOS ID)\nJ\tRuiz, A; Chen, B\tRuiz, Ana; Chen, Bo\tT\tJournal\tAbstract.\t2015\t31\t2\t1\t9\t10.1000/x\t"
        "WOS:000000000000001\n", ()),
}  # fmt: skip
SOURCES = {
    "ieee": "IEEE Xplore", "embase": "Embase", "embase in columns": "Embase", "openalex": "OpenAlex", "lens": "The Lens",
    "dimensions": "Dimensions", "scopus": "Scopus", "wos": "Web of Science",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_each_database_and_program_come_in_whole(intake_project, tmp_path, name):
    text, unused = TABLES[name]
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    done = import_file(Project(intake_project), path, "2026-11-21", "A. Ruiz")
    assert done.rejects == ()
    [row] = read_rows(intake_project / "data", "records")
    assert {name: row[name] for name in ("title", "authors", "year", "container", "volume", "issue", "pages", "doi")} == {
        "title": "T", "authors": "Ruiz, Ana; Chen, Bo", "year": "2015", "container": "Journal", "volume": "31", "issue": "2", "pages": "1-9",
        "doi": "10.1000/x",
    }  # fmt: skip
    assert [r["abstract"] for r in read_rows(intake_project / "data", "abstracts")] == ["Abstract."]
    assert row["source"] == SOURCES.get(name, "other")
    assert (done.unused, done.unit) == (unused, "columns")


def test_an_import_says_what_is_missing_and_what_was_not_used(intake_project, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("Title,Year,Summary note,Empty\nOne,2020,Lost,\nTwo,,Lost,NA\n")
    assert main(["import", str(path)]) == 0
    shown = capsys.readouterr().out
    assert (
        "2 records: 0 with authors, 1 with year, 0 with journal, 0 with DOI, 0 with abstract; columns not used: Summary note\n"
        in shown
    )
    path = tmp_path / "a.ris"
    path.write_text(ris("TI  - Three", "AU  - One", "PY  - 2020", "JO  - J", "DO  - 10.1000/x", "AB  - Text", "KW  - cord"))
    assert main(["import", str(path)]) == 0
    assert "1 record: each with authors, year, journal, DOI, abstract; tags not used: KW\n" in capsys.readouterr().out


# Values.
@pytest.mark.parametrize("nothing", ["NA", "nan", "NaN", "None", "N/A", "n/a", "NULL", "  "])
def test_the_words_of_programs_for_nothing_are_blank(nothing):
    record = only(
        ris(
            "TI  - A",
            f"AU  - {nothing}",
            "AU  - Na, Hyun",
            f"JO  - {nothing}",
            f"VL  - {nothing}",
            f"AB  - {nothing}",
            f"DO  - {nothing}",
        )
    )
    assert (record.title, record.authors, record.container, record.volume, record.abstract, record.doi) == (
        "A",
        "Na, Hyun",
        "",
        "",
        "",
        "",
    )
    [(_, record)] = parse(f"title,authors,year\nA,{nothing},{nothing}\n").records
    assert (record.authors, record.year) == ("", "")


def test_addresses_of_people_are_not_stored():
    record = tidy(
        Record(
            title="A trial", authors="Ruiz, Ana (ana.ruiz@uni.example.org); Chen, Bo <bo@example.org>",
            abstract="Text at 5 mg. E-mail: bo+x@example.org. More, 3@4.", url="https://doi.org/10.1000/a@b", doi="10.1000/a@b",
        )
    )  # fmt: skip
    assert record.authors == "Ruiz, Ana; Chen, Bo"
    assert "example.org" not in record.abstract
    assert record.abstract.endswith("More, 3@4.")
    assert record.doi == "10.1000/a@b"


def test_a_record_of_pubmed_with_several_other_numbers_is_one():
    record = only("PMID- 31000001\nOWN - NLM\nTI  - A\nOID - NLM: PMC1\nDP  - 2020\nOID - NLM: HHSPA2\nAID - 10.1000/x [doi]\n")
    assert (record.source_key, record.doi) == ("31000001", "10.1000/x")


def test_pages_of_the_zoological_record():
    record = only("PT J\nAU Ruiz, A\nTI A\nSO B\nPS 12-19\nPY 2020\nUT ZOOREC:ZOOR12345678901\nER\n")
    assert (record.pages, record.source) == ("12-19", "Web of Science")


def test_a_file_has_one_source_told_by_its_fields_for_it(intake_project, tmp_path):
    """Not by a DOI or a title; where the records disagree by no one; --source stands above all."""
    home = Project(intake_project)

    def source(text: str, **how: str) -> set[str]:
        path = tmp_path / "a.ris"
        path.write_text(text, encoding="utf-8")
        done = import_file(home, path, "2026-11-21", "x", **how)
        new = {row["source"] for row in read_rows(home.data, "records") if row["record_id"] in done.new}
        assert new == {done.source}
        return new

    assert source(ris("TI  - Embase and Scopus compared", "DO  - 10.1000/j.cnki.1", "N1  - from Scopus")) == {"other"}
    assert source(ris("TI  - B", "DB  - Embase") + ris("TI  - C", "DB  - Embase") + ris("TI  - D")) == {"Embase"}
    assert source(ris("TI  - E", "DB  - Embase") + ris("TI  - F", "DB  - Scopus")) == {"other"}
    assert source(ris("TI  - G", "AN  - CN-01234567") + ris("TI  - H") + ris("TI  - I")) == {"other"}
    assert source(ris("TI  - J", "DB  - Embase"), source="LILACS") == {"LILACS"}


# What is written, the rules accept.
def test_what_an_import_writes_the_rules_of_the_evidence_accept(project, tmp_path, capsys):
    """Titles that a spreadsheet would run, 5,200 authors, a long abstract, characters of PDF files, joiners."""
    names = [f"Collaborator{n:04d}, First Second Middle." for n in range(5_200)]
    path = tmp_path / "a.ris"
    path.write_text(
        ris("TI  - =SUM(A1:A9) and the cord", "AU  - @home, A", "JO  - +plus", "PY  - 2020", "VL  - -5", "AB  - - Aim: none")
        + ris("TI  - A consortium", *(f"AU  - {name}" for name in names), "AB  - " + "word " * 27_000)
        + ris(
            "TI  - Private \ue000 use, zero\u200bwidth \u2061joiner, e\u0301, \u0378", "AU  - A\u00ad B", "AB  - x\ufffey\x00z"
        ),
        encoding="utf-8",
    )
    assert main(["import", str(path), "--searched-on", "2026-11-01", "--by", "=A. Ruiz"]) == 1
    assert "searched_by" in capsys.readouterr().err
    assert main(["import", str(path), "--searched-on", "2026-11-01", "--by", "A. Ruiz"]) == 0
    rows = {row["title"]: row for row in read_rows(project / "data", "records")}
    assert rows["'=SUM(A1:A9) and the cord"]["authors"] == "'@home, A"
    assert rows["A consortium"]["authors"].count(";") == 5_199
    assert "Private use, zerowidth joiner, é," in rows
    capsys.readouterr()
    assert main(["validate"]) == 0, capsys.readouterr().out
    assert main(["import", str(path), "--searched-on", "2026-11-01", "--by", "A. Ruiz"]) == 0


def test_what_the_rules_refuse_is_rejected_before_it_is_written(intake_project, tmp_path, capsys):
    path = tmp_path / "a.ris"
    path.write_text(ris("TI  - Whole", "PY  - 2020") + ris("TI  - Long", "AB  - " + "w" * (LONGEST_VALUE + 1)))
    assert main(["import", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "2 seen, 1 new, 0 known already, 1 rejected" in shown
    assert f"line 6: abstract has {LONGEST_VALUE + 1:,} characters, and a table holds {LONGEST_VALUE:,}" in shown
    assert [row["title"] for row in read_rows(intake_project / "data", "records")] == ["Whole"]
    why = refused_by_rules(intake_project / "data")
    assert why(Record(title="A")) == ""
    assert why(Record(title="A", pmid="x")).startswith('pmid: "x" does not have the form')
    assert why(Record(title="=A")).startswith("title: The text begins with =")


# Rejects, mended.
SPOILT = {
    "a.ris": (ris("TI  - One", "PY  - 2020") + ris("AU  - Nobody", "PY  - 2021"), "AU  - Nobody", "AU  - Nobody\nTI  - Two"),
    "a.csv": ("Title,Published Year,DOI\nOne,2020,10.1000/x\nTwo,2021\n", "Two,2021", "Two,2021,"),
    "a.bib": (
        '@string{j = "Journal"}\n@article{a, title = {One}, journal = j}\n@article{b, title = {Two}, journal = j, year = {2021}\n',
        "year = {2021}", "year = {2021}}",
    ),
    "a.txt": ("Record #1 of 2\nTI: One\nYR: 2020\n\nRecord #2 of 2\nYR: 2021\n", "YR: 2021", "TI: Two\nYR: 2021"),
    "a.xml": (
        "<xml><records><record><titles><title>One</title></titles></record>\n<record><titles><title>Two</titel></titles></record></records></xml>",
        "</titel>", "</title>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_mended_file_of_rejects_completes_its_search(intake_project, tmp_path, capsys, name):
    text, spoilt, mended = SPOILT[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert main(["import", str(path), "--strategy", "embase-x", "--searched-on", "2026-11-01"]) == 1
    [before] = read_rows(intake_project / "data", "searches")
    assert (before["hits"], before["fetched"], before["complete"]) == ("2", "1", "no")
    [rejects] = (intake_project / ".cordbook" / "rejects").iterdir()
    # As it stands it gives the same rejects, and changes nothing.
    tables = {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()}
    assert main(["import", str(rejects)]) == 1
    assert {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()} == tables
    rejects.write_text(rejects.read_text().replace(spoilt, mended))
    capsys.readouterr()
    assert main(["import", str(rejects)]) == 0, capsys.readouterr()
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["search_id"], search["hits"], search["fetched"], search["complete"]) == (before["search_id"], "2", "2", "yes")
    rows = read_rows(intake_project / "data", "records")
    assert [(row["title"], row["search_id"]) for row in rows] == [("One", before["search_id"]), ("Two", before["search_id"])]
    assert {row["record_id"].partition(".")[0] for row in rows} == {"embase-x"}
    tables = {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()}
    assert main(["import", str(rejects)]) == 0
    assert {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()} == tables


def test_a_mended_file_of_which_nothing_came_before_is_a_search_of_its_own(intake_project, tmp_path):
    path = tmp_path / "a.ris"
    path.write_text(ris("AU  - Nobody"))
    assert main(["import", str(path)]) == 1
    assert read_rows(intake_project / "data", "searches") == []
    [rejects] = (intake_project / ".cordbook" / "rejects").iterdir()
    rejects.write_text(rejects.read_text().replace("AU  - Nobody", "TI  - Somebody"))
    assert main(["import", str(rejects)]) == 0
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"]) == ("1", "1", "yes")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (ris("T1  - A", "PY  - 2020", "T1  - B") + ris("TI  - C"), 3),
        ("what is this\n\n" + ris("TI  - C"), 1),
        ("PY  - 2020\nER  - \n\n" + ris("TI  - C"), 2),
        ("@article{a, title = {A},\n title = {B}}\n@article{c, title = {C}}\n", 3),
        ("title,year\nA,2020\ntitle,year\nB,2021\n", 2),
    ],
    ids=[
        "two run together",
        "a line of no record",
        "a record without its head",
        "an entry with two titles",
        "a header once more",
    ],
)
def test_seen_counts_records(text, seen):
    assert parse(text).seen == seen


# Counts that add up.
COCHRANE = "".join(
    f'Record #{n} of 4\nProvider: John Wiley & Sons, Ltd\nContent: text/plain; charset="UTF-8"\n\n'
    + ris(f"AN  - CN-0000000{n}", f"TI  - {title}")
    for n, title in enumerate(("One", "Two", "Three", "Four"), 1)
)
OVID = "".join(
    f"{n}.\nTY  - JOUR\nTI  - {title}\nDO  - 10.1000/{n}\nY1  - 2020//\nDO  - 10.1000/{n}\nER  -\nNL  - J\n\n"
    "Link to the Ovid Full Text or citation: https://example.org/?T=JS\n\n"
    for n, title in enumerate(("One", "Two", "Three", "Four"), 1)
)


@pytest.mark.parametrize("text", [COCHRANE, OVID], ids=["Cochrane", "Ovid"])
def test_lines_of_the_file_count_as_no_record_and_the_flow_adds_up(project, tmp_path, capsys, text):
    """Four records and one without a title: what was seen, taken, written and told in the PRISMA flow are the same numbers."""
    before = flow_of(project)
    path = tmp_path / "a.ris"
    path.write_text(text + ris("AU  - No title"), encoding="utf-8")
    told = ["import", str(path), "--searched-on", "2026-11-01", "--by", "A. Ruiz"]
    assert main([*told, "--records", "5"]) == 1
    assert "5 seen, 4 new, 0 known already, 1 rejected" in (shown := capsys.readouterr().out)
    assert "the file holds" not in shown
    assert (read_rows(project / "data", "searches")[-1]["hits"], read_rows(project / "data", "searches")[-1]["fetched"]) == (
        "5",
        "4",
    )
    after = flow_of(project)
    assert after.identified - (before.identified or 0) == 4
    assert after.waiting - (before.waiting or 0) == 4
    # The same records in another file of four: identified again, and duplicates all.
    other = tmp_path / "b.ris"
    other.write_text(text, encoding="utf-8")
    assert main(["import", str(other), *told[2:], "--records", "4"]) == 0
    assert "4 seen, 0 new, 4 known already, 0 rejected" in capsys.readouterr().out
    again = flow_of(project)
    assert (again.identified - after.identified, again.duplicates - after.duplicates) == (4, 4)


def flow_of(project):
    evidence = load_evidence(project / "data")
    flow, _ = database_flow(
        *(evidence[n] for n in ("search_strategies", "searches", "records", "record_merges", "screening", "exclusion_reasons")),
        list(evidence["studies"]["study_id"]),
    )
    flow.check()
    return flow

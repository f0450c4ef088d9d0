"""Small files as exporters write them, each with every record that it holds; names and texts are made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cordbook.cli import main
from cordbook.intake.imports.importing import read
from cordbook.intake.records.store import read_rows

FILES = Path(__file__).parent / "files"
#: Source, then each record as title, authors, year, DOI, journal, abstract, and what else is told where it was once lost.
EXPECTED: dict[str, tuple[str, list[tuple[str, str, str, str, str, str, dict[str, str]]]]] = {
    "bepress-title-first.enw": ("other", [
        ("First paper, exported by a bepress repository", "Author, Ann", "2021", "", "A Quarterly", "", {"volume": "45", "pages": "1309-1348"}),
        ("Second paper", "Other, Bea", "2020", "", "A Quarterly", "", {"volume": "44", "pages": "1-20"}),
        ("Third paper", "Third, Cy", "2019", "", "A Quarterly", "", {"volume": "43", "pages": "5-9"}),
    ]),
    "cnki-endnote.enw": ("CNKI", [("一篇论文", "作者甲; 作者乙; 作者丙", "2008", "", "土壤学报", "摘要", {"issue": "05", "pages": "915-924"})]),
    "cnki-estudy.txt": ("CNKI", [
        ("第一篇论文的题名", "作者甲; 作者乙", "2008", "", "土壤学报", "第一篇论文的摘要",
         {"issue": "05", "pages": "915-924", "url": "https://kns.cnki.net/kcms2/article/abstract?v=1"}),
        ("第二篇论文的题名", "作者丙", "2015", "", "中国脊柱脊髓杂志", "第二篇论文的摘要",
         {"issue": "01", "pages": "1-8", "url": "https://kns.cnki.net/kcms2/article/abstract?v=2"}),
        ("第三篇论文的题名", "作者丁", "2019", "", "中华骨科杂志", "第三篇论文的摘要",
         {"issue": "02", "pages": "11-18", "url": "https://kns.cnki.net/kcms2/article/abstract?v=3"}),
    ]),
    "cnki-noteexpress.net": ("CNKI", [
        ("第一篇", "作者甲; 作者乙", "2021", "", "医学综述", "摘要第一行 摘要第二行", {"issue": "11", "pages": "2184-2188", "kind": "Journal Article"}),
        ("第二篇", "作者丙", "2020", "", "某某大学", "", {"kind": "Thesis"}),
    ]),
    "cochrane.bib": ("other", [
        ("Cells for an injury", "Author, AB; Other, C; Third, D", "2025", "10.1002/14651858.cd000001",
         "Cochrane Database of Systematic Reviews", "", {"issue": "1"}),
        ("Cells for another injury", "Other, Z; Third, D", "2006", "10.1002/14651858.cd000002.pub3",
         "Cochrane Database of Systematic Reviews", "", {}),
    ]),
    "cochrane.ris": ("CENTRAL", [
        ("Cells for an injury", "Author, AB", "2020", "10.1000/x.1", "A Journal", "", {"source_key": "CN-00000001"}),
        ("Cells for another injury", "Other, Z", "2021", "10.1000/x.2", "A Journal", "", {"source_key": "CN-00000002"}),
    ]),
    "covidence.csv": ("other", [
        ("Cells for an injury", "Author, Ann; Other, Bea", "2020", "10.1000/x.1", "Journal of Cells", "An abstract.",
         {"volume": "3", "issue": "1", "pages": "1-9", "pmid": ""}),
    ]),
    "embase.csv": ("Embase", [
        ("Cells for an injury", "Author A.; Other B.C.", "2004", "", "Cancer", "An abstract.",
         {"volume": "102", "issue": "4", "pages": "253-258"}),
    ]),
    "endnote-no-key.bib": ("other", [
        ("Written by EndNote without a label", "Author, Y.; Other, L.", "2012", "", "Cell", "", {"pages": "1204-22"}),
        ("The next one", "Third, C.", "2013", "", "Cell", "", {}),
    ]),
    "eric.nbib": ("ERIC", [
        ("Paper title", "Author, Ann", "2000", "", "Journal Name", "Abstract ...",
         {"volume": "10", "issue": "1", "pages": "1-9", "source_key": "EJ1131633"}),
        ("Second paper title", "Author, Bea", "2001", "", "Journal Name", "Abstract ...", {"source_key": "EJ1131634"}),
    ]),
    "indented-title.ris": ("other", [
        ("Improving something in high-resolution images exploiting directional filters", "Author, A", "2006", "", "", "", {}),
    ]),
    "openalex.csv": ("OpenAlex", [
        ("Cells for an injury", "Author, Ann; Other, Bea", "2020", "10.1000/x.1", "Journal of Cells", "An abstract.", {"source_key": "W1"}),
    ]),
    "ovid-do-at-both-ends.ris": ("other", [
        ("First record, as Ovid exports it", "Author, Ann", "2019", "10.1002/abc.2398", "A Journal", "", {"pages": ""}),
        ("Second record", "Author, Bea", "2019", "10.1002/abc.2399", "A Journal", "", {"pages": "847-856"}),
    ]),
    "pmc-several-py.ris": ("other", [
        ("A review that PubMed Central exports", "Author, Ann E", "2013", "10.1155/2013/000000", "", "", {"volume": "2013", "pages": "219840"}),
    ]),
    "r-na.ris": ("other", [("Cells for an injury, written by an R package", "Author, Ann", "2015", "", "", "", {"volume": ""})]),
    "rayyan.csv": ("other", [
        ("Cells for an injury", "Author, Ann; Other, Bea", "2020", "10.1000/x.1", "Journal of Cells", "An abstract.",
         {"volume": "3", "issue": "1", "pages": "1-9", "pmid": "31234567", "url": "https://example.org", "language": "en"}),
    ]),
    "same-number-twice.ris": ("Web of Science", [
        ("Whole congress: first abstract", "Author, Ann", "2015", "", "", "", {"source_key": "WOS:000437095400006"}),
        ("Whole congress: quite another abstract", "Other, Bea", "2016", "", "", "", {"source_key": "WOS:000437095400006"}),
    ]),
    "scopus.bib": ("Scopus", [
        ("First paper with two funding lines", "Author, A.; Other, B.", "2020", "10.1000/x.1", "A Journal", "", {"pages": "1722034", "issue": "1"}),
        ("Second paper with a funding text", "Other, B.", "2020", "10.1000/x.2", "A Journal", "", {"pages": "1749010", "volume": "6"}),
        ("Third paper, plain", "Third, C.", "2020", "10.1000/x.3", "A Journal", "", {"pages": "1749011"}),
    ]),
    "wanfang.net": ("Wanfang", [
        ("一篇", "作者甲; 作者乙", "2020", "10.19347/j.cnki.2096-0000.202001019", "临床医学", "目的 方法",
         {"volume": "5", "issue": "1", "pages": "49-51", "language": "chi"}),
    ]),
    "wos-chapter-two-doi.ris": ("Web of Science", [
        ("A chapter of a book in a series, as Web of Science exports it", "Author, A", "2017", "10.1007/978-3-319-00000-1_5", "A BOOK", "", {}),
    ]),
    "zotero.csv": ("other", [
        ("Cells for an injury", "Author, Ann; Other, Bea", "2015", "10.1000/x.1", "Journal of Cells", "This abstract is lost.",
         {"volume": "31", "issue": "2", "pages": "1-9", "kind": "journalArticle"}),
    ]),
    "reported/asreview-602.ris": ("other", [
        ("Ελληνικά within EndNote tags", "Παπαδόπουλος, Α", "2020", "", "A Journal", "", {}),
        ("Second", "Second, B", "2021", "", "", "", {}),
    ]),
    "reported/citationchaser-28.ris": ("other", [
        ("Authors in one line", "Uno, Pedro J.; Dos, Maria; Tres, Ana Luisa", "2020", "", "", "", {}),
    ]),
    "reported/citesource-27.ris": ("other", [
        ("Fields before TY", "Author, A.", "", "", "Koedoe", "", {"volume": "49", "pages": "67-76"}),
        ("Second with fields before TY", "Other, B.", "", "", "Koedoe", "", {"volume": "50", "pages": "1-6"}),
    ]),
    "reported/jabref-1647.ris": ("other", [("DOI in M3", "Author, A", "2015", "10.1000/182", "", "", {"kind": "JOUR"})]),
    "reported/jabref-296.ris": ("other", [
        ("Book title and series", "Ann Author", "2015", "10.1000/b19107-2", "The Book", "", {"pages": "1-22", "kind": "CHAP"}),
    ]),
    "reported/koppor-550.bib": ("other", [
        ("Boolean quantifier elimination for automotive configuration–a case study", "Zengler, Christoph; Küchlin, Wolfgang", "2013", "",
         "International Workshop on Formal Methods for Industrial Critical Systems", "", {"pages": "48-62"}),
        ("Boolean Quantifier Elimination for Automotive Configuration—A Case Study", "Zengler, Christoph; Küchlin, Wolfgang", "", "", "", "", {}),
    ]),
    "reported/revtools-37.txt": ("PubMed", [
        ("A single record without an end", "Author, Ann", "2016", "", "A journal", "Text.", {"pmid": "27069645", "source_key": "27069645"}),
    ]),
    "reported/rispy-47.ris": ("other", [("Two links", "Author, C", "2017", "10.1000/jkm", "J", "", {"url": "https://a.example/1"})]),
    "reported/rispy-62.ris": ("other", [
        ("Empty tags as Embase writes them", "Author A.", "2020", "10.1000/x.1", "A Journal", "", {"volume": "8", "issue": "9", "pages": ""}),
    ]),
    "reported/synthesisr-16.ris": ("other", [
        ("A line that begins with ER", "Author, A", "2015", "10.1000/x.2", "", "It is caused by ER stress and not by ER positive cells", {}),
    ]),
}  # fmt: skip


def test_every_file_has_its_expected_records():
    assert {str(path.relative_to(FILES)) for path in FILES.rglob("*.*")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_gives_exactly_its_records(name):
    source, expected = EXPECTED[name]
    parsed, _, _ = read(FILES / name)
    assert parsed.rejects == ()
    assert parsed.seen == len(expected)
    records = [record for _, record in parsed.records]
    assert [(r.title, r.authors, r.year, r.doi, r.container, r.abstract) for r in records] == [row[:6] for row in expected]
    assert {record.source for record in records} == {source}
    for record, row in zip(records, expected, strict=True):
        assert {field: getattr(record, field) for field in row[6]} == row[6]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_is_whole_through_the_command_and_valid(intake_project, capsys, name):
    """The count of the database fits, each record is a row of its own, and the rules of the evidence take the tables."""
    expected = EXPECTED[name][1]
    assert main(["import", str(FILES / name), "--records", str(len(expected))]) == 0, capsys.readouterr()
    rows = read_rows(intake_project / "data", "records")
    assert [row["title"] for row in rows] == [row[0] for row in expected]
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"]) == (str(len(expected)), str(len(expected)), "yes")
    assert main(["import", str(FILES / name)]) == 0
    assert read_rows(intake_project / "data", "records") == rows


def test_a_file_that_comes_as_two_sources_is_two_searches(intake_project):
    """Its records have the keys of both; each search holds its own, and a third time nothing is new."""
    name = str(FILES / "covidence.csv")
    for source in ("PubMed", "Embase", "PubMed", "Embase"):
        assert main(["import", name, "--source", source, "--by", "AB"]) == 0
    searches = read_rows(intake_project / "data", "searches")
    records = read_rows(intake_project / "data", "records")
    assert [s["source"] for s in searches] == ["PubMed", "Embase"]
    for search in searches:
        own = [r["source"] for r in records if r["search_id"] == search["search_id"]]
        assert own == [search["source"]] * int(search["fetched"])


def test_a_file_that_gives_more_when_it_is_read_again_is_a_search_of_as_many(intake_project, tmp_path):
    """No search has more records than it fetched, which is a rule of the evidence."""
    path = tmp_path / "x.ris"
    path.write_bytes("TY  - JOUR\nTI  - Étude inventée\nAU  - Author, A\nPY  - 2020\nER  - \n".encode("latin-1"))
    for encoding in ("latin-1", "cp850"):
        assert main(["import", str(path), "--source", "PubMed", "--encoding", encoding, "--by", "AB"]) == 0
    [search] = read_rows(intake_project / "data", "searches")
    assert int(search["fetched"]) == len(read_rows(intake_project / "data", "records")) == 2

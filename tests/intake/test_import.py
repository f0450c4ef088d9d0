"""Exports of every database: read whole, in any encoding, taken in once; and nothing that is in a file is lost silently."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.intake.imports.encodings import decode
from cordbook.intake.imports.importing import import_file, read
from cordbook.intake.imports.parsers import FORMATS, format_of, parse
from cordbook.intake.records.record import Record, as_doi, tidy
from cordbook.intake.records.store import read_rows
from cordbook.intake.records.untrusted_text import cell_for_spreadsheet, harmless, plain
from tests.intake.exports import EXPORTS

FUZZ = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", EXPORTS)
def test_each_export_is_read_whole(tmp_path, name):
    source, text = EXPORTS[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    parsed, _, _ = read(path)
    assert parsed.rejects == ()
    first, second = (record for _, record in parsed.records)
    chinese = source == "CNKI"
    assert first.title == ("脊髓损伤的细胞治疗" if chinese else "Cells in the injured cord: a first trial in people").replace(
        "first", "First" if name == "some.bib" else "first"
    )
    assert second.title == ("高压氧治疗脊髓损伤" if chinese else "A second trial")
    assert (first.source, first.year, second.year) == (source, "2019", "2020")
    assert len(first.authors.split(";")) == 2
    assert "(" not in first.authors
    if name != "pubmed.csv":
        assert (first.volume, first.pages.replace("--", "-")) in {("57", "12-19"), ("57", "12-9"), ("29", "12-19")}
        assert first.abstract
    if not chinese:
        assert first.doi == "10.1000/nb.1"
        assert first.container.casefold() == "spinal cord"
    if source not in ("CNKI", "other"):
        assert first.source_key
        assert first.source_key != second.source_key


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("name", ["cnki.enw", "cnki.net", "cnki.txt", "refworks.txt"])
def test_chinese_exports_in_any_encoding(tmp_path, name, encoding):
    path = tmp_path / name
    path.write_bytes(EXPORTS[name][1].encode(encoding))
    parsed, _, _ = read(path)
    assert [record.title for _, record in parsed.records] == ["脊髓损伤的细胞治疗", "高压氧治疗脊髓损伤"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-16"])
def test_western_names_in_any_encoding(encoding):
    text = "TY  - JOUR\nTI  - Étude à Besançon: Müller, Ångström, señor, “x”\nER  - \n"
    data = text.replace("“x”", "x").encode(encoding) if encoding == "latin-1" else text.encode(encoding)
    assert "Étude à Besançon: Müller, Ångström, señor" in decode(data)[0]


def test_a_broken_character_does_not_turn_the_file_into_another_encoding():
    data = "Étude à Besançon, Müller".encode() + b"\xc3"
    assert decode(data) == ("Étude à Besançon, Müller\ufffd", "utf-8")


@pytest.mark.parametrize(
    ("name", "mutate", "line", "why"),
    [
        ("embase.ris", lambda t: t.replace("T1  - A second trial\n", ""), 19, "no title"),
        ("embase.ris", lambda t: t.rstrip().removesuffix("ER  -"), 19, "the file ends inside"),
        ("embase.ris", lambda t: "what is this\n" + t, 1, "outside of any"),
        ("pubmed.nbib", lambda t: t.replace("TI  - A second trial.\n", ""), 21, "no title"),
        ("wos.txt", lambda t: t[: t.index("PY 2020")], 24, "the file ends inside"),
        ("scopus.csv", lambda t: t.replace('"A second trial","2020"', '"A second trial"'), 4, "values"),
        ("some.bib", lambda t: t.replace("{okoro,", "{okoro"), 5, "BibTeX"),
        ("endnote.xml", lambda t: t.replace("A second trial</title>", "A second trial</titel>"), 2, "not well-formed"),
        ("endnote.xml", lambda t: t[: t.index("L2000000002")], 2, "the file ends"),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_the_rest_goes_in(name, mutate, line, why):
    parsed = parse(mutate(EXPORTS[name][1]))
    assert [record.title.casefold() for _, record in parsed.records][:1] == ["cells in the injured cord: a first trial in people"]
    assert parsed.rejects
    assert parsed.rejects[0].first == line
    assert why in parsed.rejects[0].why


def test_an_open_quotation_mark_swallows_no_other_row():
    rows = [f"{n},Title {n},2020" for n in range(30)]
    rows[7] = '7,"Title 7,2020'
    parsed = parse("id,title,year\n" + "\n".join(rows))
    assert len(parsed.records) == 29
    assert [r.first for r in parsed.rejects] == [9]


def test_an_unclosed_brace_swallows_no_other_entry():
    parsed = parse(
        "@article{a, title = {Open}\n@article{b, title = {Whole}, year = 2020}\n@article{b, title = {Twice}, year = 2021}\n"
    )
    assert [record.title for _, record in parsed.records] == ["Whole", "Twice"]
    assert [r.first for r in parsed.rejects] == [1]


@pytest.mark.parametrize(
    ("number", "database", "pmid"),
    [
        ("31234567", "Ovid MEDLINE(R) ALL", "31234567"),
        ("31234567", "MEDLINE", "31234567"),
        ("PMID: 31234567", "", "31234567"),
        ("31234567", "CINAHL", ""),
        ("31234567", "", ""),
        ("2031234567", "MEDLINE", ""),
        ("31234567", "Embase", ""),
        ("31234567", "EMBASE and MEDLINE", ""),
    ],
)
def test_an_accession_number_is_a_pubmed_number_only_where_medline_gave_it(number, database, pmid):
    ris = f"TY  - JOUR\nTI  - A trial\nAN  - {number}\nDB  - {database}\nER  - \n"
    endnote = f"%0 Journal Article\n%T A trial\n%M {number}\n%~ {database}\n"
    xml = (
        f"<xml><records><record><titles><title>A trial</title></titles><accession-num>{number}</accession-num>"
        f"<remote-database-name>{database}</remote-database-name></record></records></xml>"
    )
    for text in (ris, endnote, xml):
        ((_, record),) = parse(text).records
        assert record.pmid == pmid, text


def test_import_takes_in_rejects_and_adds_nothing_the_second_time(intake_project, tmp_path, capsys):
    path = tmp_path / "my export.ris"
    path.write_text(EXPORTS["embase.ris"][1] + "TY  - JOUR\nAU  - Nobody\nER  -\n", encoding="utf-8")
    assert main(["import", str(path), "--strategy", "embase-x", "--searched-on", "2026-11-01", "--by", "A. Ruiz"]) == 1
    out = capsys.readouterr().out
    assert "3 seen, 2 new, 0 known already, 1 rejected" in out
    assert "line 26: no title" in out
    [rejects] = (intake_project / ".cordbook" / "rejects").iterdir()
    assert "AU  - Nobody" in rejects.read_text()
    rows = read_rows(intake_project / "data", "records")
    assert [r["record_id"] for r in rows] == ["embase-x.L2000000001", "embase-x.L2000000002"]
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["strategy_id"], search["searched_on"], search["searched_by"], search["hits"], search["fetched"]) == (
        "embase-x", "2026-11-01", "A. Ruiz", "3", "2",
    )  # fmt: skip
    before = {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()}
    assert main(["import", str(path), "--strategy", "embase-x"]) == 1
    assert "3 seen, 0 new, 2 known already" in capsys.readouterr().out
    assert {p.name: p.read_bytes() for p in (intake_project / "data").iterdir()} == before


def test_one_number_with_two_titles_is_two_records(intake_project, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,title,year,pmid\n1,First study,2020,7\n2,Other study,2021,7\n")
    done = import_file(Project(intake_project), path, "2026-11-21", "x", source="PubMed")
    assert len(done.new) == 2


def test_files_that_are_none(intake_project, tmp_path, capsys):
    (tmp_path / "empty.ris").write_text("\n \n")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 40)
    assert main(["import", str(tmp_path / "empty.ris")]) == 1
    assert main(["import", str(tmp_path / "noise.bin")]) == 1
    assert main(["import", str(tmp_path / "missing.ris")]) == 1
    assert main(["import", str(tmp_path)]) == 1
    assert main(["import", str(tmp_path / "empty.ris"), "--strategy", "nope"]) == 2
    assert main(["import", str(tmp_path / "empty.ris"), "--encoding", "nope"]) == 2
    assert read_rows(intake_project / "data", "searches") == []
    assert "missing.ris cannot be read: No such file" in capsys.readouterr().err


def test_titles_with_markup_and_escapes_come_out_harmless(intake_project, tmp_path, capsys):
    evil = "Cells\x1b]0;owned\x07\x1b[2J <script>alert(1)</script><b>in</b> \u202ecord\u202c &lt;img src=x onerror=alert(1)&gt; trial"
    path = tmp_path / "evil.ris"
    path.write_text(
        f"TY  - JOUR\nTI  - {evil}\nAB  - {evil}\nER  - \nTY  - JOUR\nAU  - \x1b[31m{evil}\nER  - \n", encoding="utf-8"
    )
    main(["import", str(path)])
    out = capsys.readouterr()
    assert "\x1b" not in out.out + out.err
    assert "\u202e" not in out.out + out.err
    [row] = read_rows(intake_project / "data", "records")
    assert row["title"] == "Cells in cord trial"
    [row] = read_rows(intake_project / "data", "abstracts")
    assert row["abstract"] == "Cells in cord trial"


@given(st.text())
@settings(deadline=None, max_examples=300)
def test_plain_text_is_harmless_and_settled(text):
    done = plain(text)
    assert plain(done) == done or "&" in text or "<" in text
    assert harmless(done) == done
    assert not any(c in done for c in "\x1b\x00\u202e\n\r\t")


def test_comparisons_are_not_markup():
    assert plain("p < 0.05 and n > 30; a<b; 2 <3> 1") == "p < 0.05 and n > 30; a<b; 2 <3> 1"
    assert cell_for_spreadsheet("+1") == "'+1"
    assert as_doi("doi:10.1016/S0140-6736(17)30601-3).") == "10.1016/s0140-6736(17)30601-3"
    assert tidy(Record(url="javascript:alert(1)")).url == ""


# Fuzzing. A file is damaged by cutting, doubling, replacing; or made of the words of its format in any order.
def damaged(text: str, cuts: list[tuple[int, int, str]]) -> str:
    for at, length, put in cuts:
        at %= len(text) + 1
        text = text[:at] + put + text[at + length :]
    return text


@FUZZ
@given(
    st.sampled_from(sorted(EXPORTS)),
    st.lists(
        st.tuples(
            st.integers(0, 4000),
            st.integers(0, 60),
            st.sampled_from(
                [
                    "",
                    "\n",
                    '"',
                    "{",
                    "}",
                    "<",
                    "</record>",
                    "\x00",
                    "TY  - ",
                    "ER  - \n",
                    "\u2028",
                    "&",
                    "@article{",
                    ",",
                    "é",
                    "\\",
                ]
            )
            | st.text(max_size=8),
        ),
        max_size=6,
    ),
    st.sampled_from(["", *FORMATS]),
)
def test_damaged_exports_crash_nothing_and_lose_no_line(name, cuts, form):
    text = damaged(EXPORTS[name][1], cuts)
    parsed = parse(text, form)
    covered_by_all(text, parsed)


@FUZZ
@given(
    st.sampled_from(FORMATS),
    st.lists(
        st.sampled_from(
            ["TY  - JOUR", "TI  - A", "ER  - ", "PMID- 1", "PT J", "ER", "%0 X", "%T A", "RT J", "T1 A", "{Title}: A", "{Reference Type}: J",
             "SrcDatabase-x: y", "Title-x: A", "Record #1 of 2", "TI: A", "@article{a, title={A}}", "@article{a, title={A", "}", '"', "title,year",
             "A,2020", '"A,2020', "<record>", "<titles><title>A</title></titles>", "</record>", "", "   more", "\x00", "@comment{x}", "@string{a=b}"]
        )
        | st.text(max_size=12),
        max_size=25,
    ),
)  # fmt: skip
def test_words_of_a_format_in_any_order_crash_nothing_and_lose_no_line(form, lines):
    text = "\n".join(lines)
    covered_by_all(text, parse(text, form))


@FUZZ
@given(st.binary(max_size=400), st.sampled_from(["", *FORMATS]))
def test_any_bytes_can_be_read(data, form):
    text, _ = decode(data)
    covered_by_all(text, parse(text, form))
    format_of(text)


FRAMES = {"RIS": ("Provider:", "Database:", "Content:", "Record #"), "Web of Science text": ("FN ", "VR ", "EF")}


def covered_by_all(text: str, parsed) -> None:
    """Every line that is not blank belongs to a record, a reject or the frame of the file."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = sorted([line for line, _ in parsed.records] + [r.first for r in parsed.rejects])
    assert all(1 <= start <= len(lines) for start in starts)
    assert parsed.seen == len(parsed.records) + sum(r.records for r in parsed.rejects)
    if parsed.form in ("BibTeX", "EndNote XML", "PubMed XML", "table"):
        return
    first = starts[0] if starts else len(lines) + 1
    for line in lines[: first - 1]:
        bare = line.strip().strip("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029").strip()
        assert not bare or line.startswith(FRAMES.get(parsed.form, ("\x00never",))), (
            f"line lost before the first record: {line!r}"
        )


@pytest.mark.parametrize("form", FORMATS)
def test_a_long_hostile_file_takes_no_long_time(form):
    """Quadratic work would take hours here; the test's own limit is the suite's patience."""
    for piece in ('"\n', "{\n", "<record>\n", "@a{\n", "TY  - X\n", "x\n", "<!--", "%0 X\n", "&amp;" * 3, "TI  - x\n", "PT J\n"):
        parse(piece * 5_000, form)

"""Made-up records written as each database writes them, in every encoding, then damaged: none is lost silently.

Every record carries a sign of its own in its title. Whatever happens to the file, a sign that still stands in it comes out in a
record or in a rejected piece with its lines.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.intake.imports.encodings import decode
from cordbook.intake.imports.importing import import_file, read
from cordbook.intake.imports.parsers import parse
from cordbook.intake.imports.parsers.table import header_of
from cordbook.intake.records.store import read_rows, write_tables
from tests.marks import every, examples

FUZZ = settings(
    deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
Rows = Iterable[tuple[str, str, str]]  # title, abstract, year


def nbib(rows: Rows) -> str:
    return "".join(
        f"\nPMID- {9000 + n}\nOWN - NLM\nDP  - {year} Jan\nTI  - {title}\nAB  - {abstract}\nFAU - Ruiz, Ana\nJT  - Spinal cord\n"
        for n, (title, abstract, year) in enumerate(rows)
    )


def ris(title_tag: str, abstract_tag: str, provider: str, number: str) -> Callable[[Rows], str]:
    def write(rows: Rows) -> str:
        return "".join(
            f"TY  - JOUR\n{title_tag}  - {title}\nA1  - Ruiz, A.\nPY  - {year}\n{abstract_tag}  - {abstract}\n"
            f"DB  - {provider}\n{number.format(9000 + n)}ER  - \n\n"
            for n, (title, abstract, year) in enumerate(rows)
        )

    return write


def wos(rows: Rows) -> str:
    body = "".join(
        f"PT J\nAU Ruiz, A\nTI {title}\nSO BRAIN\nAB {abstract}\nPY {year}\nUT WOS:{9000 + n:015d}\nER\n\n"
        for n, (title, abstract, year) in enumerate(rows)
    )
    return f"FN Clarivate Analytics Web of Science\nVR 1.0\n{body}EF\n"


def central(rows: Rows) -> str:
    rows = list(rows)
    return "\n".join(
        f"Record #{n} of {len(rows)}\nID: CN-{9000 + n:08d}\nAU: Ruiz A\nTI: {title}\nYR: {year}\nAB: {abstract}\n"
        for n, (title, abstract, year) in enumerate(rows, 1)
    )


def enw(rows: Rows) -> str:
    return "".join(
        f"%0 Journal Article\n%A 王伟\n%T {title}\n%J 中国脊柱脊髓杂志\n%D {year}\n%X {abstract}\n%W CNKI\n\n"
        for title, abstract, year in rows
    )


def noteexpress(rows: Rows) -> str:
    return "".join(
        f"{{Reference Type}}: Journal Article\n{{Title}}: {title}\n{{Author}}: 王伟\n{{Year}}: {year}\n{{Abstract}}: {abstract}\n"
        "{Database Provider}: CNKI\n\n"
        for title, abstract, year in rows
    )  # fmt: skip


def cnki(rows: Rows) -> str:
    return "".join(
        f"SrcDatabase-来源库: 期刊\nTitle-题名: {title}\nAuthor-作者: 王伟\nYear-年: {year}\nSummary-摘要: {abstract}\n\n"
        for title, abstract, year in rows
    )


def refworks(rows: Rows) -> str:
    return "".join(
        f"RT Journal Article\nSR 1\nA1 王伟\nT1 {title}\nYR {year}\nAB {abstract}\nDS CNKI\n\n" for title, abstract, year in rows
    )


def bibtex(rows: Rows) -> str:
    return "".join(
        f"@article{{key{n},\n  title = {{{title}}},\n  author = {{Ruiz, Ana}},\n  year = {year},\n"
        f"  abstract = {{{abstract}}}\n}}\n"
        for n, (title, abstract, year) in enumerate(rows)
    )


def endnote(rows: Rows) -> str:
    body = "\n".join(
        f'<record><titles><title><style face="n">{escape(title)}</style></title></titles><dates><year>{year}</year></dates>'
        f"<abstract>{escape(abstract)}</abstract></record>"
        for title, abstract, year in rows
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="UTF-8" ?><xml><records>\n{body}\n</records></xml>\n'


def table(header: list[str], order: str, separator: str = ",") -> Callable[[Rows], str]:
    def write(rows: Rows) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(header)
        for n, (title, abstract, year) in enumerate(rows):
            writer.writerow([{"t": title, "a": abstract, "y": year, "n": str(9000 + n), "-": "x"}[c] for c in order])
        return out.getvalue()

    return write


DIALECTS: dict[str, Callable[[Rows], str]] = {
    "pubmed.nbib": nbib,
    "embase.ris": ris("T1", "N2", "Embase", "U2  - L{}\n"),
    "scopus.ris": ris("TI", "AB", "Scopus", "N1  - Export Date\n"),
    "cochrane.ris": ris("TI", "AB", "Cochrane Central", "AN  - CN-{}\n"),
    "wos.txt": wos,
    "central.txt": central,
    "cnki.enw": enw,
    "cnki.net": noteexpress,
    "cnki.txt": cnki,
    "refworks.txt": refworks,
    "any.bib": bibtex,
    "endnote.xml": endnote,
    "pubmed.csv": table(["PMID", "Title", "Authors", "Journal/Book", "Publication Year", "NIHMS ID"], "nt--y-"),
    "scopus.csv": table(["Authors", "Title", "Year", "Source title", "Abstract", "EID"], "-ty-an"),
    "embase.csv": table(["Title", "Author Names", "Publication Year", "Abstract", "Embase Accession ID"], "t-yan"),
    "cochrane.csv": table(["Cochrane Id", "Title", "Author(s)", "Abstract", "Year"], "nt-ay"),
    "wos.tsv": table(["PT", "AU", "TI", "AB", "PY", "UT"], "--tayn", "\t"),
}
#: Encodings by the writing that they can hold.
WESTERN = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1")
SIMPLE = ("utf-8", "utf-8-sig", "utf-16", "gb18030")
TRADITIONAL = ("utf-8", "utf-16", "gb18030", "big5")
WORDS = {
    "western": "Étude Besançon Müller Ångström señor cellules souches lésion médullaire après naïve Größe patients injury cord",
    "simple": "脊髓损伤 细胞治疗 疗效观察 患者 随机 对照 试验 高压氧 康复 神经 再生 间充质 干细胞 移植 临床 研究",
    "traditional": "脊髓損傷 細胞治療 療效觀察 患者 隨機 對照 試驗 高壓氧 復健 神經 再生 間質 幹細胞 移植 臨床 研究",
}


def fits(text: str, encoding: str) -> bool:
    """Can the encoding hold the text?"""
    return text.encode(encoding, "replace").decode(encoding).count("?") == text.count("?")


CASES = [
    (name, writing, encoding)
    for writing, encodings in (("western", WESTERN), ("simple", SIMPLE), ("traditional", TRADITIONAL))
    for encoding in encodings
    for name in DIALECTS
    if fits(DIALECTS[name]([(WORDS[writing], "", "2020")]), encoding)
]


def sign(n: int) -> str:
    return f"Q{n:04d}Q"


@pytest.mark.parametrize("name", DIALECTS)
@settings(FUZZ, max_examples=examples(12))
@given(data=st.data())
def test_every_dialect_in_every_encoding_comes_back(name, data):
    _, writing, encoding = data.draw(st.sampled_from([c for c in CASES if c[0] == name]))
    # A handful of characters may be frequent ones in two encodings; no program can tell them apart then.
    words = st.lists(st.sampled_from(WORDS[writing].split()), min_size=6, max_size=9, unique=True)
    titles = data.draw(st.lists(words.map(" ".join), min_size=1, max_size=6))
    rows = [(f"{sign(n)} {title}", f"{title} {title}", "2020") for n, title in enumerate(titles)]
    body = DIALECTS[name](rows).encode(encoding)
    text, _ = decode(body)
    parsed = parse(text)
    assert parsed.rejects == ()
    assert [record.title for _, record in parsed.records] == [title for title, _, _ in rows]
    if "pubmed.csv" not in name:
        assert [record.abstract for _, record in parsed.records] == [abstract for _, abstract, _ in rows]


PIECES = [
    "", "", "", "\n", "\n\n", '"', "{", "}", "<", ">", "</record>", "<record>", "\x00", "\t", ",", "TY  - JOUR\n", "ER  - \n",
    "@article{x,", "\r", "\u2028", "&", "é",
]  # fmt: skip


@FUZZ
@given(
    st.sampled_from(sorted(DIALECTS)),
    st.integers(2, 8),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.sampled_from(PIECES) | st.text(max_size=5)), max_size=5),
)
@example("pubmed.csv", 2, [(69, 21, ""), (365, 47, "\u2028")])
def test_a_record_in_a_damaged_file_is_taken_or_named(name, size, cuts):
    text = DIALECTS[name]([(f"{sign(n)} a title of words", "An abstract of words.", "2020") for n in range(size)])
    for at, length, put in cuts:
        at %= len(text) + 1
        text = text[:at] + put + text[at + length :]
    assume("%" not in "".join(p for _, _, p in cuts))  # a comment of BibTeX hides what follows it, and may
    conserved(text, parse(text))


#: The longest piece that is cut out: the marks between two records and all that stands around them.
LONGEST_CUT = 120


@pytest.mark.parametrize("name", DIALECTS)
def test_a_cut_anywhere_melts_no_two_records(name):
    """From every place of the first two of three records, pieces of every few lengths are taken away.

    In the daily run from one place in eight.
    """
    rows = [(f"{sign(n)} a title of words", "An abstract of words.", "2020") for n in range(3)]
    text = DIALECTS[name](rows)
    tried = 0
    step = every(8)  # prime to seven, so that a place meets every first length
    for at in range(0, text.index(sign(2)), step):
        # Lengths differ from place to place, so that all of them are tried somewhere.
        for length in range(1 + at % 7, LONGEST_CUT + 1, 7):
            cut = text[:at] + text[at + length :]
            misplaced = well_formed_elsewhere(cut)
            conserved(cut, parse(cut), misplaced)
            tried += 1 - bool(misplaced)
    assert tried > 1_500 // step


#: A line of a tagged format or of BibTeX: what names the value, and the value.
NAMED = re.compile(
    r"(?:^(?P<ris>[A-Z][A-Z0-9]{1,3}) {0,2}- |^(?P<wos>[A-Z][A-Z0-9]) |^%(?P<end>.) |^\{(?P<ne>[^{}]+)\}: |^(?P<cnki>[A-Z][A-Za-z]+)-\S+: "
    r"|^(?P<central>[A-Z]{2,3}): |(?:^|,)\s*(?P<bib>[a-z ]+?) ?= \{)Q\d{4}Q"
)
TITLES = {"TI", "T1", "T", "Title", "title"}


def well_formed_elsewhere(text: str) -> set[str]:
    """Signs that a cut has left as the value of a field of another name, where no reader can know that they are titles.

    ``SI Q0001Q a title`` is a well-formed line of a Web of Science record, though a cut has made it of SO and TI. Against these
    stands the count that the database gives (``--records``).
    """
    found = set()
    for line in text.split("\n"):
        for named in NAMED.finditer(line):
            if not {*named.groupdict().values()} & TITLES:
                found.add(named[0][-len(sign(0)) :])
    return found


@FUZZ
@given(
    st.sampled_from(sorted(DIALECTS)),
    st.integers(2, 8),
    st.sets(st.integers(0, 60), min_size=1, max_size=4),
    st.sampled_from(["lose", "double", "swap"]),
)
def test_lines_lost_doubled_and_moved(name, size, where, how):
    lines = DIALECTS[name]([(f"{sign(n)} a title of words", "An abstract of words.", "2020") for n in range(size)]).split("\n")
    for at in sorted({w % len(lines) for w in where}, reverse=True):
        if how == "lose":
            del lines[at]
        elif how == "double":
            lines.insert(at, lines[at])
        else:
            lines[at], lines[-1 - at] = lines[-1 - at], lines[at]
    text = "\n".join(lines)
    conserved(text, parse(text))


def conserved(text: str, parsed, misplaced: Iterable[str] = ()) -> None:
    """Every sign in the text but those that are ``misplaced`` is in a record or a reject, and rejects have their lines."""
    taken = " ".join(" ".join((r.title, r.abstract, r.authors, r.container, r.note)) for _, r in parsed.records)
    rejected = " ".join(reject.text for reject in parsed.rejects)
    if parsed.form == "table" and (header := header_of(text)):
        # What damage has melted into the line of the column names is a name of a column.
        taken += re.split(r"\r\n|\r|\n", text)[header[0]]
    for found in set(re.findall(r"Q\d{4}Q", text)).difference(misplaced):
        assert found in taken or found in rejected, f"{found} is lost"
    last = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for reject in parsed.rejects:
        assert 1 <= reject.first <= reject.last <= last
        assert reject.why
    # No record swallows another: one sign a title, but where damage has put two into one line.
    together = [set(re.findall(r"Q\d{4}Q", line)) for line in text.split("\n")]
    for _, record in parsed.records:
        signs = set(re.findall(r"Q\d{4}Q", record.title))
        assert len(signs) <= 1 or any(signs <= line for line in together)


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("pubmed.nbib", "PMID- 9001\n"), ("cnki.enw", "%0 Journal Article\n"), ("central.txt", "Record #2 of 3\n"),
     ("cnki.txt", "SrcDatabase-来源库: 期刊\n"), ("refworks.txt", "RT Journal Article\n")],
)  # fmt: skip
def test_a_record_without_its_beginning_is_not_melted_into_the_one_before(name, beginning):
    text = DIALECTS[name]([(f"{sign(n)} title", "Abstract.", "2020") for n in range(3)])
    second = text.rindex(beginning, 0, text.index(sign(1)))
    text = text[:second] + text[second + len(beginning) :]
    parsed = parse(text)
    [reject] = parsed.rejects
    assert "two titles" in reject.why
    assert sign(0) in reject.text
    assert sign(1) in reject.text
    assert [sign(2) in record.title for _, record in parsed.records] == [True]


def test_the_count_of_the_database_finds_what_no_reader_can(intake_project, tmp_path, capsys):
    text = wos([(f"{sign(n)} title", "Abstract.", "2020") for n in range(3)])
    # From the second line of one record to the title of the next: what is left is one well-formed record.
    start = text.index("SO BRAIN")
    melted = text[: start + 1] + text[text.index("TI " + sign(1)) + 1 :]
    path = tmp_path / "wos.txt"
    path.write_text(melted, encoding="utf-8")
    assert main(["import", str(path), "--records", "3"]) == 1
    assert "The database gave 3 records, the file holds 2" in capsys.readouterr().out
    [search] = read_rows(intake_project / "data", "searches")
    assert (search["hits"], search["fetched"], search["complete"]) == ("3", "2", "no")
    path.write_text(text, encoding="utf-8")
    assert main(["import", str(path), "--records", "3"]) == 0
    assert main(["import", str(path), str(path), "--records", "3"]) == 2
    with pytest.raises(SystemExit):
        main(["import", str(path), "--records", "many"])


def test_seen_is_taken_and_named_through_the_command(intake_project, tmp_path, capsys):
    """For each dialect a file of which one title is missing: the numbers that the command says add up to what is in the file."""
    for name, write in DIALECTS.items():
        text = write([(f"{sign(n)} title of {name}", "Abstract.", "2020") for n in range(6)])
        path = tmp_path / name
        path.write_text(text.replace(f"{sign(3)} title of {name}", ""), encoding="utf-8")
        done = import_file(Project(intake_project), path, "2026-11-21", "t")
        assert (done.seen, len(done.new), done.known, len(done.rejects)) == (6, 5, 0, 1), name
        [line] = {r.first for r in done.rejects}
        assert text.split("\n")[line - 1 :][0] or name, name
    assert len(read_rows(intake_project / "data", "records")) == 5 * len(DIALECTS)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]><xml><records><record><titles><title>&m;</title></titles></record><record><titles><title>Whole</title></titles>"
    "</record></records></xml>"
)
OUTSIDE = (
    '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><records><record><titles><title>&x;</title></titles></record>'
    "</records></xml>"
)


def test_entities_in_a_file_are_refused_and_named(tmp_path):
    for text, taken in ((BOMB, ["Whole"]), (OUTSIDE, [])):
        path = tmp_path / "bomb.xml"
        path.write_text(text)
        parsed, _, _ = read(path)
        assert [record.title for _, record in parsed.records] == taken
        assert any("not well-formed" in reject.why for reject in parsed.rejects)
        assert all("root:" not in reject.text for reject in parsed.rejects)


DEEP = "<record>" + "<a>" * 60_000 + "</a>" * 60_000 + "<titles><title>Deep</title></titles></record>"


#: Hostile files have a quarter of their weekly size in the daily run.
PART = every(4)


@pytest.mark.parametrize(
    "text",
    [DEEP, "@article{a, title = {" + "{" * 50_000 + "}" * 50_000 + "}}", "TY  - JOUR\nTI  - " + "a\n" * (300_000 // PART) + "ER  - \n",
             'title,year\n"' + "a,b\n" * (100_000 // PART), "title,year\n" + '"",' * (200_000 // PART)],
    ids=["nested XML", "nested braces", "one long record", "one open quotation mark", "one long line"],
)  # fmt: skip
def test_hostile_shapes_end(tmp_path, text):
    """In a process of its own, so that a crash of the interpreter or a hang fails this test alone."""
    path = tmp_path / "hostile"
    path.write_text(text)
    script = (
        "import sys, pathlib; from cordbook.intake.imports.importing import read; assert read(pathlib.Path(sys.argv[1]))[0].seen"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


HOSTILE = (
    b"\xff\xfe\x00", b"\xef\xbb\xbf", b"\x00" * 5000, b"PK\x03\x04" + b"\x81" * 500, b"TY  - JOUR\nTI  - \xff\nER  - \n",
)  # fmt: skip


def test_the_command_never_shows_a_stack_for_a_file(intake_project, tmp_path, capsys):
    for n, body in enumerate(HOSTILE):
        path = tmp_path / f"{n}.ris"
        path.write_bytes(body)
        assert main(["import", str(path)]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err


SPOILT = "Cells\x1b[2J\x1b]0;owned\x07 \x1b[31mred\x9b31m \u202ecord\u202c\u2066\u200b <script>alert(1)</script><b>in</b> trial"
ACTS = (
    set(map(chr, range(0x20))) - {"\n"}
    | set(map(chr, range(0x7F, 0xA0)))
    | set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f")
)


@pytest.mark.parametrize("stored", ["by an import", "by hand"])
def test_no_command_lets_a_title_act_in_the_terminal(intake_project, tmp_path, capsys, monkeypatch, stored):
    """Escape sequences, bidi overrides and scripts of a title, through every command of the intake that shows records."""
    data = intake_project / "data"
    (data / "screening.csv").write_text("record_id,stage,reviewer,role,decision,reason,study_id,decided_at,note\n")
    (data / "exclusion_reasons.csv").write_text("reason,label,explanation,key\nother_reason,Other,-,9\n")
    rows = [(SPOILT, SPOILT, "2020"), (SPOILT, SPOILT, "2021"), (SPOILT + " part two", SPOILT, "2020")]
    path = tmp_path / f"a{SPOILT[5:9]}.ris"
    path.write_text(DIALECTS["embase.ris"](rows), encoding="utf-8")
    main(["import", str(path)])
    if stored == "by hand":
        found = read_rows(data, "records")
        write_tables(data, {"records": [row | {"title": SPOILT, "authors": SPOILT, "container": SPOILT} for row in found]})
    shown = [*capsys.readouterr()]
    for words in (["dedupe", "--list"], ["dedupe", "--no-ask"], ["screen", "--as", "A"], ["screen", "--status"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("i\nu\ne\n"))
        assert main(words) == 0
        shown += [*capsys.readouterr()]
    said = "".join(shown)
    assert "cord" in said
    assert not ACTS & set(said), sorted(map(hex, map(ord, ACTS & set(said))))

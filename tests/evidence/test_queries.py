"""Saved searches as text: each error of syntax is told at its place, and what words can answer is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordbook.core import csv_files
from cordbook.evidence.queries.dialects import ANY, DIALECTS, dialect_of
from cordbook.evidence.queries.match import is_latin, matches, missing_parts, words_of
from cordbook.evidence.queries.parse import parse, shown_at

ROOT = Path(__file__).parents[2]
STRATEGIES = csv_files.read(ROOT / "data" / "search_strategies.csv").rows


def found(query: str, title: str, source: str = "PubMed") -> bool | None:
    dialect = dialect_of(source) or ANY
    read = parse(query, dialect)
    assert read.problems == (), read.problems
    return matches(read.tree, words_of(title), dialect)


@pytest.mark.parametrize("row", STRATEGIES, ids=lambda r: r["strategy_id"])
def test_every_saved_search_can_be_read_by_its_source(row):
    dialect = dialect_of(row["source"])
    assert dialect is not None
    read = parse(row["query"], dialect)
    assert read.problems == ()
    assert read.tree is not None


@pytest.mark.parametrize("row", STRATEGIES, ids=lambda r: r["strategy_id"])
def test_one_sign_taken_out_of_a_saved_search_is_told(row):
    """Each parenthesis and each quotation mark, one by one."""
    dialect, query = dialect_of(row["source"]), row["query"]
    signs = '()"' + ("'" if dialect.single else "")
    # Thousands of places in long searches: a spread of them.
    places = [at for at, sign in enumerate(query) if sign in signs]
    for at in places[:: max(1, len(places) // 40)]:
        assert parse(query[:at] + query[at + 1 :], dialect).problems, shown_at(query, at)


@pytest.mark.parametrize(
    ("source", "query", "at", "why"),
    [
        ("PubMed", "(spinal[tiab] OR cord[tiab]", 0, "not closed"),
        ("PubMed", "spinal[tiab])", 12, "closes none"),
        ("PubMed", '"spinal cord[tiab]', 0, "quotation mark"),
        ("PubMed", '"spinal cord[tiab] OR "paraplegia"[tiab]', 0, "operator stands inside the phrase"),
        ("PubMed", "spinal[tiab] AND OR cord[tiab]", 17, "side by side"),
        ("PubMed", "OR spinal[tiab]", 0, "Nothing stands before OR"),
        ("PubMed", "spinal[tiab] NOT", 13, "Nothing stands behind NOT"),
        ("PubMed", "NOT spinal[tiab]", 0, "Nothing stands before NOT"),
        ("PubMed", "spinal[tiab] AND ()", 17, "nothing between two parentheses"),
        ("PubMed", "spinal[tiba]", 6, "tiba is not a field of PubMed"),
        ("PubMed", "spinal[tiab] or cord[tiab]", 13, "read as a word"),
        ("PubMed", '"a cord"[tiab] "b cord"[tiab]', 15, "without an operator"),
        ("PubMed", "a[ti] OR b[ti] AND c[ti]", 15, "reads them in turn"),
        ("PubMed", "inj*[tiab]", 0, "too few letters"),
        ("PubMed", "“spinal cord”[tiab]", 0, "printed quotation mark"),
        ("PubMed", "", 0, "empty"),
        ("PubMed", "[tiab] OR cord[tiab]", 0, "stands behind no term"),
        ("Europe PMC", 'TITLE_ABS:"cord injur*"', 10, "within the phrase"),
        ("Europe PMC", "TITEL:cord", 0, "titel is not a field"),
        ("Europe PMC", "TITLE: OR cord", 0, "Nothing stands behind the field"),
        ("ClinicalTrials.gov", "AREA[ConditionSearch](injur*)", 22, "does not read *"),
        ("ClinicalTrials.gov", "AREA[Sickness](cord)", 0, "sickness is not a field"),
        ("OpenAlex", "injur* AND cord", 0, "does not read *"),
        ("OpenAlex", " OR ".join(["myelopathy"] * 300), 0, "signs as part of an address"),
        ("Crossref", "spinal AND cord", 7, "ranks by words"),
        ("Embase (embase.com)", "'cord injury':ti,abs", 13, "abs is not a field of Embase"),
        ("Embase (embase.com)", "'cord injury:ti", 0, "not closed"),
        ("MEDLINE (Ovid)", "(cord adj3 injur*).ti,zz.", 18, "zz is not a field of Ovid"),
        ("CENTRAL (Cochrane Library)", '"cord injur*":ti', 0, "within the phrase"),
        ("Web of Science Core Collection", "TX=(cord)", 0, "tx is not a field"),
        ("CNKI (professional search)", "SU='a'+'b", 7, "not closed"),
        ("A library that nobody knows", "(cord", 0, "not closed"),
    ],
)
def test_a_fault_is_told_at_its_place(source, query, at, why):
    problems = parse(query, dialect_of(source) or ANY).problems
    assert [(f.at, why in f.message) for f in problems][:1] == [(at, True)], problems
    assert all(f.remedy for f in problems)


@pytest.mark.parametrize(
    ("source", "query"),
    [
        ("MEDLINE (Ovid)", "(exp Spinal Cord Injuries/ OR (cord ADJ3 injur*).ti,ab.) AND stem cell*.mp."),
        ("Embase (embase.com)", "('cord injury'/exp OR (cord NEAR/3 injur*):ti,ab) NOT ([animals]/lim NOT [humans]/lim)"),
        ("CENTRAL (Cochrane Library)", '[mh "Spinal Cord Injuries"] AND (cell* NEXT therap*):ti,ab,kw'),
        ("Europe PMC", 'TITLE_ABS:"cord injury" AND FIRST_PDATE:[2020 TO 3000] AND (SRC:MED OR SRC:PPR)'),
        ("Web of Science", 'TS=(cord NEAR/3 injur*) NOT TI=(rat OR "guinea pig")'),
        ("CNKI", "SU='干细胞'+'骨髓' AND SU='患者' NOT TI='大鼠'+'小鼠'"),
        ("PubMed", "spinal cord stimulation"),
        ("ClinicalTrials.gov", 'AREA[ConditionSearch]("cord injury" OR paraplegia) AND AREA[Phase]Phase2'),
    ],
)
def test_what_a_source_can_read_has_no_fault(source, query):
    assert parse(query, dialect_of(source)).problems == ()


@pytest.mark.parametrize(
    ("query", "title", "wanted", "source"),
    [
        ('"spinal cord injur*"[tiab]', "Chronic spinal-cord injuries in man", True, "PubMed"),
        ('"spinal cord injur*"[tiab]', "Injury of the spinal cord", False, "PubMed"),
        ("lhermitte*[tiab]", "Lhermitte's sign", True, "PubMed"),
        ("\"l'hermitte*\"[tiab]", "Risk of L’Hermitte's sign", True, "PubMed"),
        ("(SCI[tiab] AND spinal[tiab])", "Function after SCI", False, "PubMed"),
        ("cell*[ti] NOT rat[ti]", "Cells in the rat", False, "PubMed"),
        ("cell*[ti] NOT rat[ti]", "Cells in people", True, "PubMed"),
        # What words cannot answer: alone nothing is known; joined by OR it is not met, by AND and NOT it is not asked.
        ('"Spinal Cord Injuries"[Mesh]', "Spinal cord injuries", None, "PubMed"),
        ('"Spinal Cord Injuries"[Mesh] OR cell[ti]', "A cord", False, "PubMed"),
        ('cell[ti] AND humans[mh]', "A cell", True, "PubMed"),
        ('cell[ti] NOT ("Animals"[Mesh] NOT "Humans"[Mesh])', "A cell", True, "PubMed"),
        ('cell AND (SRC:MED OR SRC:PPR)', "A cell", True, "Europe PMC"),
        # AND binds before OR where the source reads so; parentheses say it here.
        ("(a[ti] AND b[ti]) OR c[ti]", "c", True, "PubMed"),
        ("a[ti] AND (b[ti] OR c[ti])", "c", False, "PubMed"),
        # Nearness: within so many words, in any order unless NEXT.
        ("(cord NEAR/2 injur*):ti", "injured human cord", True, "Embase"),
        ("(cord NEAR/2 injur*):ti", "injured cervical human cord", False, "Embase"),
        ("(cord NEAR/2 injur*):ti", "cord in man injured", False, "Embase"),
        ("(cord NEAR/2 injur*):ti", "cord was injured", True, "Embase"),
        ("(cell* NEXT therap*):ti", "therapy by cells", False, "CENTRAL"),
        ("(spinal NEXT cord NEXT injur*):ti", "The spinal cord injured", True, "CENTRAL"),
        ("((stem OR stromal) NEAR/1 cell*):ti", "stromal cells", True, "Embase"),
        ("TS=(cord NEAR/3 (injur* OR trauma*)) NOT TI=(rat)", "trauma to the cord", True, "Web of Science"),
        # A source that stems finds the plural, and no other word.
        ("injury AND cell", "Injuries and cells", True, "OpenAlex"),
        ("injury", "Injured", False, "OpenAlex"),
        ("injury[ti]", "Injuries", False, "PubMed"),
        ("(cord ADJ2 injur*).ti,ab.", "cord injury", True, "Ovid"),
        ("SU='cells'+'stroma' AND SU='patients'", "stroma of patients", True, "CNKI"),
        ("Schüller[ti]", "Schuller", True, "PubMed"),
    ],
)  # fmt: skip
def test_words_answer_what_words_can(query, title, wanted, source):
    assert found(query, title, source) is wanted


def test_what_a_title_lacks_is_numbered():
    read = parse("(cord[ti] OR spine[ti]) AND cell*[ti] AND humans[mh]", dialect_of("PubMed"))
    assert missing_parts(read.tree, words_of("A cord"), dialect_of("PubMed")) == ((2,), 3)
    assert missing_parts(read.tree, words_of("A cell"), dialect_of("PubMed")) == ((1,), 3)
    assert missing_parts(read.tree, words_of("A cell of the spine"), dialect_of("PubMed")) == ((), 3)
    assert not is_latin(parse("SU='干细胞'", dialect_of("CNKI")).tree)


@given(st.sampled_from(DIALECTS), st.text("ab* \"()[]:=/+,.'ANDORT", max_size=40))
def test_whatever_is_typed_is_read_or_told(dialect, query):
    read = parse(query, dialect)
    assert read.tree is not None or read.problems
    assert all(0 <= f.at <= len(query) and f.message and f.remedy for f in read.problems)
    if read.tree is not None:
        matches(read.tree, ("a", "b"), dialect)

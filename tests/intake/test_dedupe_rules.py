"""Every rule of the judge has a pair of records that it decides, and the ways in which sources write one report are told from others."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("rapidfuzz")

from cordbook.intake.dedupe.facts import facts, title_score
from cordbook.intake.dedupe.groups import deduplicate
from cordbook.intake.dedupe.journals import same_journal
from cordbook.intake.dedupe.keys import item
from cordbook.intake.dedupe.pairs import Verdict, candidates, judge
from cordbook.intake.dedupe.rules import RULES, ruled
from cordbook.intake.records.record import Record

ONE = Record(
    source="PubMed", source_key="1", title="Transplantation of cells into the injured human spinal cord: a first trial", authors="Ruiz, Ana; Chen, Bo",
    year="2019", container="Journal of Neurotrauma", volume="36", issue="4", pages="112-119", doi="10.1000/one", pmid="30000001",
)  # fmt: skip
BARE = replace(ONE, doi="", pmid="")
DOI = replace(ONE, pmid="")
PMID = replace(ONE, doi="")
TRIAL = Record(source="ClinicalTrials.gov", source_key="NCT01", title=ONE.title, year="2015")
PREFACE = Record(title="Preface", authors="Ruiz, Ana", year="2019", container="The spinal cord", pages="1-3", doi="10.1000/book")
CUT = replace(BARE, title="Transplantation of cells into the injured human spinal cord")
PART = replace(BARE, title=f"{CUT.title}, part 2 of a trial of cells from the nose")

#: By the reason of the rule: two records that it decides.
EXAMPLES = {
    "same number in the register": (TRIAL, replace(TRIAL, title="Its new title")),
    "two entries of a register, or an entry and an article": (TRIAL, BARE),
    "same number, but one is a notice, letter or protocol": (ONE, replace(ONE, title=f"Erratum: {ONE.title}")),
    "one is a notice, letter or protocol": (BARE, replace(BARE, title=f"Reply to: {ONE.title}")),
    "same PubMed number": (PMID, Record(title="Transplantation of cells into the injured spinal cord", pmid=ONE.pmid)),
    "same PubMed number, but another title or DOI": (PMID, Record(title="Hyperbaric oxygen in the aged", pmid=ONE.pmid)),
    "same DOI, but a title that many reports have, and not the same place and author": (
        PREFACE,
        replace(PREFACE, authors="Chen, Bo", pages="201-204"),
    ),
    "same DOI": (DOI, Record(title=ONE.title.upper(), doi=ONE.doi)),
    "same DOI, author and pages": (DOI, replace(DOI, title="Trasplante de células en la médula lesionada: primer ensayo")),
    "same DOI, but another title and place": (DOI, Record(title="Hyperbaric oxygen in aged dogs", doi=ONE.doi, pages="S7")),
    "same DOI, but another title": (
        DOI,
        replace(DOI, title="Transplantation of olfactory mucosa in dogs with injured cord", pages="112"),
    ),
    "same author in the same place, and much of the title": (
        BARE,
        replace(BARE, title="Transplanting cells into an injured human spinal cord: first trial in Spain"),
    ),
    "same people on the same pages; the title is perhaps in another language": (
        BARE,
        replace(BARE, title="Trasplante de células en la médula lesionada: primer ensayo"),
    ),
    "other titles": (BARE, replace(BARE, title="Hyperbaric oxygen in aged dogs", authors="Okoro, Chi")),
    "another PubMed number in the same place": (PMID, replace(PMID, pmid="30000002")),
    "other PubMed numbers": (PMID, replace(PMID, pmid="30000002", volume="40", pages="7")),
    "one report in one place under two DOIs": (DOI, replace(DOI, doi="10.2000/another")),
    "another DOI in the same journal and year": (
        replace(DOI, volume="", pages="", issue=""),
        replace(DOI, doi="10.2000/another", volume=""),
    ),
    "other DOIs": (DOI, replace(DOI, doi="10.2000/another", container="Cytotherapy", volume="7", pages="9", year="2015")),
    "other numbers in the title, the same place": (
        replace(BARE, title=f"{ONE.title} of 10"),
        replace(BARE, title=f"{ONE.title} of 12"),
    ),
    "other numbers in the title": (
        replace(BARE, title=f"{ONE.title}, part I"),
        replace(BARE, title=f"{ONE.title}, part II", pages="120"),
    ),
    "a number stands where one title ends, and something contradicts": (CUT, replace(PART, year="2023", pages="9")),
    "a number stands where one title ends": (replace(CUT, pages="", volume=""), PART),
    "one is an abstract of a meeting, and something contradicts": (
        replace(BARE, kind="Article"),
        replace(BARE, kind="Conference Abstract", container="Cytotherapy", volume="20", pages="S31"),
    ),
    "one is an abstract of a meeting": (
        replace(BARE, kind="Article"),
        replace(BARE, kind="Conference Abstract", container="", volume="", pages=""),
    ),
    "like titles": (BARE, replace(BARE, title=BARE.title.replace("human", "humna"), authors="RUIZ A")),
    "same author, year and place; the journal has another name": (BARE, replace(BARE, container="Archives of Neurology")),
    "same author, journal, volume and pages; one year is wrong": (BARE, replace(BARE, year="2009")),
    "same author, journal, year and issue; one page is wrong": (BARE, replace(BARE, pages="211-218")),
    "same author, journal, year and pages; one volume is wrong": (BARE, replace(BARE, volume="63")),
    "same place, another first author": (BARE, replace(BARE, authors="Okoro, Chi")),
    "same place, another year": (BARE, replace(BARE, year="2022", issue="", pages="112")),
    "like titles of one author and year; something contradicts": (
        BARE,
        replace(BARE, container="Cytotherapy", volume="", pages=""),
    ),
    "like titles, but something contradicts": (
        replace(BARE, year=""),
        replace(BARE, year="", container="Cytotherapy", volume="", pages=""),
    ),
    "something contradicts": (BARE, replace(BARE, year="2024", volume="41", pages="9-14")),
    "like titles, too little else to tell": (BARE, Record(title=ONE.title)),
    "a short title and nothing else": (Record(title="Editorial on cells"), Record(title="Editorial on cells")),
}


def test_every_rule_has_an_example():
    assert list(EXAMPLES) == [rule.why for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.why)
def test_the_rule_decides_its_example(rule):
    a, b = (item(name, record) for name, record in zip("ab", EXAMPLES[rule.why], strict=True))
    for one, other in ((a, b), (b, a)):
        found = facts(one, other, title_score(one, other))
        assert ruled(found) is rule
        pair = judge(one, other)
        assert pair.verdict is rule.verdict
        assert pair.why.startswith(rule.why)


ONE_REPORT = {
    "volume with its supplement": replace(BARE, volume="36 (4 Supplement)", issue=""),
    "volume with its issue": replace(BARE, volume="36(4)", issue=""),
    "volume in Roman numerals": replace(BARE, volume="XXXVI"),
    "volume that is the issue": replace(BARE, volume="4", issue=""),
    "volume that is the year": replace(BARE, volume="2019"),
    "page with a letter": replace(BARE, pages="e112-e119"),
    "ahead of print, pages from 1": replace(BARE, volume="", issue="", pages="1-8", year="2017"),
    "ahead of print, number of the manuscript": replace(BARE, volume="", issue="", pages="neu2018", year="2018"),
    "corrected": replace(BARE, title=f"{ONE.title} [corrected]"),
    "retracted since": replace(BARE, title=f"RETRACTED: {ONE.title}"),
    "retracted since, behind": replace(BARE, title=f"{ONE.title} (Retracted article. See vol. 40, pg. 3, 2021)"),
    "references counted": replace(BARE, title=f"{ONE.title}. [Review] [45 refs]"),
    "in two languages": replace(BARE, title=f"{ONE.title} = Transplantation von Zellen in das verletzte Rückenmark des Menschen"),
    "an abstract by its title": replace(BARE, title=f"{ONE.title} [abstract]", kind="Journal Article"),
    "journal transliterated": replace(BARE, container="Zhonghua Shen Jing Wai Ke Za Zhi", pages=""),
    "journal by both names": replace(BARE, container="Zhonghua Shen Jing Za Zhi [Journal of neurotrauma]"),
    "umlaut": replace(BARE, authors="Rueiz, Ana; Chen, Bo"),
    "authors in another order": replace(BARE, authors="Chen, Bo; Ruiz, Ana"),
    "a paper of a conference": replace(BARE, kind="Conference Paper"),
}


@pytest.mark.parametrize("name", ONE_REPORT)
def test_one_report_is_known_however_a_source_writes_it(name):
    assert judge(item("a", replace(BARE, kind="Article")), item("b", ONE_REPORT[name])).verdict is Verdict.SAME


TWO_REPORTS = {
    "chapter of the same book": (PREFACE, replace(PREFACE, authors="Chen, Bo", pages="201")),
    "chapter without pages": (PREFACE, replace(PREFACE, pages="")),
    "chapter without DOI": (replace(PREFACE, doi="", pages=""), replace(PREFACE, doi="", authors="Chen, Bo")),
    "retraction notice": (BARE, replace(BARE, title=f"Retraction: {ONE.title}")),
    "abstract of the same supplement": (
        replace(DOI, volume="57 (16 Supplement)", pages="A411"),
        replace(DOI, volume="57", pages="A412", title="Transplantation of glia into the injured cord of rats: a second study"),
    ),
    "another volume and page": (BARE, replace(BARE, volume="37 (4 Supplement)", pages="300")),
    "two PubMed numbers": (PMID, replace(PMID, pmid="30000002")),
}


@pytest.mark.parametrize("name", TWO_REPORTS)
def test_two_reports_are_not_merged_unasked(name):
    a, b = TWO_REPORTS[name]
    assert judge(item("a", a), item("b", b)).verdict is not Verdict.SAME


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Chotmaihet thangphaet [Journal of the Medical Association of Thailand]", "J Med Assoc Thai", True),
        ("Lancet (London, England)", "The Lancet", True),
        ("Neurology. Conference: 60th Annual Meeting", "Neurology", True),
        ("Zhonghua Yi Xue Za Zhi", "National Medical Journal of China", None),
        ("中华医学杂志", "National Medical Journal of China", None),
        ("Spinal Cord", "Cytotherapy", False),
    ],
)
def test_journals_by_any_of_their_names(a, b, same):
    one, other = (item("x", Record(container=name)).containers for name in (a, b))
    assert same_journal(one, other) is same
    assert same_journal(other, one) is same


def test_a_journal_by_two_names_tears_no_group_apart():
    """The middle record joins two whose journals cannot be told to be one."""
    middle = replace(BARE, container="", volume="", issue="")
    ends = [replace(BARE, container=name, volume="", issue="", pages="") for name in ("Annals of Neurology", "Cytotherapy")]
    found = deduplicate([item(name, record) for name, record in zip("abc", [ends[0], middle, ends[1]], strict=True)])
    assert [p for p in found.uncertain if "goes with a record" in p.why] == []


def test_a_report_under_two_dois_is_one_group():
    """The link has weighed the DOIs; a third record with neither joins them."""
    found = deduplicate([item("a", DOI), item("b", replace(DOI, doi="10.2000/another")), item("c", BARE)])
    assert found.groups == (("a", "b", "c"),)


def test_records_in_another_language_are_compared_by_their_place():
    a, b = BARE, replace(BARE, title="Trasplante de células en la médula lesionada", container="Revista Espanola de Neurologia")
    assert list(candidates([item("a", a), item("b", b)])) == [(0, 1)]

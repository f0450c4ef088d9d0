"""Records that are one are merged, near misses are not, doubts are asked, and every decision can be taken back."""

from __future__ import annotations

import csv
import importlib.util
import io
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

pytest.importorskip("rapidfuzz")

from cordbook.cli import dedupe as command
from cordbook.cli import main
from cordbook.cli.terminal import Keyboard, Terminal
from cordbook.core.project import Project
from cordbook.intake.dedupe import store
from cordbook.intake.dedupe.groups import deduplicate
from cordbook.intake.dedupe.journals import same_container
from cordbook.intake.dedupe.keys import item, words
from cordbook.intake.dedupe.pairs import Verdict, judge
from cordbook.intake.records.record import Record
from cordbook.intake.records.store import read_rows, take_in, write_tables

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("labelled_records", ROOT / "benchmarks" / "labelled_records.py")
labelled_records = importlib.util.module_from_spec(SPEC)
sys.modules["labelled_records"] = labelled_records
SPEC.loader.exec_module(labelled_records)

ONE = Record(
    source="PubMed", source_key="1", title="Transplantation of cells into the injured human spinal cord: a first trial", authors="Ruiz, Ana; Chen, Bo",
    year="2019", container="Journal of Neurotrauma", volume="36", issue="4", pages="112-119", doi="10.1000/one", pmid="30000001",
)  # fmt: skip
BARE = replace(ONE, doi="", pmid="")


def verdict(a: Record, b: Record) -> Verdict:
    one, other = judge(item("a", a), item("b", b)), judge(item("b", b), item("a", a))
    assert one.verdict is other.verdict, "the order does not matter"
    return one.verdict


SAME = {
    "capitals and accents": replace(BARE, title=BARE.title.upper(), authors="RUIZ A; Chén B"),
    "abbreviated journal": replace(BARE, container="J Neurotrauma"),
    "first page only": replace(BARE, pages="112"),
    "short last page, page sign": replace(BARE, pages="pp. 112–9"),
    "subtitle left out": replace(BARE, title="Transplantation of cells into the injured human spinal cord"),
    "cut short": replace(BARE, title=BARE.title[:60]),
    "a misprint": replace(BARE, title=BARE.title.replace("human", "humna")),
    "ahead of print": replace(BARE, volume="", issue="", pages="", year="2019"),
    "no authors": replace(BARE, authors=""),
    "the same number": Record(title="Transplantation of cells into the injured spinal cord", pmid=ONE.pmid),
}


@pytest.mark.parametrize("name", SAME)
def test_the_damage_of_exports_hides_no_duplicate(name):
    assert verdict(ONE, SAME[name]) is Verdict.SAME


OTHER = {
    "erratum": replace(BARE, title=f"Erratum: {ONE.title}", pages="300"),
    "correction": replace(BARE, title=f"Correction to: {ONE.title}"),
    "retraction by kind": replace(BARE, kind="Retraction of Publication"),
    "reply": replace(BARE, title=f"Reply to: {ONE.title}", pages="301"),
    "protocol": replace(BARE, title=f"{ONE.title}: study protocol", year="2016"),
    "part two": replace(BARE, title=f"{ONE.title}. Part II", pages="120-130"),
    "later follow-up": replace(BARE, title=f"{ONE.title}: 24 months", year="2021", volume="38", pages="7"),
    "meeting abstract": replace(BARE, kind="Conference Abstract", container="Cytotherapy", volume="20", pages="S31", year="2018"),
    "another year": replace(BARE, year="2024", volume="41", pages="9-14"),
    "register": Record(source="ClinicalTrials.gov", source_key="NCT01234567", title=ONE.title, year="2015"),
    "another PubMed number": replace(ONE, doi="", pmid="30000002", volume="40", pages="7"),
}


@pytest.mark.parametrize("name", OTHER)
def test_near_misses_are_never_merged_by_themselves(name):
    assert verdict(ONE, OTHER[name]) is not Verdict.SAME


ASKED = {
    "same DOI, other title": replace(
        BARE, doi=ONE.doi, title="Transplantation of olfactory mucosa in dogs with injured cord", pages="112"
    ),
    "same place, other year": replace(BARE, year="2022", issue="", pages="112"),
    "same number, but an erratum": replace(ONE, title=f"Erratum: {ONE.title}"),
    "nothing but the title": Record(title=ONE.title),
}


@pytest.mark.parametrize("name", ASKED)
def test_doubts_are_asked(name):
    assert verdict(ONE, ASKED[name]) is Verdict.ASK


def test_part_one_and_two_are_not_joined_through_a_title_cut_short():
    part = [replace(BARE, title=f"{ONE.title} Part {n}", pages=p) for n, p in (("I", "1-9"), ("II", "10-19"))]
    cut = replace(BARE, title=ONE.title, pages="", volume="")
    found = deduplicate([item(str(i), r) for i, r in enumerate([*part, cut])])
    assert found.groups == ()
    assert found.uncertain


def test_registers_are_matched_by_their_number():
    a = Record(source="ClinicalTrials.gov", source_key="NCT01", title="Old title of a trial")
    assert verdict(a, replace(a, title="New title")) is Verdict.SAME
    assert verdict(a, replace(a, source_key="NCT02")) is Verdict.DIFFERENT


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Journal of Neurotrauma", "J. Neurotrauma", True),
        ("Stem Cells Translational Medicine", "Stem Cells Transl Med", True),
        ("Proceedings of the National Academy of Sciences", "Proc Natl Acad Sci", True),
        ("Spinal Cord", "Spinal cord: the official journal of the society", True),
        ("Spine", "Spinal Cord", False),
        ("Stem Cells", "Cell Stem Cell", False),
        ("Journal of Neurology", "Journal of Neurosurgery", False),
        ("", "Spinal Cord", None),
    ],
)
def test_journals(a, b, same):
    one, other = (tuple(w for w in words(x).split() if w not in ("of", "the")) for x in (a, b))
    assert same_container(one, other) is same
    assert same_container(other, one) is same


def test_precision_and_recall_on_the_labelled_set():
    """The targets of the benchmark, on a set that no rule was tuned on; benchmarks/run_dedupe.py measures larger ones."""
    data = labelled_records.labelled(ROOT / "data" / "references.csv", 6_000, seed=77)
    found = deduplicate([item(str(i), r) for i, r in enumerate(data.records)])
    true = sum(n * (n - 1) // 2 for n in Counter(data.works).values())
    merged = sum(len(g) * (len(g) - 1) // 2 for g in found.groups)
    right = sum(n * (n - 1) // 2 for g in found.groups for n in Counter(data.works[int(i)] for i in g).values())
    assert right / merged >= 0.999
    assert right / true >= 0.98
    assert len(found.uncertain) < 0.02 * len(data.records)


@given(st.lists(st.builds(Record, title=st.text(max_size=60), authors=st.text(max_size=20), year=st.sampled_from(["", "2019", "2020"]),
                          doi=st.sampled_from(["", "10.1/a", "10.1/b"]), pages=st.text(max_size=6), container=st.text(max_size=12)), max_size=12),
       st.randoms())  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_any_records_are_grouped_the_same_in_any_order(records, rng):
    items = [item(str(i), r) for i, r in enumerate(records)]
    found = deduplicate(items)
    members = [i for g in found.groups for i in g]
    assert len(members) == len(set(members))
    rng.shuffle(items)
    assert deduplicate(items).groups == found.groups


@pytest.fixture
def filled(intake_project: Path) -> Project:
    """Three searches: an article twice, a doubt, an included study, a stranger."""
    project = Project(intake_project)
    (project.data / "studies.csv").write_text("study_id\nknown2018\n")
    (project.data / "references.csv").write_text(
        "reference_id,kind,first_author,year,title,journal,doi,pmid\n"
        "known2018,study,Okoro,2018,Hyperbaric oxygen after radiation injury of the spinal cord in twelve people,Spinal Cord,10.1000/known,\n"
    )
    early = [ONE, Record(source="PubMed", source_key="2", title="Something else entirely about the cord", year="2001")]
    known = "HYPERBARIC OXYGEN AFTER RADIATION INJURY OF THE SPINAL CORD IN TWELVE PEOPLE"
    late = [
        replace(BARE, source="Embase", source_key="L1", container="J Neurotrauma"),
        replace(BARE, source="Embase", source_key="L2", year="2022", issue="", pages="112"),
        Record(
            source="Embase",
            source_key="L3",
            title=known,
            authors="Okoro C",
            year="2018",
            container="Spinal Cord",
            doi="10.1000/known",
        ),
    ]
    for name, day, records in (("pubmed-x", "2026-11-01", early), ("embase-x", "2026-11-02", late)):
        search = {"search_id": name, "strategy_id": name, "source": "s", "searched_on": day, "fetched": "1", "complete": "yes"}
        take_in(project.data, search, records, name)
    return project


def merges(project: Project) -> list[tuple[str, str, str]]:
    return [
        (r["record_id"], store.target_of(r), r["method"]) for r in read_rows(project.data, "record_merges") if not r["undone_on"]
    ]


def test_against_the_batch_earlier_records_and_included_studies(filled, capsys):
    assert main(["dedupe", "--no-ask"]) == 0
    assert "5 records: 2 merged now, 1 of them with an included study" in capsys.readouterr().out
    assert merges(filled) == [("embase-x.L1", "pubmed-x.1", "similarity"), ("embase-x.L3", "study:known2018", "identifier")]
    before = (filled.data / "record_merges.csv").read_bytes()
    assert main(["dedupe", "--no-ask"]) == 0
    assert (filled.data / "record_merges.csv").read_bytes() == before


def test_a_merge_can_be_undone_and_stays_undone(filled, capsys):
    main(["dedupe", "--no-ask"])
    assert main(["dedupe", "--undo", "embase-x.L1", "--by", "A. Ruiz"]) == 0
    assert ("embase-x.L1", "pubmed-x.1", "similarity") not in merges(filled)
    main(["dedupe", "--no-ask"])
    assert "embase-x.L1" not in {record for record, _, _ in merges(filled)}
    [row] = [r for r in read_rows(filled.data, "record_merges") if r["record_id"] == "embase-x.L1"]
    assert row["undone_by"] == "A. Ruiz"
    assert main(["dedupe", "--undo", "embase-x.L1", "--by", "A. Ruiz"]) == 1
    assert "is not merged" in capsys.readouterr().err
    assert main(["dedupe", "--undo", "embase-x.L1"]) == 2


def test_uncertain_pairs_are_listed_and_change_nothing(filled, capsys):
    before = (filled.data / "record_merges.csv").read_bytes()
    assert main(["dedupe", "--list"]) == 0
    assert "embase-x.L2" in capsys.readouterr().out
    assert (filled.data / "record_merges.csv").read_bytes() == before


def answered(project, *answers: str, pairs=None) -> int:
    """Keys of a person at a keyboard, without Enter; after the last one Ctrl-D."""
    pairs = store.run(project, "program", "2026-11-21").uncertain if pairs is None else pairs
    with create_pipe_input() as keys:
        keys.send_text("".join(answers) + "\x04")
        asked = Terminal(io.StringIO(), sys.stdout, Keyboard(keys, DummyOutput(), InMemoryHistory()), False, 80)
        return command.ask(project, pairs, "A. Ruiz", "2026-11-21", asked)


def test_answers_come_from_a_pipe_too(filled):
    found = store.run(filled, "program", "2026-11-21")
    piped = Terminal(io.StringIO("x\ns\n"), sys.stdout, None, False, 80)
    assert command.ask(filled, found.uncertain, "A. Ruiz", "2026-11-21", piped) == 1


def test_the_queue_same_different_back_and_stop(filled, capsys):
    assert answered(filled, "u") == 0
    assert answered(filled, "q") == 0
    assert answered(filled, "?", "s") == 1
    assert [m for m in merges(filled) if m[2] == "person"] == [("embase-x.L2", "pubmed-x.1", "person")]
    assert store.run(filled, "program", "2026-11-21").uncertain == ()
    out = capsys.readouterr().out
    assert "≠  year" in out


def test_what_earlier_answers_have_joined_is_not_asked(filled, capsys):
    path = filled.data / "records.csv"
    rows = read_rows(filled.data, "records")
    twin = next(r for r in rows if r["record_id"] == "embase-x.L2") | {"record_id": "embase-x.L9", "source_key": "L9"}
    with open(path, "a", newline="") as file:
        csv.DictWriter(file, list(rows[0])).writerow(twin)
    store.decide(filled, "embase-x.L9", "embase-x.L2", True, "A. Ruiz", "2026-11-21")
    pairs = store.run(filled, "program", "2026-11-21").uncertain
    assert answered(filled, "s", "s", "s", pairs=pairs) == 1
    assert capsys.readouterr().out.count("s same") == 1
    assert answered(filled, "s", pairs=pairs) == 0
    assert "s same" not in capsys.readouterr().out


def test_different_is_remembered(filled):
    assert answered(filled, "d") == 1
    assert store.run(filled, "program", "2026-11-22").uncertain == ()
    assert "embase-x.L2" not in {record for record, _, _ in merges(filled)}


def test_the_spreadsheet_goes_out_and_comes_back(filled, tmp_path, capsys):
    main(["dedupe", "--no-ask"])
    sheet = tmp_path / "pairs.csv"
    assert main(["dedupe", "--out", str(sheet)]) == 0
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 1
    sheet.write_text(f"decision;record;other\nsame;{rows[0]['record']};{rows[0]['other']}\n;x;y\n", encoding="utf-8-sig")
    assert main(["dedupe", "--in", str(sheet), "--by", "A. Ruiz"]) == 0
    assert ("embase-x.L2", "pubmed-x.1", "person") in merges(filled)
    before = (filled.data / "record_merges.csv").read_bytes()
    sheet.write_text(f"decision,record,other\nperhaps,{rows[0]['record']},{rows[0]['other']}\nsame,nope,{rows[0]['other']}\n")
    assert main(["dedupe", "--in", str(sheet), "--by", "A. Ruiz"]) == 1
    err = capsys.readouterr().err
    assert "line 2: 'perhaps'" in err
    assert "line 3: no record" in err
    assert (filled.data / "record_merges.csv").read_bytes() == before


def test_a_record_that_was_screened_stays(filled):
    (filled.data / "screening.csv").write_text("record_id,stage\nembase-x.L1,title_abstract\n")
    store.run(filled, "program", "2026-11-21")
    assert ("pubmed-x.1", "embase-x.L1", "similarity") in merges(filled)


def included(project: Project, record: str, study: str) -> None:
    """Two people include the report of a record as a study."""
    rows = [f"{record},full_text,{who},reviewer,include,{study}" for who in ("Ada", "Ben")]
    (project.data / "screening.csv").write_text("\n".join(["record_id,stage,reviewer,role,decision,study_id", *rows, ""]))


def test_the_report_of_a_study_is_no_duplicate_of_it(filled):
    """What was taken in as a study stays on record, and only what came besides is merged with the study."""
    included(filled, "embase-x.L3", "known2018")
    store.run(filled, "program", "2026-11-21")
    assert merges(filled) == [("embase-x.L1", "pubmed-x.1", "similarity")]
    again = next(r for r in read_rows(filled.data, "records") if r["record_id"] == "embase-x.L3") | {"record_id": "embase-x.L9"}
    write_tables(filled.data, {"records": [*read_rows(filled.data, "records"), again]})
    store.run(filled, "program", "2026-11-22")
    assert merges(filled)[1:] == [("embase-x.L9", "study:known2018", "identifier")]


def test_nobody_is_asked_whether_a_study_is_its_own_report(filled):
    """However little of the report stood in its record."""
    path = filled.data / "references.csv"
    path.write_text(f"{path.read_text()}new2022,study,,2022,{BARE.title},,,\n")
    with (filled.data / "studies.csv").open("a") as file:
        file.write("new2022\n")

    def asked():
        return {frozenset((p.a, p.b)) for p in store.run(filled, "program", "2026-11-21", write=False).uncertain}

    pair = frozenset(("embase-x.L2", "study:new2022"))
    assert pair in asked()
    included(filled, "embase-x.L2", "new2022")
    assert pair not in asked()


def test_titles_in_the_queue_and_the_list_are_harmless(filled, monkeypatch, capsys):
    path = filled.data / "records.csv"
    path.write_text(path.read_text().replace("Transplantation of cells", "\x1b[2J\u202eTransplantation of cells"))
    answered(filled, "u")
    main(["dedupe", "--list"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out

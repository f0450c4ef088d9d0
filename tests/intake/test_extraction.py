"""Extraction: questions with the codebook beside them, answers checked at once and never lost, two readers apart, forms."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.evidence.schema import Field
from cordbook.intake.extraction.codebook import Codebook, open_count, open_questions, same_value, study_rows
from cordbook.intake.extraction.form import form_text, take
from cordbook.intake.extraction.readings import (
    Answer,
    NotReadable,
    Reading,
    Readings,
    count_row,
    propose_study_id,
    reader_name,
    reference_row,
    same_person,
)
from cordbook.intake.extraction.suggestions import COMMON, as_before, offered
from tests.intake.invented import ADA, BEN, STUDY, cordbook, fill, make_included, typed


@pytest.fixture(scope="module")
def included(tmp_path_factory):
    return make_included(tmp_path_factory.mktemp("included") / "project")


@pytest.fixture
def project(included, tmp_path, monkeypatch):
    import shutil

    copy = tmp_path / "project"
    shutil.copytree(included, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture(scope="module")
def codebook(included):
    return Codebook.of(included / "data")


def reading(project, number=1):
    return Readings(project / "data", project / ".cordbook").find(STUDY, number)


def test_a_study_is_read_in_the_terminal(project):
    """Slips are refused as they are typed; what stands in the end is what the person meant."""
    before = {p.name: p.read_bytes() for p in (project / "data").glob("*.csv")}
    done = cordbook(project, "extract", STUDY, "--reader", "Ada", keys=typed(ADA))
    assert done.returncode == 0, done.stderr
    assert "No count of 20 patients rounds to 40.1%" in done.stdout
    assert "11 events in 10 patients" in done.stdout
    assert "Complete. The other reading is to be made by another person" in done.stdout
    # The codebook stands beside the question: meaning, unit, allowed values.
    assert "Why the cord was hurt." in done.stdout
    assert "n (patient)" in done.stdout
    assert "[1] traumatic_sci [2] radiation_myelopathy" in done.stdout
    ada = reading(project)
    assert ada.complete
    assert ada.rows("arms") == ["treated", "control"]
    made = study_rows(ada)
    assert [(c["cell_id"], c["events"], c["n"], c["stratum_relation"]) for c in made["outcomes"]] == [
        (f"{STUDY}.treated.ais_improved.all.12", "9", "20", "total"),
        (f"{STUDY}.control.ais_improved.all.12", "2", "10", "total"),
        (f"{STUDY}.treated.tumour.all.12", "0", "20", "total"),
    ]
    assert made["studies"][0]["country"] == "Nowhere"
    assert ada.answers["studies", STUDY, "age_mean"] == Answer("", "not reported")
    # Nothing of it is in the tables before two readings agree.
    assert {p.name: p.read_bytes() for p in (project / "data").glob("*.csv")} == before


def test_stopping_and_going_on_asks_the_rest_only(project):
    lines = typed(ADA).splitlines(keepends=True)
    cordbook(project, "extract", STUDY, "--reader", "Ada", keys="".join(lines[:5]))
    assert len(reading(project).answers) == 5
    more = cordbook(project, "extract", STUDY, "--reader", "ada", keys="q\n")
    assert "intervention_class" in more.stdout
    assert "country" not in more.stdout
    cordbook(project, "extract", STUDY, "--reader", "Ada", keys="".join(lines[5:]))
    assert reading(project).complete
    assert reading(project, 2) is None


def test_killed_after_an_answer_it_is_there(project):
    """In a real terminal: SIGKILL right after the next question shows; the answers are on disk and the rest is asked."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cordbook", "extract", STUDY, "--reader", "Ada"], stdin=slave, stdout=slave, stderr=slave,
        env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)

    def until(text):
        shown, end = "", time.monotonic() + 60
        while text not in shown:
            assert time.monotonic() < end, f"waited for {text!r}, saw {shown!r}"
            if select.select([master], [], [], 1)[0]:
                shown += os.read(master, 65536).decode("utf-8", "replace")

    for question, answer in (("topic >", b"cell_therapy\n"), ("country >", b"Nowhere\n")):
        until(question)
        os.write(master, answer)
    until("population [traumatic_sci] >")
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(master)
    assert {place[2]: a.value for place, a in reading(project).answers.items()} == {"topic": "cell_therapy", "country": "Nowhere"}
    # Half a row, as a crash within a write leaves it, is quarantined and joins no other.
    with open(project / "data" / "readings" / f"{STUDY}.1.csv", "ab") as file:
        file.write(b"exemplar2026,1,Ada,stud")
    assert "population" in cordbook(project, "extract", STUDY, "--reader", "Ada", keys="1\n").stdout
    assert reading(project).value("studies", STUDY, "population") == "traumatic_sci"
    assert b"stud" in (project / ".cordbook" / "readings.cut-short").read_bytes()


def test_one_person_is_one_reader(project, capsys):
    store = Readings(project / "data", project / ".cordbook")
    store.add(store.of(STUDY, "Ada  Réader"), {("studies", STUDY, "topic"): Answer("cell_therapy")})
    assert store.of(STUDY, "ada reader").number == 1
    assert store.of(STUDY, "Ben").number == 2
    store.add(store.of(STUDY, "Ben"), {("studies", STUDY, "topic"): Answer("cell_therapy")})
    assert main(["extract", STUDY, "--reader", "Cat"]) == 1
    assert "has its two readings, by Ada Réader and Ben" in capsys.readouterr().err
    # Begun by somebody else between looking and writing: refused, nothing written.
    with pytest.raises(NotReadable, match="begun by Ben meanwhile"):
        store.add(Reading(STUDY, 2, "Cat", {}), {("studies", STUDY, "topic"): Answer("other")})
    assert store.find(STUDY, 2).reader == "Ben"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["extract", "nobody1999", "--reader", "A"], 1, "no report was included as 'nobody1999'. Waiting: exemplar2026"),
        (["extract", "lima2010", "--reader", "A"], 1, "in the tables already"),
        (["extract", STUDY], 2, "say who reads"),
        (["extract", STUDY, "--reader", "A+B"], 1, "cannot stand for a reader"),
        (["extract", "../../etc/passwd", "--reader", "A"], 1, "no report was included"),
    ],
)
def test_wrong_use_is_told(project, capsys, monkeypatch, arguments, code, says):
    monkeypatch.delenv("CORDBOOK_REVIEWER", raising=False)
    assert main(arguments) == code
    assert says in capsys.readouterr().err
    assert not (project / "data" / "readings").exists()


def ben_form(project):
    """The form of the second reader, who sees what the first one opened, and none of the values."""
    assert cordbook(project, "extract", STUDY, "--reader", "Ada", keys=typed(ADA)).returncode == 0
    path = project / "ben.csv"
    assert main(["extract", STUDY, "--reader", "Ben", "--form", str(path)]) == 0
    return path


def test_a_form_goes_out_and_comes_back(project, capsys):
    path = ben_form(project)
    lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    assert {(x["table"], x["row"]) for x in lines} >= {("arms", "control"), ("outcomes", "treated.tumour.all.12")}
    keys = ("arm", "outcome", "stratum", "timepoint_months")
    assert [x for x in lines if x["value"] and x["column"] not in keys] == []
    path.write_text(fill(path.read_text(encoding="utf-8-sig"), BEN), encoding="utf-8-sig", newline="")
    assert main(["extract", STUDY, "--reader", "Ben", "--form", str(path)]) == 0, capsys.readouterr().err
    assert f"cordbook reconcile {STUDY}" in capsys.readouterr().out
    ben = reading(project, 2)
    assert ben.complete
    assert ben.value("outcomes", "control.ais_improved.all.12", "events") == "2"  # 20% of 10
    assert ben.value("arms", "treated", "n") == "20"
    assert ben.answers["studies", STUDY, "age_mean"].reason == "not reported"
    # Again: nothing new.
    assert main(["extract", STUDY, "--reader", "Ben", "--form", str(path)]) == 0
    assert "0 answers taken" in capsys.readouterr().out


def test_a_form_with_rows_of_its_own_and_faults(project, codebook):
    """A new arm and count come in; each fault is named by its line and keeps nothing else out."""
    text = form_text(Reading(STUDY, 1, "A", {}), codebook, ("treated",), [("treated", "ais_improved", "baseline_ais=A", "6")])
    good = {("studies", STUDY, "topic"): "cell_therapy", ("arms", "treated", "role"): "treated", ("arms", "treated", "n"): "7"}
    row = count_row("treated", "ais_improved", "baseline_ais=A", "6")
    bad = {("studies", STUDY, "population"): "cats", ("outcomes", row, "n"): "8", ("outcomes", row, "events"): "3"}
    lines = (
        fill(text, good | bad)
        + "arms,Bad Arm,role,treated\r\narms,control,role,comparator\r\nfoo,x,y,z\r\nstudies,x,colour,red\r\n"
    )
    lines += "outcomes,my cell,arm,control\r\noutcomes,my cell,outcome,tumour\r\noutcomes,my cell,n,5\r\noutcomes,my cell,events,50%\r\n"
    taken = take(lines, Reading(STUDY, 1, "A", {}), codebook)
    made = {(*place[1:],): a.value for place, a in taken.answers.items()}
    assert made["treated", "n"] == "7"
    assert made["control", "role"] == "comparator"
    assert made["control.tumour.all.na", "n"] == "5"
    assert ("control.tumour.all.na", "events") not in made
    told = "\n".join(taken.problems)
    for part in (
        '"cats" is not in the list',
        "has 7 patients",
        "No count of 5 patients rounds to 50%",
        "'foo' is none of",
        "no column 'colour'",
        "arm_id",
    ):
        assert part in told or part == "arm_id", part
    assert '"Bad Arm" does not have the form' in told
    assert all(line.startswith("line ") for line in taken.problems)


@pytest.mark.parametrize("content", [b"", b"\xff\xfea", b"a,b\n1,2\n", b'table,row,column,value\n"x', b"PK\x03\x04"])
def test_what_is_no_form_changes_nothing(project, capsys, content):
    (project / "x.csv").write_bytes(content)
    assert main(["extract", STUDY, "--reader", "A", "--form", "x.csv"]) == 2
    assert "x.csv" in capsys.readouterr().err
    assert reading(project) is None


def test_no_cell_of_a_form_is_a_formula(project, codebook):
    """What a reader typed cannot run in the other's spreadsheet, and comes back as it was."""
    answers = {("studies", STUDY, "note"): Answer("", "=HYPERLINK(1)"), ("studies", STUDY, "country"): Answer("-x")}
    text = form_text(Reading(STUDY, 1, "A", answers), codebook)
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert not [c for c in cells if c[:1] in ("=", "+", "-", "@")]
    taken = take(text, Reading(STUDY, 1, "A", answers), codebook)
    assert taken.known == 2
    assert not set(answers) & set(taken.answers)


@given(st.lists(st.tuples(st.sampled_from(["studies", "arms", "outcomes", "x", ""]), *[st.text(max_size=12)] * 4), max_size=8))
@settings(deadline=None, max_examples=40)
def test_no_form_crashes_it(codebook, lines):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["table", "row", "column", "value", "reason"])
    writer.writerows(lines)
    try:
        taken = take(out.getvalue(), Reading(STUDY, 1, "A", {}), codebook)
    except ValueError:
        return
    assert codebook.problems(study_rows(Reading(STUDY, 1, "A", {}).with_answers(taken.answers))) is not None


def test_text_with_escapes_is_harmless(project):
    done = cordbook(project, "extract", STUDY, "--reader", "A", keys="1\nNow\x1b[2Jhere\u202e\n=1+1\nq\n")
    assert "\x1b" not in done.stdout
    assert reading(project).value("studies", STUDY, "country") == "Nowhere"


def test_the_key_of_a_study_is_proposed():
    record = {"authors": "Ångström-Öz, Åsa; Ho, B", "year": "2026"}
    assert propose_study_id(record, []) == "angstromoz2026"
    assert propose_study_id(record, ["angstromoz2026", "angstromoz2026b"]) == "angstromoz2026c"
    assert propose_study_id({"authors": "", "year": "2026"}, []) == ""


def test_a_reference_keeps_initials_takes_the_number_from_the_address_and_is_confirmed_only_where_nothing_is_missing():
    record = {
        "authors": "Novak, Jana Maria; Ho, B", "year": "2026", "title": "A trial", "url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC42/",
    }  # fmt: skip
    row = reference_row(record, "novak2026")
    assert (row["first_author"], row["pmcid"], row["identity_confidence"]) == ("Novak JM", "PMC42", "confirmed")
    for lost in ("authors", "year", "title", "url"):
        assert reference_row(record | {lost: ""}, "novak2026")["identity_confidence"] == "partial", lost
    table = record | {"url": "https://pmc.ncbi.nlm.nih.gov/articles/PMC42/table/t1"}
    assert reference_row(table, "novak2026")["pmcid"] == ""


@given(st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None)
def test_people_are_told_apart_alike_both_ways(a, b):
    assert same_person(a, b) == same_person(b, a)
    assert same_person(a, f" {a} ")
    with contextlib.suppress(NotReadable):
        assert reader_name(reader_name(a)) == reader_name(a)


@given(st.integers(0, 10**6))
@settings(deadline=None)
def test_numbers_are_compared_as_numbers(n):
    number = Field("x", "number")
    assert same_value(str(n), f"{n}.0", number)
    assert not same_value(str(n), f"{n}.5", number)
    assert not same_value("", "0", number)


def test_questions_end(codebook):
    """A reading with every question answered as not reported has none open: no answer opens a question for ever."""
    now = Reading(STUDY, 1, "A", {("arms", "treated", "row"): Answer("opened")})
    for _ in range(100):
        q = next(open_questions(now, codebook), None)
        if q is None:
            break
        now = now.with_answers({q.place: Answer("", "not reported")})
    assert q is None


#: A trial of six counts (three outcomes in two arms), read from a full text: what is typed, and nothing that could be spared.
SIX = """
cell_therapy
Nowhere
                    # the population that goes with the topic
rct
.
                    # the intervention that goes with the topic
chronic
..
full text
treated
                    # its role
20
.                   # no words for it beside the type of the cells
bm_mnc
autologous
intrathecal
..
control
                    # its role
10
..                  # nothing on what it got
                    # no more arms
ais improved, death, tumour
                    # in each arm
                    # of all patients
12
20
45%
y
at least one grade up
primary_fulltext
.
Table 2
high
                    # pooled
.
10
2
                    # the rest as before
20
0
.
                    # the rest as before
10
0
                    # the rest as before
20
0
.
                    # the rest as before
10
0
                    # the rest as before
                    # no more counts
y
"""


def test_a_trial_of_six_counts_takes_few_prompts_and_keys(project):
    """What the effort is: prompts are the lines that a person answers, keys what is pressed for them, Enter included."""
    keys = typed(SIX)
    done = cordbook(project, "extract", STUDY, "--reader", "Ada", keys=keys)
    assert done.returncode == 0, done.stderr
    assert "Complete." in done.stdout, done.stdout[-1500:]
    made = study_rows(reading(project))["outcomes"]
    assert [(c["cell_id"].removeprefix(f"{STUDY}."), c["events"], c["n"]) for c in made] == [
        (f"{arm}.{outcome}.all.12", events, n)
        for outcome, treated in (("ais_improved", "9"), ("death", "0"), ("tumour", "0"))
        for arm, events, n in (("treated", treated, "20"), ("control", "2" if outcome == "ais_improved" else "0", "10"))
    ]
    assert {(c["source_kind"], c["locator"], c["confidence"], c["poolable"]) for c in made} == {
        ("primary_fulltext", "Table 2", "high", "yes")
    }
    assert keys.count("\n") <= 55
    assert len(keys) <= 260


def test_counts_are_never_offered_and_the_rest_only_from_a_whole_count(codebook):
    """An offer of numbers that two readers take unseen would look like agreement."""
    first, second, other = (count_row("treated", o, "", m) for o, m in (("death", "6"), ("death", "12"), ("tumour", "12")))
    answers = {("arms", "treated", "row"): Answer("opened"), ("arms", "treated", "n"): Answer("20")}
    for outcome, months in (("death", "6"), ("death", "12"), ("tumour", "12")):
        answers |= open_count("treated", outcome, "", months)[1]
    said = {"n": "20", "events": "0", "definition": "any death", "source_kind": "primary_fulltext", "source_url": ""}
    said["locator"] = "Table 2"
    answers |= {("outcomes", first, c): Answer(v, "" if v else "not reported") for c, v in said.items()}
    for row in (second, other):
        answers |= {("outcomes", row, c): Answer(v) for c, v in (("n", "19"), ("events", "1"))}
    half = Reading(STUDY, 1, "A", answers)
    # The first count is not told to its end: nothing is like it yet.
    assert as_before(half, ("outcomes", second, "definition"), codebook) == ("", {})
    rest = {"confidence": Answer("high"), "poolable": Answer("no"), "note": Answer("", "not reported")}
    whole = half.with_answers({("outcomes", first, c): a for c, a in rest.items()})
    whole = whole.with_answers({("outcomes", first, "not_poolable_reason"): Answer("overlap")})
    before, copied = as_before(whole, ("outcomes", second, "definition"), codebook)
    assert before == first
    assert {place[1] for place in copied} == {second}
    assert {place[2]: a for place, a in copied.items()} == {
        c: whole.answers["outcomes", first, c] for c in COMMON
    }  # why it is not pooled, too
    # Another outcome has another definition; what comes after it may be the same.
    assert as_before(whole, ("outcomes", other, "definition"), codebook) == ("", {})
    defined = whole.with_answers({("outcomes", other, "definition"): Answer("", "not reported")})
    assert set(as_before(defined, ("outcomes", other, "source_kind"), codebook)[1]) == {
        ("outcomes", other, c) for c in COMMON if c != "definition"
    }
    for row in (first, second, other):
        for column in ("n", "events"):
            blank = Reading(STUDY, 1, "A", {p: a for p, a in whole.answers.items() if p != ("outcomes", row, column)})
            assert offered(blank, ("outcomes", row, column), codebook) == ""
    assert offered(whole, ("outcomes", second, "locator"), codebook) == "Table 2"
    assert offered(whole, ("outcomes", second, "note"), codebook) == ". not reported"


def test_help_back_and_one_by_one(project):
    """The codebook on demand; what was taken as a whole can be gone through again; what is taken one by one is offered."""
    lines = typed(SIX).splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line == "2\n") + 1
    # Taken as before, back to the note and the confidence in it, another one; then the rest of the trial.
    keys = ["?\n", *lines[:at], "?\n", "\n", "<\n", "<\n", "<\n", "medium\n", "q\n"]
    done = cordbook(project, "extract", STUDY, "--reader", "Ada", keys="".join(keys))
    assert done.returncode == 0, done.stderr
    assert "type string; a value is needed" in done.stdout
    row = "control.ais_improved.all.12"
    assert "Improved by at least one AIS grade: The grade of the ASIA Impairment Scale rose" in " ".join(done.stdout.split())
    now = reading(project)
    assert now.value("outcomes", row, "confidence") == "medium"
    assert now.value("outcomes", row, "locator") == "Table 2"
    more = "".join([*lines[at + 1 : at + 4], "e\n", "\n", "\n", "Table 4\n", "q\n"])
    cordbook(project, "extract", STUDY, "--reader", "Ada", keys=more)
    assert reading(project).value("outcomes", "treated.death.all.12", "locator") == "Table 4"
    assert reading(project).value("outcomes", "treated.death.all.12", "source_kind") == "primary_fulltext"


@pytest.mark.parametrize(
    ("topic", "implied"),
    [
        ("cell_therapy", {"population": "traumatic_sci", "intervention_class": "cell_therapy"}),
        ("rm_treatment", {"population": "radiation_myelopathy", "intervention_class": ""}),
        ("unheard_of", {"population": "", "intervention_class": ""}),
    ],
)
def test_what_a_topic_implies_is_declared_and_offered(codebook, topic, implied):
    reading = Reading(STUDY, 1, "A", {("studies", STUDY, "topic"): Answer(topic)})
    assert {column: offered(reading, ("studies", STUDY, column), codebook) for column in implied} == implied


def test_an_arm_is_offered_the_role_that_all_arms_of_its_name_have(codebook):
    reading = Reading(STUDY, 1, "A", {})
    assert [offered(reading, ("arms", name, "role"), codebook) for name in ("sham", "standard_care", "unheard_of")] == [
        "comparator", "natural_course", "",
    ]  # fmt: skip

"""What can be typed at a prompt of ``cordbook extract`` besides the answer: names in words, answers again, new terms."""

from __future__ import annotations

import csv
import io
import shutil

import pytest

from cordbook.cli.extract_asking import ask_all
from cordbook.cli.extract_session import Session
from cordbook.cli.terminal import Terminal
from cordbook.core.project import Project
from cordbook.evidence import validate
from cordbook.evidence.schema import load_package
from cordbook.intake.extraction.codebook import Codebook, study_rows
from cordbook.intake.extraction.new_terms import OUTCOMES, add_term
from cordbook.intake.extraction.outcomes import outcomes_called
from cordbook.intake.extraction.readings import NotReadable, Readings
from tests.intake.invented import ADA, STUDY, cordbook, make_included, rows, typed

#: The study and its only arm, to the question for counts.
STUDY_READ = typed(ADA).partition("control\n")[0] + "\n"


@pytest.fixture(scope="module")
def included(tmp_path_factory):
    return make_included(tmp_path_factory.mktemp("included") / "project")


@pytest.fixture(scope="module")
def begun(included):
    """The project with the study and one arm of 20 read."""
    cordbook(included, "extract", STUDY, "--reader", "Ada", keys=STUDY_READ + "q\n")
    return included


@pytest.fixture
def project(begun, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(begun, copy)
    return copy


class Keys(io.StringIO):
    """Lines as they are typed; before some of them something else happens."""

    def __init__(self, text, before=None):
        super().__init__(text)
        self.before = before or {}

    def readline(self, *size):
        line = super().readline(*size)
        if meanwhile := self.before.get(line.strip()):
            meanwhile()
        return line


def asked(project, keys, before=None):
    """The terminal with these keys; returns what it showed and the reading."""
    at = Project(project)
    store = Readings(at.data, at.kept)
    session = Session(at, store, Codebook.of(at.data), store.of(STUDY, "Ada"))
    session.arms_named = True
    out = io.StringIO()
    ask_all(session, Terminal(Keys(keys, before), out, None, False, 200))
    return out.getvalue(), store.find(STUDY, 1)


COUNT = "20\n9\nat least one grade\nprimary_fulltext\n.\nTable 2\nhigh\nyes\n.\n"


def opened(reading):
    return [(reading.value("outcomes", r, "outcome"), reading.value("outcomes", r, "stratum")) for r in reading.rows("outcomes")]


def test_an_outcome_is_named_by_whole_words_and_what_is_not_clear_is_asked_alone(project):
    """The known names of the line are kept, and one that was told by words is confirmed."""
    terms = rows(project, "outcome_terms")
    label = next(t["label"] for t in terms if t["outcome"] == "ais_improved")
    keys = f"tumour, lorem to ipsum, {label}\n\ny\n\n\nq\n"
    shown, reading = asked(project, keys)
    assert "No outcome has the words 'lorem to ipsum'" in shown
    assert f"ais_improved: {label}" in shown
    assert [o for o, _ in opened(reading)] == ["tumour", "ais_improved"]


def test_letters_here_and_there_are_no_words():
    labels = {"other:ais_a_to_c": "AIS A to C, bladder apart"}
    assert outcomes_called("ais a to b", labels) == []
    assert outcomes_called("blad", labels) == []
    assert outcomes_called("a to c", labels) == ["other:ais_a_to_c"]


def test_a_name_that_was_not_meant_is_corrected_before_it_is_opened(project):
    label = next(t["label"] for t in rows(project, "outcome_terms") if t["outcome"] == "ais_improved")
    _, reading = asked(project, f"{label}\nn\ndeath\n\n\nq\n")
    assert [o for o, _ in opened(reading)] == ["death"]
    # Back from the stratum opens nothing.
    _, reading = asked(project, "..\n20\n0\n.\n1\n.\nx\nhigh\ny\n.\n\ntumour\n<\nq\n")
    assert [o for o, _ in opened(reading)] == ["death"]


def test_a_count_that_comes_again_begins_blank(project):
    _, reading = asked(project, f"tumour\n\n12\n{COUNT}-treated.tumour.all.12\ntumour\n\n12\nq\n")
    row = "treated.tumour.all.12"
    assert reading.rows("outcomes") == [row]
    assert reading.value("outcomes", row, "n") == reading.value("outcomes", row, "locator") == ""
    assert ("outcomes", row, "n") not in reading.answers
    assert reading.value("outcomes", row, "timepoint_months") == "12"


@pytest.mark.parametrize("column", ["topic", "read_as"])
def test_what_the_tables_need_takes_no_reason(project, column):
    shown, reading = asked(project, f"={column}\n. not told in the report\n\nq\n")
    assert "no reason can stand in its place" in shown
    assert reading.value("studies", STUDY, column) != ""


def test_an_answer_is_opened_again_by_its_name(project):
    keys = "=country\nSomewhere\n=treated n\n21\n=n\n22\n=nothing\n=death\nq\n"
    shown, reading = asked(project, keys)
    assert reading.value("studies", STUDY, "country") == "Somewhere"
    assert reading.value("arms", "treated", "n") == "22"
    assert "Nothing is asked by the name 'nothing'" in shown


def test_with_again_every_question_is_asked_and_enter_keeps_what_stands(project):
    before = Readings(project / "data", project / ".cordbook").find(STUDY, 1)
    done = cordbook(project, "extract", STUDY, "--reader", "Ada", "--again", keys="\nElsewhere\n" + "\n" * 60)
    after = Readings(project / "data", project / ".cordbook").find(STUDY, 1)
    assert "topic [cell_therapy] >" in done.stdout
    changed = {place for place, a in after.answers.items() if before.answers.get(place) != a}
    assert {place[2] for place in changed} <= {"country", "complete"}
    assert after.value("studies", STUDY, "country") == "Elsewhere"


def test_of_a_stratum_with_all_patients_of_the_arm_it_is_asked_whether_it_is_everybody(project):
    shown, reading = asked(
        project, "ais improved\nbaseline_ais=A\n12\n20\n9\ny\n" + "one grade or more\n1\n.\nTable 2\nhigh\ny\n.\n" + "\nq\n"
    )
    assert "Is this everybody of the arm?" in shown
    made = study_rows(reading)["outcomes"]
    assert [(c["stratum"], c["stratum_relation"], c["events"], c["n"]) for c in made] == [
        ("baseline_ais=A", "same_patients", "9", "20"),
        ("", "total", "9", "20"),
    ]
    # The rest of the count of all patients took one key.
    assert made[1]["locator"] == "Table 2"


def test_who_says_no_is_told_what_to_correct_and_fewer_patients_are_not_asked_about(project):
    shown, reading = asked(project, "ais improved\nbaseline_ais=A\n12\n20\n9\nn\nq\n")
    assert "=treated n" in shown
    assert opened(reading) == [("ais_improved", "baseline_ais=A")]
    shown, _ = asked(project, "=treated.ais_improved.baseline_ais-a.12 n\n19\nq\n")
    assert "everybody" not in shown


def test_a_new_outcome_is_made_at_the_prompt_and_opened(project):
    package = load_package(project / "data")
    enums = {f.name: list(f.enum) for f in package.table("outcome_terms").fields if f.enum}
    group, good = enums["group"][0], enums["event_is"][0]
    keys = (
        f"+lorem walked\n\nWalked in the lorem test\nno such group\n{group}\n{good}\nWalked without help.\n\n\n\n\ny\n\n12\nq\n"
    )
    shown, reading = asked(project, keys)
    assert "no such group" in shown
    term = next(t for t in rows(project, "outcome_terms") if t["outcome"] == "lorem_walked")
    assert (term["label"], term["group"], term["event_is"]) == ("Walked in the lorem test", group, good)
    assert opened(reading) == [("lorem_walked", "")]
    assert validate(project / "data").errors == 0


def test_a_new_topic_is_written_into_every_file_that_must_know_it(project):
    keys = "=topic\n+lorem\n\ntreatment\n\n\n\nLorem and ipsum\ny\n"
    shown, reading = asked(project, keys + "q\n")
    assert reading.value("studies", STUDY, "topic") == "lorem", shown
    assert validate(project / "data").errors == 0
    assert "lorem" in load_package(project / "data").table("studies").field("topic").enum
    with open(project / "data" / "vocabulary" / "labels.csv", encoding="utf-8", newline="") as file:
        assert any((r["kind"], r["code"], r["label"]) == ("topic", "lorem", "Lorem and ipsum") for r in csv.DictReader(file))
    assert "`lorem`" in (project / "data" / "README.md").read_text(encoding="utf-8")


def test_a_term_that_another_person_wrote_meanwhile_is_known_without_a_restart(project):
    def meanwhile():
        term = {"outcome": "lorem_seen", "label": "Lorem seen", "group": group, "event_is": good, "definition": "Seen."}
        add_term(project / "data", project / ".cordbook", OUTCOMES, term)

    fields = {f.name: f.enum for f in load_package(project / "data").table("outcome_terms").fields if f.enum}
    group, good = fields["group"][0], fields["event_is"][0]
    _, reading = asked(project, "lorem seen\n\n12\nq\n", before={"lorem seen": meanwhile})
    assert opened(reading) == [("lorem_seen", "")]


def test_a_term_that_cannot_stand_changes_nothing(project):
    before = {p: p.read_bytes() for p in (project / "data").rglob("*") if p.is_file()}
    for term in ({"outcome": "death", "label": "Again"}, {"outcome": "Not A Key!", "label": "x"}, {"outcome": "lorem"}):
        with pytest.raises(NotReadable):
            add_term(project / "data", project / ".cordbook", OUTCOMES, term)
    assert {p: p.read_bytes() for p in (project / "data").rglob("*") if p.is_file()} == before


def test_what_the_tables_would_refuse_keeps_the_reading_open(project):
    """All is answered, and the outcome has left the list meanwhile: no single answer is at fault."""
    fields = {f.name: f.enum for f in load_package(project / "data").table("outcome_terms").fields if f.enum}
    term = {"outcome": "lorem_seen", "label": "Lorem seen", "group": fields["group"][0], "event_is": fields["event_is"][0]}
    path = project / "data" / "outcome_terms.csv"
    before = path.read_bytes()
    add_term(project / "data", project / ".cordbook", OUTCOMES, term | {"definition": "Seen."})
    shown, reading = asked(project, f"lorem seen\n\n12\n{COUNT}\ny\n", before={"y": lambda: path.write_bytes(before)})
    assert "not complete before this is mended" in shown
    assert "lorem_seen" in shown
    assert not reading.complete

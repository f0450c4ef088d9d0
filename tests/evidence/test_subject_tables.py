"""What a review declares of its subject: facts, topics, phrases and sections; what is missing declares nothing."""

from __future__ import annotations

import pandas as pd
import pytest

from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.subject_tables import DOSE, GIVEN, NATURAL_COURSE, PARTICIPANTS, PHASE, SubjectTables, fact_of


@pytest.fixture(scope="module")
def evidence(root):
    return load_evidence(root / "data")


def test_a_review_without_these_tables_declares_nothing():
    subject = SubjectTables({})
    assert subject.topic("sleep").kind == "treatment"
    assert subject.topic("sleep").implies == {}
    assert subject.facts(GIVEN) == ()
    assert subject.fact(PHASE) is None
    assert subject.phrases({"topic": "sleep"}) == {}
    assert (subject.section("4").label, subject.section("4").page) == ("section 4", "")
    assert subject.summary_keys == frozenset()


def test_of_each_place_the_first_phrase_that_fits_is_taken():
    rows = [("people", "topic", "a", "of a"), ("people", "population", "p", "of p"), ("treated", "topic", "b", "of b")]
    subject = SubjectTables({"study_phrases": pd.DataFrame(rows, columns=["place", "kind", "code", "text"])})
    assert subject.phrases({"topic": "a", "population": "p"}) == {"people": "of a"}
    assert subject.phrases({"topic": None, "population": "p"}) == {"people": "of p"}


def test_a_fact_is_told_of_the_studies_that_it_is_declared_for():
    fact = fact_of({"fact": "grade", "columns": "A=ais_a;B=ais_b", "only": "population=injured"})
    assert fact.counts
    assert fact.counted({"ais_a": 3, "ais_b": 0}) == (("A", 3),)
    assert fact.is_recorded({"population": "injured"})
    assert not fact.is_recorded({"population": "other"})
    assert fact_of({"fact": "sex", "columns": "men"}).is_recorded({})


def test_every_topic_population_and_treatment_of_the_review_is_declared(evidence):
    topics = evidence["studies"]["topic"].unique()
    assert {evidence.subject.topic(topic).topic for topic in topics} == set(evidence["topics"]["topic"])
    assert evidence.subject.topics(NATURAL_COURSE) == {"natural_recovery"}
    assert [fact.fact for fact in evidence.subject.facts(PARTICIPANTS)][-1] == PHASE
    # What is told of cells is told of cell therapy alone; a dose as it is printed is told of any treatment.
    told = {fact.fact: fact.only for place in (GIVEN, DOSE) for fact in evidence.subject.facts(place)}
    assert told.pop("printed_treatment_dose") is None
    assert set(told.values()) == {("intervention_class", "cell_therapy")}


def test_a_declared_column_that_the_schema_lacks_is_blank(root, tmp_path):
    import json
    import shutil

    shutil.copytree(root / "data", tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    schema = tmp_path / "data" / "datapackage.json"
    package = json.loads(schema.read_text(encoding="utf-8"))
    arms = next(r for r in package["resources"] if r["name"] == "arms")
    arms["schema"]["fields"] = [f for f in arms["schema"]["fields"] if f["name"] != "cell_type"]
    schema.write_text(json.dumps(package), encoding="utf-8")
    table = pd.read_csv(tmp_path / "data" / "arms.csv", dtype=str).drop(columns="cell_type")
    table.to_csv(tmp_path / "data" / "arms.csv", index=False)
    evidence = load_evidence(tmp_path / "data")
    assert evidence["arms"]["cell_type"].isna().all()
    assert evidence.counts["cell_type"].isna().all()
    assert "cell_type" in evidence.count_columns

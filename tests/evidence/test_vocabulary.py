"""One owner of what codes are called: every code has one name in each form, a missing one is written in plain words."""

from __future__ import annotations

import json
import re
import shutil

import pandas as pd
import pytest

from cordbook.core import tracking
from cordbook.core.project import Project, data_files
from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.vocabulary import Dimension, Names, Vocabulary, part_name, vocabulary_of
from cordbook.publish.freshness.records import Today
from cordbook.publish.pages.estimate_pages import estimate_pages
from cordbook.publish.pages.explorer_data import explorer_data
from cordbook.publish.pages.study_pages import study_pages
from cordbook.review.estimates.estimates import load_estimates
from tests.publish import small_book
from tests.publish.small_book import set_value


@pytest.fixture(scope="module")
def evidence(root):
    return load_evidence(root / "data")


@pytest.fixture(scope="module")
def words(evidence) -> Vocabulary:
    return evidence.vocabulary


def test_every_code_that_studies_and_arms_hold_has_a_name(evidence, words):
    unnamed = []
    for table, columns in (
        ("studies", ("topic", "population", "intervention_class", "injury_phase", "design")),
        ("arms", ("role", "cell_type", "donor", "route")),
    ):
        unnamed += [(c, v) for c in columns for v in evidence[table][c].dropna().unique() if words.known(c, v) is None]
    assert unnamed == []


def test_one_thing_has_one_name(words):
    """Hyperbaric oxygen is a topic, a treatment and an arm, and is called the same in all three."""
    assert {
        words.label("topic", "hyperbaric_oxygen"),
        words.label("intervention_class", "hyperbaric_oxygen"),
        words.label("arm", "hbot"),
    } == {"Hyperbaric oxygen"}


def test_a_source_of_a_dimension_names_its_codes(words):
    assert words.label("injury_phase", "acute") == words.label("phase", "acute") == words.label("stratum.phase", "acute")
    assert words.by("injury_phase") == "time since injury"


@pytest.mark.parametrize(
    ("form", "said"),
    [("label", "Bone-marrow MSC"), ("phrase", "stem cells from bone marrow (mesenchymal)"), ("level", "bone-marrow MSC")],
)
def test_a_form_that_is_not_given_is_the_label_in_a_sentence(words, form, said):
    assert words.label("cell_type", "bm_msc", form) == said


def test_what_has_no_name_is_written_in_plain_words(words):
    assert words.label("cell_type", "new_cells") == "New cells"
    assert words.label("cell_type", "new_cells", "phrase") == words.level("cell_type", "new_cells") == "new cells"
    assert words.label("sleep", "at_night") == "At night"
    for blank in (None, "", float("nan"), pd.NA):
        assert (words.label("cell_type", blank), words.label("cell_type", blank, "phrase")) == ("Not stated", "not stated")


def test_strata_and_titles_are_said(words):
    pairs = [("baseline_ais", "A+B"), ("phase", "late_over_4_months"), ("total_dose_gy", "<=33.5"), ("dose_cells", "2e6")]
    assert words.stratum(pairs) == (
        "AIS A or B at the start; later than 4 months after injury; at most 33.5 Gy in all; 2,000,000 cells"
    )
    assert words.stratum([]) == "all"
    assert words.part_title("AIS improved, by time since injury", "injury_phase", "acute") == "AIS improved: acute injury"
    assert part_name("AIS improved: acute injury") == "Acute injury"


def test_every_stratum_key_can_be_said(evidence, words):
    unsaid = [k for k in evidence["stratum_keys"]["key"] if k not in words.templates and not words.codes(f"stratum.{k}")]
    assert unsaid == []


def test_another_review_needs_no_table(words):
    """Neither labels nor strata: designs and roles keep their names, all else is written in plain words."""
    none = vocabulary_of({})
    assert none.label("design", "rct") == "Randomised trial"
    assert none.label("topic", "sleep_loss") == "Sleep loss"
    assert none.part_title("Better, by kind of sleep", "kind_of_sleep", "at_night") == "Better: at night"
    assert (none.filters(), none.codes("topic"), none.verb("death")) == ((), (), "")
    old = vocabulary_of(
        {"stratum_keys": pd.DataFrame({"key": ["age"]}), "outcome_terms": pd.DataFrame({"outcome": ["x"], "label": ["Y"]})}
    )
    assert old.stratum([("age", ">=60")]) == "age: at least 60"
    assert old.label("outcome", "x", "phrase") == "y"


def test_names_of_a_review_stand_before_those_of_every_review():
    words = Vocabulary({("design", "rct"): Names("RCT")}, {"kind": Dimension("kind", "Kind", sources=("design",))})
    assert words.label("design", "rct") == "RCT"


def test_what_is_asked_is_noted(tmp_path, words):
    found = tracking.begin(tmp_path)
    words.label("topic", "cell_therapy")
    words.label("outcome", "death")
    words.stratum([("grade", "3")])
    words.by("route")
    assert tracking.end() == found == {("table", name) for name in ("labels", "outcome_terms", "stratum_keys", "dimensions")}


def test_a_changed_label_makes_stale_what_asked_for_it(root, tmp_path):
    shutil.copytree(root / "data", tmp_path / "data", ignore=shutil.ignore_patterns("raw"))
    read = ("table", "labels")
    before = Today(Project(tmp_path)).digest(read)
    set_value(tmp_path / "data", "labels", 0, "label", "Another name")
    assert Today(Project(tmp_path)).changed({read: before}) == [read]


def test_the_files_of_data_hold_those_of_its_folders(root):
    names = list(data_files(root / "data"))
    assert {"arms.csv", "vocabulary/labels.csv", "review.yml"} <= set(names)
    assert names == sorted(names)
    assert not [name for name in names if name.startswith(("raw/", "readings/", "."))]


def test_a_review_without_names_still_makes_its_pages(root, tmp_path):
    """Pages and the explorer's data of a review whose data/ has no vocabulary: codes are written in plain words."""
    project = small_book.make(root, tmp_path / "project")
    shutil.rmtree(project / "data" / "vocabulary")
    path = project / "data" / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    package["resources"] = [r for r in package["resources"] if not r["path"].startswith("vocabulary/")]
    for resource in package["resources"]:
        fields = resource["schema"]["fields"]
        resource["schema"]["fields"] = [f for f in fields if (resource["name"], f["name"]) != ("stratum_keys", "phrase")]
    path.write_text(json.dumps(package), encoding="utf-8")
    estimates = load_estimates(project)
    data = explorer_data(estimates)
    assert data["filters"] == ["role", "topic", "intervention_class", "design", "confidence"]
    assert "Cell therapy" in data["columns"]["topic"]["words"]
    pages = study_pages(estimates)
    assert "Bm msc" in pages["lima2010"] or "Olfactory mucosa" in pages["lima2010"]
    assert not re.search(r"\bnan\b|<NA>", " ".join(pages.values()))
    assert len(estimate_pages(Project(project), estimates)) == 2

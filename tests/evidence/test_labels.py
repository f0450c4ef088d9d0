"""Labels of sources: one owner, made from what is known, never the key."""

from __future__ import annotations

import re
from pathlib import Path

from cordbook.evidence.evidence import load_evidence
from cordbook.evidence.labels import Known, known_sources, labels_of
from cordbook.review.claims.mechanisms import sources


def bare(text: str) -> str:
    """A label or key as one who reads aloud would tell it: letters and digits alone."""
    return re.sub(r"[\W_]", "", text).casefold()


def test_no_label_of_the_real_data_is_a_raw_key(root):
    evidence = load_evidence(root / "data")
    keys = {bare(key) for key in evidence["references"]["reference_id"]}
    # Author and year without a blank are how most keys are made: there the label says the same, and is none.
    known = known_sources(evidence["references"].to_dict("records"))
    unnamed = {key for key, source in known.items() if not source.author}
    assert unnamed & set(evidence["studies"]["study_id"])
    for labels in (
        evidence.study_labels,
        evidence.source_labels(),
        {key: source.label for key, source in sources(evidence).items()},
    ):
        assert all(
            label and "_" not in label and label not in evidence["references"]["reference_id"].tolist()
            for label in labels.values()
        )
        assert {key: labels[key] for key in unnamed & labels.keys() if bare(labels[key]) in keys} == {}


def test_studies_of_the_real_data_are_told_apart(root):
    labels = load_evidence(root / "data").study_labels
    assert len(set(labels.values())) == len(labels)
    # What fits beside the counts of a forest plot.
    assert max(map(len, labels.values())) <= 36


def test_every_source_of_the_real_data_has_one_name_and_no_other_source_has_it(root):
    evidence = load_evidence(root / "data")
    rows = evidence["references"]
    own = set(evidence["studies"]["study_id"])
    second = rows[rows["same_as"].notna() & ~rows["reference_id"].isin(own)].set_index("reference_id")["same_as"].to_dict()
    labels = evidence.source_labels()
    named = [labels[key] for key in labels if key not in second]
    assert len(set(named)) == len(named) and len(named) > len(own)
    assert second and all(labels[key] == labels[source] for key, source in second.items())
    # One source is called alike in figures, tables of claims, and citations.
    plain = {key: label.removesuffix(" (retracted)") for key, label in evidence.study_labels.items()}
    assert {key: labels[key] for key in own} == plain
    assert {key: source.label[-1] for key, source in sources(evidence).items() if labels[key][-5:-1].isdigit()} == {
        key: label[-1] for key, label in labels.items() if label[-5:-1].isdigit()
    }


def test_of_sources_named_alike_letters_tell_which():
    same = {
        "a": Known(year="2025", topic="cell therapy"),
        "b": Known(year="2025", topic="cell therapy"),
        "c": Known("Li", "2025"),
    }
    assert labels_of(same) == {
        "a": "Unidentified, 2025a (Cell therapy)", "b": "Unidentified, 2025b (Cell therapy)", "c": "Li 2025",
    }  # fmt: skip
    many = labels_of({f"k{n:03}": Known("Li", "2025") for n in range(60)})
    assert len(set(many.values())) == 60
    blank = labels_of({"x": Known(), "y": Known()})
    assert blank == {"x": "Unidentified a", "y": "Unidentified b"}


def test_a_second_id_is_named_as_the_source_it_stands_for():
    rows = [{"reference_id": "xu2019", "first_author": "Xu", "year": "2019"}, {"reference_id": "xu2019_ma", "same_as": "xu2019"}]
    assert {key: k.label() for key, k in known_sources(rows).items()} == {"xu2019": "Xu 2019", "xu2019_ma": "Xu 2019"}


def test_the_modules_that_name_sources_ask_the_owner():
    package = Path(__file__).parents[2] / "analysis" / "cordbook"
    made = re.compile(r"first_author[^\n]*\byear\b[^\n]*f\"|f\"\{[^}]*first_author\W")
    assert [p.name for p in package.rglob("*.py") if p.name != "labels.py" and made.search(p.read_text(encoding="utf-8"))] == []

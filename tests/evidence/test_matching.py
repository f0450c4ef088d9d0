"""One study under two ids: found by what the reports say, whatever identifiers are blank."""

import dataclasses

import pytest

from cordbook.evidence.matching import folded, one_study, studies_entered_twice, study_face, words
from cordbook.evidence.reading import read_all
from cordbook.evidence.rules.base import Data
from cordbook.evidence.rules.studies import patients_counted_once, studies_entered_once
from cordbook.evidence.schema import load_package

TITLE = "Olfactory mucosa autografts in human spinal cord injury: a pilot clinical study"
COUNTS = [("ais_improved", "treated", "", "11", "20"), ("tumour", "treated", "", "0", "20"), ("death", "treated", "", "0", "20")]


def face(study="a", title=TITLE, author="Lima C", year="2010", counts=COUNTS):
    return study_face(study, title, author, year, counts)


@pytest.mark.parametrize(
    "other",
    [
        face("b"), face("b", TITLE.upper() + "."), face("b", author="Lima, Carlos"), face("b", year="2009"), face("b", author="", year=""),
        face("b", counts=()), face("b", title="A pilot study"), face("b", title="", counts=COUNTS[:2]),
        face("b", title="", counts=COUNTS[:1]),
    ],
)  # fmt: skip
def test_one_study_is_known_again(other):
    assert one_study(face(), other)


@pytest.mark.parametrize(
    "other",
    [
        face("b", author="Ruiz"), face("b", year="2014"), face("b", title="On cords", counts=()),
        face("b", title="On cords", counts=[("tumour", "treated", "", "0", "20")]),
        face("b", title="On cords", author="Ruiz"), face("b", title="On cords", year="2014"),
        face("b", title="On cords", counts=[*COUNTS[:1], *((f"x{i}", "treated", "", "1", "9") for i in range(3))]),
    ],
)  # fmt: skip
def test_two_studies_are_two(other):
    assert one_study(face(), other) is None


def test_a_short_title_is_nobody_s_own():
    assert one_study(face(title="Spinal cord injury", counts=()), face("b", title="Spinal cord injury", counts=())) is None


def test_folding_is_that_of_the_intake_commands():
    from cordbook.intake.dedupe import keys
    from cordbook.intake.references import match

    assert keys.words is words
    assert match.folded is folded


@pytest.fixture(scope="module")
def tables(root):
    package = load_package(root / "data")
    return package, read_all(root / "data", package)


def copied(tables, *, same_as="", group=""):
    """The evidence with one study entered again under another id, without its identifiers."""
    package, raw = tables
    old, new = "lima2010", "limacopy2010"

    def again(name, key, **changes):
        rows = raw[name].rows
        made = [{c: v.replace(old, new, 1) for c, v in row.items()} | changes for _, row in rows if row[key] == old]
        return dataclasses.replace(raw[name], rows=[*rows, *enumerate(made, start=9000)])

    members = raw["overlap_members"]
    if group:
        both = [(9000 + i, {"study_id": s, "overlap_group": group, "is_primary": "no"}) for i, s in enumerate((old, new))]
        members = dataclasses.replace(members, rows=[*members.rows, *both])
    return Data(
        package,
        raw | {
            "references": again("references", "reference_id", doi="", pmid="", pmcid="", same_as=same_as),
            "studies": again("studies", "study_id", registration=""), "arms": again("arms", "study_id"),
            "outcomes": again("outcomes", "study_id"), "overlap_members": members,
        },
    )  # fmt: skip


def test_a_study_under_two_ids_is_an_error_with_both_and_a_remedy(tables):
    (violation,) = studies_entered_once(copied(tables))
    assert "lima2010 and limacopy2010 look like one study" in violation.message
    assert "overlap_groups.csv" in violation.remedy
    assert "same_as" in violation.remedy
    assert "waivers.csv" in violation.remedy


@pytest.mark.parametrize("declared", [{"same_as": "lima2010"}, {"group": "lisbon"}])
def test_what_is_declared_is_known_and_its_patients_are_pooled_once(tables, declared):
    data = copied(tables, **declared)
    assert not list(studies_entered_once(data))
    assert {f.row["study_id"] for f in patients_counted_once(data)} == {"limacopy2010"}


def test_no_pair_of_the_evidence_is_taken_for_one(tables):
    package, raw = tables
    assert not list(studies_entered_once(Data(package, raw)))


def test_only_studies_that_share_something_are_compared():
    faces = [face(f"s{i}", title=f"Title {i}", author=f"Author{i}", counts=()) for i in range(50)]
    assert not list(studies_entered_twice(faces))

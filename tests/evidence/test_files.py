"""Files beside the tables: what natural_course.yml and the pages of sections name is there, or validation says where it is not."""

from __future__ import annotations

import shutil

import pytest
import yaml

from cordbook.evidence import load_package, read_all, validate
from cordbook.evidence.rules.base import Data
from cordbook.evidence.rules.files import check_section_pages
from cordbook.review.reporting.declared_files import yaml_problems

#: A change of natural_course.yml, the key under which it is reported, and a part of the message.
CHANGES = {
    "no such outcome": ({"outcome": "ais_imprvd"}, "outcome", "outcome_terms.csv has no outcome 'ais_imprvd'"),
    "no such population": ({"population": "people"}, "population", "not a valid population"),
    "no such key": ({"key": "no_key"}, "key", "stratum_keys.csv has no key 'no_key'"),
    "no such fact": ({"fact": "grades"}, "fact", "facts.csv has no fact 'grades'"),
    "no value of the key": ({"usual_value": "Z"}, "usual_value", "'Z' is not a value of baseline_ais"),
    "no phase": ({"usual_phase": "Early on"}, "usual_phase", "is not a value of phase"),
    "a phase that none is": ({"not_for": {"acute": ["Too late"]}}, "not_for", "'Too late' is not a value of phase"),
    "a key is missing": ({"outcome": None}, "outcome", "Outcome is missing or not a text"),
    "a key too many": ({"outcom": "x"}, "outcom", "Unknown key 'outcom'"),
}


def natural_course(folder) -> list[tuple[str, str | None, str]]:
    found = [p for p in validate(folder, with_text=False).problems if p.rule == "natural-course"]
    assert all(p.remedy and p.severity == "error" for p in found)
    return [(p.file, p.column, p.message) for p in found]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_in_the_natural_course_is_told_before_anything_is_built(folder, change):
    path = folder / "natural_course.yml"
    assert natural_course(folder) == []
    new, key, told = CHANGES[change]
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8")) | new), encoding="utf-8")
    [(file, column, message)] = natural_course(folder)
    assert (file, column) == ("natural_course.yml", key)
    assert told in message


def test_a_file_that_is_no_yaml_is_told_and_one_that_is_not_there_is_none_needed(folder):
    path = folder / "natural_course.yml"
    path.write_text("outcome: [", encoding="utf-8")
    assert natural_course(folder) == []  # told once, with the other files that are no YAML
    (problem,) = yaml_problems(folder)
    assert (problem.file, problem.rule) == ("natural_course.yml", "declared")
    assert "not valid YAML" in problem.message
    path.write_text("- a\n", encoding="utf-8")
    [(_, _, message)] = natural_course(folder)
    assert "Expected keys and values" in message
    path.unlink()
    assert natural_course(folder) == []


def test_a_page_that_a_section_names_is_there(root, tmp_path):
    package = load_package(root / "data")
    data = Data(package, read_all(root / "data", package))
    assert list(check_section_pages(root, data)) == []
    pages = {row["page"] for row in data.rows("sections") if row["page"]}
    assert pages
    gone = min(pages)
    for page in pages - {gone}:
        path = tmp_path / f"{page}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "README.md", path)
    [problem] = check_section_pages(tmp_path, data)
    assert (problem.file, problem.column, problem.value) == ("vocabulary/sections.csv", "page", gone)
    assert problem.remedy

"""The package names nothing of one review's subject: codes and their names stand in ``data/``.

No file outside ``subject/`` holds such a literal; what looks like one and belongs to the engine is listed here with its reason.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cordbook
from cordbook.evidence.schema import load_package
from tests.conftest import ROOT

PACKAGE = Path(cordbook.__file__).parent
DATA = ROOT / "data"
#: Where codes of the subject stand: table and columns; values of a column may be joined by semicolons.
CODES = {
    "studies": ("topic", "population", "intervention_class", "injury_phase"),
    "arms": ("arm", "cell_type", "donor", "route"),
    "outcome_terms": ("outcome",),
    "stratum_keys": ("key",),
    "claims": ("claim_id",),
    "references": ("reference_id",),
}
#: Columns that only this review has, by a part of their name.
OWN_COLUMNS = re.compile(r"ais_|_gy|cervical|thoracic|lumbar|dose_cells|cell_type|injury|alpha_beta|d50|male_n")
#: Words that are codes of this review and words of any.
OF_ANY_REVIEW = frozenset(
    [
        "other", "mixed", "control", "treated", "grade", "level", "site", "with", "unit", "course", "window", "subset",
        "subgroup", "surgery", "route", "cells", "region", "fields", "period", "cohort", "registry", "age",
        "natural_history", "n", "dose", "drug", "rehabilitation", "acute", "chronic", "subacute", "death", "responder",
        "interim", "selection", "technique", "setting", "phase", "particle", "histology", "donor", "chemo", "regimens",
        "tumour", "rct", "single_arm",
    ]
)  # fmt: skip
#: Words of the subject in any text.
WORDS = re.compile(
    r"\b(AIS|ASIA|EQD2|myelopath\w*|spinal|VEGF|Schwann|Muse|radiation|radiotherapy|hyperbaric|neuromodulation|oxygen|stem cell\w*"
    r"|MSC|injur\w*|bladder|bowel|spasticity|Schultheiss|Gy)\b"
)
#: What only this review needs in code.
SUBJECT = "subject/"
#: The one owner of what a notebook calls the kind of its blocks, which is a column of this review too.
NOTEBOOKS = "core/notebooks.py"
#: Columns that the engine itself reads of any review's tables, though a key of this review's strata has the same name; with the reason.
ENGINE_COLUMNS = {
    "followup_months": "studies.followup_months: outcomes are read within it, risk of bias asks for it, a study's page tells it",
}


def codes() -> frozenset[str]:
    found = {s["id"] for s in _declared()}
    for table, columns in CODES.items():
        with (DATA / f"{table}.csv").open(encoding="utf-8-sig", newline="") as handle:
            found |= {value.strip() for row in csv.DictReader(handle) for c in columns for value in (row[c] or "").split(";")}
    found |= {field.name for table in load_package(DATA).tables for field in table.fields if OWN_COLUMNS.search(field.name)}
    return frozenset(code for code in found if len(code) > 2) - OF_ANY_REVIEW - ENGINE_COLUMNS.keys()


def _declared() -> list[dict[str, str]]:
    from cordbook.core.yaml import load_yaml

    return load_yaml((DATA / "syntheses.yml").read_text(encoding="utf-8"))["syntheses"]


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Texts and attributes of a file with their lines, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owners = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr


def of_the_subject() -> dict[str, list[str]]:
    """Literals of the subject by file of the package."""
    known = codes()
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        hits = [f"line {line}: {text[:60]!r}" for line, text in literals(path) if text in known or WORDS.search(text)]
        if hits and name != NOTEBOOKS and not name.startswith(SUBJECT):
            found[name] = hits
    return found


FOUND = of_the_subject()


def test_no_file_outside_the_subject_s_room_names_the_subject():
    assert FOUND == {}, "what belongs to one review stands in data/"


@pytest.mark.parametrize("column", ENGINE_COLUMNS)
def test_a_column_of_the_engine_is_in_the_schema_of_every_review(column):
    """It is no literal of this subject: a new review has it, and the engine reads it."""
    begun = json.loads((PACKAGE / "publish" / "starting" / "template" / "data" / "datapackage.json").read_text(encoding="utf-8"))
    assert column in {f["name"] for r in begun["resources"] for f in r["schema"]["fields"]}
    assert any(text == column for path in PACKAGE.rglob("*.py") for _, text in literals(path))


#: Who reads the tables that declare the subject: nobody else decides what a code is called or what a topic is.
OWNERS = {
    "labels": {"evidence/vocabulary.py", "evidence/rules/vocabulary.py"},
    "dimensions": {"evidence/vocabulary.py", "evidence/rules/vocabulary.py"},
    "topics": {"evidence/subject_tables.py"},
    "facts": {"evidence/subject_tables.py"},
    "study_phrases": {"evidence/subject_tables.py"},
    "sections": {"evidence/subject_tables.py"},
    "mechanism_topics": {"review/claims/mechanisms.py"},
    "wordings": {"review/claims/mechanisms.py", "evidence/rules/subject.py"},
}


@pytest.mark.parametrize("table", OWNERS)
def test_a_table_that_declares_the_subject_has_one_reader(table):
    readers = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if table in _looked_up(path)}
    assert readers <= OWNERS[table]


def _looked_up(path: Path) -> set[str]:
    """Texts in square brackets, which name tables of the evidence."""
    nodes = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Subscript))
    keys = (node.slice for node in nodes)
    return {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_no_mapping_of_the_package_names_codes():
    """No second table of labels: no literal mapping has two or more codes of the vocabulary as keys."""
    with (DATA / "vocabulary" / "labels.csv").open(encoding="utf-8", newline="") as handle:
        named = {row["code"] for row in csv.DictReader(handle)} - OF_ANY_REVIEW - {"yes", "1", "several"}
    second = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            keys = {k.value for k in node.keys if isinstance(k, ast.Constant)} if isinstance(node, ast.Dict) else set()
            if len(keys & named) > 1 and not name.startswith(SUBJECT):
                second.append(f"{name}, line {node.lineno}: {', '.join(sorted(keys & named))}")
    assert second == []


def test_the_explorer_s_scripts_hold_no_names():
    """The page gets its words as data."""
    known = codes()
    for path in sorted((PACKAGE / "publish" / "assets").rglob("*.js")):
        texts = re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`]*)`', path.read_text(encoding="utf-8"))
        texts += [(name,) for name in re.findall(r"\.([a-z_0-9]+)\b", path.read_text(encoding="utf-8"))]
        found = [t for group in texts for t in group if t and (t.removeprefix("stratum.") in known or WORDS.search(t))]
        assert found == [], path.name


def test_a_name_stands_once_in_its_kind():
    """Two codes of one kind are not called the same, so that a reader can tell them apart."""
    with (DATA / "vocabulary" / "labels.csv").open(encoding="utf-8", newline="") as handle:
        names = [(row["kind"], row["label"]) for row in csv.DictReader(handle)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_tables_of_names_are_declared():
    declared = {r["path"] for r in json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))["resources"]}
    assert {p.relative_to(DATA).as_posix() for p in (DATA / "vocabulary").glob("*.csv")} <= declared

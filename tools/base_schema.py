"""Write the schema that a new review begins with, from this review's own: its tables and columns without those of this subject.

``data/datapackage.json`` is the one owner. What stands below is all that differs; a test compares the result with the stored file.
Run after a change of the schema::

    .venv/bin/python tools/base_schema.py
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "data" / "datapackage.json"
BASE = ROOT / "analysis" / "cordbook" / "publish" / "starting" / "template" / "data" / "datapackage.json"
#: Tables of this subject, and tables of parts of the book that a small review has no page for.
TABLES = frozenset({
    "dose_response", "mechanisms", "natural_pooled", "continuous",
    "seeds", "claims", "published_pooled", "reporting_items", "mechanism_topics", "wordings", "known_trials",
})  # fmt: skip
#: Columns of this subject, by table.
COLUMNS = {
    "studies": frozenset({
        "ais_a", "ais_b", "ais_c", "ais_d", "level_cervical", "level_thoracic", "level_lumbar",
        "injury_phase", "time_since_injury_months",
    }),
    "arms": frozenset({"cell_type", "donor", "route", "dose_cells", "n_doses"}),
    "registered_trials": frozenset({"cell_type"}),
}  # fmt: skip
#: Columns whose values each review chooses: here any code may stand in them.
FREE = frozenset({
    ("studies", "topic"), ("studies", "population"), ("studies", "intervention_class"),
    ("registered_trials", "population"), ("search_strategies", "part"),
})  # fmt: skip
CODE = "[a-z][a-z0-9_]*"
#: Values that only this subject needs.
VALUES = {("references", "kind"): frozenset({"natural_history", "dose_response", "mechanism"})}
#: What is said otherwise: of tables, and of columns.
WORDS: dict[tuple[str, ...], str] = {
    ("references",): "One row per source: study reports, reviews, and papers on methods. references.bib is made from this table.",
    ("references", "kind"): "What the source is for: a study of the review, a published review, or a method that the text cites.",
    ("studies", "population"): "Who was studied.",
    ("studies", "intervention_class"): "What was done to the treated arm.",
    ("outcomes", "timepoint_months"): "When the outcome was read, counted from the start of the treatment.",
    ("search_strategies", "part"): "The part of the question that the strategy looks for.",
}


def base_schema(own: dict[str, Any]) -> dict[str, Any]:
    """The schema of a new review; its name, title and description are filled in when it is made."""
    resources = [_resource(r) for r in own["resources"] if r["name"] not in TABLES]
    about = {"name": "review", "title": "", "description": "", "version": "0.1.0"}
    return {"profile": own["profile"], **about, "resources": resources}


def _resource(own: dict[str, Any]) -> dict[str, Any]:
    resource = copy.deepcopy(own)
    name, schema = resource["name"], resource["schema"]
    resource["description"] = WORDS.get((name,), resource["description"])
    schema["fields"] = [_field(name, f) for f in schema["fields"] if f["name"] not in COLUMNS.get(name, ())]
    return resource


def _field(table: str, field: dict[str, Any]) -> dict[str, Any]:
    place = (table, field["name"])
    field["description"] = WORDS.get(place, field["description"])
    constraints = field.get("constraints", {})
    if place in FREE and "enum" in constraints:
        del constraints["enum"]
        field["constraints"] = {"pattern": CODE, **constraints}
    if place in VALUES:
        constraints["enum"] = [value for value in constraints["enum"] if value not in VALUES[place]]
    return field


def base_text() -> str:
    """The file as it is stored."""
    return json.dumps(base_schema(json.loads(OWN.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    BASE.write_text(base_text(), encoding="utf-8")

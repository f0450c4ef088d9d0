"""Write the schema that a new review begins with, from this review's own: its tables and columns without those of this subject.

Beside it the contract, which validation compares every schema with: tables, columns, types, keys and limits that the programs need.

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
#: Columns whose form a review may widen: its registers have other numbers.
OWN_FORM = frozenset({("studies", "registration"), ("registered_trials", "registry_id")})
CONTRACT = ROOT / "analysis" / "cordbook" / "evidence" / "promises" / "contract.json"
#: What a constraint is in the contract, where it is one.
_KEPT = ("type", "unit", "yearsAhead", "trueValues", "falseValues", "composedOf", "implies")
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
    used = {field.get("unit") for resource in resources for field in resource["schema"]["fields"]}
    units = {name: unit for name, unit in own["units"].items() if name in used}
    return {"profile": own["profile"], **about, "units": units, "resources": resources}


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


def contract(own: dict[str, Any]) -> dict[str, Any]:
    """What the programs need of a schema; what only this subject needs is marked, and asked for where it is there."""
    base = {r["name"]: {f["name"] for f in r["schema"]["fields"]} for r in base_schema(own)["resources"]}
    tables = {}
    for resource in own["resources"]:
        name, schema = resource["name"], resource["schema"]
        columns = {f["name"]: _needed(name, f, f["name"] in base.get(name, ())) for f in schema["fields"]}
        keys = [
            [k["fields"], k["reference"]["resource"] or name, k["reference"]["fields"]] for k in schema.get("foreignKeys", ())
        ]
        tables[name] = {
            "path": resource["path"], "needed": name in base, "primaryKey": schema["primaryKey"], "foreignKeys": keys, "columns": columns,
        }  # fmt: skip
    return {"units": {name: [unit["minimum"], unit["maximum"]] for name, unit in own["units"].items()}, "tables": tables}


def _needed(table: str, field: dict[str, Any], needed: bool) -> dict[str, Any]:
    found = {"needed": needed, **{key: field[key] for key in _KEPT if key in field}, **field.get("constraints", {})}
    place = (table, field["name"])
    if place in FREE:
        found.pop("enum", None)
    elif place in VALUES:
        found["enum"] = [value for value in found["enum"] if value not in VALUES[place]]
    if place in OWN_FORM:
        found["pattern"] = ""
    return found


def contract_text() -> str:
    """The contract as it is stored."""
    return json.dumps(contract(json.loads(OWN.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"


def base_text() -> str:
    """The file as it is stored."""
    return json.dumps(base_schema(json.loads(OWN.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    BASE.write_text(base_text(), encoding="utf-8")
    CONTRACT.write_text(contract_text(), encoding="utf-8")

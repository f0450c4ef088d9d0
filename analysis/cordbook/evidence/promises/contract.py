"""Compare the schema of a review with what the programs need: tables, columns, types, keys, units and limits, stated once in ``contract.json``.

``tools/base_schema.py`` writes the contract from this review's own schema, which is the owner. A review may add tables, columns and codes, and
may be stricter. What only one subject needs may be missing; where it is there, it is what the programs take it for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cordbook.evidence.problems import Problem
from cordbook.evidence.schema import PACKAGE_FILE, Field, Implied, Package, Table

RULE = "schema-kept"
RULES: Mapping[str, str] = {
    RULE: "datapackage.json has the tables, columns, types, keys, units and limits that the programs need, each described.",
}
FILE = Path(__file__).with_name("contract.json")
#: Without these nothing can be computed; other tables may be missing: what they would tell is then not stated, and a warning says so.
CORE = frozenset({
    "references", "studies", "arms", "outcomes", "outcome_terms", "not_poolable_reasons", "stratum_keys", "extractions", "reconciliations",
    "verifications", "corrections", "waivers", "overlap_groups", "overlap_members", "overlap_disjoint", "integrity_notices",
})  # fmt: skip

#: A place in the schema, what is wrong there, and what to write.
Found = tuple[str, str, str]


@cache
def contract() -> Mapping[str, Any]:
    """The contract as it is stored."""
    content: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def schema_problems(package: Package) -> Iterator[Problem]:
    """All that a schema lacks, each at its table or column."""
    needed = contract()
    for place, message, remedy in _units(package, needed["units"]):
        yield _problem(place, message, remedy)
    tables = {table.name: table for table in package.tables}
    for name, wanted in needed["tables"].items():
        table = tables.get(name)
        if table is None:
            if wanted["needed"]:
                message = f"The table {name} is not in the schema, so nothing of {wanted['path']} is read, checked or shown."
                yield _problem(name, message, "Put it back, as the last release has it.", warn=name not in CORE)
            continue
        for place, message, remedy in _table(table, wanted, tables):
            yield _problem(place, message, remedy)
        for column, limits in wanted["columns"].items():
            yield from _column(table, column, limits)
    yield from _undescribed(package)


def _problem(place: str, message: str, remedy: str, *, warn: bool = False) -> Problem:
    return Problem(PACKAGE_FILE, None, place, None, RULE, message, remedy, severity="warning" if warn else "error", key=place)


def _units(package: Package, wanted: Mapping[str, Any]) -> Iterator[Found]:
    units = {unit.name: unit for unit in package.units}
    used = {field.unit for table in package.tables for field in table.fields if field.unit}
    for name in sorted(used & wanted.keys()):
        low, high = wanted[name]
        unit = units.get(name)
        if unit is None or unit.minimum < low or unit.maximum > high:
            remedy = f'Write "{name}": {{"minimum": {low}, "maximum": {high}}} under units; narrower limits are allowed.'
            yield f"units.{name}", f"The unit {name} has no limits, or wider ones than its meaning has.", remedy


def _table(table: Table, wanted: Mapping[str, Any], tables: Mapping[str, Table]) -> Iterator[Found]:
    name = table.name
    key = wanted["primaryKey"]
    key = (key,) if isinstance(key, str) else tuple(key)
    if table.path != wanted["path"]:
        yield name, f"The table is read from {table.path}.", f"Write {wanted['path']} as its path; programs look for it there."
    if table.primary_key != key:
        message = f"The key is {', '.join(table.primary_key)}, so that rows which are one are not told."
        yield name, message, f"Write {', '.join(key)} as primaryKey."
    there = {(k.fields, k.target, k.target_fields) for k in table.foreign_keys}
    for fields, target, target_fields in wanted["foreignKeys"]:
        fields, target_fields = ((v,) if isinstance(v, str) else tuple(v) for v in (fields, target_fields))
        known = target in tables and set(fields) <= set(table.columns)
        if known and (fields, target, target_fields) not in there:
            message = f"{', '.join(fields)} points to nothing, so that a row may name what is not there."
            yield f"{name}.{fields[0]}", message, f"Put the foreign key to {target} back ({', '.join(target_fields)})."


def _column(table: Table, column: str, wanted: Mapping[str, Any]) -> Iterator[Problem]:
    place = f"{table.name}.{column}"
    if column not in table.columns:
        if wanted["needed"]:
            core = table.name in CORE and bool(wanted.get("required"))
            yield _problem(place, "The column is not in the schema.", "Put it back, as the last release has it.", warn=not core)
        return
    for message, remedy in _differences(table.field(column), wanted, table):
        yield _problem(place, message, remedy)


def _differences(field: Field, wanted: Mapping[str, Any], table: Table) -> Iterator[tuple[str, str]]:
    """What a column promises less than the contract, each with what to write."""
    if field.type != wanted.get("type", "string"):
        yield f"The type is {field.type}.", f"Write {wanted.get('type', 'string')}, which programs take it for."
    if field.unit != wanted.get("unit"):
        unit = wanted.get("unit")
        yield f"The unit is {field.unit or 'none'}.", f'Write "unit": "{unit}".' if unit else "Take it out; the values have none."
    for name, has in (("required", field.required), ("unique", field.unique)):
        if wanted.get(name) and not has:
            yield f"It is no longer {name}.", f'Write "{name}": true among its constraints.'
    if "pattern" in wanted and (not field.pattern or (wanted["pattern"] and field.pattern != wanted["pattern"])):
        form = wanted["pattern"] or "a pattern for the whole value"
        yield f"The pattern is {field.pattern or 'gone'}, so that other texts pass.", f"Write {form} as its pattern."
    yield from _limits(field, wanted)
    lost = [str(code) for code in wanted.get("enum", ()) if str(code) not in field.enum]
    if lost:
        yield f"The closed list lacks {', '.join(lost)}.", "Put the codes back; programs know them. A review may add others."
    yield from _codes(field, wanted, table)


def _limits(field: Field, wanted: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    low, high, ahead = (wanted.get(name) for name in ("minimum", "maximum", "yearsAhead"))
    if low is not None and (field.minimum is None or field.minimum < low):
        yield f"The minimum is {field.minimum}, the values have none below {low}.", f'Write "minimum": {low}, or more.'
    if high is not None and (field.maximum is None or field.maximum > high):
        yield f"The maximum is {field.maximum}, the values have none above {high}.", f'Write "maximum": {high}, or less.'
    if ahead is not None and (field.years_ahead is None or field.years_ahead > ahead):
        yield "Years of a far future pass.", f'Write "yearsAhead": {ahead}, or less.'


def _codes(field: Field, wanted: Mapping[str, Any], table: Table) -> Iterator[tuple[str, str]]:
    """Words of truth, parts of a key, and what codes say of other columns."""
    for name, found in (("trueValues", field.true_values), ("falseValues", field.false_values)):
        if name in wanted and list(found) != wanted[name]:
            yield f"{name} are {', '.join(found)}.", f"Write {json.dumps(wanted[name])}; programs write and read these."
    if "composedOf" in wanted and list(field.composed_of) != wanted["composedOf"]:
        yield "Nothing says what the key is made of.", f'Write "composedOf": {json.dumps(wanted["composedOf"])}.'
    there = {(i.code, i.column): i for i in field.implies}
    for code, columns in wanted.get("implies", {}).items():
        for column, limits in columns.items():
            implied = there.get((code, column))
            if column in table.columns and (not field.enum or code in field.enum) and not _says(implied, limits):
                text = json.dumps({code: {column: limits}})
                yield f"It does not say what {code} means for {column}.", f"Write under implies: {text}."


def _says(implied: Implied | None, limits: Mapping[str, Any]) -> bool:
    names = {"minimum": "minimum", "maximum": "maximum", "yearsAhead": "years_ahead", "usually": "usually"}
    if implied is None:
        return False
    same = all(
        getattr(implied, attribute) == limits.get(name, False if name == "usually" else None) for name, attribute in names.items()
    )
    return same and list(implied.enum) == limits.get("enum", [])


def _undescribed(package: Package) -> Iterator[Problem]:
    for table in package.tables:
        if not table.description.strip():
            yield _problem(table.name, "The table is not described.", "Say in description what a row is.")
        for field in table.fields:
            if not field.description.strip():
                yield _problem(
                    f"{table.name}.{field.name}", "The column is not described.", "Say in description what a value means."
                )

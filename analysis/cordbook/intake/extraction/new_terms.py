"""Add an outcome or a topic to the closed lists of the review: what is asked of it, whether it can stand, and all its files at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.csv_files import to_csv
from cordbook.evidence.codebook import with_schema
from cordbook.evidence.problems import Problem
from cordbook.evidence.reading import RawTable, read_all
from cordbook.evidence.rules import complaints
from cordbook.evidence.rules.validation import check_tables
from cordbook.evidence.schema import PACKAGE_FILE, Field, Package, load_package, parse_package
from cordbook.evidence.subject_tables import TOPICS
from cordbook.evidence.vocabulary import LABELS
from cordbook.intake.extraction.readings import STUDY, NotReadable
from cordbook.intake.records import transaction
from cordbook.intake.records.append import in_turn
from cordbook.intake.records.store import Row

README = "README.md"


@dataclass(frozen=True, slots=True)
class TermList:
    """A closed list: its table and key; the kind under which labels.csv names its codes, and the table whose column of that name
    lists them in the schema ("" where there is none)."""

    table: str
    key: str
    kind: str = ""
    used_in: str = ""


OUTCOMES = TermList("outcome_terms", "outcome")
TOPIC_LIST = TermList(TOPICS, "topic", "topic", STUDY)


def fields_of_term(data: Path, which: TermList) -> tuple[Field, ...]:
    """What is asked of a new term, in order: the columns of its table, and the label where labels.csv holds it."""
    package = load_package(data)
    own = package.table(which.table).fields
    return (*own, package.table(LABELS).field("label")) if which.kind and LABELS in package.names else own


def term_problems(data: Path, which: TermList, field: Field, value: str) -> list[str]:
    """Why a value cannot stand in a column of a new term."""
    if not value:
        return ["The list needs a value here."] if field.required else []
    wrong = [f"{message} {remedy}" for _, message, remedy in complaints(field, value)]
    package = load_package(data)
    if field.name == which.key and any(row[which.key] == value for _, row in _rows(data, package, which.table)):
        wrong.append(f"{value!r} is in {package.table(which.table).path} already.")
    return wrong


def add_term(data: Path, kept: Path, which: TermList, term: Mapping[str, str]) -> None:
    """Write a new term into every file that must know it, atomically; raises :class:`NotReadable` with what forbids it."""
    in_turn(kept, lambda: _write(data, kept, which, term))


def _write(data: Path, kept: Path, which: TermList, term: Mapping[str, str]) -> None:
    transaction.finish(kept)
    package = load_package(data)
    schema = (data / PACKAGE_FILE).read_text(encoding="utf-8")
    opened = _with_code(schema, which, term[which.key])
    after = parse_package(opened)
    raw = read_all(data, package)
    added = {which.table: {c: term.get(c, "") for c in package.table(which.table).columns}}
    if which.kind and any(row["kind"] == which.kind for _, row in raw[LABELS].rows):
        named = {"kind": which.kind, "code": term[which.key], "label": term.get("label", "")}
        added[LABELS] = {c: named.get(c, "") for c in package.table(LABELS).columns}
    known = {_mark(p) for p in check_tables(package, raw)}
    new = {**raw, **{name: _with_row(raw[name], row) for name, row in added.items()}}
    wrong = [p for p in check_tables(after, new) if p.severity == "error" and _mark(p) not in known]
    if wrong:
        raise NotReadable("; ".join(f"{p.column or p.file}: {p.message} {p.remedy}" for p in wrong))
    texts = {
        data / package.table(name).path: to_csv((row for _, row in new[name].rows), tuple(raw[name].header)) for name in added
    }
    if opened != schema:
        texts[data / PACKAGE_FILE] = opened
        readme = data / README
        if readme.is_file():
            texts[readme] = with_schema(readme.read_text(encoding="utf-8"), package, after)
    transaction.commit(kept, texts)


def _with_code(schema: str, which: TermList, code: str) -> str:
    """The schema with a code in the closed list of the column that holds it, if that is closed; one in alphabetical order stays so."""
    descriptor = json.loads(schema)
    fields = [f for table in descriptor["resources"] if table["name"] == which.used_in for f in table["schema"]["fields"]]
    listed = next((f.get("constraints", {}).get("enum") for f in fields if f["name"] == which.key), None)
    if not listed or code in listed:
        return schema
    ordered = listed == sorted(listed)
    listed.append(code)
    if ordered:
        listed.sort()
    return json.dumps(descriptor, indent=1, ensure_ascii=False) + "\n"


def _rows(data: Path, package: Package, table: str) -> list[tuple[int, Row]]:
    return read_all(data, package)[table].rows


def _with_row(table: RawTable, row: Row) -> RawTable:
    number = table.rows[-1][0] + 1 if table.rows else 2
    return RawTable(table.header, [*table.rows, (number, row)], table.problems)


def _mark(problem: Problem) -> tuple[object, ...]:
    return problem.file, problem.key, problem.column, problem.rule, problem.message

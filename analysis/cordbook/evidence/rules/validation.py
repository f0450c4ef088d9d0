"""Validation: every rule over every table, all problems in one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cordbook.evidence.problems import Problem, as_json, as_text, counts, in_order
from cordbook.evidence.promises import contract
from cordbook.evidence.reading import RawTable, read_all
from cordbook.evidence.rules import RULES, SCHEMA_RULES, Data, check_table
from cordbook.evidence.rules.bibliography import BIBLIOGRAPHY_RULES, check_bibliography, check_citations, read_chapters
from cordbook.evidence.rules.files import FILE_RULES, check_natural_course, check_section_pages
from cordbook.evidence.schema import Package, load_package

WAIVERS = "waivers"
WAIVER_RULES: Mapping[str, str] = {
    "waiver-target": "A waiver names a rule, a table and a row that exist.",
    "waiver-applies": "A listed waiver still applies.",
}
#: Kept where the declarations are read (``review.reporting.declared_files``), for ``cordbook validate`` and the builder.
DECLARED_RULES: Mapping[str, str] = {
    "declared": "The YAML files of data/ can be read, are of the form that they need, and name what exists.",
}
#: Kept where releases are read (``review.reporting.lost_rows``).
KEPT_RULES: Mapping[str, str] = {
    "rows-kept": "A table has no fewer rows than in the last commit and the last release, or somebody has looked."
}
BIBLIOGRAPHY_FILE = "references.bib"
#: Files that mark the parent of the data folder as a project, which must have a references.bib.
PROJECT_FILES = ("pyproject.toml", "_config.yml")


@dataclass(frozen=True, slots=True)
class Report:
    """What validation found, in order, and how much it looked at."""

    problems: tuple[Problem, ...]
    tables: int
    rows: int
    #: Rows of each table by its path, and the schema that they were read by.
    counted: Mapping[str, int] = field(default_factory=dict)
    package: Package | None = None

    @property
    def errors(self) -> int:
        return counts(self.problems)["error"]

    @property
    def warnings(self) -> int:
        return counts(self.problems)["warning"]

    def as_text(self) -> str:
        """The report for a person; the last line counts."""
        found = f"{_number(self.errors, 'error')}, {_number(self.warnings, 'warning')}"
        total = f"{self.tables} tables, {self.rows} rows: {found}"
        return f"{as_text(self.problems)}{total}"

    def as_json(self) -> str:
        """The report as JSON."""
        return as_json(self.problems)


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def rule_list() -> dict[str, str]:
    """Every rule id with what it asks; the codebook is made from it."""
    return {
        **SCHEMA_RULES,
        **contract.RULES,
        **{rule.id: rule.asks for rule in RULES},
        **WAIVER_RULES,
        **BIBLIOGRAPHY_RULES,
        **FILE_RULES,
        **DECLARED_RULES,
        **KEPT_RULES,
    }


def validate(data_dir: Path, *, with_text: bool = True) -> Report:
    """Check a folder of tables; raises :class:`~cordbook.evidence.schema.Unreadable` when it cannot be read.

    ``with_text``: also check references.bib, the citations of the chapters that stand
    beside the folder, and that the pages are there which sections name.
    """
    data_dir = Path(data_dir)
    package = load_package(data_dir)
    raw = read_all(data_dir, package)
    problems = [*contract.schema_problems(package), *check_tables(package, raw)]
    data = Data(package, raw)
    problems += check_natural_course(data_dir, data)
    if with_text:
        problems += _check_text(data_dir.resolve().parent, data)
    counted = {package.table(name).path: len(table.rows) for name, table in raw.items()}
    return Report(tuple(in_order(problems)), len(raw), sum(counted.values()), counted, package)


def check_tables(package: Package, raw: Mapping[str, RawTable]) -> list[Problem]:
    """All problems of tables that have been read: shape, schema, meaning, and accepted exceptions."""
    data = Data(package, raw)
    shape = [problem for table in raw.values() for problem in table.problems]
    found = [problem for table in package.tables for problem in check_table(data, table)]
    for rule in RULES:
        found += [data.problem(violation, rule.id, rule.severity) for violation in rule.check(data)]
    # A row of the wrong width has its values in the wrong columns: one problem says it all.
    ragged = {(p.file, p.row) for p in shape if p.rule == "row-shape"}
    found = [problem for problem in found if (problem.file, problem.row) not in ragged]
    return [*shape, *_with_waivers(data, found)]


def _with_waivers(data: Data, problems: list[Problem]) -> Iterator[Problem]:
    """Turn problems that are listed as accepted exceptions into warnings; report waivers that name nothing."""
    # Only rules on meaning can be waived: a value of the wrong type could not be used at all.
    known = {rule.id for rule in RULES}
    reasons: dict[tuple[str, str, str], str] = {}
    unused: dict[tuple[str, str, str], Problem] = {}
    for row in data.rows(WAIVERS):
        rule, table, key = row["rule"], row["table"], row["row_key"]
        file = data.file(WAIVERS)
        waiver = data.key(WAIVERS, row)
        if rule not in known:
            message, remedy = (
                f"There is no rule {rule!r} that can be waived.",
                "Name a rule on meaning, as the report shows it in brackets.",
            )
            yield Problem(file, row.number, "rule", rule, "waiver-target", message, remedy, key=waiver)
        elif not data.has(table):
            message, remedy = f"There is no table {table!r}.", "Name a table of datapackage.json."
            yield Problem(file, row.number, "table", table, "waiver-target", message, remedy, key=waiver)
        elif key not in data.by_key(table):
            message, remedy = f"{table} has no row {key!r}.", "Give the key of the row."
            yield Problem(file, row.number, "row_key", key, "waiver-target", message, remedy, key=waiver)
        else:
            place = (rule, data.file(table), key)
            reasons[place] = row["reason"]
            message = "The row no longer breaks the rule."
            unused[place] = Problem(file, row.number, "rule", rule, "waiver-applies", message, "Remove the waiver.", key=waiver)
    for problem in problems:
        place = (problem.rule, problem.file, problem.key)
        unused.pop(place, None)
        yield problem.as_warning(reasons[place]) if place in reasons else problem
    yield from unused.values()


def _check_text(project: Path, data: Data) -> Iterator[Problem]:
    bibliography = project / BIBLIOGRAPHY_FILE
    if not bibliography.is_file() and not any((project / name).is_file() for name in PROJECT_FILES):
        return
    chapters, problems = read_chapters(project)
    yield from problems
    yield from check_bibliography(bibliography, data)
    yield from check_citations(chapters, data)
    yield from check_section_pages(project, data)

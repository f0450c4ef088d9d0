"""The generated half of data/README.md: every table, column and rule, from the schema and the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cordbook.evidence.schema import Field, Package, Table

MARK = "<!-- Everything below is made from datapackage.json and the code; a test keeps it up to date. -->"


def codebook_text(package: Package, rules: Mapping[str, str], import_rules: Mapping[str, str] | None = None) -> str:
    """Markdown: rules of validation (id to what it asks), rules of the import where there was one, and all tables with their columns."""
    imported = ["## Rules of the import", "", *_table(("rule", "what it does"), import_rules.items()), ""] if import_rules else []
    return "\n".join(
        [
            MARK,
            "",
            "## Rules of validation",
            "",
            *_table(("rule", "what it asks"), ((f"`{name}`", asks) for name, asks in rules.items())),
            "",
            *imported,
            "## Tables",
            "",
            *(line for table in package.tables for line in _columns(table)),
        ]
    )


def with_schema(text: str, before: Package, after: Package) -> str:
    """A codebook in which the tables of one schema are told as another has them; the rest of the text stays."""
    for table in before.tables:
        text = text.replace("\n".join(_columns(table)), "\n".join(_columns(after.table(table.name))))
    return text


def _columns(table: Table) -> Iterator[str]:
    yield f"### {table.path}"
    yield ""
    yield f"{table.description} Key: {', '.join(f'`{name}`' for name in table.primary_key)}."
    yield ""
    targets = {key.fields[0]: key.target for key in table.foreign_keys}
    rows = ((f"`{f.name}`", _kind(f, targets.get(f.name)), _meaning(f)) for f in table.fields)
    yield from _table(("column", "value", "meaning"), rows)
    yield ""


def _kind(field: Field, target: str | None) -> str:
    kind = f"key of {target}" if target else field.type
    unit = f", {field.unit}" if field.unit else ""
    return f"{kind}{unit}{', required' if field.required else ''}"


def _meaning(field: Field) -> str:
    allowed = f" One of {', '.join(f'`{value}`' for value in field.enum)}." if field.enum else ""
    return f"{field.description}{allowed}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(header)
    yield _row(("---",) * len(header))
    for row in rows:
        yield _row(row)


def _row(cells: tuple[str, ...]) -> str:
    # A bar inside a cell would end it.
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"

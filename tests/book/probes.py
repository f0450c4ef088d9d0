"""Data in which every text is hostile, as far as the validator lets it: what a page must show as typed and never obey."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from cordbook.core.csv_files import to_csv
from cordbook.evidence import Field, Package, RawTable, load_package, read_all
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.rules.validation import check_tables

#: What sets the flag that tests look for; written so that it holds no quote, which would end it early.
RUN = "window.__probe=1"
#: Each could become markup, script, an address, a role, a formula or a directive in a language that a text passes through.
#: The key that is cited is of no reference: notes name those that there are by their labels.
PROBES = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"\"'><svg onload={RUN}>",
    f"</title></style></textarea></script><script>{RUN}</script>",
    f'" autofocus tabindex=1 onfocus={RUN} x="',
    f"[a](javascript:{RUN}) <javascript:{RUN}> javascript:{RUN}",
    "{raw}`html` {est}`ais-improved-cell-therapy` {cite}`nobody2999` ```{raw} html <b>b</b>``` :::{note} n :::",
    "{{7*7}} {% raw %} <%=7*7%> ${7*7} %}",
    "$x_1$ $$y^2$$ \\(z\\) \\[w\\] \\begin{equation}v\\end{equation}",
    "`code` *star* _line_ **bold** ~~gone~~ [ref][x] [^1] # head | a | b |",
    f"]]> <![CDATA[x]]> <!-- c --> &lt;b&gt; &#60;script&#62;{RUN}&amp;",
    f"\\u003cscript\\u003e{RUN} \\x3cimg\\x3e \\\\ \\' \\\" '); {RUN}; ('",
    f"<a href=javascript:{RUN}>a</a> <iframe srcdoc=b></iframe> <base href=//evil.example/> https://evil.example/",
    f"<math><mtext><style><img src=x onerror={RUN}></style></mtext></math>",
)
#: For columns with a pattern: what might pass where a blank would not.
TIGHT = (
    f"\"'><svg/onload={RUN}>", f"<script>{RUN}</script>", f"'onfocus={RUN};x='", f"javascript:{RUN}", "{{7*7}}", "`x`", "$x$",
)  # fmt: skip
#: Texts that are keys of something else in the code or in other files, so that a changed one names nothing.
KEYS = {
    ("waivers", "rule"), ("waivers", "table"), ("waivers", "row_key"), ("corrections", "table"), ("corrections", "row_key"),
    ("corrections", "column"), ("corrections", "new_value"), ("stratum_keys", "pattern"), ("mechanisms", "topic"),
    ("mechanisms", "seed_table"), ("wordings", "pattern"), ("wordings", "text"),
    ("sections", "page"), ("dimensions", "source"), ("facts", "columns"), ("outcomes", "not_poolable_reason"), ("reconciliations", "readers"),
}  # fmt: skip
#: Texts that a page takes apart and says in words, so that they do not stand there as typed.
TAKEN_APART = {"natural_pooled.stratum"}
#: The columns that name readers: two readings of a cell are told apart by them.
READERS = {("extractions", "reader"), ("reconciliations", "settled_by")}
_SIGNS = str.maketrans("“”‘’–ˆ", "\"\"''-^")


@dataclass(slots=True)
class Planted:
    """What stands where: texts as typed by their number, columns that hold some, and columns whose form refused all."""

    texts: dict[int, str] = field(default_factory=dict)
    columns: dict[int, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def plant(self, column: str, probe: str) -> str:
        """A text of its own number around the probe."""
        number = len(self.texts)
        self.texts[number], self.columns[number] = probe, column
        return f"zq{number}a {probe} zq{number}b"


def plant(data: Path) -> Planted:
    """Put probes into every text of the tables in ``data``, one a cell in turn; what validation refuses stays as it was."""
    package, planted = load_package(data), Planted()
    clean = dict(read_all(data, package))
    held = frozenset((row["table"], row["row_key"], row["column"]) for _, row in clean["corrections"].rows)
    raw = {t.name: _table(t.name, clean[t.name], package, planted, held) for t in package.tables}
    for _ in range(4):
        wrong = {(p.file, p.row, p.column) for p in check_tables(package, raw) if p.severity == "error"}
        if not wrong:
            break
        raw = {t.name: _restored(t.path, raw[t.name], clean[t.name], wrong) for t in package.tables}
    assert not wrong, sorted(wrong, key=str)[:10]
    cells = ((f"{name}.{column}", text) for name, table in raw.items() for _, row in table.rows for column, text in row.items())
    planted.refused = set(planted.columns.values()) - {place for place, text in cells if _changed(text)}
    for table in package.tables:
        (data / table.path).write_text(to_csv([row for _, row in raw[table.name].rows], table.columns), encoding="utf-8")
    (data.parent / "references.bib").write_text(bibliography_text([row for _, row in raw["references"].rows]), encoding="utf-8")
    return planted


def _changed(text: str) -> bool:
    return "zq" in text or RUN in text or any(probe in text for probe in TIGHT)


def _table(name: str, table: RawTable, package: Package, planted: Planted, held: frozenset[tuple[str, str, str]]) -> RawTable:
    """The table with probes; what a correction says that it holds (``held``: table, row, column) stays, since both must agree."""
    schema = package.table(name)
    keys = {*schema.primary_key, *(c for key in schema.foreign_keys for c in key.fields)}
    columns = [f for f in schema.fields if f.type == "string" and not f.enum and f.name not in keys]
    rows = [(number, dict(row)) for number, row in table.rows]
    for one in columns:
        if (name, one.name) in KEYS | READERS:
            continue
        filled = [row for _, row in rows if row[one.name] and (name, schema.key_of(row), one.name) not in held]
        for i, row in enumerate(filled):
            row[one.name] = _mutated(name, one, row[one.name], i, planted)
    return replace(table, rows=rows)


def _mutated(table: str, one: Field, text: str, i: int, planted: Planted) -> str:
    place = f"{table}.{one.name}"
    if not one.pattern:
        return f"{text} {planted.plant(place, PROBES[i % len(PROBES)])}"
    planted.columns.setdefault(-1 - len(planted.columns), place)
    return text + TIGHT[i % len(TIGHT)]


def _restored(path: str, table: RawTable, clean: RawTable, wrong: set[tuple[str, int | None, str | None]]) -> RawTable:
    rows = []
    for (number, row), (_, before) in zip(table.rows, clean.rows, strict=True):
        kept = {c: before[c] if (path, number, c) in wrong else text for c, text in row.items()}
        rows.append((number, before if (path, number, None) in wrong else kept))
    return replace(table, rows=rows)


def fill(data: Path) -> None:
    """A row in every table that the review leaves empty so far, so that its texts are tried too."""
    from tests.publish.small_book import read_table
    from tests.publish.test_every_table import CELL, ROWS

    package = load_package(data)
    tables = {t.name: read_table(data, t.name) for t in package.tables}
    cell = next(row for row in tables["outcomes"] if row["cell_id"] == CELL)
    known: dict[str, dict[str, str]] = {
        "verifications": {"events": cell["events"], "n": cell["n"], "note": "Seen."},
        "corrections": {"table": "outcomes", "row_key": CELL, "column": "events", "new_value": cell["events"]},
        "searches": {"strategy_id": tables["search_strategies"][0]["strategy_id"], "query_as_run": "cord", "note": "Run."},
        "records": {"authors": "A. Person", "container": "Journal", "note": "Found."},
        "screening": {"note": "Kept."},
        "record_merges": {"note": "The same."},
    }
    if tables["records"]:
        of_a_record = {"record_id": tables["records"][0]["record_id"]}
        known |= {name: known.get(name, {}) | of_a_record for name in ("abstracts", "record_merges", "screening")}
    for table in package.tables:
        if not tables[table.name]:
            row = dict.fromkeys(table.columns, "") | ROWS[table.name] | known.get(table.name, {})
            (data / table.path).write_text(to_csv([row], table.columns), encoding="utf-8")


#: The texts of every declaration, by file: what stands there is shown as it is.
DECLARED: Mapping[str, tuple[str, ...]] = {
    "data/review.yml": ("title",),
    "data/syntheses.yml": ("title", "question", "sentence"),
    "data/certainty.yml": ("reason", "short"),
    "data/claim_tests.yml": ("note", "because", "slip", "reason"),
    "data/replication.yml": ("question", "why", "reason"),
    "data/reporting_checklist.yml": ("how",),
    "data/risk_of_bias.yml": ("name", "question", "why"),
    "data/multiverse.yml": ("label", "text"),
    "CITATION.cff": ("title",),
}
#: Texts with places for numbers: braces there would be no text.
TEMPLATES = {"sentence"}


def plant_declared(path: Path, keys: tuple[str, ...], planted: Planted) -> None:
    """The same in a declaration (YAML): a probe behind every text under one of the keys."""
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    plain = [probe for probe in PROBES if "{" not in probe]

    def probe_for(key: str) -> str:
        fit = plain if key in TEMPLATES else PROBES
        return fit[len(planted.texts) % len(fit)]

    def walk(value: object) -> None:
        if isinstance(value, list):
            for one in value:
                walk(one)
        elif isinstance(value, dict):
            for key, one in value.items():
                if key in keys and isinstance(one, str):
                    value[key] = f"{one} {planted.plant(f'{path.stem}.{key}', probe_for(key))}"
                else:
                    walk(one)

    walk(declared)
    path.write_text(yaml.safe_dump(declared, allow_unicode=True, sort_keys=False), encoding="utf-8")


def as_shown(text: str) -> str:
    """A text without what showing it may change: blanks, case, underscores of codes, the shape of quotes and dashes, lists
    in words, and the backslashes and names that BibTeX writes for signs, which citations keep.

    >>> as_shown("A  'b_c'") == as_shown("a ‘bC’")
    True
    """
    text = re.sub(r"\\textbrace(left|right)\b", lambda m: "{" if m[1] == "left" else "}", text)
    return re.sub(r"[\s_\\]+", "", text).lower().translate(_SIGNS).replace("--", "-").replace(",and", ";")


def is_as_typed(shown: str, typed: str) -> bool:
    """Whether what follows a mark in a page is the text as typed; a name that is cut short ends in an ellipsis.

    >>> is_as_typed("<b> x zq1b", "<b> x"), is_as_typed("<b>…", "<b> x"), is_as_typed(" x zq1b", "<b> x")
    (True, True, False)
    """
    found, wanted = as_shown(shown), as_shown(typed)
    before = re.split(r"…|\.\.\.", found)[0]
    return found.startswith(wanted) or (len(before) < len(found) and wanted.startswith(before))

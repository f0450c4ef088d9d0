"""A small book for tests that build many times: a few studies of the real data, three chapters, two pages of prose."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import nbformat
import yaml

from cordbook.core.csv_files import to_csv
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.schema import load_package

#: Enough for two estimates that overlap in no study, and for one with no event.
STUDIES = {
    "bansal2016", "bydon2024", "donati2016", "lima2010", "karamouzian2012", "fessler2022", "curtis2018", "guckenberger2014",
    "doi2021", "rades2008", "glass2016",
}  # fmt: skip
SYNTHESES = """\
defaults: {kind: proportion, measure: logit, model: glmm, ci: null, level: 0.95}
syntheses:
  - id: ais-improved
    title: AIS improved
    question: How many improve?
    section: "3"
    outcome: ais_improved
    where: {intervention_class: cell_therapy, role: treated}
    sentence: About {tenths} improved.
  - id: tumour
    title: Tumour
    question: How many had a tumour?
    section: "3"
    outcome: tumour
    where: {intervention_class: cell_therapy, role: treated}
    harm: true
    sentence: "{p} had a tumour."
"""
MAIN = re.compile(r"^main_results:.*\n(?:  - .*\n)*", re.M)
TOC = """\
format: jb-book
root: index
chapters:
  - file: book/one
  - file: book/two
  - file: book/prose
"""
OPEN = "from cordbook.notebook import open_review\n\nreview = open_review()\n"
PROSE = """\
# Prose

Of them {est}`ais-improved:of` improved, {est}`ais-improved`; in one trial {cell}`lima2010.treated.ais_improved.all.27.7`.

:::{guard}
:when: tumour.events == 0

No tumour was seen.
:::

:::{guard}
:when: ais-improved.estimate > 0.3
:::

## More than a third improved

As of {status}`baseline`.
"""


def make(root: Path, target: Path) -> Path:
    """Write the small book into ``target``, from the project at ``root``."""
    (target / "book" / "methods").mkdir(parents=True)
    shutil.copytree(root / "data", target / "data", ignore=shutil.ignore_patterns("raw"))
    _reduce(target / "data")
    (target / "data" / "syntheses.yml").write_text(SYNTHESES, encoding="utf-8")
    for name in ("claim_tests.yml", "replication.yml", "multiverse.yml"):  # they name estimates that are not declared here
        (target / "data" / name).unlink()
    _without_other_estimates(target / "data" / "certainty.yml")
    state = target / "data" / "review.yml"
    state.write_text(MAIN.sub("main_results: [ais-improved, tumour]\n", state.read_text(encoding="utf-8")), encoding="utf-8")
    references = _read(target / "data" / "references.csv")
    (target / "references.bib").write_text(bibliography_text(references), encoding="utf-8")
    for name in ("_config.yml", "requirements.lock"):
        shutil.copy(root / name, target / name)
    (target / "_toc.yml").write_text(TOC, encoding="utf-8")
    chapter(target / "index.ipynb", "# Small book", OPEN + 'review.summary(["ais-improved", "tumour"])')
    chapter(target / "book" / "one.ipynb", "# One", OPEN + 'review.studies("ais-improved")')
    chapter(target / "book" / "two.ipynb", "# Two", OPEN + 'len(review.evidence["glossary"])')
    (target / "book" / "prose.md").write_text(PROSE, encoding="utf-8")
    return target


def chapter(path: Path, title: str, code: str) -> None:
    """Write a notebook of one title and one cell of code."""
    cells = [nbformat.v4.new_markdown_cell(title, id="text-00"), nbformat.v4.new_code_cell(code, id="code-01")]
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)) + "\n", encoding="utf-8")


def _without_other_estimates(certainty: Path) -> None:
    """Leave out judgements on estimates that are not declared here."""
    content = yaml.safe_load(certainty.read_text(encoding="utf-8"))
    content["judgements"] = [j for j in content["judgements"] if "estimate" not in j["for"]]
    certainty.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _reduce(data: Path) -> None:
    """Keep the chosen studies and of all tables the rows that hang on them."""
    package = load_package(data)
    tables = {t.name: _read(data / t.path) for t in package.tables}
    tables["studies"] = [row for row in tables["studies"] if row["study_id"] in STUDIES]
    tables["references"] = [r for r in tables["references"] if r["kind"] != "study" or r["reference_id"] in STUDIES]
    dropped = True
    while dropped:
        dropped = False
        for table in package.tables:
            for key in table.foreign_keys:
                there = {tuple(r[f] for f in key.target_fields) for r in tables[key.target or table.name]}
                kept = [
                    r for r in tables[table.name] if not all(r[f] for f in key.fields) or tuple(r[f] for f in key.fields) in there
                ]
                dropped |= len(kept) < len(tables[table.name])
                tables[table.name] = kept
    # Groups of overlapping reports lose members; whole groups are left out.
    for name in ("overlap_groups", "overlap_members", "overlap_disjoint"):
        tables[name] = []
    used = {
        r[f] for t in package.tables for k in t.foreign_keys if k.target == "references" for r in tables[t.name] for f in k.fields
    }
    tables["references"] = [r for r in tables["references"] if r["reference_id"] in used]
    for row in tables["sections"]:  # the small book has none of these chapters
        row["page"] = ""
    keys = {t.name: {t.key_of(r) for r in tables[t.name]} for t in package.tables if t.primary_key}
    # Waivers name a row of any table; nothing was ever corrected in the small book.
    tables["waivers"] = [r for r in tables["waivers"] if r["row_key"] in keys.get(r["table"], ())]
    tables["corrections"] = []
    # Nor was anything looked up for it: tests bring records of their own.
    tables |= {name: [] for name in ("searches", "records", "record_merges", "screening")}
    for table in package.tables:
        _write(data / table.path, table.columns, tables[table.name])


def _read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    path.write_text(to_csv(rows, columns), encoding="utf-8")


def _path(data: Path, table: str) -> Path:
    return data / load_package(data).table(table).path


def set_events(data: Path, cell_id: str, events: int) -> None:
    """Change the events of a cell, and both readings of it, as a correction of the source would."""
    for name in ("outcomes", "extractions"):
        path = data / f"{name}.csv"
        rows = _read(path)
        for row in rows:
            if row["cell_id"] == cell_id and row["events"]:
                row["events"] = str(events)
        _write(path, tuple(rows[0]), rows)


def set_value(data: Path, table: str, row: int, column: str, value: str) -> None:
    """Change one value of a table; ``row`` counts from 0."""
    path = _path(data, table)
    rows = _read(path)
    rows[row][column] = value
    _write(path, tuple(rows[0]), rows)


def read_table(data: Path, name: str) -> list[dict[str, str]]:
    """The rows of a table."""
    return _read(_path(data, name))


def write_table(data: Path, name: str, rows: list[dict[str, str]]) -> None:
    """Replace the rows of a table, which must not be empty."""
    _write(_path(data, name), tuple(rows[0]), rows)

"""A copy of the project whose evidence is multiplied by synthetic studies, to see how the build grows.

    python benchmarks/multiply_evidence.py TARGET --times 10

Every study, arm, cell, reading and source is copied under ids that begin with ``synthetic_``; their titles say so too. Nothing
in the copy is evidence. Other tables stay as they are.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from cordbook.core import csv_files
from cordbook.core.csv_files import to_csv
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.schema import load_package

ROOT = Path(__file__).resolve().parents[1]
#: Tables that grow with the number of studies, and their columns that hold ids of studies, arms or counts.
GROWING = {
    "references": ("reference_id", "same_as"),
    "studies": ("study_id",),
    "arms": ("arm_id", "study_id", "part_of"),
    "outcomes": ("cell_id", "study_id", "arm_id"),
    "extractions": ("cell_id",),
    "reconciliations": ("cell_id",),
}
LEFT_OUT = (".git", ".venv", "_build", ".cordbook", "__pycache__", ".pytest_cache", ".hypothesis", "raw", "*.egg-info", "studies")


def multiply(target: Path, times: int) -> None:
    """Copy the project to ``target`` with ``times`` as many studies."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "book" / "studies").mkdir(exist_ok=True)
    shutil.copy(ROOT / "book" / "studies" / "index.ipynb", target / "book" / "studies" / "index.ipynb")
    data = target / "data"
    package = load_package(data)
    tables = {t.name: _read(data / t.path) for t in package.tables}
    studies = {row["study_id"] for row in tables["studies"]}
    for name, columns in GROWING.items():
        rows = list(tables[name])
        if name == "references":
            rows = [row for row in rows if row["reference_id"] in studies]
        for number in range(1, times):
            tables[name] += [_synthetic(row, columns, number) for row in rows]
    tables["waivers"] += [
        {**row, "waiver_id": f"W{number:03d}{row['waiver_id'][1:]}", "row_key": f"synthetic_{number}_{row['row_key']}"}
        for number in range(1, times)
        for row in tables["waivers"]
        if row["table"] in GROWING
    ]
    for table in package.tables:
        if table.name in {*GROWING, "waivers"}:
            _write(data / table.path, table.columns, tables[table.name])
    (target / "references.bib").write_text(bibliography_text(tables["references"]), encoding="utf-8")


def _synthetic(row: dict[str, str], columns: tuple[str, ...], number: int) -> dict[str, str]:
    changed = {c: f"synthetic_{number}_{row[c]}" for c in columns if row.get(c)}
    if row.get("title"):
        changed["title"] = f"Synthetic {number}: {row['title']}"
    if row.get("first_author"):
        # Another author: with equal counts of one author and year they would be one study entered many times.
        changed["first_author"] = row["first_author"] + chr(ord("a") + number // 26) + chr(ord("a") + number % 26)
    for identifier in ("doi", "pmid", "pmcid", "registration"):
        if identifier in row:
            changed[identifier] = ""
    return {**row, **changed}


def _read(path: Path) -> list[dict[str, str]]:
    return csv_files.read(path).rows


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    path.write_text(to_csv(rows, columns), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    multiply(options.target, options.times)

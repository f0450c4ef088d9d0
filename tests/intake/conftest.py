"""A project with saved searches and empty tables."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from cordbook.intake.records.store import COLUMNS
from tests.intake.invented import ROOT
from tests.publish import small_book

STRATEGIES = [
    ("pubmed-x", "PubMed (MEDLINE and ahead of print)", "none"),
    ("epmc-x", "Europe PMC (with preprints)", "none"),
    ("ctgov-x", "ClinicalTrials.gov", "none"),
    ("crossref-x", "Crossref", "the first 1,000 by relevance"),
    ("openalex-x", "OpenAlex", "none"),
    ("embase-x", "Embase (embase.com)", "none"),
]


def make_project(folder: Path) -> Path:
    """A project folder with no evidence: what taking in needs."""
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "_config.yml").write_text("title: t\n")
    shutil.copy(Path(__file__).parents[2] / "data" / "datapackage.json", data)
    with open(data / "search_strategies.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("strategy_id", "source", "source_kind", "part", "query", "limits", "note"))
        writer.writerows((key, source, "database", "injury", "cord AND injury", limits, "") for key, source, limits in STRATEGIES)
    for table, columns in COLUMNS.items():
        (data / f"{table}.csv").write_text(",".join(columns) + "\n")
    (data / "references.csv").write_text("reference_id,kind,first_author,year,title,journal,doi,pmid\n")
    (data / "studies.csv").write_text("study_id\n")
    return folder


@pytest.fixture
def intake_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small book, which no test changes."""
    return small_book.make(ROOT, tmp_path_factory.mktemp("small") / "project")


@pytest.fixture
def project(small, tmp_path, monkeypatch):
    """A copy of the small book, and the folder that commands run in."""
    folder = tmp_path / "project"
    shutil.copytree(small, folder)
    monkeypatch.chdir(folder)
    return folder

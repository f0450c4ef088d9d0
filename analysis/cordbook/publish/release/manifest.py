"""The manifest of a release: digests of every data, code and lock file, versions, dates of searches, counts for PRISMA-LSR."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

import pandas as pd

from cordbook.core.files import digest
from cordbook.core.notebooks import sources_digest
from cordbook.evidence.review_state import load_status
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.reporting.freezing import to_json
from cordbook.review.reporting.prisma_flow import study_flow
from cordbook.review.versions.releases import ESTIMATES, FOLDER, FORMAT, ROWS, Manifest, Version

#: What is asked of a file's path to be data, code or lock; notebooks are chapters, whatever folder they are in.
CODE = ("analysis/", "tools/", ".ci/")
CODE_FILES = ("pyproject.toml", "Makefile", "_config.yml", "_toc.yml")
LOCK_FILES = ("requirements.lock",)
DATA_FILES = ("references.bib",)
#: Stored results of simulations and measurements, which chapters on methods show. Manifests of early versions do not list them.
MEASURED = "benchmarks/results/"
PROTOCOL = "book/methods/protocol.md"
#: Packages that make numbers, figures and pages.
PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "matplotlib", "nbclient", "jupyter-book", "myst-nb", "Sphinx")


def kind_of(path: str) -> str | None:
    """``data``, ``code``, ``lock`` or ``chapters``; None for what neither makes a number nor a page."""
    if path.endswith((".ipynb", ".md")) and (path.startswith("book/") or "/" not in path):
        return "chapters" if path.endswith(".ipynb") or path.startswith("book/") else None
    if path.startswith(("data/", MEASURED)) or path in DATA_FILES:
        return "data"
    if path.startswith(CODE) or path in CODE_FILES:
        return "code"
    return "lock" if path in LOCK_FILES else None


def digest_of(root: Path, path: str) -> str:
    """SHA-256 of a file of a project; of a chapter that of the sources of its cells, since outputs follow from them."""
    raw = (root / path).read_bytes()
    return sources_digest(raw) if path.endswith(".ipynb") and kind_of(path) == "chapters" else digest(raw)


def digests(root: Path, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Digests by kind and path."""
    found: dict[str, dict[str, str]] = {"data": {}, "code": {}, "lock": {}, "chapters": {}}
    for path in sorted(paths):
        kind = kind_of(path)
        if kind:
            found[kind][path] = digest_of(root, path)
    return found


def manifest_json(
    root: Path,
    paths: Iterable[str],
    estimates: Estimates,
    *,
    version: Version,
    date: dt.date,
    previous: Manifest | None,
    step: str,
    new_studies: int | None,
) -> str:
    """The text of ``manifest.json`` for the files of a project folder, its two other files among them."""
    status = load_status(root / "data")
    folder = root / FOLDER / str(version)
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": str(version),
        "date": date.isoformat(),
        "previous": str(previous.version) if previous else None,
        "step": step,
        "title": status.title,
        "state": status.state,
        "baseline": status.baseline.isoformat(),
        "last_search": _iso(status.last_search),
        "next_search": _iso(status.next_search),
        "searches": searches(estimates),
        "counts": counts(estimates, new_studies),
        "python": python_version(),
        "packages": packages(),
        **digests(root, paths),
        "frozen": {name: digest_of(folder, name) for name in (ESTIMATES, ROWS)},
    }
    return to_json(content)


def _iso(date: dt.date | None) -> str | None:
    return None if date is None else date.isoformat()


def packages() -> dict[str, str]:
    """Versions of :data:`PACKAGES` in this environment."""
    return {name: metadata.version(name) for name in PACKAGES}


def searches(estimates: Estimates) -> list[dict[str, Any]]:
    """Every search that was run: source, date, and records that it returned."""
    table = estimates.evidence["searches"]
    return [
        {"source": str(row.source), "searched_on": str(row.searched_on)[:10], "records": int(row.fetched)}
        for row in table.sort_values(["searched_on", "source"], kind="stable").itertuples()
    ]


def counts(estimates: Estimates, new_studies: int | None) -> Mapping[str, int | None]:
    """What PRISMA-LSR asks of every version: records, reports and studies; None where the step has not been taken."""
    evidence = estimates.evidence
    flow = study_flow(evidence, estimates)
    databases = flow.databases
    verified = evidence["verifications"]
    return {
        "records_identified": databases.identified,
        "duplicates": databases.duplicates,
        "records_screened": databases.screened,
        "records_excluded": databases.excluded,
        "reports_sought": databases.sought,
        "reports_not_retrieved": databases.not_retrieved,
        "reports_assessed": databases.assessed,
        "reports_excluded": sum(n for _, n in databases.excluded_reports) if databases.searched else None,
        "included_from_databases": databases.included,
        "included_by_other_methods": flow.by_other_methods,
        "study_reports": flow.studies,
        "new_study_reports": new_studies,
        "study_reports_in_a_synthesis": flow.in_synthesis,
        "outcome_cells": len(evidence["outcomes"]),
        "cells_checked_by_a_person": int(pd.Series(verified.iloc[:, 0]).nunique()),
        "estimates": len(estimates),
    }

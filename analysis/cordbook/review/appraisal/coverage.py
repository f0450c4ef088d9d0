"""How well the intervals cover: stored results of the simulations in ``benchmarks/``, read here for all pages that show them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

#: Files of stored results, each written by the program of its name in ``benchmarks/`` (``averages.csv`` by ``compare_averages.py``).
FOLDER = Path("benchmarks") / "results"
RESULTS, AVERAGE_RESULTS, AVERAGES = FOLDER / "coverage.csv", FOLDER / "coverage_averages.csv", FOLDER / "averages.csv"
#: How often the comparison with the natural course errs when a treatment does nothing.
EXPECTED = FOLDER / "coverage_expected.csv"
#: Methods by the names of the simulation: the default of the book first.
DEFAULT = "glmm_profile_k"
METHODS = {
    "glmm_profile_k": "mixed model, profile cut for the number of studies (default, profile-t)",
    "glmm_profile": "mixed model, plain profile",
    "glmm_profile_t": "mixed model, profile cut at t squared",
    "glmm_wald": "mixed model, Wald",
    "reml_logit_hksj": "REML on logits, Hartung-Knapp without its floor",
    "dl_logit_wald": "DerSimonian-Laird on logits",
    "reml_double_arcsine_hksj": "REML on double arcsine, Hartung-Knapp without its floor",
}
#: What an interval promises, and how far below a simulation may fall before a reader should be told.
NOMINAL, TOLERATED = 0.95, 0.93


@dataclass(frozen=True, slots=True)
class Coverage:
    """Summary for one method: scenarios, least, median and greatest coverage, and how many lie below :data:`TOLERATED`."""

    method: str
    scenarios: int
    least: float
    median: float
    greatest: float
    below: int


def load_results(root: Path, file: Path = RESULTS) -> pd.DataFrame | None:
    """Stored results of a simulation, by its file in the project; None where it has not been run in this copy."""
    path = root / file
    return pd.read_csv(path) if path.is_file() else None


def summarise_coverage(results: pd.DataFrame, *, own: bool, column: str = "coverage") -> list[Coverage]:
    """Coverage by method over the scenarios made of the review's own outcomes (``own``), or over the grid of the others.

    ``column`` is ``coverage``, of confidence intervals, or ``prediction_coverage``, of prediction intervals where a data set has one.
    """
    part = results[results["scenario"].str.startswith("own_") == own]
    summaries = []
    for method in METHODS:
        found = part.loc[part["method"] == method, column].dropna()
        if len(found):
            below = int((found < TOLERATED).sum())
            summaries.append(Coverage(method, len(found), float(found.min()), float(found.median()), float(found.max()), below))
    return summaries


def own_scenarios(results: pd.DataFrame) -> pd.DataFrame:
    """The review's own outcomes: ``scenario, k, participants, p, tau`` and the coverage by each of :data:`METHODS`."""
    own = results[results["scenario"].str.startswith("own_")]
    wide = own.pivot(index="scenario", columns="method", values="coverage").reindex(columns=list(METHODS))
    facts = own.drop_duplicates("scenario").set_index("scenario")[["k", "participants", "p", "tau"]]
    return facts.join(wide).sort_values(["k", "participants"], ascending=False).reset_index()

"""What simulation and published data say of the averages of a share: the stored results of the benchmarks, read for the methods page."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

#: Intervals of the population average by the names of the simulation: the default of the book first.
DEFAULT_INTERVAL = "glmm_profile_t"
INTERVALS = {
    "glmm_profile_t": "profile, cut for few studies (default)",
    "glmm_profile": "plain profile",
    "glmm_delta": "delta method",
    "betabinomial_profile": "beta-binomial profile",
    "crude_exact": "counts added up, exact",
}


@dataclass(frozen=True, slots=True)
class FewStudies:
    """One interval at one number of studies, over the scenarios of the simulation: coverage, and median width as shares of 1."""

    method: str
    k: int
    scenarios: int
    least: float
    median: float
    greatest: float
    width: float


def summarise_by_studies(results: pd.DataFrame) -> list[FewStudies]:
    """Coverage of the population average by interval and number of studies, both truths and all shares together."""
    part = results[results["average"] == "population"]
    found = []
    for method in INTERVALS:
        for k, rows in part[part["method"] == method].groupby("k"):
            cover = rows["coverage"]
            found.append(
                FewStudies(
                    method,
                    int(k),
                    len(rows),
                    float(cover.min()),
                    float(cover.median()),
                    float(cover.max()),
                    float(rows["median_width"].median()),
                )
            )
    return found

"""Dose and myelopathy: groups of patients with a known cord dose, on one scale, and the curve through them.

Which counts: poolable counts of radiation myelopathy after one course whose stratum states the dose at the cord. Of a study the
narrowest dose bands are taken instead of their sum. Doses become EQD2 with alpha/beta 2 Gy; how a band becomes one
dose is :func:`dose_in_gy`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from cordbook.core.tracking import by_value
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import parse_stratum
from cordbook.synthesis import eqd2, fit_dose_response
from cordbook.synthesis.dose.results import DoseResponse

ALPHA_BETA_GY = 2.0
#: Settings with one course of many or several fractions; the cord dose of stereotactic series is seldom stated.
SETTINGS = ("conventional", "hyperfractionated", "hypofractionated", "chemoradiation")
CORD_SITES = ("cord", "cord_max")
#: Where conventional radiotherapy does not state its fraction, it is taken as this.
CONVENTIONAL_FRACTION_GY = 2.0
_NUMBER = r"\d+(?:\.\d+)?"
COLUMNS = ["study_id", "label", "cell_id", "setting", "dose_text", "eqd2_gy", "events", "n"]


@dataclass(frozen=True)
class MyelopathyDoseResponse:
    """The groups (one row each, columns :data:`COLUMNS`) and the fitted curve."""

    groups: pd.DataFrame
    fit: DoseResponse


def dose_in_gy(text: str) -> float:
    """One dose for a band: the middle of a range, the limit of an open band.

    >>> dose_in_gy("45"), dose_in_gy("40-50"), dose_in_gy(">=55"), dose_in_gy("<=40")
    (45.0, 45.0, 55.0, 40.0)
    """
    numbers = [float(number) for number in re.findall(_NUMBER, text)]
    if not numbers:
        raise ValueError(f"{text!r} holds no dose; write 45, 40-50, >=55 or <=40")
    return sum(numbers) / len(numbers)


@by_value
def dose_groups(evidence: Evidence) -> pd.DataFrame:
    """The counts that state a cord dose, with their EQD2 in Gy; narrowest dose bands of each study."""
    counts = evidence.counts
    counts = counts[(counts["outcome"] == "myelopathy") & counts["poolable"].astype(bool)]
    rows = []
    for count in counts.itertuples():
        stratum = parse_stratum(count.stratum)
        dose = _eqd2(stratum)
        if stratum.get("setting") in SETTINGS and stratum.get("dose_site") in CORD_SITES and dose is not None:
            text = stratum.get("total_dose_gy", stratum.get("eqd2_gy", ""))
            rows.append([count.study_id, count.label, count.cell_id, stratum["setting"], text, dose, count.events, count.n])
    groups = pd.DataFrame(rows, columns=COLUMNS)
    return _narrowest(groups, counts)


def _eqd2(stratum: dict[str, str]) -> float | None:
    if "eqd2_gy" in stratum:
        return dose_in_gy(stratum["eqd2_gy"])
    if "total_dose_gy" not in stratum:
        return None
    fraction = stratum.get("dose_per_fraction_gy")
    if fraction is None and stratum.get("setting") != "conventional":
        return None
    fraction_gy = dose_in_gy(fraction) if fraction else CONVENTIONAL_FRACTION_GY
    return float(eqd2(dose_in_gy(stratum["total_dose_gy"]), fraction_gy, ALPHA_BETA_GY))


def _narrowest(groups: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Of a study with rows that are parts of a wider row, only the parts."""
    relation = counts.set_index("cell_id")["stratum_relation"]
    part = groups["cell_id"].map(relation) == "part_of_total"
    divided = set(groups.loc[part, "study_id"])
    kept = groups[part | ~groups["study_id"].isin(divided)]
    return kept.sort_values(["eqd2_gy", "label"], kind="stable", ignore_index=True)


def myelopathy_by_dose(evidence: Evidence) -> MyelopathyDoseResponse:
    """The logistic curve of myelopathy against EQD2, with random study effects, through :func:`dose_groups`."""
    groups = dose_groups(evidence)
    fit = fit_dose_response(
        groups["eqd2_gy"].to_numpy(), groups["events"].to_numpy(), groups["n"].to_numpy(), study=groups["label"].tolist()
    )
    return MyelopathyDoseResponse(groups, fit)

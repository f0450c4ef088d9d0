"""How far the extraction can be trusted: what was read twice, what agreed, what a person has checked."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.evidence.evidence import Evidence


@dataclass(frozen=True, slots=True)
class ExtractionProgress:
    """Counts of the extraction; ``agreed_low`` and ``agreed_high`` are a Wilson 95% interval of agreed / read_twice."""

    studies: int
    studies_with_cells: int
    cells: int
    poolable: int
    read_twice: int
    agreed: int
    agreed_low: float
    agreed_high: float
    settled: int
    open: int
    not_seen_again: int
    read_once: int
    verified: int
    identity_not_confirmed: int


def extraction_progress(evidence: Evidence) -> ExtractionProgress:
    """Count what the tables of readings, reconciliations and verifications hold."""
    cells, agreement = evidence["outcomes"], evidence["reconciliations"]["agreement"].value_counts()
    counts = {name: int(agreement.get(name, 0)) for name in ("agree", "disagree_settled", "disagree_open", "second_not_seen", "single")}
    twice = counts["agree"] + counts["disagree_settled"] + counts["disagree_open"]
    low, high = proportion_confint(counts["agree"], twice, method="wilson") if twice else (float("nan"), float("nan"))
    references = evidence["references"].set_index("reference_id")
    identity = references.loc[evidence["studies"]["study_id"], "identity_confidence"]
    return ExtractionProgress(
        studies=len(evidence["studies"]),
        studies_with_cells=cells["study_id"].nunique(),
        cells=len(cells),
        poolable=int(cells["poolable"].sum()),
        read_twice=twice,
        agreed=counts["agree"],
        agreed_low=float(low),
        agreed_high=float(high),
        settled=counts["disagree_settled"],
        open=counts["disagree_open"],
        not_seen_again=counts["second_not_seen"],
        read_once=counts["single"],
        verified=evidence["verifications"]["cell_id"].nunique(),
        identity_not_confirmed=int((identity != "confirmed").sum()),
    )


def reasons_not_pooled(evidence: Evidence) -> pd.DataFrame:
    """Cells and studies left out of pooling, by reason: columns ``reason, label, explanation, cells, studies``.

    A cell with two reasons counts under both.
    """
    cells = evidence["outcomes"]
    out = cells[~cells["poolable"]]
    reasons = out.assign(reason=out["not_poolable_reason"].str.split(";")).explode("reason")
    counts = reasons.groupby("reason").agg(cells=("cell_id", "nunique"), studies=("study_id", "nunique")).reset_index()
    table = counts.merge(evidence["not_poolable_reasons"], on="reason", validate="one_to_one")
    return table.sort_values(["cells", "reason"], ascending=[False, True], ignore_index=True)

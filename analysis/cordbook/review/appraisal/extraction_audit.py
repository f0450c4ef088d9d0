"""How far the extraction can be trusted: what was read twice, what agreed, what a person has checked."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from cordbook.core.tracking import by_value, by_value_of_estimates
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.risk_of_bias import study_weights
from cordbook.review.estimates.estimates import Estimate, Estimates


@dataclass(frozen=True, slots=True)
class ExtractionProgress:
    """Counts of the extraction; ``agreed_low`` and ``agreed_high`` are a Wilson 95% interval of agreed / read_twice."""

    studies: int
    studies_with_counts: int
    counts: int
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


@by_value
def extraction_progress(evidence: Evidence) -> ExtractionProgress:
    """Count what the tables of readings, reconciliations and verifications hold."""
    counts, agreement = evidence["outcomes"], evidence["reconciliations"]["agreement"].value_counts()
    kinds = ("agree", "disagree_settled", "disagree_open", "second_not_seen", "single")
    of_kind = {name: int(agreement.get(name, 0)) for name in kinds}
    twice = of_kind["agree"] + of_kind["disagree_settled"] + of_kind["disagree_open"]
    low, high = proportion_confint(of_kind["agree"], twice, method="wilson") if twice else (float("nan"), float("nan"))
    references = evidence["references"].set_index("reference_id")
    identity = references.loc[evidence["studies"]["study_id"], "identity_confidence"]
    return ExtractionProgress(
        studies=len(evidence["studies"]),
        studies_with_counts=counts["study_id"].nunique(),
        counts=len(counts),
        poolable=int(counts["poolable"].sum()),
        read_twice=twice,
        agreed=of_kind["agree"],
        agreed_low=float(low),
        agreed_high=float(high),
        settled=of_kind["disagree_settled"],
        open=of_kind["disagree_open"],
        not_seen_again=of_kind["second_not_seen"],
        read_once=of_kind["single"],
        verified=evidence["verifications"]["cell_id"].nunique(),
        identity_not_confirmed=int((identity != "confirmed").sum()),
    )


@by_value
def reasons_not_pooled(evidence: Evidence) -> pd.DataFrame:
    """Counts and studies left out of pooling, by reason: columns ``reason, label, explanation, counts, studies``.

    A count with two reasons stands under both.
    """
    counts = evidence["outcomes"]
    out = counts[~counts["poolable"]]
    reasons = out.assign(reason=out["not_poolable_reason"].str.split(";")).explode("reason")
    numbers = reasons.groupby("reason").agg(counts=("cell_id", "nunique"), studies=("study_id", "nunique")).reset_index()
    table = numbers.merge(evidence["not_poolable_reasons"], on="reason", validate="one_to_one")
    return table.sort_values(["counts", "reason"], ascending=[False, True], ignore_index=True)


@by_value
def agreement_by(evidence: Evidence, column: str = "topic", level: float = 0.95) -> pd.DataFrame:
    """How often two readings of a count agreed, by a column of the studies or counts, with all counts in the last row.

    Columns ``group, counts, read_twice, agreed, share, low, high, settled, open, not_seen_again, read_once``; the interval is
    that of Wilson (1927). ``share`` and limits are NaN where nothing was read twice.
    """
    counts = evidence.counts[["cell_id", column]].merge(evidence["reconciliations"], on="cell_id", validate="one_to_one")
    groups = [(str(name), part) for name, part in counts.groupby(column, sort=True)]
    return pd.DataFrame([_agreement(name, part["agreement"], level) for name, part in [*groups, ("all counts", counts)]])


def _agreement(name: str, agreement: pd.Series, level: float) -> dict[str, object]:
    of_kind = agreement.value_counts()
    agreed, settled, still_open = (int(of_kind.get(k, 0)) for k in ("agree", "disagree_settled", "disagree_open"))
    twice = agreed + settled + still_open
    low, high = proportion_confint(agreed, twice, 1 - level, method="wilson") if twice else (float("nan"),) * 2
    return {
        "group": name,
        "counts": len(agreement),
        "read_twice": twice,
        "agreed": agreed,
        "share": agreed / twice if twice else float("nan"),
        "low": float(low),
        "high": float(high),
        "settled": settled,
        "open": still_open,
        "not_seen_again": int(of_kind.get("second_not_seen", 0)),
        "read_once": int(of_kind.get("single", 0)),
    }


@by_value
def readings_side_by_side(evidence: Evidence, *agreement: str) -> pd.DataFrame:
    """Counts with one of the given kinds of agreement: both readings beside the value that is used.

    Columns ``cell_id, label, outcome, stratum, first, second, used, poolable, agreement, settled_by``; ``outcome`` is its
    label and ``stratum`` says in words of whom, blank for all patients; ``first``, ``second`` and
    ``used`` are texts such as ``4 of 10``, and ``not seen`` where a reader saw no number.
    """
    kept = evidence["reconciliations"]
    kept = kept[kept["agreement"].isin(agreement)]
    counts = evidence.counts.set_index("cell_id").loc[kept["cell_id"]]
    readings = evidence["extractions"].set_index(["cell_id", "reading"])
    names = evidence["outcome_terms"].set_index("outcome")["label"]
    return pd.DataFrame(
        {
            "cell_id": kept["cell_id"].to_numpy(),
            "label": counts["label"].to_numpy(),
            "outcome": counts["outcome"].map(names).to_numpy(),
            "stratum": [evidence.vocabulary.stratum_of(text) for text in counts["stratum"]],
            "first": [_reading(readings, c, 1) for c in kept["cell_id"]],
            "second": [_reading(readings, c, 2) for c in kept["cell_id"]],
            "used": [f"{e} of {n}" for e, n in zip(counts["events"], counts["n"], strict=True)],
            "poolable": counts["poolable"].to_numpy(),
            "agreement": kept["agreement"].to_numpy(),
            "settled_by": kept["settled_by"].to_numpy(),
        }
    )


def _reading(readings: pd.DataFrame, cell_id: str, number: int) -> str:
    if (cell_id, number) not in readings.index:
        return "not read"
    row = readings.loc[(cell_id, number)]
    return f"{row['events']} of {row['n']}" if bool(row["seen"]) else "not seen"


@dataclass(frozen=True, slots=True)
class VerifiedWeight:
    """How much of an estimate a person has checked: ``k`` studies, number of counts, how many of them a person has checked, and
    the share of the weight (0 to 1) of studies whose counts are all checked."""

    id: str
    title: str
    k: int
    counts: int
    checked: int
    share: float

    @property
    def percent(self) -> str:
        """The share in percent without decimals; rounding makes neither something nothing nor a part the whole.

        >>> [VerifiedWeight("a", "A", 9, 9, 1, share).percent for share in (0, 0.001, 0.5, 0.999, 1)]
        ['0%', 'under 1%', '50%', 'over 99%', '100%']
        """
        text = f"{self.share:.0%}"
        return "under 1%" if text == "0%" and self.share > 0 else "over 99%" if text == "100%" and self.share < 1 - 1e-9 else text


@by_value_of_estimates
def verified_weights(estimates: Estimates) -> tuple[VerifiedWeight, ...]:
    """:func:`verified_share` of every estimate that was pooled."""
    shares = ((e, verified_share(e, estimates.evidence)) for e in estimates)
    checked = set(estimates.evidence["verifications"]["cell_id"])
    return tuple(
        VerifiedWeight(e.id, e.title, e.k, len(e.count_ids), len(checked & set(e.count_ids)), share)
        for e, share in shares
        if share is not None
    )


def verified_share(estimate: Estimate, evidence: Evidence) -> float | None:
    """Share (0 to 1) of an estimate's weight whose counts a person has all checked; None where there is no study."""
    if not estimate.is_reported:
        return None
    checked = set(evidence["verifications"]["cell_id"])
    weights = study_weights(estimate)
    whole = {study: checked.issuperset(counts) for study, counts in estimate.counts_by_study.items()}
    return float(weights[[whole[s] for s in weights.index]].sum() / 100)

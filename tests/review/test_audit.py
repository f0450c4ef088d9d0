"""The extraction audit, counted apart from the code, and what a person's check changes."""

import csv
from dataclasses import replace

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from cordbook.review.appraisal.extraction_audit import agreement_by, readings_side_by_side, verified_share


def rows_of(root, name):
    with (root / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_agreement_is_that_of_the_readings_themselves(root, estimates):
    """Recounted from the two readings of every cell, not from the column that says how they agree."""
    readings = {(row["cell_id"], row["reading"]): row for row in rows_of(root, "extractions")}
    twice = agreed = 0
    for cell in rows_of(root, "outcomes"):
        first, second = (readings.get((cell["cell_id"], number)) for number in "12")
        if first and second and first["seen"] == second["seen"] == "yes":
            twice += 1
            agreed += (first["events"], first["n"]) == (second["events"], second["n"])
    whole = agreement_by(estimates.evidence).iloc[-1]
    assert (whole["read_twice"], whole["agreed"]) == (twice, agreed)
    assert (whole["low"], whole["high"]) == pytest.approx(proportion_confint(agreed, twice, method="wilson"))


def test_topics_add_up_to_all_cells(estimates):
    table = agreement_by(estimates.evidence)
    columns = ["counts", "read_twice", "agreed", "settled", "open", "not_seen_again", "read_once"]
    assert table.iloc[:-1][columns].sum().tolist() == table.iloc[-1][columns].tolist()


def test_every_disagreement_is_shown_with_both_readings(root, estimates):
    shown = readings_side_by_side(estimates.evidence, "disagree_settled", "disagree_open")
    wanted = {row["cell_id"] for row in rows_of(root, "reconciliations") if row["agreement"].startswith("disagree")}
    assert set(shown["cell_id"]) == wanted
    assert (shown["first"] != shown["second"]).all()
    assert shown["settled_by"].notna().all()


def test_a_persons_check_counts_by_weight(estimates):
    evidence, estimate = estimates.evidence, estimates["ais-improved-cell-therapy"]
    assert verified_share(estimate, evidence) == pytest.approx(0) or len(evidence["verifications"])
    cells = estimate.counts_by_study["lima2010"]
    checked = pd.DataFrame({"cell_id": list(cells)})
    one = replace(evidence, tables={name: evidence[name] for name in evidence} | {"verifications": checked})
    weight = next(row.weight for row in estimate.rows if row.study_id == "lima2010")
    assert verified_share(estimate, one) == pytest.approx(weight / 100)
    everything = pd.DataFrame({"cell_id": list(estimate.count_ids)})
    whole = replace(evidence, tables={name: evidence[name] for name in evidence} | {"verifications": everything})
    assert verified_share(estimate, whole) == pytest.approx(1)

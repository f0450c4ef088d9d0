"""The chapter on radiation says where its fitted curve leaves the published one: by how much, computed from the data of today."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from cordbook.evidence.evidence import load_evidence
from cordbook.subject.dose import myelopathy_by_dose

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ratios():
    """How many times the published risk ours is, by dose in Gy."""
    evidence = load_evidence(ROOT / "data")
    fit = myelopathy_by_dose(evidence).fit
    rows = evidence["dose_response"]
    own = rows[(rows["reference_id"] == "schultheiss2008") & rows["risk_percent"].notna()]
    ours = {float(dose): 1 / (1 + math.exp(-fit.intercept - fit.slope * float(dose))) for dose in own["dose_gy"]}
    return {float(d): ours[float(d)] / (float(p) / 100) for d, p in zip(own["dose_gy"], own["risk_percent"], strict=True)}


def test_the_curves_part_at_low_doses_and_agree_near_sixty_gray(ratios):
    text = "".join(
        "".join(cell["source"])
        for cell in json.loads((ROOT / "book" / "introduction" / "radiation-myelopathy.ipynb").read_text(encoding="utf-8"))[
            "cells"
        ]
    )
    assert "runs several times above the published one" in text
    assert ratios[45.0] > 3
    assert ratios[50.0] > 3
    assert ratios[59.3] == pytest.approx(1, abs=0.3)

"""The bars of verdicts name as many parent documents as seeds.csv has."""

from __future__ import annotations

import pytest

from cordbook.display.figures.verdicts import verdict_bars
from cordbook.review.claims.claims import ClaimVerdict
from cordbook.review.claims.verdicts import SUPPORTED


def verdict(seed: str) -> ClaimVerdict:
    return ClaimVerdict(f"c{seed}", seed, "A title", "It helps.", "frequency", (), (), SUPPORTED, "", "", (), None, ())


@pytest.mark.parametrize(("seeds", "told"), [("1", "the parent document"), ("12", "the two parent documents")])
def test_the_title_counts_the_documents(seeds, told):
    figure = verdict_bars([verdict(seed) for seed in seeds], {seed: f"Document {seed}" for seed in seeds})
    assert figure.title == f"Verdicts on the claims of {told}"

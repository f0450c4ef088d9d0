"""Makes the curves on which the explorer marks the reader's own choice: the results of every defensible analysis, sorted."""

from __future__ import annotations

from typing import Any

import numpy as np

from cordbook.review.estimates.estimates import Estimates
from cordbook.review.multiverse.declarations import FILE, load_multiverses
from cordbook.review.multiverse.multiverse import Multiverse, explore

#: Points of a curve: enough for its form, few enough for a page.
POINTS = 101


def curves(estimates: Estimates) -> list[dict[str, Any]]:
    """The curve of each share in ``data/multiverse.yml``, by id, with the filters that a question must have to stand on it.

    Empty where a review declares none, and where the estimates have no store: thousands of analyses that are not kept would be computed
    for a page alone.
    """
    if estimates.store is None or not (estimates.evidence.folder / FILE).is_file():
        return []
    declared = load_multiverses(estimates)
    found = (explore(estimates, declared[name], store=estimates.store) for name in declared.ids)
    return [curve_of(multiverse) for multiverse in found if not multiverse.is_ratio and multiverse.analyses]


def curve_of(found: Multiverse) -> dict[str, Any]:
    """What the page holds of a multiverse: whose it is, how many analyses, and points of their sorted results."""
    synthesis = found.declared.synthesis
    values = np.sort([analysis.answer.estimate for analysis in found.analyses])
    places = np.linspace(0, len(values) - 1, min(POINTS, len(values))).round().astype(int)
    return {
        "id": found.id,
        "outcome": synthesis.outcome,
        "where": {column: list(chosen) for column, chosen in synthesis.where},
        "analyses": len(values),
        "values": [float(f"{value:.4g}") for value in values[places]],
        "own": float(f"{found.analyses[found.own].answer.estimate:.4g}") if found.own >= 0 else None,
    }

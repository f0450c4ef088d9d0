"""One typed count of the evidence: events among n patients of one arm, as a row of ``outcomes.csv`` states it.

Selection, pooling, pages of studies and pages of estimates all hold this object; nobody else reads the two numbers again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cordbook.evidence.patients import parse_stratum

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Events among ``n`` patients of an arm; ``stratum`` says which of its patients, and is empty for all of them."""

    cell_id: str
    study_id: str
    arm_id: str
    stratum: Pairs
    events: int
    n: int


def counts_of(counts: pd.DataFrame) -> list[Count]:
    """The counts of a frame with the columns of ``outcomes`` (:attr:`Evidence.counts` or the table itself), in its order.

    >>> frame = pd.DataFrame({"cell_id": ["c"], "study_id": ["lima"], "arm_id": ["lima.treated"], "stratum": ["baseline_ais=A"],
    ...                       "events": [7], "n": [14]})
    >>> counts_of(frame)
    [Count(cell_id='c', study_id='lima', arm_id='lima.treated', stratum=(('baseline_ais', 'A'),), events=7, n=14)]
    """
    columns = (counts[name].tolist() for name in ("cell_id", "study_id", "arm_id", "stratum", "events", "n"))
    return [
        Count(cell_id, study_id, arm_id, _pairs(stratum), int(events), int(n))
        for cell_id, study_id, arm_id, stratum, events, n in zip(*columns, strict=True)
    ]


def _pairs(stratum: object) -> Pairs:
    return tuple(parse_stratum(stratum).items())

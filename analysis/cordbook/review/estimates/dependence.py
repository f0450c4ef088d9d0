"""Tell readers what an estimate would be without some of its studies, and whether one small study carries it.

The one road of every sentence on what a study does to a number: retracted reports, a series that is named in the text, and the study
without which a share is several times as large or as small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cordbook.errors import UnknownName
from cordbook.evidence.evidence import RETRACTED
from cordbook.review.estimates.estimates import Estimate, estimate_of
from cordbook.review.estimates.rows import Row, labels_of

#: An estimate hangs on a study without which it is at least so many times as large or as small. Our own limit.
SEVERAL_FOLD = 2.0
#: A small study holds no more than this share of the people.
SMALL = 0.1
#: A study is pooled out only where the plain share of everybody moves so many times without it: the others cannot matter that much.
WORTH_A_FIT = 1.2
#: Fewer studies than this leave nothing to pool without one of them.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Dependence:
    """A small study that an estimate hangs on: its label, its people (both arms), and the estimate without it."""

    label: str
    n: int
    without: Estimate


def without(estimate: Estimate, leave_out: Callable[[Row], bool]) -> Estimate:
    """An estimate pooled again, as it is declared, without the rows that ``leave_out`` names.

    Its ``result`` is None where too few studies are left to pool.
    """
    rows = tuple(row for row in estimate.rows if not leave_out(row))
    return estimate_of(estimate.id, estimate.title, estimate.synthesis, rows)


def retracted_labels(estimate: Estimate) -> tuple[str, ...]:
    """Labels of the retracted reports that an estimate counts, each once.

    A report leaves an estimate only by a recorded decision (its counts are marked not pooled, with the reason ``retracted``). Until
    then it is named wherever the estimate is shown, with the result that it would have without it.
    """
    return tuple(label for label in dict.fromkeys(labels_of(estimate.rows)) if label.endswith(RETRACTED))


def without_retracted(estimate: Estimate) -> Estimate | None:
    """The estimate without its retracted reports; None where it counts none."""
    return without(estimate, lambda row: row.label.endswith(RETRACTED)) if retracted_labels(estimate) else None


def without_study(estimate: Estimate, study_id: str) -> Estimate:
    """An estimate without one study; raises ``UnknownName`` where it does not count that study."""
    if study_id not in estimate.study_ids:
        raise UnknownName(f"{estimate.id} does not count {study_id!r}; its studies are {', '.join(estimate.study_ids)}")
    return without(estimate, lambda row: row.study_id == study_id)


def dependences(estimate: Estimate) -> tuple[Dependence, ...]:
    """The small studies without each of which a pooled estimate moves several-fold, the largest move first; () where none does.

    A move to or from zero counts. The limits are :data:`SEVERAL_FOLD` and :data:`SMALL`. A difference of risks has no fold: half of it
    may be chance, and it may change its sign.
    """
    if estimate.result is None or estimate.k < FEWEST or estimate.synthesis.measure == "RD":
        return ()
    found: list[tuple[float, Dependence]] = []
    for label, row in zip(labels_of(estimate.rows), estimate.rows, strict=True):
        _, size = row.together
        if size > SMALL * estimate.n or not _may_matter(estimate, row):
            continue
        rest = without(estimate, lambda other, row=row: other is row)
        if rest.result is None:
            continue
        fold = _fold(estimate.result.estimate, rest.result.estimate)
        if fold >= SEVERAL_FOLD:
            found.append((fold, Dependence(label, size, rest)))
    return tuple(d for _, d in sorted(found, key=lambda item: -item[0]))


def _may_matter(estimate: Estimate, row: Row) -> bool:
    if estimate.is_comparison:
        return True
    events, n = row.together
    return _fold(estimate.events / estimate.n, (estimate.events - events) / (estimate.n - n)) >= WORTH_A_FIT


def _fold(one: float | None, other: float | None) -> float:
    """How many times the larger is of the smaller.

    >>> _fold(0.2, 0.1), _fold(0.0, 0.1), _fold(0.0, 0.0)
    (2.0, inf, 1.0)
    """
    if one is None or other is None or one == other:
        return 1.0
    low, high = sorted((one, other))
    return high / low if low > 0 else float("inf")

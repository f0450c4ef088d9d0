"""Say how an estimate that answers the question of another on another selection differs from that main pool, for every page.

``main`` in ``data/syntheses.yml`` names the main pool of such an estimate. The line is made from the rows of both, so that nobody
has to keep it true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cordbook.core.text import enumerate_words, studies
from cordbook.core.tracking import by_value_of_estimates
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.rows import Row

#: Studies that a line names one by one; more are counted.
NAMED = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of arms that one pool has and the main one has not, the other way round, and rows that count other people of an arm."""

    added: tuple[Row, ...]
    left_out: tuple[Row, ...]
    changed: tuple[tuple[Row, Row], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.left_out or self.changed)


def compare_pools(estimate: Estimate, main: Estimate) -> Difference:
    """What makes the people of two pools differ, study by study."""
    here, there = _by_study(estimate), _by_study(main)
    return Difference(
        tuple(row for key, row in here.items() if key not in there),
        tuple(row for key, row in there.items() if key not in here),
        tuple((row, there[key]) for key, row in here.items() if key in there and _counts(row) != _counts(there[key])),
    )


@by_value_of_estimates
def difference_from_main(estimates: Estimates, estimate_id: str) -> str | None:
    """One line: why the pool of an estimate is not its main pool, and which studies make the difference.

    None where no main pool is declared, for the parts of an estimate, and where both hold the same counts.
    """
    estimate = estimates[estimate_id]
    if estimate.synthesis.main is None or estimate.synthesis.parent is not None:
        return None
    main = estimates[estimate.synthesis.main]
    difference = compare_pools(estimate, main)
    if not difference:
        return None
    strata = _strata(estimates, (*difference.added, *(row for row, _ in difference.changed)))
    parts = [*_added(difference.added, strata), *_left_out(difference.left_out), *_changed(difference.changed)]
    return f"{_total(estimate)}; the main pool ({main.title}) has {_total(main)}. This one {enumerate_words(parts)}."


def _by_study(estimate: Estimate) -> dict[str, Row]:
    return {row.study_id: row for row in estimate.rows}


def _strata(estimates: Estimates, rows: Iterable[Row]) -> Mapping[str, str]:
    """In words the strata behind a row, by its first count; blank where the row is of all patients of its arm."""
    vocabulary, found = estimates.evidence.vocabulary, {}
    for row in rows:
        texts = [vocabulary.stratum(count.stratum) if count.stratum else "" for count in row.counts]
        found[row.count_ids[0]] = " and ".join(t for t in texts if t)
    return found


def _added(rows: tuple[Row, ...], strata: Mapping[str, str]) -> list[str]:
    parts = [row for row in rows if strata[row.count_ids[0]]]
    wholes = [row for row in rows if not strata[row.count_ids[0]]]
    texts = []
    if parts:
        named = _named(f"{_study(row)}: {strata[row.count_ids[0]]}" for row in parts)
        texts.append(f"adds {_studies(parts)} with counts of a part of the patients only ({named})")
    if wholes:
        texts.append(f"adds {_studies(wholes)} ({_named(map(_study, wholes))})")
    return texts


def _left_out(rows: tuple[Row, ...]) -> list[str]:
    if not rows:
        return []
    return [f"leaves out {_studies(rows)} without a count that fits its question ({_named(map(_study, rows))})"]


def _changed(pairs: tuple[tuple[Row, Row], ...]) -> list[str]:
    if not pairs:
        return []
    named = _named(f"{_study(here)} instead of {_counts(there)}" for here, there in pairs)
    return [f"counts other people of {_studies(pairs)} ({named})"]


def _named(names: Iterable[str]) -> str:
    every = list(names)
    shown = every if len(every) <= NAMED else [*every[: NAMED - 1], f"{len(every) - NAMED + 1} more"]
    return "; ".join(shown)


def _studies(rows: tuple[Row, ...] | list[Row]) -> str:
    return studies(len(rows))


def _study(row: Row) -> str:
    return f"{row.label}, {_counts(row)}"


def _counts(row: Row) -> str:
    return " against ".join(f"{events:,} of {n:,}" for events, n in row.arms)


def _total(estimate: Estimate) -> str:
    return f"{estimate.events:,} of {estimate.n:,} people in {studies(estimate.k)}"

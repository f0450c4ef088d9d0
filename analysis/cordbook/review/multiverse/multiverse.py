"""A declared estimate by every combination of its choices: each analysis once, what they conclude, and what each choice moves.

An analysis is a set of counts and a way to pool them. Combinations of options that come to the same analysis are one (Simonsohn, Simmons and
Nelson 2020: specifications are sensible, valid and not redundant), named by the combination that departs least from the book's own. Combinations
that do not exist, such as a Hartung-Knapp interval of Mantel-Haenszel, are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, product
from operator import eq
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cordbook.core.store import Store
from cordbook.core.work.runner import Progress, run_all
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.rows import Row
from cordbook.review.multiverse.choices import Choice, Conclusion
from cordbook.review.multiverse.declarations import Declared, load_multiverses
from cordbook.review.multiverse.pooling import COMPARISON, FEWEST, Answer, NoNumber, Settings, Task, settings_of, work
from cordbook.review.multiverse.selection import Selector

T = TypeVar("T")
Array = NDArray[np.float64]
#: The conclusion of an analysis whose studies the limits of the declaration set side by side.
NO_AVERAGE = Conclusion("no-average", "no average, since the studies stand side by side by our limits", ())
_COMPARE = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
#: Places of the options, one a choice.
Options = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis: its options (places, one a choice), its studies and people, what it gives, and what it concludes (a place)."""

    options: Options
    k: int
    events: int
    n: int
    answer: Answer
    conclusion: int


@dataclass(frozen=True, slots=True)
class Move:
    """How far one choice moves the result where all others stay: the mean and the greatest difference over all such pairs.

    Shares in points of the share, ratios on the log scale. ``pairs`` is their number, ``turned`` how many of them conclude differently.
    """

    choice: Choice
    mean: float
    greatest: float
    pairs: int
    turned: int


@dataclass(frozen=True)
class Grid:
    """Every combination of options, one axis a choice: the estimate (NaN where there is none) and the place of its conclusion (-1)."""

    estimates: Array
    conclusions: NDArray[np.int64]


@dataclass(frozen=True)
class Multiverse:
    """All analyses of a declared estimate, sorted by their result; ``own`` is the place of the book's own.

    ``combinations`` counts those of options that exist; ``too_few`` those of them that leave less than two studies, ``failed`` those that the
    statistics refuse, ``same`` those that come to an analysis which is there already.
    """

    declared: Declared
    analyses: tuple[Analysis, ...]
    own: int
    combinations: int
    too_few: int
    failed: int
    grid: Grid = field(repr=False)

    @property
    def id(self) -> str:
        return self.declared.id

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.declared.choices

    @property
    def is_ratio(self) -> bool:
        """Whether results are ratios, whose distances are on the log scale."""
        return self.declared.synthesis.kind == COMPARISON

    @property
    def same(self) -> int:
        return self.combinations - self.too_few - self.failed - len(self.analyses)

    @property
    def conclusions(self) -> tuple[Conclusion, ...]:
        return (*self.declared.conclusions, NO_AVERAGE)

    @cached_property
    def counted(self) -> tuple[tuple[Conclusion, int], ...]:
        """How many analyses give each conclusion, most first; those that none gives are left out."""
        numbers = [sum(a.conclusion == i for a in self.analyses) for i in range(len(self.conclusions))]
        found = [(c, n) for c, n in zip(self.conclusions, numbers, strict=True) if n]
        return tuple(sorted(found, key=lambda pair: -pair[1]))

    def inert(self) -> tuple[tuple[Choice, str], ...]:
        """Options that change no analysis with today's data: choice and label of the option."""
        used = [{a.options[axis] for a in self.analyses} for axis in range(len(self.choices))]
        return tuple(
            (choice, option.label)
            for axis, choice in enumerate(self.choices)
            for place, option in enumerate(choice.options)
            if place not in used[axis]
        )

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Choices by how far they move the result, the furthest first; those without a pair come last, with 0."""
        with np.errstate(divide="ignore"):
            values = np.log(self.grid.estimates) if self.is_ratio else self.grid.estimates
        found = [_move(choice, axis, values, self.grid.conclusions) for axis, choice in enumerate(self.choices)]
        return tuple(sorted(found, key=lambda move: -move.mean))

    def alone(self) -> tuple[tuple[Choice, str, Analysis], ...]:
        """The analyses that differ from the book's own in one choice alone: choice, option and analysis, in the order of the choices."""
        own = self.analyses[self.own].options
        found = []
        for analysis in self.analyses:
            changed = [axis for axis in range(len(own)) if analysis.options[axis] != own[axis]]
            if len(changed) == 1:
                choice = self.choices[changed[0]]
                found.append((changed[0], analysis.options[changed[0]], choice, analysis))
        found.sort(key=lambda entry: entry[:2])
        return tuple((choice, choice.options[place].label, analysis) for _, place, choice, analysis in found)

    def to_dict(self) -> dict[str, Any]:
        """Everything for JSON: choices, conclusions, moves, and each analysis with its options by id."""
        return {
            "estimate": self.id,
            "title": self.declared.synthesis.title,
            "analyses": len(self.analyses),
            "combinations": self.combinations,
            "same": self.same,
            "too_few": self.too_few,
            "failed": self.failed,
            "conclusions": [{"id": c.id, "text": c.text, "analyses": n} for c, n in self.counted],
            "moves": [{"choice": m.choice.id, "mean": m.mean, "greatest": m.greatest, "pairs": m.pairs, "turned": m.turned} for m in self.moves],
            "left_out": dict(self.declared.left_out),
            "own": self.own,
            "results": [
                {
                    "options": {c.id: c.options[i].id for c, i in zip(self.choices, a.options, strict=True)},
                    "k": a.k, "events": a.events, "n": a.n,
                    "estimate": a.answer.estimate, "ci_low": a.answer.ci_low, "ci_high": a.answer.ci_high,
                    "pooled": a.answer.pooled, "conclusion": self.conclusions[a.conclusion].id,
                }
                for a in self.analyses
            ],
        }  # fmt: skip


def explore_choices(
    estimates: Estimates,
    estimate_id: str,
    *,
    store: Store | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Multiverse:
    """Compute a declared estimate by every combination of its choices in ``data/multiverse.yml``.

    What was computed stands in the store (that of the estimates where none is given); see :func:`~cordbook.core.work.runner.run_all`.
    """
    declared = load_multiverses(estimates)[estimate_id]
    return explore(estimates, declared, store=store or estimates.store, jobs=jobs, scheduler=scheduler, progress=progress)


def explore(
    estimates: Estimates,
    declared: Declared,
    *,
    store: Store | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Multiverse:
    """:func:`explore_choices` for choices that were read before."""
    selected = selections(estimates, declared)
    pooled = poolings(declared)
    # Rows and settings by number: they are long to compare, and combinations are many.
    rows, settings = _numbered(selected.values()), _numbered(pooled.values())
    tasks = {
        (i, j): Task(_columns(chosen), replace(way, average=""))
        for chosen, i in rows.items()
        for way, j in settings.items()
        if len(chosen) >= FEWEST
    }
    distinct = list(dict.fromkeys(tasks.values()))
    made = run_all(work, distinct, name="multiverse", store=store, jobs=jobs, scheduler=scheduler, progress=progress)
    answers = dict(zip(distinct, made, strict=True))
    ways = list(settings)
    found = {
        key: answer for key, task in tasks.items() if (answer := _of_average(answers[task], ways[key[1]].average)) is not None
    }
    of_rows = {places: rows[chosen] for places, chosen in selected.items()}
    of_ways = {places: settings[way] for places, way in pooled.items()}
    return _assembled(declared, list(rows), of_rows, of_ways, found)


def _numbered(items: Iterable[T]) -> dict[T, int]:
    """Each distinct item with its number."""
    return {item: number for number, item in enumerate(dict.fromkeys(items))}


def selections(estimates: Estimates, declared: Declared) -> dict[Options, tuple[Row, ...]]:
    """The rows of each combination of the choices on which counts are pooled."""
    selector = Selector(estimates.evidence, declared.synthesis)
    choices = [c for c in declared.choices if c.selects]
    ranges = [range(len(c.options)) for c in choices]
    return {places: selector.rows([c.options[i] for c, i in zip(choices, places, strict=True)]) for places in product(*ranges)}


def poolings(declared: Declared) -> dict[Options, Settings]:
    """The settings of each combination of the choices on how counts are pooled, where they go together."""
    choices = [c for c in declared.choices if not c.selects]
    found = {}
    for places in product(*(range(len(c.options)) for c in choices)):
        chosen = [pair for c, i in zip(choices, places, strict=True) for pair in c.options[i].pooling]
        settings = settings_of(declared.synthesis, chosen)
        if isinstance(settings, Settings):
            found[places] = settings
    return found


def _columns(rows: Sequence[Row]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(getattr(row, name) for row in rows) for name in rows[0].COLUMNS)


def _assembled(
    declared: Declared,
    rows: Sequence[tuple[Row, ...]],
    of_rows: Mapping[Options, int],
    of_ways: Mapping[Options, int],
    found: Mapping[tuple[int, int], Answer],
) -> Multiverse:
    """Combinations joined with their answers; of those that are one analysis the one nearest to the book's own names it."""
    own = tuple(c.own for c in declared.choices)
    keys = list(found)
    numbers = np.array([[found[key].estimate, found[key].ci_low, found[key].ci_high] for key in keys]).reshape(-1, 3)
    pooled = np.array([found[key].pooled for key in keys], dtype=bool)
    concluded = dict(zip(keys, _conclude(declared.conclusions, numbers, pooled).tolist(), strict=True))
    shape = tuple(len(c.options) for c in declared.choices)
    places = _places(declared.choices)
    grid = Grid(np.full(shape, np.nan), np.full(shape, -1, dtype=np.int64))
    nearest: dict[tuple[int, int], tuple[int, Options]] = {}
    too_few = failed = 0
    for chosen, i in of_rows.items():
        if len(rows[i]) < FEWEST:
            too_few += len(of_ways)
            continue
        for way, j in of_ways.items():
            if (i, j) not in found:
                failed += 1
                continue
            both = (*chosen, *way)
            options = tuple([both[place] for place in places])
            grid.estimates[options], grid.conclusions[options] = found[i, j].estimate, concluded[i, j]
            departs = len(own) - sum(map(eq, options, own)), options
            nearest[i, j] = min(nearest.get((i, j), departs), departs)
    people = [_people(found_rows) for found_rows in rows]
    analyses = [
        Analysis(options, len(rows[key[0]]), *people[key[0]], found[key], concluded[key]) for key, (_, options) in nearest.items()
    ]
    analyses.sort(key=lambda a: (a.answer.estimate, a.answer.ci_low, a.answer.ci_high, a.options))
    place = next((i for i, a in enumerate(analyses) if a.options == own), -1)
    return Multiverse(declared, tuple(analyses), place, len(of_rows) * len(of_ways), too_few, failed, grid)


def _move(choice: Choice, axis: int, values: Array, conclusions: NDArray[np.int64]) -> Move:
    """All pairs of combinations that differ in one choice alone."""
    lines, verdicts = np.moveaxis(values, axis, 0), np.moveaxis(conclusions, axis, 0)
    total, most, pairs, turned = 0.0, 0.0, 0, 0
    for one, other in combinations(range(len(lines)), 2):
        gaps = np.abs(lines[one] - lines[other])
        known = np.isfinite(gaps)
        total, most = total + float(gaps[known].sum()), max(most, float(gaps[known].max(initial=0.0)))
        pairs, turned = pairs + int(known.sum()), turned + int((known & (verdicts[one] != verdicts[other])).sum())
    return Move(choice, total / pairs if pairs else 0.0, most, pairs, turned)


def _of_average(answers: Any, average: str) -> Answer | None:
    return None if isinstance(answers, NoNumber) else dict(answers).get(average)


def _places(choices: Sequence[Choice]) -> tuple[int, ...]:
    """Where the option of each choice stands among those of the selection followed by those of the pooling."""
    selects = [choice.selects for choice in choices]
    order = sorted(range(len(choices)), key=lambda axis: not selects[axis])
    return tuple(order.index(axis) for axis in range(len(choices)))


def _people(rows: Sequence[Row]) -> tuple[int, int]:
    return sum(row.together[0] for row in rows), sum(row.together[1] for row in rows)


def _conclude(conclusions: Sequence[Conclusion], numbers: Array, pooled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of the first conclusion that each analysis fulfils; that of no average where its studies stand side by side."""
    columns = {"estimate": numbers[:, 0], "ci_low": numbers[:, 1], "ci_high": numbers[:, 2]}
    places = np.full(len(numbers), len(conclusions) - 1, dtype=np.int64)
    for place in range(len(conclusions) - 1, -1, -1):
        holds = np.ones(len(numbers), dtype=bool)
        for name, sign, limit in conclusions[place].when:
            holds &= _COMPARE[sign](columns[name], limit)
        places[holds] = place
    places[~pooled] = len(conclusions)
    return places

"""Looks up by id whatever a sentence or a condition may name: what counts people, what measures them, what is set beside the natural course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from cordbook.errors import InputError, UnknownName
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.expected.comparison import Expectation, expectation_of
from cordbook.review.scores.estimates import ScoreEstimate, ScoreEstimates, scores_of

#: Before the id of an estimate, the comparison of its treated people with the natural course.
AGAINST = "against-"


@dataclass(frozen=True)
class AllEstimates:
    """All that has an id: estimates of counts, of scores, and ``against-ID`` for the comparison of an estimate with the natural course."""

    counted: Estimates

    @property
    def scores(self) -> ScoreEstimates:
        """The estimates of scores."""
        return scores_of(self.counted)

    def __getitem__(self, estimate_id: str) -> Estimate | ScoreEstimate:
        return self.scores[estimate_id] if estimate_id in self.scores else self.counted[estimate_id]

    def find(self, estimate_id: str) -> object:
        """What a condition asks: an estimate, or the numbers of a comparison with the natural course."""
        if estimate_id.startswith(AGAINST):
            return _numbers(expectation(self.counted, estimate_id))
        return self[estimate_id]

    def count(self, question: str) -> float:
        """How many rows of a table fit a question."""
        return self.counted.count(question)

    def lacks(self, estimate_id: str) -> Mapping[str, tuple[str, ...]]:
        """What an estimate is told apart by and the data do not hold."""
        return {} if estimate_id in self.scores else self.counted.lacks(estimate_id.removeprefix(AGAINST))


def expectation(estimates: Estimates, name: str) -> Expectation:
    """The comparison that ``against-ID`` names; raises ``UnknownName`` where there is none."""
    try:
        return expectation_of(estimates, name.removeprefix(AGAINST))
    except InputError as error:
        raise UnknownName(str(error)) from error


def _numbers(found: Expectation) -> object:
    """A comparison as a condition asks it: the difference per 100 people with its interval, groups, people, events seen."""
    r = found.result
    known = SimpleNamespace(k=0, n=0, events=0, pooled=False, largest=0, result=None)
    if r is not None:
        pooled = r if r.estimate is not None else None
        largest = max(study.n for study in r.studies)
        known = SimpleNamespace(k=r.k, n=r.n, events=r.observed, pooled=pooled is not None, largest=largest, result=pooled)
    return known

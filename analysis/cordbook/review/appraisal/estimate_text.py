"""Format an estimate as text, by id: the forms of :mod:`cordbook.review.estimates.phrases`, and its certainty."""

from __future__ import annotations

from cordbook.errors import UnknownName
from cordbook.review.appraisal.certainty import has_rules, rate_steps
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.main_pool import difference_from_main
from cordbook.review.estimates.phrases import COUNTS, EARLY, FORMS, SIDE_FORMS, WITHOUT, phrase
from cordbook.review.expected.comparison import expectation_of, is_compared
from cordbook.review.expected.lookup import AGAINST, expectation
from cordbook.review.expected.phrases import against_phrase, all_against_phrases
from cordbook.review.scores.estimates import scores_of
from cordbook.review.scores.phrases import all_score_phrases, score_phrase

CERTAINTY = "certainty"
#: Why an estimate of another selection differs from the main pool of its question.
DIFFERENCE = "difference"


def format_estimate(estimates: Estimates, estimate_id: str, form: str = "short") -> str:
    """An estimate in one of the forms, or its certainty ("very low"); ``KeyError`` names ids or forms that there are.

    A sentence cannot ask for the interval of an average where studies are not pooled: it would read "from not pooled to not
    pooled", so that the page fails instead.
    """
    if estimate_id in scores_of(estimates) and form != CERTAINTY:
        return score_phrase(scores_of(estimates)[estimate_id], form)
    if estimate_id.startswith(AGAINST):
        return against_phrase(expectation(estimates, estimate_id), form)
    if form == CERTAINTY:
        return rate_steps(estimates, [estimate_id])[estimate_id].level
    if form == DIFFERENCE:
        return _difference(estimates, estimate_id)
    if form not in FORMS and form != EARLY and not form.startswith(WITHOUT):
        raise UnknownName(f"no form {form!r}; there are {', '.join(FORMS)}, {CERTAINTY}, {DIFFERENCE}, {EARLY}, {WITHOUT}STUDY")
    estimate = estimates[estimate_id]
    if estimate.not_pooled and form not in (*COUNTS, *SIDE_FORMS) and not form.startswith(WITHOUT):
        raise UnknownName(
            f"{estimate_id} is not pooled, so it has no {form!r} ({estimate.not_pooled[0].text}) "
            f"Say it with one of {', '.join([*SIDE_FORMS, *sorted(COUNTS)])}"
        )
    return phrase(estimate, form)


def _difference(estimates: Estimates, estimate_id: str) -> str:
    text = difference_from_main(estimates, estimate_id)
    if text is None:
        raise UnknownName(f"{estimate_id} does not differ from a main pool: it declares no `main`, or counts the same studies")
    return text


def all_forms(estimates: Estimates, estimate_id: str) -> set[str]:
    """Every text that :func:`format_estimate` gives for an estimate today, for checks of written pages."""
    if estimate_id in scores_of(estimates):
        known = all_score_phrases(scores_of(estimates)[estimate_id])
        return known | ({format_estimate(estimates, estimate_id, CERTAINTY)} if has_rules(estimates.evidence) else set())
    estimate = estimates[estimate_id]
    known = {format_estimate(estimates, estimate_id, CERTAINTY), *(phrase(estimate, form) for form in FORMS)}
    known |= all_against_phrases(expectation_of(estimates, estimate_id)) if is_compared(estimates, estimate_id) else set()
    return known | ({difference} if (difference := difference_from_main(estimates, estimate_id)) else set())

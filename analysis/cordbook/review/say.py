"""An estimate in words, by id: the forms of :mod:`cordbook.review.phrases`, and its certainty."""

from __future__ import annotations

from cordbook.review.certainty import rate_steps
from cordbook.review.estimates import Estimates
from cordbook.review.phrases import FORMS, phrase

CERTAINTY = "certainty"


def say(estimates: Estimates, estimate_id: str, form: str = "short") -> str:
    """An estimate in one of the forms, or its certainty ("very low"); ``KeyError`` names ids or forms that there are."""
    if form == CERTAINTY:
        return rate_steps(estimates, [estimate_id])[estimate_id].level
    if form not in FORMS:
        raise KeyError(f"no form {form!r}; there are {', '.join(FORMS)}, {CERTAINTY}")
    return phrase(estimates[estimate_id], form)


def all_forms(estimates: Estimates, estimate_id: str) -> set[str]:
    """Every text that :func:`say` gives for an estimate today, for checks of written pages."""
    return {say(estimates, estimate_id, form) for form in (*FORMS, CERTAINTY)}

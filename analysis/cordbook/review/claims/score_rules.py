"""The rule that tests a claim on a score: an estimate of it, or one of its studies, moved as claimed."""

from __future__ import annotations

from collections.abc import Mapping

from cordbook.review.claims.estimate_rules import Claim, Rule
from cordbook.review.claims.tests import Part
from cordbook.review.claims.verdicts import DIFFERENCE, NOT_SUPPORTED, SUPPORTED, UNTESTED, Finding, place_difference
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.scores.estimates import ScoreEstimate, scores_of
from cordbook.review.scores.phrases import STUDY, score_phrase


def score_moved(part: Part, claim: Claim, estimates: Estimates) -> Finding:
    """A score rose (``higher``), fell (``lower``) or did not clearly move (``none``), pooled or in the ``study`` that is named."""
    e = scores_of(estimates)[part.needs["estimate"]]
    study = part.needs.get("study")
    compared = e.synthesis.is_difference
    if study is None and e.result is None:
        why = f"The studies are not pooled. {e.why_not}" if e.k else "No study tells the score with a spread."
        return Finding(UNTESTED, (f"{e.title}: {score_phrase(e)}",), why, (e.id,), compared)
    if study is not None:
        low, high, words = _of_study(e, study)
    else:
        low, high, words = e.result.ci_low, e.result.ci_high, score_phrase(e)  # type: ignore[union-attr]
    if low is None or high is None:
        return Finding(
            UNTESTED, (f"{e.title}: {words}",), "The report prints no spread, so chance cannot be judged.", (e.id,), compared
        )
    if part.needs["expect"] == "none":
        verdict = SUPPORTED if low <= 0 <= high else NOT_SUPPORTED
        why = "No change lies in the interval." if verdict == SUPPORTED else "The interval leaves out no change."
    else:
        verdict = place_difference(low, high, 0.0, higher=part.needs["expect"] == "higher")
        why = DIFFERENCE[verdict]
    return Finding(verdict, (f"{e.title}: {words}",), f"No change would be 0. {why}", (e.id,), compared)


def _of_study(e: ScoreEstimate, study: str) -> tuple[float | None, float | None, str]:
    row = next((r for r in (*e.rows, *e.told) if r.study_id == study), None)
    if row is None:
        return None, None, "not in the data"
    return row.ci_low, row.ci_high, f"{row.label}, {score_phrase(e, f'{STUDY}{study}')}"


#: Rules on estimates of scores, by name.
SCORE_RULES: Mapping[str, Rule] = {"score_moved": score_moved}

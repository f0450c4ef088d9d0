"""A page per estimate of a score, beside those of counts: its number with its unit, what happens without the treatment, its studies.

:func:`score_page` fills the model of a page, ``display/templates/score.md.jinja`` makes a MyST source of it in ``book/estimates``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from cordbook.core.text import capital
from cordbook.display.html.markup import one_line
from cordbook.display.html.pieces import Facts, Link, Shown
from cordbook.display.html.table import CARDS, Table
from cordbook.display.tables.score_tables import score_studies_table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.vocabulary import part_name
from cordbook.publish.pages.page import (
    CANNOT_TELL,
    HOME,
    NO_CONTROL,
    Page,
    Sure,
    estimate_address,
    preview_of,
    rated_link,
    same_number,
    sure_of,
)
from cordbook.review.appraisal.certainty_rules import NAME, Certainty
from cordbook.review.estimates.method_words import INTERVALS, MODELS
from cordbook.review.estimates.phrases import NOT_POOLED
from cordbook.review.scores.estimates import ScoreEstimate, ScoreEstimates
from cordbook.review.scores.phrases import range_of, score_phrase, score_sentence, size_of

#: Makes the box to cite an estimate of a score.
ScoreBox = Callable[[ScoreEstimate], Markup]
_ALL, _STATISTICS = "../methods/estimates.html", "../methods/statistics.html"


@dataclass(frozen=True, slots=True)
class ScorePage(Page):
    """The page of one estimate of a score; ``rest`` is the interval or what else is to know, ``cite`` the box of another module."""

    template: ClassVar[str] = "score.md.jinja"

    way: Shown
    value: str
    rest: str
    plain: str
    facts: Facts
    natural: tuple[Shown, ...]
    studies: Table
    certainty: Sure | None
    parts: Table | None
    computed: Facts
    cite: Markup | None


def score_pages(
    scores: ScoreEstimates,
    evidence: Evidence,
    chapters: Mapping[str, str],
    box: ScoreBox | None = None,
    certainty: Mapping[str, Certainty] | None = None,
) -> dict[str, ScorePage]:
    """The model of the page of every estimate of a score, by id; ``chapters`` are the pages of sections, ``certainty`` the ratings by id."""
    rated = certainty or {}
    return {e.id: score_page(e, scores, evidence, chapters.get(e.synthesis.section), box, rated.get(e.id)) for e in scores}


def score_page(
    e: ScoreEstimate,
    scores: ScoreEstimates,
    evidence: Evidence,
    chapter: str | None = None,
    box: ScoreBox | None = None,
    rated: Certainty | None = None,
) -> ScorePage:
    """The model of one estimate's page."""
    whole = scores[e.synthesis.parent] if e.synthesis.parent else None
    above = (Link(whole.title, f"{whole.id}.html"),) if whole else ()
    return ScorePage(
        title=e.title,
        preview=preview_of(e.title, headline(e)),
        description=one_line(f"{score_sentence(e)} {capital(size_of(e))}. {_level(rated)}"),
        trail=(HOME, Link("All estimates", f"{_ALL}#{e.id}"), *above, Link(e.title)),
        way=(Link("The chapter on it", f"../{chapter.removeprefix('book/')}.html"),) if chapter else (),
        value=score_phrase(e, "point"),
        rest=score_phrase(e, "interval") if e.pooled else f"{size_of(e)}; {NOT_POOLED}" if e.k else "",
        plain=_plain(e, rated),
        facts=_facts(e, rated),
        natural=_natural(e, scores),
        studies=score_studies_table(e, evidence, lambda study: f"../studies/{study}.html"),
        certainty=sure_of(rated),
        parts=_parts(e, scores),
        computed=_computed(e),
        cite=box(e) if box else None,
    )


def headline(e: ScoreEstimate) -> str:
    """The number with its interval, or the studies side by side."""
    return score_phrase(e) if e.pooled else f"{NOT_POOLED}: {range_of(e)}" if e.k else score_phrase(e)


def _level(rated: Certainty | None) -> str:
    """The level in a sentence; blank where it is not rated."""
    return f"{capital(NAME)}: {rated.level}." if rated and rated.domains else ""


def _plain(e: ScoreEstimate, rated: Certainty | None) -> str:
    parts = [score_sentence(e), *([e.why_not] if e.why_not and e.k else [])]
    if e.told:
        one = len(e.told) == 1
        parts.append(
            f"{'One report tells' if one else 'Some reports tell'} a number that cannot be weighed; {'it stands' if one else 'they stand'} in the table with the reason."
        )
    parts += [] if e.synthesis.is_difference else [NO_CONTROL]
    return " ".join(filter(None, [*parts, _level(rated)]))


def _facts(e: ScoreEstimate, rated: Certainty | None) -> Facts:
    rows: list[tuple[str, Shown]] = [
        ("Question", e.synthesis.question),
        ("Result (interval)" if e.pooled else "Result", headline(e)),
        ("Better is", e.better or "neither"),
        ("Studies", score_phrase(e, "k")),
        ("People", capital(score_phrase(e, "n"))),
        ("A new study may show", _prediction(e)),
        *([(capital(NAME), rated_link(rated))] if rated else []),
    ]
    return Facts("estimate", "The number in short", tuple(rows))


def _prediction(e: ScoreEstimate) -> str:
    return score_phrase(e, "prediction") if e.result is not None and e.result.pi_low is not None else CANNOT_TELL


def _natural(e: ScoreEstimate, scores: ScoreEstimates) -> tuple[Shown, ...]:
    if e.synthesis.natural not in scores:
        return ()
    other = scores[e.synthesis.natural]
    return ((Link(other.title, estimate_address(other.id)), f": {headline(other)}."),)


def _parts(e: ScoreEstimate, scores: ScoreEstimates) -> Table | None:
    rows = tuple(
        (Link(part_name(part.title), f"{part.id}.html"), headline(part), score_phrase(part, "k")) for part in scores.parts(e.id)
    )
    header = ("Part", "Result (95% CI)", "Studies")
    return Table("parts", "The same studies, apart", header, rows, kind=CARDS, numeric=(1, 2)) if rows else None


def _computed(e: ScoreEstimate) -> Facts:
    r, s = e.result, e.synthesis
    model = f"{MODELS.get(s.model, s.model)}; {INTERVALS.get(s.ci, s.ci)}" if r is not None else NOT_POOLED
    rows: list[tuple[str, Shown]] = [
        ("Model", (f"{capital(model)} (", Link("what this means", _STATISTICS), ")")),
        ("Differences between studies (I²)", score_phrase(e, "i2") if r is not None else CANNOT_TELL),
        ("Correlation taken where none is known", f"{s.imputed_r:g} between before and after"),
    ]
    notes = [*(r.notes if r is not None else ()), *([s.note] if s.note else [])]
    if notes:
        rows.append(("Notes", " ".join(notes)))
    rows += same_number(e.id, '.score("{}")')
    return Facts("computed", "Model, differences between studies, notes", tuple(rows))

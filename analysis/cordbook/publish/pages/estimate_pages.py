"""A page per estimate: its number, how sure, natural recovery beside it, and the studies that count. A stable address to share.

:func:`estimate_page` fills the model of a page, ``display/templates/estimate.md.jinja`` makes a MyST source of it in
``book/estimates``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from cordbook.core.project import Project
from cordbook.core.text import capital
from cordbook.display.html.inline_interval_plot import DIFFERENCE, RATIO, SHARE, InlineIntervalPlot
from cordbook.display.html.markup import one_line
from cordbook.display.html.pieces import Cell, Facts, Link, Shown, unseen
from cordbook.display.html.table import CARDS, Table
from cordbook.errors import InputError
from cordbook.evidence.vocabulary import part_name
from cordbook.publish.pages.page import (
    CANNOT_TELL,
    HOME,
    NO_CONTROL,
    Page,
    Sure,
    in_a_row,
    preview_of,
    rated_link,
    same_number,
    sure_of,
    write_pages,
)
from cordbook.publish.pages.score_pages import ScorePage, score_pages
from cordbook.review.appraisal.certainty import kind_of, rate
from cordbook.review.appraisal.certainty_rules import FILE, NAME, Certainty
from cordbook.review.appraisal.extraction_audit import VerifiedWeight, verified_weights
from cordbook.review.estimates.companions import BAYES, BETA_BINOMIAL, MEDIAN, POPULATION, Companion
from cordbook.review.estimates.estimates import COMPARED, ESTIMATES_FOLDER, Estimate, Estimates
from cordbook.review.estimates.main_pool import difference_from_main
from cordbook.review.estimates.method_words import method
from cordbook.review.estimates.phrases import (
    MISSING,
    counts_of,
    dependence_note,
    percent,
    phrase,
    plain_sentence,
    point_or_count,
    range_of,
    ratio,
)
from cordbook.review.estimates.rows import Row
from cordbook.review.expected.comparison import Expectation, expectation_of, is_compared
from cordbook.review.expected.phrases import against_phrase
from cordbook.review.scores.estimates import ScoreEstimate, scores_of

FOLDER = ESTIMATES_FOLDER
#: The page that lists all estimates, by name and as seen from the page of one.
LISTED = "book/methods/estimates"
ALL = "../methods/estimates.html"
STATISTICS = "../methods/statistics.html"
#: Makes the box of an estimate that the page holds at its end, such as the one to cite it.
Box = Callable[[Estimate | ScoreEstimate], Markup]
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
#: What the averages beside an estimate are called on its page.
_COMPANIONS: Mapping[str, str] = {
    MEDIAN: "The median study",
    POPULATION: "Average over all studies",
    BETA_BINOMIAL: "By the beta-binomial model",
    BAYES: "The median study by a Bayesian model",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page tells beside the estimate: certainty (if rated), natural recovery, the whole that it is part of, its own parts,
    its chapter, what the natural course predicts for its people, how much of its weight a person has verified, what makes it differ from its main pool, and by what its parts are told apart."""

    certainty: Certainty | None = None
    natural: tuple[Estimate, ...] = ()
    whole: Estimate | None = None
    parts: tuple[Estimate, ...] = ()
    chapter: str | None = None
    verified: VerifiedWeight | None = None
    difference: str | None = None
    apart_by: str | None = None
    against: Expectation | None = None


def write_estimate_pages(project: Project, estimates: Estimates, box: Box | None = None) -> tuple[str, ...]:
    """Write a page for every estimate and remove those of estimates that are gone; unchanged files are not touched.

    Returns the ids of the estimates whose page changed. Raises ``ValueError`` for an id that cannot be the name of a page.
    """
    return write_pages(project.root / FOLDER, estimate_pages(project, estimates, box)).changed


def estimate_pages(project: Project, estimates: Estimates, box: Box | None = None) -> dict[str, str]:
    """The source of every estimate's page, by id."""
    return {name: page.source() for name, page in estimate_models(project, estimates, box).items()}


def estimate_models(project: Project, estimates: Estimates, box: Box | None = None) -> dict[str, EstimatePage | ScorePage]:
    """The model of every estimate's page, of counts and then of scores, by id; raises ``ValueError`` for an id that cannot be the name of a page."""
    every = list(estimates)
    wrong = [e.id for e in every if not _ID.fullmatch(e.id)]
    if wrong:
        raise InputError(f"no page can be named {', '.join(map(repr, wrong))}: an id is small letters, digits and -")
    scores = scores_of(estimates)
    rated = rate(estimates, [e.id for e in (*every, *scores)]) if (project.data / FILE).is_file() else {}
    sections = estimates.evidence.subject.sections
    chapters = {name: section.page for name, section in sections.items() if section.page}
    by_id = {e.id: e for e in every}
    verified = {w.id: w for w in verified_weights(estimates)}
    pages: dict[str, EstimatePage | ScorePage] = {
        e.id: estimate_page(
            e,
            Beside(
                rated.get(e.id),
                natural_of(e, every),
                by_id.get(e.synthesis.parent or ""),
                tuple(estimates.parts(e.id)),
                chapters.get(e.synthesis.section),
                verified.get(e.id),
                difference_from_main(estimates, e.id),
                estimates.evidence.vocabulary.by(e.synthesis.by) if e.synthesis.by else None,
                expectation_of(estimates, e.id) if is_compared(estimates, e.id) else None,
            ),
            box,
        )
        for e in every
    }
    pages |= score_pages(scores, estimates.evidence, chapters, box, rated)
    return in_a_row(pages, list(pages), lambda name: pages[name].title)


def natural_of(e: Estimate, every: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Estimates of natural recovery to set beside a share of treated people: the declared one, else all of the same outcome."""
    if kind_of(e) != "single arm":
        return ()
    declared = [other for other in every if other.id == e.synthesis.natural]
    same = [
        other
        for other in every
        if other.synthesis.outcome == e.synthesis.outcome and dict(other.synthesis.where).get("role") == ("natural_course",)
    ]
    return tuple(other for other in declared or same if other.is_reported)


@dataclass(frozen=True, slots=True)
class Number:
    """The number at the top: what it is where that is not a percentage, the number itself, its interval or what else is to know."""

    what: str
    value: str
    rest: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How much of the weight a person has verified, whether anything, and of how many counts."""

    share: str
    some: bool = unseen()
    of: str = ""


@dataclass(frozen=True, slots=True)
class EstimatePage(Page):
    """The page of one estimate. ``natural`` is None where natural recovery is no question, empty where it is not known;
    ``key`` explains the drawings in ``studies``; ``cite`` is the box of another module."""

    template: ClassVar[str] = "estimate.md.jinja"

    way: Shown
    number: Number
    verified: Verified | None
    plain: str
    difference: str | None
    facts: Facts
    natural: tuple[Shown, ...] | None
    against: str
    studies: Table | None
    key: str
    certainty: Sure | None
    parts: Table | None
    computed: Facts
    cite: Markup | None


def estimate_page(e: Estimate, beside: Beside, box: Box | None = None) -> EstimatePage:
    """The model of one estimate's page."""
    return EstimatePage(
        title=e.title,
        preview=preview_of(e.title, headline(e)),
        description=description(e, beside),
        trail=_trail(e, beside),
        way=_way(beside),
        number=_number(e),
        verified=_verified(beside),
        plain=_plain(e, beside),
        difference=beside.difference,
        facts=_facts(e, beside),
        natural=_natural(e, beside),
        against=_against(beside.against),
        studies=_studies(e, beside),
        key=_key(e, beside),
        certainty=sure_of(beside.certainty),
        parts=_parts(e, beside),
        computed=_computed(e),
        cite=box(e) if box else None,
    )


def headline(e: Estimate) -> str:
    """The number with its interval, and what it is where that is not a percentage: ``odds ratio 2.3 (95% CI 0.9 to 5.9)``."""
    return phrase(e, "short") if e.not_pooled else f"{_measure(e)} {phrase(e, 'short')}".strip()


def _measure(e: Estimate) -> str:
    """What a comparison compares by, in words; blank for a share."""
    return COMPARED.get(e.synthesis.measure, e.synthesis.measure) if e.is_comparison else ""


def description(e: Estimate, beside: Beside) -> str:
    """The estimate in a few sentences, for a share preview: in words, studies and people, a new study, nature, certainty."""
    parts = [plain_sentence(e)]
    if e.is_reported:
        number = headline(e)
        parts.append(f"{capital(number)}; {phrase(e, 'studies')}, {phrase(e, 'people')}.")
    if _has_prediction(e):
        parts.append(f"A new study may show {phrase(e, 'prediction')}.")
    if beside.natural:
        parts.append(f"{beside.natural[0].title}: {phrase(beside.natural[0], 'short')}.")
    if beside.certainty:
        parts.append(f"{NAME.capitalize()}: {beside.certainty.level}.")
    return one_line(" ".join(parts))


def _trail(e: Estimate, beside: Beside) -> tuple[Link, ...]:
    whole = (Link(beside.whole.title, f"{beside.whole.id}.html"),) if beside.whole else ()
    return (HOME, Link("All estimates", f"{ALL}#{e.id}"), *whole, Link(e.title))


def _way(beside: Beside) -> Shown:
    """Where the estimate is read and discussed."""
    return (Link("The chapter on it", f"../{beside.chapter.removeprefix('book/')}.html"),) if beside.chapter else ()


def _number(e: Estimate) -> Number:
    if e.not_pooled:
        spread = range_of(e)
        rest = f"{phrase(e, 'studies')}{f', {spread} in single studies' if spread else ''}; not pooled"
        return Number("", counts_of(e), rest)
    if e.result is None:
        return Number("", MISSING, "")
    return Number(_measure(e), point_or_count(e), phrase(e, "interval"))


def _verified(beside: Beside) -> Verified | None:
    """How much a person has verified, none included: it stands under the number, not at the end."""
    w = beside.verified
    if w is None:
        return None
    of = f"{w.checked:,} of {w.counts:,} counts" if w.counts > 1 else f"{w.checked} of 1 count"
    return Verified(w.percent, bool(w.checked), of)


def _plain(e: Estimate, beside: Beside) -> str:
    parts = [plain_sentence(e), *(reason.text for reason in e.not_pooled)]
    if e.result is not None and e.is_comparison:
        what, none = _measure(e), 0 if e.synthesis.measure == "RD" else 1
        parts.append(f"{'An' if what.startswith('o') else 'A'} {what} of {none} would mean no difference.")
    parts += filter(None, [dependence_note(e)])
    if e.result is not None and e.k == 1:
        parts.append("This is one study alone: nothing is pooled.")
    if kind_of(e) == "single arm" and e.is_reported:
        parts.append(NO_CONTROL)
    if beside.certainty and beside.certainty.domains:
        parts.append(f"{NAME.capitalize()}: {beside.certainty.level}.")
    return " ".join(parts)


def _has_prediction(e: Estimate) -> bool:
    return e.result is not None and e.result.pi_low is not None


def _facts(e: Estimate, beside: Beside) -> Facts:
    rows: list[tuple[str, Shown]] = [
        ("Question", e.synthesis.question),
        ("Result" if e.not_pooled else "Result (interval)", headline(e)),
        ("Events of patients", _events(e)),
        ("Studies", phrase(e, "k")),
        ("People", phrase(e, "n")),
        ("A new study may show", _prediction(e)),
    ]
    if beside.certainty:
        rows.append((NAME.capitalize(), rated_link(beside.certainty)))
    return Facts("estimate", "The number in short", tuple(rows))


def _events(e: Estimate) -> str:
    if not e.is_comparison:
        return phrase(e, "of")
    treated, control = (f"{events:,} of {n:,}" for events, n in e.arms)
    return f"{treated} treated, {control} not"


def _prediction(e: Estimate) -> str:
    return phrase(e, "prediction") if _has_prediction(e) else CANNOT_TELL


def _computed(e: Estimate) -> Facts:
    has_i2 = e.result is not None and e.result.i2 is not None
    rows: list[tuple[str, Shown]] = [
        ("Model", (f"{capital(method(e))} (", Link("what this means", STATISTICS), ")")),
        ("Prediction interval", _prediction(e)),
        ("Differences between studies (I²)", phrase(e, "i2") if has_i2 else CANNOT_TELL),
    ]
    rows += [_companion(companion, e) for companion in e.companions]
    notes = [*(e.result.notes if e.result else ()), *([e.synthesis.note] if e.synthesis.note else [])]
    if notes:
        rows.append(("Notes", " ".join(notes)))
    rows += same_number(e.id)
    return Facts("computed", "Model, differences between studies, notes", tuple(rows))


def _companion(companion: Companion, e: Estimate) -> tuple[str, str]:
    """Another average of the same studies, as a row: what it is, its interval, what it rests on."""
    name, basis = _COMPANIONS[companion.kind], companion.basis
    interval = f"{e.synthesis.level:.0%} {'CrI' if companion.kind == BAYES else 'CI'} {percent(companion.ci_low)} to {percent(companion.ci_high)}"
    return name, f"{percent(companion.estimate)} ({interval}; {basis})"


def _natural(e: Estimate, beside: Beside) -> tuple[Shown, ...] | None:
    if kind_of(e) != "single arm" or not e.is_reported:
        return None
    return tuple((Link(n.title, f"{n.id}.html"), f": {phrase(n, 'full')}.") for n in beside.natural)


def _against(x: Expectation | None) -> str:
    """What was seen beside what the natural course predicts, in a sentence; blank where nothing can be compared."""
    if x is None or x.result is None:
        return ""
    whole = f": {against_phrase(x, 'more')}, {against_phrase(x, 'ratio')}" if x.result.estimate is not None else ""
    return (
        f"Of {against_phrase(x, 'people')} in {against_phrase(x, 'studies')} whose grade and time are those of a natural course, "
        f"{against_phrase(x, 'observed')} were counted and {against_phrase(x, 'expected')} predicted{whole}. "
        "This does not show that the treatment did it."
    )


def _scale(e: Estimate) -> str:
    return SHARE if not e.is_comparison else DIFFERENCE if e.synthesis.measure == "RD" else RATIO


def _pooled_natural(beside: Beside) -> Estimate | None:
    """The natural recovery that is drawn behind the studies."""
    return next((n for n in beside.natural if n.result is not None), None)


def _studies(e: Estimate, beside: Beside) -> Table | None:
    if not e.k:
        return None
    natural = _pooled_natural(beside)
    band = (natural.result.ci_low, natural.result.ci_high) if natural else None
    rows = [_study_row(row, _scale(e), band) for row in e.rows]
    if e.result is not None and e.k > 1:
        rows.append(_pooled_row(e, band))
    header = ("Study", "Events/patients", f"{capital(_measure(e)) or 'Percent'} (95% interval)", "Drawn", "Weight")
    columns = 4 if e.not_pooled else 5  # nothing is weighed where nothing is pooled
    return Table(
        "studies",
        "Every study behind the number",
        header[:columns],
        tuple(row[:columns] for row in rows),
        kind=CARDS,
        numeric=(1, 2, 4)[: columns - 2],
    )


def _key(e: Estimate, beside: Beside) -> str:
    """What the drawings show."""
    natural = _pooled_natural(beside)
    key = [
        *([f"The green band is natural recovery: {natural.title}."] if natural else []),
        *(["The bar under the diamond is the prediction interval."] if _has_prediction(e) else []),
        "Percentages run from 0 to 100." if _scale(e) == SHARE else "The line is no difference.",
    ]
    return " ".join(key) if e.k else ""


def _counts(arms: Iterable[tuple[int, int]]) -> str:
    return " v ".join(f"{events:,}/{n:,}" for events, n in arms)


def _pooled_row(e: Estimate, band: tuple[float, float] | None) -> tuple[Shown, ...]:
    r, scale = e.result, _scale(e)
    prediction = (r.pi_low, r.pi_high) if _has_prediction(e) else None
    drawn = InlineIntervalPlot(r.estimate, r.ci_low, r.ci_high, scale=scale, pooled=True, prediction=prediction, band=band)
    return Cell("Pooled", style="strong"), _counts(e.arms), _limits(r.estimate, r.ci_low, r.ci_high, scale), drawn, "100%"


def _study_row(row: Row, scale: str, band: tuple[float, float] | None) -> tuple[Shown, ...]:
    counts = _counts(row.arms)
    name = Link(row.label, f"../studies/{row.study_id}.html")
    if not row.weight:
        return name, counts, "no say", "", "–"
    drawn = InlineIntervalPlot(row.estimate, row.ci_low, row.ci_high, scale=scale, band=band)
    return name, counts, _limits(row.estimate, row.ci_low, row.ci_high, scale), drawn, f"{row.weight:.1f}%"


def _pooled(e: Estimate) -> Shown:
    return Cell(phrase(e, "point"), (phrase(e, "interval"),)) if e.is_reported else MISSING


def _limits(point: float, low: float, high: float, scale: str) -> Cell:
    show = ratio if scale == RATIO else percent
    return Cell(show(point), (f"{show(low)} to {show(high)}",))


def _parts(e: Estimate, beside: Beside) -> Table | None:
    if not beside.parts:
        return None
    rows = tuple(
        (Link(part_name(part.title), f"{part.id}.html"), _pooled(part), phrase(part, "k"), phrase(part, "of"))
        for part in beside.parts
    )
    header = ("Part", "Pooled result (95% CI)", "Studies", "Events of patients")
    caption = f"The same studies, apart by {beside.apart_by}"
    return Table("parts", caption, header, rows, kind=CARDS, numeric=(1, 2, 3))

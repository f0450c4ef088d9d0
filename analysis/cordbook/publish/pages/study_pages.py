"""A page per study, made from the records of the studies.

:func:`study_page` fills the model of a page, ``display/templates/study.md.jinja`` makes a MyST source of it in ``book/studies``:
headings are MyST, all else is HTML, so that whatever a field of the data holds stays text and the parser has little to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from cordbook.core.project import Project
from cordbook.core.text import NOT_STATED, enumerate_words, inside, months, number, people, plain
from cordbook.display.html.pieces import Cell, Facts, Link, Shown
from cordbook.display.html.study_list import newest_first
from cordbook.display.html.table import CARDS, Folded, Table, folded
from cordbook.errors import InputError
from cordbook.evidence.patients import parse_stratum
from cordbook.evidence.review_words import MEASURES, NOTICES
from cordbook.evidence.review_words import design as design_of
from cordbook.evidence.subject_tables import DOSE, GIVEN, PARTICIPANTS, PRINTED, Fact
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.publish.pages.page import HOME, Page, Written, estimate_address, in_a_row, write_pages
from cordbook.publish.pages.score_pages import headline
from cordbook.publish.pages.study_cite import Cite, study_cites
from cordbook.publish.pages.study_retraction import Retraction, retraction
from cordbook.publish.pages.study_sources import Registration, lead, readings, registration, source, state_of, verified_line, who
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import NOT_POOLED, percent, phrase
from cordbook.review.scores.phrases import score_phrase
from cordbook.review.studies.limits import limitations
from cordbook.review.studies.records import Arm, OutcomeCount, Row, StudyRecord, study_records
from cordbook.review.studies.summary import NO_HARM_COUNTED, nature, summarise
from cordbook.review.studies.words import events_of_n

FOLDER = "book/studies"
INDEX = "index"
_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a count is not pooled, by name and in a sentence."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of a study, how many of them a person has verified, and why some are not pooled."""

    table: Table
    verified: Shown
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says of the report, and where."""

    head: str
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Reports that may share patients: the reason, what follows for this report, and the other reports."""

    reason: str
    own: str
    others: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class StudyPage(Page):
    """The page of one study. ``results`` and ``harms`` are counts or the sentence that there are none; ``cite`` is the box of
    another module; all else is empty or None where there is nothing to tell."""

    template: ClassVar[str] = "study.md.jinja"

    kind: str
    retraction: Retraction | None
    plain: tuple[str, ...]
    participants: Facts
    arms: Table | None
    design: str
    design_can: str
    results: Counted | str
    harms: Counted | str
    averages: Table | None
    scored: Table | None
    printed: tuple[str, ...]
    natural: tuple[Shown, ...]
    pooled: Table | None
    pooled_parts: Folded | None
    limitations: tuple[str, ...]
    notices: tuple[Notice, ...]
    shared: tuple[Shared, ...]
    registration: Registration | None
    read: str
    readings: Folded | None
    report: Facts
    cite: Markup | None


def write_study_pages(project: Project, estimates: Estimates) -> Written:
    """Write a page for every study and remove those of studies that are gone; unchanged files are not touched.

    Raises ``ValueError`` for a study whose id cannot be the name of a page.
    """
    pages = study_pages(estimates, study_cites(estimates.evidence))
    return write_pages(project.root / FOLDER, pages, stay=(INDEX,))


def study_pages(estimates: Estimates, cite: Cite | None = None) -> dict[str, str]:
    """The source of every study's page, by study id; ``cite`` makes the box that cites it."""
    return {study_id: page.source() for study_id, page in study_models(estimates, cite).items()}


def study_models(estimates: Estimates, cite: Cite | None = None) -> dict[str, StudyPage]:
    """The model of every study's page, by study id; raises ``ValueError`` for an id that cannot be the name of a page."""
    records = study_records(estimates)
    wrong = [study_id for study_id in records if not _ID.fullmatch(study_id) or study_id == INDEX]
    if wrong:
        raise InputError(
            f"no page can be named {', '.join(map(repr, wrong))}: a study id is small letters, digits and _, and not {INDEX!r}"
        )
    pages = {study_id: study_page(record, records, cite) for study_id, record in records.items()}
    return in_a_row(pages, [r.study_id for r in newest_first(records.values())], lambda name: records[name].label)


def study_page(r: StudyRecord, records: Mapping[str, StudyRecord], cite: Cite | None = None) -> StudyPage:
    """The model of one study's page; ``records`` are all studies, for links to other reports."""
    summary, whole, design = summarise(r), [e for e in r.estimates if e.synthesis.parent is None], design_of(r.design)
    return StudyPage(
        title=page_title(r),
        preview=page_title(r),
        description=f"{summary.done} {summary.happened}",
        trail=(HOME, Link("All studies", f"{INDEX}.html"), Link(r.label)),
        kind=_kind(r),
        retraction=retraction(r),
        plain=summary.parts,
        participants=_participants(r),
        arms=_arms(r),
        design=design.name,
        design_can=f"{design.can} {design.cannot}",
        results=_results(r),
        harms=_harms(r),
        averages=_averages(r),
        printed=tuple(
            _printed_recovery(row, r.vocabulary) if "estimate_percent" in row else _printed_dose(row, r) for row in r.printed
        ),
        natural=tuple(_beside(sentence, estimate) for sentence, estimate in nature(r)),
        scored=_scored(r),
        pooled=_uses("pooled", "Pooled estimates that hold this study", whole, r.study_id),
        pooled_parts=_parts_of(r),
        limitations=limitations(r),
        notices=tuple(_notice(n) for n in r.notices),
        shared=_shared(r, records),
        registration=registration(r),
        read=lead(r),
        readings=readings(r),
        report=source(r, records),
        cite=cite(r) if cite else None,
    )


def page_title(r: StudyRecord) -> str:
    """Label and title; says so where the title was not seen."""
    label = r.label if r.source.author else f"Study {r.label}"
    return f"{label}: {r.source.title or 'Title not seen'}"


def _kind(r: StudyRecord) -> str:
    design = r.vocabulary.label("design", r.design) if r.design else "Design not stated"
    return f"{r.vocabulary.label('topic', r.topic)} · {design}"


def _participants(r: StudyRecord) -> Facts:
    size = r.size()
    pairs: list[tuple[str, Shown]] = [
        (r.vocabulary.dimension("population").label, r.vocabulary.label("population", r.population)),
        ("People", NOT_STATED if size is None else f"{'' if r.sizes_known else 'at least '}{people(size)}"),
        ("Age, mean or median", NOT_STATED if r.age_mean is None else f"{number(r.age_mean)} years"),
        *((fact.label or r.vocabulary.dimension(fact.fact).label, _fact(r, fact, size)) for fact in _recorded_facts(r)),
        ("Followed for", months(r.followup_months, NOT_STATED)),
        ("Country", r.country or NOT_STATED),
    ]
    return Facts("participants", "Who took part", tuple(pairs))


def _recorded_facts(r: StudyRecord) -> list[Fact]:
    return [fact for fact in r.subject.facts(PARTICIPANTS) if fact.is_recorded(r.row)]


def _fact(r: StudyRecord, fact: Fact, size: int | None) -> Shown:
    """What a fact says of the people of a study."""
    if fact.counts:
        counted = [(code, n, r.vocabulary.label(fact.fact, code, "phrase")) for code, n in fact.counted(r.row)]
        parts = [fact.phrase.format(n=f"{n:,}", code=code, label=label) for code, n, label in counted]
        return enumerate_words(parts) or NOT_STATED
    value = r.row.get(fact.columns[0][1])
    if "{n}" in fact.phrase:
        return NOT_STATED if value is None else _of_people(fact, value, size)
    beside = r.row.get(fact.beside)
    return Cell(r.vocabulary.label(fact.fact, value), (f"mean or median {months(beside)}" if beside else "",))


def _of_people(fact: Fact, value: int, size: int | None) -> str:
    return f"{value:,}" if size is None else fact.phrase.format(n=f"{value:,}", people=f"{size:,}")


def _arms(r: StudyRecord) -> Table | None:
    if not r.arms:
        return None
    whole = {a.arm_id: r.vocabulary.arm(a.name) for a in r.arms}
    rows = tuple(
        (
            Cell(r.vocabulary.arm(a.name, "label"), (f"part of: {whole.get(a.part_of, a.part_of)}" if a.part_of else "",)),
            NOT_STATED if a.n is None else f"{a.n:,}",
            _got(r, a),
            _dose(r, a),
        )
        for a in r.arms
    )
    return Table("arms", "Groups", ("Group", "People", "What they got", "Dose"), rows, kind=CARDS, numeric=(1,))


def _got(r: StudyRecord, a: Arm) -> Cell:
    """What an arm got, in the words of the report where they are known, with what is coded of it below."""
    given = a.row.get("given") or ""
    coded = _given(r, a)
    return Cell(given, (coded,)) if given and not a.value(r.subject.facts(GIVEN)[0]) else Cell(coded, (given,))


def _given(r: StudyRecord, a: Arm) -> str:
    """What an arm got: its facts in turn, else what its role says."""
    given = [(fact, a.value(fact)) for fact in r.subject.facts(GIVEN)]
    names = [r.vocabulary.label(fact.fact, code, "phrase" if n else "label") for n, (fact, code) in enumerate(given) if code]
    if names:
        return ", ".join(names)
    if a.role == "treated":
        return r.vocabulary.label("intervention_class", r.intervention, "phrase")
    return "not the treatment above" if a.role == "comparator" else "usual care"


def _dose(r: StudyRecord, a: Arm) -> str:
    doses = [(fact, value) for fact in r.subject.facts(DOSE) if (value := a.value(fact))]
    return "; ".join(fact.phrase.format(n=_as_text(value), s="" if value == 1 else "s") for fact, value in doses) or NOT_STATED


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else number(value)


_HEADER = ("Result", "Who and when", "Events of patients", "Percent (95% interval)", "Pooled?")


def _results(r: StudyRecord) -> Counted | str:
    if r.results:
        return _counted("results", "Every result that was counted", r.results, r.vocabulary)
    if r.harms:
        return "What we read counts harm alone; see the next table."
    return "No number of people with a result was seen in what we read."


def _harms(r: StudyRecord) -> Counted | str:
    caption = "Every harm that was counted, also where nobody had it"
    return _counted("harms", caption, r.harms, r.vocabulary) if r.harms else NO_HARM_COUNTED


def _counted(identifier: str, caption: str, counts: Sequence[OutcomeCount], vocabulary: Vocabulary) -> Counted:
    ordered = sorted(counts, key=lambda c: (c.label, c.role != "treated", c.arm, c.months or 0.0, c.cell_id))
    rows = tuple(
        (
            Cell(c.label, (c.definition or c.outcome_means,)),
            Cell(who(c, vocabulary), (months(c.months),)),
            Cell(events_of_n(c), (state_of(c),)),
            Cell(percent(c.share), (f"{percent(c.low)} to {percent(c.high)}",)) if c.n else "–",
            _pooled(c),
        )
        for c in ordered
    )
    table = Table(identifier, caption, _HEADER, rows, tuple(c.cell_id for c in ordered), CARDS, numeric=(2, 3))
    reasons = dict.fromkeys(reason for c in counts for reason in c.reasons)
    return Counted(table, verified_line(ordered), tuple(Reason(label, meaning) for label, meaning in reasons))


def _pooled(c: OutcomeCount) -> Shown:
    if not c.poolable:
        return f"no: {'; '.join(inside(label) for label, _ in c.reasons) or 'reason not recorded'}"
    return Link("yes", estimate_address(c.estimates[0])) if c.estimates else "not used in a pooled number"


def _averages(r: StudyRecord) -> Table | None:
    if not r.continuous:
        return None
    rows = tuple(
        (
            r.vocabulary.label("scale", c["outcome"]),
            c["comparison"] or (r.vocabulary.arm(c["arm"]) if c["arm"] else "all"),
            months(c["timepoint_months"]),
            Cell(number(c["value"]), (MEASURES.get(c["measure"], plain(c["measure"])),)),
            _spread(c),
            Cell(c["locator"] or NOT_STATED, (r.vocabulary.remark(c["note"]) or None,)),
        )
        for c in r.continuous
    )
    header = ("Scale", "Group or comparison", "When", "Value", "Spread", "Where read")
    return Table("averages", "Averages and changes as printed", header, rows, kind=CARDS, numeric=(3, 4))


def _scored(r: StudyRecord) -> Table | None:
    """The estimates of scores in which the study is weighed."""
    rows = tuple((Link(e.title, estimate_address(e.id)), headline(e), score_phrase(e, "k")) for e in r.scores)
    header = ("Score", "Result (95% CI)", "Studies")
    return Table("scored", "Estimates of scores that hold this study", header, rows, kind=CARDS, numeric=(1, 2)) if rows else None


def _spread(c: Row) -> str:
    parts = []
    if c["ci_low"] is not None and c["ci_high"] is not None:
        parts.append(f"95% interval {number(c['ci_low'])} to {number(c['ci_high'])}")
    parts += [f"SD {number(c['sd'])}"] if c["sd"] is not None else []
    parts += [f"standard error {number(c['sem'])}"] if c["sem"] is not None else []
    parts += [f"p {c['p']}"] if c["p"] else []
    parts += [people(c["n"])] if c["n"] is not None else []
    return "; ".join(parts) or NOT_STATED


def _printed_recovery(row: Row, vocabulary: Vocabulary) -> str:
    pairs = parse_stratum(row["stratum"]).items()
    parts = [vocabulary.stratum(pairs) if pairs else "", row["definition"], row["timepoint"]]
    interval = (
        f" (95% interval {number(row['ci_low'])} to {number(row['ci_high'])})"
        if row["ci_low"] is not None and row["ci_high"] is not None
        else ""
    )
    return f"{number(row['estimate_percent'])}%{interval}: {'; '.join(part for part in parts if part)}."


def _printed_dose(row: Row, r: StudyRecord) -> str:
    values = [(fact, row.get(fact.columns[0][1])) for fact in r.subject.facts(PRINTED)]
    parts = [
        fact.phrase.format(n=r.vocabulary.remark(value) if isinstance(value, str) else number(value))
        for fact, value in values
        if value
    ]
    risk = f"Risk in percent, as printed: {row['risk_percent']}" if row["risk_percent"] else "Model values"
    return f"{risk} ({'; '.join(parts)})."


def _beside(sentence: str, estimate: Estimate | None) -> Shown:
    if estimate is None:
        return sentence
    return (f"{sentence.removesuffix('.')}: ", Link(phrase(estimate, "full"), estimate_address(estimate.id)), ".")


def _parts_of(r: StudyRecord) -> Folded | None:
    parts = [e for e in r.estimates if e.synthesis.parent is not None]
    table = _uses("pooled-parts", "Subgroups of them that hold this study", parts, r.study_id)
    return folded(table) if table else None


def _uses(identifier: str, caption: str, estimates: Sequence[Estimate], study_id: str) -> Table | None:
    rows = tuple(
        (Link(e.title, estimate_address(e.id)), phrase(e, "short"), phrase(e, "k"), _weight(e, study_id)) for e in estimates
    )
    header = ("Estimate", "Pooled result (95% CI)", "Studies", "Weight of this study")
    return Table(identifier, caption, header, rows, kind=CARDS, numeric=(1, 2, 3)) if rows else None


def _weight(e: Estimate, study_id: str) -> str:
    weights = [row.weight for row in e.rows if row.study_id == study_id and row.weight is not None] if e.result else []
    return f"{sum(weights):.1f}%" if weights else NOT_POOLED if e.not_pooled else "–"


def _notice(n: Row) -> Notice:
    kind = NOTICES.get(n["kind"], plain(n["kind"]))
    source = f"Source: {n['reference']} (confidence in the reading: {plain(n['confidence'])})."
    return Notice(f"{kind}, {n['year']}." if n["year"] else f"{kind}.", n["what_it_says"], source)


def _shared(r: StudyRecord, records: Mapping[str, StudyRecord]) -> tuple[Shared, ...]:
    found = []
    for overlap in r.overlaps:
        others = tuple(
            (Link(label, f"{other}.html" if other in records else None), " (the report that is pooled)" if primary else "")
            for other, label, primary in overlap.others
        )
        own = (
            "This is the report that is pooled where it has a count."
            if overlap.is_primary
            else "Where they share patients, another report is pooled, so that nobody is counted twice."
        )
        found.append(Shared(overlap.reason, own, others))
    return tuple(found)

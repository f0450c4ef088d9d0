"""A page a study: MyST sources in ``book/studies``, made from the records of the studies.

Headings are MyST, all else is HTML that :mod:`cordbook.display.html.markup` made: whatever a field of the data holds
stays text, and the parser has little to do. A page is written only when its content changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.core.text import NOT_STATED, capital, enumerate_words, inside, months, number, people, plain
from cordbook.display.html.markup import Html, element, html_table, join, link, myst_text, one_line
from cordbook.errors import InputError
from cordbook.evidence.review_words import MEASURES, NOTICES
from cordbook.evidence.review_words import design as design_of
from cordbook.evidence.subject_tables import DOSE, GIVEN, PARTICIPANTS, Fact
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.publish.pages.blocks import bullets, estimate_page, facts, p, sub, who
from cordbook.publish.pages.study_cite import Cite, study_cites
from cordbook.publish.pages.study_retraction import retraction_box
from cordbook.publish.pages.study_sources import readings, registration, sources, state_of, verified_line
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import NOT_POOLED, percent, phrase
from cordbook.review.studies.limits import limitations
from cordbook.review.studies.records import OutcomeCell, Row, StudyRecord, study_records
from cordbook.review.studies.summary import NO_HARM_COUNTED, nature, summarise
from cordbook.review.studies.words import counts

FOLDER = "book/studies"
INDEX = "index"
_ID = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Written:
    """What writing the pages did: ids of the studies whose page changed, and of those whose page was removed."""

    total: int
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def write_study_pages(project: Project, estimates: Estimates) -> Written:
    """Write a page for every study and remove those of studies that are gone; unchanged files are not touched.

    Raises ``ValueError`` for a study whose id cannot be the name of a page.
    """
    folder = project.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = study_pages(estimates, study_cites(estimates.evidence))
    changed = []
    for study_id, text in pages.items():
        path, content = folder / f"{study_id}.md", text.encode()
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
            changed.append(study_id)
    gone = [path for path in sorted(folder.glob("*.md")) if path.stem not in pages and path.stem != INDEX]
    for path in gone:
        path.unlink()
    return Written(len(pages), tuple(changed), tuple(path.stem for path in gone))


def study_pages(estimates: Estimates, cite: Cite | None = None) -> dict[str, str]:
    """The source of every study's page, by study id; ``cite`` makes the box that cites it."""
    records = study_records(estimates)
    wrong = [study_id for study_id in records if not _ID.fullmatch(study_id) or study_id == INDEX]
    if wrong:
        raise InputError(
            f"no page can be named {', '.join(map(repr, wrong))}: a study id is small letters, digits and _, and not {INDEX!r}"
        )
    return {study_id: page_text(record, records, cite) for study_id, record in records.items()}


def page_text(r: StudyRecord, records: Mapping[str, StudyRecord], cite: Cite | None = None) -> str:
    """The MyST source of one study's page; ``records`` are all studies, for links to other reports."""
    blocks: list[str] = [_front_matter(r), f"# {myst_text(page_title(r))}", _head(r), *retraction_box(r), _plain(r)]
    sections: Sequence[tuple[str, list[Html]]] = (
        ("Who took part", _participants(r)),
        ("How it was studied", _design(r)),
        ("What was counted", _results(r)),
        ("Harm", _harm(r)),
        ("Averages and percentages as printed", [*_averages(r), *_printed(r)]),
        ("Without the treatment", _nature(r)),
        ("Where these counts are pooled", _uses(r)),
        ("What weakens this study", [bullets(limitations(r))]),
        ("Notices", _notices(r)),
        ("Other reports of the same people", _overlaps(r, records)),
        ("Registration", registration(r)),
        ("How the numbers were read", readings(r)),
        ("Sources", sources(r, records)),
        ("Cite or correct", [cite(r)] if cite else []),
    )
    for heading, parts in sections:
        if parts:
            blocks += [f"## {heading}", *parts]
    return "\n\n".join(blocks) + "\n"


def page_title(r: StudyRecord) -> str:
    """Label and title; says so where the title was not seen."""
    label = r.label if r.source.author else f"Study {r.label}"
    return f"{label}: {r.source.title or 'Title not seen'}"


def _front_matter(r: StudyRecord) -> str:
    summary = summarise(r)
    told = one_line(f"{summary.done} {summary.happened}")
    meta = {
        "description": told,
        "property=og:title": one_line(page_title(r)),
        "property=og:description": told,
        "property=og:type": "article",
    }
    # A JSON text is a quoted YAML text: nothing in it can end the value.
    lines = [f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in meta.items()]
    return "\n".join(["---", "orphan: true", "myst:", "  html_meta:", *lines, "---"])


# ------------------------------------------------------------------------------------------ building blocks


def _head(r: StudyRecord) -> Html:
    kind = (
        r.vocabulary.label("topic", r.topic),
        r.vocabulary.label("design", r.design) if r.design else "Design not stated",
    )
    return p(element("a", "All studies", href="index.html"), " · ", kind[0], " · ", kind[1], class_="cb-study-head")


def _plain(r: StudyRecord) -> Html:
    first, *others = summarise(r).parts
    return element("div", p(element("strong", "In plain words."), " ", first), *(p(part) for part in others), class_="cb-plain")


# ------------------------------------------------------------------------------------------------- sections


def _participants(r: StudyRecord) -> list[Html]:
    size = r.size()
    pairs: list[tuple[str, object]] = [
        (r.vocabulary.dimension("population").label, r.vocabulary.label("population", r.population)),
        ("People", NOT_STATED if size is None else f"{'' if r.sizes_known else 'at least '}{people(size)}"),
        ("Age, mean or median", NOT_STATED if r.age_mean is None else f"{number(r.age_mean)} years"),
        *((fact.label or r.vocabulary.dimension(fact.fact).label, _fact(r, fact, size)) for fact in _facts_told(r)),
        ("Followed for", months(r.followup_months, NOT_STATED)),
        ("Country", r.country or NOT_STATED),
    ]
    parts = [facts("participants", "Who took part", pairs)]
    return [*parts, _arms(r)] if r.arms else parts


def _facts_told(r: StudyRecord) -> list[Fact]:
    return [fact for fact in r.subject.facts(PARTICIPANTS) if fact.told_of(r.row)]


def _fact(r: StudyRecord, fact: Fact, size: int | None) -> object:
    """What a fact says of the people of a study."""
    if fact.counts:
        counted = [(code, n, r.vocabulary.label(fact.fact, code, "phrase")) for code, n in fact.counted(r.row)]
        return (
            enumerate_words([fact.phrase.format(n=f"{n:,}", code=code, label=label) for code, n, label in counted]) or NOT_STATED
        )
    value = r.row.get(fact.columns[0][1])
    if "{n}" in fact.phrase:
        return (
            NOT_STATED
            if value is None
            else f"{value:,}"
            if size is None
            else fact.phrase.format(n=f"{value:,}", people=f"{size:,}")
        )
    beside = r.row.get(fact.beside)
    return join(r.vocabulary.label(fact.fact, value), sub(beside and f"mean or median {months(beside)}"))


def _arms(r: StudyRecord) -> Html:
    rows = []
    whole = {a.arm_id: r.vocabulary.arm(a.name) for a in r.arms}
    for a in r.arms:
        told = [(fact, a.value(fact)) for fact in r.subject.facts(GIVEN)]
        names = [r.vocabulary.label(fact.fact, code, "phrase" if n else "label") for n, (fact, code) in enumerate(told) if code]
        doses = [(fact, value) for fact in r.subject.facts(DOSE) if (value := a.value(fact))]
        rows.append(
            (
                join(r.vocabulary.arm(a.name, "label"), sub(f"part of: {whole.get(a.part_of, a.part_of)}" if a.part_of else "")),
                NOT_STATED if a.n is None else f"{a.n:,}",
                ", ".join(names)
                or (
                    r.vocabulary.label("intervention_class", r.intervention, "phrase")
                    if a.role == "treated"
                    else "not the treatment above"
                    if a.role == "comparator"
                    else "usual care"
                ),
                "; ".join(fact.phrase.format(n=number(value), s="" if value == 1 else "s") for fact, value in doses)
                or NOT_STATED,
            )
        )
    return html_table("arms", "Groups", ("Group", "People", "What they got", "Dose"), rows, numeric=(1,))


def _design(r: StudyRecord) -> list[Html]:
    design = design_of(r.design)
    return [p(element("strong", f"{capital(design.name)}."), " ", design.can, " ", design.cannot)]


_HEADER = ("Result", "Who and when", "Events of patients", "Percent (95% interval)", "Pooled?")


def _results(r: StudyRecord) -> list[Html]:
    if not r.results:
        text = (
            "What we read counts harm alone; see the next table."
            if r.harms
            else "No number of people with a result was seen in what we read."
        )
        return [p(text)]
    return [*_outcome_table("results", "Every result that was counted", r.results, r.vocabulary), *_why_not(r.results)]


def _harm(r: StudyRecord) -> list[Html]:
    if not r.harms:
        return [p(NO_HARM_COUNTED)]
    return [
        *_outcome_table("harms", "Every harm that was counted, also where nobody had it", r.harms, r.vocabulary),
        *_why_not(r.harms),
    ]


def _outcome_table(identifier: str, caption: str, cells: Sequence[OutcomeCell], vocabulary: Vocabulary) -> list[Html]:
    ordered = sorted(cells, key=lambda c: (c.label, c.role != "treated", c.arm, c.months or 0.0, c.cell_id))
    rows = [
        (
            join(c.label, sub(c.definition or c.outcome_means)),
            join(who(c, vocabulary), sub(months(c.months))),
            join(counts(c), sub(state_of(c))),
            join(percent(c.share), sub(f"{percent(c.low)} to {percent(c.high)}")) if c.n else "–",
            _pooled(c),
        )
        for c in ordered
    ]
    attributes = [{"id": c.cell_id} for c in ordered]
    table = html_table(identifier, caption, _HEADER, rows, row_attributes=attributes, numeric=(2, 3))
    return [table, p(verified_line(ordered), " Intervals are exact (Clopper-Pearson).", class_="cb-status")]


def _pooled(c: OutcomeCell) -> Html:
    if not c.poolable:
        return join(
            "no: ",
            "; ".join(inside(label) for label, _ in c.reasons) or "reason not recorded",
        )
    if not c.estimates:
        return join("could be; no estimate asks for it yet")
    return link("yes", estimate_page(c.estimates[0]))


def _why_not(cells: Sequence[OutcomeCell]) -> list[Html]:
    reasons = dict.fromkeys(reason for c in cells for reason in c.reasons)
    if not reasons:
        return []
    items = [join(element("strong", f"{label}:"), " ", meaning) for label, meaning in reasons]
    return [p("Why some are not pooled:"), bullets(items)]


def _averages(r: StudyRecord) -> list[Html]:
    if not r.continuous:
        return []
    rows = [
        (
            r.vocabulary.label("scale", c["outcome"]),
            c["comparison"] or (r.vocabulary.arm(c["arm"]) if c["arm"] else "all"),
            months(c["timepoint_months"]),
            join(number(c["value"]), sub(MEASURES.get(c["measure"], plain(c["measure"])))),
            _spread(c),
            join(c["locator"] or NOT_STATED, sub(c["note"])),
        )
        for c in r.continuous
    ]
    header = ("Scale", "Group or comparison", "When", "Value", "Spread", "Where read")
    return [
        html_table("averages", "Averages as printed; they are benchmarks and are not pooled here", header, rows, numeric=(3, 4))
    ]


def _spread(c: Row) -> str:
    parts = []
    if c["ci_low"] is not None and c["ci_high"] is not None:
        parts.append(f"95% interval {number(c['ci_low'])} to {number(c['ci_high'])}")
    parts += [f"SD {number(c['sd'])}"] if c["sd"] is not None else []
    parts += [f"standard error {number(c['sem'])}"] if c["sem"] is not None else []
    parts += [f"p {c['p']}"] if c["p"] else []
    parts += [people(c["n"])] if c["n"] is not None else []
    return "; ".join(parts) or NOT_STATED


def _printed(r: StudyRecord) -> list[Html]:
    if not r.printed:
        return []
    return [
        p("The report prints these without the counts behind them, so they are not pooled:"),
        bullets([_printed_recovery(row, r.vocabulary) if "estimate_percent" in row else _printed_dose(row) for row in r.printed]),
    ]


def _printed_recovery(row: Row, vocabulary: Vocabulary) -> str:
    pairs = [tuple(part.split("=", 1)) for part in (row["stratum"] or "").split(";") if "=" in part]
    told = [vocabulary.stratum(pairs) if pairs else "", row["definition"], row["timepoint"]]
    interval = (
        f" (95% interval {number(row['ci_low'])} to {number(row['ci_high'])})"
        if row["ci_low"] is not None and row["ci_high"] is not None
        else ""
    )
    return f"{number(row['estimate_percent'])}%{interval}: {'; '.join(part for part in told if part)}."


def _printed_dose(row: Row) -> str:
    told = [
        row["endpoint"], row["region"], row["dose_gy"] and f"dose {row['dose_gy']} Gy", row["model"] and f"model: {row['model']}",
        row["d50_gy"] and f"dose of 50% risk {number(row['d50_gy'])} Gy", row["note"],
    ]  # fmt: skip
    risk = f"Risk in percent, as printed: {row['risk_percent']}" if row["risk_percent"] else "Model values"
    return f"{risk} ({'; '.join(str(part) for part in told if part)})."


def _nature(r: StudyRecord) -> list[Html]:
    told = nature(r)
    if not told:
        return []
    items = [_beside(sentence, estimate) for sentence, estimate in told]
    lead = "Some people improve without any experimental treatment. A result means little until it is set beside that:"
    return [p(lead), bullets(items)]


def _beside(sentence: str, estimate: Estimate | None) -> object:
    if estimate is None:
        return sentence
    return join(sentence.removesuffix("."), ": ", link(phrase(estimate, "full"), estimate_page(estimate.id)), ".")


def _uses(r: StudyRecord) -> list[Html]:
    if not r.estimates:
        return [p("No pooled estimate of this book holds a count of this study.")]
    whole = [e for e in r.estimates if e.synthesis.parent is None]
    parts = [e for e in r.estimates if e.synthesis.parent is not None]
    found = [_uses_table("pooled", "Pooled estimates that hold this study", whole, r.study_id)] if whole else []
    if parts:
        caption = "Subgroups of them that hold this study"
        table = _uses_table("pooled-parts", caption, parts, r.study_id)
        found.append(element("details", element("summary", f"{caption} ({len(parts)})"), table, class_="cb-folded"))
    return found


def _uses_table(identifier: str, caption: str, estimates: Sequence[Estimate], study_id: str) -> Html:
    rows = [(link(e.title, estimate_page(e.id)), phrase(e, "short"), phrase(e, "k"), _weight(e, study_id)) for e in estimates]
    header = ("Estimate", "Pooled result (95% CI)", "Studies", "Weight of this study")
    return html_table(identifier, caption, header, rows, numeric=(1, 2, 3))


def _weight(e: Estimate, study_id: str) -> str:
    weights = [row.weight for row in e.rows if row.study_id == study_id and row.weight is not None] if e.result else []
    return f"{sum(weights):.1f}%" if weights else NOT_POOLED if e.not_pooled else "–"


def _notices(r: StudyRecord) -> list[Html]:
    boxes = []
    for n in r.notices:
        kind = NOTICES.get(n["kind"], plain(n["kind"]))
        head = f"{kind}, {n['year']}." if n["year"] else f"{kind}."
        source = f"Source: {n['reference']} (confidence in the reading: {plain(n['confidence'])})."
        boxes.append(
            element("div", p(element("strong", head), " ", n["what_it_says"]), p(source, class_="cb-status"), class_="cb-notice")
        )
    return boxes


def _overlaps(r: StudyRecord, records: Mapping[str, StudyRecord]) -> list[Html]:
    parts = []
    for overlap in r.overlaps:
        others = [
            join(link(label, f"{other}.html") if other in records else label, " (the report that is pooled)" if primary else "")
            for other, label, primary in overlap.others
        ]
        own = (
            "This is the report that is pooled where it has a count."
            if overlap.is_primary
            else "Where they share patients, another report is pooled, so that nobody is counted twice."
        )
        parts += [
            p(f"These reports share patients, or may: {overlap.reason} ", own),
            bullets(others),
        ]
    return parts

"""A page an estimate: its number, how sure, natural recovery beside it, and the studies that count. A stable address to share.

MyST sources in ``book/estimates``, made like those of the studies: headings are MyST, all else is escaped HTML, and a page is
written only when its content changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.display.html.markup import Html, element, html_table, join, link, myst_text, one_line
from cordbook.display.html.strip import DIFFERENCE, RATIO, SHARE, strip
from cordbook.errors import InputError
from cordbook.evidence.vocabulary import part_name
from cordbook.publish.pages.blocks import bullets, facts, p, sub
from cordbook.review.appraisal.certainty import FILE, NAME, Certainty, kind_of, rate
from cordbook.review.appraisal.extraction_audit import VerifiedWeight, verified_weights
from cordbook.review.estimates.companions import BAYES, BETA_BINOMIAL, MEDIAN, POPULATION, Companion
from cordbook.review.estimates.estimates import COMPARED, ESTIMATES_FOLDER, Estimate, Estimates
from cordbook.review.estimates.main_pool import difference_from_main
from cordbook.review.estimates.method_words import method
from cordbook.review.estimates.phrases import MISSING, counts_of, percent, phrase, plain_sentence, range_of, ratio
from cordbook.review.estimates.rows import Row

FOLDER = ESTIMATES_FOLDER
ALL = "../methods/estimates.html"
AUDIT = "../methods/extraction-audit.html"
#: Makes the box of an estimate that the page holds at its end, such as the one to cite it.
Box = Callable[[Estimate], Html]
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_NO_CONTROL = "Treated people alone cannot show how much of this the treatment did."
_CANNOT_TELL = "cannot be told"
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
    its chapter, how much of its weight a person has verified, what makes it differ from its main pool, and by what its parts are told apart."""

    certainty: Certainty | None = None
    natural: tuple[Estimate, ...] = ()
    whole: Estimate | None = None
    parts: tuple[Estimate, ...] = ()
    chapter: str | None = None
    verified: VerifiedWeight | None = None
    difference: str | None = None
    apart_by: str | None = None


def write_estimate_pages(project: Project, estimates: Estimates, box: Box | None = None) -> tuple[str, ...]:
    """Write a page for every estimate and remove those of estimates that are gone; unchanged files are not touched.

    Returns the ids of the estimates whose page changed. Raises ``ValueError`` for an id that cannot be the name of a page.
    """
    folder = project.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = estimate_pages(project, estimates, box)
    changed = []
    for estimate_id, text in pages.items():
        path, content = folder / f"{estimate_id}.md", text.encode()
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
            changed.append(estimate_id)
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()
    return tuple(changed)


def estimate_pages(project: Project, estimates: Estimates, box: Box | None = None) -> dict[str, str]:
    """The source of every estimate's page, by id."""
    every = list(estimates)
    wrong = [e.id for e in every if not _ID.fullmatch(e.id)]
    if wrong:
        raise InputError(f"no page can be named {', '.join(map(repr, wrong))}: an id is small letters, digits and -")
    rated = rate(estimates, [e.id for e in every]) if (project.data / FILE).is_file() else {}
    sections = estimates.evidence.subject.sections
    chapters = {name: section.page for name, section in sections.items() if section.page and _is_there(project, section.page)}
    by_id = {e.id: e for e in every}
    verified = {w.id: w for w in verified_weights(estimates)}
    return {
        e.id: page_text(
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
            ),
            box,
        )
        for e in every
    }


def _is_there(project: Project, page: str) -> bool:
    return any((project.root / f"{page}{suffix}").is_file() for suffix in (".ipynb", ".md"))


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


def page_text(e: Estimate, beside: Beside, box: Box | None = None) -> str:
    """The MyST source of one estimate's page."""
    blocks: list[str] = [_front_matter(e, beside), f"# {myst_text(e.title)}", _head(e, beside), _number(e), *_verified(beside)]
    blocks.append(_plain(e, beside))
    if beside.difference:
        blocks.append(p(f"Not the main pool: {beside.difference}"))
    sections: Sequence[tuple[str, list[Html]]] = (
        ("The number", [_facts(e, beside)]),
        ("Without the treatment", _nature(e, beside)),
        ("The studies that count", _studies(e, beside)),
        ("How sure", _sure(beside)),
        ("Parts of this estimate", _parts(e, beside)),
        ("How it was computed", [_computed(e)]),
        ("Cite or correct", [box(e)] if box else []),
    )
    for heading, content in sections:
        if content:
            blocks += [f"## {heading}", *content]
    return "\n\n".join(blocks) + "\n"


def headline(e: Estimate) -> str:
    """The number with its interval, and what it is where that is no percentage: ``odds ratio 2.3 (95% CI 0.9 to 5.9)``."""
    if e.not_pooled:
        return phrase(e, "short")
    measure = COMPARED.get(e.synthesis.measure, e.synthesis.measure) if e.is_comparison else ""
    return f"{measure} {phrase(e, 'short')}".strip()


def description(e: Estimate, beside: Beside) -> str:
    """The estimate in a few sentences, for a share preview: in words, studies and people, a new study, nature, certainty."""
    told = [plain_sentence(e)]
    if e.is_reported:
        number = headline(e)
        told.append(f"{number[:1].upper()}{number[1:]}; {phrase(e, 'studies')}, {phrase(e, 'people')}.")
    if _has_prediction(e):
        told.append(f"A new study may show {phrase(e, 'prediction')}.")
    if beside.natural:
        told.append(f"{beside.natural[0].title}: {phrase(beside.natural[0], 'short')}.")
    if beside.certainty:
        told.append(f"{NAME.capitalize()}: {beside.certainty.level}.")
    return one_line(" ".join(told))


def _front_matter(e: Estimate, beside: Beside) -> str:
    told = description(e, beside)
    meta = {
        "description": told,
        # The title of a part holds a colon already.
        "property=og:title": one_line(f"{e.title}{' · ' if ': ' in e.title else ': '}{headline(e)}"),
        "property=og:description": told,
        "property=og:type": "article",
    }
    # A JSON text is a quoted YAML text: nothing in it can end the value.
    lines = [f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in meta.items()]
    return "\n".join(["---", "orphan: true", "myst:", "  html_meta:", *lines, "---"])


def _head(e: Estimate, beside: Beside) -> Html:
    chapter = [" · ", link("The chapter", f"../{beside.chapter.removeprefix('book/')}.html")] if beside.chapter else []
    whole = [" · Part of: ", link(beside.whole.title, f"{beside.whole.id}.html")] if beside.whole else []
    return p(link("All estimates", f"{ALL}#{e.id}"), *chapter, *whole, class_="cb-study-head")


def _number(e: Estimate) -> Html:
    if e.not_pooled:
        spread = range_of(e)
        rest = f"({phrase(e, 'studies')}{f', {spread} in single studies' if spread else ''}; not pooled)"
        return p(element("strong", counts_of(e)), " ", element("span", rest, class_="cb-estimate-interval"), class_="cb-estimate")
    if e.result is None:
        return p(MISSING, class_="cb-estimate")
    measure = COMPARED.get(e.synthesis.measure, e.synthesis.measure) if e.is_comparison else ""
    lead = [element("span", measure[:1].upper() + measure[1:], class_="cb-estimate-what"), " "] if measure else []
    interval = element("span", f"({phrase(e, 'interval')})", class_="cb-estimate-interval")
    return p(*lead, element("strong", phrase(e, "point")), " ", interval, class_="cb-estimate")


def _verified(beside: Beside) -> list[Html]:
    """How much a person has verified, none included: it stands under the number, not at the end."""
    w = beside.verified
    if w is None:
        return []
    of = f"{w.checked:,} of {w.cells:,} counts" if w.cells > 1 else f"{w.checked} of 1 count"
    told = element("strong", f"{w.percent} verified by a person")
    rest = " of the weight" if w.checked else ""
    return [p(told, f"{rest} ({of} looked up in the report). ", link("What this means", AUDIT), class_="cb-status")]


def _plain(e: Estimate, beside: Beside) -> Html:
    told = [plain_sentence(e), *(reason.text for reason in e.not_pooled)]
    if e.result is not None and e.is_comparison:
        what = COMPARED.get(e.synthesis.measure, e.synthesis.measure)
        none = 0 if e.synthesis.measure == "RD" else 1
        told.append(f"{'An' if what.startswith('o') else 'A'} {what} of {none} would mean no difference.")
    if e.result is not None and e.k == 1:
        told.append("This is one study alone: nothing is pooled.")
    if kind_of(e) == "single arm" and e.is_reported:
        told.append(_NO_CONTROL)
    if beside.certainty and beside.certainty.domains:
        told.append(f"{NAME.capitalize()}: {beside.certainty.level}.")
    return element("div", p(element("strong", "In plain words."), " ", " ".join(told)), class_="cb-plain")


def _has_prediction(e: Estimate) -> bool:
    return e.result is not None and e.result.pi_low is not None


def _facts(e: Estimate, beside: Beside) -> Html:
    pairs: list[tuple[str, object]] = [
        ("Question", e.synthesis.question),
        ("Result" if e.not_pooled else "Result (interval)", headline(e)),
        ("Events of patients", _events(e)),
        ("Studies", phrase(e, "k")),
        ("People", phrase(e, "n")),
        ("A new study may show", _prediction(e)),
    ]
    if beside.certainty:
        pairs.append((NAME.capitalize(), _rated(beside.certainty)))
    return facts("estimate", "The number in short", pairs)


def _rated(c: Certainty) -> Html:
    """The level, which leads to how it is rated, and why."""
    return join(link(c.level, "../methods/certainty.html"), f": {c.because}" if c.because else "")


def _events(e: Estimate) -> str:
    if not e.is_comparison:
        return phrase(e, "of")
    treated, control = (f"{events:,} of {n:,}" for events, n in e.arms)
    return f"{treated} treated, {control} not"


def _prediction(e: Estimate) -> str:
    return phrase(e, "prediction") if _has_prediction(e) else _CANNOT_TELL


def _computed(e: Estimate) -> Html:
    told = e.result is not None and e.result.i2 is not None
    pairs: list[tuple[str, object]] = [
        ("Model", join(method(e)[:1].upper(), method(e)[1:], " (", link("what this means", "../methods/statistics.html"), ")")),
        ("Prediction interval", _prediction(e)),
        ("Differences between studies (I²)", phrase(e, "i2") if told else _CANNOT_TELL),
    ]
    pairs += [_companion(companion, e) for companion in e.companions]
    notes = [*(e.result.notes if e.result else ()), *([e.synthesis.note] if e.synthesis.note else [])]
    if notes:
        pairs.append(("Notes", join(*notes, between=" ")))
    pairs.append(("Permanent id", element("code", e.id)))
    return facts("computed", "Model, differences between studies, notes", pairs)


def _companion(companion: Companion, e: Estimate) -> tuple[str, object]:
    """Another average of the same studies, as a row: what it is, its interval, what it rests on."""
    name, basis = _COMPANIONS[companion.kind], companion.basis
    interval = f"{e.synthesis.level:.0%} {'CrI' if companion.kind == BAYES else 'CI'} {percent(companion.ci_low)} to {percent(companion.ci_high)}"
    return name, f"{percent(companion.estimate)} ({interval}; {basis})"


def _nature(e: Estimate, beside: Beside) -> list[Html]:
    if kind_of(e) != "single arm" or not e.is_reported:
        return []
    if not beside.natural:
        return [p("How many people have this outcome without the treatment was not counted in a way that can be pooled.")]
    lead = "Some people improve without any experimental treatment:"
    return [
        p(lead),
        bullets([join(link(n.title, f"{n.id}.html"), f": {phrase(n, 'full')}.") for n in beside.natural]),
    ]


def _studies(e: Estimate, beside: Beside) -> list[Html]:
    if not e.k:
        return [p("No study has a count that this estimate may pool.")]
    scale = SHARE if not e.is_comparison else DIFFERENCE if e.synthesis.measure == "RD" else RATIO
    pooled_nature = next((n for n in beside.natural if n.result is not None), None)
    band = (pooled_nature.result.ci_low, pooled_nature.result.ci_high) if pooled_nature else None
    weighed = not e.not_pooled
    rows = [_study_row(row, scale, band, weighed=weighed) for row in e.rows]
    if e.result is not None and e.k > 1:
        r = e.result
        prediction = (r.pi_low, r.pi_high) if _has_prediction(e) else None
        drawn = strip(r.estimate, r.ci_low, r.ci_high, scale=scale, pooled=True, prediction=prediction, band=band)
        counts = f"{r.events1:,}/{r.n1:,} v {r.events2:,}/{r.n2:,}" if e.is_comparison else f"{e.events:,}/{e.n:,}"
        rows.append((element("strong", "Pooled"), counts, _limits(r.estimate, r.ci_low, r.ci_high, scale), drawn, "100%"))
    what = COMPARED.get(e.synthesis.measure, e.synthesis.measure).capitalize() if e.is_comparison else "Percent"
    header = ("Study", "Events/patients", f"{what} (95% interval)", "Drawn", *(("Weight",) if weighed else ()))
    key = [
        *([f"The green band is natural recovery: {pooled_nature.title}."] if pooled_nature else []),
        *(["The bar under the diamond is the prediction interval."] if _has_prediction(e) else []),
        "Percentages run from 0 to 100." if scale == SHARE else "The line is no difference.",
    ]
    caption = "Every study behind the number"
    return [
        html_table("studies", caption, header, rows, numeric=(1, 2, 4) if weighed else (1, 2)),
        p(" ".join(key), class_="cb-status"),
    ]


def _study_row(row: Row, scale: str, band: tuple[float, float] | None, *, weighed: bool = True) -> tuple[object, ...]:
    counts = (
        f"{row.events1:,}/{row.n1:,} v {row.events2:,}/{row.n2:,}" if hasattr(row, "events1") else f"{row.events:,}/{row.n:,}"
    )
    name = link(row.label, f"../studies/{row.study_id}.html")
    if not row.weight:
        return name, counts, "no say", Html(""), *(("–",) if weighed else ())
    drawn = strip(row.estimate, row.ci_low, row.ci_high, scale=scale, band=band)
    weight = (f"{row.weight:.1f}%",) if weighed else ()
    return name, counts, _limits(row.estimate, row.ci_low, row.ci_high, scale), drawn, *weight


def _pooled(e: Estimate) -> object:
    return join(phrase(e, "point"), sub(phrase(e, "interval"))) if e.is_reported else MISSING


def _limits(point: float, low: float, high: float, scale: str) -> Html:
    show = ratio if scale == RATIO else percent
    return join(show(point), sub(f"{show(low)} to {show(high)}"))


def _sure(beside: Beside) -> list[Html]:
    if beside.certainty is None or not beside.certainty.domains:
        return []
    c = beside.certainty
    steps = {0: "not lowered", 1: "lowered one step", 2: "lowered two steps"}
    items = [
        join(element("strong", f"{d.name.capitalize()}: {steps.get(d.down, d.down)}."), f" {d.reason}" if d.reason else "")
        for d in c.domains
    ]
    lead = p(element("strong", f"{c.level.capitalize()}."), f" {c.start_reason} Five reasons can lower it:")
    return [
        lead,
        bullets(items),
        p(
            f"This is {NAME}: rules after GRADE, applied by a program, no judgement of a panel: ",
            link("how", "../methods/certainty.html"),
            ".",
        ),
    ]


def _parts(e: Estimate, beside: Beside) -> list[Html]:
    if not beside.parts:
        return []
    rows = [
        (link(part_name(part.title), f"{part.id}.html"), _pooled(part), phrase(part, "k"), phrase(part, "of"))
        for part in beside.parts
    ]
    header = ("Part", "Pooled result (95% CI)", "Studies", "Events of patients")
    caption = f"The same studies, apart by {beside.apart_by}"
    return [html_table("parts", caption, header, rows, numeric=(1, 2, 3))]

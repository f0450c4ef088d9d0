"""What a study says, in plain sentences made from its record: what was done, what happened, harm, how sure.

Every sentence is built from data alone, so a study that is added or corrected is told correctly without anybody
writing about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cordbook.core.text import enumerate_words, inside, months, people, plain
from cordbook.evidence.review_words import design as design_of
from cordbook.evidence.review_words import read_as
from cordbook.evidence.subject_tables import EXPOSURE, GIVEN, HARMS, NATURAL_COURSE, PHASE, Fact
from cordbook.review.estimates.estimates import Estimate
from cordbook.review.estimates.phrases import percent, plain_sentence
from cordbook.review.studies import words as study_words
from cordbook.review.studies.records import Arm, OutcomeCount, StudyRecord, natural_values

#: Below this many patients the exact 95% interval of a share of one half is wider than 36 points: hardly a finding.
SMALL = 30
#: From this many patients on a percentage says more than the count does.
PERCENT_FROM = 10
#: Longest list in a sentence; the rest stands in the tables of the page.
MOST_LISTED = 4

#: The key of a stratum that says what is counted where it is not people.
UNIT = "unit"
NO_HARM_COUNTED = "No harm was counted in what we read; that is not the same as no harm."

#: Groups of outcomes in the order in which a study is asked for them.
_GROUPS = ("recovery", "function", "course", "signal", "harm")


@dataclass(frozen=True, slots=True)
class Summary:
    """A study in plain sentences, one text a question."""

    done: str
    happened: str
    nature: str
    harm: str
    sure: str

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in (self.done, self.happened, self.nature, self.harm, self.sure) if part)


def summarise(record: StudyRecord) -> Summary:
    """The summary of a study."""
    main = main_counts(record)
    return Summary(
        done=_done(record),
        happened=_happened(record, main),
        nature=_anyway(record),
        harm="" if record.kind == NATURAL_COURSE else _harm(record, main),
        sure=_sure(record, main),
    )


# ---------------------------------------------------------------------------------------------- what was done


def _done(r: StudyRecord) -> str:
    sentences = [_who_got_what(r), *_graft(r), *_compared(r), *_parts(r)]
    design = design_of(r.design)
    sentences.append(f"It is {design.name}." if r.design else "Its design could not be told from what was read.")
    return " ".join(sentences)


def who(r: StudyRecord, n: int | None, *, known: bool = True) -> str:
    """The people of a study: how many, and what they have."""
    having = r.phrases.get("people", "")
    if n is None:
        return " ".join(filter(None, ("people", having, "(how many was not seen)")))
    having = r.phrases.get("person", having) if n == 1 else having
    return f"{'' if known else 'at least '}{people(n)} {having}".strip()


def _who_got_what(r: StudyRecord) -> str:
    treated = r.whole_arms("treated")
    n = r.size("treated") if treated else r.size()
    known = all(a.n is not None for a in (treated or [a for a in r.arms if a.part_of is None]))
    group = who(r, n, known=known)
    was = "was" if n == 1 else "were"
    if r.kind == EXPOSURE:
        return f"This report looks for {r.phrases.get('looked_for', 'harm')} in {group}."
    # Of a study whose arms were not seen, its kind of treatment tells what was done.
    watched = "only_watched" in r.phrases or bool(r.arms)
    untold = [r.subject.phrases({"arm": a.name}).get("given_untold") for a in r.arms]
    if untold and all(untold):
        return f"This report tells of {group}{_clause(r, 'when_seen')}. {untold[0]}"
    if r.kind == NATURAL_COURSE or only_watched(r) or (watched and not treated):
        return f"This study followed {group}{_clause(r, 'when_seen')}, on usual care and without an experimental treatment."
    template = r.phrases.get("treated", "{was} treated")
    groups = "; ".join(_given_in_words(treated) or _named_parts(r)) or r.phrases.get("groups_unknown", "")
    what = template.format(was=was, given=_given(r), groups=groups)
    opening = "This is a report of harm:" if r.kind == HARMS else "In this study,"
    return f"{opening} {group} {what}{_clause(r, 'when_treated')}."


def _clause(r: StudyRecord, place: str) -> str:
    """The words of a place as a clause behind a comma; empty where there are none."""
    return f", {r.phrases[place]}" if place in r.phrases else ""


def _given(r: StudyRecord) -> str:
    """What the treated got, by the first of the facts on it."""
    words = _named(r, r.subject.facts(GIVEN)[:1], r.whole_arms("treated"))
    return enumerate_words(words, "or") or r.phrases.get("given_unknown", "")


def _named(r: StudyRecord, facts: Sequence[Fact], arms: Iterable[Arm]) -> list[str]:
    """The names of what arms got by some facts, each once."""
    values = dict.fromkeys((fact.fact, a.value(fact)) for a in arms for fact in facts)
    return [r.vocabulary.label(name, value, "phrase") for name, value in values if value]


def _graft(r: StudyRecord) -> list[str]:
    """Where what was given came from and how it was given: the other facts on it."""
    first, *others = r.subject.facts(GIVEN) or (None,)
    if first is None or not first.is_recorded(r.row):
        return []
    arms = r.whole_arms("treated")
    kinds = {a.value(first) for a in arms}
    own = r.subject.phrases({first.fact: kinds.pop()}) if len(kinds) == 1 else {}
    thing, _, were = own.get("origin", r.phrases.get("origin", "")).rpartition(" ")
    named = [(fact, enumerate_words(_named(r, [fact], arms), "or")) for fact in others]
    parts = [fact.phrase.format(were=were, label=label) for fact, label in named if label]
    return [f"{thing} {enumerate_words(parts)}."] if thing and parts else []


def _compared(r: StudyRecord) -> list[str]:
    if not r.whole_arms("comparator") or not r.whole_arms("treated") or only_watched(r):
        return []
    n = r.size("comparator")
    return [f"They were compared with {'other people' if n is None else people(n)} in a comparison group."]


def _parts(r: StudyRecord) -> list[str]:
    """The groups that results are told apart by, where the treatment does not name them already."""
    named = _named_parts(r) if "groups_named" in r.phrases else []
    parts = dict.fromkeys(r.vocabulary.arm(a.name) for a in r.arms if a.part_of or not is_plain(r, a.name))
    names = [name for name in parts if name not in named]
    return [f"Results are given by group: {'; '.join(names)}."] if names and not only_watched(r) else []


def _given_in_words(arms: Iterable[Arm]) -> list[str]:
    """What arms got in the words of the report, each once."""
    return list(dict.fromkeys(text for a in arms if (text := a.row.get("given"))))


def _named_parts(r: StudyRecord) -> list[str]:
    """Treatments that the names of the treated groups tell."""
    return list(dict.fromkeys(r.vocabulary.arm(a.name) for a in r.arms if a.role == "treated" and not is_plain(r, a.name)))


def is_plain(r: StudyRecord, arm: str) -> bool:
    """Does the name of an arm say no more than its role?"""
    return "plain_arm" in r.subject.phrases({"arm": arm})


def only_watched(r: StudyRecord) -> bool:
    """Was nobody given the treatment of interest? Then the report stands in the review for comparison."""
    return "only_watched" in r.phrases and bool(r.counts) and all(c.role != "treated" for c in r.counts)


# ---------------------------------------------------------------------------------------------- what happened


def main_counts(r: StudyRecord) -> tuple[OutcomeCount, ...]:
    """The counts of the first outcome of a study, widest rows at the latest time, treated people first."""
    if not r.counts:
        return ()
    asked = r.subject.topic(r.topic).first_outcome
    rank = {c.outcome: 0 if c.outcome == asked else c.rank or math.inf for c in r.counts}
    groups = ("harm", *_GROUPS) if r.kind in (EXPOSURE, HARMS) else _GROUPS
    first = min(r.counts, key=lambda c: (rank[c.outcome], groups.index(c.group), -c.n, c.outcome)).outcome
    if r.kind == HARMS:
        first = min(r.counts, key=lambda c: (c.group != "harm", not c.events, rank[c.outcome], c.outcome)).outcome
    counts = [c for c in r.counts if c.outcome == first]
    whole = {a.arm_id for a in r.arms if a.part_of is None}
    counts = [c for c in counts if c.arm_id in whole] or counts
    order = {"treated": 0, "comparator": 1, "natural_course": 2}
    chosen = [c for arm in dict.fromkeys(c.arm_id for c in counts) for c in _widest([c for c in counts if c.arm_id == arm])]
    return tuple(sorted(chosen, key=lambda c: (order[c.role], -c.n)))


def _widest(counts: Sequence[OutcomeCount]) -> list[OutcomeCount]:
    """Of the counts of an arm, those of all its patients, else the widest strata; each at its latest time."""
    for relations in (("total",), ("same_patients",), ("only_stratum",), ("part_of_total",)):
        found = [c for c in counts if c.relation in relations]
        if found:
            latest: dict[tuple, OutcomeCount] = {}
            for count in sorted(found, key=lambda c: -1.0 if c.months is None else c.months):
                latest[count.stratum] = count
            return list(latest.values())
    return []


def headline(r: StudyRecord) -> str:
    """The main result in a few words for a table.

    It names the outcome and the counts, with those of the comparison group where there is one.
    """
    main = main_counts(r)
    if not main:
        return "Averages only" if r.continuous else "Percentages only" if r.printed else "No count seen"
    first = main[0]
    against = next((c for c in main if c.role == "comparator" and first.role == "treated"), None)
    text = f"{first.label}: {study_words.events_of_n(first)}"
    if against:
        text += f" v {study_words.events_of_n(against)}"
    more = sum(c.role == first.role for c in main) - 1
    details = [r.vocabulary.arm(first.arm)] if first.role == "comparator" or not is_plain(r, first.arm) else []
    details += [r.vocabulary.stratum(first.stratum)] if more and first.stratum else []
    details += [f"{more} more"] if more else []
    return f"{text} ({'; '.join(details)})" if details else text


def _happened(r: StudyRecord, main: Sequence[OutcomeCount]) -> str:
    if not main:
        if r.continuous:
            return "What we read gives averages, listed below, but no number of people who got better or worse."
        if r.printed:
            return "What we read gives percentages, listed below, but not the number of people behind them."
        return "What we read gives no number of people who got better or worse."
    alone = sum(c.role == main[0].role for c in main) == 1
    sentences = [_count_sentence(c, r, whole=not alone) for c in main[: MOST_LISTED - 1]]
    rest = len(main) - len(sentences)
    if rest:
        sentences.append(f"The tables below have {rest} more such {'count' if rest == 1 else 'counts'}.")
    if main[0].reasons:
        sentences.append(f"Take care: {inside(main[0].reasons[0][1])}")
    if main[0].group == "harm" and not r.results and r.kind not in (EXPOSURE, HARMS):
        sentences.insert(0, "What we read counts harm alone, not how many people got better.")
    return " ".join(sentences)


def _counted_things(c: OutcomeCount) -> str:
    """What is counted, in the plural: people where the stratum names no unit."""
    unit = dict(c.stratum).get(UNIT)
    return f"{plain(unit)}s" if unit else "people"


def _count_sentence(c: OutcomeCount, r: StudyRecord, *, whole: bool) -> str:
    noun, words = _counted_things(c), r.vocabulary
    named = f"had “{words.label('outcome', c.outcome, 'phrase')}”" if c.group == "harm" else f"had the result “{c.label}”"
    # Where something else was counted than the outcome means, the report's own words say what.
    did = f"came under “{c.definition}”" if c.other_meaning and c.definition else words.verb(c.outcome) or named
    group, place = _group(c, r), _place(c, r, whole=whole)
    if noun != "people":
        return f"{c.label} was counted for {study_words.events_of_n(c)} {noun}{group}{place}."
    if c.n == 1:
        if c.events:
            return f"The one person counted{group} {did}{place}."
        return f"In the one person counted{group}, this was not seen: “{c.label}”{place}."
    if c.events == 0:
        return f"None of {c.n:,} {noun}{group} {did}{place}."
    share = f" ({percent(c.share)})" if c.n >= PERCENT_FROM and c.events < c.n else ""
    subject = ("Both" if c.n == 2 else f"All {c.n:,}") if c.events == c.n else f"{c.events:,} of {c.n:,}"
    return f"{subject} {noun}{share}{group} {did}{place}."


def _group(c: OutcomeCount, r: StudyRecord) -> str:
    """The arm in a sentence, where it is not simply the treated or all."""
    if c.role != "comparator" and is_plain(r, c.arm):
        return ""
    name = r.vocabulary.arm(c.arm)
    if name.startswith("comparison group"):
        return f" in the {name}," if "," in name else f" in the {name}"
    return f" in the group “{name}”"


def _place(c: OutcomeCount, r: StudyRecord, *, whole: bool = False) -> str:
    """Which people a count is about, and when they were seen; ``whole`` tells all of a stratum."""
    parts = []
    pairs = [(key, value) for key, value in c.stratum if key != UNIT and (whole or key in r.subject.summary_keys)]
    if pairs and c.relation != "same_patients":
        parts.append(r.vocabulary.stratum(pairs))
    if c.months:
        parts.append(f"at {months(c.months)}")
    return f" ({'; '.join(parts)})" if parts else ""


# -------------------------------------------------------------------------------------- what happens anyway


def nature(r: StudyRecord) -> tuple[tuple[str, Estimate | None], ...]:
    """What people alike do without the treatment: sentences, each with its estimate.

    Empty where the study is of another population, or does not count the outcome of the natural course after a treatment.
    """
    course = r.course
    if course is None or r.population != course.population:
        return ()
    counted = [c for c in r.counts if c.outcome == course.outcome and c.role == "treated"]
    if not counted:
        return ()
    values = natural_values(course, r.row, r.counts, r.subject)
    if not values:
        unknown = inside(r.vocabulary.dimension(course.fact).label)
        text = f"What we read does not tell the {unknown}, so we cannot say how many of these people would have improved anyway."
        return ((text, None),)
    phases = {dict(c.stratum).get(PHASE) or r.phase for c in counted}
    found: list[tuple[str, Estimate | None]] = []
    missing = []
    for value in values:
        suits = [e for e in r.natural if course.value_of(e.synthesis) == value and course.suits(e.synthesis, phases)]
        found += [(plain_sentence(e), e) for e in suits]
        missing += [] if suits else [value]
    if missing:
        (phase,) = phases if len(phases) == 1 else (None,)
        time = r.subject.phrases({PHASE: phase}).get("when_compared", "")
        group = f"{course.value_name} {enumerate_words(missing, 'or')}{f' {time}' if time else ''}"
        found.append((f"For people with {group} this review has no figure of natural recovery yet.", None))
    return tuple(found)


def _anyway(r: StudyRecord) -> str:
    found = nature(r)
    text = " ".join(sentence for sentence, _ in found)
    return f"What happens anyway? {text}" if any(e for _, e in found) else text


# ---------------------------------------------------------------------------------------------------- harm


def _harm(r: StudyRecord, main: Sequence[OutcomeCount]) -> str:
    known = {c.outcome for c in main}
    harms = [c for c in r.harms if c.outcome not in known]
    if not r.harms:
        return NO_HARM_COUNTED
    if not harms:
        return ""
    happened = sorted((c for c in harms if c.events), key=lambda c: (_gravity(c), c.role, -c.events, c.cell_id))
    unseen = list(
        dict.fromkeys(
            r.vocabulary.label("outcome", c.outcome, "phrase")
            for c in sorted(harms, key=_gravity)
            # A zero that is itself in doubt is not told as good news.
            if not c.in_doubt and not any(h.outcome == c.outcome for h in happened)
        )
    )
    sentences = []
    if happened:
        shown = happened[:MOST_LISTED]
        places = {_place(c, r) for c in shown}
        same = places.pop() if len(places) == 1 else ""  # said once
        listed = [
            f"{r.vocabulary.label('outcome', c.outcome, 'phrase')} in {_harm_count(c, r)}{'' if same else _place(c, r)}"
            for c in shown
        ]
        sentences.append(f"Harm that was counted{same}: {'; '.join(listed)}{_more(len(happened) - MOST_LISTED)}.")
    if unseen:
        sentences.append(f"Looked for and not seen: {'; '.join(unseen[:MOST_LISTED])}{_more(len(unseen) - MOST_LISTED)}.")
    if not sentences:
        sentences.append("What it says of harm is in doubt; the table below tells why.")
    return " ".join(sentences)


def _gravity(c: OutcomeCount) -> float:
    return c.gravity or math.inf


def _harm_count(c: OutcomeCount, r: StudyRecord) -> str:
    noun = _counted_things(c)
    counted = "the one person counted" if c.n == 1 and noun == "people" else f"{c.events:,} of {c.n:,} {noun}"
    return f"{counted}{_group(c, r)}"


def _more(rest: int) -> str:
    return f"; and {rest} more in the tables below" if rest > 0 else ""


# ------------------------------------------------------------------------------------------------ how sure


def is_review(r: StudyRecord) -> bool:
    """Does the readers' note say that the report is itself a review of other reports?"""
    return "not a primary study" in (r.note or "").lower()


def read_in_full(r: StudyRecord) -> bool:
    return "full text" in (part.strip() for part in r.read_as.split(";"))


def treats(r: StudyRecord) -> bool:
    return r.kind not in (NATURAL_COURSE, EXPOSURE) and not only_watched(r)


def _sure(r: StudyRecord, main: Sequence[OutcomeCount]) -> str:
    sentences = []
    if is_review(r):
        sentences.append("The report is itself a review of other reports, so it adds no new patients.")
    if treats(r) and r.design in ("rct", "controlled_nonrandomised") and not r.has_comparator:
        sentences.append("It had a comparison group, but the numbers of that group were not seen.")
    elif r.design == "rct" and r.has_comparator:
        sentences.append("Chance decided who got which treatment, so a clear difference between the groups would count.")
    elif treats(r) and r.has_comparator:
        sentences.append("The groups were not made by chance, so they may have differed from the start.")
    elif treats(r):
        sentences.append("No comparison group was seen, so this cannot show what would have happened without the treatment.")
    sentences += _chance(main)
    if not read_in_full(r):
        sentences.append(_read(r))
    sentences.append(_checked(r))
    return " ".join(sentence for sentence in sentences if sentence)


def _read(r: StudyRecord) -> str:
    if r.read_as == "abstract":
        return "We read only the abstract, not the full text."
    return f"We did not read the full text. We read: {read_as(r.read_as)}."


def _chance(main: Sequence[OutcomeCount]) -> list[str]:
    if not main:
        return []
    first = max((c for c in main if c.role == main[0].role), key=lambda c: c.n)
    if UNIT in dict(first.stratum):
        return []
    if first.n <= 2:
        return ["One or two people cannot show how often this happens."]
    if first.n < SMALL and first.low is not None and first.high is not None:
        return [
            f"With only {first.n} people counted, chance matters a lot: "
            f"instead of {percent(first.share)}, the true share may well be anything "
            f"from {percent(first.low)} to {percent(first.high)}."
        ]
    return []


def _checked(r: StudyRecord) -> str:
    if not r.counts:
        return ""
    if not r.verified:
        if r.read_by:
            return f"{enumerate_words(list(r.read_by))} took the numbers; nobody has checked them against the source since."
        return "Two automated readers took the numbers; no person has checked them yet."
    return f"A person has checked {r.verified} of the {len(r.counts)} counts against the source."

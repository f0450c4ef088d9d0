"""Tables of the methods chapters: flow, risk of bias, extraction audit, coverage, reporting checklist."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence

import pandas as pd

from cordbook.core.text import NOT_STATED, capital, enumerate_words, inside, months, plain
from cordbook.display.html.table import Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.appraisal.average_coverage import INTERVALS, FewStudies
from cordbook.review.appraisal.coverage import METHODS, TOLERATED, Coverage
from cordbook.review.appraisal.engines import OURS, THEIRS, EngineRow, difference_in_words, greatest_difference, reasons_of_rows
from cordbook.review.appraisal.extraction_audit import VerifiedWeight
from cordbook.review.appraisal.main_results import Carried
from cordbook.review.appraisal.risk_of_bias import GROUPS, NO, NOT_APPLICABLE, UNCLEAR, YES, Item, WeightedAnswers
from cordbook.review.appraisal.search_recall import Missed, Recall
from cordbook.review.appraisal.verification_queue import QueuedCount
from cordbook.review.estimates.declarations import PoolingLimits
from cordbook.review.estimates.phrases import percent, percent_number
from cordbook.review.reporting.checklist import STATES, Answer, count_states
from cordbook.review.reporting.prisma_flow import DatabaseFlow, StudyFlow, open_steps
from cordbook.review.studies.known_trials import ABSENT, COUNTED, POOLED, UNCOUNTED, KnownTrial, count_by_state
from cordbook.review.studies.records import OutcomeCount
from cordbook.review.studies.timeline import Event
from cordbook.review.studies.words import events_of_n

BLANK = "–"
#: Kind of a table with much text: on a phone a row becomes a card.
CARDS = "cb-table cb-cards"
#: One sign an answer, for tables with many; the words stand in the caption.
SIGNS = {YES: "+", NO: "−", UNCLEAR: "?", NOT_APPLICABLE: "·"}


def number(value: int) -> Cell:
    """A whole number, set to the right."""
    return Cell(f"{value:,}", numeric=True)


def words(value: object) -> str:
    """A code of the data in words; a dash where nothing is known."""
    return BLANK if value is None or pd.isna(value) else plain(value)


def flow_table(flow: StudyFlow) -> Table:
    """The flow diagram as a table: every step with its number, or that it has not been taken."""
    d = flow.databases
    s = flow.since
    steps = [
        (f"Study reports in version {s.version}" if s else "Study reports in a version before these data", s.studies if s else 0)
    ]
    steps += [(f"Records from {name}", hits) for name, _, hits in d.sources]
    steps += [
        ("Records identified by databases and registers", d.identified), ("Duplicates removed", d.duplicates),
        *([("Records of studies in the review already", d.known), ("Records waiting to be screened", d.waiting)] if d.searched else []),
        ("Records screened", d.screened), ("Records excluded", d.excluded), ("Reports sought", d.sought),
        ("Reports not retrieved", d.not_retrieved), ("Reports assessed", d.assessed),
        ("Reports excluded after assessment", sum(n for _, n in d.excluded_reports) if d.searched else None),
        ("Studies included from databases and registers", d.included),
        *[(f"of these from {name}", n) for name, n in d.by_source],
        *([("Reports waiting to be assessed", d.to_assess), ("Studies waiting to be extracted", d.to_extract)] if d.searched else []),
        (f"Study reports found by {flow.other_methods.partition(',')[0]}", flow.by_other_methods),
        *_listed(flow.listed),
        *([("New since that version, by databases and registers", s.by_databases), ("New since that version, by other methods", s.by_other_methods),
           ("Of that version, no longer in the data", s.gone)] if s else []),
        ("Study reports in the data", flow.studies),
        ("of these with at least one countable outcome", flow.with_counts), ("without a countable outcome", flow.without_counts),
        ("In at least one synthesis", flow.in_synthesis), ("With a countable outcome, in no synthesis", sum(n for _, n in flow.left_out)),
    ]  # fmt: skip
    rows = tuple((Cell(step), number(n) if n is not None else Cell("not yet", numeric=True)) for step, n in steps)
    return Table("flow-steps", "The flow of studies in numbers", ("Step", "Number"), rows)


def _listed(listed: DatabaseFlow | None) -> list[tuple[str, int | None]]:
    """The steps of what other methods found, where it was listed as records."""
    if listed is None:
        return []
    early = [("of these excluded by title or abstract", listed.excluded)] if listed.excluded else []
    out = [(f"of these excluded: {reason}", n) for reason, n in listed.excluded_reports]
    return [
        ("of what they found, listed as records", listed.identified),
        *early,
        *out,
        *((f"of these {name[0].lower()}{name[1:]}", n) for name, n in open_steps(listed)),
        ("of these study reports in the data", listed.included),
    ]


def left_out_table(flow: StudyFlow) -> Table:
    """Why study reports with a countable outcome are in no synthesis, each under one reason."""
    rows = tuple((Cell(reason), number(n)) for reason, n in flow.left_out)
    return Table("left-out", "Why reports with a countable outcome are in no synthesis", ("Reason", "Study reports"), rows)


def known_table(trials: Sequence[KnownTrial], hrefs: Mapping[str, str]) -> Table:
    """Trials that other reviews count and the pool lacks, what the data hold of each today, and why it is not pooled."""
    rows = tuple(
        (
            Cell(t.trial, href=hrefs.get(t.study_id)), Cell(t.product), Cell(BLANK if t.n is None else f"{t.n:,}", numeric=True),
            Cell(t.state), Cell(capital(t.why)),
        )
        for t in trials
        if t.state != POOLED
    )  # fmt: skip
    header = ("Trial", "What was given", "Patients by the list", "In the data", "Why it is not in the pool")
    return Table("known-trials", "Trials that other reviews count and the main pool lacks", header, rows, kind=CARDS)


def known_sentence(trials: Sequence[KnownTrial], title: str) -> str:
    """How many of the known trials the pool holds, and what is known of the others."""
    n = count_by_state(trials)
    return (
        f"Of {len(trials):,} trials that other reviews count, {n[POOLED]:,} are in the pool “{title}”; "
        f"{n[COUNTED]:,} more are in the data with a count that may be pooled, {n[UNCOUNTED]:,} without one, and {n[ABSENT]:,} are absent."
    )


def strategies_table(strategies: pd.DataFrame, searches: pd.DataFrame) -> Table:
    """Every source with its strategies and whether they have been run."""
    run = searches.groupby("strategy_id")["searched_on"].max()
    rows = tuple(
        (
            Cell(s.source, href=f"#strategy-{s.strategy_id}"), Cell(s.source_kind), Cell(words(s.part)),
            Cell(str(run[s.strategy_id]) if s.strategy_id in run else "proposed, not yet run"),
        )
        for s in strategies.itertuples()
    )  # fmt: skip
    return Table("sources", "Sources and strategies", ("Source", "Kind", "Looks for", "Last run"), rows)


def recall_table(recalls: Sequence[Recall], strategies: pd.DataFrame, vocabulary: Vocabulary) -> Table:
    """What each strategy finds of the included studies by their titles, by topic; ``recalls`` in the order of the strategies."""
    named = dict(zip(strategies["strategy_id"], strategies["source"], strict=True))
    rows = tuple(
        (
            Cell(f"{named[r.name]}: {r.name.rpartition('-')[2]}" if r.name in named else capital(r.name), href=f"#strategy-{r.name}" if r.name in named else None),
            Cell(f"{len(r.found):,} of {r.asked:,}" if r.share is not None else BLANK, numeric=True),
            Cell(percent(r.share) if r.share is not None else BLANK, numeric=True),
            Cell("; ".join(f"{vocabulary.label('topic', topic)} {found:,} of {asked:,}" for topic, (found, asked) in r.by_topic().items()) or r.note),
        )
        for r in recalls
    )  # fmt: skip
    header = ("Strategy", "Studies found", "Share", "By topic, or why no share is given")
    return Table(
        "search-recall", "Included studies that each strategy finds by the words of their titles", header, rows, kind=CARDS
    )


def missed_table(missed: Sequence[Missed], evidence: Evidence, hrefs: Mapping[str, str]) -> Table:
    """Included studies with a title that no strategy finds by it."""
    rows = tuple(
        (
            Cell(evidence.study_labels[m.study.study_id], href=hrefs.get(m.study.study_id)),
            Cell(evidence.vocabulary.label("topic", m.study.topic)),
            Cell(m.study.title),
        )
        for m in missed
    )
    return Table(
        "search-missed",
        "Included studies that no strategy finds by their titles",
        ("Study", "Topic", "Title"),
        rows,
        kind=CARDS,
        folded=True,
    )


def items_table(items: Sequence[Item]) -> Table:
    """The items of the risk-of-bias list: question, and why it matters."""
    rows = tuple((Cell(i.name), Cell(i.question), Cell(i.why), Cell(GROUPS[i.group])) for i in items)
    return Table(
        "risk-of-bias-items",
        "What is asked of every study report",
        ("Item", "Question", "Why", "About"),
        rows,
        tuple(f"rob-{i.id}" for i in items),
        CARDS,
    )


def judged_table(judged: pd.DataFrame, items: Sequence[Item], labels: Mapping[str, str], hrefs: Mapping[str, str]) -> Table:
    """Every study report with its answers as signs; sorted by name."""
    order = sorted(judged.index, key=lambda s: labels[s].lower())
    rows = tuple((Cell(labels[s], href=hrefs.get(s)), *(Cell(SIGNS[judged.loc[s, i.id]]) for i in items)) for s in order)
    caption = "Every study report: + yes, − no, ? unclear, · does not apply"
    return Table(
        "risk-of-bias-studies",
        caption,
        ("Study", *(i.name for i in items)),
        rows,
        tuple(f"rob-study-{s}" for s in order),
        folded=True,
    )


def weights_table(weighted: Sequence[WeightedAnswers], items: Sequence[Item]) -> Table:
    """Percent of an estimate's weight with yes (and with no), by item: one row per estimate."""
    rows = []
    for found in weighted:
        table = found.weights
        shown = [Cell(found.title, href=f"../estimates/{found.estimate_id}.html"), number(found.studies)]
        for item in items:
            applies = table.loc[item.id, NOT_APPLICABLE] < 100
            shown.append(Cell(f"{table.loc[item.id, YES]:.0f}/{table.loc[item.id, NO]:.0f}" if applies else BLANK, numeric=True))
        rows.append(tuple(shown))
    caption = "Percent of an estimate's weight with yes / with no; the rest is unclear"
    return Table("risk-of-bias-estimates", caption, ("Estimate", "Studies", *(i.name for i in items)), tuple(rows), folded=True)


def agreement_table(agreement: pd.DataFrame, vocabulary: Vocabulary) -> Table:
    """Agreement of the two readings by topic and overall; takes the frame of ``audit.agreement_by``."""
    rows = tuple(
        (
            Cell(vocabulary.label("topic", r.group)), number(r.counts), number(r.read_twice), number(r.agreed),
            Cell(f"{percent(r.share)} ({percent_number(r.low)} to {percent_number(r.high)})" if r.read_twice else BLANK, numeric=True),
            number(r.settled), number(r.open), number(r.not_seen_again), number(r.read_once),
        )
        for r in agreement.itertuples()
    )  # fmt: skip
    header = (
        "Topic",
        "Counts",
        "Read twice",
        "Equal",
        "Agreement (95% CI)",
        "Settled",
        "Left open",
        "Not seen again",
        "Read once",
    )
    return Table("agreement", "Agreement of two readings in events and patients", header, rows)


def readings_table(readings: pd.DataFrame, *, table_id: str, caption: str, folded: bool) -> Table:
    """Counts with both readings; takes the frame of ``audit.readings_side_by_side``."""
    rows = tuple(
        (
            Cell(r.label), Cell(_what(r.outcome, r.stratum)), Cell(r.first), Cell(r.second), Cell(r.used),
            Cell("yes" if r.poolable else "no"), Cell(words(r.settled_by) if r.agreement != "disagree_open" else f"left open: {words(r.settled_by)}"),
        )
        for r in readings.itertuples()
    )  # fmt: skip
    header = ("Study", "What", "First reading", "Second reading", "Used", "Poolable", "Why")
    return Table(table_id, caption, header, rows, tuple(f"{table_id}-{i}" for i in range(1, len(rows) + 1)), CARDS, folded)


def seen_once_table(readings: pd.DataFrame, *, table_id: str, caption: str) -> Table:
    """Counts that one reading stands for; takes the frame of ``audit.readings_side_by_side``."""
    rows = tuple(
        (Cell(r.label), Cell(_what(r.outcome, r.stratum)), Cell(r.used), Cell("yes" if r.poolable else "no"))
        for r in readings.itertuples()
    )
    return Table(table_id, caption, ("Study", "What", "Events of patients", "Poolable"), rows, folded=True)


def _what(outcome: str, stratum: str) -> str:
    return f"{outcome}; {stratum}" if stratum else outcome


def states_table(states: pd.DataFrame) -> Table:
    """How far counts have been looked at; takes the frame of ``verification_queue.count_states``."""
    rows = tuple((Cell(r.state.capitalize()), number(r.counts), number(r.pooled)) for r in states.itertuples())
    return Table("cell-states", "How far the counts have been looked at", ("State", "Counts", "In an estimate"), rows)


def first_table(named: Sequence[tuple[QueuedCount, OutcomeCount]], evidence: Evidence, titles: Mapping[str, str]) -> Table:
    """The counts to check first, each with the place on its study's page; ``titles`` names the estimates."""
    labels, vocabulary = evidence.study_labels, evidence.vocabulary
    rows = tuple(
        (
            Cell(labels[c.study_id], href=f"../studies/{c.study_id}.html#{c.cell_id}"),
            Cell(f"{o.label}; {vocabulary.arm(o.arm)}, {inside(vocabulary.stratum(o.stratum))}, {months(o.months)}"),
            Cell(events_of_n(o), numeric=True),
            Cell(o.locator or NOT_STATED),
            Cell(percent(c.weight), numeric=True),
            Cell(titles[c.estimate], href=f"../estimates/{c.estimate}.html"),
            Cell(c.state),
        )
        for c, o in named
    )
    header = ("Study", "What was counted, in whom and when", "Count", "Where read", "Weight", "In the result", "State")
    ids = tuple(f"first-{i}" for i in range(1, len(rows) + 1))
    return Table("first-to-check", f"{len(rows)} counts to check first", header, rows, ids, CARDS)


def carried_sentence(first: int, results: Sequence[Carried]) -> str:
    """What share of the weight of each main result the first counts carry, with those that are checked already."""
    told = [
        f"{percent(r.share)} of “{r.title}” ({r.counts:,} {'count' if r.counts == 1 else 'counts'})"
        for r in results
        if r.share is not None
    ]
    empty = [f"“{r.title}”" for r in results if r.share is None]
    parts = (
        [
            f"Of the weight of the main results, {'this count carries' if first == 1 else f'these {first} counts carry'} {enumerate_words(told)}."
        ]
        if told and first
        else []
    )
    parts += [f"No study is in {enumerate_words(empty)} yet."] if empty else []
    return " ".join(parts)


def verified_table(weights: Sequence[VerifiedWeight]) -> Table:
    """Share of every estimate's weight whose counts a person has checked."""
    rows = tuple(
        (
            Cell(w.title, href=f"../estimates/{w.id}.html"),
            number(w.k),
            number(w.counts),
            number(w.checked),
            Cell(w.percent, numeric=True),
        )
        for w in weights
    )
    header = ("Estimate", "Studies", "Counts", "Counts verified", "Weight verified by a person")
    return Table("verified-weight", "How much of each estimate a person has checked", header, rows, folded=True)


def coverage_summary_table(summaries: Sequence[Coverage], *, table_id: str, caption: str) -> Table:
    """Coverage by method over scenarios."""
    rows = tuple(
        (
            Cell(METHODS[s.method]), number(s.scenarios), Cell(percent(s.least), numeric=True), Cell(percent(s.median), numeric=True),
            Cell(percent(s.greatest), numeric=True), number(s.below),
        )
        for s in summaries
    )  # fmt: skip
    header = ("Method", "Scenarios", "Least", "Median", "Greatest", f"Below {percent(TOLERATED)}")
    return Table(table_id, caption, header, rows)


def pooling_limits_table(limits: PoolingLimits) -> Table:
    """The declared limits of pooling: what is found, and why no average is given then."""
    rules = (
        (
            "Few studies",
            f"fewer than {limits.studies_below}",
            "How much so few studies differ cannot be told, and an interval that allows for it says nearly nothing.",
        ),
        (
            "Studies that share nothing",
            f"standard deviation between studies (τ, log-odds scale) above {limits.tau_above:g}",
            f"One standard deviation then multiplies the odds by {math.exp(limits.tau_above):.0f}.",
        ),
        (
            "One study that counted",
            f"more than {percent(limits.no_event_share_above)} of studies without an event, and more than "
            f"{percent(limits.one_study_share_above)} of the events in one study",
            "An average would tell how studies counted, not how often the event happens.",
        ),
        (
            "An interval that says nothing",
            f"wider than {100 * limits.interval_wider_than:g} percentage points",
            "Nearly every share would fit.",
        ),
    )
    rows = tuple(tuple(Cell(text) for text in rule) for rule in rules)
    return Table("pooling-limits", "When studies are not pooled", ("Rule", "Limit", "Why"), rows, kind=CARDS)


def few_studies_table(found: Sequence[FewStudies]) -> Table:
    """Least and median coverage, and median width, of intervals of the population average: one row per interval, one column per number of studies."""
    by_place = {(f.method, f.k): f for f in found}
    studies = sorted({f.k for f in found})
    rows = tuple(
        (Cell(name), *(_coverage_cell(by_place.get((method, k))) for k in studies)) for method, name in INTERVALS.items()
    )
    header = ("Interval", *(f"k = {k}" for k in studies))
    caption = "Intervals of the population average: least and median coverage over the scenarios, and median width in percentage points, for k studies"
    return Table("coverage-averages", caption, header, rows)


def _coverage_cell(found: FewStudies | None) -> Cell:
    if found is None:
        return Cell(BLANK, numeric=True)
    covered, wide = f"{percent(found.least)}, {percent(found.median)}", f"width {100 * found.width:.0f}"
    return Cell(f"{covered}; {wide}", numeric=True, links=((covered, None), (wide, None)))


def averages_table(found: pd.DataFrame) -> Table:
    """The averages of published data sets side by side; takes the stored results of ``coverage.AVERAGES``."""
    names = ("median_study", "population_average", "beta_binomial")
    rows = tuple(
        (
            Cell(words(r["set"])), number(int(r["k"])), Cell(f"{int(r['events']):,}/{int(r['n']):,}", numeric=True),
            *(Cell(f"{percent(r[n])} ({percent(r[f'{n}_low'])} to {percent(r[f'{n}_high'])})", numeric=True) for n in names),
            Cell(percent(r["crude"]), numeric=True), Cell(f"{r['median_to_mean']:.2f}", numeric=True),
            Cell(f"{r['glmm_to_beta_binomial']:.2f}", numeric=True),
        )
        for _, r in found.iterrows()
    )  # fmt: skip
    header = (
        "Data", "Studies", "Events/n", "Median study", "Population average", "Beta-binomial mean", "Counts added up",
        "Median to average", "Average to beta-binomial",
    )  # fmt: skip
    return Table("averages", "Which average? Published data by the mixed and the beta-binomial model", header, rows)


def expected_coverage_table(found: pd.DataFrame, words: Mapping[str, str]) -> Table:
    """How often a comparison with the natural course finds no difference where there is none; takes the results of ``coverage.EXPECTED``.

    ``words`` say which groups are compared in a scenario.
    """
    rows = tuple(
        (
            Cell(words.get(r["scenario"], r["scenario"])), number(int(r["groups"])), number(int(r["people"])),
            Cell(f"{r['tau']:.2f}", numeric=True), Cell(percent(r["difference"]), numeric=True), Cell(percent(r["ratio"]), numeric=True),
            Cell(f"{r['median_width']:.0f}", numeric=True),
        )
        for _, r in found.iterrows()
    )  # fmt: skip
    header = ("Groups", "Studies", "People", "τ", "Difference holds 0", "Ratio holds 1", "Width, of 100 people")
    runs = int(found["replications"].min())
    caption = f"When a treatment does nothing: how often the intervals say so ({runs:,} runs each)"
    return Table("coverage-expected", caption, header, rows)


def coverage_table(own: pd.DataFrame, outcomes: Mapping[str, str]) -> Table:
    """Coverage at the sizes of the review's own outcomes; takes the frame of ``coverage.own_scenarios``."""
    rows = tuple(
        (
            Cell(_outcome_name(r["scenario"], outcomes)), number(int(r["k"])), number(int(r["participants"])),
            Cell(percent(r["p"]), numeric=True), Cell(f"{r['tau']:.2f}", numeric=True),
            *(Cell(BLANK if pd.isna(r[m]) else percent(r[m]), numeric=True) for m in METHODS),
        )
        for _, r in own.iterrows()
    )  # fmt: skip
    header = ("Outcome", "Studies", "People", "True share", "τ", *METHODS.values())
    return Table("coverage-own", "Coverage of 95% intervals at the review's own study sizes", header, rows, folded=True)


def _outcome_name(scenario: str, outcomes: Mapping[str, str]) -> str:
    key = scenario.removeprefix("own_")
    return outcomes.get(key) or outcomes.get(key.replace("other_", "other:", 1)) or words(key)


def engines_table(rows: Sequence[EngineRow]) -> Table:
    """Every estimate by both engines: declared model, what was compared, both results, the greatest difference of all its checks."""
    table = tuple(
        (
            Cell(r.title, href=f"../estimates/{r.id}.html"), Cell(r.declared), Cell("the same" if r.same_model else r.compared),
            Cell(r.ours, numeric=True), Cell(r.theirs, numeric=True), number(r.checks), Cell(difference_in_words(r.difference), numeric=True),
        )
        for r in rows
    )  # fmt: skip
    header = ("Estimate", "Declared model", "Compared", OURS, THEIRS, "Models compared", "Greatest difference")
    caption = f"Every estimate by two engines (greatest difference of all: {difference_in_words(greatest_difference(rows))})"
    return Table("two-engines", caption, header, table, folded=True)


def engine_gaps_table(rows: Sequence[EngineRow]) -> Table:
    """Declared models that statsmodels lacks, with the reason and the nearest, and how many estimates declare each."""
    table = tuple(
        (Cell(declared), number(sum(r.declared == declared and not r.same_model for r in rows)), Cell(reason))
        for declared, reason in reasons_of_rows(rows).items()
    )
    return Table(
        "engine-gaps", f"Models that {THEIRS} does not have", ("Declared model", "Estimates", "Why, and what was compared"), table
    )


def checklist_table(answers: Sequence[Answer], source: str, page: str) -> Table:
    """A checklist with answers; places become links from ``page`` (a path as in the table of contents)."""
    asked = [a for a in answers if a.source == source]
    rows = tuple(
        (
            Cell(a.item_id), Cell(a.requirement, links=((f"{a.section}:", None), (a.requirement, None))), Cell(a.state), Cell(a.how),
            Cell("; ".join(map(place_name, a.where)) or BLANK, links=tuple((place_name(p), place_href(p, page)) for p in a.where)),
        )
        for a in asked
    )  # fmt: skip
    ids = tuple(f"item-{a.item_id.lower().replace('/', '-')}" for a in asked)
    header = ("Item", "What is asked", "Met?", "How", "Where")
    return Table(f"checklist-{source.lower().replace(' ', '-')}", source, header, rows, ids, CARDS)


def place_href(place: str, page: str) -> str:
    """The address of ``PAGE#ANCHOR`` as seen from ``page``.

    >>> place_href("book/methods/protocol#eligibility", "book/methods/reporting-checklist"), place_href("index", "book/methods/x")
    ('protocol.html#eligibility', '../../index.html')
    """
    target, _, anchor = place.partition("#")
    return posixpath.relpath(f"{target}.html", posixpath.dirname(page)) + (f"#{anchor}" if anchor else "")


def place_name(place: str) -> str:
    """A place in words.

    >>> place_name("book/methods/prisma-flow#left-out"), place_name("index")
    ('prisma flow: left out', 'landing page')
    """
    target, _, anchor = place.partition("#")
    name = "landing page" if target == "index" else target.rpartition("/")[2].replace("-", " ")
    return f"{name}: {anchor.replace('-', ' ')}" if anchor else name


def checklist_counts_table(answers: tuple[Answer, ...]) -> Table:
    """Number of items by checklist and state."""
    rows = tuple(
        (Cell(source), *(number(n) for n in counts.values()), number(sum(counts.values())))
        for source, counts in count_states(answers).items()
    )
    return Table("checklist-counts", "How many items are met", ("Checklist", *(s.capitalize() for s in STATES), "Items"), rows)


def events_table(events: Sequence[Event], topics: Mapping[str, str]) -> Table:
    """Events of the field, told from the data; ``topics`` names their topics."""
    rows = tuple((Cell(str(e.year)), Cell(topics[e.topic]), Cell(e.kind), Cell(e.label)) for e in events)
    return Table("field-events", "Events in the timeline", ("Year", "Topic", "Event", "Study"), rows, folded=True)

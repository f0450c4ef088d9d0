"""What share of the included studies a saved search finds by the words of their titles, and which it misses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cordbook.errors import CordbookError
from cordbook.evidence.evidence import Evidence, as_written
from cordbook.evidence.queries.dialects import ANY, Dialect, dialect_of
from cordbook.evidence.queries.match import is_latin, matches, missing_parts, words_of
from cordbook.evidence.queries.parse import Node, parse, shown_at

#: What a measurement by titles can and cannot tell; beside every such result.
BY_TITLE = (
    "By titles, and abstracts of records that were merged with a study: an approximation. Index terms, kinds of document and other "
    "fields that words cannot answer are left out, and a source reads abstracts too, so it will find more than this."
)
Row = Mapping[str, str]


class CannotMeasure(CordbookError, ValueError):
    """Recall cannot be measured; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Study:
    """An included study: what it is called, its topic, and the words that are known of it."""

    study_id: str
    title: str
    topic: str
    pmcid: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missed:
    """A study that was not found; ``why`` says what it lacks, as far as that is known."""

    study: Study
    why: str = ""


@dataclass(frozen=True, slots=True)
class Recall:
    """What a search found of the studies that it is meant to find. ``open`` cannot be told: no title was seen of them."""

    name: str
    found: tuple[Study, ...]
    missed: tuple[Missed, ...]
    open: tuple[Study, ...] = ()
    note: str = ""

    @property
    def asked(self) -> int:
        """How many studies the share is of."""
        return len(self.found) + len(self.missed)

    @property
    def share(self) -> float | None:
        """The share found; None where there is no study to find."""
        return len(self.found) / self.asked if self.asked else None

    def by_topic(self) -> dict[str, tuple[int, int]]:
        """Found and asked by topic, in the order of names."""
        topics = sorted({s.topic for s in self.found} | {m.study.topic for m in self.missed})
        return {
            t: (
                sum(s.topic == t for s in self.found),
                sum(s.topic == t for s in self.found) + sum(m.study.topic == t for m in self.missed),
            )
            for t in topics
        }


def included_studies(evidence: Evidence) -> list[Study]:
    """Every study of the review with the words of its title and of abstracts of records that were merged with it."""
    references = evidence["references"].set_index("reference_id")
    abstracts = _abstracts(evidence)
    found = []
    for row in evidence["studies"].itertuples():
        title = as_written(references.loc[row.study_id, "title"])
        text = " . ".join((title, *abstracts.get(row.study_id, ())))
        number = as_written(references.loc[row.study_id, "pmcid"])
        found.append(Study(row.study_id, title, as_written(row.topic), number, words_of(text)))
    return found


def _abstracts(evidence: Evidence) -> dict[str, list[str]]:
    """Abstracts by study, of records that stand merged with it."""
    texts = dict(zip(evidence["abstracts"]["record_id"], evidence["abstracts"]["abstract"], strict=True))
    found: dict[str, list[str]] = {}
    for row in evidence["record_merges"].itertuples():
        study = as_written(row.same_as_study)
        if study and not as_written(row.undone_on) and row.record_id in texts:
            found.setdefault(study, []).append(as_written(texts[row.record_id]))
    return found


def strategies_of(evidence: Evidence) -> list[Row]:
    """The saved searches as rows of text."""
    table = evidence["search_strategies"]
    return [dict(zip(table.columns, map(as_written, row), strict=True)) for row in table.itertuples(index=False)]


def recalls(evidence: Evidence) -> list[Recall]:
    """What each saved search finds by titles, in the order of the table; one that cannot be read gives the problem as its note."""
    studies, found = included_studies(evidence), []
    for strategy in strategies_of(evidence):
        try:
            found.append(by_title(strategy, studies))
        except CannotMeasure as error:
            found.append(Recall(strategy["strategy_id"], (), (), note=str(error)))
    return found


def of_topics(studies: Iterable[Study], topics: str) -> list[Study]:
    """Studies of the topics that a strategy is meant for; all where it names none."""
    wanted = {t.strip() for t in topics.split(";") if t.strip()}
    return [s for s in studies if not wanted or s.topic in wanted]


def by_title(strategy: Row, studies: Sequence[Study]) -> Recall:
    """What a saved search finds among titles; raises :class:`CannotMeasure` where its syntax cannot be read.

    A search that only ranks, or is written in letters that titles do not have, gives no share, with the reason as its note.
    """
    name, dialect = strategy["strategy_id"], dialect_of(strategy["source"]) or ANY
    query = parse(strategy["query"], dialect)
    if query.problems:
        first = query.problems[0]
        raise CannotMeasure(f"{name}: {shown_at(strategy['query'], first.at)}: {first.message} {first.remedy}")
    tree = query.tree
    if not dialect.boolean:
        return Recall(
            name, (), (), note=f"{dialect.name} ranks by words and leaves nothing out; measure what it gave with --recall FILE"
        )
    if strategy.get("source_kind") == "register":
        return Recall(name, (), (), note="a register holds trials, not reports; measure what it gave with --recall FILE")
    if tree is None or not is_latin(tree):
        return Recall(
            name, (), (), note="it is written in other letters than the titles; measure what it gave with --recall FILE"
        )
    return _among(name, tree, dialect, of_topics(studies, strategy.get("looks_for", "")))


def _among(name: str, tree: Node, dialect: Dialect, studies: Iterable[Study]) -> Recall:
    found, missed, unseen = [], [], []
    for study in studies:
        if not study.words:
            unseen.append(study)
        elif matches(tree, study.words, dialect):
            found.append(study)
        else:
            missed.append(Missed(study, _why(missing_parts(tree, study.words, dialect))))
    return Recall(name, tuple(found), tuple(missed), tuple(unseen))


def _why(lacking: tuple[tuple[int, ...], int]) -> str:
    """What a title lacks: the parts of the search, joined by AND, of which it has no word."""
    parts, of = lacking
    if not parts:
        return "a word that the search leaves out"
    return "none of its alternatives" if of == 1 else f"no word of part {' and '.join(map(str, parts))} of {of}"


def together(recalls: Sequence[Recall]) -> Recall:
    """What at least one of some searches found, of all that any of them is meant to find."""
    found = {s.study_id: s for r in recalls for s in r.found}
    missed = {m.study.study_id: Missed(m.study) for r in recalls for m in r.missed if m.study.study_id not in found}
    unseen = {s.study_id: s for r in recalls for s in r.open}
    return Recall("all together", tuple(found.values()), tuple(missed.values()), tuple(unseen.values()))

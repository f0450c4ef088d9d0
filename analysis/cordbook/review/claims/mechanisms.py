"""Claims on mechanisms and treatments: who showed what, in what kind of study, and how surely the source was found.

The claims are rows of ``mechanisms.csv``. Nothing is pooled here: a claim is counted, never weighed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cordbook.errors import CordbookError
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.vocabulary import Vocabulary

#: Kinds of evidence from the nearest to patients to the farthest, with their names in figures and tables.
EVIDENCE_TYPES: Mapping[str, str] = {
    "clinical": "People",
    "animal": "Animals",
    "in_vitro": "In a dish",
    "review": "Review only",
    "unknown": "Not seen",
}
#: Directions of a claim with their names.
DIRECTIONS: Mapping[str, str] = {
    "protective": "protects or helps",
    "harmful": "harms",
    "mixed": "both",
    "neutral": "says neither",
    "none": "no effect shown",
}
#: How sure it is that the source is the one the parent review had in mind.
MATCHES: Mapping[str, str] = {
    "certain": "source found, certain",
    "probable": "source found, probable",
    "related_only": "only a related source found",
    "none": "no source found",
}
#: Matches that count as a source found.
TRACED = ("certain", "probable")


class BrokenSentence(CordbookError, AssertionError):
    """A chapter says something that stored results no longer say; the message is the sentence."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim in our words. ``source`` is the id of the candidate reference, None where none was found.

    ``topic_name`` and ``section_name`` are their names in figures and tables.
    """

    id: str
    section: str
    topic: str
    statement: str
    direction: str
    evidence_type: str
    source: str | None
    match: str
    table: str | None
    remark: str
    topic_name: str
    section_name: str

    @property
    def traced(self) -> bool:
        """Is the source found, at least probably?"""
        return self.match in TRACED


@dataclass(frozen=True, slots=True)
class Mark:
    """Claims of one direction from one kind of evidence: how many, with how many sources found or related."""

    evidence_type: str
    direction: str
    claims: int
    traced: int
    related: int


@dataclass(frozen=True, slots=True)
class MapRow:
    """A row of an evidence map: its name and its marks in the order of the columns."""

    name: str
    marks: tuple[Mark, ...]

    @property
    def claims(self) -> int:
        return sum(m.claims for m in self.marks)

    @property
    def traced(self) -> int:
        return sum(m.traced for m in self.marks)


@dataclass(frozen=True, slots=True)
class Source:
    """A candidate reference as a reader sees it: who and when, or the title, and where it can be opened."""

    label: str
    href: str | None


def load_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """All claims of ``mechanisms.csv`` in the order of the table.

    Raises ``ValueError`` naming claims whose topic or section has no name in ``mechanism_topics.csv`` or ``sections.csv``.
    """
    topics = dict(zip(*(evidence["mechanism_topics"][c] for c in ("topic", "label")), strict=True))
    sections, vocabulary = evidence.subject.sections, evidence.vocabulary
    rows = list(evidence["mechanisms"].itertuples())
    nameless = [f"{r.claim_id} ({r.topic})" for r in rows if _base_topic(r.topic) not in topics]
    nameless += [f"{r.claim_id} (section {r.section})" for r in rows if r.section not in sections]
    if nameless:
        raise ValueError(f"no name in words for {', '.join(nameless)}; add it to mechanism_topics.csv or sections.csv")
    return tuple(
        Claim(
            id=r.claim_id, section=r.section, topic=r.topic, statement=r.claim, direction=r.direction,
            evidence_type=r.evidence_type, source=_text(r.reference_id), match=r.match_confidence,
            table=_text(r.seed_table), remark=remark_in_words(_text(r.note) or "", vocabulary),
            topic_name=topics[_base_topic(r.topic)], section_name=sections[r.section].label,
        )
        for r in rows
    )  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _base_topic(topic: str) -> str:
    """The first part of a topic, which names it: topics of a table of the parent review may be written ``what | origin | how``."""
    return topic.split(" | ")[0]


def select_claims(
    claims: Iterable[Claim],
    *,
    section: str | None = None,
    topic: str | None = None,
    evidence_type: str | None = None,
    direction: str | None = None,
    match: str | Sequence[str] | None = None,
    table: str | None = None,
) -> tuple[Claim, ...]:
    """Claims that fit all of the given conditions; a section takes its parts along (``"2"`` holds 2.1 to 2.5)."""
    wanted = (match,) if isinstance(match, str) else match
    return tuple(
        c
        for c in claims
        if (section is None or c.section == section or c.section.startswith(f"{section}."))
        and (topic is None or c.topic == topic)
        and (evidence_type is None or c.evidence_type == evidence_type)
        and (direction is None or c.direction == direction)
        and (wanted is None or c.match in wanted)
        and (table is None or c.table == table)
    )


def rows_by_topic(claims: Iterable[Claim]) -> tuple[MapRow, ...]:
    """One row per topic, in the order in which topics first appear."""
    return _rows((c.topic_name, c) for c in claims)


def rows_by_section(claims: Iterable[Claim]) -> tuple[MapRow, ...]:
    """One row per section, in the order of the review."""
    ordered = sorted(claims, key=lambda c: tuple(int(part) for part in c.section.split(".")))
    return _rows((c.section_name, c) for c in ordered)


def _rows(named: Iterable[tuple[str, Claim]]) -> tuple[MapRow, ...]:
    groups: dict[str, list[Claim]] = {}
    for name, claim in named:
        groups.setdefault(name, []).append(claim)
    return tuple(MapRow(name, _marks(group)) for name, group in groups.items())


def _marks(claims: Sequence[Claim]) -> tuple[Mark, ...]:
    marks = []
    for kind in EVIDENCE_TYPES:
        for direction in DIRECTIONS:
            held = select_claims(claims, evidence_type=kind, direction=direction)
            if held:
                related = len(select_claims(held, match="related_only"))
                marks.append(Mark(kind, direction, len(held), sum(c.traced for c in held), related))
    return tuple(marks)


_VERDICT = re.compile(r"\b(QUALIFIES|CONTRADICTS|SUPPORTS)\b")
_VERDICT_WORDS = {"QUALIFIES": "Qualified by", "CONTRADICTS": "Contradicted", "SUPPORTS": "Supported"}


def remark_in_words(note: str, vocabulary: Vocabulary | None = None) -> str:
    """The remark of a claim for readers: the extraction's shorthand written out, by the wordings of the ``vocabulary`` too.

    >>> remark_in_words("QUALIFIES: shown in rats only")
    'Qualified by: shown in rats only'
    >>> remark_in_words("One case improved. CONTRADICTS in rat: no benefit")
    'One case improved. Contradicted in rat: no benefit'
    """
    return (vocabulary or Vocabulary()).remark(_VERDICT.sub(lambda m: _VERDICT_WORDS[m[1]], note))


def sources(evidence: Evidence) -> dict[str, Source]:
    """Every reference by id, as it is shown beside a claim."""
    labels = evidence.source_labels(TITLE_LENGTH)
    return {r["reference_id"]: Source(labels[r["reference_id"]], _address(r)) for r in evidence["references"].to_dict("records")}


#: Titles longer than this are cut at a word, so that a table stays readable.
TITLE_LENGTH = 70


def _address(reference: Mapping[str, Any]) -> str | None:
    for name, start in (
        ("doi", "https://doi.org/"),
        ("pmid", "https://pubmed.ncbi.nlm.nih.gov/"),
        ("pmcid", "https://pmc.ncbi.nlm.nih.gov/articles/"),
    ):
        if value := _text(reference[name]):
            return start + value
    return None


def expect(sentence: str, holds: bool) -> None:
    """Stop where a sentence on stored results no longer holds.

    What estimates and tables say is guarded in prose, and judged before any chapter runs; this is for results that no condition of
    a guard can name, such as those of simulations. Raises :class:`BrokenSentence` with the sentence.
    """
    if not holds:
        raise BrokenSentence(f"the stored results no longer say: {sentence!r}; rewrite the sentence, then its condition")

"""Claims on mechanisms and treatments: who showed what, in what kind of study, and how surely the source was found.

The claims are rows of ``mechanisms.csv``. Nothing is pooled here: a claim is counted, never weighed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cordbook.evidence.evidence import Evidence

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

#: Sections of the review whose claims are held, in order.
SECTION_NAMES: Mapping[str, str] = {
    "1": "1 Radiation myelopathy",
    "2.1": "2.1 Vessels and the barrier",
    "2.2": "2.2 Myelin",
    "2.3": "2.3 Low oxygen and VEGF",
    "2.4": "2.4 Dead tissue, lost neurons",
    "2.5": "2.5 Oxidative stress",
    "3.1.1": "3.1.1 Steroids, immunoglobulin",
    "3.1.2": "3.1.2 Adjunctive treatment",
    "3.2.1": "3.2.1 Neuromodulation",
    "3.2.2": "3.2.2 Cells and tissue",
    "3.2.3": "3.2.3 Other treatments",
    "4": "4 Conclusion",
}

#: Topics in words. Topics of the table of transplanted cells are written ``cells | origin | mechanism``
#: and take their name from the cells.
TOPIC_NAMES: Mapping[str, str] = {
    "radiotherapy": "Late damage limits the dose",
    "RM_risk": "Risk of myelopathy",
    "SBRT": "Stereotactic radiotherapy",
    "pathology_overview": "How the damage comes about",
    "current_treatment": "Treatment in use",
    "emerging_treatment": "New treatments in general",
    "BSCB": "Blood-spinal cord barrier",
    "BBB": "Blood-brain barrier",
    "endothelial_apoptosis": "Death of vessel-lining cells",
    "endothelial_injury": "Injury of the vessel lining",
    "demyelination": "Loss of myelin",
    "oligodendrocyte_apoptosis": "Death of oligodendrocytes",
    "OPC_apoptosis": "Death of their precursors",
    "OPC_loss": "Loss of precursors, later harm",
    "OPC_recovery": "Regrowth of precursors",
    "NSC_therapy": "Neural stem cells given early",
    "hypoxia": "Low oxygen",
    "HIF-1a_VEGF": "HIF-1α switches on VEGF",
    "VEGF_harm": "VEGF opens vessels",
    "VEGF_MMP9": "VEGF acts through MMP-9",
    "VEGF_protect": "VEGF protects",
    "VEGF_endogenous": "VEGF of the body's own",
    "VEGF_exogenous": "VEGF given from outside",
    "necrosis": "Death of white matter",
    "neurodegeneration": "Slow loss of neurons",
    "oxidative_stress": "Oxidative stress",
    "inflammation": "Inflammation (NF-κB)",
    "glucocorticoid": "Steroids in myelopathy",
    "methylprednisolone": "Methylprednisolone after trauma",
    "IVIG": "Immunoglobulin (IVIG)",
    "immune_RM": "Myelopathy with immunotherapy",
    "antioxidants": "Antioxidants in general",
    "edaravone": "Edaravone",
    "panax_notoginseng": "Panax notoginseng",
    "chuanxiong": "Chuanxiong",
    "amphotericin": "Amphotericin (amifostine meant?)",
    "blood_supply": "Better blood supply",
    "ramipril": "Ramipril",
    "heparin_warfarin": "Heparin and warfarin",
    "disulfiram": "Disulfiram",
    "anti_VEGF": "Drugs against VEGF",
    "bevacizumab": "Bevacizumab",
    "valproate": "Valproate",
    "vascular_drugs": "Vessel drugs in general",
    "exoskeleton": "Exoskeleton",
    "robot_gait": "Robot-assisted walking",
    "virtual_reality": "Virtual reality",
    "occupational_therapy": "Occupational therapy",
    "psychology": "Psychological care",
    "spinal_stimulation": "Spinal stimulation",
    "acupuncture": "Acupuncture",
    "electroacupuncture": "Electroacupuncture",
    "tcm_rehab": "Chinese medicine in rehabilitation",
    "HBOT": "Hyperbaric oxygen",
    "brain_machine_interface": "Brain-machine interface",
    "brain_spine_interface": "Brain-spine interface",
    "cell_therapy": "Cell therapy in general",
    "schwann": "Schwann cells",
    "NSC": "Neural stem cells",
    "OPC": "Oligodendrocyte precursors",
    "OEC": "Olfactory ensheathing cells",
    "MSC": "Mesenchymal stem cells",
    "cell_source": "Where cells come from",
    "cell_choice": "Which cells for which injury",
    "MSC_BSCB": "MSC and the barrier",
    "pericyte": "Pericytes and the barrier",
    "engineered_MSC": "Engineered MSC",
    "timing": "When to give cells",
    "route": "Where to give cells",
    "pirfenidone": "Pirfenidone",
    "TGF-b_NF-kB": "Blocking TGF-β and NF-κB",
    "tissue_engineering": "Scaffolds in general",
    "hydrogel": "Hydrogels",
    "decellularised_scaffold": "Scaffolds from emptied cord",
    "nano_delivery": "Nanocarriers",
    "gene_therapy": "Gene therapy",
    "IL-6": "Antibodies against IL-6",
    "JAK": "JAK inhibitors",
    "fingolimod": "Fingolimod on a scaffold",
    "IDO1": "IDO1 inhibitors",
    "TGF-b": "Blocking TGF-β",
    "aquaporin-4": "Aquaporin-4 blockers",
    "conclusion": "Outlook",
}
#: Cells of the table of transplanted cells, with the topic that they share a row with in a map.
_TRANSPLANTED: Mapping[str, str] = {
    "Schwann cells": "schwann",
    "Neural stem/progenitor cells": "NSC",
    "Oligodendrocyte progenitor cells": "OPC",
    "Olfactory ensheathing cells": "OEC",
    "Mesenchymal stem cells": "MSC",
}


class BrokenSentence(AssertionError):
    """A chapter says something that the tables no longer say; the message is the sentence."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim in our words. ``source`` is the id of the candidate reference, None where none was found."""

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

    @property
    def traced(self) -> bool:
        """Is the source found, at least probably?"""
        return self.match in TRACED

    @property
    def topic_name(self) -> str:
        return TOPIC_NAMES[_base_topic(self.topic)]


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

    Raises ``ValueError`` naming claims whose topic or section has no name here.
    """
    table = evidence["mechanisms"]
    claims = tuple(
        Claim(
            id=r.claim_id, section=r.section, topic=r.topic, statement=r.claim, direction=r.direction,
            evidence_type=r.evidence_type, source=_text(r.reference_id), match=r.match_confidence,
            table=_text(r.seed_table), remark=remark_in_words(_text(r.note) or ""),
        )
        for r in table.itertuples()
    )  # fmt: skip
    nameless = [f"{c.id} ({c.topic})" for c in claims if _base_topic(c.topic) not in TOPIC_NAMES]
    nameless += [f"{c.id} (section {c.section})" for c in claims if c.section not in SECTION_NAMES]
    if nameless:
        raise ValueError(f"no name in words for {', '.join(nameless)}; add it to TOPIC_NAMES or SECTION_NAMES")
    return claims


def _text(value: object) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _base_topic(topic: str) -> str:
    cells = topic.split(" | ")[0]
    return _TRANSPLANTED.get(cells, topic)


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
    """One row a topic, in the order in which topics first appear."""
    return _rows((c.topic_name, c) for c in claims)


def rows_by_section(claims: Iterable[Claim]) -> tuple[MapRow, ...]:
    """One row a section, in the order of the review."""
    order = list(SECTION_NAMES)
    ordered = sorted(claims, key=lambda c: order.index(c.section))
    return _rows((SECTION_NAMES[c.section], c) for c in ordered)


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
#: Wording of the extraction that a reader of the book cannot use, and what stands for it.
_REWORDED = (
    (re.compile(r"\bSeed wording looks odd"), "The parent review's wording looks odd"),
    (re.compile(r"\bSeed error likely"), "Probably an error of the parent review"),
    (re.compile(r"\bSeed label\b"), "The parent review's label is"),
    (re.compile(r"\bSeed (names|says|also mentions)"), r"The parent review \1"),
    (re.compile(r"\bseed word is\b"), "the parent review's word is"),
    (re.compile(r"\bseed's\b"), "parent review's"),
    (re.compile(r"\b[Ss]eed\b"), "parent review"),
    (re.compile(r"Not searched within the budget; human iliac-marrow MSC trials are in bm_msc_studies\.csv"),
     "Not looked for; trials of such cells in people stand in chapter 3.2.2"),
    (re.compile(r"\bwelcome\.myao\.app\b"), "seen in a digest"),
    (re.compile(r"extivita\.org hyperbaric-oxygen-therapy-for-radiation-myelitis"), "seen in a clinic's digest"),
    (re.compile(r", discovery\.researcher\.life\b"), ", seen in a digest"),
)  # fmt: skip


def remark_in_words(note: str) -> str:
    """The remark of a claim for readers: the extraction's shorthand written out.

    >>> remark_in_words("QUALIFIES: shown in rats only")
    'Qualified by: shown in rats only'
    >>> remark_in_words("One case improved. CONTRADICTS in rat: no benefit")
    'One case improved. Contradicted in rat: no benefit'
    """
    text = _VERDICT.sub(lambda m: _VERDICT_WORDS[m[1]], note)
    for pattern, words in _REWORDED:
        text = pattern.sub(words, text)
    return text


def sources(evidence: Evidence) -> dict[str, Source]:
    """Every reference by id, as it is shown beside a claim."""
    return {r.reference_id: Source(_label(r), _address(r)) for r in evidence["references"].itertuples()}


#: Titles longer than this are cut at a word, so that a table stays readable.
TITLE_LENGTH = 70
_INITIALS = re.compile(r" [A-Z]{1,3}$")


def _label(reference: object) -> str:
    author, year, title = (_text(getattr(reference, name)) for name in ("first_author", "year", "title"))
    if author and year:
        return f"{_INITIALS.sub('', author)} {int(float(year))}"
    if title:
        cut = title if len(title) <= TITLE_LENGTH else title[:TITLE_LENGTH].rsplit(" ", 1)[0] + " …"
        return f"“{cut}”" + (f" ({int(float(year))})" if year else "")
    identifier = _text(reference.pmid) or _text(reference.pmcid) or _text(reference.doi)
    return f"record {identifier}, title not seen" if identifier else "title not seen"


def _address(reference: object) -> str | None:
    for name, start in (
        ("doi", "https://doi.org/"),
        ("pmid", "https://pubmed.ncbi.nlm.nih.gov/"),
        ("pmcid", "https://pmc.ncbi.nlm.nih.gov/articles/"),
    ):
        if value := _text(getattr(reference, name)):
            return start + value
    return None


def expect(sentence: str, holds: bool) -> None:
    """Stop where a sentence on counted claims no longer holds.

    Estimates have guards; this is the same for what is counted in the tables.
    Raises :class:`BrokenSentence` with the sentence.
    """
    if not holds:
        raise BrokenSentence(f"the tables no longer say: {sentence!r}; rewrite the sentence, then its condition")

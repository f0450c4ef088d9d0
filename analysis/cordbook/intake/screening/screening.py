"""What a reviewer still has to judge, where reviewers differ, and how well they agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from cordbook.errors import CordbookError
from cordbook.evidence.screening import (
    ARBITER,
    CONFLICT,
    EXCLUDE,
    FULL_TEXT,
    INCLUDE,
    NOT_RETRIEVED,
    REVIEWER,
    TITLE_ABSTRACT,
    UNSURE,
    WAITING,
    merged_records,
    settle,
    settled,
    standing,
)
from cordbook.intake.records.store import Row, read_rows
from cordbook.intake.records.untrusted_text import one_line


class NotAllowed(CordbookError, ValueError):
    """A decision that cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record as a reviewer sees it: harmless text, one line per field."""

    record_id: str
    title: str
    abstract: str
    authors: str
    year: str
    container: str
    doi: str
    url: str

    @property
    def text(self) -> str:
        """Title and abstract, each a line: what the order of records is made from."""
        return f"{self.title}\n{self.abstract}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers: records that both judged, how many alike, Cohen's kappa with its 95% interval.

    Each is None where it has no value: kappa where both gave one and the same answer to all, or judged no record in common; the
    interval where the standard error is nought. ``alone`` counts what each judged and the other did not.
    """

    reviewers: tuple[str, str]
    both: int
    alike: int
    kappa: float | None
    low: float | None
    high: float | None
    constant: tuple[str, ...] = ()
    alone: tuple[int, int] = (0, 0)

    @property
    def text(self) -> str:
        """How far two reviewers agree, for people; where kappa or its interval has no value it says why.

        >>> Agreement(("Ada", "Ben"), 4, 4, None, None, None, ("Ada", "Ben")).text
        'Ada and Ben: 4 of 4 alike; kappa has no value, as both gave one answer only'
        >>> Agreement(("Ada", "Ben"), 0, 0, None, None, None).text
        'Ada and Ben: no record that both judged, so kappa has no value'
        """
        who = " and ".join(self.reviewers)
        only = ", ".join(f"only {name} {n}" for name, n in zip(self.reviewers, self.alone, strict=True) if n)
        who += f" ({only})" if only else ""
        if not self.both:
            return f"{who}: no record that both judged, so kappa has no value"
        counted = f"{who}: {self.alike} of {self.both} alike"
        if self.kappa is None:
            return f"{counted}; kappa has no value, as both gave one answer only"
        if self.constant:
            return f"{counted}; kappa says nothing, as {self.constant[0]} gave one answer only"
        if self.low is None or self.high is None:
            return f"{counted}, Cohen's kappa {self.kappa:.2f} (without an interval, as nothing varies)"
        return f"{counted}, Cohen's kappa {self.kappa:.2f} (95% CI {self.low:.2f} to {self.high:.2f})"


def load_items(data: Path) -> dict[str, Item]:
    """Records that are merged into no other, in the order of the file."""
    replaced = merged_records(read_rows(data, "record_merges"))
    abstracts = {row["record_id"]: row["abstract"] for row in read_rows(data, "abstracts")}
    return {
        row["record_id"]: Item(
            row["record_id"], one_line(row["title"]), one_line(abstracts.get(row["record_id"], "")), one_line(row["authors"]),
            one_line(row["year"]), one_line(row["container"]), one_line(row["doi"]), one_line(row["url"]),
        )
        for row in read_rows(data, "records")
        if row["record_id"] not in replaced
    }  # fmt: skip


def to_judge(items: Iterable[str], rows: Sequence[Row], stage: str) -> list[str]:
    """Records that a stage is about: all of them, or those that title and abstract let pass."""
    if stage == TITLE_ABSTRACT:
        return list(items)
    passed = settled(rows, TITLE_ABSTRACT)
    return [r for r in items if r in passed and passed[r].outcome == INCLUDE]


def queue(items: Iterable[str], rows: Sequence[Row], stage: str, reviewer: str) -> list[str]:
    """Records that wait for this reviewer, in the order of the file. What others said is not shown."""
    decided, own = standing(rows, stage), judged_by(rows, stage, reviewer)
    return [r for r in to_judge(items, rows, stage) if r not in own and settle(decided.get(r, {})).outcome == WAITING]


def judged_by(rows: Sequence[Row], stage: str, reviewer: str) -> set[str]:
    """Records that this reviewer has judged at a stage."""
    return {r for r, decisions in standing(rows, stage).items() if (REVIEWER, reviewer) in decisions}


def conflicts(items: Iterable[str], rows: Sequence[Row], stage: str) -> dict[str, list[Row]]:
    """Records on which reviewers differ, or one is unsure, with their rows."""
    decided = standing(rows, stage)
    return {
        r: [row for (role, _), row in decided[r].items() if role == REVIEWER]
        for r in to_judge(items, rows, stage)
        if r in decided and settle(decided[r]).outcome == CONFLICT
    }


def decision_row(
    record_id: str, stage: str, reviewer: str, decision: str, *, reasons: Iterable[str], reason: str = "", study_id: str = "",
    note: str = "", role: str = REVIEWER,
) -> Row:  # fmt: skip
    """A row of ``screening`` without its moment; raises :class:`NotAllowed` for what no rule would let in."""
    if decision not in (INCLUDE, EXCLUDE, UNSURE, NOT_RETRIEVED):
        raise NotAllowed(
            f"{decision!r} is not a valid decision: write include, exclude, unsure"
            + (" or not_retrieved" if stage == FULL_TEXT else "")
        )
    if decision == NOT_RETRIEVED and stage != FULL_TEXT:
        raise NotAllowed("not_retrieved is for full reports; decide on title and abstract with include, exclude or unsure")
    if decision == UNSURE and role == ARBITER:
        raise NotAllowed("who settles a conflict includes or excludes")
    # On title and abstract the reason may be left out: PRISMA asks for it of full reports.
    if decision == EXCLUDE and (reason or stage == FULL_TEXT) and reason not in tuple(reasons):
        raise NotAllowed(f"an exclusion has a reason: one of {', '.join(reasons)}" + (f", not {reason!r}" if reason else ""))
    wants_study = stage == FULL_TEXT and decision == INCLUDE
    if wants_study and not re.fullmatch(r"[a-z][a-z0-9_]*", study_id):
        raise NotAllowed(
            f"an included report names its study by a key such as lima2010{f', not {study_id!r}' if study_id else ''}"
        )
    return {
        "record_id": record_id, "stage": stage, "reviewer": reviewer, "role": role, "decision": decision,
        "reason": reason if decision == EXCLUDE else "", "study_id": study_id if wants_study else "", "note": note,
    }  # fmt: skip


def agreements(rows: Sequence[Row], stage: str) -> list[Agreement]:
    """Every pair of reviewers: Cohen's kappa (Cohen 1960) over include, exclude, unsure, not retrieved."""
    by_person: dict[str, dict[str, str]] = {}
    for record, own in standing(rows, stage).items():
        for (role, who), row in own.items():
            if role == REVIEWER:
                by_person.setdefault(who, {})[record] = row["decision"]
    found = []
    for a, b in combinations(sorted(by_person), 2):
        pairs = Counter((by_person[a][r], by_person[b][r]) for r in by_person[a].keys() & by_person[b].keys())
        constant = tuple(who for place, who in enumerate((a, b)) if len({pair[place] for pair in pairs}) == 1)
        alike = sum(n for (x, y), n in pairs.items() if x == y)
        alone = len(by_person[a].keys() - by_person[b].keys()), len(by_person[b].keys() - by_person[a].keys())
        found.append(Agreement((a, b), pairs.total(), alike, *_kappa(pairs), constant, alone))
    return found


def _kappa(pairs: Mapping[tuple[str, str], int]) -> tuple[float | None, float | None, float | None]:
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    names = sorted({x for pair in pairs for x in pair})
    # With one answer only, chance agreement is complete and kappa has no value.
    if len(names) < 2:
        return None, None, None
    with np.errstate(all="ignore"):  # a standard error of nought is told apart below
        result = cohens_kappa(np.array([[pairs.get((x, y), 0) for y in names] for x in names]))
    if not result.std_kappa > 0:
        return float(result.kappa), None, None
    low, high = float(result.kappa_low), float(result.kappa_upp)
    return float(result.kappa), max(-1.0, low), min(1.0, high)


_PHRASE = re.compile(r'"([^"]{3,80})"|([A-Za-z][A-Za-z-]{3,}\*?)')
#: Words of queries that are the database's.
_NO_SUBJECT = {
    "near", "with", "from", "this", "that", "mesh", "tiab", "area", "advanced", "title", "abstract", "type", "humans", "animals", "search",
}  # fmt: skip


def words_of_searches(data: Path) -> set[str]:
    """What the saved searches ask for, in lower case: words, some cut by ``*``, and phrases."""
    words: set[str] = set()
    for row in read_rows(data, "search_strategies"):
        query = re.sub(r"\[[^\]]*\]|:[a-z,]+", " ", row["query"])
        words |= {(phrase or word).strip().lower() for phrase, word in _PHRASE.findall(query)}
    return words - _NO_SUBJECT


def known_texts(data: Path) -> list[str]:
    """What tells before any decision what is looked for: titles of the included studies, and the words of the searches."""
    included = {row["study_id"] for row in read_rows(data, "studies")}
    titles = [row["title"] for row in read_rows(data, "references") if row["reference_id"] in included and row.get("title")]
    words = " ".join(sorted(w.rstrip("*") for w in words_of_searches(data)))
    return [*map(one_line, titles), *([words] if words else [])]


def eligibility_words(data: Path) -> re.Pattern[str] | None:
    """A pattern of the words that the saved searches ask for, to be marked in what reviewers read."""
    words = words_of_searches(data)
    if not words:
        return None
    parts = sorted(
        (re.escape(w.rstrip("*")) + (r"\w*" if w.endswith("*") else "") for w in words if w.rstrip("*")),
        key=lambda w: (-len(w), w),
    )
    return re.compile(rf"\b(?:{'|'.join(parts)})\b", re.I)

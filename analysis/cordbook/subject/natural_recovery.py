"""What happens without experimental treatment, report by report: counts pooled here, and shares that others print.

A :class:`Report` is one number: an estimate of the natural course, a study that stands in one whose studies are not averaged, or a row
of ``natural_pooled.csv``. :func:`groups` puts reports of like people together: grade at the start, level, time since injury, and what
was counted. Nothing is pooled across reports here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from cordbook.core.text import inside, people, studies
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import Meanings, parse_stratum
from cordbook.review.claims.mechanisms import sources
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import percent, percent_number

#: The section of the chapter, whose declared estimates are asked.
SECTION = "3.0"
GRADES = ("A", "B", "C", "D")
#: Levels that a reader can choose, with their names and the codes of groups that hold them, the nearest first.
LEVELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "all": ("all levels together", ()),
    "neck": ("neck (tetraplegia)", ("across", "all")),
    "across": ("neck or chest, not told apart", ("all",)),
    "chest": ("chest", ("below", "across", "all")),
    "below": ("chest or below (paraplegia)", ("all",)),
}
#: What a level is compared with, in this order: the first that holds it names its group.
_HOLDING = (("neck", "cervical"), ("chest", "thoracic"), ("below", "paraplegia"))
#: Times since injury at which people were first seen, with their names and wider groups. What is told without a time says little of late ones.
TIMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "early": ("in the first days or weeks", ("unstated",)),
    "late": ("months or years later", ()),
    "unstated": ("time not stated", ()),
}
_PHASES = {"acute": "early", "subacute": "early", "late_over_4_months": "late", "chronic": "late"}
#: What was counted, from the most asked for.
KINDS: Mapping[str, str] = {
    "grade": "One AIS grade or more",
    "movement": "Movement below the injury (AIS C or better)",
    "walking": "Walking",
    "strength": "Strength or levels of movement, without a grade",
}
_OUTCOMES = {
    "ais_improved": "grade",
    "other:converted_to_motor_incomplete": "movement",
    "walking_regained": "walking",
    "other:wisci_improved": "walking",
}
#: Words of a definition that tell what a printed share counts; the first that fits, for people with a grade.
_DEFINED = (
    (re.compile(r"walk(s|ing)\b"), GRADES, "walking"),
    (re.compile(r"motor (level|function)|strength"), GRADES, "strength"),
    (re.compile(r"motor incomplete"), ("A",), "movement"),
)
#: Reasons for which a count is not pooled and yet says what happened: shown beside the others, never averaged. What overlaps, is implausible
#: or contradicts another source stays out.
_TOLD = frozenset({"denominator_unclear", "other:review_table_only"})
#: Groups with fewer pooled studies than this show the range of their reports.
FEWEST_POOLED = 3
#: How keys of strata are said that only shares of others have.
_WORDS = {
    "injured": "injured {}",
    "surgery": "{} surgery",
    "zpp": "zone of partial preservation {}",
    "to": "those who reached grade {}",
    "sacral_pinprick": "pinprick at the sacrum {}",
    "sacral_pinprick_4_weeks": "pinprick at the sacrum at 4 weeks {}",
    "leg_pinprick": "pinprick felt in {} of the leg",
}


@dataclass(frozen=True, slots=True)
class Report:
    """One number on the natural course: whom it is of, what was counted, the share, and where it stands.

    ``counted`` are events and people, None where only a share is printed; ``studies`` how many studies are pooled in it here; ``sure``
    its certainty where it was rated; ``special`` what sets its people apart within the group; ``when`` when and as what a printed share
    was counted.
    """

    grades: tuple[str, ...]
    level: str
    time: str
    kind: str
    share: float
    interval: tuple[float, float] | None
    counted: tuple[int, int] | None
    source: str
    href: str | None
    studies: int = 0
    special: str = ""
    sure: str = ""
    range: tuple[float, float] | None = None
    when: str = ""

    @property
    def text(self) -> str:
        """The number in one line: share or counts, whose, from where."""
        number = (
            percent(self.share) if self.counted is None else f"{self.counted[0]:,} of {self.counted[1]:,} ({percent(self.share)})"
        )
        ends = "" if self.interval is None else f", 95% CI {' to '.join(map(percent_number, self.interval))}"
        return f"{'; '.join(filter(None, (f'{number}{ends}', self.special, self.when)))}: {self.source}"


@dataclass(frozen=True)
class Group:
    """Reports of like people: one grade, level, time and kind of count."""

    grade: str
    level: str
    time: str
    kind: str
    reports: tuple[Report, ...]

    @property
    def pooled(self) -> Report | None:
        """The report that answers alone: pooled here from enough studies, or the only one."""
        if len(self.reports) == 1:
            return self.reports[0]
        return next((r for r in self.reports if r.studies >= FEWEST_POOLED), None)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest share of any report, single studies of a pooled one among them."""
        shares = [share for r in self.reports for share in (r.range or (r.share,))]
        return min(shares), max(shares)

    @property
    def answer(self) -> str:
        """The share: one number with its interval, or the range where reports are not averaged."""
        one, (low, high) = self.pooled, self.ends
        if one is not None:
            ends = "" if one.interval is None else f" (95% CI {' to '.join(map(percent_number, one.interval))})"
            return f"{percent(one.share)}{ends}"
        return percent(low) if low == high else f"{percent(low)} to {percent(high)}, not averaged"

    @property
    def origin(self) -> str:
        """From how many studies and people the answer comes, and how many other reports there are."""
        one = self.pooled
        if one is not None and one.counted:
            rest = len(self.reports) - 1
            spread = f"; all {rest + 1} figures and their studies: {' to '.join(map(percent, self.ends))}" if rest else ""
            return f"{studies(one.studies or 1)}, {people(one.counted[1])}{spread}"
        sources_ = len({r.source for r in self.reports})
        counts = [r.counted[1] for r in self.reports if r.counted]
        known = f"; {people(sum(counts))} where counted" if counts else "; number of people not seen"
        figures = "1 figure" if len(self.reports) == 1 else f"{len(self.reports)} figures"
        return f"{figures} from {'1 source' if sources_ == 1 else f'{sources_} sources'}{known}"

    @property
    def sure(self) -> str:
        """How sure one may be: the rated certainty of a pooled number, or why there is none."""
        if self.pooled is not None and self.pooled.sure:
            return self.pooled.sure
        blank = sum(r.counted is None for r in self.reports)
        why = f", {blank} of {len(self.reports)} without the number of people" if blank and len(self.reports) > 1 else ""
        return f"not rated: {'one figure as printed' if len(self.reports) == 1 else f'figures side by side{why}'}"


def groups(reports: Iterable[Report]) -> tuple[Group, ...]:
    """The reports by grade, level, time and kind, in the order in which a reader chooses."""
    held = tuple(reports)
    found = (
        Group(
            grade,
            level,
            time,
            kind,
            tuple(r for r in held if (r.level, r.time, r.kind) == (level, time, kind) and grade in r.grades),
        )
        for grade, level, time, kind in product(GRADES, LEVELS, TIMES, KINDS)
    )
    return tuple(group for group in found if group.reports)


def reports(estimates: Estimates, certainty: Mapping[str, str], address: Any, page: Any) -> tuple[Report, ...]:
    """All reports: estimates of the chapter, counts that are not pooled, then shares printed by others, each in the order of its table.

    ``certainty`` is the level by id of an estimate; ``address`` gives the page of a study and ``page`` that of an estimate.
    """
    own = (r for e in leaves(estimates) for r in _of_estimate(e, estimates.evidence, certainty.get(e.id, ""), address, page))
    return (*own, *not_pooled(estimates.evidence, address), *printed(estimates.evidence))


def leaves(estimates: Estimates) -> Iterator[Estimate]:
    """The estimates of the chapter that are of one group of people: the parts of those that have some, else themselves."""
    for declared in estimates.declarations:
        if declared.section == SECTION:
            parts = list(estimates.parts(declared.id)) if declared.by else [estimates[declared.id]]
            yield from (e for e in parts if e.is_reported)


def _of_estimate(e: Estimate, evidence: Evidence, sure: str, address: Any, page: Any) -> Iterator[Report]:
    """An estimate as one report, or its studies one by one where they are not averaged."""
    counts = evidence.counts_by_id(e.count_ids)
    strata = [parse_stratum(text) for text in counts["stratum"]]
    role, common = set(counts["role"]), _common(strata)
    phases = {s.get("phase") for s in strata} if "phase" in common else set(counts["injury_phase"])
    whom = {
        "grades": tuple(common.get("baseline_ais", "").split("+")),
        "level": level_group(common.get("level"), evidence.meanings),
        "time": _PHASES.get(phases.pop(), "unstated") if len(phases) == 1 else "unstated",
        "kind": _OUTCOMES[e.synthesis.outcome],
    }
    special = "; ".join(filter(None, (_special(common), "control groups of trials" if role == {"comparator"} else "")))
    if e.result is not None:
        pooled = f"{studies(e.k)} pooled here" if e.k > 1 else e.rows[0].label
        yield Report(
            **whom, share=e.result.estimate, interval=(e.result.ci_low, e.result.ci_high), counted=(e.events, e.n), source=pooled,
            href=page(e.id), studies=e.k, special=special, sure=sure, range=e.share_range,
        )  # fmt: skip
        return
    for row in e.pooled_anyway().rows:
        own = _common(parse_stratum(text) for text in counts.loc[list(row.count_ids), "stratum"])
        ends = None if row.ci_low is None or row.ci_high is None else (row.ci_low, row.ci_high)
        yield Report(
            **{**whom, "level": level_group(own.get("level"), evidence.meanings)}, share=row.events / row.n, interval=ends,
            counted=(row.events, row.n), source=row.label, href=address(row.study_id), studies=1, special=special or _special(own),
        )  # fmt: skip


def _common(strata: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all strata say alike."""
    return dict(set.intersection(*(set(stratum.items()) for stratum in strata)))


def not_pooled(evidence: Evidence, address: Any) -> Iterator[Report]:
    """Counts of the natural course by grade that are not pooled for one of the reasons of :data:`_TOLD`, with the reason."""
    reasons = evidence["not_poolable_reasons"].set_index("reason")["label"]
    for count in evidence.counts.sort_values(["year", "label", "cell_id"]).itertuples():
        stratum, held = parse_stratum(count.stratum), set(_text(count.not_poolable_reason).split(";"))
        told = count.role == "natural_course" and count.outcome in _OUTCOMES and "baseline_ais" in stratum and held <= _TOLD
        if told and not count.poolable:
            why = f"not pooled: {inside(str(reasons[count.not_poolable_reason]))}"
            yield Report(
                grades=tuple(stratum["baseline_ais"].split("+")),
                level=level_group(stratum.get("level"), evidence.meanings),
                time=_PHASES.get(stratum.get("phase", ""), "unstated"),
                kind=_OUTCOMES[count.outcome],
                share=count.events / count.n,
                interval=None,
                counted=(int(count.events), int(count.n)),
                source=count.label,
                href=address(count.study_id),
                studies=1,
                special="; ".join(filter(None, (_special(stratum), why))),
            )


def printed(evidence: Evidence) -> Iterator[Report]:
    """The rows of ``natural_pooled.csv``: shares as others print them."""
    known = sources(evidence)
    for r in evidence["natural_pooled"].itertuples():
        stratum, low = parse_stratum(r.stratum), _number(r.ci_low)
        n, k = _number(r.n), _number(r.k)
        source, kind = known[r.reference_id], kind_of(str(r.definition), stratum["baseline_ais"])
        yield Report(
            grades=tuple(stratum["baseline_ais"].split("+")),
            level=level_group(stratum.get("level"), evidence.meanings),
            time=_PHASES.get(stratum.get("phase", ""), "unstated"),
            kind=kind,
            share=r.estimate_percent / 100,
            interval=None if low is None else (low / 100, _number(r.ci_high) / 100),  # type: ignore[operator]
            counted=None,
            source=f"{source.label}{_size(k, n)}",
            href=source.href,
            special=_special(stratum),
            when="; ".join(filter(None, (str(r.definition) if kind == "strength" else "", _text(r.timepoint)))),
        )


def kind_of(definition: str, grade: str) -> str:
    """What a printed share counts, by the words of its definition: of grade B any gain of movement is a grade, of grade A it is two.

    >>> kind_of("AIS B to motor incomplete", "B"), kind_of("AIS A to motor incomplete", "A"), kind_of("walks independently", "C")
    ('grade', 'movement', 'walking')
    """
    return next((kind for words, grades, kind in _DEFINED if grade in grades and words.search(definition)), "grade")


def level_group(level: str | None, meanings: Meanings) -> str:
    """The level that a reader can choose which holds a level of a stratum; "across" where it reaches over the neck and the chest."""
    if level is None:
        return "all"
    own = {"level": level}
    return next((group for group, wide in _HOLDING if meanings.holds({"level": wide}, own)), "across")


def _special(stratum: Mapping[str, str]) -> str:
    """What sets the people of a stratum apart within their group: a level within it, years of injury, surgery, what they felt."""
    level = stratum.get("level", "")
    parts = [] if level in ("", *(code for _, code in _HOLDING)) else [f"level {level.replace('_', ' ')}"]
    grades = stratum.get("baseline_ais", "")
    parts += [f"grades {grades.replace('+', ' and ')} together"] if "+" in grades else []
    parts += [
        words.format(stratum[key].replace("_", " ").replace("-", " to ")) for key, words in _WORDS.items() if key in stratum
    ]
    return "; ".join(parts)


def _size(k: float | None, n: float | None) -> str:
    parts = [studies(int(k))] if k and k > 1 else []
    parts += [people(int(n))] if n else []
    return f" ({', '.join(parts)})" if parts else ""


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)

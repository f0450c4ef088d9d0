"""Say which counts may hold the same patients, for validation, selection, comparisons and the explorer.

Three questions have their answer here and nowhere else: may two strata share patients, is one stratum a part of another, is an
arm a part of another arm that is counted. A stratum is ``key=value`` pairs joined by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

Stratum = Mapping[str, str]
H = TypeVar("H", bound=Hashable)

_RANGE = re.compile(r"(?P<low>\d+(?:\.\d+)?)(?:-(?P<high>\d+(?:\.\d+)?))?")
_BOUND = re.compile(r"(?P<sign><=|>=|<|>)(?P<at>\d+(?:\.\d+)?)")
_INFINITY = float("inf")
#: Segments of the cord from the head down, so that levels of injury are ranges.
_SEGMENTS = [f"{part}{i}" for part, count in (("C", 8), ("T", 12), ("L", 5), ("S", 5)) for i in range(1, count + 1)]
_SEGMENT_RANGE = re.compile(
    r"(?P<low>[CTLS]\d+)(?:-(?P<high>[CTLS]\d+)|(?P<down>_and_below)|(?P<up>_or_higher))?|above_(?P<below>[CTLS]\d+)"
)
_REGIONS = {"cervical": "C1-C8", "thoracic": "T1-T12", "lumbar": "L1-L5", "thoracolumbar": "T1-L5", "paraplegia": "T1-S5"}
#: One word for several values, and pairs of words of which one may hold patients of the other.
_SEVERAL = {"acute_subacute": frozenset({"acute", "subacute"})}
_UNCLEAR = frozenset(
    frozenset(pair)
    for one, others in {
        "late_over_4_months": ("subacute", "chronic", "acute_subacute"),
        "mixed": ("none", "all"),
        "sbrt_reirradiation": ("sbrt", "reirradiation"),
        "chemoradiation": ("conventional", "hyperfractionated", "hypofractionated", "particle"),
    }.items()
    for pair in ((one, other) for other in others)
)
#: Keys that tell apart patients of any two studies: a grade at the start is the patient's, not the report's.
PATIENT_KEYS = ("baseline_ais", "baseline_completeness")


@lru_cache(maxsize=8192)
def stratum_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a stratum in their order, a key perhaps more than once; a part without = has an empty value.

    >>> stratum_pairs("baseline_ais=A;followup_months=>=24")
    (('baseline_ais', 'A'), ('followup_months', '>=24'))
    """
    parts = (part.partition("=") for part in text.split(";")) if text else ()
    return tuple((key, value) for key, _, value in parts)


def parse_stratum(text: str | None) -> dict[str, str]:
    """A stratum as a dictionary; None and an empty text are all patients.

    >>> parse_stratum("baseline_ais=A;followup_months=>=24")
    {'baseline_ais': 'A', 'followup_months': '>=24'}
    >>> parse_stratum("")
    {}
    """
    return {key: value for key, value in stratum_pairs(text or "") if key or value}


def may_share_patients(a: Stratum, b: Stratum, keys: Iterable[str]) -> bool:
    """Can two strata hold one patient? They can unless a key that both name has values of different patients.

    ``keys`` are those whose different values are different patients: for strata of one arm :attr:`Evidence.disjoint_keys`, for
    strata of two studies :data:`PATIENT_KEYS`.

    >>> keys = ("baseline_ais", "total_dose_gy")
    >>> may_share_patients({"baseline_ais": "A+B"}, {"baseline_ais": "C"}, keys)
    False
    >>> may_share_patients({"baseline_ais": "A+B"}, {"baseline_ais": "B"}, keys), may_share_patients({}, {"phase": "acute"}, keys)
    (True, True)
    """
    first, second = _with_completeness(a), _with_completeness(b)
    return not any(key in first and key in second and _different_patients(first[key], second[key]) for key in keys)


def holds(wide: Stratum, narrow: Stratum) -> bool:
    """Is every patient of one stratum in the other for sure? A stratum holds itself.

    >>> holds({"baseline_ais": "A+B"}, {"baseline_ais": "B", "phase": "acute"})
    True
    >>> holds({"total_dose_gy": ">=40"}, {"total_dose_gy": "45-50"}), holds({"total_dose_gy": "45-50"}, {"total_dose_gy": ">=40"})
    (True, False)
    """
    part = _with_completeness(narrow)
    return all(key in part and _value_holds(value, part[key]) for key, value in wide.items())


def is_part(narrow: Stratum, wide: Stratum) -> bool:
    """Is one stratum a part of the other, and not the same patients by other words?

    >>> is_part({"baseline_ais": "B"}, {"baseline_ais": "A+B"}), is_part({"baseline_ais": "B"}, {"baseline_ais": "B"})
    (True, False)
    """
    return holds(wide, narrow) and not holds(narrow, wide)


def parts_of_counted_arms(wider: Mapping[str, object]) -> frozenset[str]:
    """Of the arms that are to be counted, those that are a part of another one of them: who is in both counts once.

    ``wider`` gives of each arm the arm that it is a part of; what is not text means none.

    >>> sorted(parts_of_counted_arms({"x.control": None, "x.control_rehab": "x.control", "y.early": "y.treated"}))
    ['x.control_rehab']
    """
    return frozenset(arm for arm, whole in wider.items() if isinstance(whole, str) and whole in wider)


def most_apart(weights: Sequence[int], shares: Sequence[Collection[int]]) -> list[int]:
    """Places of the heaviest set of which no two share patients: so many people there must be at the least.

    ``shares`` gives of each place the others that it may share patients with. Exact: a maximum weight clique of the graph of
    different patients by branch and bound, the bound being one member of each class of a greedy colouring (Tomita and Seki 2003).

    >>> most_apart([5, 6, 4], [{1}, {0, 2}, {1}])
    [0, 2]
    """
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    best: tuple[int, list[int]] = (0, [])

    def bound(left: Sequence[int]) -> int:
        classes: list[list[int]] = []
        for i in left:
            home = next((c for c in classes if all(j in shares[i] for j in c)), None)
            if home is None:
                classes.append([i])
            else:
                home.append(i)
        return sum(max(weights[i] for i in c) for c in classes)

    def grow(taken: list[int], weight: int, left: list[int]) -> None:
        nonlocal best
        if weight > best[0]:
            best = weight, taken
        while left and weight + bound(left) > best[0]:
            i, *left = left
            grow([*taken, i], weight + weights[i], [j for j in left if j not in shares[i]])

    grow([], 0, [i for i in order if weights[i] > 0])
    return sorted(best[1])


def _different_patients(a: str, b: str) -> bool:
    """Do two values of a key that parts patients stand for different ones?

    Grades joined by +, ranges of numbers and levels of the cord are compared as what they hold, other values as words.
    """
    if a == b or frozenset((a, b)) in _UNCLEAR:
        return False
    one, other = _span(a), _span(b)
    if one and other:
        return one.apart_from(other)
    return not _members(a) & _members(b)


def _value_holds(wide: str, narrow: str) -> bool:
    if wide == narrow:
        return True
    one, other = _span(wide), _span(narrow)
    if one and other:
        return one.holds(other)
    return _members(narrow) <= _members(wide)


def _members(value: str) -> frozenset[str]:
    return frozenset().union(*(_SEVERAL.get(part, frozenset({part})) for part in value.split("+")))


@dataclass(frozen=True, slots=True)
class _Span:
    """A range of numbers; ``open_low`` and ``open_high``: written < or >; ``signed``: written with a sign."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False
    signed: bool = False

    def apart_from(self, other: _Span) -> bool:
        lower, upper = (self, other) if (self.low, self.high) <= (other.low, other.high) else (other, self)
        if lower.high != upper.low:
            return lower.high < upper.low
        if lower.open_high or upper.open_low:
            return True
        # Classes such as 40-50 and 50-60 touch and hold different patients; a single number, or <=50 and >=50, are meant as written.
        point = lower.low == lower.high or upper.low == upper.high
        return not (point or (lower.signed and upper.signed))

    def holds(self, other: _Span) -> bool:
        low = self.low < other.low or (self.low == other.low and (other.open_low or not self.open_low))
        high = self.high > other.high or (self.high == other.high and (other.open_high or not self.open_high))
        return low and high


@lru_cache(maxsize=1024)
def _span(text: str) -> _Span | None:
    """What a number, a range, a bound or a level of the cord stands for; None for other text."""
    if match := _BOUND.fullmatch(text):
        at, strict = float(match["at"]), len(match["sign"]) == 1
        if match["sign"].startswith(">"):
            return _Span(at, _INFINITY, open_low=strict, signed=True)
        return _Span(-_INFINITY, at, open_high=strict, signed=True)
    if match := _RANGE.fullmatch(text):
        low = float(match["low"])
        return _Span(low, float(match["high"]) if match["high"] else low)
    return _segments(_REGIONS.get(text, text))


def _segments(text: str) -> _Span | None:
    """A level of the cord as a range of segments; both its ends are in it."""
    match = _SEGMENT_RANGE.fullmatch(text)
    named = [name for name in (match["low"], match["high"], match["below"]) if name] if match else []
    if not match or not set(named) <= set(_SEGMENTS):
        return None
    first, last = (_SEGMENTS.index(name) for name in (named[0], named[-1]))
    if match["below"]:
        first, last = 0, first - 1
    elif match["down"]:
        last = len(_SEGMENTS) - 1
    elif match["up"]:
        first = 0
    return _Span(first, last, signed=True)


def _with_completeness(stratum: Stratum) -> Stratum:
    """AIS A is the complete injury, B to D are incomplete ones, so that either key can tell."""
    grades = set(stratum.get("baseline_ais", "").split("+")) - {""}
    if not grades or "baseline_completeness" in stratum:
        return stratum
    if grades == {"A"}:
        return {**stratum, "baseline_completeness": "complete"}
    return stratum if "A" in grades else {**stratum, "baseline_completeness": "incomplete"}

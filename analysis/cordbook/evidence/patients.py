"""Say which counts may hold the same patients, for validation, selection, comparisons and the explorer.

Four questions have their answer here and nowhere else: may two strata share patients, is one stratum a part of another, is an
arm a part of another arm that is counted, does a count hold everybody of its arm. A stratum is ``key=value`` pairs joined by semicolons. Numbers, ranges, bounds and values
joined by + are compared in the same way in every review; what else a value means is declared in ``data/`` (:class:`Meanings`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

Stratum = Mapping[str, str]
#: The tables that say what the values of strata mean.
KEYS, VALUES = "stratum_keys", "stratum_values"

_RANGE = re.compile(r"(?P<low>\d+(?:\.\d+)?)(?:-(?P<high>\d+(?:\.\d+)?))?")
_BOUND = re.compile(r"(?P<sign><=|>=|<|>)(?P<at>.+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NUMBERED = re.compile(r"(?P<name>\D*)(?P<first>\d+)-(?P=name)(?P<last>\d+)")
_INFINITY = float("inf")


@lru_cache(maxsize=8192)
def stratum_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a stratum in their order, a key perhaps more than once; a part without = has an empty value.

    >>> stratum_pairs("baseline_ais=A;followup_months=>=24")
    (('baseline_ais', 'A'), ('followup_months', '>=24'))
    """
    parts = (part.partition("=") for part in text.split(";")) if text else ()
    return tuple((key, value) for key, _, value in parts)


def parse_stratum(text: object) -> dict[str, str]:
    """A stratum as a dictionary; an empty text, and what is not a text (None, a missing value of a frame), are all patients.

    >>> parse_stratum("baseline_ais=A;followup_months=>=24")
    {'baseline_ais': 'A', 'followup_months': '>=24'}
    >>> parse_stratum("")
    {}
    """
    return {key: value for key, value in stratum_pairs(text if isinstance(text, str) else "") if key or value}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of strata: do its values part the patients of one arm, and those of any two studies; its positions in order, if it has any.

    ``scale`` lists the positions from first to last, joined by semicolons; C1-C8 stands for C1, C2 and so on.
    """

    key: str
    disjoint: bool = False
    between_studies: bool = False
    scale: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a key, or a form of values with a star for any text: what it stands for, whom it may hold, what it implies.

    ``stands_for`` is a value that everybody can compare; ``may_share`` lists values that it may or may not hold patients of, and
    ``implies`` is ``key=value`` of another key that holds for every patient. "" for nothing.
    """

    key: str
    value: str
    stands_for: str = ""
    may_share: str = ""
    implies: str = ""


@dataclass(frozen=True)
class Meanings:
    """What keys and values of strata mean, as ``stratum_keys.csv`` and ``vocabulary/stratum_values.csv`` declare it.

    A key or value without a row is compared by its numbers or as words. Use :attr:`cordbook.evidence.evidence.Evidence.meanings`.

    >>> grades = Meanings((Key("grade", disjoint=True), Key("phase", disjoint=True)))
    >>> grades.may_share({"grade": "A+B"}, {"grade": "C"}), grades.may_share({"grade": "A+B"}, {"grade": "B"})
    (False, True)
    >>> grades.may_share({}, {"phase": "acute"})
    True
    """

    keys: tuple[Key, ...] = ()
    values: tuple[Value, ...] = ()

    def may_share(self, a: Stratum, b: Stratum) -> bool:
        """Can two strata of one arm hold one patient? They can unless a key that both name has values of different patients."""
        return self._may_share(a, b, self.disjoint)

    def may_share_between_studies(self, a: Stratum, b: Stratum) -> bool:
        """Can strata of two studies that share patients hold one of them? Only what is the patient's, not the report's, tells them apart."""
        return self._may_share(a, b, self.between_studies)

    def holds(self, wide: Stratum, narrow: Stratum) -> bool:
        """Is every patient of one stratum in the other for sure? A stratum holds itself.

        >>> Meanings().holds({"grade": "A+B"}, {"grade": "B", "phase": "acute"})
        True
        >>> Meanings().holds({"dose": ">=40"}, {"dose": "45-50"}), Meanings().holds({"dose": "45-50"}, {"dose": ">=40"})
        (True, False)
        """
        part = self.with_implied(narrow)
        return all(key in part and self._value_holds(key, value, part[key]) for key, value in wide.items())

    def is_part(self, narrow: Stratum, wide: Stratum) -> bool:
        """Is one stratum a part of the other, and not the same patients by other words?

        >>> Meanings().is_part({"grade": "B"}, {"grade": "A+B"}), Meanings().is_part({"grade": "B"}, {"grade": "B"})
        (True, False)
        """
        return self.holds(wide, narrow) and not self.holds(narrow, wide)

    def with_implied(self, stratum: Stratum) -> Stratum:
        """A stratum with the pairs that its values imply, so that either key can tell; what it says itself stands.

        >>> told = Meanings(values=(Value("grade", "A", implies="injury=complete"), Value("grade", "B", implies="injury=incomplete")))
        >>> told.with_implied({"grade": "A"}), told.with_implied({"grade": "A+B"})
        ({'injury': 'complete', 'grade': 'A'}, {'grade': 'A+B'})
        """
        implied = [self._implied(key, value) for key, value in stratum.items() if key in self._implying]
        return {**dict(pair for pairs in implied for pair in pairs), **stratum} if any(implied) else stratum

    @cached_property
    def disjoint(self) -> frozenset[str]:
        """Keys whose different values hold different patients of an arm."""
        return frozenset(key.key for key in self.keys if key.disjoint)

    @cached_property
    def between_studies(self) -> frozenset[str]:
        """Keys whose different values hold different patients of any two studies."""
        return frozenset(key.key for key in self.keys if key.between_studies)

    def _may_share(self, a: Stratum, b: Stratum, keys: Iterable[str]) -> bool:
        first, second = self.with_implied(a), self.with_implied(b)
        return not any(key in first and key in second and self._different(key, first[key], second[key]) for key in keys)

    def _different(self, key: str, a: str, b: str) -> bool:
        """Do two values of a key that parts patients stand for different ones?"""
        if a == b or b in self._unclear(key, a) or a in self._unclear(key, b):
            return False
        one, other = self._read(key, a), self._read(key, b)
        if one.span and other.span:
            return one.span.apart_from(other.span)
        return not one.members & other.members

    def _value_holds(self, key: str, wide: str, narrow: str) -> bool:
        if wide == narrow:
            return True
        one, other = self._read(key, wide), self._read(key, narrow)
        if one.span and other.span:
            return one.span.holds(other.span)
        return other.members <= one.members

    def _read(self, key: str, value: str) -> _Read:
        """A value as a range and as words, read once."""
        if (key, value) not in self._known:
            plain = self._plain(key, value)
            members = frozenset(part for own in value.split("+") for part in self._plain(key, own).split("+"))
            self._known[key, value] = _Read(_span(plain, self._places.get(key, {})), members)
        return self._known[key, value]

    def _plain(self, key: str, value: str) -> str:
        """What a value stands for; itself where nothing is declared."""
        row = self._declared(key, value)
        return row.stands_for.replace("*", _starred(row.value, value) or "") if row and row.stands_for else value

    def _declared(self, key: str, value: str) -> Value | None:
        """The row of a value, before that of a form that it has."""
        rows = self._by_key.get(key, {})
        return rows.get(value) or next((row for form, row in rows.items() if _starred(form, value)), None)

    def _unclear(self, key: str, value: str) -> Sequence[str]:
        row = self._declared(key, value)
        return _list(row.may_share) if row else ()

    def _implied(self, key: str, value: str) -> tuple[tuple[str, str], ...]:
        """The pairs that every value joined by + implies."""
        rows = [self._declared(key, part) for part in value.split("+")]
        told = [set(stratum_pairs(row.implies)) if row else set() for row in rows]
        return tuple(sorted(set.intersection(*told)))

    @cached_property
    def _by_key(self) -> Mapping[str, Mapping[str, Value]]:
        found: dict[str, dict[str, Value]] = {}
        for row in self.values:
            found.setdefault(row.key, {}).setdefault(row.value, row)
        return found

    @cached_property
    def _implying(self) -> frozenset[str]:
        return frozenset(row.key for row in self.values if row.implies)

    @cached_property
    def _places(self) -> Mapping[str, Mapping[str, int]]:
        """The place of each position of a scale, by key."""
        scales = {key.key: positions(key.scale) for key in self.keys if key.scale}
        return {key: {name: i for i, name in enumerate(names)} for key, names in scales.items()}

    @cached_property
    def _known(self) -> dict[tuple[str, str], _Read]:
        return {}


def meanings_of(keys: Iterable[Mapping[str, Any]], values: Iterable[Mapping[str, Any]]) -> Meanings:
    """The meanings of rows of ``stratum_keys`` and ``stratum_values``, as text or typed; a column that is missing declares nothing.

    >>> meanings_of([{"key": "sex", "disjoint": "yes"}], []).disjoint
    frozenset({'sex'})
    """
    return Meanings(
        tuple(Key(r["key"], _yes(r, "disjoint"), _yes(r, "between_studies"), r.get("scale") or "") for r in keys),
        tuple(Value(r["key"], r["value"], *(r.get(c) or "" for c in ("stands_for", "may_share", "implies"))) for r in values),
    )


def positions(scale: str) -> tuple[str, ...]:
    """The positions of a scale from first to last.

    >>> positions("C1-C3;T1-T2;sacrum")
    ('C1', 'C2', 'C3', 'T1', 'T2', 'sacrum')
    """
    return tuple(name for part in _list(scale) for name in _counted(part))


def parts_of_counted_arms(wider: Mapping[str, object]) -> frozenset[str]:
    """Of the arms that are to be counted, those that are a part of another one of them: who is in both counts once.

    ``wider`` gives of each arm the arm that it is a part of; what is not text means none.

    >>> sorted(parts_of_counted_arms({"x.control": None, "x.control_rehab": "x.control", "y.early": "y.treated"}))
    ['x.control_rehab']
    """
    return frozenset(arm for arm, whole in wider.items() if isinstance(whole, str) and whole in wider)


@dataclass(frozen=True, slots=True)
class Held:
    """The patients of a count of one arm and outcome: its stratum (empty: all patients), its time, and how many they are."""

    stratum: Stratum
    time: object
    n: int | None


def unnamed_totals(rows: Sequence[Held], size: int | None, meanings: Meanings) -> frozenset[int]:
    """Places of rows whose stratum is everybody of the arm by its number, where no row of all patients stands at that time.

    ``rows`` are all counts of one arm and outcome, ``size`` the patients of the arm; where that is not known, nobody can tell.
    Of rows within one another it is the widest. Where two strata claim the whole arm at one time, both are given.

    >>> injured = Held({"grade": "A"}, 12, 45)
    >>> sorted(unnamed_totals([injured, Held({"grade": "A", "phase": "acute"}, 12, 45)], 45, Meanings()))
    [0]
    >>> sorted(unnamed_totals([injured, Held({}, 12, 45)], 45, Meanings())), sorted(unnamed_totals([injured], 46, Meanings()))
    ([], [])
    """
    named = {row.time for row in rows if not row.stratum}
    full = [i for i, row in enumerate(rows) if row.stratum and size is not None and row.n == size and row.time not in named]

    def within_another(i: int) -> bool:
        return any(rows[i].time == rows[j].time and meanings.is_part(rows[i].stratum, rows[j].stratum) for j in full)

    return frozenset(i for i in full if not within_another(i))


def all_patients(rows: Sequence[Held], size: int | None, meanings: Meanings) -> list[bool]:
    """Does each count hold all patients of its arm? Those without a stratum do, and a stratum that alone stands for them.

    ``rows`` and ``size`` are those of :func:`unnamed_totals`. A row of all patients stands as the report gives it, with fewer
    patients than the arm too (some were lost); a stratum beside it, at the same time, is never taken in its place.

    >>> all_patients([Held({"grade": "A"}, 12, 45)], 45, Meanings())
    [True]
    >>> all_patients([Held({"grade": "A"}, 12, 45), Held({"phase": "acute"}, 12, 45)], 45, Meanings())
    [False, False]
    """
    unnamed = unnamed_totals(rows, size, meanings)
    claims = Counter(rows[i].time for i in unnamed)
    return [not row.stratum or (i in unnamed and claims[row.time] == 1) for i, row in enumerate(rows)]


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


@dataclass(frozen=True, slots=True)
class _Read:
    """A value as it is compared: a range where it is one, else the words that it holds."""

    span: _Span | None
    members: frozenset[str]


def _span(text: str, places: Mapping[str, int]) -> _Span | None:
    """What a number, a range, a bound or positions of a scale stand for; None for other text."""
    if match := _BOUND.fullmatch(text):
        return _bound(match["sign"], match["at"], places)
    if match := _RANGE.fullmatch(text):
        low = float(match["low"])
        return _Span(low, float(match["high"]) if match["high"] else low)
    return _between(text, places)


def _bound(sign: str, at: str, places: Mapping[str, int]) -> _Span | None:
    strict = len(sign) == 1
    if at in places:  # positions are counted, so a range of them has both its ends
        place, last = places[at], len(places) - 1
        low, high = (place + strict, last) if sign.startswith(">") else (0, place - strict)
        return _Span(low, high, signed=True)
    if not _NUMBER.fullmatch(at):
        return None
    if sign.startswith(">"):
        return _Span(float(at), _INFINITY, open_low=strict, signed=True)
    return _Span(-_INFINITY, float(at), open_high=strict, signed=True)


def _between(text: str, places: Mapping[str, int]) -> _Span | None:
    """One position, or two joined by a hyphen; both ends are in the range."""
    low, _, high = text.partition("-")
    ends = (low, high or low) if text in places or high else ()
    return _Span(places[ends[0]], places[ends[1]], signed=True) if ends and set(ends) <= places.keys() else None


def _starred(form: str, value: str) -> str:
    """The text that the star of a form stands for; "" where the value has not that form.

    >>> _starred("above_*", "above_T10"), _starred("above_*", "T10"), _starred("mixed", "mixed")
    ('T10', '', '')
    """
    before, star, after = form.partition("*")
    fits = star and value.startswith(before) and value.endswith(after)
    return value[len(before) : len(value) - len(after)] if fits else ""


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def _counted(part: str) -> Iterator[str]:
    match = _NUMBERED.fullmatch(part)
    if match is None:
        yield part
        return
    for number in range(int(match["first"]), int(match["last"]) + 1):
        yield f"{match['name']}{number}"


def _yes(row: Mapping[str, Any], column: str) -> bool:
    return row.get(column) in ("yes", True)


def count_row(arm: str, outcome: str, stratum: str, months: str) -> str:
    """The name of a count within its study, which is also the end of its ``cell_id``.

    >>> count_row("treated", "ais_improved", "baseline_ais=A;phase=acute", "12")
    'treated.ais_improved.baseline_ais-a_phase-acute.12'
    >>> count_row("treated", "other:standing", "", "")
    'treated.other_standing.all.na'
    """
    pairs = "_".join(part.replace("=", "-", 1) for part in sorted(filter(None, stratum.split(";")))) or "all"
    return ".".join(re.sub(r"[^a-z0-9_.+<>=\-]", "_", part.lower()) for part in (arm, outcome, pairs, months or "na"))

"""Strata as text: ``key=value`` pairs joined by a semicolon, and what they say of patients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

Stratum = Mapping[str, str]

_RANGE = re.compile(r"(?P<low>\d+(?:\.\d+)?)(?:-(?P<high>\d+(?:\.\d+)?))?")
_BOUND = re.compile(r"(?P<sign><=|>=|<|>)(?P<at>\d+(?:\.\d+)?)")
#: Keys that tell apart patients of any two studies: a grade at the start is the patient's, not the report's.
PATIENT_KEYS = ("baseline_ais", "baseline_completeness")


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a stratum in their order; a part without = has an empty value.

    >>> parse("baseline_ais=A;followup_months=>=24")
    (('baseline_ais', 'A'), ('followup_months', '>=24'))
    """
    parts = (part.partition("=") for part in text.split(";")) if text else ()
    return tuple((key, value) for key, _, value in parts)


def disjoint_values(key: str, a: str, b: str) -> bool:
    """Do two values of one key hold different patients?

    Letters of grades and ranges of numbers are compared as such; other values as text.

    >>> disjoint_values("baseline_ais", "A+B", "C"), disjoint_values("baseline_ais", "A+B", "B")
    (True, False)
    >>> disjoint_values("total_dose_gy", "30-39.99", ">=40"), disjoint_values("total_dose_gy", ">=30", "40")
    (True, False)
    """
    if a == b:
        return False
    if key == "baseline_ais":
        return not set(a.split("+")) & set(b.split("+"))
    range_a, range_b = interval(a), interval(b)
    if range_a and range_b:
        # Classes such as 40-50 and 50-60 touch and still hold different patients.
        return range_a[1] <= range_b[0] or range_b[1] <= range_a[0]
    return True


@lru_cache(maxsize=1024)
def interval(text: str) -> tuple[float, float] | None:
    """The range that a number, a range or a bound stands for, or None.

    >>> interval("40-44.99"), interval(">=50"), interval("cervical")
    ((40.0, 44.99), (50.0, inf), None)
    """
    if match := _BOUND.fullmatch(text):
        at = float(match["at"])
        return (at, float("inf")) if match["sign"].startswith(">") else (float("-inf"), at)
    if match := _RANGE.fullmatch(text):
        low = float(match["low"])
        return low, float(match["high"]) if match["high"] else low
    return None


def disjoint(a: Stratum, b: Stratum, keys: Iterable[str]) -> bool:
    """Do two strata hold different patients, judged by some keys that both name?"""
    return any(key in a and key in b and disjoint_values(key, a[key], b[key]) for key in keys)


def may_share_patients(a: str, b: str) -> bool:
    """Can strata of two studies hold the same patients?

    >>> may_share_patients("baseline_ais=A;phase=acute", "baseline_ais=C;phase=acute")
    False
    >>> may_share_patients("", "baseline_ais=C")
    True
    """
    first, second = dict(parse(a)), dict(parse(b))
    return not disjoint(_with_completeness(first), _with_completeness(second), PATIENT_KEYS)


def _with_completeness(stratum: dict[str, str]) -> dict[str, str]:
    """AIS A is the complete injury, B to D are incomplete ones, so that either key can tell."""
    grades = set(stratum.get("baseline_ais", "").split("+")) - {""}
    if not grades or "baseline_completeness" in stratum:
        return stratum
    if grades == {"A"}:
        return stratum | {"baseline_completeness": "complete"}
    return stratum if "A" in grades else stratum | {"baseline_completeness": "incomplete"}

"""Plain text for every room: numbers, times, people and lists in words, codes as words, capitals."""

from __future__ import annotations

from collections.abc import Sequence

NOT_STATED = "not stated"
DAYS_PER_MONTH = 30.44


def plain(code: object) -> str:
    """A code as words; "not stated" for a blank.

    >>> plain("umbilical_cord"), plain("other:ais_worsened"), plain(None)
    ('umbilical cord', 'ais worsened', 'not stated')
    """
    return NOT_STATED if code in (None, "") else " ".join(str(code).removeprefix("other:").replace("_", " ").split())


def capital(text: str) -> str:
    """A text with its first letter as a capital, to begin a cell, a heading or a sentence.

    >>> capital("usual care"), capital("")
    ('Usual care', '')
    """
    return text[:1].upper() + text[1:]


def inside(text: str) -> str:
    """A label inside a sentence: its first letter small, unless it begins with an abbreviation.

    >>> inside("Nerve pain eased"), inside("AIS worsened")
    ('nerve pain eased', 'AIS worsened')
    """
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def number(value: float | None) -> str:
    """A number without digits that say nothing.

    >>> number(12.0), number(3.25), number(1.6e7), number(None)
    ('12', '3.25', '16,000,000', 'not stated')
    """
    if value is None:
        return NOT_STATED
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number_in_words(n: int) -> str:
    """A small whole number as a word, as style guides ask for it in a title or a sentence.

    >>> number_in_words(5), number_in_words(13)
    ('five', '13')
    """
    return _WORDS[n] if 0 <= n < len(_WORDS) else f"{n:,}"


def people(n: int) -> str:
    """How many people.

    >>> people(1), people(13), people(1877)
    ('1 person', '13 people', '1,877 people')
    """
    return "1 person" if n == 1 else f"{n:,} people"


def studies(k: int) -> str:
    """How many studies.

    >>> studies(1), studies(27)
    ('1 study', '27 studies')
    """
    return "1 study" if k == 1 else f"{k:,} studies"


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    """Words in a sentence.

    >>> enumerate_words(["fever", "pain", "nausea"]), enumerate_words(["fever"]), enumerate_words([])
    ('fever, pain and nausea', 'fever', '')
    """
    return "".join(words[:1]) if len(words) < 2 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def months(value: float | None, missing: str = "time not stated") -> str:
    """A time in months; below one month in days.

    >>> months(12.0), months(1.0), months(0.03), months(0.0), months(None)
    ('12 months', '1 month', '1 day', 'at the start', 'time not stated')
    """
    if value is None:
        return missing
    if value == 0:
        return "at the start"
    if value < 1:
        days = max(round(value * DAYS_PER_MONTH), 1)
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{number(value)} month{'' if value == 1 else 's'}"

"""Name sources for readers, in figures, tables, pages and text: by author and year, else by what else is known, never by the key.

The one owner of labels. Where no author was seen, the title stands in the author's place, as in the citations of the APA (Publication
Manual, 7th edition, section 8.14); without a title, the number that libraries know the report by, its journal, or its topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cordbook.core.names import name_parts
from cordbook.core.text import capital

#: What stands for what a record does not have; nobody may take it for an author or a title.
NOT_SEEN = MappingProxyType({"author": "Author not seen", "title": "Title not seen", "year": "year not seen"})
#: What a label begins with where neither author nor title was seen.
UNIDENTIFIED = "Unidentified"
#: Titles, and journals and topics, are cut here at a word, so that a label fits beside a forest plot.
TITLE_LENGTH, JOURNAL_LENGTH = 22, 12


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source that it can be named by; texts are blank where nothing was seen."""

    author: str = ""
    year: str = ""
    title: str = ""
    pmcid: str = ""
    pmid: str = ""
    journal: str = ""
    doi: str = ""
    topic: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any], topic: str = "") -> Known:
        """From a row of references.csv, as text or typed; ``topic`` is what the report is about, in words."""
        year = _text(row, "year")
        return cls(
            _text(row, "first_author"), str(int(float(year))) if year else "", _text(row, "title"), _text(row, "pmcid"),
            _text(row, "pmid"), _text(row, "journal"), _text(row, "doi"), topic,
        )  # fmt: skip

    def label(self, letter: str = "", *, title_length: int = TITLE_LENGTH) -> str:
        """The source in a few words; ``letter`` tells it from others that are named alike.

        >>> Known("Liu X", "2013").label(), Known("Liu X", "2013").label("b"), Known("Liu").label()
        ('Liu 2013', 'Liu 2013b', 'Liu (year not seen)')
        >>> Known(year="1981", title="Radiation tolerance of the cervical spinal cord", pmid="8").label()
        '“Radiation tolerance …” (1981)'
        >>> Known(pmid="8").label(), Known(year="2025", topic="Cell therapy").label("a"), Known().label()
        ('Unidentified (PMID 8)', 'Unidentified, 2025a (Cell therapy)', 'Unidentified')
        """
        when = f"{self.year}{letter}" if self.year else ""
        if self.author:
            name = name_parts(self.author)[0]
            return f"{name} {when}" if when else f"{name} ({NOT_SEEN['year']}){letter}"
        if self.title:
            return f"“{shortened(self.title, title_length)}”" + (f" ({when})" if when else letter)
        number = self.pmcid or (f"PMID {self.pmid}" if self.pmid else "")
        about = number or shortened(self.journal, JOURNAL_LENGTH) or shortened(capital(self.topic), JOURNAL_LENGTH) or self.doi
        text = UNIDENTIFIED + (f", {when}" if when else "") + (f" ({about})" if about else "")
        return text if when or not letter else f"{text} {letter}"


def known_sources(references: Iterable[Mapping[str, Any]], topics: Mapping[str, str] = MappingProxyType({})) -> dict[str, Known]:
    """What every row of references.csv can be named by; a second id as the source that it stands for."""
    rows = {str(row["reference_id"]): row for row in references}
    return {key: Known.of(rows.get(_text(row, "same_as"), row), topics.get(key, "")) for key, row in rows.items()}


def labels_of(
    known: Mapping[str, Known], *, same_as: Mapping[str, str] = MappingProxyType({}), title_length: int = TITLE_LENGTH
) -> dict[str, str]:
    """A label for each source, made unique by letters in the order of the keys.

    ``same_as`` tells of a second id which source it stands for: both have one label, as both are one source.

    >>> labels_of({"x1": Known("Liu", "2013"), "x2": Known("Liu", "2013"), "y": Known("Yoon", "2007")})
    {'x1': 'Liu 2013a', 'x2': 'Liu 2013b', 'y': 'Yoon 2007'}
    >>> labels_of({"x": Known("Liu", "2013"), "x_ma": Known("Liu", "2013")}, same_as={"x_ma": "x"})
    {'x': 'Liu 2013', 'x_ma': 'Liu 2013'}
    """
    letters = letters_of(known, same_as)
    return {key: source.label(letters[key], title_length=title_length) for key, source in known.items()}


def letters_of(known: Mapping[str, Known], same_as: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The letter that tells each source from others named alike, "" where there is none; the same wherever the source is named.

    >>> letters_of({"x1": Known("Liu", "2013"), "x2": Known("Liu", "2013"), "y": Known("Yoon", "2007")})
    {'x1': 'a', 'x2': 'b', 'y': ''}
    """
    shared: dict[str, list[str]] = {}
    for key in sorted(key for key in known if key not in same_as):
        shared.setdefault(known[key].label(), []).append(key)
    letters = {key: letter for keys in shared.values() if len(keys) > 1 for key, letter in zip(keys, _letters(), strict=False)}
    return {key: letters.get(same_as.get(key, key), "") for key in known}


def _letters() -> Iterable[str]:
    """a to z, then aa, ab and on."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    yield from alphabet
    yield from (one + other for one in alphabet for other in alphabet)


#: Signs of a title that a citation within a sentence shows.
IN_SENTENCE = 45


def shortened(title: str, length: int = IN_SENTENCE) -> str:
    """The first words of a title, as many as fit.

    >>> shortened("Radiation tolerance of the cervical spinal cord", 30)
    'Radiation tolerance of the …'
    """
    return title if len(title) <= length else title[:length].rsplit(" ", 1)[0].rstrip(" -:,;.") + " …"


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    # A data frame holds NaN, NA or None where the table is blank; none of them is equal to itself, or is text.
    return "" if value is None or str(value) in ("nan", "<NA>") else str(value).strip()

"""Say for validation and intake what is missing before it is sure which paper a reference is."""

from __future__ import annotations

from collections.abc import Mapping

CONFIRMED, PARTIAL, UNIDENTIFIED = "confirmed", "partial", "unidentified"
#: What a confirmed reference must have, by column, in words.
NEEDED = {"first_author": "author", "year": "year", "title": "title"}
#: Numbers of which one must be there; a number in a trial register counts as well.
NUMBERS = ("doi", "pmid", "pmcid")
NUMBER = "number (DOI, PMID, PMCID or trial register)"


def identity_gaps(reference: Mapping[str, str], registered: bool = False) -> list[str]:
    """What a reference lacks to be confirmed: author, year, title, and a number by which anybody finds it again.

    ``registered`` says that the study has a number in a trial register.

    >>> identity_gaps({"first_author": "Lima C", "year": "", "title": "A trial", "doi": "", "pmid": "", "pmcid": ""})
    ['year', 'number (DOI, PMID, PMCID or trial register)']
    """
    gaps = [words for column, words in NEEDED.items() if not reference[column]]
    return gaps if registered or any(reference[column] for column in NUMBERS) else [*gaps, NUMBER]


def identity_of(reference: Mapping[str, str], registered: bool = False) -> str:
    """How sure it is which paper a new reference is: confirmed where nothing is missing, else partial."""
    return PARTIAL if identity_gaps(reference, registered) else CONFIRMED

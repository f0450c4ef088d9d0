"""Read and write names of authors as references.csv has them: the surname of the first, with initials where known."""

from __future__ import annotations

import re

#: More letters than this are a word.
_MOST_INITIALS = 3


def name_parts(first_author: str) -> tuple[str, str]:
    """Surname and initials of a name as references.csv has it; initials are blank where there are none, as of a group.

    >>> name_parts("'t Hart E"), name_parts("Müller-Lee Å M."), name_parts("El Tecle"), name_parts("CORDIS Study Group")
    (("'t Hart", 'E'), ('Müller-Lee', 'ÅM'), ('El Tecle', ''), ('CORDIS Study Group', ''))
    """
    words, initials = first_author.split(), ""
    while len(words) > 1:
        letters = re.sub(r"[.-]", "", words[-1])
        if not (letters.isalpha() and letters.isupper() and len(letters + initials) <= _MOST_INITIALS):
            break
        words.pop()
        initials = letters + initials
    return " ".join(words), initials


def first_author(authors: str) -> str:
    """The first of the authors of a record (joined by ``;``, family name first) as references.csv has names.

    >>> first_author("Müller-Lee, Ana Maria; Ho, B"), first_author("van der Berg AB; Ho C"), first_author("Ruiz, A.-M., Jr")
    ('Müller-Lee AM', 'van der Berg AB', 'Ruiz AM')
    >>> first_author("CORDIS Study Group; Ho, B"), first_author("")
    ('CORDIS Study Group', '')
    """
    first = authors.split(";")[0].strip()
    family, comma, given = first.partition(",")
    if not comma:
        return " ".join(filter(None, name_parts(first)))
    return " ".join(filter(None, (family.strip(), _initials_of(given.partition(",")[0]))))


def _initials_of(given: str) -> str:
    """Up to three initials of given names, written out or not: ``Ana Maria``, ``A.-M.`` and ``AM`` give ``AM``."""
    parts = [part for part in re.split(r"[\s.\-]+", given) if part[:1].isalpha()]
    letters = [part if part.isupper() and len(part) <= _MOST_INITIALS else part[0].upper() for part in parts]
    return "".join(letters)[:_MOST_INITIALS]

"""Tell characters of text from what is not seen, what a spreadsheet runs, and what only looks like a letter; for tables and intake alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Characters with the Unicode property Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt): fonts draw nothing for them.
_IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
#: Symbols that are drawn as nothing, or as "here stood something": blank Braille, the musical null notehead, the object and replacement signs.
_BLANK = "\u2800\U0001d159\ufff9\ufffa\ufffb\ufffc\ufffd"
#: Categories that never belong in text of one line: controls, formats, surrogates, private and unassigned ones, other breaks of lines.
UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
UNSEEN = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in _IGNORABLE)}{_BLANK}]")
#: What a spreadsheet takes for the begin of a formula; full-width and small forms of these signs stand for the same.
FORMULA_SIGNS = ("=", "+", "-", "@")
#: Scripts with letters that look like Latin ones. Greek is none: names of proteins and quantities mix the two.
_ALIKE = ("CYRILLIC", "ARMENIAN", "CHEROKEE", "LISU", "COPTIC")
_LATIN_DIGITS = frozenset("0123456789")


def unseen_in(text: str) -> list[str]:
    """Characters of a text that a reader cannot see, or that break a line, each once and sorted.

    >>> unseen_in("Spinal cord"), unseen_in("a\\u3164b\\u2800c\\ufe0f") == ["\\u2800", "\\u3164", "\\ufe0f"]
    ([], True)
    """
    if text.isascii() and text.isprintable():
        return []
    return sorted({c for c in text if unicodedata.category(c) in UNWANTED or UNSEEN.match(c) or (c != " " and c.isspace())})


def begins_as_formula(text: str) -> bool:
    """Does a text begin like a formula, or with a break that a spreadsheet passes over? What writes a sheet puts an apostrophe before it.

    >>> begins_as_formula("@x"), begins_as_formula("\\uff20x"), begins_as_formula("x")
    (True, True, False)
    """
    return text[:1] in ("\t", "\r") or (bool(text) and unicodedata.normalize("NFKC", text[0]) in FORMULA_SIGNS)


def runs_as_formula(text: str) -> bool:
    """Would a spreadsheet run a text as a formula? A plain number it would not.

    >>> runs_as_formula("=1+1"), runs_as_formula("\\uff1d1+1"), runs_as_formula("-2.5"), runs_as_formula("a=b")
    (True, True, False, False)
    """
    begin = text.lstrip()[:1]
    sign = unicodedata.normalize("NFKC", begin)
    return sign in FORMULA_SIGNS and not re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", text.strip())


def mixed_words(text: str) -> list[str]:
    """Words in which letters of another script stand among Latin ones that they look like, as a Cyrillic \u0435 in "cell".

    >>> mixed_words("C\\u0435ll therapy"), mixed_words("NF-\\u03baB and \\u03b2-tubulin")
    (['C\u0435ll'], [])
    """
    if text.isascii():
        return []
    return [word for word in re.findall(r"\w+", text) if not word.isascii() and _is_mixed(word)]


def _is_mixed(word: str) -> bool:
    names = [unicodedata.name(letter, "") for letter in word if letter.isalpha()]
    return any(name.startswith("LATIN") for name in names) and any(name.startswith(_ALIKE) for name in names)


def other_digits(text: str) -> list[str]:
    """Digits of other scripts than the one that every program counts with: Arabic-Indic, full-width and so on.

    >>> other_digits("12"), other_digits("1\\u0663")
    ([], ['\u0663'])
    """
    if text.isascii():
        return []
    return sorted({c for c in text if unicodedata.category(c) == "Nd" and c not in _LATIN_DIGITS})


def named(characters: Iterable[str]) -> list[str]:
    """Characters as a message names them, since most cannot be shown.

    >>> named("\\u3164")
    ['U+3164 HANGUL FILLER']
    """
    return [f"U+{ord(c):04X} {unicodedata.name(c, 'control character')}" for c in characters]

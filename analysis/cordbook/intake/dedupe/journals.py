"""Journals by their names: abbreviated, transliterated, in two languages."""

from __future__ import annotations

import re
from functools import lru_cache

from cordbook.evidence.matching import PARTICLES, words

#: Words of journals' names that tell a language which is not English.
_FOREIGN = frozenset(
    re.findall(
        r"\w+",
        """
        zhonghua zhongguo zazhi za zhi xuebao xue bao yixue nihon nippon gakkai zasshi igaku rinsho taehan daehan hakhoe vestnik zhurnal
        arkhiv terapevticheskii klinicheskaia meditsina meditsinskaia voprosy khirurgiia nevrologii sovetskaia rossiiskii likarska sprava
        zeitschrift fur wochenschrift jahrbuch arzt klinik deutsche deutsches wiener munchener schweizerische medizinische medizin
        revue francaise medecine presse maladies annales societe recherche chirurgie revista espanola brasileira argentina
        chilena mexicana medicina clinica anales arquivos brasileiros gaceta sociedade portuguesa giornale italiana italiano
        rivista minerva medica annali archivio tijdschrift nederlands geneeskunde ugeskrift laeger tidsskrift tidsskr norske laegeforen
        lakartidningen duodecim casopis lekaru ceskych vnitrni lekarstvi orvosi hetilap polski polskie przeglad lekarski wiadomosci lekarskie
        dergisi turk tip harefuah srpski arhiv lekarstvo chotmaihet thangphaet
        """,
    )
)


@lru_cache(maxsize=4096)
def names_of_journal(container: str) -> tuple[tuple[str, ...], ...]:
    """The names by which a journal goes, as words; what stands in round brackets (London, England) is none.

    >>> names_of_journal("Chotmaihet thangphaet [Journal of the Medical Association of Thailand]")
    (('chotmaihet', 'thangphaet'), ('journal', 'medical', 'association', 'thailand'))
    """
    names = re.split(r"\s[=/]\s|\s*[\[\]]\s*|\.?\s*Conference:", re.sub(r"\(.*?(?:\)|$)", " ", container))
    found = (tuple(w for w in words(name.replace("&", " ")).split() if w not in PARTICLES) for name in names)
    return tuple(name for name in found if name)


def same_journal(a: tuple[tuple[str, ...], ...], b: tuple[tuple[str, ...], ...]) -> bool | None:
    """Are two journals the same by any of their names? Nothing where one is not given, or where the names are in two languages or
    scripts, so that they cannot tell.

    >>> same_journal((("national", "medical", "journal", "china"),), (("zhonghua", "yi", "xue", "za", "zhi"),)) is None
    True
    """
    if not a or not b:
        return None
    if a == b or any(same_container(x, y) for x in a for y in b):
        return True
    return False if any(_language(x) == _language(y) for x in a for y in b) else None


def same_container(a: tuple[str, ...], b: tuple[str, ...]) -> bool | None:
    """Are two journals the same, one of them perhaps abbreviated? Nothing where one is not given.

    >>> same_container(("journal", "neurotrauma"), ("j", "neurotrauma"))
    True
    """
    if not a or not b:
        return None
    if a == b:
        return True
    short, long = (a, b) if len("".join(a)) <= len("".join(b)) else (b, a)
    if len(short) == 1 and len(long) > 1:
        initials = "".join(w[0] for w in long)
        if short[0] == initials:
            return True
    at = matched = 0
    for word in long:
        if at < len(short) and _abbreviates(short[at], word):
            at += 1
            matched += 1
    # Words behind the name ("Spinal cord: the official journal of ...") do not make another journal, missing first words do.
    return matched == len(short) and _abbreviates(short[0], long[0])


def _abbreviates(short: str, word: str) -> bool:
    """Is ``short`` the word or its abbreviation: its beginning, or its first letter and later ones in order (natl, national)?"""
    if word.startswith(short):
        return True
    if len(short) < 3 or short[0] != word[0]:
        return False
    rest = iter(word)
    return all(letter in rest for letter in short)


def _language(name: tuple[str, ...]) -> str:
    """What the words of a journal's name say of its language: another script, not English, or nothing."""
    if not all(w.isascii() for w in name):
        return "script"
    return "foreign" if _FOREIGN & set(name) else ""

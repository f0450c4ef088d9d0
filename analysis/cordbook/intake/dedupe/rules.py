"""What two records are to each other: the rules, in their order. The first that holds gives the verdict.

Numbers decide first; titles only together with what else agrees. Each rule has an example in the tests, so that none is out of reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cordbook.intake.dedupe.facts import Facts


class Verdict(Enum):
    SAME = "same"
    ASK = "ask"
    DIFFERENT = "different"


SAME, ASK, DIFFERENT = Verdict
NUMBER, LIKENESS = "identifier", "similarity"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it says, by what (a number or likeness), why in words for people, and when it holds. ``apart``: two records that
    it tells to be different are in no group together, whatever joins each to others."""

    verdict: Verdict
    method: str
    why: str
    holds: Callable[[Facts], bool]
    apart: bool = True


def _shared_doi(f: Facts) -> bool:
    return f.doi is True and f.pmid is not False


def _one_place(f: Facts) -> bool:
    """The same volume and page of a journal that may have another name, and no other year."""
    return f.place and f.year is not False


def _enough(f: Facts) -> bool:
    """Like titles that nothing contradicts: the journal, the place in it, the year and the author decide."""
    if f.against or (f.title < 0.94 and not f.place):
        return False
    whole = f.title >= 0.97 and not f.cut
    somewhere = bool(f.volume or f.page)
    return bool(
        f.place
        or (f.author and f.journal and f.year and (f.long or (whole and not f.short)))
        or (f.author and somewhere and (f.year or f.journal))
        or (f.author and f.page and f.range_end and f.long)
        or (f.author and f.year and f.long and whole)
        or (f.author and f.journal and f.long and whole and f.year is None)
        or (f.journal and f.year and f.long and f.title >= 0.99 and not f.cut)
    )


RULES: tuple[Rule, ...] = (
    Rule(SAME, NUMBER, "same number in the register", lambda f: f.register is True),
    Rule(DIFFERENT, NUMBER, "two entries of a register, or an entry and an article", lambda f: f.register is False),
    Rule(
        ASK,
        NUMBER,
        "same number, but one is a notice, letter or protocol",
        lambda f: f.marks and (f.doi is True or f.pmid is True),
    ),
    Rule(DIFFERENT, LIKENESS, "one is a notice, letter or protocol", lambda f: f.marks),
    Rule(
        SAME,
        NUMBER,
        "same PubMed number",
        lambda f: f.pmid is True and f.doi is not False and (f.title >= 0.6 or (f.author is True and f.place)),
    ),
    Rule(ASK, NUMBER, "same PubMed number, but another title or DOI", lambda f: f.pmid is True),
    # Chapters of a book, and parts of an issue, may carry its DOI and such titles as Preface.
    Rule(
        ASK,
        NUMBER,
        "same DOI, but a title that many reports have, and not the same place and author",
        lambda f: _shared_doi(f) and f.title >= 0.75 and f.short and (f.page is False or not (f.page or (f.author and f.volume))),
    ),
    Rule(
        SAME,
        NUMBER,
        "same DOI",
        lambda f: _shared_doi(f) and f.title >= 0.75 and (not f.numbers or f.title >= 0.95),
    ),
    # A title in another language.
    Rule(
        SAME,
        NUMBER,
        "same DOI, author and pages",
        lambda f: _shared_doi(f) and f.author is True and f.range_end is True and _one_place(f) and not f.crowded,
    ),
    # Abstracts of a congress share the DOI of their supplement.
    Rule(
        DIFFERENT,
        LIKENESS,
        "same DOI, but another title and place",
        lambda f: (
            _shared_doi(f)
            and ((f.title < 0.5 and (f.page is False or not f.author)) or (f.page is False and f.crowded and f.title < 0.75))
        ),
    ),
    Rule(ASK, NUMBER, "same DOI, but another title", _shared_doi),
    Rule(
        SAME,
        LIKENESS,
        "same author in the same place, and much of the title",
        lambda f: (
            0.7 <= f.title < 0.9 and f.author is True and _one_place(f) and _free(f) and f.journal is not False and not f.numbers
        ),
    ),
    Rule(
        SAME,
        LIKENESS,
        "same people on the same pages; the title is perhaps in another language",
        lambda f: f.title < 0.9 and f.people and f.range_end is True and _one_place(f) and _free(f) and f.journal is not False,
    ),
    Rule(DIFFERENT, LIKENESS, "other titles", lambda f: f.title < 0.9),
    Rule(
        ASK,
        NUMBER,
        "another PubMed number in the same place",
        lambda f: f.pmid is False and f.twin and not f.against and (f.place or f.doi is True or bool(f.journal and f.year)),
    ),
    Rule(DIFFERENT, NUMBER, "other PubMed numbers", lambda f: f.pmid is False),
    Rule(
        SAME,
        LIKENESS,
        "one report in one place under two DOIs",
        lambda f: f.doi is False and f.twin and _one_place(f) and f.journal is not False,
    ),
    Rule(
        ASK,
        NUMBER,
        "another DOI in the same journal and year",
        lambda f: f.doi is False and f.twin and not f.against and f.long and bool(f.journal and f.year),
    ),
    Rule(DIFFERENT, NUMBER, "other DOIs", lambda f: f.doi is False),
    Rule(ASK, LIKENESS, "other numbers in the title, the same place", lambda f: f.numbers and f.place and f.author is not False),
    Rule(DIFFERENT, LIKENESS, "other numbers in the title", lambda f: f.numbers),
    # What is missing may be the part or the phase that makes it another report.
    Rule(
        DIFFERENT,
        LIKENESS,
        "a number stands where one title ends, and something contradicts",
        lambda f: f.loose_end and not f.place and bool(f.against),
    ),
    Rule(ASK, LIKENESS, "a number stands where one title ends", lambda f: f.loose_end and not f.place),
    Rule(
        DIFFERENT,
        LIKENESS,
        "one is an abstract of a meeting, and something contradicts",
        lambda f: f.meeting and not f.place and bool(f.against),
    ),
    Rule(
        ASK,
        LIKENESS,
        "one is an abstract of a meeting",
        lambda f: f.meeting and not f.place and not (f.author and f.journal and f.volume),
    ),
    Rule(SAME, LIKENESS, "like titles", _enough),
    # A name in another language, or an abbreviation that is not known.
    Rule(
        SAME,
        LIKENESS,
        "same author, year and place; the journal has another name",
        lambda f: f.against == {"journal"} and f.twin and f.place and (f.year is True or (f.long and f.range_end is True)),
    ),
    Rule(
        SAME,
        LIKENESS,
        "same author, journal, volume and pages; one year is wrong",
        lambda f: (
            f.against == {"year"}
            and f.twin
            and f.place
            and bool(f.journal and (f.range_end or f.issue))
            and f.long
            and not f.crowded
        ),
    ),
    Rule(
        SAME,
        LIKENESS,
        "same author, journal, year and issue; one page is wrong",
        lambda f: (
            f.against == {"page"} and f.twin and bool(f.journal and f.year and f.volume and f.issue) and f.long and not f.crowded
        ),
    ),
    Rule(
        SAME,
        LIKENESS,
        "same author, journal, year and pages; one volume is wrong",
        lambda f: f.against == {"volume"} and f.twin and bool(f.journal and f.year and f.range_end) and f.long,
    ),
    Rule(
        ASK,
        LIKENESS,
        "same place, another first author",
        lambda f: f.against == {"author"} and f.place and f.title >= 0.97,
    ),
    Rule(
        ASK,
        LIKENESS,
        "same place, another year",
        lambda f: f.against == {"year"} and f.place and f.title >= 0.94,
    ),
    Rule(
        ASK,
        LIKENESS,
        "like titles of one author and year; something contradicts",
        lambda f: (
            len(f.against) == 1
            and f.twin
            and f.year is True
            and (f.against == {"journal"} or (f.journal is True and f.against <= {"page", "volume"} and bool(f.volume or f.page)))
        ),
    ),
    # Names of journals are written in so many ways that another one alone does not keep two records apart which others join.
    Rule(DIFFERENT, LIKENESS, "like titles, but something contradicts", lambda f: f.against == {"journal"}, apart=False),
    Rule(DIFFERENT, LIKENESS, "something contradicts", lambda f: bool(f.against)),
    Rule(
        ASK,
        LIKENESS,
        "like titles, too little else to tell",
        lambda f: f.long or (not f.short and bool(f.agree)) or (f.author is True and len(f.agree) > 1),
    ),
    Rule(DIFFERENT, LIKENESS, "a short title and nothing else", lambda f: True),
)


def _free(f: Facts) -> bool:
    """No number contradicts, and such a page holds one report."""
    return f.doi is not False and f.pmid is not False and not f.crowded


def ruled(f: Facts) -> Rule:
    """The first rule that holds; the last one always does."""
    return next(rule for rule in RULES if rule.holds(f))


def reason(rule: Rule, f: Facts) -> str:
    """Why, with what agrees or contradicts."""
    if rule.holds is _enough:
        return f"{rule.why}; same {', '.join(sorted(f.agree))}"
    if rule.why.endswith("something contradicts"):
        return f"{rule.why}: another {', '.join(sorted(f.against))}"
    return rule.why

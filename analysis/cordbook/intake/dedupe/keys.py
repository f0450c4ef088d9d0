"""A record as deduplication sees it: fields without the differences that sources make."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cordbook.evidence.matching import TITLE_LETTERS, folded, names_of, words
from cordbook.intake.dedupe.journals import names_of_journal
from cordbook.intake.records.record import Record

_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10"}
_WORDED = {
    w: str(n) for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1)
} | {w: str(n) for n, w in enumerate(["first", "second", "third", "fourth", "fifth"], 1)}
#: What makes a report about a report. It stands at the beginning or the end of a title.
_MARK = re.compile(
    r"(?:^|[:;.(\[–]\s*|\s-\s)(erratum|errata|corrigend\w+|correction|corrected|publisher correction|author correction|"
    r"retract\w+|expression of concern|comment\w*|commentary|re|reply|response|author\w* (?:reply|response)|in reply|letter|"
    r"editorial|protocol|study protocol)\b(?=\s*(?:$|[:.)\]–]|\s-\s|to\b|on\b|of\b|for\b|by\b|from\b))",
    re.I,
)
_LANGUAGES = (
    "chinese|czech|danish|dutch|english|french|german|greek|hebrew|hungarian|italian|japanese|korean|norwegian|persian|polish|"
    "portuguese|romanian|russian|serbian|spanish|swedish|turkish|ukrainian"
)
#: What sources put behind the title of the report itself: its state, its language, how it was printed. None of it is the title.
_BEHIND = re.compile(
    r"\s*(?:\[(?P<square>[^\[\]]*)\]|\((?P<round>[^()]*(?:\([^()]*\)[^()]*)*)\))[\s.]*$",
)
_STATE = re.compile(
    rf"(?:corrected(?: title)?|sic|see comments?|comments?|(?:published )?errat(?:um|a) (?:appears?|in)\b.*|correction (?:appears|in)\b.*|"
    rf"retracted(?: article| publication| paper)?\b.*|retraction in\b.*|withdrawn|review|\d+ refs?|letter|editorial|"
    rf"(?P<meeting>(?:meeting |conference |congress )?(?:abstracts?|posters?)(?: (?:no\.?|number|#)?\s*\w+)?)|"
    rf"(?:article )?(?:in )?(?:{_LANGUAGES})(?:(?:,| and|/) ?(?:{_LANGUAGES}))*)",
    re.I,
)
#: The report itself, renamed when it was retracted; the notice says "Retraction".
_BEFORE = re.compile(r"^\W*(?:retracted|withdrawn)(?: article| paper| chapter)?\s*[:.–-]+\s*", re.I)
#: The number of an abstract at its meeting, before its title.
_CODE = re.compile(r"^(?:(?:abstract|poster)\s+)?(?:no\.?\s*)?[A-Z]{0,4}[- ]?\d{1,5}[A-Z]?\s*[.:|]\s+", re.I)
_MEETING = re.compile(r"(?:conference|meeting|congress)[ :-]*(?:abstract|poster)|^\W*abstract\b", re.I)
_NOTICE = re.compile(r"erratum|retraction|corrigend|expression of concern", re.I)
_GREEK = str.maketrans(
    dict(zip("αβγδεζηθικλμνξοπρστυφχψω", re.findall(r"\w+", """
        alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega
    """), strict=True))
    | {"µ": "mu", "ς": "sigma", "&": " and "}
)  # fmt: skip
#: No person: nobody is named, or a group stands where another source lists people.
_NOBODY = re.compile(r"\banon(?:ymous)?\b|\bno author|\bet al\b", re.I)
_GROUP = re.compile(
    r"\b(?:group|study|trial|investigators?|collaborat\w+|consortium|committee|society|association|network|team|institute)\b",
    re.I,
)
#: A family name from which letters are dropped that sources write in two ways: Müller, Mueller, Muller.
_UMLAUT = re.compile(r"(?<=[aou])e")


@dataclass(frozen=True, slots=True)
class Wording:
    """One form of a title: letters and digits alone, and its numbers as digits, in order."""

    compact: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One record: an identity and what is compared. ``wordings`` are forms of the title, the whole one first; ``meeting`` is None where
    the kind is not given; ``first_author`` and ``people`` hold family names; ``containers`` the names of the journal, as words;
    ``range_end`` the last page."""

    id: str
    title: str
    wordings: tuple[Wording, ...]
    marks: frozenset[str]
    meeting: bool | None
    registration: str
    year: int
    doi: str
    pmid: str
    first_author: frozenset[str]
    people: frozenset[str]
    containers: tuple[tuple[str, ...], ...]
    volume: str
    issue: str
    page: str
    range_end: str

    @property
    def compact(self) -> str:
        """Letters and digits of the title."""
        return self.wordings[0].compact

    @property
    def numbers(self) -> tuple[str, ...]:
        """Numbers of the title."""
        return self.wordings[0].numbers


def item(identity: str, record: Record) -> Item:
    """A record prepared for comparison.

    >>> item("a", Record(title="Étude II: Spinal–cord injury [corrected]")).title
    'etude ii spinal cord injury'
    """
    bare, abstract = bare_title(record.title)
    text = words(bare.translate(_GREEK))
    marks = frozenset(_stem(m.group(1)) for m in _MARK.finditer(bare))
    if _NOTICE.search(record.kind):
        marks |= {"notice"}
    volume, issue = volume_and_issue(record.volume, record.issue)
    page = start_page(record.pages)
    people = [names for one in record.authors.split(";") if (names := _family(one))]
    return Item(
        id=identity,
        title=text,
        wordings=_wordings(bare, text),
        marks=marks,
        meeting=True if abstract else bool(_MEETING.search(record.kind)) if record.kind else None,
        registration=record.source_key.upper() if record.source == "ClinicalTrials.gov" else "",
        year=int(record.year) if record.year.isdigit() else 0,
        doi=record.doi,
        pmid=record.pmid,
        first_author=people[0] if people and not _GROUP.search(record.authors.split(";")[0]) else frozenset(),
        people=frozenset(min(names) for names in people),
        containers=names_of_journal(record.container),
        volume=volume,
        issue=issue,
        page=page,
        range_end=end_page(record.pages, page),
    )


def bare_title(title: str) -> tuple[str, bool]:
    """A title without what sources add about the report, and whether they say that it is an abstract of a meeting.

    >>> bare_title("Oxygen in the cord [corrected]"), bare_title("RETRACTED: Oxygen in the cord"), bare_title("Oxygen in the cord [abstract].")
    (('Oxygen in the cord', False), ('Oxygen in the cord', False), ('Oxygen in the cord', True))
    >>> bare_title("Retraction: Oxygen in the cord"), bare_title("Oxygen in the cord (ten people)")
    (('Retraction: Oxygen in the cord', False), ('Oxygen in the cord (ten people)', False))
    """
    meeting = False
    bare = _BEFORE.sub("", title)
    while found := _BEHIND.search(bare):
        state = _STATE.fullmatch((found["square"] or found["round"] or "").strip(" ."))
        if not state or not found.start():
            break
        meeting = meeting or bool(state["meeting"])
        bare = bare[: found.start()]
    return bare, meeting


def _wordings(title: str, text: str) -> tuple[Wording, ...]:
    """The whole title, ``text`` as words; then each half of one in two languages, and the title without the number of an abstract."""
    forms = []
    halves = re.split(r"\s[=/]\s|\s*[\[\]]\s*", title)
    forms += [half for half in halves if len(half) < len(title) and len(folded(half)) >= TITLE_LETTERS] if len(halves) > 1 else []
    if code := _CODE.match(title):
        forms.append(title[code.end() :])
    return tuple(_wording(text) for text in (text, *(words(form.translate(_GREEK)) for form in forms)))


def _wording(text: str) -> Wording:
    return Wording(text.replace(" ", ""), tuple(n for w in text.split() for n in numbers_in(w)))


def _family(author: str) -> frozenset[str]:
    """Family names of one author, each as sources may write it, and all of them as one word; nothing where nobody is named."""
    if _NOBODY.search(author):
        return frozenset()
    names = {_UMLAUT.sub("", name) for name in names_of(author)}
    whole = _UMLAUT.sub("", folded(author.partition(",")[0])) if "," in author else ""
    return frozenset(names | ({whole} if whole else set()))


def volume_and_issue(volume: str, issue: str) -> tuple[str, str]:
    """The numbers of volume and issue, whichever field a source writes them into; a volume without a number is none.

    >>> volume_and_issue("57 (16 Supplement)", ""), volume_and_issue("Vol. 57", "16 Suppl"), volume_and_issue("Online first", "")
    (('57', '16'), ('57', '16'), ('', ''))
    >>> volume_and_issue("057(3)", ""), volume_and_issue("57 Suppl 1", ""), volume_and_issue("XII", "4"), volume_and_issue("Suppl 3", "")
    (('57', '3'), ('57', '1'), ('12', '4'), ('', '3'))
    """
    text = re.sub(r"^\W*(?:volume|vol|v|bd|band|jahrgang|tome?)\b[.\s]*", "", volume.strip(), flags=re.I)
    text = _as_digits(text)
    found = re.match(r"\W*[abcd]?0*(\d+)", text, re.I)
    number, rest = (found.group(1), text[found.end() :]) if found else ("", text)
    within = re.search(r"\d+", issue if len(issue) <= 40 else "") or re.search(r"\d+", rest)
    return number.lstrip("0"), within.group().lstrip("0") if within else ""


def _as_digits(text: str) -> str:
    """A volume in Roman numerals in digits; anything else as it is."""
    if not re.fullmatch(r"[IVXLC]+", text) or not text:
        return text
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[c] for c in text]
    return str(sum(-v if v < max(values[i:]) else v for i, v in enumerate(values)))


def numbers_in(word: str) -> list[str]:
    """The numbers that a word of a title stands for: digits, Roman numerals, small numbers in words.

    >>> numbers_in("t10"), numbers_in("iii"), numbers_in("second"), numbers_in("cord")
    (['10'], ['3'], ['2'], [])
    """
    if word in _ROMAN:
        return [_ROMAN[word]]
    if word in _WORDED:
        return [_WORDED[word]]
    return [n.lstrip("0") or "0" for n in re.findall(r"\d+", word)] if not word.isalpha() else []


def start_page(pages: str) -> str:
    """The first page, or the number of the article.

    >>> start_page("S123-S9"), start_page("pp. 0012–19"), start_page("e1000:1-4")
    ('s123', '12', 'e1000')
    """
    found = re.search(
        r"([a-z]{0,3})0*(\d+)", re.sub(r"^\W*(?:pp?\.?|pages?|art(?:icle)?\.?(?: no\.?)?)\s*", "", pages.casefold())
    )
    return f"{found.group(1)}{found.group(2)}" if found else ""


def end_page(pages: str, first: str) -> str:
    """The last page in full where a range is given: what follows the hyphen takes the digits that it leaves out from ``first``.

    >>> end_page("1456-63", "1456"), end_page("112-119", "112"), end_page("112", "112"), end_page("S3-S9", "s3")
    ('1463', '119', '', '9')
    """
    found = re.search(r"\d\s*[-–—‐‑]\s*[a-z]{0,3}(\d+)", pages, re.I)
    if not found:
        return ""
    begins, ends = first.lstrip("abcdefghijklmnopqrstuvwxyz"), found.group(1).lstrip("0")
    return begins[: len(begins) - len(ends)] + ends


def same_page(a: str, b: str) -> bool:
    """Is it one page? A letter before it (e23, S31) is left out by some sources.

    >>> same_page("e23", "23"), same_page("s31", "e31"), same_page("23", "24")
    (True, False, False)
    """
    if a == b:
        return True
    letters = "abcdefghijklmnopqrstuvwxyz"
    return a.lstrip(letters) == b.lstrip(letters) and (a[:1].isdigit() or b[:1].isdigit())


def _stem(mark: str) -> str:
    mark = mark.casefold()
    for stem in ("retract", "repl", "respon", "protocol", "comment", "letter", "editorial", "concern"):
        if stem in mark:
            return "reply" if stem in ("repl", "respon") else stem
    return "notice" if mark.startswith(("err", "corr", "publisher", "author")) else mark

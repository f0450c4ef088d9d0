"""The words of the book: no number is typed, every role and citation resolves, and plain words are plain.

Results stand in prose as roles, which the build fills in. What may be typed is declared in :data:`ALLOWED`, each with
its reason. Readability is the grade of Flesch and Kincaid (Kincaid JP, Fishburne RP, Rogers RL, Chissom BS. Derivation
of new readability formulas for Navy enlisted personnel. Research Branch Report 8-75, 1975)::

    0.39 x words / sentences + 11.8 x syllables / words - 15.59
"""

import csv
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

from cordbook.review.appraisal.estimate_text import format_estimate
from cordbook.review.estimates.phrases import percent
from cordbook.review.estimates.row_counts import count_rows, newest

ROOT = Path(__file__).resolve().parents[2]
KEYS = [row["key"] for row in csv.DictReader((ROOT / "data" / "stratum_keys.csv").read_text(encoding="utf-8").splitlines())]
CHAPTERS = [ROOT / "index.ipynb", *sorted((ROOT / "book").rglob("*.ipynb"))]
#: A plain box is for readers of about 12 to 14 years: grades 7 to 9.
HIGHEST_GRADE = 9.0

#: Numbers that may stand in prose, with the reason. Everything else is a result, and results are roles.
ALLOWED = (
    (r"^#+ \d+(\.\d+)*\b", "number of a section, in its heading"),
    (r"\b[Cc]hapters? \d+(\.\d+)*", "a chapter by its number"),
    (r"^ *\d+\. ", "number of a list item"),
    (r"\b(19|20)\d\d(;\d+:\w+)?\b", "a year, or a journal's year, volume and page"),
    (r"\b\d\d% (CI|confidence interval|interval|limits?|prediction)", "level of an interval"),
    (r"\b\d+(\.\d+)?([-–]| to | and )?(\d+(\.\d+)?)?[  ](Gy|cGy|mg|g|ml|µg|ATA)(/kg)?\b", "a dose of a cited regimen"),
    (r"within 8 h\b|over 45 min\b", "times of the methylprednisolone regimen"),
    (r"\b(HIF-1α|IL-1β|IL-6|IDO1|MMP-9|TGN-020|CRISPR-Cas9|p53|VEGF165|BDNF|NT-3)\b", "a gene, protein or drug"),
    (r"\b(I²|H²|τ²|R²|D50|EQD2|BED\d*|95th)", "a statistic or unit by its name"),
    (r"\b[CTLS]\d{1,2}\b", "a level of the spine"),
    (r"\bM\d{3}\b|\bS\d{3}\b|\bNCT\d{8}\b", "id of a claim or of a registered trial"),
    (r"\bRoB 2\b|\bpromises 95%", "a tool by its name; the level that intervals promise"),
    (r"\bPRISMA[- ](LSR )?2020\b|\bCC BY 4\.0\b|\bR 4\.\d\.\d\b|\bversion \d[\d.]*\b", "name of a standard, licence or program"),
    (r"\bgrades? [1-5]( or [1-5]| to [1-5])?\b", "grade of a toxicity scale"),
    (r"\babove 1\b|\bbelow 1\b|\bincludes? 1\b|\baround 1\b|\bis 1\b", "odds ratio of no difference"),
)  # fmt: skip
_NUMBER_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|hundred|dozens?"
_COUNTED = "people|persons|patients|men|women|studies|trials|series|cases|reports|rats|mice|animals|claims|cells|participants"
#: A count in words that states a result: "three of seven patients", "two small trials".
SPELLED = re.compile(rf"\b({_NUMBER_WORDS})\b(?: (?:of|in) (?:{_NUMBER_WORDS}))?(?: \w+){{0,2}}? (?:{_COUNTED})\b", re.I)
#: Spelled counts that are no results.
SPELLED_ALLOWED = ("ten studies", "two studies")  # the least for a test of small-study effects; too few to pool: rules of method
ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")


def prose(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def bare(text: str) -> str:
    """Prose without what is filled in or not read: roles, guards' conditions, code, addresses."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.S | re.M)
    text = re.sub(r"^:when:.*$|^:{3,}.*$|^:\w+:.*$", "", text, flags=re.M)
    text = ROLE.sub("", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"<[^>]+>|https?://\S+", "", text)
    return re.sub(r"`[^`]*`", "", text)


def unguarded(text: str) -> str:
    """Prose without what stands under a guard: the text in it, or the heading after an empty one."""
    text = re.sub(r"^:::\{guard\}\n:when:.*\n:::\n+(#+ .*)$", "", text, flags=re.M)
    return re.sub(r"^:::\{guard\}\n:when:.*\n(?!:::).*?^:::$", "", text, flags=re.S | re.M)


def typed_numbers(text: str) -> list[str]:
    """Digits in prose that no allowance covers, each with the words around it."""
    text = bare(text)
    for pattern, _ in ALLOWED:
        text = re.sub(pattern, lambda m: " " * len(m[0]), text, flags=re.M)
    return [" ".join(text[max(0, m.start() - 40) : m.end() + 30].split()) for m in re.finditer(r"\d[\d.,]*%?", text)]


def spelled_numbers(text: str) -> list[str]:
    found = [" ".join(m[0].split()) for m in SPELLED.finditer(bare(unguarded(text)))]
    return [f for f in found if f.lower() not in SPELLED_ALLOWED]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_no_number_is_typed(path):
    assert typed_numbers(prose(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_no_count_is_spelled_out(path):
    assert spelled_numbers(prose(path)) == []


@pytest.mark.parametrize("number", ["12 of 40 improved", "about 53%", "an odds ratio of 4.5", "in 3 trials", "0.03% of people"])
def test_the_check_finds_a_typed_result(number):
    assert typed_numbers(f"In these trials {number}, more than before.")


@pytest.mark.parametrize("count", ["three of seven patients", "Two small trials", "in six series"])
def test_the_check_finds_a_spelled_result(count):
    assert spelled_numbers(f"We saw {count} get better.")
    guarded = f":::{{guard}}\n:when: some-id.k == 2\nWe saw {count} get better.\n:::\n"
    assert not spelled_numbers(guarded)


def test_what_is_allowed_passes():
    text = "## 2.3 Low oxygen\n\nIn 2016 chapter 3.1.2 said 30 mg/kg within 8 h, then 45 to 50 Gy; HIF-1α; 95% CI; {est}`x-1:of`.\n\n1. First\n"
    assert typed_numbers(text) == []


# ---------------------------------------------------------------- roles and citations


def words_of(role: str, text: str, estimates) -> str:
    """What a role says; raises where its id, form, table or key does not exist."""
    if role == "est":
        estimate_id, _, form = text.partition(":")
        return format_estimate(estimates, estimate_id, form or "short")
    if role == "cell":
        cell_id = text.removesuffix(":percent")
        cells = estimates.evidence["outcomes"].set_index("cell_id")
        events, n = (int(cells.loc[cell_id, c]) for c in ("events", "n"))
        return f"{events} of {n}" + (f" ({percent(events / n)})" if text.endswith(":percent") else "")
    if role == "value":
        table_name, key, column = text.split("/")
        table = estimates.evidence[table_name]
        value = table.loc[table[table.columns[0]] == key, column].iloc[0]
        assert value == value, f"{text} is blank"
        return str(value)
    if role == "count":
        return str(count_rows(estimates.evidence, text))
    if role == "newest":
        return newest(estimates.evidence, text) or "not yet"
    return ""


@pytest.fixture(scope="module")
def keys():
    return set(re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "references.bib").read_text(encoding="utf-8"), re.M))


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_every_role_and_citation_resolves(path, estimates, keys):
    wrong = []
    for role, text in ROLE.findall(prose(path)):
        if role.startswith("cite"):
            wrong += [f"{key}: not in references.bib" for key in re.split(r"[,\s]+", text) if key not in keys]
            continue
        try:
            words_of(role, text, estimates)
        except (KeyError, IndexError, ValueError, AssertionError) as error:
            wrong.append(f"{role} {text}: {error}")
    assert not wrong


# ---------------------------------------------------------------- plain words


def syllables(word: str) -> int:
    """Syllables of an English word by its vowel groups; of a number, its digits.

    A final silent e (not after a consonant and l, as in "table"), and the e of -es and -ed where it is not spoken, do not
    count; vowels that meet in "ia", "io" (not in -tion, -sion, -cious), "eo" (not in people), "ua", "iu" and "ye" count apart. About as good as
    other rules of this kind: a syllable wrong in one word of twenty moves the grade by about half a year.
    """
    if word[0].isdigit():
        return sum(c.isdigit() for c in word)
    word = re.sub(r"[^a-zα-ω]", "", word.lower())
    if not word:
        return 1
    groups = len(re.findall(r"[aeiouy]+", word))
    groups += len(re.findall(r"ia(?!l$|ls$)|(?<![tscg])io|eo(?!p)|(?<![qg])ua|iu|ye[lr]", word))
    if (
        (re.search(r"[^aeiouy]e$", word) and not re.search(r"[^aeiouy]le$", word))
        or re.search(r"[^aeioutdy]ed$", word)
        or (
            re.search(r"[^aeiouysxzcg]es$", word)
            and not re.search(r"[^aeiouy]les$", word)
            and not word.endswith(("shes", "ches"))
        )
    ):
        groups -= 1
    return max(groups, 1)


def grade(text: str) -> float:
    """Grade of Flesch and Kincaid of plain text. A sentence is a full unit of speech, marked off by . ! ? : or ; as Flesch
    counts them (How to Write Plain English, 1979, chapter 2)."""
    text = re.sub(r"\b(\w+)/(\w+)\b", r"\1 \2", text)
    sentences = [s for s in re.split(r"[.!?:;](?:\s|$)", text) if re.search(r"\w", s)]
    words = re.findall(r"\d[\d.,]*\d|\d|[^\W\d_]+(?:['’-][^\W\d_]+)*", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(syllables(w) for w in words) / len(words) - 15.59


CONDITIONAL = re.compile(r"^:::\{(guard|wording)\}\n:when: ([^\n]*)\n(.*?)^:::$", flags=re.S | re.M)


def said(text: str, estimates) -> list[str]:
    """A text as readers may find it: with the first texts of its wordings, and with the second ones; guards are left out."""

    def chosen(place: int):
        return CONDITIONAL.sub(lambda m: m[3].split(":otherwise:")[place if m[1] == "wording" else 0], text)

    return [ROLE.sub(lambda m: words_of(m[1], m[2], estimates), chosen(place)) for place in (0, 1)]


def plain_boxes(path: Path, estimates) -> list[str]:
    """The box of plain words, once for each outcome of its conditions; none where a page has none."""
    match = re.search(r"^(:{3,})\{div\} cb-plain\n(.*?)^\1$", prose(path), flags=re.S | re.M)
    return [plain_text(text) for text in said(match[2], estimates)] if match else []


def plain_text(text: str) -> str:
    text = re.sub(r"\]\([^)]*\)|[\[\]*_`]", "", text)
    return text.replace("In plain words.", "", 1)


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_plain_words_are_plain(path, estimates):
    boxes = plain_boxes(path, estimates)
    numbered = re.match(r"# \d", prose(path).lstrip())
    assert boxes or not numbered, "a chapter opens with a box of plain words"
    for box in boxes:
        assert grade(box) <= HIGHEST_GRADE, f"grade {grade(box):.1f}: shorter sentences, shorter words"


# Syllables as in the Oxford Advanced Learner's Dictionary.
@pytest.mark.parametrize(
    ("word", "count"),
    [("cord", 1), ("helped", 1), ("people", 2), ("table", 2), ("treated", 2), ("muscles", 2), ("oxygen", 3), ("injury", 3),
     ("radiation", 4), ("stimulation", 4), ("myelin", 3), ("damage", 2), ("vessels", 2), ("cases", 2), ("series", 2), ("before", 2)],
)  # fmt: skip
def test_syllables_of_words_of_this_book(word, count):
    assert syllables(word) == count


def test_the_grade_of_a_sentence_worked_by_hand():
    # 6 words, 6 syllables, 1 sentence: 0.39 x 6 + 11.8 x 1 - 15.59
    assert grade("The cat sat on the mat.") == pytest.approx(-1.45)
    # 9 words of which "radiation" has 4 syllables and "myelopathy" 5, 16 in all, 2 sentences
    text = "Radiation myelopathy is rare. It can not be healed."
    assert grade(text) == pytest.approx(0.39 * 9 / 2 + 11.8 * 16 / 9 - 15.59)


def test_tables_say_in_words_of_whom_they_count():
    """``phase=acute;level=cervical`` is how data/ writes a stratum; ``Vocabulary.stratum`` says it to readers."""
    code = re.compile(rf"\b({'|'.join(map(re.escape, KEYS))})=[\w<>.+-]+")
    found = set()
    for path in CHAPTERS:
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                shown = re.sub(r"<[^>]*>", " ", output.get("data", {}).get("text/html", ""))
                found |= {(path.name, match[0]) for match in code.finditer(unescape(shown))}
    assert found == set()

"""Words that compare, rank, or say none or most stand under a guard that asks for just what they speak of.

Such a word is true of the data of one day. A guard above or around it names what the sentence names (an estimate, a count, a table), so
that the build stops on the day on which the word may have become wrong. A sentence that tells one cited report, and names nothing of
the data, is that report's. What else may stand without a guard is listed in :data:`FREE` with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cordbook.review.estimates.declarations import Synthesis, load_declarations
from tests.book.test_prose import CHAPTERS, ROOT, name, prose

PAGES = [p for p in CHAPTERS if p.parent.name not in ("methods", "studies")]
_SIZE = "large|small|high|low|long|short|old|great|wide|rare"
COMPARING = re.compile(
    rf"\b(more (?:than|of|often)|less (?:than|often)|fewer|(?:{_SIZE})(?:r|er) than|(?:{_SIZE})(?:st|est)|most(?:ly)?|majority|half|twice"
    r"|nearly (?:all|nobody|none|every\w*)|hardly (?:any\w*|ever)|(?:several )?times (?:above|the|as)|better than|worse than|best|worst"
    r"|rare(?:ly)?|seldom|none|nobody|no one|never|always|nothing|neither|no [a-z]+|every|all of|all the|everybody)\b",
    re.I,
)
#: What needs no guard, by a part of the sentence, and why: it says nothing of what the data hold today.
FREE = {
    "there the curve fitted here runs several times above": "held by tests/book/test_dose_sentence.py",
    "Some series count everybody who was treated": "what such series are, not how many there are",
    "Among long survivors the risk is higher": "by arithmetic: those who die first are left out",
    "Cases are published because they are rare": "why such reports are written",
    "we found no study that measured it": "what was found until the date beside it",
    "all of them are listed": "where a list stands",
    "It is too rare for one centre": "advice",
    "counted in everybody, not told of the few": "advice",
    "Harm counted in every trial": "advice",
    "A number alone is no seal": "advice",
    "Nobody who hopes for a cure is foolish": "advice",
    "who earns nothing from your choice": "advice",
    "It would need no new drug": "advice",
    "The office accepted corrective steps and set no sanction": "what one letter says, listed with its source below it",
    "A controlled trial of any of these": "what is missing, the finding stands above it",
    "That most such patients keep deficits": "a claim of others, told as such",
    "We found no study that compares regimens": "what was found until the date beside it",
    '"no comparator" says that there is neither': "what a word of the table means",
    "AIS is the ASIA Impairment Scale": "a definition",
    "For everybody who read a claim": "whom a page is for",
    "For everybody with a question": "whom a page is for",
    "every checkable statement with today": "what a page holds",
    "has its own page in plain words": "what a page holds",
    "every step from the export": "what a page holds",
    "Every number has a citation of its own": "what a page holds",
}
_ROLE = re.compile(r"\{(est|cell|value|count)\}`([^`]+)`")
_OPEN = re.compile(r"^(?P<fence>:{3,}|`{3,})\{(?P<name>[\w-]+)\}")
_OPTION = re.compile(r"^:(?P<name>[\w-]+): ?(?P<value>.*)$")
_SOURCE = re.compile(r"\{cite|#claim-M")


@dataclass(frozen=True)
class Sentence:
    """A sentence of prose with the conditions of the guards that it stands under."""

    text: str
    conditions: str

    @property
    def words(self) -> str:
        """What compares in it, without what the build fills in; empty where nothing does."""
        bare = re.sub(r"\{[\w:]+\}`[^`]*`|<[^>]+>|\([^)]*\.(?:ipynb|md|html)\)", " ", self.text)
        found = COMPARING.search(bare)
        return found[0] if found else ""

    @property
    def names(self) -> set[str]:
        """The estimates, counts and tables that it names."""
        given = {
            "est": lambda t: t.split(":")[0],
            "cell": str,
            "value": lambda t: t.split("/")[0],
            "count": lambda t: t.split("/")[0],
        }
        return {given[role](text.strip()) for role, text in _ROLE.findall(self.text)}

    @property
    def guarded(self) -> bool:
        """Does a guard ask for each estimate, count (or its study) and table named, or stand above a sentence that names none?"""
        if not self.names:
            return bool(self.conditions) or bool(_SOURCE.search(self.text))
        return all(known in self.conditions or known.split(".")[0] in self.conditions for known in self.names)


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a page in turn. An empty guard holds from its place to the next heading, a filled one for its text."""
    around: list[tuple[str, str]] = []
    section = ""
    paragraph: list[str] = []

    def told() -> Iterator[Sentence]:
        conditions = " ".join([section, *(c for _, c in around)]).strip()
        for part in re.split(r"(?<=[.!?;:])\s+(?=[A-Z*{<\[(])", " ".join(paragraph)):
            if part.strip():
                yield Sentence(part, conditions)
        paragraph.clear()

    lines = iter(enumerate(rows := text.split("\n")))
    fresh = False
    for place, line in lines:
        opened = _OPEN.match(line)
        if opened:
            yield from told()
            condition, last = "", place
            while last + 1 < len(rows) and (option := _OPTION.match(rows[last + 1])) and option["value"]:
                condition += option["value"] if option["name"] == "when" else ""
                last += 1
                next(lines)
            if opened["name"] == "guard" and last + 1 < len(rows) and rows[last + 1].strip() == opened["fence"]:
                next(lines)
                section, fresh = f"{section} {condition}", True
            else:
                around.append((opened["fence"], condition))
        elif around and line.strip() == around[-1][0]:
            yield from told()
            around.pop()
        elif line.startswith("#"):
            yield from told()
            section = section if fresh else ""
            fresh = False
            paragraph.append(line)
            yield from told()
        elif not line.strip() or re.match(r"(- |\d+\. )", line):
            yield from told()
            paragraph += [line] if line.strip() else []
        else:
            fresh = False
            paragraph.append(line.strip())
    yield from told()


def unguarded(text: str) -> list[str]:
    return [
        f"{s.words}: {s.text}" for s in sentences(text) if s.words and not s.guarded and not any(part in s.text for part in FREE)
    ]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_what_compares_stands_under_a_guard_that_names_what_it_names(path):
    assert unguarded(prose(path)) == []


def test_what_is_free_is_still_there():
    text = "\n".join(map(prose, PAGES))
    assert [part for part in FREE if part not in text] == []


GUARD = ":::{guard}\n:when: a-one.k > 3 and [outcomes.n/cell_id=b2010.treated.x.all.1] > 1\n"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Most trials had no control group.", True),
        ("In {est}`a-one:studies` nobody improved.", True),
        ("Nobody improved {cite:p}`b2010`.", False),
        ("{est}`a-one:of` improved, {cell}`b2010.treated.x.all.1` of them there.", False),
        (f"{GUARD}:::\n\n## Most improved\n\nNobody died in {{est}}`a-one:studies`.", False),
        (f"{GUARD}:::\n\n## Most improved\n\nNobody died in {{est}}`another:studies`.", True),
        (f"{GUARD}:::\n\n## Most improved\n\n## Harm\n\nNobody died in {{est}}`a-one:studies`.", True),
        (f"{GUARD}The largest series is {{cell}}`b2010.treated.x.all.1`.\n:::\n\nIt is the largest.", True),
        (f"{GUARD}The largest series is {{cell}}`b2010.treated.x.all.1`.\n:::", False),
    ],
)
def test_the_check_finds_a_word_without_its_guard(text, wrong):
    assert bool(unguarded(text)) is wrong


def test_the_chapters_are_there():
    assert len(PAGES) > 10 and all(path.is_relative_to(ROOT) for path in PAGES)


#: Sentences of declared estimates that hold whatever the data are, by the estimate, and why.
FREE_ESTIMATES = {
    "myelopathy-conventional-to-50gy": "at most 50 Gy is what the estimate takes",
}


def declared() -> list[Synthesis]:
    return list(load_declarations(ROOT / "data" / "syntheses.yml"))


@pytest.mark.parametrize("synthesis", declared(), ids=lambda s: s.id)
def test_declared_sentences_that_compare_say_when_they_are_true(synthesis):
    """The plain sentence of an estimate, too: with a condition that asks for it, or for what it stands beside."""
    said = " ".join((synthesis.sentence, synthesis.side_sentence, synthesis.part_sentence))
    found = COMPARING.search(re.sub(r"\{\w+\}", " ", said))
    if found and synthesis.id not in FREE_ESTIMATES:
        assert re.search(r"[a-z-]+\.[a-z]", synthesis.condition), (found[0], said)

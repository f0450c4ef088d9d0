"""Cuts a search into its signs: words, phrases, operators, fields and parentheses, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cordbook.evidence.queries.dialects import ANY, Dialect

#: Kinds of tokens. A field stands before what it holds for (FIELD) or behind it (BEHIND); an INDEX term is one that text cannot answer.
OPEN, CLOSE, WORD, PHRASE, OPERATOR, FIELD, BEHIND, INDEX = ["(", ")", "word", "phrase", "operator", "field", "behind", "index"]
_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_NEAR = r"(?:{names})(?:/?\d+)?(?![\w*])"


@dataclass(frozen=True, slots=True)
class Token:
    """A sign of a search: its kind, its text without quotation marks, and where it begins (0 for the first letter)."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Where a search breaks the syntax of its source, how, and what to do."""

    at: int
    message: str
    remedy: str


def cut(query: str, dialect: Dialect) -> tuple[list[Token], list[SyntaxProblem]]:
    """The tokens of a search in their order, and what could not be cut."""
    cutter = _Cutter(query, dialect)
    return list(cutter.tokens()), cutter.problems


class _Cutter:
    def __init__(self, query: str, dialect: Dialect) -> None:
        self.query, self.dialect = query, dialect
        self.problems: list[SyntaxProblem] = []
        for at, sign in enumerate(query):
            if sign in "“”„«»":
                self.problems.append(SyntaxProblem(at, f"{sign} is a printed quotation mark.", 'Write " in its place.'))
        self.text = query.translate(_CURLY)
        names = "|".join(("AND", "OR", "NOT"))
        near = _NEAR.format(names="|".join(dialect.near)) if dialect.near else r"(?!)"
        self.operator = re.compile(rf"(?:(?:{names})(?![\w*])|{near})")
        self.patterns = tuple(_patterns(dialect))

    def tokens(self) -> Iterator[Token]:
        at = 0
        while at < len(self.text):
            sign = self.text[at]
            if sign.isspace() or sign == ",":
                at += 1
                continue
            token, at = self._token(at)
            if token is not None:
                yield token

    def _token(self, at: int) -> tuple[Token | None, int]:
        text, sign = self.text, self.text[at]
        if sign in "()":
            return Token(OPEN if sign == "(" else CLOSE, sign, at), at + 1
        if sign == '"' or (sign == "'" and self.dialect.single):
            return self._phrase(at, sign)
        if match := self.operator.match(text, at):
            return Token(OPERATOR, match.group(), at), match.end()
        if self.dialect.plus and sign in "+*-":
            return Token(OPERATOR, {"+": "OR", "*": "AND", "-": "NOT"}[sign], at), at + 1
        for kind, pattern in self.patterns:
            if match := pattern.match(text, at):
                if match.group().count('"') % 2:
                    self.problems.append(
                        SyntaxProblem(
                            at, f"A quotation mark is missing in {match.group()}.", 'Write " before and behind the term.'
                        )
                    )
                return Token(kind, match.group(1).strip() or match.group(), at), match.end()
        return self._word(at)

    def _phrase(self, at: int, quote: str) -> tuple[Token | None, int]:
        end = self.text.find(quote, at + 1)
        if end < 0:
            self.problems.append(
                SyntaxProblem(
                    at, f"The quotation mark {quote} is not closed.", f"Write {quote} at the end of the phrase, or take it out."
                )
            )
            return Token(PHRASE, self.text[at + 1 :], at), len(self.text)
        inside = self.text[at + 1 : end]
        if not inside.strip():
            self.problems.append(
                SyntaxProblem(at, "There is nothing between two quotation marks.", "Write a phrase there, or take them out.")
            )
            return None, end + 1
        if re.search(r"\b(?:AND|OR|NOT)\b", inside):
            self.problems.append(
                SyntaxProblem(
                    at,
                    f"An operator stands inside the phrase {quote}{inside.strip()}{quote}: a quotation mark is missing or too many.",
                    "Close the phrase before the operator.",
                )
            )
        return Token(PHRASE, inside, at), end + 1

    def _word(self, at: int) -> tuple[Token | None, int]:
        stop = r"\s()\"\[\]" + ("'+" if self.dialect.single else "") + (":=" if self.dialect.fields else "") + (",")
        match = re.compile(rf"[^{stop}]+").match(self.text, at)
        if match is None:
            sign = self.text[at]
            self.problems.append(
                SyntaxProblem(at, f"{sign} cannot be read there.", "Take it out, or write the field that it belongs to.")
            )
            return None, at + 1
        word = match.group()
        # A slash or a full stop at the end belongs to what comes behind the word.
        for _, pattern in self.patterns:
            if (inner := pattern.search(word)) and inner.start() > 0 and inner.end() == len(word):
                word = word[: inner.start()]
                break
        return Token(WORD, word, at), at + len(word)


def _patterns(dialect: Dialect) -> Iterator[tuple[str, re.Pattern[str]]]:
    """How fields and index terms look in a dialect; the first group is the name of the field, or the term."""
    if dialect.name == "ClinicalTrials.gov":
        yield FIELD, re.compile(r"AREA\[([^\]]*)\]")
        yield INDEX, re.compile(r"(RANGE\[[^\]]*\]|(?:EXPANSION|COVERAGE|SEARCH)\[[^\]]*\])")
    elif dialect.name == "CENTRAL (Cochrane Library)":
        yield INDEX, re.compile(r"\[(mh[^\]]*)\]", re.I)
    elif dialect.name == "Embase":
        yield INDEX, re.compile(r"(\[[^\]]*\](?:/\w+)?)")
    elif dialect.name == "Europe PMC":
        yield INDEX, re.compile(r"(\[[^\]]* TO [^\]]*\])")
    elif dialect.name == "Ovid":
        yield INDEX, re.compile(r"((?:exp\s+|\*)?[A-Z][A-Za-z ,'-]*/)")
        yield BEHIND, re.compile(r"\.([a-z]{2}(?:,[a-z]{2})*)\.")
    if dialect.tags:
        yield BEHIND, re.compile(r"\[([^\]]*)\]")
    if dialect.prefixes and dialect.name != "ClinicalTrials.gov":
        yield FIELD, re.compile(r"([A-Za-z][A-Za-z_-]*)\s*[:=]" if dialect.name != "Scopus" else r"([A-Z][A-Z-]+)(?=\()")
    if dialect.suffixes and dialect.name != "Ovid":
        yield BEHIND, re.compile(r"[:/]([A-Za-z]+(?:,[A-Za-z]+)*)(?![\w*])")
    if dialect is ANY:
        yield BEHIND, re.compile(r"\[([^\]]*)\]")

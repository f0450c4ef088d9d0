"""Reads a search as a tree of terms and operators, and says where it breaks the syntax of its source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from cordbook.evidence.queries.dialects import ANY, Dialect
from cordbook.evidence.queries.tokens import BEHIND, CLOSE, FIELD, INDEX, OPEN, OPERATOR, PHRASE, WORD, SyntaxProblem, Token, cut

#: How much of a search is shown beside a problem.
_BEFORE, _BEHIND = 12, 28
EMPTY = SyntaxProblem(0, "The search is empty.", "Write what is typed into the source.")


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase; ``textual`` is False for what titles and abstracts cannot answer, such as an index term."""

    text: str
    textual: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Parts joined by one operator: AND, OR, or NOT (the first without the others)."""

    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """Two parts within so many words of each other; ``ordered``: in this order."""

    first: Node
    second: Node
    words: int
    ordered: bool


Node = Term | Group | Near


@dataclass(frozen=True, slots=True)
class Query:
    """A search that was read: its tree, None where nothing could be read, and its problems in their order."""

    tree: Node | None
    problems: tuple[SyntaxProblem, ...]


def parse(query: str, dialect: Dialect) -> Query:
    """The tree of a search in the syntax of its source, and all problems."""
    if not dialect.boolean:
        return _plain(query, dialect)
    tokens, problems = cut(query, dialect)
    reader = _Reader(tokens, dialect, len(query))
    tree = reader.whole()
    found = [*problems, *reader.problems, *_lower_case(tokens), *_too_long(query, dialect)]
    return Query(tree, tuple(sorted(found, key=lambda f: f.at)))


def shown_at(query: str, at: int) -> str:
    """The place of a problem for people: the number of the sign, and the search around it.

    >>> shown_at('(spinal AND', 0)
    'character 1, at ▸(spinal AND'
    """
    start = max(0, at - _BEFORE)
    before = ("…" if start else "") + query[start:at]
    behind = query[at : at + _BEHIND] + ("…" if at + _BEHIND < len(query) else "")
    return f"character {at + 1}, at {before}▸{behind}"


def _plain(query: str, dialect: Dialect) -> Query:
    """A search of words alone, ranked by its source."""
    signs = [
        SyntaxProblem(
            m.start(), f"{dialect.name} ranks by words and does not read {m.group()}.", "Take it out and write the words alone."
        )
        for m in re.finditer(r'[()"*]|\b(?:AND|OR|NOT)\b', query)
    ]
    if not query.split():
        return Query(None, (EMPTY,))
    return Query(Group("OR", tuple(map(Term, query.split()))), tuple(signs))


def _lower_case(tokens: Sequence[Token]) -> list[SyntaxProblem]:
    return [
        SyntaxProblem(
            t.at,
            f"{t.text!r} is read as a word, not as an operator.",
            f"Write {t.text.upper()}, or put the phrase in quotation marks.",
        )
        for t in tokens
        if t.kind == WORD and t.text.lower() in ("and", "or", "not")
    ]


def _too_long(query: str, dialect: Dialect) -> list[SyntaxProblem]:
    size = len(quote(query, safe=""))
    if dialect.longest and size > dialect.longest:
        message = f"The search has {size:,} signs as part of an address; {dialect.name} takes {dialect.longest:,}."
        return [SyntaxProblem(0, message, "Take out terms that others find too, or make two strategies of it.")]
    return []


class _Reader:
    """Reads tokens by descent: a level is terms with operators between, up to the parenthesis that closes it."""

    def __init__(self, tokens: list[Token], dialect: Dialect, end: int) -> None:
        self.tokens, self.dialect, self.end = tokens, dialect, end
        self.at = 0
        self.problems: list[SyntaxProblem] = []

    def whole(self) -> Node | None:
        """The tree of all tokens."""
        if not self.tokens:
            self.problems.append(EMPTY)
            return None
        parts = [self._level()]
        while (token := self._peek()) is not None:
            self._problem(token.at, "This parenthesis closes none that was opened.", "Take it out, or open one before.")
            self.at += 1
            if self._peek() is not None:
                parts.append(self._level(joined=True))
        found = tuple(p for p in parts if p is not None)
        return found[0] if len(found) == 1 else Group("AND", found) if found else None

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _problem(self, at: int, message: str, remedy: str) -> None:
        self.problems.append(SyntaxProblem(at, message, remedy))

    # ------------------------------------------------------------------ levels

    def _level(self, *, joined: bool = False) -> Node | None:
        """Terms and operators up to a closing parenthesis or the end."""
        operands: list[Node] = []
        operators: list[Token] = []
        waiting: Token | None = None
        start = self._peek()
        while (token := self._peek()) is not None and token.kind != CLOSE:
            if token.kind == OPERATOR:
                waiting = self._operator(token, waiting, bool(operands) or joined)
                continue
            quoted = token.kind in (PHRASE, OPEN, INDEX, FIELD) or (
                self.at > 0 and self.tokens[self.at - 1].kind in (PHRASE, CLOSE)
            )
            before = self.at
            operand = self._operand()
            if operand is None:
                # What is wrong with it is told already; the operator before it is not asked for again.
                self.at, waiting = max(self.at, before + 1), None
                continue
            if operands:
                operators.append(waiting or self._missing(token, quoted))
            operands.append(operand)
            waiting = None
        if waiting is not None:
            self._problem(waiting.at, f"Nothing stands behind {waiting.text}.", "Write a term behind it, or take it out.")
        if not operands:
            return None
        return self._joined(operands, operators, start)

    def _operator(self, token: Token, waiting: Token | None, has_operand: bool) -> Token:
        self.at += 1
        # AND NOT is one operator in many sources.
        if waiting is not None and not (waiting.text == "AND" and token.text == "NOT"):
            self._problem(
                token.at,
                f"{waiting.text} and {token.text} stand side by side.",
                "Take one of them out, or write the term between.",
            )
        elif waiting is None and not has_operand:
            self._problem(token.at, f"Nothing stands before {token.text}.", "Write a term before it, or take it out.")
        return token

    def _missing(self, token: Token, quoted: bool) -> Token:
        """The operator between two terms that stand side by side: AND, which words alone may leave out."""
        if quoted:
            self._problem(
                token.at,
                "Two terms stand side by side without an operator.",
                "Write AND, OR or NOT between them, or make them one phrase.",
            )
        return Token(OPERATOR, "AND", token.at)

    def _joined(self, operands: list[Node], operators: list[Token], start: Token | None) -> Node:
        """One tree of a level: nearness binds first, then AND and NOT in turn, or OR."""
        operands, operators = self._near(operands, operators)
        if not operators:
            return operands[0]
        kinds = {t.text for t in operators}
        if "OR" in kinds and len(kinds) > 1:
            at = next(t for t in operators if t.text != operators[0].text)
            how = "reads them in turn" if self.dialect.left_to_right else "reads AND before OR"
            self._problem(
                at.at,
                f"{operators[0].text} and {at.text} are mixed at one level; {self.dialect.name} {how}.",
                "Set parentheses around what belongs together.",
            )
        return (
            self._in_turn(operands, operators)
            if self.dialect.left_to_right or "OR" not in kinds
            else self._by_rank(operands, operators)
        )

    @staticmethod
    def _in_turn(operands: list[Node], operators: list[Token]) -> Node:
        tree = operands[0]
        for operator, operand in zip(operators, operands[1:], strict=True):
            if isinstance(tree, Group) and tree.operator == operator.text and tree is not operands[0]:
                tree = replace(tree, parts=(*tree.parts, operand))
            else:
                tree = Group(operator.text, (tree, operand))
        return tree

    def _by_rank(self, operands: list[Node], operators: list[Token]) -> Node:
        runs: list[tuple[list[Node], list[Token]]] = [([operands[0]], [])]
        for operator, operand in zip(operators, operands[1:], strict=True):
            if operator.text == "OR":
                runs.append(([operand], []))
            else:
                runs[-1][0].append(operand)
                runs[-1][1].append(operator)
        parts = tuple(self._in_turn(*run) for run in runs)
        return parts[0] if len(parts) == 1 else Group("OR", parts)

    def _near(self, operands: list[Node], operators: list[Token]) -> tuple[list[Node], list[Token]]:
        left: list[Node] = [operands[0]]
        rest: list[Token] = []
        for operator, operand in zip(operators, operands[1:], strict=True):
            if operator.text in ("AND", "OR", "NOT"):
                left.append(operand)
                rest.append(operator)
            else:
                name, number = re.fullmatch(r"([A-Z]+)/?(\d*)", operator.text).groups()  # type: ignore[union-attr]  # tokens of nearness have no other form
                usual = 1 if name in ("NEXT", "ADJ") else 15
                left[-1] = Near(left[-1], operand, int(number) if number else usual, ordered=name in ("NEXT", "PRE"))
        return left, rest

    # ------------------------------------------------------------------ terms

    def _operand(self) -> Node | None:
        """A term or a group with its fields."""
        token = self.tokens[self.at]
        if token.kind == FIELD:
            return self._with_field(token)
        if token.kind == BEHIND:
            self._problem(token.at, f"The field {token.text} stands behind no term.", "Write the term before it, or take it out.")
            self.at += 1
            return None
        self.at += 1
        if token.kind == OPEN:
            node = self._group(token)
        elif token.kind == INDEX:
            node = Term(token.text, textual=False)
        else:
            self._check(token)
            node = Term(token.text)
        while (behind := self._peek()) is not None and behind.kind == BEHIND:
            self.at += 1
            node = self._scoped(node, behind)
        return node

    def _with_field(self, token: Token) -> Node | None:
        self.at += 1
        following = self._peek()
        if following is None or following.kind in (OPERATOR, CLOSE, BEHIND):
            self._problem(token.at, f"Nothing stands behind the field {token.text}.", "Write a term behind it, or take it out.")
            return None
        node = self._operand()
        while self.dialect.plus and node is not None and self._goes_on():
            operator = self.tokens[self.at].text
            self.at += 1
            more = self._operand()
            node = node if more is None else Group(operator, (*_parts_of(node, operator), more))
        return None if node is None else self._scoped(node, token)

    def _goes_on(self) -> bool:
        """Is the next part of the same field: an operator and a phrase without a field of its own?"""
        ahead = self.tokens[self.at : self.at + 2]
        return len(ahead) == 2 and ahead[0].kind == OPERATOR and ahead[1].kind in (PHRASE, WORD)

    def _group(self, token: Token) -> Node | None:
        node = self._level()
        closing = self._peek()
        if closing is None:
            self._problem(token.at, "This parenthesis is not closed.", "Close it, or take it out.")
            return node
        self.at += 1
        if node is None:
            self._problem(token.at, "There is nothing between two parentheses.", "Write a term there, or take them out.")
        return node

    def _scoped(self, node: Node | None, token: Token) -> Node | None:
        """The node within the fields that a token names."""
        names = [name.strip().lower() for name in (token.text.split(",") if token.kind == BEHIND else [token.text])]
        known = self.dialect.fields
        unknown = [name for name in names if name not in known and not re.fullmatch(r"tiab:~\d+|title:~\d+", name)]
        if unknown and self.dialect is not ANY:
            self._problem(
                token.at,
                f"{', '.join(unknown)} is not a field of {self.dialect.name} that is known here.",
                f"Known are {', '.join(known)}. Correct it; if the source has it, it is missing in analysis/cordbook/evidence/queries/dialects.py.",
            )
        textual = any(known.get(name, True) for name in names)
        return node if textual or node is None else _not_textual(node)

    def _check(self, token: Token) -> None:
        """Problems within a word or a phrase."""
        if "*" not in token.text:
            return
        if not self.dialect.truncates:
            self._problem(
                token.at,
                f"{self.dialect.name} does not read * in {token.text!r}.",
                "Write out each form of the word, joined by OR.",
            )
        elif token.kind == PHRASE and not self.dialect.in_phrases:
            self._problem(
                token.at,
                f"{self.dialect.name} does not read * within the phrase {token.text!r}.",
                "Write out each phrase, joined by OR.",
            )
        for part in re.split(r"[\s/-]+", token.text):
            stem = part.partition("*")[0]
            if "*" in part and len(stem) < max(1, self.dialect.shortest if token.kind == WORD else 1):
                least = self.dialect.shortest if self.dialect.shortest and token.kind == WORD else 1
                self._problem(token.at, f"{part!r} has too few letters before *.", f"Write at least {least} letters before it.")


def _parts_of(node: Node, operator: str) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Group) and node.operator == operator else (node,)


def _not_textual(node: Node) -> Node:
    if isinstance(node, Term):
        return replace(node, textual=False)
    if isinstance(node, Near):
        return replace(node, first=_not_textual(node.first), second=_not_textual(node.second))
    return replace(node, parts=tuple(map(_not_textual, node.parts)))

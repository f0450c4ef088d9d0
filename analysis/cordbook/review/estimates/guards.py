"""Conditions: when a sentence of the book is true (guards), and which of its wordings holds (wordings).

A condition is written with estimate ids and their attributes, and with counts of rows in square brackets, which ask what the
``count`` role asks (:mod:`cordbook.review.estimates.row_counts`)::

    0.4 <= ais-improved-cell-therapy.estimate <= 0.65
    tumour-cell-therapy.events == 0 and tumour-cell-therapy.k >= 10
    [searches] == 0
    [registered_trials/status=completed/linked_study_id=] / [registered_trials/status=completed] > 0.25
    [outcomes.n/cell_id=marcus1990.treated.myelopathy.all.na] == myelopathy-conventional.largest

It is parsed, never run as Python: comparisons, ``and``, ``or``, ``not``, ``+ - * /``, numbers, attributes of estimates and
counts of rows are all there is. A share of nothing cannot be estimated.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cordbook.core.text import inside
from cordbook.errors import InputError
from cordbook.review.estimates.row_counts import QuestionError

#: What a condition may ask of an estimate; ``pooled`` is 1 where an average is reported and 0 where studies stand side by side,
#: ``largest`` is the number of people in its largest study, ``early`` the average of its first studies.
ATTRIBUTES = (
    "estimate", "ci_low", "ci_high", "pi_low", "pi_high", "k", "n", "events", "i2", "tau2", "q_p", "pooled", "largest", "early",
)  # fmt: skip
_NAME = re.compile(
    rf"\[(?P<question>[^\[\]]*)\]|(?P<id>[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:--[a-z0-9-]+)?)\.(?P<attribute>{'|'.join(ATTRIBUTES)})\b"
)
_COMPARE: Mapping[type, Callable[[float, float], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_ARITHMETIC: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


class GuardError(InputError):
    """A condition that cannot be read; the message says where and what is allowed."""


class NothingToJudge(GuardError):
    """The condition asks for an estimate by what the data of this folder do not hold; the message says by what."""


class Lookup(Protocol):
    """Anything that gives an estimate by id and the number of rows that fit a question.

    It may say by ``lacks`` what an estimate is told apart by and its data do not hold, and find by ``find`` more than estimates.
    """

    def __getitem__(self, estimate_id: str, /) -> object: ...

    def count(self, question: str, /) -> float: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a condition: does it hold, and the values that it was judged by.

    Values go by ``ID.ATTRIBUTE`` and ``[QUESTION]``.
    """

    condition: str
    holds: bool
    values: tuple[tuple[str, float | None], ...]

    @property
    def estimate_ids(self) -> tuple[str, ...]:
        """The estimates that the condition asks."""
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name, _ in self.values if not name.startswith("[")))

    def explain(self) -> str:
        """The values in one line."""
        return ", ".join(f"{name} = {'not estimable' if v is None else f'{v:.6g}'}" for name, v in self.values)


def judge(condition: str, known: Lookup) -> Verdict:
    """Judge a condition by what is known today; a value that cannot be estimated makes a comparison false.

    Raises :class:`GuardError` for a condition that cannot be read or names an unknown estimate, table or column, and
    :class:`NothingToJudge` where a column is lacking that an estimate is told apart by: the sentence was written of other data, and is
    neither true nor false of these.
    """
    names: dict[str, re.Match[str]] = {}

    def placeholder(match: re.Match[str]) -> str:
        key = f"v{len(names)}_"
        names[key] = match
        return key

    text = _NAME.sub(placeholder, " ".join(condition.split()))
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise GuardError(f"cannot read the condition {condition!r}: {error.msg}") from error
    _check_columns({match["id"] for match in names.values() if match["id"]}, known)
    values = {key: _value(known, match) for key, match in names.items()}
    holds = bool(_evaluate(tree, values, condition))
    return Verdict(condition, holds, tuple(dict.fromkeys((match[0], values[key]) for key, match in names.items())))


def _check_columns(ids: Iterable[str], known: Lookup) -> None:
    lacks = getattr(known, "lacks", None)
    found = {label: columns for i in sorted(ids) for label, columns in lacks(i).items()} if lacks else {}
    if found:
        raise NothingToJudge(lacking_in_words(found))


def lacking_in_words(found: Mapping[str, Iterable[str]]) -> str:
    """What the data lack, for readers and for who builds; columns by the label of their dimension.

    >>> lacking_in_words({"Cell type": ("arms.cell_type",)})
    'the data have no columns on cell type (arms.cell_type)'
    """
    told = "; ".join(f"{inside(label)} ({', '.join(columns)})" for label, columns in found.items())
    return f"the data have no columns on {told}"


def _value(known: Lookup, name: re.Match[str]) -> float | None:
    try:
        if name["question"] is not None:
            return float(known.count(name["question"]))
        find = getattr(known, "find", known.__getitem__)
        estimate = find(name["id"])
    except (KeyError, QuestionError) as error:
        raise GuardError(str(error.args[0])) from error
    attribute = name["attribute"]
    if attribute == "early":
        attribute, estimate = "estimate", getattr(estimate, "early", None)
    holder = estimate if attribute in ("k", "n", "events", "pooled", "largest") else getattr(estimate, "result", None)
    value = getattr(holder, attribute, None)
    return None if value is None else float(value)


def _evaluate(node: ast.AST, values: Mapping[str, float | None], condition: str) -> float | bool | None:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_evaluate(v, values, condition) for v in node.values)
        case ast.BoolOp(op=ast.Or()):
            return any(_evaluate(v, values, condition) for v in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _evaluate(node.operand, values, condition)
        case ast.UnaryOp(op=ast.USub()):
            inner = _evaluate(node.operand, values, condition)
            return None if inner is None else -inner
        case ast.Compare():
            return _compare(node, values, condition)
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            left, right = (_evaluate(side, values, condition) for side in (node.left, node.right))
            if left is None or right is None or (isinstance(op, ast.Div) and not right):
                return None
            return _ARITHMETIC[type(op)](left, right)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
    raise GuardError(
        f"cannot read {ast.unparse(node)!r} in the condition {condition!r}; allowed are numbers, ID.ATTRIBUTE with "
        f"one of {', '.join(ATTRIBUTES)}, counts of rows as [TABLE/COLUMN=VALUE], comparisons, and, or, not, + - * /"
    )


def _compare(node: ast.Compare, values: Mapping[str, float | None], condition: str) -> bool:
    sides = [_evaluate(side, values, condition) for side in (node.left, *node.comparators)]
    if unknown := [op for op in node.ops if type(op) not in _COMPARE]:
        raise GuardError(f"{type(unknown[0]).__name__} in the condition {condition!r}: compare with < <= > >= == !=")
    if any(side is None for side in sides):
        return False
    return all(_COMPARE[type(op)](a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False))

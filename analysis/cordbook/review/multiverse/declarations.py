"""Declared choices: ``data/multiverse.yml`` read into frozen objects, every problem reported at once.

A choice has options, of which one is the book's own. An option changes how a declared estimate is pooled (``set``), or which counts and studies it
takes; nothing else of the declaration (:mod:`cordbook.review.estimates.declarations`) changes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import yaml

from cordbook.core.yaml import load_yaml
from cordbook.errors import InputError, UnknownName
from cordbook.review.estimates.declarations import Declarations, Synthesis
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.multiverse.choices import OVERLAPS, Choice, Conclusion, Filters, Option
from cordbook.review.multiverse.pooling import POOLING_KEYS, settings_of
from cordbook.review.multiverse.selection import DERIVED

FILE = "multiverse.yml"
#: Numbers of an analysis that a conclusion may ask, and how.
ASKED, _CONDITION = ("estimate", "ci_low", "ci_high"), re.compile(r"(?P<sign><=|>=|<|>)\s*(?P<number>-?\d+(\.\d+)?)")
_TOP, _CHOICE = ("choices", "multiverses"), ("id", "label", "options")
_MULTIVERSE = ("estimates", "choices", "conclusions", "left_out")
_OPTION = ("id", "label", "own", "set", "where", "without", "at_least", "people", "admit", "overlap", "strata")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class MultiverseError(InputError):
    """``multiverse.yml`` cannot be used as it stands; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The choices for one declared estimate; ``left_out`` says which were left out, and why."""

    synthesis: Synthesis
    choices: tuple[Choice, ...]
    conclusions: tuple[Conclusion, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return self.synthesis.id


@dataclass(frozen=True, slots=True)
class Multiverses:
    """Declared choices by the id of their estimate, in the order of the file."""

    declared: tuple[Declared, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(d.id for d in self.declared)

    def __getitem__(self, estimate_id: str) -> Declared:
        for declared in self.declared:
            if declared.id == estimate_id:
                return declared
        raise UnknownName(f"{FILE} declares no choices for {estimate_id!r}; there are: {', '.join(self.ids) or 'none'}")


def load_multiverses(estimates: Estimates) -> Multiverses:
    """Read ``data/multiverse.yml`` and compare it with declarations and columns; raises :class:`MultiverseError` with all problems."""
    path = estimates.evidence.folder / FILE
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MultiverseError(f"{path}: not found; it declares which choices the main results are computed by") from None
    except yaml.YAMLError as error:
        raise MultiverseError(f"{path}: not valid YAML: {error}") from error
    columns = {*estimates.evidence.count_columns, *DERIVED}
    reasons = set(estimates.evidence["not_poolable_reasons"]["reason"])
    return parse_multiverses(content, estimates.declarations, columns, reasons)


def parse_multiverses(
    content: Any, declarations: Declarations, columns: Collection[str], reasons: Collection[str]
) -> Multiverses:
    """Check and freeze the content of the file."""
    _stop(list(_form_problems(content)))
    choices, problems = {}, []
    for entry in content["choices"]:
        found = list(_choice_problems(entry, columns, reasons))
        problems += found
        if not found:
            choices[entry["id"]] = _freeze_choice(entry)
    _stop(problems)
    declared = []
    for number, entry in enumerate(content["multiverses"], start=1):
        name = f"multiverse {number}"
        found = [f"{name}: {p}" for p in _multiverse_problems(entry, choices, declarations)]
        problems += found
        if found:
            continue
        own = tuple(choices[c] for c in entry["choices"])
        conclusions = tuple(_freeze_conclusion(c) for c in entry["conclusions"])
        left_out = tuple((str(what), " ".join(str(why).split())) for what, why in (entry.get("left_out") or {}).items())
        for estimate_id in entry["estimates"]:
            synthesis = declarations[estimate_id]
            problems += [f"{estimate_id}: {p}" for p in _own_problems(synthesis, own)]
            declared.append(Declared(synthesis, own, conclusions, left_out))
    ids = [d.id for d in declared]
    problems += [f"{i}: choices are declared twice for this estimate" for i in dict.fromkeys(ids) if ids.count(i) > 1]
    _stop(problems)
    return Multiverses(tuple(declared))


def _stop(problems: Sequence[str]) -> None:
    if problems:
        raise MultiverseError(f"{FILE}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))


def _form_problems(content: Any) -> Iterator[str]:
    if not isinstance(content, Mapping) or not all(isinstance(content.get(key), list) for key in _TOP):
        yield "expected the keys `choices` and `multiverses`, each with a list"
        return
    yield from (f"unknown key {key!r}; there are {', '.join(_TOP)}" for key in content if key not in _TOP)
    for key in _TOP:
        yield from (
            f"{key}, entry {i}: expected keys and values"
            for i, e in enumerate(content[key], start=1)
            if not isinstance(e, Mapping)
        )
    ids = [e.get("id") for e in content["choices"] if isinstance(e, Mapping)]
    yield from (f"choice {i!r} appears twice; give each its own id" for i in dict.fromkeys(ids) if ids.count(i) > 1)


def _choice_problems(entry: Mapping[str, Any], columns: Collection[str], reasons: Collection[str]) -> Iterator[str]:
    name = entry.get("id") or "a choice without id"
    yield from (f"{name}: {key} is missing" for key in _CHOICE if not entry.get(key))
    yield from (f"{name}: unknown key {key!r}; there are {', '.join(_CHOICE)}" for key in entry if key not in _CHOICE)
    options = entry.get("options") or []
    if not isinstance(options, list) or not all(isinstance(o, Mapping) for o in options):
        yield f"{name}: options is a list of options, each with keys and values"
        return
    if len(options) < 2:
        yield f"{name}: a choice has two options or more"
    own = sum(bool(o.get("own")) for o in options)
    if own != 1:
        yield f"{name}: {own} options are marked `own: true`; exactly one is the book's own"
    ids = [o.get("id") for o in options]
    yield from (f"{name}: option {i!r} appears twice" for i in dict.fromkeys(ids) if ids.count(i) > 1)
    effects = [{k: v for k, v in o.items() if k not in ("id", "label", "own")} for o in options]
    yield from (
        f"{name}: {ids[i]} and {ids[j]} do the same; leave one of them out"
        for i in range(len(effects))
        for j in range(i)
        if effects[i] == effects[j]
    )
    if any("set" in e for e in effects) and any(e.keys() - {"set"} for e in effects):
        yield f"{name}: a choice is either on how counts are pooled (set) or on which counts, not on both; make it two choices"
    for option in options:
        yield from (f"{name}: {p}" for p in _option_problems(option, columns, reasons))


def _option_problems(option: Mapping[str, Any], columns: Collection[str], reasons: Collection[str]) -> Iterator[str]:
    name = option.get("id") or "an option without id"
    yield from (f"{name}: {key} is missing" for key in ("id", "label") if not option.get(key))
    if isinstance(option.get("id"), str) and not _ID.fullmatch(option["id"]):
        yield f"{name}: an id is lower-case words joined by hyphens"
    yield from (f"{name}: unknown key {key!r}; there are {', '.join(_OPTION)}" for key in option if key not in _OPTION)
    for key in ("set", "where", "without", "at_least"):
        if not isinstance(option.get(key, {}), Mapping):
            yield f"{name}: {key} is keys with values"
            return
    for key in option.get("set", {}):
        if key not in POOLING_KEYS:
            yield f"{name}: set names {key!r}; a model is set by {', '.join(POOLING_KEYS)}"
    for part in ("where", "without", "at_least"):
        for column in option.get(part, {}):
            if not column.startswith("stratum.") and column not in columns:
                yield (
                    f"{name}: {part} names the column {column!r}, which the counts do not have; see the columns of outcomes, arms and studies "
                    f"in data/README.md, and {', '.join(DERIVED)}"
                )
    for column, least in option.get("at_least", {}).items():
        if isinstance(least, bool) or not isinstance(least, int | float):
            yield f"{name}: at_least {column} is {least!r}; it is a number"
    people = option.get("people", 0)
    if isinstance(people, bool) or not isinstance(people, int) or people < 0:
        yield f"{name}: people is {people!r}; it is a number of people"
    if option.get("overlap", "one") not in OVERLAPS:
        yield f"{name}: overlap is {option['overlap']!r}; it is one of {', '.join(OVERLAPS)}"
    strata = option.get("strata")
    if strata is not None and strata not in ("total", "widest") and not re.fullmatch(r"by:\w+", str(strata)):
        yield f"{name}: strata is {strata!r}; it is total, widest or by:KEY"
    admit = option.get("admit", [])
    if not isinstance(admit, list):
        yield f"{name}: admit is a list of reasons of not_poolable_reasons.csv"
    else:
        yield from (f"{name}: admit names {r!r}, which is not in not_poolable_reasons.csv" for r in admit if r not in reasons)


def _multiverse_problems(entry: Mapping[str, Any], choices: Mapping[str, Choice], declarations: Declarations) -> Iterator[str]:
    yield from (f"{key} is missing" for key in ("estimates", "choices", "conclusions") if not entry.get(key))
    yield from (f"unknown key {key!r}; there are {', '.join(_MULTIVERSE)}" for key in entry if key not in _MULTIVERSE)
    if not all(isinstance(entry.get(key, []), list) for key in ("estimates", "choices", "conclusions")):
        yield "estimates, choices and conclusions are lists"
        return
    yield from (
        f"no estimate {i!r} is declared in syntheses.yml" for i in entry.get("estimates", []) if i not in declarations.ids
    )
    named = entry.get("choices", [])
    yield from (f"no choice {c!r}; there are {', '.join(choices)}" for c in named if c not in choices)
    yield from (f"the choice {c!r} is named twice" for c in dict.fromkeys(named) if named.count(c) > 1)
    if not isinstance(entry.get("left_out") or {}, Mapping):
        yield "left_out gives the reason for each choice that is left out"
    yield from _conclusion_problems(entry.get("conclusions", []))


def _conclusion_problems(entries: Sequence[Any]) -> Iterator[str]:
    for number, entry in enumerate(entries, start=1):
        name = f"conclusion {number}"
        if not isinstance(entry, Mapping) or not entry.get("id") or not entry.get("text"):
            yield f"{name}: id or text is missing"
            continue
        when = entry.get("when")
        if when is None and number < len(entries):
            yield f"{name}: without `when` it holds always, so that those after it are never reached; put it last"
        if when is not None and number == len(entries):
            yield f"{name}: the last conclusion has no `when`, so that every analysis has one"
        if not isinstance(when or {}, Mapping):
            yield f'{name}: when gives a comparison such as "< 0.5" for {", ".join(ASKED)}'
            continue
        for key, condition in (when or {}).items():
            if key not in ASKED:
                yield f"{name}: when names {key!r}; there are {', '.join(ASKED)}"
            if not _CONDITION.fullmatch(str(condition)):
                yield f'{name}: {key} is {condition!r}; write a comparison such as "< 0.5"'


def _own_problems(synthesis: Synthesis, choices: Sequence[Choice]) -> Iterator[str]:
    """The book's own options leave the declared estimate as it is; every option goes with the book's own others or some others."""
    own = [choice.options[choice.own] for choice in choices]
    for choice, option in zip(choices, own, strict=True):
        if option.strata == synthesis.strata:
            option = Option(**{f.name: getattr(option, f.name) for f in fields(Option)} | {"strata": None})
        if option.selects:
            yield f"{choice.id}: {option.id} is marked as the book's own, but the declaration of the estimate selects otherwise"
    declared = settings_of(synthesis, ())
    chosen = settings_of(synthesis, tuple(pair for option in own for pair in option.pooling))
    if chosen != declared:
        yield f"the options marked as the book's own pool as {chosen}, the declaration as {declared}; mark what is declared"


def _freeze_choice(entry: Mapping[str, Any]) -> Choice:
    return Choice(entry["id"], entry["label"], tuple(_freeze_option(o) for o in entry["options"]))


def _freeze_option(entry: Mapping[str, Any]) -> Option:
    def filters(key: str) -> Filters:
        return tuple((c, tuple(map(_text, v if isinstance(v, list) else [v]))) for c, v in entry.get(key, {}).items())

    return Option(
        entry["id"],
        entry["label"],
        bool(entry.get("own")),
        tuple((key, _text(value)) for key, value in entry.get("set", {}).items()),
        entry.get("strata"),
        filters("where"),
        filters("without"),
        tuple((column, float(least)) for column, least in entry.get("at_least", {}).items()),
        entry.get("people", 0),
        tuple(entry.get("admit", [])),
        entry.get("overlap", "one"),
    )


def _text(value: Any) -> str:
    """A value as the tables write it; YAML reads yes and no as true and false."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _freeze_conclusion(entry: Mapping[str, Any]) -> Conclusion:
    conditions = []
    for key, text in (entry.get("when") or {}).items():
        match = _CONDITION.fullmatch(str(text))
        assert match, "checked before"
        conditions.append((key, match["sign"], float(match["number"])))
    return Conclusion(entry["id"], entry["text"], tuple(conditions))

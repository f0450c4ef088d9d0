"""Declared tests of claims: ``data/claim_tests.yml`` read into frozen objects, every problem reported at once.

A test names a claim of ``claims.csv``, a rule of the closed set :data:`RULES`, and what the rule needs. The rules
themselves are in :mod:`cordbook.review.claims.estimate_rules` and :mod:`cordbook.review.claims.row_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cordbook.core.yaml import load_yaml
from cordbook.errors import InputError
from cordbook.review.claims.verdicts import VERDICTS

#: Each rule with the keys that it needs and those that it may have.
RULES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(needed.split()), frozenset(optional.split()))
    for name, needed, optional in (
        # on estimates
        ("value_within", "estimate", "value low high"),
        ("rare", "estimate limit", ""),
        ("at_most", "estimate limit", ""),
        ("at_least", "estimate limit", ""),
        ("majority", "estimate", ""),
        ("none_seen", "estimate limit", ""),
        ("direction", "estimate expect", ""),
        ("no_clear_effect", "estimate", ""),
        ("compare_groups", "estimate than expect", ""),
        ("groups_differ", "of", "groups"),
        ("heterogeneous", "estimate", "i2"),
        ("homogeneous", "estimate", "i2"),
        ("within_study", "outcome than where", ""),
        # on estimates of scores
        ("score_moved", "estimate expect", "study"),
        # on published numbers, counts and rows
        ("published_agrees", "published expect", ""),
        ("count_matches", "count", "value events n"),
        ("count_rows", "rows", "least most exactly"),
        ("share_of_rows", "rows of", "least most"),
        ("sum_of_rows", "rows column least", ""),
        ("median_of_rows", "rows column most", ""),
        ("more_rows", "rows than", ""),
        ("reported_by", "outcomes studies least", ""),
        ("sources", "found", ""),
        ("not_testable", "reason needs", "watch"),
    )
}
#: Thresholds that every rule shares; a test may set its own.
SETTINGS = ("fewest_studies", "fewest_people", "fewest_in_group", "widest_half_width", "serious_i2", "level")
_OWN = {"claim", "rule", "all", "effect", "at_most", "because", "note", "slip", "see", "shown", *SETTINGS}
_EXPECTED = {
    "direction": ("higher", "lower"),
    "compare_groups": ("higher", "lower"),
    "published_agrees": ("higher", "lower", "none"),
    "score_moved": ("higher", "lower", "none"),
}
FINDINGS = ("supports", "qualifies", "contradicts", "animal_only")


class ClaimTestError(InputError):
    """``claim_tests.yml`` cannot be used as it stands; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Least information and widest interval that a verdict may rest on; ``level`` is that of the intervals made here."""

    fewest_studies: int
    fewest_people: int
    fewest_in_group: int
    widest_half_width: float
    serious_i2: float
    level: float


@dataclass(frozen=True, slots=True)
class Part:
    """One rule with what it needs."""

    rule: str
    needs: Mapping[str, Any]
    settings: Settings


@dataclass(frozen=True, slots=True)
class ClaimTest:
    """The declared test of a claim: one part, or several that must hold together.

    ``effect``: the claim says that a treatment does something, so that a result without a control group cannot support
    it. ``at_most`` with ``because``: the best verdict that this test can give, and why. ``slip`` names a mistake of the
    parent document. ``see`` names rows of data/ as ``table/key``; ``shown`` estimates to show that no rule uses.
    """

    claim_id: str
    parts: tuple[Part, ...]
    effect: bool
    at_most: str | None
    because: str
    note: str
    slip: str
    see: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def rule(self) -> str:
        """The names of the rules."""
        return " and ".join(dict.fromkeys(p.rule for p in self.parts))


#: What files of releases before 0.3.0 call it, and its name today.
_FORMER = {("rule", "cell_matches"): "count_matches", ("table", "cells"): "counts"}


def with_todays_names(content: Any) -> Any:
    """What ``claim_tests.yml`` of any release holds, with today's names of rules and of what they take; sentences stay as they are.

    >>> with_todays_names([{"rule": "cell_matches", "cell": "a.b"}, {"rows": {"table": "cells"}}])
    [{'rule': 'count_matches', 'count': 'a.b'}, {'rows': {'table': 'counts'}}]
    """
    if isinstance(content, list):
        return [with_todays_names(part) for part in content]
    if not isinstance(content, Mapping):
        return content
    return {
        "count" if key == "cell" else key: _FORMER[key, part]
        if isinstance(part, str) and (key, part) in _FORMER
        else with_todays_names(part)
        for key, part in content.items()
    }


def load_claim_tests(path: Path) -> tuple[ClaimTest, ...]:
    """Read ``claim_tests.yml``; raises :class:`ClaimTestError` with all problems of form, each with its claim."""
    try:
        content = with_todays_names(load_yaml(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ClaimTestError(f"{path}: not found; it declares the test of every claim") from None
    except yaml.YAMLError as error:
        raise ClaimTestError(f"{path}: not valid YAML: {error}") from error
    return parse_claim_tests(content, path.name)


def parse_claim_tests(content: Any, name: str = "claim_tests.yml") -> tuple[ClaimTest, ...]:
    """Check and freeze the content of ``claim_tests.yml``."""
    if not isinstance(content, Mapping) or not isinstance(content.get("tests"), list):
        raise ClaimTestError(f"{name}: expected a key `tests` with a list of tests under it")
    defaults = content.get("settings") or {}
    problems = [f"settings: {key} is missing" for key in SETTINGS if not isinstance(defaults.get(key), int | float)]
    problems += [f"settings: unknown key {key!r}" for key in defaults if key not in SETTINGS]
    tests = []
    for number, entry in enumerate(content["tests"], start=1):
        found = list(_problems(entry))
        where = entry.get("claim", f"test {number}") if isinstance(entry, Mapping) else f"test {number}"
        problems += [f"{where}: {problem}" for problem in found]
        if not found and not problems:
            tests.append(_freeze(entry, defaults))
    ids = [e.get("claim") for e in content["tests"] if isinstance(e, Mapping)]
    problems += [
        f"{i}: the claim has two tests; put the rules under `all`" for i in sorted({str(i) for i in ids if ids.count(i) > 1})
    ]
    if problems:
        raise ClaimTestError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return tuple(tests)


def _problems(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield "expected keys and values"
        return
    if not isinstance(entry.get("claim"), str):
        yield "claim is missing: give the id of a row of claims.csv"
    if ("rule" in entry) == ("all" in entry):
        yield "give either `rule` or `all` with a list of rules"
        return
    if (entry.get("at_most") is None) != (not entry.get("because")):
        yield "at_most and because go together"
    if entry.get("at_most") not in (None, *VERDICTS):
        yield f"at_most is {entry['at_most']!r}; allowed: {', '.join(VERDICTS)}"
    if "rule" in entry:
        yield from _rule_problems(entry, _OWN)
        return
    if not isinstance(entry["all"], list) or not entry["all"]:
        yield "all is a list of rules"
        return
    for key in entry:
        if key not in _OWN:
            yield f"unknown key {key!r} beside `all`"
    for part in entry["all"]:
        if not isinstance(part, Mapping):
            yield "a rule under `all` has keys and values"
        else:
            yield from _rule_problems(part, {"rule", *SETTINGS})


def _rule_problems(part: Mapping[str, Any], own: set[str]) -> Iterator[str]:
    rule = part.get("rule")
    if rule not in RULES:
        yield f"unknown rule {rule!r}; there are {', '.join(RULES)}"
        return
    needed, optional = RULES[rule]
    for key in sorted(needed - set(part)):
        yield f"{rule} needs {key}"
    for key in part:
        if key not in needed | optional | own:
            yield f"{rule} knows no key {key!r}"
    if rule in _EXPECTED and part.get("expect") not in _EXPECTED[rule] and "expect" in part:
        yield f"expect is {part['expect']!r}; {rule} allows {', '.join(_EXPECTED[rule])}"
    if rule in ("count_rows", "share_of_rows") and not {"least", "most", "exactly"} & set(part):
        yield f"{rule} needs a bound: least, most or (for a count) exactly"
    if rule == "sources":
        yield from _source_problems(part.get("found"))


def _source_problems(found: Any) -> Iterator[str]:
    if not isinstance(found, Mapping) or not found:
        yield "found is a list of rows, as table/key, each with what the row says"
        return
    for row, says in found.items():
        if says not in FINDINGS:
            yield f"found: {row} says {says!r}; allowed: {', '.join(FINDINGS)}"


def _freeze(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> ClaimTest:
    own = {**defaults, **{k: entry[k] for k in SETTINGS if k in entry}}
    raw = entry.get("all") or [entry]
    parts = tuple(
        Part(
            part["rule"],
            {k: v for k, v in part.items() if k in RULES[part["rule"]][0] | RULES[part["rule"]][1]},
            Settings(**{**own, **{k: part[k] for k in SETTINGS if k in part}}),
        )
        for part in raw
    )
    return ClaimTest(
        entry["claim"],
        parts,
        bool(entry.get("effect", False)),
        entry.get("at_most"),
        entry.get("because", ""),
        entry.get("note", ""),
        entry.get("slip", ""),
        tuple(entry.get("see", ())),
        tuple(entry.get("shown", ())),
    )

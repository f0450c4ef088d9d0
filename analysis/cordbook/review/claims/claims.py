"""The claims audit: every statement of the parent documents tested by a declared rule on today's data.

The verdict follows from the rule and the estimates alone, so it changes by itself when data changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cordbook.core.tracking import by_value_of_estimates
from cordbook.evidence.evidence import Evidence
from cordbook.review.appraisal.estimate_text import format_estimate
from cordbook.review.claims.estimate_rules import ESTIMATE_RULES, Claim, Rule, look_up
from cordbook.review.claims.row_rules import ROW_RULES, row_problems, source_problems
from cordbook.review.claims.score_rules import SCORE_RULES
from cordbook.review.claims.tests import ClaimTest, ClaimTestError, Part, load_claim_tests
from cordbook.review.claims.verdicts import PARTLY, UNTESTED, VERDICTS, at_most, combine
from cordbook.review.estimates.estimates import ESTIMATES_FOLDER, Estimates
from cordbook.review.scores.estimates import scores_of

FILE = "claim_tests.yml"
#: Rules that name estimates, of counts or of scores.
ON_ESTIMATES: Mapping[str, Rule] = {**ESTIMATE_RULES, **SCORE_RULES}
RULES: Mapping[str, Rule] = {**ON_ESTIMATES, **ROW_RULES}
NO_CONTROL = "Without a control group a number cannot show that the treatment did it."


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """A claim with its test and today's verdict.

    ``today`` is what the data say in phrases, ``why`` the sentences that lead to the verdict, ``link`` the page and
    anchor of the first estimate (None where the test rests on rows alone). ``lines`` are the phrases of ``today`` that
    word an estimate, each with its id.
    """

    claim_id: str
    seed_id: str
    seed: str
    statement: str
    rule: str
    estimate_ids: tuple[str, ...]
    today: tuple[str, ...]
    verdict: str
    why: str
    slip: str
    see: tuple[str, ...]
    link: str | None
    lines: tuple[tuple[str, str], ...] = ()


@by_value_of_estimates
def claims_today(estimates: Estimates) -> tuple[ClaimVerdict, ...]:
    """:func:`audit_claims` by the tests of the project."""
    return estimates.once("claims", lambda: audit_claims(estimates))


def audit_claims(estimates: Estimates, tests: Sequence[ClaimTest] | None = None) -> tuple[ClaimVerdict, ...]:
    """A verdict on every row of ``claims.csv``, in the order of the table.

    ``tests`` are those of ``data/claim_tests.yml`` unless given. Raises :class:`ClaimTestError` naming every claim without
    a test, every test without a claim, and every estimate, table, column, count or row that does not exist.
    """
    tests = read_tests(estimates, tests)
    claims = read_claims(estimates.evidence)
    seeds = dict(zip(estimates.evidence["seeds"]["seed_id"], estimates.evidence["seeds"]["title"], strict=True))
    by_claim = {t.claim_id: t for t in tests}
    return tuple(_verdict(claim, by_claim[claim.id], estimates, seeds[claim.seed_id]) for claim in claims)


def read_tests(estimates: Estimates, tests: Sequence[ClaimTest] | None = None) -> Sequence[ClaimTest]:
    """The tests of the project, unless they are given, compared with claims and declarations; raises :class:`ClaimTestError`."""
    tests = load_claim_tests(estimates.evidence.folder / FILE) if tests is None else tests
    if problems := problems_of(read_claims(estimates.evidence), tests, estimates):
        raise ClaimTestError(f"{FILE}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return tests


def read_claims(evidence: Evidence) -> tuple[Claim, ...]:
    """The rows of ``claims.csv``."""
    return tuple(
        Claim(
            row.claim_id, row.seed_id, row.statement,
            _number(row.claimed_value), _number(row.claimed_low), _number(row.claimed_high),
            None if pd.isna(row.n_claimed) else int(row.n_claimed),
        )
        for row in evidence["claims"].itertuples()
    )  # fmt: skip


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _verdict(claim: Claim, test: ClaimTest, estimates: Estimates, seed: str) -> ClaimVerdict:
    finding = combine([RULES[part.rule](part, claim, estimates) for part in test.parts])
    if test.effect and not finding.compared and finding.verdict != UNTESTED:
        finding = replace(at_most(finding, PARTLY, ""), why=f"{finding.why} {NO_CONTROL}")
    if test.at_most:
        finding = at_most(finding, test.at_most, test.because)
    shown = tuple(i for i in test.shown if i not in finding.estimate_ids)
    ids = (*finding.estimate_ids, *shown)
    named = [(title, i) for i in ids if (title := _title(estimates, i)) is not None]
    today = (*finding.today, *(f"{title}: {format_estimate(estimates, i)}" for title, i in named if i in shown))
    lines = tuple((line, i) for line in today for title, i in named if line.startswith(f"{title}: "))
    why = " ".join(t for t in (finding.why, test.note) if t)
    link = f"{ESTIMATES_FOLDER}/{ids[0]}.html" if ids else None
    return ClaimVerdict(
        claim.id,
        claim.seed_id,
        seed,
        claim.statement,
        test.rule,
        ids,
        today,
        finding.verdict,
        why,
        test.slip,
        test.see,
        link,
        lines,
    )


def _title(estimates: Estimates, estimate_id: str) -> str | None:
    """The title of an estimate, of counts or of a score; None where today's data do not have it."""
    scores = scores_of(estimates)
    found = scores[estimate_id] if estimate_id in scores else look_up(estimates, estimate_id)
    return None if found is None else found.title


def problems_of(claims: Sequence[Claim], tests: Sequence[ClaimTest], estimates: Estimates) -> list[str]:
    """All that keeps the tests from being applied: claims and tests that do not match, names that do not exist."""
    known, tested = {c.id for c in claims}, {t.claim_id for t in tests}
    problems = [f"{c.id}: the claim has no test" for c in claims if c.id not in tested]
    problems += [f"{t.claim_id}: no such claim in claims.csv" for t in tests if t.claim_id not in known]
    declared = {*estimates.declarations.ids, *(e.id for e in scores_of(estimates))}
    by_id = {c.id: c for c in claims}
    for test in tests:
        found = [f"no synthesis {i!r} in syntheses.yml" for i in _estimate_ids(test) if i.split("--")[0] not in declared]
        found += source_problems(test.see, estimates.evidence)
        for part in test.parts:
            found += row_problems(part, estimates.evidence) + _value_problems(part, by_id.get(test.claim_id))
        found += _kind_problems(test, estimates)
        problems += [f"{test.claim_id}: {problem}" for problem in found]
    return problems


def _estimate_ids(test: ClaimTest) -> list[str]:
    ids = list(test.shown)
    for part in test.parts:
        if part.rule in ON_ESTIMATES and part.rule != "within_study":
            for key in ("estimate", "than", "of", "groups"):
                value = part.needs.get(key, [])
                ids += [value] if isinstance(value, str) else list(value)
    return ids


def _value_problems(part: Part, claim: Claim | None) -> list[str]:
    if part.rule != "value_within" or claim is None:
        return []
    value, low, high = (part.needs.get(k, getattr(claim, k)) for k in ("value", "low", "high"))
    return (
        []
        if value is not None or (low is not None and high is not None)
        else ["value_within: neither the claim nor the test gives a value"]
    )


def _kind_problems(test: ClaimTest, estimates: Estimates) -> list[str]:
    """Rules for comparisons are given comparisons, the others proportions."""
    problems = []
    scores = scores_of(estimates)
    kinds = {s.id: s.kind for s in estimates.declarations} | {e.id: "score" for e in scores}
    for part in test.parts:
        wanted = {"direction": "comparison", "no_clear_effect": "comparison", **dict.fromkeys(SCORE_RULES, "score")}.get(
            part.rule, "proportion"
        )
        value = part.needs.get("estimate", [])
        for i in [value] if isinstance(value, str) else value:
            kind = kinds.get(i.split("--")[0], wanted)
            if part.rule in ON_ESTIMATES and kind != wanted:
                problems.append(f"{part.rule} needs a {wanted}; {i} is a {kind}")
    return problems


def count_verdicts(verdicts: Sequence[ClaimVerdict]) -> pd.DataFrame:
    """Verdicts by parent document: one row per document, one column per verdict, and a row ``all`` at the foot."""
    frame = pd.DataFrame([(v.seed_id, v.verdict) for v in verdicts], columns=["seed_id", "verdict"])
    table = pd.crosstab(frame["seed_id"], frame["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    table.loc["all"] = table.sum()
    table.columns.name = None
    return table

"""Today's estimates, verdicts and rows in the form that a release keeps; see :mod:`cordbook.review.versions.releases`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from platform import python_version
from typing import Any

from cordbook.core.files import file_digest
from cordbook.core.project import data_files
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.reading import read_all
from cordbook.review.appraisal.certainty import has_rules, rate
from cordbook.review.appraisal.certainty_rules import NOT_RATED
from cordbook.review.claims.claims import FILE as CLAIM_TESTS
from cordbook.review.claims.claims import claims_today
from cordbook.review.claims.tests import ClaimTestError
from cordbook.review.estimates.conclusions import direction
from cordbook.review.estimates.declarations import Synthesis
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.estimates.phrases import phrase
from cordbook.review.scores.estimates import ScoreEstimate, scores_of
from cordbook.review.scores.phrases import score_direction, score_phrase, size_of
from cordbook.review.versions.releases import FORMAT, Frozen, FrozenClaim, FrozenEstimate, FrozenGuard, Rows, Version

#: Tables whose rows a release keeps: those that make estimates and verdicts.
TABLES = (
    "studies", "arms", "outcomes", "continuous", "dose_response", "natural_pooled", "published_pooled", "mechanisms",
    "integrity_notices", "registered_trials",
)  # fmt: skip
#: Columns that say where and how a number was read, and move none.
PROSE = frozenset({"source_url", "locator", "definition", "note", "match_note", "quote"})
#: Libraries whose version can move a number.
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels")
#: Digits that are kept: more than any reader can use, fewer than machines differ in.
DIGITS = 12


def freeze(estimates: Estimates, guards: Iterable[FrozenGuard] = ()) -> Frozen:
    """What the review says today. ``guards`` are judged by who can read the pages."""
    rows = frozen_rows(estimates)
    every, scores = list(estimates), scores_of(estimates)
    levels = {i: rated.level for i, rated in rate(estimates, [e.id for e in every]).items()}
    if has_rules(estimates.evidence):
        levels |= {i: rated.level for i, rated in rate(estimates, [e.id for e in scores]).items()}
    counted = {e.id: frozen_estimate(e, estimates, rows, levels[e.id]) for e in every}
    return Frozen(
        estimates=counted | {e.id: frozen_score(e, rows, levels.get(e.id, NOT_RATED)) for e in scores},
        guards=tuple(guards),
        claims=frozen_claims(estimates),
        rows=rows,
        made_with=made_with() | data_digests(estimates.evidence),
    )


def frozen_rows(estimates: Estimates) -> Rows:
    """The rows of :data:`TABLES` as they stand in the files, by key, without blanks and prose."""
    evidence = estimates.evidence
    raw = read_all(evidence.folder, evidence.package)
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name in TABLES:
        if name in raw:
            table = evidence.package.table(name)
            found[name] = {
                table.key_of(row): {c: v for c, v in row.items() if v and c not in PROSE and c not in table.primary_key}
                for _, row in raw[name].rows
            }
    return found


def frozen_estimate(estimate: Estimate, estimates: Estimates, rows: Rows, level: str) -> FrozenEstimate:
    """One estimate as a release keeps it; ``level`` is its certainty."""
    result = estimate.result
    counts = estimate.counts_by_study
    return FrozenEstimate(
        id=estimate.id,
        title=estimate.title,
        question=estimate.synthesis.question,
        kind=estimate.synthesis.kind,
        section=estimate.synthesis.section,
        parent=estimate.synthesis.parent,
        **_numbers(result),
        k=estimate.k,
        n=estimate.n,
        events=estimate.events,
        settings=settings_of(estimate.synthesis),
        cells=counts,
        rows_sha256=rows_digest((i for ids in counts.values() for i in ids), rows),
        direction=direction(estimate, estimates),
        certainty=level,
        words={form: phrase(estimate, form) for form in ("short", "full", "of")},
    )


def frozen_score(estimate: ScoreEstimate, rows: Rows, level: str) -> FrozenEstimate:
    """One estimate of a score as a release keeps it: in units of the score, with the ids of rows of continuous.csv; ``level`` is its certainty."""
    result, s = estimate.result, estimate.synthesis
    counts = {row.study_id: row.score_ids for row in estimate.rows}
    return FrozenEstimate(
        id=estimate.id, title=estimate.title, question=s.question, kind=s.kind, section=s.section, parent=s.parent,
        **_numbers(result),
        k=estimate.k, n=estimate.n, events=0,
        settings={
            "outcome": s.score, "where": {column: list(values) for column, values in s.where}, "by": s.by or None, "model": s.model,
            "ci": s.ci, "level": s.level, "imputed_r": s.imputed_r, "not_pooled_if": {"studies_below": s.studies_below},
            "side_by_side": s.side_by_side, "natural": s.natural or None, "unit": estimate.unit,
        },
        cells=counts,
        rows_sha256=score_rows_digest(estimate.score_ids, rows),
        direction=score_direction(estimate),
        certainty=level,
        words={"short": score_phrase(estimate), "full": score_phrase(estimate, "full"), "of": size_of(estimate)},
    )  # fmt: skip


def _numbers(result: object) -> dict[str, float | None]:
    """The numbers of a result as a release keeps them; None where nothing was pooled."""
    names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "i2", "tau2", "q_p")
    return {name: rounded(getattr(result, name, None)) for name in names}


def settings_of(synthesis: Synthesis) -> dict[str, Any]:
    """The choices that can move a number or its conclusion, as JSON holds them; what a comparison has no use for is left out."""
    strata = synthesis.strata if isinstance(synthesis.strata, str) else dict(synthesis.strata)
    limits = asdict(synthesis.not_pooled_if)
    if synthesis.kind == "comparison":
        own = {"not_pooled_if": {"studies_below": limits["studies_below"]}}
        own |= {"hksj_floor": True} if synthesis.ci == "hksj" else {}
    else:
        own = {"average": synthesis.average, "not_pooled_if": limits}
    own |= {"side_by_side": synthesis.side_by_side} if synthesis.side_by_side else {}
    return own | {
        "outcome": synthesis.outcome,
        "where": {column: list(values) for column, values in synthesis.where},
        "strata": strata,
        "by": synthesis.by,
        "measure": synthesis.measure,
        "model": synthesis.model,
        "ci": synthesis.ci,
        "level": synthesis.level,
        "natural": synthesis.natural,
        "harm": synthesis.harm,
    }


def rounded(value: float | None) -> float | None:
    """A number with the digits that are kept."""
    return None if value is None else float(f"{float(value):.{DIGITS}g}")


def rows_digest(cell_ids: Iterable[str], rows: Rows) -> str:
    """SHA-256 of what the rows of some counts, their arms and their studies say."""
    found = []
    for cell_id in sorted(cell_ids):
        count = rows["outcomes"][cell_id]
        found.append([cell_id, count, rows["arms"].get(count["arm_id"]), rows["studies"].get(count["study_id"])])
    return _sha256(found)


def score_rows_digest(score_ids: Iterable[str], rows: Rows) -> str:
    """SHA-256 of what some rows of continuous.csv and their studies say."""
    found = []
    for score_id in sorted(score_ids):
        score = rows["continuous"][score_id]
        found.append([score_id, score, rows["studies"].get(score["reference_id"])])
    return _sha256(found)


def _sha256(found: object) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def frozen_claims(estimates: Estimates) -> tuple[FrozenClaim, ...]:
    """Today's verdicts; none where the review audits no claims."""
    if not (estimates.evidence.folder / CLAIM_TESTS).is_file():
        return ()
    try:
        verdicts = claims_today(estimates)
    except ClaimTestError:  # tests of claims that name estimates this review does not declare
        return ()
    return tuple(FrozenClaim(v.claim_id, v.statement, v.verdict, v.estimate_ids) for v in verdicts)


def made_with() -> dict[str, str]:
    """Versions of what computes the numbers."""
    return {"python": python_version(), **{name: metadata.version(name) for name in LIBRARIES}}


def data_digests(evidence: Evidence) -> dict[str, str]:
    """SHA-256 of the files of ``data/`` by their path in the project."""
    return {f"data/{name}": file_digest(path) for name, path in data_files(evidence.folder).items()}


def estimates_json(frozen: Frozen, version: Version, date: dt.date) -> str:
    """The text of ``estimates.json``."""
    content = {
        "format": FORMAT,
        "version": str(version),
        "date": date.isoformat(),
        "estimates": [asdict(e) for e in frozen.estimates.values()],
        "guards": [asdict(g) for g in frozen.guards],
        "claims": [asdict(c) for c in frozen.claims],
    }
    return to_json(content)


def rows_json(rows: Rows) -> str:
    """The text of ``rows.json``: one line per row, so that version control shows what changed."""
    blocks = []
    for name, table in rows.items():
        lines = [f"  {_line(key)}: {_line(row)}" for key, row in table.items()]
        blocks.append(f" {_line(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return f'{{"format": {FORMAT}, "tables": {{\n' + ",\n".join(blocks) + "\n}}\n"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def to_json(content: Mapping[str, Any]) -> str:
    """JSON as all files of a release are written: indented by one, UTF-8, no NaN, a line end at the end."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

"""Tables of dose for who plans a treatment: what sources say of a dose to the cord, and counts after a second course.

Every row of ``dose_response.csv`` stands in one of :data:`TABLES`; the first whose words fit takes it, and the last takes the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from cordbook.core.text import capital
from cordbook.display.html.table import CARDS, Cell, Table
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.patients import parse_stratum
from cordbook.evidence.vocabulary import Vocabulary
from cordbook.review.claims.mechanisms import Source, sources
from cordbook.subject.dose import ALPHA_BETA_GY
from cordbook.synthesis import eqd2

_COURSE = re.compile(r"(?P<low>\d+(?:\.\d+)?)(?:-(?P<high>\d+(?:\.\d+)?))? in (?P<fractions>\d+) fx")
_BED = re.compile(r"(<=|>=)?(\d+(?:\.\d+)?) Gy2")
_LIMITS = re.compile(r"re-irradiation: (?P<limits>.+?) linked to lower risk")
_NO_CASE = re.compile(r"no RM reported at (?P<limits>[^;]+)")
_ID = re.compile(r"\b[a-z]+\d{4}\w*\b")
_FEW, _DAILY = re.compile(r"in \d fx|\d-\d fx|SBRT"), re.compile(r"^\d+(\.\d+)?$|in \d\d fx|1\.8-2 Gy")
#: Fractions of schedules that come up to one total dose, for the table that shows what splitting does.
SAME_TOTAL_GY, SPLITS = 30.0, (1, 2, 3, 5, 10, 15)

Row = Any
#: Cards on a phone; words do not break.
WIDE = f"{CARDS} cb-figures"


def _is_lhermitte(r: Row) -> bool:
    return "Lhermitte" in r.endpoint


def _is_second_course(r: Row) -> bool:
    return "re-irradiation" in r.endpoint


def _is_few(r: Row) -> bool:
    return bool(_FEW.search(f"{_text(r.dose_gy)} {r.region}"))


def _is_daily(r: Row) -> bool:
    return bool(_DAILY.search(_text(r.dose_gy))) or (not _text(r.dose_gy) and pd.notna(r.d50_gy))


#: Tables by name: the caption, and which rows of the table are theirs.
TABLES: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "lhermitte": ("Doses and the Lhermitte sign", _is_lhermitte),
    "second": ("A second course: risk groups", _is_second_course),
    "few": ("A first course in one to six fractions: what sources state", _is_few),
    "daily": ("A first course in daily fractions of about 2 Gy: what sources state", _is_daily),
    "older": ("Older limits and units", lambda r: True),
}


def table_of(row: Row) -> str:
    """The name of the table in which a row of ``dose_response.csv`` stands."""
    return next(name for name, (_, fits) in TABLES.items() if fits(row))


def stated_doses(evidence: Evidence, name: str) -> Table:
    """What sources state of a dose to the cord: the dose, its EQD2, the risk, where in the cord, the source, and what it rests on."""
    known = sources(evidence)
    chosen = sorted((r for r in evidence["dose_response"].itertuples() if table_of(r) == name), key=_order)
    with_eqd2 = any(_eqd2_of(_text(r.dose_gy)) for r in chosen)
    header = ("Dose, Gy", *(("EQD2, Gy",) if with_eqd2 else ()), "Risk", "Of what, where", "Source", "Resting on")
    rows = tuple(
        (
            Cell(_dose(r)), *((Cell(_eqd2_of(_text(r.dose_gy)) or "–", numeric=True),) if with_eqd2 else ()),
            Cell(_risk(r), numeric=True), Cell("; ".join(filter(None, (r.endpoint, _text(r.region), _alpha_beta(r))))), _source(r, known), Cell(_basis(r, known, evidence.vocabulary)),
        )
        for r in chosen
    )  # fmt: skip
    return Table(f"doses-{name}", TABLES[name][0], header, rows, tuple(f"dose-{r.dose_response_id}" for r in chosen), WIDE)


def _order(r: Row) -> tuple[int, float, str]:
    course = _COURSE.search(_text(r.dose_gy))
    first = re.search(r"\d+(\.\d+)?", _text(r.dose_gy))
    return (
        int(course["fractions"]) if course else 99,
        float(course["low"]) if course else float(first[0]) if first else 0.0,
        r.dose_response_id,
    )


def _dose(r: Row) -> str:
    """The dose as stated; where a curve alone is stated, the dose of 50% risk."""
    if text := _text(r.dose_gy):
        return _signs(text.replace(" fx", " fractions").replace("in 1 fractions", "in 1 fraction"))
    return f"{r.d50_gy:g}, dose of 50% risk" if pd.notna(r.d50_gy) else "–"


def _risk(r: Row) -> str:
    text = _text(r.risk_percent)
    return _signs(f"{text}%" if re.fullmatch(r"[<>=\d.-]+", text) else text) or ("50%" if pd.notna(r.d50_gy) else "none stated")


def _alpha_beta(r: Row) -> str:
    """The alpha/beta of a row, where what it says of the region does not hold it already."""
    text = _text(r.alpha_beta_gy)
    return f"alpha/beta {text} Gy" if text and "alpha-beta" not in _text(r.region) else ""


def _basis(r: Row, known: Mapping[str, Source], words: Vocabulary) -> str:
    """The model and the remark of a row: how many cases stand behind it where the source says so.

    Conditions of a second course are left out, as they have a table of their own (:func:`second_course_limits`).
    """
    parts = (capital(r.model), _text(r.gamma50_or_slope), _text(r.ci), capital(_remark(r, known, words)))
    return _signs(". ".join(part for part in parts if part))


def _remark(r: Row, known: Mapping[str, Source], words: Vocabulary) -> str:
    """The note of a row for readers: sources by their names, without how it was read and without what stands elsewhere."""
    text = words.remark(_LIMITS.sub("", _NO_CASE.sub("", _text(r.note))))
    return _ID.sub(lambda found: known[found[0]].label if found[0] in known else found[0], text)


def _eqd2_of(text: str) -> str:
    """The dose of a course in 2-Gy fractions; blank where it does not state total and fractions.

    >>> _eqd2_of("17.0 in 2 fx"), _eqd2_of("12.4-14.0 in 1 fx"), _eqd2_of("54")
    ('44.6', '44.6 to 56', '')
    """
    found = _COURSE.search(text)
    if not found:
        return ""
    n = int(found["fractions"])
    ends = [float(eqd2(float(dose), float(dose) / n, ALPHA_BETA_GY)) for dose in (found["low"], found["high"]) if dose]
    return " to ".join(f"{round(end, 1):g}" for end in ends)


def second_course_limits(evidence: Evidence) -> Table:
    """Conditions under which sources saw less or no myelopathy after a second course, in their units and as EQD2."""
    known, rows, seen = sources(evidence), [], set()
    for r in evidence["dose_response"].itertuples():
        for words, said in ((_LIMITS, "linked to a lower risk"), (_NO_CASE, "no myelopathy reported")):
            found = words.search(_text(r.note))
            for limit in re.split(r", | with | and ", found["limits"]) if found else ():
                if (r.reference_id, limit) not in seen:
                    seen.add((r.reference_id, limit))
                    rows.append((Cell(_signs(limit)), Cell(_as_eqd2(limit) or "–", numeric=True), Cell(said), _source(r, known)))
    header = ("Condition", "As EQD2, Gy", "What is said of it", "Source")
    return Table(
        "doses-second-limits", "A second course: conditions that hold together in their source", header, tuple(rows), (), WIDE
    )


def _as_eqd2(text: str) -> str:
    """A biologically effective dose (alpha/beta 2) as dose in 2-Gy fractions.

    >>> _as_eqd2("cumulative BED <=120 Gy2"), _as_eqd2("interval >=6 months")
    ('≤60', '')
    """
    found = _BED.search(text)
    return _signs(f"{found[1] or ''}{float(found[2]) / (1 + 2 / ALPHA_BETA_GY):g}") if found else ""


def second_course_counts(evidence: Evidence, address: Callable[[str], str]) -> Table:
    """Counts after a second course with what is known of the dose, pooled or not."""
    counts, known = evidence.counts, sources(evidence)
    rows, ids = [], []
    for r in counts.sort_values(["year", "label", "cell_id"]).itertuples():
        stratum = parse_stratum(r.stratum)
        if "reirradiation" in stratum.get("setting", "") or stratum.get("course") == "retreatment":
            ids.append(f"second-{r.cell_id}")
            stratum_text = evidence.vocabulary.stratum((k, v) for k, v in stratum.items() if k not in ("alpha_beta", "dose_site"))
            remark = ". ".join(
                part
                for part in ("Pooled" if r.poolable else "Not pooled", capital(_remark(r, known, evidence.vocabulary)))
                if part
            )
            rows.append(
                (
                    Cell(r.label, address(r.study_id)), Cell(evidence.vocabulary.label("outcome", r.outcome)),
                    Cell(f"{r.events} of {r.n}", numeric=True), Cell(capital(stratum_text)), Cell(remark),
                )
            )  # fmt: skip
    header = ("Study", "What was counted", "Counted", "Dose and setting", "What to know")
    return Table(
        "second-course-counts", "Counts after a second course, pooled or not", header, tuple(rows), tuple(ids), WIDE, folded=True
    )


def splitting_table() -> Table:
    """One total dose in few and in many fractions, in 2-Gy fractions by the formula that this chapter uses."""
    rows = tuple(
        (Cell(f"{n} × {SAME_TOTAL_GY / n:g} Gy"), Cell(f"{SAME_TOTAL_GY:g}", numeric=True), Cell(f"{float(eqd2(SAME_TOTAL_GY, SAME_TOTAL_GY / n, ALPHA_BETA_GY)):.0f}", numeric=True))
        for n in SPLITS
    )  # fmt: skip
    caption = f"The same {SAME_TOTAL_GY:g} Gy in few and in many fractions (computed, alpha/beta {ALPHA_BETA_GY:g} Gy)"
    return Table("doses-splitting", caption, ("Fractions", "Total, Gy", "EQD2, Gy"), rows)


def latency_table(evidence: Evidence) -> Table:
    """How long after radiation myelopathy showed, where a report gives it."""
    table = evidence["continuous"]
    known = sources(evidence)
    rows = tuple(
        (
            Cell(known[r.reference_id].label, known[r.reference_id].href), Cell(f"{r.value:g} months", numeric=True), Cell(str(int(r.n)), numeric=True),
            Cell(_signs(capital(evidence.vocabulary.remark(_text(r.note))))),
        )
        for r in table[table["outcome"] == "other:latency_months"].itertuples()
    )  # fmt: skip
    return Table(
        "myelopathy-latency",
        "How long after radiation it showed",
        ("Source", "Mean", "People with myelopathy", "What to know"),
        rows,
    )


def _source(r: Row, known: Mapping[str, Source]) -> Cell:
    source = known.get(_text(r.reference_id))
    return Cell("not stated") if source is None else Cell(source.label, source.href or _text(r.source_url) or None)


def _signs(text: str) -> str:
    return text.replace("<=", "≤").replace(">=", "≥")


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else f"{value:g}" if isinstance(value, float) else str(value)
